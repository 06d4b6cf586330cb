"""The base class of the engines, the engine that runs gate by gate, and functions that several engines use."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from gates.validation import check_inputs
from gates.values import Given, Value, shape_of
from graph.engines.program import Program
from graph.passes.arguments import values_of_entries
from graph.passes.schedule import Call


class Run(Protocol):
    """A compiled graph: a function that runs both passes, and returns the value and the gradients."""

    def __call__(
        self, inputs: Mapping[str, Given] | None = None, upstream: Given | None = None, /, **named: Given
    ) -> tuple[Value, dict[str, Value]]: ...


class Engine:
    """Runs both passes of a graph as it was when it was compiled, with the current values of its parameters.

    `value, gradients = run(x=..., ...)` takes what `graph.forward` takes, and returns what `graph.forward` and
    `graph.backward` return. It leaves the values and gradients that the graph keeps unchanged. Gates keep the settings
    that they had at the first call.

    Parameters
    ----------
    program : Program
        The graph as engines run it.
    """

    name = ""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._lock = threading.RLock()  # threads wait for each other

    def __call__(
        self, inputs: Mapping[str, Given] | None = None, upstream: Given | None = None, /, **named: Given
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
        RuntimeError
            If a gate in it runs it again, or a gate has parameters of its own and runs at that moment.
        Exception
            What a gate raised, with a note that names it.
        """
        values = values_of_entries(self.program, inputs, named)
        one_at_a_time = self.program.one_at_a_time
        with self._lock:
            if one_at_a_time.is_running:
                raise one_at_a_time.refusal("a compiled run")
            one_at_a_time.is_running = True
            try:
                return self.run(values, upstream)
            finally:
                one_at_a_time.is_running = False

    def __reduce__(self) -> Any:
        return type(self), (self.program,)

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        """Run both passes; `values` is a list by slot that holds the values of the entries, its first elements."""
        raise NotImplementedError

    def function(self) -> Any:
        """Return the engine as a function, since Python calls a function faster than an object."""
        return self.__call__

    @property
    def chosen(self) -> str:
        """The name of the engine that runs, where this one chooses among others."""
        return self.name

    def __repr__(self) -> str:
        return f"<{self.name} engine: {self.about()}>"

    def about(self) -> str:
        """Return a line about the engine for its repr."""
        return f"{len(self.program.rows):,} gates"


class Plain(Engine):
    """Runs gate by gate, as `graph.forward` and `graph.backward` do, on copies of the gates."""

    name = "plain"

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        grads = self.program.both_passes(self.program.calls, values, upstream)
        return values[self.program.output_slot], self.program.gradients(values, grads)


def check_labels(call: Call, inputs: list[Value], labels: Sequence[Any]) -> None:
    """Let a gate check the labels that it reads, which are given by slot; placeholders do for its other inputs."""
    inputs = list(inputs)
    for port in call.gate.labels:
        inputs[port] = labels[call.sources[port]]
    check_inputs(call.gate, inputs, f"{call.node} ({type(call.gate).__name__})")


def placeholder(value: Value) -> Value:
    """Return zeros with the shape and the dtype of a value."""
    return 0.0 if type(value) is float else np.broadcast_to(np.zeros((), value.dtype), shape_of(value))
