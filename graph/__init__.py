"""The graph: gates joined by wires, run in topological order and in reverse; networks, and their training."""

from gates import __version__ as __version__
from graph.computational_graph import ComputationalGraph
from graph.networks import fully_connected
from graph.structure.wire import Wire
from graph.training.progress import History
from graph.training.train import train

__all__ = ["ComputationalGraph", "History", "Wire", "fully_connected", "train"]


def __dir__() -> list[str]:
    return [*__all__, "__all__", "__doc__", "__version__"]
