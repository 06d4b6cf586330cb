"""A graph as the engines run it: one flat list of calls, with graphs within expanded, on gates of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gates import Copy
from gates.gate import fresh
from graph.entries import Entry, Input, Parameter, has_gradient
from graph.nested import GraphGate
from graph.schedule import Call, make_call
from graph.wiring import all_sources, outputs_of

if TYPE_CHECKING:
    from graph.two_passes import TwoPasses


class Part(NamedTuple):
    """A gradient that backward returns: that of an input or a parameter."""

    name: str
    slots: tuple[int, ...]  # a parameter that graphs within read too has a slot in each; their gradients add


class Program:
    """What the output of a graph needs: values that enter, and calls of gates, over a flat list of slots.

    The gates are copies, so that running them leaves the graph as it is; parameters are shared with it. A graph
    within is expanded: its gates stand in the list under names such as `graph_1.add_1`, between gates that hand
    its inputs and its output on.

    Parameters
    ----------
    graph : ComputationalGraph
        The graph, as it is now.

    Attributes
    ----------
    entries : list of (str, Entry, int)
        Inputs, parameters and constants by name, and the slots that they fill: the first ones.
    label_slots : set of int
        Those whose values are read as labels.
    calls : list of Call
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

    Raises
    ------
    ValueError
        If the graph is guarded, or has no output.
    """

    def __init__(self, graph: TwoPasses) -> None:
        self.output = str(graph.output)
        self.entries: list[tuple[str, Entry, int]] = []
        self.label_slots: set[int] = set()
        self.calls: list[Call] = []
        self.unneeded: set[int] = set()
        self.size = 0
        self._expanded: list[tuple[str, Any, tuple[int, ...]]] = []
        self._slots_of_parameters: dict[int, list[int]] = {}
        slots = self._expand(graph, "", {})
        self.output_slot = slots[graph._output_place()]
        self._renumber(self._needed_slots())
        self._make_calls()
        self.parts = self._parts(graph)

    def _expand(self, graph: TwoPasses, prefix: str, inputs: dict[str, int]) -> dict[tuple[str, int], int]:
        """List a graph's gates; return the slot of each output of each gate. `inputs` has those of a graph within."""
        if graph.guard:
            raise ValueError(
                "a graph with guard=True cannot be compiled: the guard looks at every gate; copy the graph, and set "
                "guard to False there"
            )
        schedule = graph._schedule
        sources_of_node = dict(all_sources(graph.graph))
        slots: dict[tuple[str, int], int] = {}
        for node in schedule.order:
            gate, name = graph.graph.nodes[node]["gate"], prefix + node
            sources = tuple([slots[source] for source in sources_of_node[node]])
            labels = schedule.slots[node] in schedule.label_slots
            if isinstance(gate, Input) and prefix:
                slots[node, 0] = inputs[node] if labels else self._list(name, Copy(1), (inputs[node],))
            elif isinstance(gate, Entry):
                slots[node, 0] = self._enter(name, gate, labels)
            elif isinstance(gate, GraphGate):
                within = dict(zip(gate.input_names, sources))
                inner = self._expand(gate.graph, f"{name}.", within)[gate.graph._output_place()]
                slots[node, 0] = self._list(name, Copy(1), (inner,))
            else:
                # A gate with parameters of its own keeps their gradients where its owner looks for them.
                own = gate if getattr(gate, "has_parameters", False) else fresh(gate)
                out = self._list(name, own, sources)
                slots.update({(node, port): out + port for port in range(outputs_of(gate))})
        return slots

    def _enter(self, name: str, gate: Entry, labels: bool) -> int:
        """Give an input, a parameter or a constant a slot."""
        slot, self.size = self.size, self.size + 1
        self.entries.append((name, gate, slot))
        if labels:
            self.label_slots.add(slot)
        if labels or not has_gradient(gate):
            self.unneeded.add(slot)
        if isinstance(gate, Parameter):
            self._slots_of_parameters.setdefault(id(gate), []).append(slot)
        return slot

    def _list(self, name: str, gate: Any, sources: tuple[int, ...]) -> int:
        """Give the outputs of a gate slots, and return the first."""
        self._expanded.append((name, gate, (*sources, self.size)))
        slot, self.size = self.size, self.size + outputs_of(gate)
        return slot

    def _needed_slots(self) -> set[int]:
        """Return the slots that the output depends on, all outputs of a gate where it depends on one."""
        used = {self.output_slot}
        for _, gate, (*sources, out) in reversed(self._expanded):
            outputs = range(out, out + outputs_of(gate))
            if not used.isdisjoint(outputs):
                used.update(sources, outputs)
        return used

    def _renumber(self, used: set[int]) -> None:
        """Drop the gates that the output does not depend on, and give the entries the first slots."""
        self._expanded = [row for row in self._expanded if row[2][-1] in used]
        places = {slot: place for place, (_, _, slot) in enumerate(self.entries)}
        for _, gate, (*_, out) in self._expanded:
            for slot in range(out, out + outputs_of(gate)):
                places[slot] = len(places)
        self.size = len(places)
        self.entries = [(name, gate, places[slot]) for name, gate, slot in self.entries]
        self.label_slots = {places[slot] for slot in self.label_slots}
        self.unneeded = {places[slot] for slot in self.unneeded}
        self._slots_of_parameters = {
            key: [places[slot] for slot in slots] for key, slots in self._slots_of_parameters.items()
        }
        self._expanded = [(name, gate, tuple([places[slot] for slot in slots])) for name, gate, slots in self._expanded]
        self.output_slot = places[self.output_slot]

    def _make_calls(self) -> None:
        """Make the calls, each told which gradients are wanted of it."""
        for name, gate, (*sources, out) in self._expanded:
            wanted = tuple([slot not in self.unneeded for slot in sources])
            outputs = outputs_of(gate)
            if True not in wanted and not getattr(gate, "has_parameters", False):
                self.unneeded.update(range(out, out + outputs))
            self.calls.append(make_call(name, gate, tuple(sources), out, outputs, wanted, False))
        self._expanded = []

    def _parts(self, graph: TwoPasses) -> list[Part]:
        """Return the gradients in the order in which `graph.backward` has them."""
        schedule = graph._schedule
        names = {id(parameter): name for name, parameter in graph._parameters.items()}
        slots = {name: (slot,) for name, gate, slot in self.entries if isinstance(gate, Input)}
        slots.update({names[key]: tuple(found) for key, found in self._slots_of_parameters.items()})
        listed = [name for name, _ in schedule.differentiated]
        within = [names[id(parameter)] for _, gate in schedule.nested for parameter in gate.own_parameters.values()]
        return [Part(name, slots[name]) for name in dict.fromkeys(listed + within)]
