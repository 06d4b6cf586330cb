"""Gates that join arrays: one after another, or side by side along a new axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gates.gate import Gate
from gates.values import Value, as_integers, namespace, shape_of


class Concatenate(Gate):
    """y = arrays one after another along an axis. Backward cuts the gradient where they meet.

    Parameters
    ----------
    axis : int
        The axis along which they are joined.

    Examples
    --------
    >>> gate = Concatenate()
    >>> gate.forward([1.0, 2.0], [3.0])
    array([1., 2., 3.])
    >>> gate.backward([10.0, 20.0, 30.0])
    [array([10., 20.]), array([30.])]
    """

    notation = ("z = concatenate(inputs)",)

    def __init__(self, axis: int = 0) -> None:
        (self.axis,) = as_integers(axis, "Concatenate: axis", "an integer")

    def forward(self, x: Value, *others: Value) -> Value:
        inputs = self.kept = (x, *others)
        shapes = list(map(shape_of, inputs))
        first = shapes[0]
        if not -len(first) <= self.axis < len(first):
            raise ValueError(f"Concatenate: the inputs must have the axis {self.axis}, got the shapes {shapes}")
        axis = self.axis % len(first)
        if any(len(s) != len(first) or s[:axis] + s[axis + 1 :] != first[:axis] + first[axis + 1 :] for s in shapes):
            wanted = f"shapes that differ along the axis {self.axis} alone"
            raise ValueError(f"Concatenate: the inputs must have {wanted}, got {shapes}")
        return namespace(*inputs).concat(list(inputs), axis=axis)

    def backward(self, dz: Value) -> list[Value | None]:
        parts: list[Value | None] = []
        start = 0
        axis = self.axis % len(shape_of(self.kept[0]))
        for x, want in zip(self.kept, self.wanted):
            stop = start + shape_of(x)[axis]
            parts.append(dz[_along(axis, slice(start, stop), dz)] if want else None)
            start = stop
        return parts

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield one to three arrays, of other lengths along the axis."""
        axes = self.axis + 1 if self.axis >= 0 else -self.axis
        axis = self.axis % (axes + 1) if self.axis >= 0 else self.axis
        for lengths in ((2,), (2, 3), (1, 2, 1)):
            shape = [2] * (axes + 1)
            arrays = []
            for length in lengths:
                shape[axis] = length
                arrays.append(random.normal(size=tuple(shape)))
            yield tuple(arrays)


class Stack(Gate):
    """y = arrays or numbers side by side along a new axis. Backward takes them apart.

    Parameters
    ----------
    axis : int
        Where the new axis is.

    Examples
    --------
    >>> gate = Stack()
    >>> gate.forward(1.0, 2.0)
    array([1., 2.])
    >>> gate.backward([10.0, 20.0])
    [10.0, 20.0]
    """

    notation = ("z = stack(inputs)",)

    def __init__(self, axis: int = 0) -> None:
        (self.axis,) = as_integers(axis, "Stack: axis", "an integer")

    def forward(self, x: Value, *others: Value) -> Value:
        inputs = self.kept = (x, *others)
        shapes = list(map(shape_of, inputs))
        if len(set(shapes)) != 1 or not -len(shapes[0]) - 1 <= self.axis <= len(shapes[0]):
            raise ValueError(f"Stack: the inputs must have one shape that fits the axis {self.axis}, got {shapes}")
        xp = namespace(*inputs)
        return (np if getattr(xp, "of_numbers", False) else xp).stack(list(inputs), axis=self.axis)

    def backward(self, dz: Value) -> list[Value]:
        axis = self.axis % len(shape_of(dz))
        return [dz[_along(axis, place, dz)] if want else None for place, want in enumerate(self.wanted)]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield one to three arrays of a shape that has room for the axis."""
        axes = self.axis if self.axis >= 0 else -self.axis - 1
        for count in (1, 2, 3):
            yield tuple(random.normal(size=(2,) * max(axes, 1)) for _ in range(count))


def _along(axis: int, key: Any, array: Value) -> tuple[Any, ...]:
    """Return an index that has a key at an axis, and takes all of the others."""
    return (*[slice(None)] * axis, key, *[slice(None)] * (len(shape_of(array)) - axis - 1))
