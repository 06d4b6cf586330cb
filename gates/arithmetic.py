"""Gates of arithmetic: sums, products and quotients of two inputs, or of one input and a fixed number."""

from gates.gate import Gate
from gates.sum_to import sum_to
from gates.values import Value, as_number, namespace

_SMALL, _LIFT = 2.0**-1000, 2.0**100


class Add(Gate):
    """z = x + y, elementwise. Backward distributes: each input gets the upstream gradient.

    Examples
    --------
    >>> gate = Add()
    >>> gate.forward(3.0, -4.0)
    -1.0
    >>> gate.backward(2.0)
    [2.0, 2.0]
    """

    elementwise = True
    pattern = "gradient distributor"
    notation = "z = x + y", "1", "1"

    def forward(self, x: Value, y: Value) -> Value:
        self.kept = x, y
        return x + y

    def backward(self, dz: Value) -> list[Value]:
        x, y = self.kept
        return [sum_to(dz, x), sum_to(dz, y)]


class Subtract(Gate):
    """z = x - y, elementwise. Backward: dx = dz, dy = -dz.

    Examples
    --------
    >>> gate = Subtract()
    >>> gate.forward(3.0, -4.0)
    7.0
    >>> gate.backward(2.0)
    [2.0, -2.0]
    """

    elementwise = True
    notation = "z = x - y", "1", "-1"

    def forward(self, x: Value, y: Value) -> Value:
        self.kept = x, y
        return x - y

    def backward(self, dz: Value) -> list[Value]:
        x, y = self.kept
        return [sum_to(dz, x), sum_to(-dz, y)]


class Multiply(Gate):
    """z = x * y, elementwise. Backward switches the inputs: each is scaled by the other.

    Examples
    --------
    >>> gate = Multiply()
    >>> gate.forward(3.0, -4.0)
    -12.0
    >>> gate.backward(2.0)
    [-8.0, 6.0]
    """

    elementwise = True
    pattern = "gradient switcher"
    notation = "z = x * y", "y", "x"

    def forward(self, x: Value, y: Value) -> Value:
        self.kept = x, y
        return x * y

    def backward(self, dz: Value) -> list[Value]:
        x, y = self.kept
        return [sum_to(dz * y, x), sum_to(dz * x, y)]


class Divide(Gate):
    """z = x / y, elementwise. Backward: dx = dz / y, dy = -dz * x / y**2.

    Examples
    --------
    >>> gate = Divide()
    >>> gate.forward(3.0, -4.0)
    -0.75
    >>> gate.backward(2.0)
    [-0.5, -0.375]
    """

    elementwise = True
    notation = "z = x / y", "1 / y", "-x / y ** 2"

    def forward(self, x: Value, y: Value) -> Value:
        self.kept = x, y
        return namespace(x, y).divide(x, y)

    def backward(self, dz: Value) -> list[Value]:
        x, y = self.kept
        return [sum_to(namespace(dz, y).divide(dz, y), x), sum_to(-dz * _over_square(x, y), y)]


def _over_square(x: Value, y: Value) -> Value:
    """Return x / y**2 without computing y**2, which over- and underflows, or a subnormal x / y."""
    xp = namespace(x, y)
    z = xp.divide(x, y)
    lift = xp.where((xp.abs(z) < _SMALL) & (x != 0.0), _LIFT, xp.ones_like(z))
    return xp.divide(xp.divide(x, y / lift), y) / lift


class Negative(Gate):
    """y = -x, elementwise. Backward negates the upstream gradient.

    Examples
    --------
    >>> gate = Negative()
    >>> gate.forward(3.0)
    -3.0
    >>> gate.backward(2.0)
    [-2.0]
    """

    elementwise = True
    notation = "y = -x", "-1"

    def forward(self, x: Value) -> Value:
        return -x

    def backward(self, dy: Value) -> list[Value]:
        return [-dy]


class Reciprocal(Gate):
    """y = 1 / x, elementwise. Backward scales by -1 / x**2.

    Examples
    --------
    >>> gate = Reciprocal()
    >>> gate.forward(-4.0)
    -0.25
    >>> gate.backward(2.0)
    [-0.125]
    """

    elementwise = True
    notation = "y = 1 / x", "-1 / x ** 2"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return namespace(x).divide(1.0, x)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        divide = namespace(x).divide
        # x * x overflows and underflows long before dy / x / x does.
        return [-divide(divide(dy, x), x)]


class Scale(Gate):
    """y = a * x, elementwise, for a fixed number a. Backward also scales by a.

    Parameters
    ----------
    a : float
        The factor.

    Examples
    --------
    >>> gate = Scale(3.0)
    >>> gate.forward(-4.0)
    -12.0
    >>> gate.backward(2.0)
    [6.0]
    """

    elementwise = True
    notation = "y = a * x", "a"

    def __init__(self, a: float) -> None:
        self.a = as_number(a, "Scale: a")

    def forward(self, x: Value) -> Value:
        return self.a * x

    def backward(self, dy: Value) -> list[Value]:
        return [self.a * dy]


class Shift(Gate):
    """y = x + c, elementwise, for a fixed number c. Backward passes the upstream gradient through.

    Parameters
    ----------
    c : float
        The number added, in the units of x.

    Examples
    --------
    >>> gate = Shift(1.0)
    >>> gate.forward(-4.0)
    -3.0
    >>> gate.backward(2.0)
    [2.0]
    """

    elementwise = True
    notation = "y = x + c", "1"

    def __init__(self, c: float) -> None:
        self.c = as_number(c, "Shift: c")

    def forward(self, x: Value) -> Value:
        return x + self.c

    def backward(self, dy: Value) -> list[Value]:
        return [dy]
