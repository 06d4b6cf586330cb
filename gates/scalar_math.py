"""The array API's elementwise functions, for Python floats.

`math` raises where IEEE arithmetic has an answer: exp(1000) is inf, 1 / 0 is inf, log(-1) is nan. Here each
function gives that answer. This module knows nothing of gates; `gates.namespaces` hands it to their formulas.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np


def __getattr__(name: str) -> Any:
    """Return NumPy's elementwise function of that name, on Python floats: for formulas that need more than these."""
    function = getattr(np, name, None)
    if not isinstance(function, np.ufunc):
        raise AttributeError(f"there is no elementwise function {name!r} for Python floats")

    def on_floats(*numbers: float) -> Any:
        with np.errstate(all="ignore"):
            return function(*numbers).item()

    return on_floats


def _ieee(fast: Callable[..., float], exact: np.ufunc) -> Callable[..., float]:
    """Return `fast` with the answers of `exact` where it raises."""

    def function(*numbers: float) -> float:
        try:
            return fast(*numbers)
        except (ArithmeticError, ValueError):
            with np.errstate(all="ignore"):
                return float(exact(*numbers))

    return function


exp = _ieee(math.exp, np.exp)
expm1 = _ieee(math.expm1, np.expm1)
log = _ieee(math.log, np.log)
sqrt = _ieee(math.sqrt, np.sqrt)
pow = _ieee(math.pow, np.power)  # the array API's name
divide = _ieee(operator.truediv, np.divide)
tanh = math.tanh
abs = math.fabs  # the array API's name
isinf = math.isinf


def maximum(x: float, y: float) -> float:
    """Return the larger number, or nan if one of them is nan."""
    return x if x > y else y if y > x else float(np.maximum(x, y))


def minimum(x: float, y: float) -> float:
    """Return the smaller number, or nan if one of them is nan."""
    return x if x < y else y if y < x else float(np.minimum(x, y))


def sign(x: float) -> float:
    """Return 1, 0 or -1, or nan."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else x


def where(condition: bool, x: float, y: float) -> float:
    """Return x if the condition holds, else y."""
    return x if condition else y


def zeros_like(x: float) -> float:
    """Return 0.0."""
    return 0.0


def ones_like(x: float) -> float:
    """Return 1.0."""
    return 1.0


def asarray(x: float) -> float:
    """Return x: a number is its own array of shape ()."""
    return x


def permute_dims(x: float, axes: tuple[int, ...]) -> float:
    """Return x, which has no axes."""
    return x


def reshape(x: float, shape: tuple[int, ...]) -> Any:
    """Return x, or a NumPy array that holds it."""
    return np.reshape(x, shape) if shape else x


def sum(x: float, axis: Any = None, keepdims: bool = False) -> float:  # the array API's name
    """Return x, which has no axes to sum over."""
    if axis not in (None, ()):
        raise ValueError(f"axis {axis} is out of bounds for a number, which has no axes")
    return x


mean = sum
