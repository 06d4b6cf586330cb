"""A graph as the engines run it: flat lists of what enters and of the gates, with graphs within expanded."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from gates import Copy
from gates.gate import Gate, fresh
from graph.passes.nested import GraphGate
from graph.passes.schedule import Call, make_call
from graph.structure.entries import Entry, Input, has_gradient
from graph.structure.wiring import all_sources, outputs_of

if TYPE_CHECKING:
    from graph.passes.two_passes import TwoPasses


class Part(NamedTuple):
    """A gradient that backward returns: that of an input or a parameter."""

    name: str
    slots: tuple[int, ...]  # a parameter that graphs within read too has a slot in each; their gradients add


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
    parts : list of Part
        The gradients to return, in order.
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
    parts: list[Part]
    unneeded: set[int]
    size: int

    @functools.cached_property
    def calls(self) -> list[Call]:
        """The calls of the gates: of copies, so that running them leaves the graph as it is."""
        return [
            make_call(row.node, _own(row), row.sources, row.out, row.outputs, row.wanted, False) for row in self.rows
        ]

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

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


def _own(row: Row) -> Any:
    """Return a copy of a row's gate; one with parameters keeps their gradients where its owner looks for them."""
    return row.gate if getattr(row.gate, "has_parameters", False) else fresh(row.gate)


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
        names = {id(parameter): name for name, parameter in graph._parameters.items()}
        self.entries = [(names.get(id(gate), name), gate, slot) for name, gate, slot in self.entries]
        ranks = {name: rank for rank, name in enumerate(_listed(graph))}
        self.entries.sort(key=lambda entry: -1 if entry[0] in graph else ranks.get(entry[0], len(ranks)))
        places = self._places(slots[graph._output_place()])
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
        output_slot = places[slots[graph._output_place()]]
        slots_of: dict[str, list[int]] = {}
        for name, _, slot in entries:
            slots_of.setdefault(name, []).append(slot)
        parts = [Part(name, tuple(slots_of[name])) for name in _listed(graph)]
        self.program = Program(entries, labels, rows, output, output_slot, parts, unneeded, len(places))

    def _expand(self, graph: TwoPasses, prefix: str, inputs: dict[str, int]) -> dict[tuple[str, int], int]:
        """List a graph's gates; return the slot of each output of each gate. `inputs` has those of a graph within."""
        if graph.guard:
            raise ValueError(
                "a graph with guard=True cannot be compiled, since the guard looks at every gate: compile a copy whose "
                "guard is False"
            )
        schedule = graph._schedule
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
                slots[node, 0] = self._list(name, Copy(1), [within[gate.graph._output_place()]], 1)
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
    schedule = graph._schedule
    names = {id(parameter): name for name, parameter in graph._parameters.items()}
    listed = [name for name, _ in schedule.differentiated]
    within = [names[id(parameter)] for _, gate in schedule.nested for parameter in gate.own_parameters.values()]
    return list(dict.fromkeys(listed + within))
