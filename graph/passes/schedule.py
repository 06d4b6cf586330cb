"""The order in which a graph runs its gates, worked out once and kept until the graph changes.

The values and gradients of a pass are flat lists, with a slot for each output of each gate.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import networkx as nx

from gates import Gate
from gates.bare import bare
from gates.gate import fresh, labels_of
from gates.validation import checked, formula
from graph.passes.guard import guarded
from graph.structure.entries import Entry, has_gradient
from graph.structure.wiring import all_edges, outputs_of, sources_of


class Call(NamedTuple):
    """A gate in a schedule: its formulas, and the slots that it reads and writes."""

    node: str
    gate: Gate
    forward: Callable[..., Any]  # the bare formulas, which take the gate first
    backward: Callable[..., Any] | None  # None where no input of the gate needs a gradient
    sources: tuple[int, ...]
    out: int
    outputs: int

    def copied(self) -> Call:
        """Return the call of a copy of the gate, without a guard, so that the gate itself keeps what it has."""
        wanted = () if self.backward is None else self.gate.wanted
        return make_call(self.node, fresh(self.gate), self.sources, self.out, self.outputs, wanted)

    def alone(self) -> Call:
        """Return the call with slots of its own: first those of the inputs, then those of the outputs."""
        count = len(self.sources)
        return self._replace(sources=tuple(range(count)), out=count)


class Differentiated(NamedTuple):
    """An input or a parameter whose gradient backward returns: that in its slot, and what others add to it."""

    name: str
    slot: int
    others: tuple[int, ...] = ()  # where nested graphs read the parameter too


class Schedule:
    """A graph's gates in topological order, with everything that a pass needs looked up in advance.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        The graph: `gate` on its nodes; `key` (input port) and `source_port` on its edges.
    guard : bool
        Whether each gate is checked for making an inf or a nan from finite numbers.

    Raises
    ------
    ValueError
        If the graph has a cycle, or ports that do not fit its gates.
    """

    def __init__(self, graph: Any, guard: bool = False) -> None:
        self.guard = guard
        with no_garbage_collection():
            self._prepare(graph)

    def _prepare(self, graph: Any) -> None:
        """Take the gates in topological order."""
        edges = dict(all_edges(graph))
        gates = dict(graph.nodes(data="gate"))
        # A gate is added after the gates that it reads, so the order in which they were added is topological, unless
        # someone has changed the networkx graph by hand.
        order = [node for node, reads in edges.items() if not reads] + [node for node, reads in edges.items() if reads]
        if not self._take(order, edges, gates):
            for node, reads in edges.items():
                sources_of(node, reads)  # which says where ports do not fit
            self._take(_topological_order(graph), edges, gates)
        self.unneeded = {slot for slot, is_needed in enumerate(self._needed) if not is_needed}
        del self._needed
        self.differentiated = [
            Differentiated(name, slot)
            for name, gate, slot in self.entries
            if has_gradient(gate) and slot not in self.label_slots
        ]

    def _take(self, order: list[str], edges: dict[str, Any], gates: dict[str, Any]) -> bool:
        """Give all gates their slots, in this order; False if one lacks a port, or reads what is not before it."""
        self.order = order
        self.slots: dict[str, int] = {}
        self.entries: list[tuple[str, Entry, int]] = []
        self.calls: list[Call] = []
        self.label_slots: set[int] = set()  # those of entries that some gate reads as labels
        self.nested: list[tuple[str, Any]] = []  # the gates that are graphs with parameters, by name
        self._needed: list[bool] = []  # by slot: whether a gradient is needed there
        slots, needed, calls, out = self.slots, self._needed, self.calls, 0
        new = tuple.__new__  # skips the function that NamedTuple writes, a tenth of the time
        simple: dict[type, Any] = {}  # the formulas of the classes that have been met
        try:
            for node in order:
                gate = gates[node]
                if gate is None:
                    raise ValueError(f"the node {node!r} has no gate: graph.graph was changed by hand")
                slots[node] = out
                ports = {
                    port: slots[source] + edge["source_port"]
                    for source, keys in edges[node].items()
                    for port, edge in keys.items()
                }
                reads = tuple([ports[port] for port in range(len(ports))])
                formulas = simple.get(gate.__class__, simple)
                if formulas is simple:
                    formulas = simple[gate.__class__] = None if self.guard else _formulas(gate.__class__)
                if formulas is not None and _OWN.isdisjoint(gate.__dict__):  # the same in short, for most gates
                    wanted = tuple([needed[slot] for slot in reads])
                    needs = True in wanted
                    if needs and gate.wanted != wanted:
                        gate.wanted = wanted
                    needed.append(needs)
                    forward, backward = formulas
                    calls.append(new(Call, (node, gate, forward, backward if needs else None, reads, out, 1)))
                    out += 1
                else:
                    out += self._add(node, gate, reads, out, edges[node], gates)
        except KeyError:
            return False
        self.size = out
        return True

    def _add(
        self,
        node: str,
        gate: Any,
        reads: tuple[int, ...],
        out: int,
        edges: Any,
        gates: dict[str, Any],
    ) -> int:
        """Add an entry, or the call of a gate, and return its number of outputs."""
        outputs, needed = outputs_of(gate), self._needed
        if isinstance(gate, Entry):
            self.entries.append((node, gate, out))
            needed.append(has_gradient(gate))
            return outputs
        labels = labels_of(gate)
        sources = sources_of(node, edges) if labels else []
        for port in labels:
            if isinstance(gates[sources[port][0]], Entry):
                self.label_slots.add(reads[port])
                needed[reads[port]] = False
        if getattr(gate, "nested_parameters", None):
            self.nested.append((node, gate))
        wanted = tuple([needed[slot] for slot in reads])
        needed.extend([True in wanted or getattr(gate, "has_parameters", False)] * outputs)
        self.calls.append(make_call(node, gate, reads, out, outputs, wanted, self.guard))
        return outputs

    def slot(self, node: str, port: int) -> int:
        """Return the slot of an output of a gate."""
        return self.slots[node] + port

    def calls_to(self, slots: Iterable[int]) -> tuple[list[Call], set[int]]:
        """Return the calls that some slots depend on, in order, and all slots that these read or write."""
        used = set(slots)
        calls = []
        for call in reversed(self.calls):
            if not used.isdisjoint(range(call.out, call.out + call.outputs)):
                used.update(call.sources)
                calls.append(call)
        calls.reverse()
        return calls, used


def cached_schedules(graph: Any) -> dict[Any, Schedule]:
    """Return the schedules that are cached where networkx itself drops them as soon as the graph changes."""
    cache: dict[Any, Schedule] = graph.__networkx_cache__
    return cache


def make_call(
    node: str,
    gate: Any,
    sources: tuple[int, ...],
    out: int,
    outputs: int,
    wanted: tuple[bool, ...],
    guard: bool = False,
) -> Call:
    """Return the call that runs a gate, after telling the gate which gradients are wanted."""
    needs = True in wanted or getattr(gate, "has_parameters", False)
    owner = bare(gate, wanted if needs else None)
    forward, backward = formula(owner.forward), formula(owner.backward)
    if guard:
        forward, backward = guarded(node, gate, forward, backward)
    if type(owner).check is not Gate.check:
        forward = checked(forward, f"{node} ({type(gate).__name__})")
    return Call(node, owner, forward, backward if needs else None, sources, out, outputs)


#: Attributes that a gate may have of its own, so that what holds for its class may not hold for it.
_OWN = {"forward", "backward", "check", "outputs", "labels", "has_parameters", "nested_parameters"}


@functools.cache
def _formulas(gate_class: Any) -> tuple[Any, ...] | None:
    """Return the bare formulas of a class of gates with one output, and without labels, parameters or a check."""
    if not issubclass(gate_class, Gate) or issubclass(gate_class, Entry):
        return None
    found = tuple([formula(getattr(gate_class, name, _formulas)) for name in ("forward", "backward")])
    of_gate = gate_class.outputs, gate_class.labels, gate_class.has_parameters, gate_class.check
    return found if of_gate == (1, (), False, Gate.check) and None not in found else None


def _topological_order(graph: Any) -> list[str]:
    """Return the nodes, each after those that it reads."""
    try:
        return list(nx.topological_sort(graph))
    except nx.NetworkXUnfeasible:
        cycle = [edge[0] for edge in nx.find_cycle(graph)]
        raise ValueError(f"the graph has a cycle: {' -> '.join([*cycle, cycle[0]])}") from None


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Pause the garbage collector while many long-lived objects are made, which halves the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
