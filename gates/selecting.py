"""The gate that takes some elements of an array."""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gates.gate import Gate
from gates.values import Value, namespace, shape_of

_PART = re.compile(r"\s*(\[[^\]]*\]|[^,\[\]]*)\s*(?:,|$)")
_SLICE = re.compile(r"(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(-?\d+)?)?")


class Index(Gate):
    """y = x[key]. Backward puts each gradient where its element came from; those of an element taken twice add.

    Parameters
    ----------
    key : int, slice, list of int, None, Ellipsis, or a tuple of these
        As NumPy has it, with at most one list; or the same as text, `":, 1:3"`, which is what the gate keeps.

    Raises
    ------
    TypeError
        If it is something else, such as a mask.
    ValueError
        If there are several lists, or a list and an integer with something between them, or x has no such element.

    Examples
    --------
    >>> gate = Index([0, 2, 2])
    >>> gate.forward([10.0, 20.0, 30.0])
    array([10., 30., 30.])
    >>> gate.backward([1.0, 2.0, 4.0])
    [array([1., 0., 6.])]
    >>> Index((slice(None), slice(1, 3)))
    Index(key=':, 1:3')
    """

    notation = "y = index(x)", "dy where x was taken"

    def __init__(self, key: Any) -> None:
        self.key = key if isinstance(key, str) else _text(key)
        _parts(self.key)

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        shape = shape_of(x)
        try:
            places = self._places(shape)
        except IndexError:
            raise ValueError(f"Index: x must have the elements [{self.key}], got the shape {shape}") from None
        if not shape:
            return namespace(x).reshape(x, places.shape)
        key, axis, chosen = self._simple(len(shape))
        if chosen is None:
            return x[key]
        xp, length = namespace(x), x[key].shape[axis]
        return xp.take(x[key], xp.asarray([place % length for place in chosen], dtype=xp.arange(0).dtype), axis=axis)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        shape = shape_of(x)
        if not shape:
            return [namespace(dy).reshape(dy, ())]
        places = self._places(shape).ravel()
        if isinstance(dy, np.ndarray) or type(dy) is float:
            dx = np.zeros(math.prod(shape), getattr(x, "dtype", None))
            np.add.at(dx, places, np.ravel(dy))
            return [dx.reshape(shape)]
        return [_added(dy, places, shape)]

    def _simple(self, ndim: int) -> tuple[tuple[Any, ...], int, list[int] | None]:
        """Return the key with a slice in place of a list, the axis of y where that is, and the list."""
        parts = list(_parts(self.key))
        if Ellipsis in parts:
            place = parts.index(Ellipsis)
            missing = ndim - sum(part is not None and part is not Ellipsis for part in parts)
            parts[place : place + 1] = [slice(None)] * missing
        parts += [slice(None)] * (ndim - sum(part is not None for part in parts))
        lists = [place for place, part in enumerate(parts) if isinstance(part, list)]
        if not lists:
            return tuple(parts), 0, None
        (place,) = lists
        axis = sum(not isinstance(part, int) for part in parts[:place])
        chosen = parts[place]
        parts[place] = slice(None)
        return tuple(parts), axis, chosen

    def _places(self, shape: tuple[int, ...]) -> Any:
        """Return which element of an array of this shape each element of y is."""
        return np.arange(math.prod(shape)).reshape(shape)[_parts(self.key)]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield arrays that have the elements."""
        parts = [part for part in _parts(self.key) if part is not None and part is not Ellipsis]
        for extra in ((), (2,), (3, 2)):
            shape = [max([4, *(abs(n) + 1 for n in np.ravel(part).tolist() if isinstance(n, int))]) for part in parts]
            yield (random.normal(size=(*shape, *extra) if shape or extra else (3,)),)


def _added(dy: Value, places: Any, shape: tuple[int, ...]) -> Value:
    """Return zeros of a shape with gradients added at places, by gathering: once for each time a place is repeated."""
    xp = namespace(dy)
    flat, size = xp.reshape(dy, (-1,)), math.prod(shape)
    order = np.argsort(places, kind="stable")
    turn = np.arange(len(places)) - np.searchsorted(places[order], places[order])
    total = None
    for number in range(int(turn.max(initial=0)) + 1):
        here = order[turn == number]
        source, is_here = np.zeros(size, dtype=int), np.zeros(size, dtype=bool)
        source[places[here]], is_here[places[here]] = here, True
        part = xp.where(xp.asarray(is_here), xp.take(flat, xp.asarray(source), axis=0), 0.0)
        total = part if total is None else total + part
    return xp.reshape(total, shape)


def _text(key: Any) -> str:
    """Return a key as text."""
    parts = key if isinstance(key, tuple) else (key,)
    return ", ".join(map(_part_text, parts)) or "()"


def _part_text(part: Any) -> str:
    """Return a part of a key as text."""
    if part is None or part is Ellipsis:
        return "None" if part is None else "..."
    if isinstance(part, slice):
        start, stop, step = ("" if n is None else str(_whole(n)) for n in (part.start, part.stop, part.step))
        return f"{start}:{stop}" + f":{step}" * bool(step)
    if isinstance(part, (list, np.ndarray)) and np.ndim(part) == 1:
        return f"[{', '.join([str(_whole(place)) for place in part])}]"
    return str(_whole(part))


def _whole(number: Any) -> int:
    """Return an integer, or raise TypeError."""
    wanted = "integers, slices, None, ... and one list of integers"
    if isinstance(number, (bool, np.bool_)):
        raise TypeError(f"Index: key must be made of {wanted}, got a mask; Where chooses by a condition")
    try:
        return operator.index(number)
    except TypeError:
        raise TypeError(f"Index: key must be made of {wanted}, got {number!r}") from None


@functools.cache
def _parts(text: str) -> tuple[Any, ...]:
    """Return the parts of a key that is given as text."""
    if text == "()":
        return ()
    parts, place = [], 0
    while place < len(text):
        match = _PART.match(text, place)
        if match is None:
            raise ValueError(f"Index: key {text!r} cannot be read")
        parts.append(_part(match[1].strip(), text))
        place = match.end()
    _check(parts, text)
    return tuple(parts)


def _part(part: str, text: str) -> Any:
    """Return one part of a key."""
    if part in ("None", "..."):
        return None if part == "None" else Ellipsis
    try:
        if part.startswith("["):
            return [int(place) for place in part[1:-1].split(",")] if part[1:-1].strip() else []
        if match := _SLICE.fullmatch(part):
            return slice(*[None if number is None else int(number) for number in match.groups()])
        return int(part)
    except ValueError:
        raise ValueError(f"Index: key {text!r} cannot be read at {part!r}") from None


def _check(parts: Sequence[Any], text: str) -> None:
    """Raise ValueError for keys whose meaning in NumPy surprises."""
    if parts.count(Ellipsis) > 1:
        raise ValueError(f"Index: key may have one ..., got {text!r}")
    advanced = [place for place, part in enumerate(parts) if isinstance(part, (int, list))]
    if any(isinstance(part, list) for part in parts):
        if sum(isinstance(part, list) for part in parts) > 1:
            raise ValueError(f"Index: key may have one list, got {text!r}")
        if advanced[-1] - advanced[0] >= len(advanced):
            raise ValueError(f"Index: nothing may stand between a list and an integer, got {text!r}")
    if any(isinstance(part, slice) and part.step == 0 for part in parts):
        raise ValueError(f"Index: the step of a slice must not be 0, got {text!r}")
