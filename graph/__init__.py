"""The graph: gates joined by wires, run in topological order and in reverse; networks, and their training."""

from typing import TYPE_CHECKING, Any

import gates

if not hasattr(gates, "Gate"):
    raise ImportError(f"{gates.__file__} is imported instead of gategraph's package 'gates': give it another name")

from gates import __version__ as __version__
from graph.computational_graph import ComputationalGraph
from graph.networks import fully_connected
from graph.structure.wire import Wire
from graph.training.progress import History

if TYPE_CHECKING:
    from graph.training.train import train

__all__ = ["ComputationalGraph", "History", "Wire", "fully_connected", "train"]


def __getattr__(name: str) -> Any:
    if name != "train":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from graph.training.train import train  # when it is first used: whoever does not train does not wait for it

    globals()[name] = train
    return train


def __dir__() -> list[str]:
    return [*__all__, "__all__", "__doc__", "__version__"]
