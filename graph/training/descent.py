"""The computation of a training step: the loss and the new parameters, by the graph's own passes or an engine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gates.values import Value, namespace
from graph.computational_graph import ComputationalGraph
from graph.training.minibatches import Batch

if TYPE_CHECKING:
    from graph.engines.engine import Engine

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

    @property
    def engine(self) -> str:
        """The name of the engine that runs both passes."""
        return "plain"

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
        for name, gate in self.graph.parameter_gates.items():
            gradient = gradients[name]
            if momentum and name in velocity:
                gradient = momentum * velocity[name] + gradient
            new[name], values[name] = gradient, _stepped(gate.value, learning_rate * gradient)
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
    run : Engine
        What runs both passes.
    """

    def __init__(self, graph: ComputationalGraph, run: Engine) -> None:
        super().__init__(graph)
        self._run = run
        self._gradients: Named = {}

    @property
    def engine(self) -> str:
        return self._run.chosen

    def loss(self, batch: Batch) -> Value:
        value, self._gradients = self._run(batch, 1.0)  # 1.0 fits any shape: the caller checks that the loss has none
        return value

    def gradients(self) -> Named:
        return self._gradients


class JaxDescent(EngineDescent):
    """Steps of gradient descent, by the engine "jax". Parameters keep their sharding from step to step.

    Parameters
    ----------
    graph : ComputationalGraph
        The graph.
    mesh : jax.sharding.Mesh, optional
        The devices.
    """

    def __init__(self, graph: ComputationalGraph, mesh: Any = None) -> None:
        from graph.engines.on_jax.jitted import Jitted
        from graph.engines.program import program_of

        engine = Jitted(program_of(graph), mesh)
        super().__init__(graph, engine)
        self._jax, self._devices = engine.jax, engine.devices
        self._updated: Any = None
        self.saves = self._jax.process_index() == 0

    def prepare(self, has_file: bool) -> None:
        """Move the parameters to the devices. Only parameters that each process has whole can be saved and loaded.

        Raises
        ------
        ValueError
            If a parameter that is to be saved or loaded is sharded over several processes, or processes start with
            different parameters.
        """
        parameters = self.graph.parameters
        unplaced = {name: value for name, value in parameters.items() if not isinstance(value, self._jax.Array)}
        if unplaced and self._jax.process_count() > 1:
            self._compare(unplaced)
        for name, value in parameters.items():
            parameters[name] = placed = self._devices.whole(value)
            if has_file and not (placed.is_fully_addressable or placed.is_fully_replicated):
                why = "checkpoint and resume need parameters that each process has whole"
                raise ValueError(f"train(): the parameter {name!r} is sharded over several processes: {why}")
        kept = [self._devices.kept(value) for value in parameters.values()]
        self._updated = self._jax.jit(self._update, out_shardings=(kept, kept, None))

    def update(self, velocity: Named, learning_rate: float, momentum: float) -> tuple[Named, Named, str]:
        parameters, gradients = self.graph.parameters, self.gradients()
        before = [velocity[name] for name in parameters] if momentum and velocity else None
        values, new, finite = self._updated(
            list(parameters.values()), before, [gradients[name] for name in parameters], learning_rate, momentum
        )
        wrong = [name for name, is_finite in zip(parameters, np.asarray(finite).tolist()) if not is_finite]
        return dict(zip(parameters, values)), dict(zip(parameters, new)), wrong[0] if wrong else ""

    def like(self, saved: Any, value: Value) -> Any:
        return self._devices.put(np.asarray(saved), value.sharding)

    def for_graph(self, batch: Batch) -> Batch:
        return {name: self._devices.whole(value) for name, value in batch.items()}

    def _update(
        self, values: list[Value], velocity: list[Value] | None, gradients: list[Value], rate: Value, momentum: Value
    ) -> tuple[list[Value], list[Value], Value]:
        """Return new parameters, new velocities, and which parameters are finite; JAX compiles this function."""
        jnp = self._jax.numpy
        if velocity is not None:
            gradients = [momentum * v + gradient for v, gradient in zip(velocity, gradients)]
        values = [value - rate * v for value, v in zip(values, gradients)]
        return values, gradients, jnp.stack([jnp.all(jnp.isfinite(value)) for value in values])

    def _compare(self, values: Named) -> None:
        """Raise unless all processes have the same parameters."""
        from jax.experimental.multihost_utils import assert_equal

        try:
            assert_equal(values)
        except AssertionError:
            raise ValueError("train(): processes start with different parameters; is the seed the same?") from None


def _stepped(value: Value, step: Value) -> Value:
    """Return value - step, in the memory of the step where that is of the same kind."""
    if type(value) is type(step) is np.ndarray and (value.dtype, value.strides) == (step.dtype, step.strides):
        return np.subtract(value, step, out=step)
    return value - step


def _is_finite(value: Value) -> bool:
    """Return whether all elements are finite."""
    if type(value) is float:
        return math.isfinite(value)
    if isinstance(value, np.ndarray) and math.isfinite(np.vdot(value, value)):  # the sum of squares, in one go
        return True
    xp = namespace(value)
    return bool(xp.all(xp.isfinite(value)))
