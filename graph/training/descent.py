"""The computation of a training step: the loss and the new parameters, by the graph's own passes or an engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gates.namespaces import namespace
from gates.values import Value
from graph.computational_graph import ComputationalGraph
from graph.training.minibatches import Batch

Named = dict[str, Value]


class Descent:
    """Steps of gradient descent, by the graph's own passes.

    Parameters
    ----------
    graph : ComputationalGraph
        The graph whose parameters are trained.

    Attributes
    ----------
    saves : bool
        Whether this process is the one that saves checkpoints.

    Raises
    ------
    TypeError, ValueError
        If it is not a graph, or has no parameters.
    """

    saves = True

    def __init__(self, graph: ComputationalGraph) -> None:
        if not isinstance(graph, ComputationalGraph):
            raise TypeError(f"train(): graph must be a ComputationalGraph, got {type(graph).__name__}")
        if not graph.parameters:
            raise ValueError("train(): the graph has no parameters")
        self.graph = graph

    def prepare(self, has_file: bool) -> None:
        """Move the parameters to where the steps are computed. `has_file`: whether they will be saved or loaded."""

    def loss(self, batch: Batch) -> Value:
        """Return the loss on a minibatch."""
        return self.graph.forward(batch)

    def gradients(self) -> Named:
        """Return the gradients of the last loss."""
        return self.graph.backward()

    def update(self, velocity: Named, learning_rate: float, momentum: float) -> tuple[Named, Named, str]:
        """Return new parameters, new velocities, and the name of a parameter that would not be finite, or ""."""
        gradients = self.gradients()
        values, new = {}, {}
        for name, value in self.graph.parameters.items():
            new[name] = gradients[name]
            if momentum and name in velocity:
                new[name] = momentum * velocity[name] + gradients[name]
            values[name] = value - learning_rate * new[name]
            if not _is_finite(values[name]):
                return values, new, name
        return values, new, ""

    def like(self, saved: Any, value: Value) -> Any:
        """Convert a saved array to the library and the device of a parameter's array."""
        if type(value) is float or isinstance(value, (np.ndarray, np.generic)):
            return saved
        return namespace(value).asarray(saved)

    def for_graph(self, batch: Batch) -> Batch:
        """Return a minibatch in a form that the graph itself accepts."""
        return batch


class EngineDescent(Descent):
    """Steps of gradient descent, by an engine.

    Parameters
    ----------
    graph : ComputationalGraph
        The graph.
    run : function
        A function that runs both passes, as `graph.compile` returns it.
    """

    def __init__(self, graph: ComputationalGraph, run: Callable[..., tuple[Value, Named]]) -> None:
        super().__init__(graph)
        self._run = run
        self._gradients: Named = {}

    def loss(self, batch: Batch) -> Value:
        value, self._gradients = self._run(batch, 1.0)  # 1.0 fits any shape: the caller checks that the loss has none
        return value

    def gradients(self) -> Named:
        return self._gradients


def _is_finite(value: Value) -> bool:
    """Return whether all elements are finite."""
    if type(value) is float:
        return math.isfinite(value)
    xp = namespace(value)
    return bool(xp.all(xp.isfinite(value)))
