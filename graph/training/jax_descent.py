"""Training steps with JAX, on one device or on a mesh of devices, in one process or in several."""

from __future__ import annotations

from typing import Any

import numpy as np

from gates.values import Value
from graph.computational_graph import ComputationalGraph
from graph.engines.on_jax.jitted import Jitted
from graph.engines.program import program_of
from graph.training.descent import EngineDescent, Named
from graph.training.minibatches import Batch


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
        engine = Jitted(program_of(graph), mesh)
        super().__init__(graph, engine.function())
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
