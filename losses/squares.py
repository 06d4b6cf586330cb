"""Losses that are sums or means of squares: of errors, and of weights."""

import math

from gates import Gate, namespace, sum_to
from gates.values import Value, as_number, shape_of


class SquaredErrorLoss(Gate):
    """The sum of (prediction - target)**2. Backward: dprediction = 2 (prediction - target), dtarget = -dprediction.

    `forward(prediction, target)` takes two arrays of one shape, or a number as the target of all. The unit of the
    loss is the square of theirs.

    Raises
    ------
    ValueError
        If the shapes differ, even if NumPy would broadcast them, as (N, 1) and (N,) to (N, N).

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
        shape, got = shape_of(prediction), shape_of(target)
        if got not in (shape, ()):
            wanted = f"a target of the prediction's shape {shape}, or a number"
            raise ValueError(f"SquaredErrorLoss takes {wanted}, got the shape {got}")
        difference = prediction - target
        self.kept = target, difference
        return namespace(difference).sum(difference * difference)

    def backward(self, dloss: Value) -> list[Value]:
        target, difference = self.kept
        want_prediction, want_target = self.wanted
        gradient = 2.0 * dloss * difference
        return [gradient if want_prediction else None, sum_to(-gradient, target) if want_target else None]


class MeanSquaredErrorLoss(Gate):
    """The mean of (prediction - target)**2 over n elements. Backward: 2 (prediction - target) / n, and its negative.

    `forward(prediction, target)` takes two arrays of one shape, or a number as the target of all. The unit of the
    loss is the square of theirs.

    Raises
    ------
    ValueError
        If the shapes differ, even if NumPy would broadcast them, or there is no element.

    Notes
    -----
    1. One element adds (prediction - target)**2 / n to the loss, and to nothing else.
    2. The slope of a square is twice what is squared: dprediction is 2 * (prediction - target) / n, times dloss.
    3. The target has the opposite sign: dtarget = -dprediction. A number that is the target of all elements is a
       branch, and their gradients add.

    Examples
    --------
    >>> gate = MeanSquaredErrorLoss()
    >>> gate.forward([1.0, 5.0], [3.0, 4.0])
    2.5
    >>> gate.backward(1.0)
    [array([-2.,  1.]), array([ 2., -1.])]
    """

    notation = (
        "z = mean((prediction - target) ** 2)",
        "2 * (prediction - target) / n",
        "2 * (target - prediction) / n",
    )

    def check(self, prediction: Value, target: Value) -> None:
        check_target(prediction, target, "prediction")

    def forward(self, prediction: Value, target: Value) -> Value:
        difference = prediction - target
        self.kept = target, difference
        return namespace(difference).mean(difference * difference)

    def backward(self, dloss: Value) -> list[Value]:
        target, difference = self.kept
        want_prediction, want_target = self.wanted
        gradient = 2.0 * dloss / math.prod(shape_of(difference)) * difference
        return [gradient if want_prediction else None, sum_to(-gradient, target) if want_target else None]


class L2Regularization(Gate):
    """strength * the sum of the squares of W, of any shape. Backward scales by 2 * strength * W.

    Parameters
    ----------
    strength : float
        The cost of a unit of squared weight, in units of the loss.

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
        # Strength times W first: W * W may overflow where the loss does not.
        return namespace(W).sum(self.strength * W * W)

    def backward(self, dloss: Value) -> list[Value]:
        (W,) = self.kept
        return [2.0 * self.strength * dloss * W]


def check_target(prediction: Value, target: Value, name: str) -> None:
    """Raise ValueError unless a target has the shape of the prediction, called `name`, or is a number."""
    shape, got = shape_of(prediction), shape_of(target)
    if got not in (shape, ()) or 0 in shape:
        wanted = f"{name} must have 1 or more elements, and target its shape or be a number"
        raise ValueError(f"{wanted}, got the shapes {shape} and {got}")
