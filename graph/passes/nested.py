"""A graph as one gate, so that graphs nest, and back: the gates of nested graphs in the graph around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from gates import Gate
from gates.gate import OF_A_PASS, fresh, labels_of
from gates.values import Value
from graph.passes.state import Recording
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Input, Parameter
from graph.structure.wire import Wire
from graph.structure.wiring import sources_of


class GraphGate(Gate):
    """A gate whose formulas are the two passes of a graph.

    Parameters
    ----------
    graph : TwoPasses
        The graph. The gate keeps a copy of it, which shares its parameters. The graph around the gate decides which
        inputs need a gradient.
    """

    kind = "graph"

    def __init__(self, graph: TwoPasses) -> None:
        if not isinstance(graph, TwoPasses):
            raise TypeError(f"GraphGate: graph must be a graph, got {graph!r}")
        self.graph = graph.copy()
        gates = list(self.graph.graph.nodes(data="gate"))
        self._inputs = [(name, gate) for name, gate in gates if isinstance(gate, Input)]
        self.takes = len(self._inputs), len(self._inputs)
        schedule = self.graph.schedule
        self.labels = tuple(
            [port for port, (name, _) in enumerate(self._inputs) if schedule.slots[name] in schedule.label_slots]
        )
        self.wanted = tuple([gate.grad for _, gate in self._inputs])
        self.has_parameters = any(getattr(gate, "has_parameters", False) for _, gate in gates)
        self.nested_parameters = self.graph.parameter_gates
        self.gradients: dict[str, Value | None] = {}  # of these parameters, after backward
        self.input_names = [name for name, _ in self._inputs]

    def forward(self, *inputs: Value) -> Value:
        self._propagate_wanted()
        return self.graph.forward(dict(zip(self.input_names, inputs)))

    def backward(self, dz: Value) -> list[Value]:
        gradients = self.graph.backward(dz)
        for name in self.graph.require("explain").absent:  # to which nothing comes back, not 0
            del gradients[name]
        self.gradients = {name: gradients.get(name) for name in self.graph.parameters}
        return [gradients.get(name) if want else None for name, want in zip(self.input_names, self.wanted)]

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "wanted": self.wanted, "gradients": {}}

    def __copy__(self) -> GraphGate:
        return GraphGate(self.graph)

    def _propagate_wanted(self) -> None:
        """Let the graph compute only the gradients that are wanted of the gate."""
        if self.wanted != tuple([gate.grad for _, gate in self._inputs]):
            self.graph.reschedule()  # first, in case of an interrupt
            for (_, gate), want in zip(self._inputs, self.wanted):
                gate.grad = want


@contextmanager
def evaluating(graph: TwoPasses) -> Iterator[None]:
    """Let the gates that do otherwise in training, such as dropout, do what they do after it."""
    gates, graphs = [], [graph]
    while graphs:
        for _, gate in graphs.pop().graph.nodes(data="gate"):
            if isinstance(gate, GraphGate):
                graphs.append(gate.graph)
            elif getattr(gate, "training", False) is True:
                gates.append(gate)
    for gate in gates:
        gate.training = False
    try:
        yield
    finally:
        for gate in gates:
            gate.training = True


def flattened(graph: TwoPasses, levels: int) -> TwoPasses:
    """Return a copy of a graph in which the gates of nested graphs stand for these, in groups of their names.

    The gate `exp_1` of a nested graph `neuron` is called `neuron.exp_1`. Nothing runs: the copy shows the values and
    gradients that the graph and those nested in it show.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    levels : int
        How many levels of nested graphs are opened.
    """
    flat = type(graph)(graph.guard)
    held: dict[Wire, tuple[Value, Value]] = {}
    flat.output = _placed(flat, graph, "", (), {}, levels, held)
    if graph.recording is not None:
        schedule = flat.schedule
        values, grads = [None] * schedule.size, [None] * schedule.size
        for wire, (value, grad) in held.items():
            slot = schedule.slot(wire.node, wire.port)
            values[slot], grads[slot] = value, grad
        flat.recording = Recording(schedule, values, get_ident(), grads, flat.output_place)
    return flat


def _placed(
    flat: TwoPasses,
    graph: TwoPasses,
    prefix: str,
    around: tuple[str, ...],
    given: dict[str, Wire],
    levels: int,
    held: dict[Wire, tuple[Value, Value]] | None,
) -> Wire:
    """Add the gates of a graph to another one, and return the output there.

    `given` has those of its inputs that are wires there; `held` takes what each wire shows, unless it is None.
    """
    wires: dict[tuple[str, int], Wire] = {(name, 0): wire for name, wire in given.items()}
    for node in graph.nodes_topologically_sorted():
        if node in given:
            continue
        gate, name = graph.gate(node), f"{prefix}{node}"
        group = (*around, *graph.graph.nodes[node].get("group", ()))
        reads = [wires[source] for source in sources_of(node, graph.graph.pred[node])]
        if isinstance(gate, GraphGate) and levels > 0:
            has_run = held if graph.wire(node).value is not None else None
            inside = dict(zip(gate.input_names, reads))
            wires[node, 0] = _placed(flat, gate.graph, f"{name}.", (*group, node), inside, levels - 1, has_run)
            continue
        flat._place(gate if isinstance(gate, Parameter) else _as_it_is(gate), name, reads, labels_of(gate), group)
        for port, (there, here) in enumerate(zip(flat.wires_of(name), graph.wires_of(node))):
            wires[node, port] = there
            if held is not None:
                held[there] = here.value, here.grad
    return wires[graph.output.node, graph.output.port]


def _as_it_is(gate: Any) -> Any:
    """Return a copy of a gate with what it keeps of a pass."""
    copied = fresh(gate)
    if isinstance(gate, Gate):
        vars(copied).update({name: value for name, value in vars(gate).items() if name in OF_A_PASS})
    return copied
