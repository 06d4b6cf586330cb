"""What the tests of training train: a small network on 50 examples, and a line."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from graph import ComputationalGraph, fully_connected
from losses import SquaredErrorLoss


def data(examples: int = 50) -> dict[str, Any]:
    """Return pictures of noise with labels that depend on them."""
    random = np.random.default_rng(1)
    X = random.normal(size=(examples, 4))
    return {"X": X, "y": (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)}


def network() -> ComputationalGraph:
    """Return a small network for the data."""
    return fully_connected([4, 6, 3], regularization=1e-3)


def bits(graph: ComputationalGraph) -> dict[str, bytes]:
    """Return the parameters to the last bit."""
    return {name: np.asarray(value).tobytes() for name, value in graph.parameters.items()}


def line(w: float = 0.0, b: float = 0.0) -> ComputationalGraph:
    """Return the squared error of a line, with numbers as parameters."""
    graph = ComputationalGraph()
    prediction = graph.parameter("w", w) * graph.input("x", grad=False) + graph.parameter("b", b)
    graph.add(SquaredErrorLoss(), prediction, graph.input("y", grad=False))
    return graph


class Stream:
    """Minibatches that begin anew each time, of unequal sizes."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        given = data()
        for start, stop in ((0, 8), (8, 30), (30, 50)):
            yield {name: array[start:stop] for name, array in given.items()}
