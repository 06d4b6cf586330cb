"""The graph: gates joined by wires, run in topological order and in reverse."""

from graph.computational_graph import ComputationalGraph
from graph.wire import Wire

__all__ = ["ComputationalGraph", "Wire"]
