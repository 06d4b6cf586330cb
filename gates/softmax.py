"""The softmax and its relative, the logarithm of a sum of exponentials."""

from typing import Any

from gates.gate import Gate
from gates.reductions import Reduction, axes_of, first_largest, require_elements, spread
from gates.values import Value, as_integers, namespace, shape_of


class Softmax(Gate):
    """y = e**x / sum(e**x) along an axis. Backward gives y * (dy - sum(dy * y)): each x moves all y along the axis.

    Scores may be of any size: what is computed are differences to the largest one.

    Parameters
    ----------
    axis : int
        The axis along which y sums to 1.

    References
    ----------
    Goodfellow, Bengio, Courville: Deep Learning, section 4.1, https://www.deeplearningbook.org

    Examples
    --------
    >>> gate = Softmax()
    >>> gate.forward([[0.0, 0.0], [1000.0, 0.0]])
    array([[0.5, 0.5],
           [1. , 0. ]])
    >>> gate.backward([[1.0, 0.0], [0.0, 1.0]])
    [array([[ 0.25, -0.25],
           [ 0.  ,  0.  ]])]
    """

    notation = "y = softmax(x)", "y * (dy - sum(dy * y))"

    def __init__(self, axis: int = -1) -> None:
        (self.axis,) = as_integers(axis, "Softmax: axis", "an integer")

    def forward(self, x: Value) -> Value:
        shape = shape_of(x)
        if not -len(shape) <= self.axis < len(shape):
            raise ValueError(f"Softmax: x must have the axis {self.axis}, got the shape {shape}")
        require_elements(x, self.axis, "Softmax")
        e = _powers(x, namespace(x).max(x, axis=self.axis, keepdims=True))
        y = e / namespace(e).sum(e, axis=self.axis, keepdims=True)
        self.kept = (y,)
        return y

    def backward(self, dy: Value) -> list[Value]:
        (y,) = self.kept
        return [y * (dy - namespace(y).sum(dy * y, axis=self.axis, keepdims=True))]

    def example_inputs(self, random: Any) -> Any:
        """Yield arrays of several sizes, those with the axis."""
        axes = self.axis + 1 if self.axis >= 0 else -self.axis
        for shape in ((3,), (4, 3), (2, 3, 4), (2, 1, 3, 2), (1, 5)):
            if len(shape) >= axes:
                yield (random.normal(size=shape),)
                yield (100.0 * random.normal(size=shape),)


class LogSumExp(Reduction):
    """y = ln(sum(e**x)) over some axes. Backward scales by the softmax of x.

    x may be of any size, and where one element outweighs the others, the digits of these are kept.

    Parameters
    ----------
    axis : int, tuple of int or None
        The axes to sum over; None sums over all.
    keepdims : bool
        Whether the summed axes are kept, with length 1.

    Examples
    --------
    >>> gate = LogSumExp()
    >>> gate.forward([0.0, -40.0])  # ln(1 + e**-40)
    4.248354255291589e-18
    >>> gate.backward(1.0)
    [array([1.00000000e+00, 4.24835426e-18])]
    """

    kind = "logsumexp"
    notation = "y = log(sum(exp(x)))", "softmax(x)"

    def forward(self, x: Value) -> Value:
        self._refuse(x)
        if not shape_of(x):
            self.kept = x, None
            return x
        require_elements(x, self.axis, "LogSumExp")
        xp = namespace(x)
        top = xp.max(x, axis=self.axis, keepdims=True)
        e = _powers(x, top)
        self.kept = x, e
        # The largest element's e**0 = 1 is left out of the sum, so that log1p keeps the digits of the others.
        others = xp.sum(xp.where(first_largest(x, self.axis), 0.0, e), axis=self.axis, keepdims=True)
        y = xp.where(xp.isinf(top), top, top + xp.log1p(others))
        return y if self.keepdims else xp.squeeze(y, axis=tuple(axes_of(self.axis, len(shape_of(x)))))

    def backward(self, dy: Value) -> list[Value]:
        x, e = self.kept
        if e is None:
            return [dy]
        xp = namespace(x)
        return [spread(dy, x, self.axis) * (e / xp.sum(e, axis=self.axis, keepdims=True))]


def _powers(x: Value, top: Value) -> Value:
    """Return e**(x - top), where top is the largest x along some axes."""
    xp = namespace(x)
    # Half the differences, which never overflow; e**-800 is already 0. Of an infinite top, inf - inf would be nan.
    half = 0.5 * x - 0.5 * xp.where(xp.isinf(top), 0.0, top)
    return xp.exp(2.0 * xp.maximum(half, -400.0))
