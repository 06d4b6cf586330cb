"""Sine and cosine as gates."""

from gates.gate import Gate
from gates.values import Value, namespace


class Sin(Gate):
    """y = sin(x), elementwise, with x in radians. Backward scales by cos(x).

    Examples
    --------
    >>> gate = Sin()
    >>> gate.forward(0.0)
    0.0
    >>> gate.backward(2.0)
    [2.0]
    """

    elementwise = True
    notation = "y = sin(x)", "cos(x)"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return namespace(x).sin(x)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        return [dy * namespace(x).cos(x)]


class Cos(Gate):
    """y = cos(x), elementwise, with x in radians. Backward scales by -sin(x).

    Examples
    --------
    >>> gate = Cos()
    >>> gate.forward(0.0)
    1.0
    >>> gate.backward(2.0)
    [-0.0]
    """

    elementwise = True
    notation = "y = cos(x)", "-sin(x)"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return namespace(x).cos(x)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        return [dy * -namespace(x).sin(x)]
