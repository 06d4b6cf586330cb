"""The graph: gates joined by wires, run in topological order and in reverse; networks, and their training."""

from graph.computational_graph import ComputationalGraph
from graph.history import History
from graph.networks import fully_connected
from graph.training import train
from graph.wire import Wire

__all__ = ["ComputationalGraph", "History", "Wire", "fully_connected", "train"]
