"""The base class of gates, and the doors around a gate's two formulas.

A gate's class holds two formulas, `forward` and `backward`. Whoever calls them by hand passes a door: lists
become arrays, integers floats, an upstream gradient gets its output's shape, wrong arguments a clear error.
A graph, whose values have passed a door already, runs the bare formulas.
"""

import functools
import inspect
import math
import re
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import numpy as np

from gates.namespaces import namespace
from gates.values import Value, as_value, shape_of


class Gate:
    """An operation with a forward formula and its gradient. Derive from it to write a gate of your own.

    `forward(*inputs)` computes the output and keeps in `self.kept` what backward needs. `backward(*upstream)`
    takes the gradient of the loss with respect to each output and returns a list with the gradient with
    respect to each input: local gradient x upstream gradient. Write both for floats and arrays at once, with
    operators and with functions of `namespace(x)`; never write into what came in.

    A constructor's parameters are kept in attributes of the same names: `repr` and a saved graph show them.
    A copy of a gate has its settings, and nothing of its passes.

    Attributes
    ----------
    kept : object
        What the formula of forward kept for that of backward.
    output : float, array or list
        What forward returned last.
    outputs : int
        How many outputs forward returns: one value for 1, otherwise a list.
    elementwise : bool
        Whether each element of the output depends on that element of the inputs alone.
    takes : tuple of (int, float)
        The least and the largest number of inputs that forward takes.
    wanted : tuple of bool
        For each input, whether anybody asked for its gradient; `backward` may return None for the others.
    kind : str
        The gate's name in expressions and in automatic node names; the class's name in snake_case by default.

    Examples
    --------
    >>> class Cube(Gate):
    ...     def forward(self, x):
    ...         (x,) = self.keep(x)
    ...         return x * x * x
    ...
    ...     def backward(self, dz):
    ...         (x,) = self.kept
    ...         return [dz * 3 * x * x]
    >>> cube = Cube()
    >>> cube.forward(2)
    8.0
    >>> cube.backward(1)
    [12.0]
    """

    kept: Any
    output: Any
    outputs: int = 1
    elementwise: bool = False
    takes: tuple[int, float]
    wanted: tuple[bool, ...]
    kind: str = "gate"

    forward: Callable[..., Any]
    backward: Callable[..., list[Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "kind" not in vars(cls):
            cls.kind = snake_case(cls.__name__)
        if "forward" in vars(cls):
            cls.takes = input_counts(functools.partial(cls.forward, None))
            cls.wanted = (True,) * cls.takes[0]
            cls.forward = _forward_door(cls.forward)
        if "backward" in vars(cls):
            cls.backward = _backward_door(cls.backward)

    def keep(self, *values: Value) -> tuple[Value, ...]:
        """Keep the values for backward, and hand them back."""
        self.kept = values
        return values

    def __repr__(self) -> str:
        defaults = {name: parameter.default for name, parameter in parameters_of(self).items()}
        settings = {name: repr(value) for name, value in settings_of(self).items()}
        changed = [f"{name}={text}" for name, text in settings.items() if text != repr(defaults[name])]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _OF_A_PASS}


_OF_A_PASS = ("kept", "output", "wanted")


def formula(method: Callable[..., Any]) -> Any:
    """Return the bare formula behind a gate's method, which takes the gate first; None where there is no door."""
    return getattr(method, "formula", None)


def kind_of(gate: Any) -> str:
    """Return a gate's kind, also that of a gate that does not derive from Gate."""
    return gate.kind if isinstance(gate, Gate) else snake_case(type(gate).__name__)


def settings_of(gate: Any) -> dict[str, Any]:
    """Return what a gate was constructed with: its constructor's parameters, read from its attributes."""
    return {name: getattr(gate, name) for name in parameters_of(gate) if hasattr(gate, name)}


def input_counts(forward: Callable[..., Any]) -> tuple[int, float]:
    """Return the least and the largest number of inputs that a bound forward method takes."""
    parameters = inspect.signature(forward).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in positional)
    return least, math.inf if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(positional)


def snake_case(name: str) -> str:
    """Return a class's name in snake_case: SoftmaxLoss is softmax_loss."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def parameters_of(gate: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters of the constructor of a gate's class, by name."""
    return _constructor_parameters(gate.__class__)


@functools.cache
def _constructor_parameters(gate_class: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters of a class's constructor, by name."""
    if gate_class.__init__ is object.__init__:
        return {}
    return dict(list(inspect.signature(gate_class.__init__).parameters.items())[1:])


def _forward_door(bare: Callable[..., Any]) -> Callable[..., Any]:
    """Return `bare` with its arguments made values; when it fails, the gate stays as it was."""
    names = list(inspect.signature(bare).parameters)[1:]

    @functools.wraps(bare)
    def forward(self: Gate, *inputs: Any) -> Any:
        who = f"{type(self).__name__}.forward()"
        values = [_argument(given, who, name) for given, name in zip_longest(inputs, names[: len(inputs)])]
        before = dict(vars(self))
        try:
            self.output = _out(bare(self, *values))
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self.output

    forward.formula = bare  # type: ignore[attr-defined]
    return forward


def _backward_door(bare: Callable[..., Any]) -> Callable[..., Any]:
    """Return `bare` with an upstream gradient for each output, in that output's shape."""

    @functools.wraps(bare)
    def backward(self: Gate, *upstream: Any) -> list[Any]:
        who = f"{type(self).__name__}.backward()"
        if "output" not in vars(self):
            raise RuntimeError(f"{who} needs a forward pass first")
        if len(upstream) != self.outputs:
            wanted = "1 upstream gradient" if self.outputs == 1 else f"{self.outputs} upstream gradients"
            raise TypeError(f"{who} takes {wanted}, got {len(upstream)}")
        outputs = [self.output] if self.outputs == 1 else self.output
        name = "the upstream gradient"
        dz = [fit(_argument(given, who, name), like, f"{who}: {name}") for given, like in zip(upstream, outputs)]
        gradients: list[Any] = _out(bare(self, *dz))
        return gradients

    backward.formula = bare  # type: ignore[attr-defined]
    return backward


def fit(gradient: Value, like: Value, who: str) -> Value:
    """Return a gradient in the shape and dtype of what it is a gradient of; a number fits any shape.

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


def _argument(given: Any, who: str, name: str) -> Value:
    """Return an argument as a value, or raise with its name."""
    try:
        return as_value(given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{who}: {name}: {error}") from None


def _out(result: Any) -> Any:
    """Return what a formula gave as a value; lists and None as they are."""
    if isinstance(result, (list, tuple)):
        return [_out(part) for part in result]
    return None if result is None else as_value(result)
