"""Activation functions as gates. Their gradients keep every digit into the saturated tails."""

from gates.gate import Gate
from gates.values import Value, as_number, namespace


class Sigmoid(Gate):
    """y = 1 / (1 + e**-x), elementwise. Backward scales by sigmoid(x) * sigmoid(-x).

    Examples
    --------
    >>> gate = Sigmoid()
    >>> gate.forward(0.0)
    0.5
    >>> gate.backward(1.0)
    [0.25]
    >>> gate.forward(700.0), gate.backward(1.0)  # where y * (1 - y) is 0
    (1.0, [9.85967654375977e-305])
    """

    elementwise = True
    notation = "y = sigmoid(x)", "(1 - y) * y"

    def forward(self, x: Value) -> Value:
        xp = namespace(x)
        e = xp.exp(-xp.abs(x))
        d = 1.0 + e
        self.kept = e, d
        return xp.maximum(xp.sign(x), e) / d  # 1 / d where x >= 0, e / d elsewhere

    def backward(self, dy: Value) -> list[Value]:
        e, d = self.kept
        # y * (1 - y) is 0 from x = 37 on; e / (1 + e)**2 keeps every digit.
        return [dy * (e / (d * d))]


class Tanh(Gate):
    """y = tanh(x), elementwise. Backward scales by 1 / cosh(x)**2.

    Examples
    --------
    >>> gate = Tanh()
    >>> gate.forward(0.0)
    0.0
    >>> gate.backward(1.0)
    [1.0]
    >>> gate.forward(350.0), gate.backward(1.0)  # where 1 - y**2 is 0
    (1.0, [3.943870617503908e-304])
    """

    elementwise = True
    notation = "y = tanh(x)", "1 - y ** 2"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return namespace(x).tanh(x)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        xp = namespace(x)
        e = xp.exp(-2.0 * xp.abs(x))
        # 1 - y**2 is 0 from x = 19 on; 4 e / (1 + e)**2 keeps every digit.
        return [dy * (4.0 * e / (1.0 + e) / (1.0 + e))]


class ReLU(Gate):
    """y = max(0, x), elementwise. Backward passes the gradient where x > 0; at 0 it takes the left slope, 0.

    Examples
    --------
    >>> gate = ReLU()
    >>> gate.forward(-2.0)
    0.0
    >>> gate.backward(3.0)
    [0.0]
    """

    kind = "relu"
    elementwise = True
    notation = "y = max(0, x)", "x > 0"

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        return namespace(x).where(x <= 0.0, 0.0, x)

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        return [namespace(x).where(x <= 0.0, 0.0, dy)]


class LeakyReLU(Gate):
    """y = x for x > 0, slope * x elsewhere. Backward scales by 1 or slope; at 0 it takes the left slope.

    Parameters
    ----------
    slope : float
        The slope left of 0.

    Examples
    --------
    >>> gate = LeakyReLU()
    >>> gate.forward(-2.0)
    -0.2
    >>> gate.backward(3.0)
    [0.30000000000000004]
    """

    kind = "leaky_relu"
    elementwise = True
    notation = "y = leaky_relu(x)", "1 if x > 0 else slope"

    def __init__(self, slope: float = 0.1) -> None:
        self.slope = as_number(slope, "LeakyReLU: slope")

    def forward(self, x: Value) -> Value:
        xp = namespace(x)
        slope = xp.where(x > 0.0, xp.ones_like(x), self.slope)
        self.kept = (slope,)
        return slope * x

    def backward(self, dy: Value) -> list[Value]:
        (slope,) = self.kept
        return [slope * dy]


class ELU(Gate):
    """y = x for x >= 0, alpha * (e**x - 1) below. Backward scales by 1 or alpha * e**x; at 0 it takes 1.

    Parameters
    ----------
    alpha : float
        The limit of -y far left of 0.

    References
    ----------
    Clevert, Unterthiner, Hochreiter: Fast and accurate deep network learning by exponential linear units,
    ICLR 2016.

    Examples
    --------
    >>> gate = ELU()
    >>> gate.forward(-1e-20)  # where e**x - 1 is 0
    -1e-20
    >>> gate.backward(1.0)
    [1.0]
    """

    elementwise = True
    notation = "y = elu(x)", "1 if x >= 0 else alpha * exp(x)"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = as_number(alpha, "ELU: alpha")

    def forward(self, x: Value) -> Value:
        self.kept = (x,)
        xp = namespace(x)
        return xp.where(x >= 0.0, x, self.alpha * xp.expm1(xp.minimum(x, xp.zeros_like(x))))

    def backward(self, dy: Value) -> list[Value]:
        (x,) = self.kept
        xp = namespace(x)
        left = xp.minimum(x, xp.zeros_like(x))
        if abs(self.alpha) <= 1.0:
            slope = self.alpha * xp.exp(left)
        else:  # e**x turns subnormal before alpha * e**x does
            root = xp.exp(left / 2.0)
            slope = self.alpha * root * root
        return [dy * xp.where(x >= 0.0, xp.ones_like(x), slope)]


class Softplus(Gate):
    """y = ln(1 + e**x), elementwise: a smooth ReLU. Backward scales by sigmoid(x).

    Both are exact in the tails: y is e**x far left of 0, and x far right of it.

    References
    ----------
    Dugas, Bengio, Belisle, Nadeau, Garcia: Incorporating second-order functional knowledge for better option pricing,
    NIPS 2000.

    Examples
    --------
    >>> gate = Softplus()
    >>> gate.forward([-100.0, 0.0, 1000.0])
    array([3.72007598e-44, 6.93147181e-01, 1.00000000e+03])
    >>> gate.backward(1.0)
    [array([3.72007598e-44, 5.00000000e-01, 1.00000000e+00])]
    """

    elementwise = True
    notation = "y = softplus(x)", "sigmoid(x)"

    def forward(self, x: Value) -> Value:
        xp = namespace(x)
        e = xp.exp(-xp.abs(x))
        self.kept = x, e
        return xp.maximum(x, 0.0) + xp.log1p(e)

    def backward(self, dy: Value) -> list[Value]:
        x, e = self.kept
        return [dy * (namespace(x).maximum(namespace(x).sign(x), e) / (1.0 + e))]
