"""Copies of what a gate is given, so that it may write into them, and comparisons with them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def copy_of(values: Sequence[Any]) -> list[Any]:
    """Return values with every array copied, contiguous or not and writable or not as the array was."""
    return [_copied(value) if isinstance(value, np.ndarray) else value for value in values]


def flat(values: Sequence[Any]) -> Any:
    """Return all numbers of several values as one new vector of float64."""
    if len(values) == 1:  # the usual case, in half the time
        return np.array(values[0], dtype=np.float64).reshape(-1)
    return np.concatenate([np.asarray(value, dtype=np.float64).reshape(-1) for value in values])


def strided(array: Any) -> Any:
    """Return a copy of an array that is not contiguous."""
    view = np.empty((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)[..., ::2]
    view[...] = array
    return view


def same(a: Any, b: Any, tolerance: float = 1e-9, floor: float = 0.0) -> bool:
    """Return whether two values are the same, up to a relative tolerance: that of sums in another order.

    Differences of up to `floor` are rounding, too.
    """
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    if np.array_equal(a, b, equal_nan=True):
        return True
    # Coarse rounding moves what nearly cancels by a part of the largest.
    least = max(floor, tolerance * float(np.max(np.abs(b), initial=0.0)) if tolerance > 1e-9 else 0.0)
    return bool(np.allclose(a, b, rtol=tolerance, atol=least, equal_nan=True))


def float_or_array(value: Any) -> Any:
    """Return a number as a Python float, an array as it is."""
    return value if np.ndim(value) else float(value)


def _copied(array: Any) -> Any:
    is_dense = array.flags.c_contiguous or array.flags.f_contiguous
    twin = array.copy(order="K") if is_dense else strided(array)
    twin.flags.writeable = array.flags.writeable
    return twin
