"""Powers, roots, the exponential and the logarithm as gates."""

import math
from collections.abc import Iterator
from typing import Any

from gates.gate import Gate
from gates.sum_to import sum_to
from gates.values import Value, as_number, namespace


class Power(Gate):
    """y = x**p, elementwise, for a fixed exponent p. Backward scales by p * x**(p - 1).

    A negative x with a fractional p gives nan. Gradients are accurate to 4 ulp for p from -100 to 100; beyond that,
    they lose digits where x**p is subnormal.

    Parameters
    ----------
    p : float
        The exponent.

    Examples
    --------
    >>> gate = Power(3)
    >>> gate.forward(2.0)
    8.0
    >>> gate.backward(1.0)
    [12.0]
    """

    elementwise = True

    def __init__(self, p: float) -> None:
        self.p = as_number(p, "Power: p")

    @property
    def notation(self) -> tuple[str, ...]:  # type: ignore[override]  # it depends on p
        """The formula and the local gradient."""
        p = f"{self.p:g}"
        return f"y = x ** {p}", {"0": "0", "1": "1", "2": "2 * x"}.get(p, f"{p} * x ** {self.p - 1.0:g}")

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return namespace(x).pow(x, self.p)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        xp, p = namespace(x), self.p
        if p == 0.0:
            return [dy * xp.zeros_like(x)]
        if p == 2.0:
            return [dy * (2.0 * x)]
        if p >= 2.0:
            # x**(p - 1) turns subnormal before p * x**(p - 1) does; p * x and x**(p - 2) do not.
            return [dy * (p * x * xp.pow(x, p - 2.0))]
        if p >= 1.0:
            return [dy * (p * xp.pow(x, p - 1.0))]
        # x**p / x, except at 0 and inf: for these p, p - 1 is rounded, an error that x = 1e300 magnifies to 200 ulp.
        limit, one = (x == 0.0) | xp.isinf(x), xp.ones_like(x)
        number = xp.where(limit, one, x)
        slope = xp.where(limit, p * xp.pow(xp.where(limit, x, one), p - 1.0), p * xp.pow(number, p) / number)
        return [dy * slope]


class Pow(Gate):
    """z = x**y, elementwise. Backward scales by y * x**(y - 1) for x, and by z * ln(x) for y.

    At x = 0 and below it is what IEEE's pow is: 0**0 is 1, 0**-1 is inf, and a negative x gives nan unless y is whole.
    The gradient of x is 0 where y is 0; that of y is 0 where x is 0 and y is not negative, as in PyTorch, and nan where
    x is negative. Gradients lose digits where z is subnormal.

    Examples
    --------
    >>> gate = Pow()
    >>> gate.forward(2.0, 3.0)
    8.0
    >>> gate.backward(1.0)  # 8 ln(2)
    [12.0, 5.545177444479562]
    """

    elementwise = True
    notation = "z = x ** y", "y * x ** (y - 1)", "z * log(x)"

    def forward(self, x: Value, y: Value) -> Value:
        z = namespace(x, y).pow(x, y)
        self.kept = x, y, z
        return z

    def backward(self, dz: Value) -> list[Value]:
        x, y, z = self.kept
        xp, one = namespace(z), namespace(z).ones_like(z)
        wide = xp, x * one, y * one, z
        return [sum_to(dz * self._slope_of_x(*wide), x), sum_to(dz * self._slope_of_y(*wide), y)]

    @staticmethod
    def _slope_of_x(xp: Any, x: Value, y: Value, z: Value) -> Value:
        """Return y * x**(y - 1). In each formula, numbers of which another one is taken are 1: they might overflow."""
        one = xp.ones_like(z)
        # From y = 2 on x**(y - 1) turns subnormal before y * x**(y - 1) does. Below 1/2 y - 1 is rounded, an error that
        # a large or a small x magnifies; x**y / x has none, but for x = 0 and inf.
        is_high, is_low = y >= 2.0, (y < 0.5) & (x != 0.0) & (xp.abs(x) < math.inf)
        base = xp.where(is_high, x, one)
        high = y * base * xp.pow(base, xp.maximum(y, 2.0) - 2.0)
        low = y * xp.where(is_low, z, one) / xp.where(is_low, x, one)
        plain = y * xp.pow(xp.where(is_low, one, x), y - 1.0)
        slope = xp.where(is_high, high, xp.where(is_low, low, plain))
        return xp.where(y == 0.0, 0.0, slope)

    @staticmethod
    def _slope_of_y(xp: Any, x: Value, y: Value, z: Value) -> Value:
        """Return z * ln(x)."""
        return z * xp.log(xp.where((x == 0.0) & (y >= 0.0), xp.ones_like(z), x))

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield positive bases, for which every exponent has a slope."""
        for of_x, of_y in (((), ()), ((3,), (3,)), ((2, 3), ()), ((), (4,)), ((2, 1), (1, 3)), ((0,), (1,))):
            x, y = random.uniform(0.2, 3.0, of_x), random.normal(0.0, 2.0, of_y)
            yield (x if of_x else float(x)), (y if of_y else float(y))


class Square(Gate):
    """y = x**2, elementwise. Backward scales by 2 x.

    Examples
    --------
    >>> gate = Square()
    >>> gate.forward(-3.0)
    9.0
    >>> gate.backward(1.0)
    [-6.0]
    """

    elementwise = True
    notation = "y = x ** 2", "2 * x"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return x * x

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        return [2.0 * (dy * x)]


class Sqrt(Gate):
    """y = sqrt(x), elementwise. Backward scales by 1 / (2 y): inf at 0, nan below.

    Examples
    --------
    >>> gate = Sqrt()
    >>> gate.forward(9.0)
    3.0
    >>> gate.backward(6.0)
    [1.0]
    """

    elementwise = True
    notation = "y = sqrt(x)", "1 / (2 * y)"

    def forward(self, x: Value) -> Value:
        y = namespace(x).sqrt(x)
        self.kept = (y,)
        return y

    def backward(self, dy: Value) -> list[Value]:
        (y,) = self.kept
        return [namespace(y).divide(dy, 2.0 * y)]


class Exp(Gate):
    """y = e**x, elementwise. Backward scales by y itself.

    Examples
    --------
    >>> gate = Exp()
    >>> gate.forward(0.0)
    1.0
    >>> gate.backward(2.0)
    [2.0]
    """

    elementwise = True
    notation = "y = exp(x)", "exp(x)"

    def forward(self, x: Value) -> Value:
        y = namespace(x).exp(x)
        self.kept = (y,)
        return y

    def backward(self, dy: Value) -> list[Value]:
        (y,) = self.kept
        return [dy * y]


class Log(Gate):
    """y = ln(x), elementwise: -inf at 0, nan below. Backward scales by 1 / x.

    Examples
    --------
    >>> gate = Log()
    >>> gate.forward(1.0)
    0.0
    >>> gate.backward(2.0)
    [2.0]
    """

    elementwise = True
    notation = "y = log(x)", "1 / x"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return namespace(x).log(x)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        return [namespace(x).divide(dy, x)]
