"""Validation around a gate's two formulas.

A gate's class defines two formulas, `forward` and `backward`. Direct calls are validated: lists become arrays,
integers become floats, an upstream gradient is given its output's shape, and a wrong argument raises a clear error.
A graph validates its inputs once and then runs the bare formulas.
"""

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from gates.formatting import numbered
from gates.values import Value, as_argument, as_labels, as_value, namespace, prefixed, shape_of


def formula(method: Callable[..., Any]) -> Any:
    """Return the bare formula behind a gate's method, whose first argument is the gate; None if there is none."""
    return getattr(method, "formula", None)


def counted(least: int, most: float) -> str:
    """Return a range of numbers of inputs in words, such as "1 or more inputs"."""
    if least == most:
        return numbered(least, "input")
    return f"{least} or more inputs" if most == math.inf else f"{least} to {most} inputs"


def validated_forward(bare: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a forward formula so that its arguments are converted first; a failed call leaves the gate unchanged."""
    signature = inspect.signature(bare)
    names = [name for name, p in list(signature.parameters.items())[1:] if p.kind is not p.VAR_POSITIONAL]

    @functools.wraps(bare)
    def forward(self: Any, *inputs: Any, **named: Any) -> Any:
        who = f"{type(self).__name__}.forward()"
        if named:
            inputs = signature.bind(self, *inputs, **named).args[1:]
        least, most = self.takes or (0, math.inf)
        if not least <= len(inputs) <= most:
            raise TypeError(f"{who} takes {counted(least, most)}, got {len(inputs)}")
        values = [
            as_labels(given) if port in self.labels else as_argument(given, who, name)
            for port, (given, name) in enumerate(zip_longest(inputs, names[: len(inputs)], fillvalue="an input"))
        ]
        check_inputs(self, values, type(self).__name__)
        before = dict(vars(self))
        if len(self.wanted) != len(inputs):
            self.wanted = (True,) * len(inputs)
        try:
            output = bare(self, *values)
            self.output = as_output(output) if self.outputs == 1 else as_outputs(output, self.outputs)
        except BaseException as error:
            vars(self).clear()
            vars(self).update(before)
            explain(error, self, values, type(self).__name__)
            error.add_note(f"in {who}")
            raise
        self.by_hand = self.output, values
        return self.output

    forward.formula = bare  # type: ignore[attr-defined]  # a function has room for attributes
    return forward


def validated_backward(bare: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a backward formula so that upstream gradients get their outputs' shapes and its result is checked."""

    @functools.wraps(bare)
    def backward(self: Any, *upstream: Any) -> list[Any]:
        who = f"{type(self).__name__}.backward()"
        if "output" not in vars(self):
            raise RuntimeError(f"{who} needs a forward pass first")
        if len(upstream) != self.outputs:
            wanted = "1 upstream gradient" if self.outputs == 1 else f"{self.outputs} upstream gradients"
            raise TypeError(f"{who} takes {wanted}, got {len(upstream)}")
        outputs = [self.output] if self.outputs == 1 else self.output
        name = "the upstream gradient"
        dz = [fit(as_argument(given, who, name), like, f"{who}: {name}") for given, like in zip(upstream, outputs)]
        output, inputs = vars(self).get("by_hand", (None, []))
        try:
            if output is not self.output:  # a graph has run the gate since, and only the graph knows its inputs
                return [None if gradient is None else as_value(gradient) for gradient in bare(self, *dz)]
            return gradients_of(bare(self, *dz), inputs)
        except Exception as error:
            error.add_note(f"in {who}")
            raise

    backward.formula = bare  # type: ignore[attr-defined]  # a function has room for attributes
    return backward


def explain(error: BaseException, gate: Any, inputs: Sequence[Value], who: str) -> None:
    """Raise a ValueError that begins with `who` if a forward formula failed because its inputs do not broadcast."""
    if gate.elementwise and isinstance(error, (TypeError, ValueError)):
        shapes = list(map(shape_of, inputs))
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            got = " and ".join(map(str, shapes))
            raise ValueError(f"{who}: the inputs must have shapes that broadcast together, got {got}") from None


def check_inputs(gate: Any, inputs: Sequence[Value], who: str) -> None:
    """Run a gate's own check of its inputs; the message of its error begins with `who`."""
    try:
        gate.check(*inputs)
    except (TypeError, ValueError) as error:
        raise prefixed(error, who) from None


def checked(bare: Callable[..., Any], who: str) -> Callable[..., Any]:
    """Wrap a forward formula so that its gate checks the inputs first."""

    def forward(self: Any, *inputs: Value) -> Any:
        check_inputs(self, inputs, who)
        return bare(self, *inputs)

    return forward


def as_output(output: Any) -> Value:
    """Convert the result of a forward formula with one output to a value."""
    if type(output) is np.ndarray and output.ndim and output.dtype.kind == "f":
        return output
    if isinstance(output, (list, tuple)):
        got = f"a {type(output).__name__} of {len(output)}"
        raise ValueError(f"forward() must return one value, got {got}; a gate with several outputs sets `outputs`")
    if output is None:
        raise TypeError("forward() must return a value, got None")
    return as_value(output)


def as_outputs(outputs: Any, count: int) -> list[Value]:
    """Convert the result of a forward formula with several outputs to values."""
    if not isinstance(outputs, (list, tuple)) or len(outputs) != count:
        got = len(outputs) if isinstance(outputs, (list, tuple)) else repr(outputs)
        raise ValueError(f"forward() must return a list of {count} outputs, got {got}")
    return [as_value(output) for output in outputs]


def gradients_of(gradients: Any, inputs: Sequence[Value]) -> list[Value]:
    """Return the result of backward with each gradient in its input's shape and dtype; None stays None."""
    if not isinstance(gradients, (list, tuple)) or len(gradients) != len(inputs):
        got = len(gradients) if isinstance(gradients, (list, tuple)) else repr(gradients)
        raise ValueError(f"backward() must return a list of {len(inputs)} gradients, one for each input, got {got}")
    return [
        None if gradient is None else gradient_of(gradient, value, port)
        for port, (gradient, value) in enumerate(zip(gradients, inputs))
    ]


def gradient_of(gradient: Any, value: Value, port: int) -> Value:
    """Return the gradient of one input in its shape and dtype."""
    kind = type(value)
    if type(gradient) is kind and (kind is float or (gradient.shape == value.shape and gradient.dtype == value.dtype)):
        return gradient
    gradient = as_value(gradient)
    if shape_of(gradient) != shape_of(value):
        wanted = f"backward() must return each gradient in its input's shape: {shape_of(value)} for input {port}"
        raise ValueError(f"{wanted}, got {shape_of(gradient)}; sum_to() sums over the axes that were broadcast")
    return fit(gradient, value, "the gradient")


def fit(gradient: Value, like: Value, who: str) -> Value:
    """Return a gradient in the shape and dtype of its variable, `like`; a number fits any shape.

    Raises
    ------
    ValueError
        If it has another shape. The message begins with `who`.
    """
    if type(like) is float and type(gradient) is float:
        return gradient
    shape = shape_of(like)
    if shape_of(gradient) not in (shape, ()):
        raise ValueError(f"{who} must have the shape {shape}, got {shape_of(gradient)}")
    if type(like) is float:
        return float(gradient) if isinstance(gradient, np.generic) else gradient
    if shape_of(gradient) != shape or type(gradient) is float:
        return namespace(like).ones_like(like) * gradient
    return gradient if gradient.dtype == like.dtype else namespace(like).astype(gradient, like.dtype)
