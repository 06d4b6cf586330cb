"""Gates that do one thing here and another there: the absolute value, bounds, and a choice."""

import math

from gates.gate import Gate
from gates.sum_to import sum_to
from gates.values import Value, as_number, namespace, shape_of


class Abs(Gate):
    """y = |x|, elementwise. Backward passes the gradient where x > 0, its negative where x < 0; at 0 it takes 0.

    At nan the gradient is nan.

    Examples
    --------
    >>> gate = Abs()
    >>> gate.forward(-3.0)
    3.0
    >>> gate.backward(2.0)
    [-2.0]
    """

    elementwise = True
    notation = "y = abs(x)", "sign(x)"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return namespace(x).abs(x)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        xp = namespace(x)
        return [xp.where(x == 0.0, 0.0, xp.where(x < 0.0, -dy, xp.where(x > 0.0, dy, math.nan)))]


class Clip(Gate):
    """y = x kept from low to high, elementwise. Backward passes the gradient there, the bounds included, as in PyTorch.

    Parameters
    ----------
    low, high : float or None
        The bounds; None is no bound.

    Raises
    ------
    ValueError
        If low is above high, or a bound is nan.

    Examples
    --------
    >>> gate = Clip(0, 1)
    >>> gate.forward([-0.5, 0.5, 1.0, 2.0])
    array([0. , 0.5, 1. , 1. ])
    >>> gate.backward(1.0)
    [array([0., 1., 1., 0.])]
    """

    elementwise = True

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self.low = None if low is None else as_number(low, "Clip: low")
        self.high = None if high is None else as_number(high, "Clip: high")
        for name, bound in (("low", self.low), ("high", self.high)):
            if bound is not None and math.isnan(bound):
                raise ValueError(f"Clip: {name} must be a number, got nan")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ValueError(f"Clip: low must be at most high, got {self.low:g} and {self.high:g}")

    @property
    def notation(self) -> tuple[str, ...]:  # type: ignore[override]  # it depends on the bounds
        """The formula and the local gradient."""
        if self.low is None and self.high is None:
            return "y = x", "1"
        if self.low is None:
            return f"y = min(x, {self.high:g})", f"x <= {self.high:g}"
        if self.high is None:
            return f"y = max(x, {self.low:g})", f"x >= {self.low:g}"
        return f"y = clip(x, {self.low:g}, {self.high:g})", f"{self.low:g} <= x <= {self.high:g}"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        xp = namespace(x)
        y = x if self.low is None else xp.maximum(x, self.low)
        return y if self.high is None else xp.minimum(y, self.high)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        xp = namespace(x)
        if self.low is not None:
            dy = xp.where(x >= self.low, dy, 0.0)
        return [dy if self.high is None else xp.where(x <= self.high, dy, 0.0)]


class Where(Gate):
    """z = x where c > 0, else y, elementwise. Backward routes the gradient to the one that was taken; c gets 0.

    Examples
    --------
    >>> gate = Where()
    >>> gate.forward([2.0, -1.0, 0.0], 10.0, 20.0)
    array([10., 20., 20.])
    >>> gate.backward([1.0, 2.0, 4.0])
    [array([0., 0., 0.]), 1.0, 6.0]
    """

    elementwise = True
    notation = "z = x if c > 0 else y", "0", "c > 0", "c <= 0"

    def forward(self, c: Value, x: Value, y: Value) -> Value:
        self.kept = c, x, y
        xp = namespace(c, x, y)
        if shape_of(c) and not shape_of(x) and not shape_of(y):
            x = x * xp.ones_like(c)  # of two numbers, an array in the type of c
        return xp.where(c > 0.0, x, y)

    def backward(self, dz: Value) -> list[Value]:
        c, x, y = self.kept
        xp = namespace(c, dz)
        return [xp.zeros_like(c), sum_to(xp.where(c > 0.0, dz, 0.0), x), sum_to(xp.where(c > 0.0, 0.0, dz), y)]
