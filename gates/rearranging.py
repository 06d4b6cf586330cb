"""Gates that rearrange elements: transpose and reshape."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from gates.gate import Gate
from gates.values import MOST_AXES, Value, as_integers, namespace, shape_of


class Transpose(Gate):
    """y = x with its axes in another order. Backward restores their order.

    Parameters
    ----------
    axes : tuple of int or None
        For each axis of y, the axis of x that it comes from; None reverses all axes, as `x.T` does.

    Examples
    --------
    >>> gate = Transpose()
    >>> gate.forward([[1.0, 2.0, 3.0]]).shape
    (3, 1)
    >>> gate.backward([[1.0], [2.0], [3.0]])
    [array([[1., 2., 3.]])]
    """

    notation = "y = transpose(x)", "transpose(dy)"

    def __init__(self, axes: tuple[int, ...] | None = None) -> None:
        wanted = "a tuple of integers or None"
        if axes is not None and not isinstance(axes, Iterable):
            raise TypeError(f"Transpose: axes must be {wanted}, got {axes!r}")
        self.axes = None if axes is None else as_integers(tuple(axes), "Transpose: axes", wanted)
        if self.axes is not None:
            self._order(len(self.axes))

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return namespace(x).permute_dims(x, self._order(len(shape_of(x))))

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        order = self._order(len(shape_of(x)))
        inverse = tuple(sorted(range(len(order)), key=order.__getitem__))
        return [namespace(dy).permute_dims(dy, inverse)]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield arrays with the number of axes that the gate permutes."""
        counts = range(5) if self.axes is None else [len(self.axes)]
        for shape in ((3, 3, 3, 3), (2, 3, 4, 5), (1, 3, 1, 2)):
            for count in counts:
                yield (random.normal(size=(*shape, *[2] * count)[:count]),)

    def _order(self, ndim: int) -> tuple[int, ...]:
        """Return the source axis of each axis of y, from 0 on."""
        if self.axes is None:
            return tuple(reversed(range(ndim)))
        if sorted(axis + ndim if axis < 0 else axis for axis in self.axes) != list(range(ndim)):
            raise ValueError(f"Transpose: axes must name each of {ndim} axes once, got {self.axes}")
        return tuple(axis % ndim for axis in self.axes)


class Reshape(Gate):
    """y = the elements of x, in the same order, in another shape. Backward restores the shape of x.

    Parameters
    ----------
    shape : int or tuple of int
        The new shape; one length may be -1, which is then computed from the others.

    Examples
    --------
    >>> gate = Reshape((2, -1))
    >>> gate.forward([1.0, 2.0, 3.0, 4.0])
    array([[1., 2.],
           [3., 4.]])
    >>> gate.backward([[1.0, 2.0], [3.0, 4.0]])
    [array([1., 2., 3., 4.])]
    """

    notation = "y = reshape(x)", "reshape(dy)"

    def __init__(self, shape: int | tuple[int, ...]) -> None:
        self.shape = as_integers(shape, "Reshape: shape", "an integer or a tuple of integers")
        if min(self.shape, default=0) < -1 or self.shape.count(-1) > 1 or {-1, 0} <= {*self.shape}:
            raise ValueError(f"Reshape: shape must have lengths from 0 on, or one -1 and none 0, got {self.shape}")
        if len(self.shape) > MOST_AXES:
            raise ValueError(f"Reshape: shape must have at most {MOST_AXES} lengths, got {len(self.shape)}")

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        size = math.prod(shape_of(x))
        known = math.prod(length for length in self.shape if length != -1)
        if size % known if -1 in self.shape else size != known:
            raise ValueError(f"Reshape: {size} elements of shape {shape_of(x)} do not fit the shape {self.shape}")
        return namespace(x).reshape(x, self.shape)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        return [namespace(dy).reshape(dy, shape_of(x))]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield arrays with the number of elements of the new shape."""
        for rows in (1, 2, 3):
            shape = tuple(rows if length == -1 else length for length in self.shape)
            yield (random.normal(size=shape),)
            yield (random.normal(size=math.prod(shape)),)
            yield (random.normal(size=(1, *reversed(shape))),)
