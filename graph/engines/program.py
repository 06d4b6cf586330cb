"""A graph as the engines run it: flat lists of what enters and of the gates, with graphs within expanded."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from gates import Copy
from gates.gate import Gate, fresh
from gates.values import Value
from graph.passes.arguments import summed, unshared, upstream_gradient
from graph.passes.nested import GraphGate
from graph.passes.passes import run_backward, run_forward
from graph.passes.schedule import Call, Differentiated, make_call
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry, Input, has_gradient
from graph.structure.wiring import all_sources, outputs_of


class Row(NamedTuple):
    """A gate, and which slots it reads and writes."""

    node: str
    gate: Any  # that of the graph
    sources: tuple[int, ...]
    out: int
    outputs: int
    wanted: tuple[bool, ...]  # for each input whether its gradient is
    needs: bool  # whether it is to run backward


@dataclass
class Program:
    """What an output needs: values that enter, and gates, over a flat list of slots.

    Attributes
    ----------
    entries : list of (str, Entry, int)
        Inputs, parameters and constants by name, and the slots that they fill: the first ones. A parameter that graphs
        within read too has one for each.
    label_slots : set of int
        Those whose values are read as labels.
    rows : list of Row
        The gates that the output depends on, in topological order.
    output : str
        The name of the output.
    output_slot : int
        Its slot.
    differentiated : list of Differentiated
        The gradients to return, in order. A parameter that nested graphs read too has a slot in each.
    unneeded : set of int
        The slots of which nobody needs a gradient.
    size : int
        How many slots there are.
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

    @functools.cached_property
    def calls(self) -> list[Call]:
        """The calls of the gates: of copies, so that running them leaves the graph as it is."""
        return [
            make_call(row.node, _runnable(row.gate), row.sources, row.out, row.outputs, row.wanted) for row in self.rows
        ]

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
        """The calls of gates that read labels and check them: where formulas are traced, that is done outside."""
        return [call for call in self.calls if call.gate.labels and type(call.gate).check is not Gate.check]


def program_of(graph: TwoPasses) -> Program:
    """Return what the output of a graph needs, of the graph as it is now.

    A graph within is expanded: its gates stand in the list under names such as `graph_1.add_1`, between gates that
    hand its inputs and its output on. Parameters are shared with the graph.

    Raises
    ------
    ValueError
        If the graph is guarded, or has no output.
    """
    return _Expansion(graph).program


def _runnable(gate: Any) -> Any:
    """Return a copy of a gate; but a gate with parameters itself, on which its owner looks for their gradients."""
    return gate if getattr(gate, "has_parameters", False) else fresh(gate)


class _Expansion:
    """A graph and the graphs within, expanded."""

    def __init__(self, graph: TwoPasses) -> None:
        output = str(graph.output)
        self.entries: list[tuple[str, Entry, int]] = []
        self.label_slots: set[int] = set()
        self.listed: list[tuple[str, Any, list[int], int, int]] = []  # name, gate, sources, first slot, outputs
        self.size = 0
        self.taken = set(graph.graph)
        slots = self._expand(graph, "", {})
        names = graph.names_of_parameters()
        self.entries = [(names.get(id(gate), name), gate, slot) for name, gate, slot in self.entries]
        ranks = {name: rank for rank, name in enumerate(_listed(graph))}
        self.entries.sort(key=lambda entry: -1 if entry[0] in graph else ranks.get(entry[0], len(ranks)))
        places = self._places(slots[graph.output_place])
        entries = [(name, gate, places[slot]) for name, gate, slot in self.entries]
        labels = {places[slot] for slot in self.label_slots}
        unneeded = {slot for _, gate, slot in entries if slot in labels or not has_gradient(gate)}
        rows = []
        for name, gate, reads, first, outputs in self.listed:
            if first in places:
                sources, out = tuple([places[slot] for slot in reads]), places[first]
                wanted = tuple([slot not in unneeded for slot in sources])
                needs = True in wanted or getattr(gate, "has_parameters", False)
                if not needs:
                    unneeded.update(range(out, out + outputs))
                rows.append(Row(name, gate, sources, out, outputs, wanted, needs))
        output_slot = places[slots[graph.output_place]]
        slots_of: dict[str, list[int]] = {}
        for name, _, slot in entries:
            slots_of.setdefault(name, []).append(slot)
        differentiated = [Differentiated(name, slots_of[name][0], tuple(slots_of[name][1:])) for name in ranks]
        self.program = Program(entries, labels, rows, output, output_slot, differentiated, unneeded, len(places))

    def _expand(self, graph: TwoPasses, prefix: str, inputs: dict[str, int]) -> dict[tuple[str, int], int]:
        """List a graph's gates; return the slot of each output of each gate. `inputs` has those of a graph within."""
        if graph.guard:
            raise ValueError(
                "a graph with guard=True cannot be compiled, since the guard looks at every gate: compile a copy whose "
                "guard is False"
            )
        schedule = graph.schedule
        sources_of_node = dict(all_sources(graph.graph))
        gates = dict(graph.graph.nodes(data="gate"))
        slots: dict[tuple[str, int], int] = {}
        for node in schedule.order:
            gate, name = gates[node], prefix + node
            while prefix and name in self.taken:
                name += "'"
            self.taken.add(name)
            reads = [slots[source] for source in sources_of_node[node]]
            if isinstance(gate, Input) and prefix:
                is_label = schedule.slots[node] in schedule.label_slots
                slots[node, 0] = inputs[node] if is_label else self._list(name, Copy(1), [inputs[node]], 1)
            elif isinstance(gate, Entry):
                slots[node, 0] = self.size
                if schedule.slots[node] in schedule.label_slots:
                    self.label_slots.add(self.size)
                self.entries.append((name, gate, self.size))
                self.size += 1
            elif isinstance(gate, GraphGate):
                within = self._expand(gate.graph, f"{name}.", dict(zip(gate.input_names, reads)))
                slots[node, 0] = self._list(name, Copy(1), [within[gate.graph.output_place]], 1)
            else:
                outputs = outputs_of(gate)
                out = self._list(name, gate, reads, outputs)
                for port in range(outputs):
                    slots[node, port] = out + port
        return slots

    def _list(self, name: str, gate: Any, reads: list[int], outputs: int) -> int:
        """Give the outputs of a gate slots, and return the first."""
        out, self.size = self.size, self.size + outputs
        self.listed.append((name, gate, reads, out, outputs))
        return out

    def _places(self, output: int) -> dict[int, int]:
        """Return new numbers of the slots: those of the entries first, then those that the output depends on."""
        used = {output}
        for _, _, reads, out, outputs in reversed(self.listed):
            if out in used or (outputs > 1 and not used.isdisjoint(range(out, out + outputs))):
                used.update(reads, range(out, out + outputs))
        kept = [slot for _, _, slot in self.entries]
        kept += [slot for _, _, _, out, n in self.listed if out in used for slot in range(out, out + n)]
        return dict(zip(kept, range(len(kept))))


def _listed(graph: TwoPasses) -> list[str]:
    """Return the names of the gradients in the order in which `graph.backward` has them."""
    schedule, names = graph.schedule, graph.names_of_parameters()
    listed = [part.name for part in schedule.differentiated]
    within = [names[id(parameter)] for _, gate in schedule.nested for parameter in gate.nested_parameters.values()]
    return list(dict.fromkeys(listed + within))
