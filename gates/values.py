"""The values that flow through gates, floats and arrays of floats, and the functions that go with them."""

import numbers
import operator
from collections.abc import Sequence
from typing import Any, Protocol, SupportsFloat, TypeAlias

import numpy as np

from gates import scalar_math

MOST_AXES = 64  # of an array in NumPy

#: A Python float, or an array of floats that has `__array_namespace__`.
Value: TypeAlias = Any


class _HasArray(Protocol):
    """An array that NumPy can read."""

    def __array__(self) -> Any: ...


class _HasNamespace(Protocol):
    """An array of any library that keeps to the array API standard."""

    def __array_namespace__(self) -> Any: ...


_One: TypeAlias = SupportsFloat | _HasArray | _HasNamespace
#: What may be given where a value is wanted: a number, an array, or a list of numbers, nested up to four times, since a
#: type of any depth would take strings, which are sequences of strings.
Given: TypeAlias = (
    _One
    | Sequence[_One]
    | Sequence[Sequence[_One]]
    | Sequence[Sequence[Sequence[_One]]]
    | Sequence[Sequence[Sequence[Sequence[_One]]]]
)


class GateLike(Protocol):
    """A gate of any class."""

    @property
    def forward(self) -> Any: ...
    @property
    def backward(self) -> Any: ...


def namespace(*values: Any) -> Any:
    """Return the array API namespace that the values belong to.

    A formula that takes its functions from here runs unchanged on floats and on arrays of any library.

    Parameters
    ----------
    *values : float or array
        The inputs of a formula. Python floats may be mixed with arrays of one library.

    Returns
    -------
    module
        The namespace of the first array among the values: `numpy` for NumPy's, `jax.numpy` for JAX's, ...;
        for floats alone `gates.scalar_math`, which follows IEEE arithmetic.

    References
    ----------
    Python array API standard, 2024.12, https://data-apis.org/array-api/2024.12/

    Examples
    --------
    >>> namespace(1000.0).exp(1000.0)
    inf
    >>> namespace(1.0, np.ones(3)) is np
    True
    """
    numbers: Any = scalar_math
    for value in values:
        if type(value) is float:
            continue
        if isinstance(value, (np.ndarray, np.generic)):
            return np
        found = value.__array_namespace__()
        if not getattr(found, "of_numbers", False):
            return found
        numbers = found
    return numbers


def as_value(given: Any) -> Value:
    """Convert a number, list or array to a value: a float or an array of floats.

    Floats and arrays of floats are returned as they are, never copied. Integers and booleans become floats,
    lists become NumPy arrays, and NumPy scalars and 0-d arrays of float64 become Python floats.

    Parameters
    ----------
    given : number, list or array
        An argument that a user passed to a gate or a graph.

    Returns
    -------
    float or array
        The same numbers.

    Raises
    ------
    TypeError
        If it is not a real number or an array of real numbers.
    ValueError
        If it is a list whose rows differ in length, or an integer beyond the largest float.

    Examples
    --------
    >>> as_value(3), as_value([1, 2])
    (3.0, array([1., 2.]))
    """
    kind = type(given)
    if kind is float or (kind is np.ndarray and given.ndim and given.dtype.kind == "f"):
        return given
    if kind is np.float64:
        return float(given)
    if isinstance(given, numbers.Real):  # int, bool, Fraction, np.int64, ... and np.float32
        return given if isinstance(given, np.floating) else _as_float(given)
    if hasattr(given, "__array_namespace__") and not isinstance(given, np.ndarray):
        return _from_array_api(given)
    if isinstance(given, (list, tuple)) or hasattr(given, "__array__"):
        try:
            return _from_numpy(np.asarray(given), given)
        except RuntimeError as error:
            raise _refused(given, error) from None
        except ValueError:
            raise ValueError(f"the rows of a list must be equally long, got {_short(given)}") from None
    raise TypeError(f"a number or an array of numbers was wanted, got {_short(given)}")


def as_argument(given: Any, *who: str) -> Value:
    """Convert an argument to a value like `as_value`; the message of an error begins with `who`."""
    try:
        return as_value(given)
    except (TypeError, ValueError) as error:
        raise prefixed(error, ": ".join(who)) from None


def as_labels(given: Any) -> Any:
    """Return labels as an array, without converting any to float; a check reports those that are not integers."""
    if hasattr(given, "__array_namespace__") and not isinstance(given, np.ndarray):
        return given
    try:
        labels = np.asarray(given)
    except RuntimeError as error:
        raise _refused(given, error) from None
    except ValueError:  # rows that differ in length
        return np.array(given, dtype=object)
    if labels.dtype.kind in "iu" or isinstance(given, np.ndarray):
        return labels
    return np.array(given, dtype=object)


def holds_integers(array: Any) -> bool:
    """Return whether an object is an array of integers, of any library."""
    if isinstance(array, np.ndarray):
        return bool(array.ndim) and array.dtype.kind in "iu"
    xp = array.__array_namespace__() if hasattr(array, "__array_namespace__") else None
    return xp is not None and bool(array.ndim) and bool(xp.isdtype(array.dtype, "integral"))


def as_number(given: Any, who: str) -> float:
    """Return one real number as a Python float, or raise an error that begins with `who`."""
    if isinstance(given, np.ndarray) and not given.ndim:
        given = given[()]
    if not isinstance(given, (numbers.Real, np.bool_)):
        raise TypeError(f"{who} must be a number, got {_short(given)}")
    try:
        return _as_float(given)
    except ValueError as error:
        raise prefixed(error, who) from None


def as_integers(given: Any, who: str, wanted: str) -> tuple[int, ...]:
    """Return one integer, or a list or tuple of them, as a tuple, or raise an error that begins with `who`."""
    wanted = f"{who} must be {wanted}, got {_short(given)}"
    try:
        integers = tuple(map(_index, given if isinstance(given, (tuple, list)) else (given,)))
    except TypeError:
        raise TypeError(wanted) from None
    if any(abs(integer) >= 2**63 for integer in integers):
        raise ValueError(f"{wanted}: too large for an array")
    return integers


def as_flag(given: Any, who: str) -> bool:
    """Return True or False as a Python bool, or raise TypeError that begins with `who`."""
    if not isinstance(given, (bool, np.bool_)):
        raise TypeError(f"{who} must be True or False, got {_short(given)}")
    return bool(given)


def as_whole_number(given: Any, who: str, least: int) -> int:
    """Return an integer of at least `least`, or raise an error that begins with `who`."""
    wanted = f"{who} must be a whole number of at least {least}, got {_short(given)}"
    try:
        number = _index(given)
    except TypeError:
        raise TypeError(wanted) from None
    if number < least:
        raise ValueError(wanted)
    return number


def prefixed(error: Exception, who: str) -> Exception:
    """Return an error of the same type whose message begins with `who`."""
    return type(error)(f"{who}: {error}")


def shape_of(value: Value) -> tuple[int, ...]:
    """Return the shape of a float, `()`, or of an array."""
    return () if type(value) is float else tuple(value.shape)


def _index(given: Any) -> int:
    """Return a whole number as an int; True and False are not numbers here."""
    if isinstance(given, bool):
        raise TypeError
    return operator.index(given)


def _as_float(given: Any) -> float:
    """Return a number as a Python float."""
    try:
        return float(given)
    except OverflowError:
        raise ValueError(f"the number {_short(given)} is too large for a float") from None


def _from_numpy(array: Any, given: Any) -> Value:
    """Convert a NumPy array to a value."""
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a number or an array of numbers was wanted, got {_short(given)} of dtype {array.dtype}")
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if array.ndim == 0:
        return as_value(array[()])
    return array


def _from_array_api(array: Any) -> Value:
    """Convert an array of another library to a value: integers become its default float type."""
    xp = array.__array_namespace__()
    if hasattr(xp, "as_value"):  # tracers record this conversion
        return xp.as_value(array)
    if xp.isdtype(array.dtype, "real floating"):
        return array
    if xp.isdtype(array.dtype, ("integral", "bool")):
        return xp.astype(array, xp.asarray(0.0).dtype)
    raise TypeError(f"a number or an array of numbers was wanted, got an array of dtype {array.dtype}")


def _refused(given: Any, error: RuntimeError) -> TypeError:
    """Return the error for what NumPy may not read: a tensor of PyTorch that requires a gradient."""
    return TypeError(f"a number or an array of numbers was wanted, got a {type(given).__name__}: {error}")


def _short(given: Any) -> str:
    """Return a shortened repr and the type, for messages."""
    try:
        text = repr(given)
    except ValueError:  # Python refuses to print an integer of more than 4300 digits
        text = "an integer"
    return f"{text if len(text) <= 40 else text[:37] + '...'} ({type(given).__name__})"
