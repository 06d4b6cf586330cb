"""The backward of a gate as a gate of its own: its inputs are those of the gate and its upstream gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gates.checking.copies import copy_of
from gates.checking.examples import Example
from gates.checking.function_under_test import GateUnderTest, Refusal
from gates.checking.points import fitted, random_upstream
from gates.values import Value


class Backward:
    """Forward is the backward of a gate, and backward its `double_backward`.

    Parameters
    ----------
    gate : object
        The gate, with a method `double_backward`.
    inputs : int
        How many inputs it gets.

    Raises
    ------
    TypeError
        If it has no such method.
    """

    def __init__(self, gate: Any, inputs: int) -> None:
        if not callable(getattr(gate, "double_backward", None)):
            who = type(gate).__name__
            raise TypeError(f"check_gate(): order=2 needs {who}.double_backward(*ddx), the backward of its backward")
        self.gate, self.count = gate, inputs
        function = GateUnderTest(gate)
        self.labels = function.labels
        self.outputs = inputs - len(self.labels)
        upstream = getattr(gate, "outputs", 1)
        self.input_names = [*function.names(inputs), *function.upstream_names(upstream)]

    def forward(self, *given: Value) -> Any:
        self.gate.forward(*given[: self.count])
        gradients = self.gate.backward(*given[self.count :])
        chosen = [gradient for port, gradient in enumerate(gradients) if port not in self.labels]
        return chosen[0] if self.outputs == 1 else chosen

    def backward(self, *ddx: Value) -> list[Any]:
        return list(self.gate.double_backward(*ddx))


def with_upstream(gate: Any, examples: Sequence[Example], upstream: Any, random: Any) -> list[Example]:
    """Return examples with upstream gradients for the outputs after the inputs, drawn at random if none is given.

    Raises
    ------
    Exception
        What forward raises at the only example; of several, those that it does not accept are left out.
    """
    function, found = GateUnderTest(gate), []
    for example in examples:
        try:
            values = function.values(example.inputs)[: len(example.inputs)]
            function.own = ()
            outputs = function.start(copy_of(values)).outputs
        except Exception as error:
            if len(examples) == 1:
                raise (error.__cause__ if isinstance(error, Refusal) and error.__cause__ else error) from None
            continue
        dz = random_upstream(outputs, random) if upstream is None else fitted(upstream, outputs, function.title)
        found.append(replace(example, inputs=(*values, *dz)))
    return found
