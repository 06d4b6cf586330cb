"""A graph as one gate, so that graphs nest."""

from __future__ import annotations

from typing import Any

from gates import Gate
from gates.values import Value
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Input


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
