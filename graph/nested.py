"""A graph as one gate, so that graphs nest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gates import Gate
from gates.values import Value
from graph.entries import Input

if TYPE_CHECKING:
    from graph.computational_graph import ComputationalGraph


class GraphGate(Gate):
    """A gate whose formulas are the two passes of a graph.

    Parameters
    ----------
    graph : ComputationalGraph
        The graph. The gate has a copy of it, which shares its parameters.
    """

    kind = "graph"

    def __init__(self, graph: ComputationalGraph) -> None:
        self.graph = graph.copy()
        self._inputs = [
            (name, gate.grad) for name, gate in self.graph.graph.nodes(data="gate") if isinstance(gate, Input)
        ]
        self.takes = len(self._inputs), len(self._inputs)
        self.wanted = tuple([grad for _, grad in self._inputs])

    def forward(self, *inputs: Value) -> Value:
        return self.graph.forward(dict(zip([name for name, _ in self._inputs], inputs, strict=True)))

    def backward(self, dz: Value) -> list[Value]:
        gradients = self.graph.backward(dz)
        return [gradients.get(name) for name, _ in self._inputs]

    def __copy__(self) -> GraphGate:
        return GraphGate(self.graph)
