"""Losses that are sums of squares: of errors, and of weights."""

from gates import Gate, namespace, sum_to
from gates.values import Value, as_number, shape_of


class SquaredErrorLoss(Gate):
    """The sum of (prediction - target)**2. Backward gives 2 (prediction - target), and its negative to the target.

    `forward(prediction, target)` takes two arrays of one shape, or a number as the target of all. The loss has the
    square of their unit.

    Raises
    ------
    ValueError
        If the shapes differ: (N, 1) and (N,), which NumPy would broadcast to (N, N), too.

    Examples
    --------
    >>> gate = SquaredErrorLoss()
    >>> gate.forward([1.0, 5.0], [3.0, 4.0])
    5.0
    >>> gate.backward(1.0)
    [array([-4.,  2.]), array([ 4., -2.])]
    """

    notation = (
        "z = sum((prediction - target) ** 2)",
        "2 * (prediction - target)",
        "2 * (target - prediction)",
    )

    def forward(self, prediction: Value, target: Value) -> Value:
        shape, shape_of_target = shape_of(prediction), shape_of(target)
        if shape_of_target not in (shape, ()):
            raise ValueError(
                f"SquaredErrorLoss takes a target of the prediction's shape {shape}, or a number, got the shape "
                f"{shape_of_target}"
            )
        difference = prediction - target
        self.kept = target, difference
        return namespace(difference).sum(difference * difference)

    def backward(self, dloss: Value) -> list[Value]:
        target, difference = self.kept
        gradient = 2.0 * dloss * difference
        return [gradient, sum_to(-gradient, target)]


class L2Regularization(Gate):
    """strength * the sum of the squares of W, of any shape. Backward gives 2 * strength * W.

    Parameters
    ----------
    strength : float
        What a unit of squared weight costs, in units of the loss.

    Examples
    --------
    >>> gate = L2Regularization(0.5)
    >>> gate.forward([[1.0, -2.0], [0.0, 4.0]])
    10.5
    >>> gate.backward(1.0)
    [array([[ 1., -2.],
           [ 0.,  4.]])]
    """

    notation = "z = strength * sum(W ** 2)", "2 * strength * W"

    def __init__(self, strength: float) -> None:
        self.strength = as_number(strength, "L2Regularization: strength")

    def forward(self, W: Value) -> Value:
        self.kept = (W,)
        # The strength comes first: W * W may overflow where the loss does not.
        return namespace(W).sum(self.strength * W * W)

    def backward(self, dloss: Value) -> list[Value]:
        (W,) = self.kept
        return [2.0 * self.strength * dloss * W]
