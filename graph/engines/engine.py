"""What all engines share: a call takes what `forward` takes, and returns the value and the gradients."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from gates.values import Value, shape_of
from graph.engines.program import Program
from graph.passes.arguments import values_of_entries


class Engine:
    """Runs both passes of a graph, as it was when it was compiled, with its parameters as they are now.

    `value, gradients = run(x=..., ...)` takes what `graph.forward` takes, and returns its value and what
    `graph.backward` returns. The graph keeps the values and gradients of its own passes. A gate's settings are those
    of the first call.

    Parameters
    ----------
    program : Program
        The graph as engines run it.
    """

    name = ""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._one_at_a_time = threading.RLock()  # gates keep for backward what belongs to one call

    def __call__(
        self, inputs: Mapping[str, Any] | None = None, upstream: Any = None, /, **named: Any
    ) -> tuple[Value, dict[str, Value]]:
        """Run both passes.

        Parameters
        ----------
        inputs : mapping of str to number or array, optional
            The inputs by name; they may be given as keywords instead.
        upstream : number or array, optional
            The gradient with respect to the output, as `graph.backward` takes it.

        Returns
        -------
        tuple of (float or array, dict of str to float or array)
            The value of the output, and the gradients of inputs and parameters.

        Raises
        ------
        ValueError
            If an input is missing or unknown, or `upstream` is missing or has another shape than the output.
        Exception
            What a gate raised, with a note that names it.
        """
        values = values_of_entries(self.program, inputs, named)
        with self._one_at_a_time:
            return self.run(values, upstream)

    def __reduce__(self) -> Any:
        return type(self), (self.program,)

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        """Run both passes on the values of the entries, which stand in the first places of a list by slot."""
        raise NotImplementedError

    def function(self) -> Any:
        """Return the engine as a function, which Python calls faster than an object."""
        return self.__call__

    def __repr__(self) -> str:
        return f"<{self.name} engine: {self.about()}>"

    def about(self) -> str:
        """Return what there is to know about the engine, in a line."""
        return f"{len(self.program.rows):,} gates"


class Plain(Engine):
    """Runs gate by gate, as `graph.forward` and `graph.backward` do, on copies of the gates."""

    name = "plain"

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        grads = self.program.both_passes(self.program.calls, values, upstream)
        return values[self.program.output_slot], self.program.gradients(values, grads)


def placeholder(value: Value) -> Value:
    """Return zeros with the shape and the dtype of a value."""
    return 0.0 if type(value) is float else np.broadcast_to(np.zeros((), value.dtype), shape_of(value))


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Pause the garbage collector while many long-lived objects are made, which halves the time that takes."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
