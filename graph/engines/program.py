"""A graph as engines run it: flat lists of its entries and of its gates, with nested graphs expanded."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from gates import Copy
from gates.bare import Foreign
from gates.gate import Gate, fresh
from gates.values import Value
from graph.passes.arguments import summed, unshared, upstream_gradient
from graph.passes.nested import GraphGate
from graph.passes.run import run_backward, run_forward
from graph.passes.schedule import Call, Differentiated, make_call
from graph.passes.state import OneAtATime
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry, Input, has_gradient


class Row(NamedTuple):
    """A gate of the graph, and which slots it reads and fills."""

    node: str
    gate: Any
    sources: tuple[int, ...]
    out: int
    outputs: int
    wanted: tuple[bool, ...] = ()  # for each input, whether its gradient is wanted
    is_needed: bool = True  # whether the output depends on it; a gate on which nothing depends runs forward alone

    @property
    def slots(self) -> range:
        """The slots of the outputs."""
        return range(self.out, self.out + self.outputs)

    @property
    def runs_backward(self) -> bool:
        """Whether the gradient of an input is wanted, or the gate has parameters."""
        return self.is_needed and (True in self.wanted or getattr(self.gate, "has_parameters", False))


@dataclass
class Program:
    """Entries and gates over a flat list of slots.

    Attributes
    ----------
    entries : list of (str, Entry, int)
        Inputs, parameters and constants by name, and the slots that they fill: the first ones. A parameter that nested
        graphs read too has one for each.
    label_slots : set of int
        The slots of entries that are read as labels.
    rows : list of Row
        The gates in topological order.
    output : str
        The name of the output.
    output_slot : int
        Its slot.
    differentiated : list of Differentiated
        The gradients to return, in order.
    unneeded : set of int
        The slots whose gradients nobody needs.
    size : int
        How many slots there are.
    one_at_a_time : OneAtATime
        Refuses runs inside one another: the graph's own where gates with parameters run themselves.
    """

    call = "run(inputs, upstream)"  # how an engine takes the upstream gradient, for messages

    entries: list[tuple[str, Entry, int]]
    label_slots: set[int]
    rows: list[Row]
    output: str
    output_slot: int
    differentiated: list[Differentiated]
    unneeded: set[int]
    size: int
    one_at_a_time: OneAtATime = field(default_factory=OneAtATime)

    @functools.cached_property
    def calls(self) -> list[Call]:
        """The calls of copies of the gates, so that running them leaves the graph as it is.

        A gate with parameters runs itself: its owner looks there for their gradients.
        """
        calls = []
        for node, gate, sources, out, outputs, wanted, _ in self.rows:
            runs = gate if getattr(gate, "has_parameters", False) else fresh(gate)
            calls.append(make_call(node, runs, sources, out, outputs, wanted))
        return calls

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def both_passes(self, calls: list[Call], values: list[Any], upstream: Any) -> list[Any]:
        """Run calls forward and backward, and return the gradients by slot."""
        run_forward(calls, values)
        grads: list[Any] = [None] * self.size
        grads[self.output_slot] = upstream_gradient(upstream, values[self.output_slot], self)
        run_backward(calls, values, grads)
        return grads

    def gradients(self, values: list[Any], grads: list[Any]) -> dict[str, Value]:
        """Return the gradients by name, from those by slot."""
        return unshared(summed(self.differentiated, values, grads), [*grads, *values])

    @functools.cached_property
    def label_checks(self) -> list[Call]:
        """The calls of gates that check the labels that they read; traces of formulas have no such checks."""
        return [call for call in self.calls if call.gate.labels and type(call.gate).check is not Gate.check]


def program_of(graph: TwoPasses) -> Program:
    """Return a graph, as it is now, in the form that engines run.

    A nested graph is expanded: its gates get names such as `graph_1.add_1`, and come between gates that copy its inputs
    and its output. Parameters are shared with the graph.

    Raises
    ------
    ValueError
        If the graph is guarded, or has no output.
    """
    output = str(graph.output)
    expansion = _Expansion(graph)
    names = graph.names_of_parameters()
    differentiated = _names_of_gradients(graph)
    ranks = {name: rank for rank, name in enumerate(differentiated)}
    entries = [(names.get(id(gate), name), gate, slot) for name, gate, slot in expansion.entries]
    entries.sort(key=lambda entry: -1 if entry[0] in graph else ranks.get(entry[0], len(ranks)))
    # The entries fill the first slots, the gates those after them.
    slots = [0] * expansion.size
    for place, (_, _, slot) in enumerate(entries):
        slots[slot] = place
    size = len(entries)
    for row in expansion.rows:
        for slot in range(row.out, row.out + row.outputs):
            slots[slot] = size
            size += 1
    labels = {slots[slot] for slot in expansion.label_slots}
    has_no_gradient = [slot in labels or not has_gradient(gate) for slot, (_, gate, _) in enumerate(entries)]
    has_no_gradient += [False] * (size - len(entries))
    is_needed = expansion.needed_slots()
    rows = []
    for node, gate, sources, out, outputs, _, _ in expansion.rows:
        sources, needed, place = tuple([slots[slot] for slot in sources]), is_needed[out], slots[out]
        wanted = tuple([needed and not has_no_gradient[slot] for slot in sources])
        row = Row(node, gate, sources, place, outputs, wanted, needed)
        if True not in wanted and not row.runs_backward:
            has_no_gradient[place : place + outputs] = [True] * outputs
        rows.append(row)
    slots_of: dict[str, list[int]] = {}
    for slot, (name, _, _) in enumerate(entries):
        slots_of.setdefault(name, []).append(slot)
    program = Program(
        entries=[(name, gate, slot) for slot, (name, gate, _) in enumerate(entries)],
        label_slots=labels,
        rows=rows,
        output=output,
        output_slot=slots[expansion.output],
        differentiated=[Differentiated(name, slots_of[name][0], tuple(slots_of[name][1:])) for name in differentiated],
        unneeded={slot for slot, is_without in enumerate(has_no_gradient) if is_without},
        size=size,
    )
    if any(getattr(row.gate, "has_parameters", False) for row in rows):
        program.one_at_a_time = graph.one_at_a_time
    return program


class _Expansion:
    """The entries and the gates of a graph, with nested graphs expanded.

    Attributes
    ----------
    entries : list of (str, Entry, int)
        The entries by name, and their slots.
    label_slots : set of int
        The slots of those that are read as labels.
    rows : list of Row
        The gates.
    output : int
        The slot of the output.
    size : int
        How many slots there are.
    """

    def __init__(self, graph: TwoPasses) -> None:
        self.entries: list[tuple[str, Entry, int]] = []
        self.label_slots: set[int] = set()
        self.rows: list[Row] = []
        self.size = 0
        self._taken = set(graph.graph)
        self.output = self._expand(graph, "", {})

    def needed_slots(self) -> list[bool]:
        """Return by slot whether the output depends on it."""
        needed = [False] * self.size
        needed[self.output] = True
        for row in reversed(self.rows):
            if needed[row.out] or (row.outputs > 1 and any(needed[slot] for slot in row.slots)):
                for slot in (*row.sources, *row.slots) if row.outputs > 1 else row.sources:
                    needed[slot] = True
        return needed

    def _expand(self, graph: TwoPasses, prefix: str, inputs: dict[str, int]) -> int:
        """Add a graph's gates, and return the slot of its output. A nested graph has the slots of its inputs."""
        if graph.guard:
            raise ValueError(
                "a graph with guard=True cannot be compiled, since the guard looks at every gate: compile a copy whose "
                "guard is False"
            )
        schedule = graph.schedule
        slots = [0] * schedule.size  # here, by slot of the schedule
        for node, entry, slot in schedule.entries:
            if isinstance(entry, Input) and prefix:
                slots[slot] = inputs[node]
                continue
            slots[slot] = self.size
            self.entries.append((self._free_name(prefix, node), entry, self.size))
            if slot in schedule.label_slots:
                self.label_slots.add(self.size)
            self.size += 1
        for node, owner, _, _, reads, place, outputs in schedule.calls:
            gate = owner.gate if isinstance(owner, Foreign) else owner
            name = self._free_name(prefix, node) if prefix else node
            sources = tuple([slots[slot] for slot in reads])
            if isinstance(gate, GraphGate):
                entered = list(enumerate(zip(gate.input_names, sources)))
                # Reversed, as gradients come back: that of the first port is added first, as the gate's are.
                copies = {
                    inside: source
                    if port in gate.labels
                    else self._add(self._free_name(f"{name}.", inside), Copy(1), (source,))
                    for port, (inside, source) in reversed(entered)
                }
                inner = self._expand(gate.graph, f"{name}.", copies)
                slots[place] = self._add(name, Copy(1), (inner,))
                continue
            out = self._add(name, gate, sources, outputs)
            slots[place : place + outputs] = range(out, out + outputs)
        return slots[schedule.slot(*graph.output_place)]

    def _free_name(self, prefix: str, node: str) -> str:
        """Return a name for a gate, which in a nested graph has the graph's name as a prefix."""
        name = prefix + node
        while prefix and name in self._taken:
            name += "'"
        self._taken.add(name)
        return name

    def _add(self, name: str, gate: Any, sources: tuple[int, ...], outputs: int = 1) -> int:
        """Add a gate, and return the slot of its first output."""
        out = self.size
        self.size += outputs
        self.rows.append(Row(name, gate, sources, out, outputs))
        return out


def _names_of_gradients(graph: TwoPasses) -> list[str]:
    """Return the names of the gradients in the order in which `graph.backward` has them."""
    schedule, names = graph.schedule, graph.names_of_parameters()
    listed = [part.name for part in schedule.differentiated]
    nested = [names[id(parameter)] for _, gate in schedule.nested for parameter in gate.nested_parameters.values()]
    return list(dict.fromkeys(listed + nested))
