"""Gates that sum, average or look for the largest or the smallest over axes, and the squared norm."""

import math
from typing import Any

from gates.gate import Gate
from gates.values import MOST_AXES, Value, as_flag, as_integers, namespace, shape_of


class Reduction(Gate):
    """A gate that reduces over axes."""

    def __init__(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> None:
        wanted = "an integer, a tuple of integers or None"
        axes = () if axis is None else as_integers(axis, f"{type(self).__name__}: axis", wanted)
        if len(set(axes)) < len(axes) or not all(-MOST_AXES <= axis < MOST_AXES for axis in axes):
            wanted = f"different axes from {-MOST_AXES} to {MOST_AXES - 1}"
            raise ValueError(f"{type(self).__name__}: axis must be {wanted}, got {axis}")
        self.axis = axis if axis is None else axes if isinstance(axis, (tuple, list)) else axes[0]
        self.keepdims = as_flag(keepdims, f"{type(self).__name__}: keepdims")

    def _refuse(self, x: Value) -> None:
        """Raise ValueError if x lacks one of the axes."""
        shape, given = shape_of(x), self.axis
        axes = () if given is None else given if isinstance(given, tuple) else (given,)
        if len({axis % len(shape) for axis in axes if -len(shape) <= axis < len(shape)}) < len(axes):
            who = f"{type(self).__name__}: x must have the axes {axes}, each of them once"
            raise ValueError(f"{who}, got the shape {shape}") from None


class Sum(Reduction):
    """y = the sum of x over some axes. Backward copies the gradient of a sum to each element in it.

    Parameters
    ----------
    axis : int, tuple of int or None
        The axes to sum over; None sums over all.
    keepdims : bool
        Whether the summed axes are kept, with length 1.

    Examples
    --------
    >>> gate = Sum(axis=0)
    >>> gate.forward([[1.0, 2.0], [3.0, 4.0]])
    array([4., 6.])
    >>> gate.backward([1.0, 10.0])
    [array([[ 1., 10.],
           [ 1., 10.]])]
    """

    notation = "y = sum(x)", "1"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        try:
            return namespace(x).sum(x, axis=self.axis, keepdims=self.keepdims)
        except ValueError:
            self._refuse(x)  # with a clearer message
            raise

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        return [spread(dy, x, self.axis)]


class Mean(Reduction):
    """y = the mean of x over some axes. Backward spreads the gradient of a mean over its n elements, 1 / n each.

    Parameters
    ----------
    axis : int, tuple of int or None
        The axes to average over; None averages over all.
    keepdims : bool
        Whether the averaged axes are kept, with length 1.

    Examples
    --------
    >>> gate = Mean()
    >>> gate.forward([1.0, 2.0, 6.0])
    3.0
    >>> gate.backward(3.0)
    [array([1., 1., 1.])]
    """

    notation = "y = mean(x)", "1 / n"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        try:
            return namespace(x).mean(x, axis=self.axis, keepdims=self.keepdims)
        except ValueError:
            self._refuse(x)  # with a clearer message
            raise

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        shape = shape_of(x)
        count = math.prod(shape[axis] for axis in axes_of(self.axis, len(shape)))
        return [spread(dy, x, self.axis) / max(count, 1)]


class Variance(Reduction):
    """y = the mean of (x - mean)**2 over some axes. Backward scales by 2 (x - mean) / n.

    It is the variance of the numbers themselves, divided by n, as `np.var` has it.

    Parameters
    ----------
    axis : int, tuple of int or None
        The axes to average over; None averages over all.
    keepdims : bool
        Whether these axes are kept, with length 1.

    Examples
    --------
    >>> gate = Variance()
    >>> gate.forward([1.0, 3.0])
    1.0
    >>> gate.backward(1.0)
    [array([-1.,  1.])]
    """

    notation = "y = variance(x)", "2 * (x - mean(x)) / n"

    def forward(self, x: Value) -> Value:
        self._refuse(x)
        xp = namespace(x)
        far = x - xp.mean(x, axis=self.axis, keepdims=True)
        self.kept = (far,)
        return xp.mean(far * far, axis=self.axis, keepdims=self.keepdims)

    def backward(self, dy: Value) -> list[Value]:
        (far,) = self.kept
        shape = shape_of(far)
        count = math.prod(shape[axis] for axis in axes_of(self.axis, len(shape)))
        # The mean moves with x, too; that this adds 0 is seen from the sum of the distances to it, which is 0.
        return [spread(dy, far, self.axis) * (2.0 * far / max(count, 1))]


class ReduceMax(Reduction):
    """y = the largest x over some axes. Backward routes the gradient to it; a tie goes to the first.

    Parameters
    ----------
    axis : int, tuple of int or None
        The axes to search; None searches all.
    keepdims : bool
        Whether these axes are kept, with length 1.

    Raises
    ------
    ValueError
        If there is no element to choose from.

    Examples
    --------
    >>> gate = ReduceMax(axis=1)
    >>> gate.forward([[1.0, 3.0, 2.0], [5.0, 4.0, 5.0]])
    array([3., 5.])
    >>> gate.backward([10.0, 20.0])
    [array([[ 0., 10.,  0.],
           [20.,  0.,  0.]])]
    """

    notation = "y = reduce_max(x)", "x == reduce_max(x)"

    def forward(self, x: Value) -> Value:
        self._refuse(x)
        self.kept = (x,)
        if not shape_of(x):
            return x
        require_elements(x, self.axis, "ReduceMax")
        return namespace(x).max(x, axis=self.axis, keepdims=self.keepdims)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        if not shape_of(x):
            return [dy]
        return [namespace(x).where(first_largest(x, self.axis), spread(dy, x, self.axis), 0.0)]


class ReduceMin(Reduction):
    """y = the smallest x over some axes. Backward routes the gradient to it; a tie goes to the first.

    Parameters
    ----------
    axis : int, tuple of int or None
        The axes to search; None searches all.
    keepdims : bool
        Whether these axes are kept, with length 1.

    Raises
    ------
    ValueError
        If there is no element to choose from.

    Examples
    --------
    >>> gate = ReduceMin(axis=1)
    >>> gate.forward([[1.0, 3.0, 2.0], [5.0, 4.0, 4.0]])
    array([1., 4.])
    >>> gate.backward([10.0, 20.0])
    [array([[10.,  0.,  0.],
           [ 0., 20.,  0.]])]
    """

    notation = "y = reduce_min(x)", "x == reduce_min(x)"

    def forward(self, x: Value) -> Value:
        self._refuse(x)
        self.kept = (x,)
        if not shape_of(x):
            return x
        require_elements(x, self.axis, "ReduceMin")
        return namespace(x).min(x, axis=self.axis, keepdims=self.keepdims)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        if not shape_of(x):
            return [dy]
        return [namespace(x).where(first_largest(-x, self.axis), spread(dy, x, self.axis), 0.0)]


class SquaredNorm(Gate):
    """y = the sum of x**2 over all elements. Backward scales by 2 * x.

    Examples
    --------
    >>> gate = SquaredNorm()
    >>> gate.forward([0.5, -2.0])
    4.25
    >>> gate.backward(1.0)
    [array([ 1., -4.])]
    """

    notation = "y = sum(x ** 2)", "2 * x"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return namespace(x).sum(x * x)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        return [2.0 * dy * x]


def axes_of(axis: Any, ndim: int) -> list[int]:
    """Return the axes that a reduction reduces, as a list of numbers from 0 to ndim - 1."""
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return [a % ndim for a in axes]


def spread(dy: Value, x: Value, axis: Any) -> Value:
    """Broadcast the gradient of a sum to the shape of x, which was summed."""
    xp = namespace(x)
    reduced = axes_of(axis, len(shape_of(x)))
    shape = tuple(1 if i in reduced else length for i, length in enumerate(shape_of(x)))
    return xp.ones_like(x) * xp.reshape(xp.asarray(dy), shape)


def require_elements(x: Value, axis: Any, who: str) -> None:
    """Raise ValueError if x has no elements along the axes, so that none is the largest or the smallest."""
    shape = shape_of(x)
    if 0 in [shape[axis] for axis in axes_of(axis, len(shape))]:
        raise ValueError(f"{who}: x must have elements along its axes, got the shape {shape}")


def first_largest(x: Value, axis: Any) -> Any:
    """Return a mask in the shape of x, True at the first of the largest elements over the axes."""
    xp, shape = namespace(x), shape_of(x)
    reduced = sorted(axes_of(axis, len(shape)))
    order = [axis for axis in range(len(shape)) if axis not in reduced] + reduced
    moved = tuple(shape[axis] for axis in order)
    rows = xp.reshape(xp.permute_dims(x, tuple(order)), (*moved[: len(shape) - len(reduced)], -1))
    mask = xp.arange(rows.shape[-1]) == xp.argmax(rows, axis=-1, keepdims=True)
    return xp.permute_dims(xp.reshape(mask, moved), tuple(sorted(range(len(order)), key=order.__getitem__)))
