"""The array API's elementwise functions, for Python floats.

`math` raises where IEEE arithmetic has a result: exp(1000) is inf, 1 / 0 is inf, log(-1) is nan. Each function here
returns that result, using `math` alone, so that generated code can include its source. This module knows nothing of
gates; `gates.values.namespace` passes it to their formulas.
"""

import math
from typing import Any

import numpy as np

of_numbers = True
tanh = math.tanh
abs = math.fabs  # the array API's name
isinf = math.isinf


def __getattr__(name: str) -> Any:
    """Return NumPy's elementwise function of that name, for Python floats, if a formula needs one not defined here."""
    function = getattr(np, name, None)
    if not isinstance(function, np.ufunc):
        raise AttributeError(f"there is no elementwise function {name!r} for Python floats")

    def on_floats(*numbers: float) -> Any:
        with np.errstate(all="ignore"):
            return function(*numbers).item()

    return on_floats


def exp(x: float) -> float:
    """Return e**x: inf where that is too large for a float."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def expm1(x: float) -> float:
    """Return e**x - 1: inf where that is too large for a float."""
    try:
        return math.expm1(x)
    except OverflowError:
        return math.inf


def log(x: float) -> float:
    """Return the natural logarithm of x: -inf at 0, nan below 0."""
    try:
        return math.log(x)
    except ValueError:
        return -math.inf if x == 0.0 else math.nan


def log1p(x: float) -> float:
    """Return the natural logarithm of 1 + x: -inf at -1, nan below."""
    try:
        return math.log1p(x)
    except ValueError:
        return -math.inf if x == -1.0 else math.nan


def sqrt(x: float) -> float:
    """Return the square root of x: nan below 0."""
    try:
        return math.sqrt(x)
    except ValueError:
        return math.nan


def sin(x: float) -> float:
    """Return the sine of x, in radians: nan where x is infinite."""
    try:
        return math.sin(x)
    except ValueError:
        return math.nan


def cos(x: float) -> float:
    """Return the cosine of x, in radians: nan where x is infinite."""
    try:
        return math.cos(x)
    except ValueError:
        return math.nan


def pow(x: float, p: float) -> float:  # the array API's name
    """Return x**p: inf or -inf where that is too large or x is 0, nan where it is no real number."""
    try:
        return math.pow(x, p)
    except ArithmeticError:
        return -math.inf if x < 0.0 and p % 2.0 == 1.0 else math.inf
    except ValueError:
        if x != 0.0:
            return math.nan
        return math.copysign(math.inf, x) if p % 2.0 == 1.0 else math.inf


def divide(x: float, y: float) -> float:
    """Return x / y: inf or -inf where y is 0, nan where both are."""
    try:
        return x / y
    except ZeroDivisionError:
        if x == 0.0 or x != x:
            return math.nan
        return math.copysign(math.inf, x) * math.copysign(1.0, y)


def maximum(x: float, y: float) -> float:
    """Return the larger number, or nan if one of them is nan."""
    return x if x >= y or x != x else y


def minimum(x: float, y: float) -> float:
    """Return the smaller number, or nan if one of them is nan."""
    return x if x <= y or x != x else y


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
    """Return x: a number already is an array of shape ()."""
    return x


def permute_dims(x: float, axes: tuple[int, ...]) -> float:
    """Return x, which has no axes."""
    return x


def reshape(x: float, shape: tuple[int, ...]) -> Any:
    """Return x, or a NumPy array with x as its element."""
    return np.reshape(x, shape) if shape else x


def sum(x: float, axis: Any = None, keepdims: bool = False) -> float:  # the array API's name
    """Return x, which has no axes to sum over."""
    if axis not in (None, ()):
        raise ValueError(f"axis {axis} is out of bounds for a number, which has no axes")
    return x


mean = sum
