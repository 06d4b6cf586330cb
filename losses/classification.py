"""Losses of scores and labels: softmax and SVM, and the check that the labels fit the scores."""

import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from gates import Gate, namespace
from gates.values import Value, as_number, shape_of


class _ClassificationLoss(Gate):
    """The base class of the losses of scores and labels."""

    labels = (1,)

    def check(self, scores: Value, labels: Any) -> None:
        _check_labels(scores, labels)

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield scores of several sizes, with labels."""
        for shape, size in (((4, 3), 1.0), ((1, 5), 3.0), ((3, 1), 1.0), ((6, 2), 0.1), ((3, 3), 100.0)):
            yield random.normal(scale=size, size=shape), random.integers(0, shape[1], shape[0])
        yield random.integers(0, 3, (5, 4)).astype(float), random.integers(0, 4, 5)  # ties and margins


class SoftmaxLoss(_ClassificationLoss):
    """The mean cross-entropy of scores and labels, in nats: -log of the true class's softmax probability.

    `forward(scores, labels)` takes scores of shape (N, C), of any size, and N labels, integers in [0, C).
    The gradient of the score of class c is p_c / N, minus 1 / N for the true class; labels have no gradient.

    Raises
    ------
    ValueError
        If the scores have another shape, or a label is no integer in [0, C); the first such label is named.

    References
    ----------
    Goodfellow, Bengio, Courville: Deep Learning, section 6.2.2.3, https://www.deeplearningbook.org

    Examples
    --------
    >>> gate = SoftmaxLoss()
    >>> gate.forward([[0.0, 0.0]], [1])  # log 2
    0.6931471805599453
    >>> gate.backward(1.0)
    [array([[ 0.5, -0.5]]), None]
    >>> f"{gate.forward([[100.0, 0.0]], [0]):.6g}"  # where p is 1, and log p and p - 1 are 0
    '3.72008e-44'
    >>> gate.backward(1.0)
    [array([[-3.72007598e-44,  3.72007598e-44]]), None]
    """

    notation = ("z = softmax_loss(scores, labels)",)

    def forward(self, scores: Value, labels: Any) -> Value:
        xp = namespace(scores)
        labels, largest = _column(labels, scores), xp.argmax(scores, axis=1, keepdims=True)
        # Half the differences, which never overflow; e**-800 is already 0.
        half = 0.5 * scores - 0.5 * xp.take_along_axis(scores, largest, axis=1)
        e = xp.exp(2.0 * xp.maximum(half, -400.0))
        classes = xp.arange(scores.shape[1])
        self.kept = e, classes == labels
        # The largest score's e**0 = 1 is left out of the sum, so that log1p keeps the digits of the others.
        others = xp.sum(xp.where(classes == largest, 0.0, e), axis=1, keepdims=True)
        return xp.mean(xp.log1p(others) - 2.0 * xp.take_along_axis(half, labels, axis=1))

    def backward(self, dloss: Value) -> list[Value]:
        e, true = self.kept
        # p - 1 loses digits to cancellation where p is near 1; the sum of the other classes' p keeps every digit.
        slopes = _balanced(e / namespace(e).sum(e, axis=1, keepdims=True), true)
        return [slopes * (dloss / e.shape[0]), None]


class SVMLoss(_ClassificationLoss):
    """The mean over examples of the summed hinges max(0, s_j - s_y + margin) of all classes j but the true one, y.

    `forward(scores, labels)` takes scores of shape (N, C) and N labels, integers in [0, C). The gradient of a score is
    1 / N if its hinge is positive, and minus the number of positive hinges over N for the true class; labels have no
    gradient. A hinge of exactly 0 takes the left slope, 0.

    Parameters
    ----------
    margin : float
        By how much the true class's score should exceed the others, in units of the scores.

    Raises
    ------
    ValueError
        If the scores have another shape, or a label is no integer in [0, C); the first such label is named.

    References
    ----------
    Weston, Watkins: Support vector machines for multi-class pattern recognition, ESANN 1999.

    Examples
    --------
    >>> gate = SVMLoss()
    >>> gate.forward([[3.0, 5.0, 2.5]], [0])  # max(0, 5 - 3 + 1) + max(0, 2.5 - 3 + 1)
    3.5
    >>> gate.backward(1.0)
    [array([[-2.,  1.,  1.]]), None]
    """

    notation = ("z = svm_loss(scores, labels)",)

    def __init__(self, margin: float = 1.0) -> None:
        self.margin = as_number(margin, "SVMLoss: margin")

    def forward(self, scores: Value, labels: Any) -> Value:
        xp = namespace(scores)
        true = xp.arange(scores.shape[1]) == _column(labels, scores)
        of_true = xp.sum(xp.where(true, scores, 0.0), axis=1, keepdims=True)
        # Half the hinges, which never overflow.
        hinges = xp.where(true, 0.0, 0.5 * scores - 0.5 * of_true + 0.5 * self.margin)
        self.kept = hinges, true
        return xp.mean(2.0 * xp.sum(xp.where(hinges <= 0.0, 0.0, hinges), axis=1))

    def backward(self, dloss: Value) -> list[Value]:
        hinges, true = self.kept
        xp = namespace(hinges)
        slopes = _balanced(xp.where(hinges <= 0.0, 0.0, xp.ones_like(hinges)), true)
        return [slopes * (dloss / hinges.shape[0]), None]


def _check_labels(scores: Value, labels: Any) -> None:
    """Raise ValueError unless there is one integer in [0, classes) for each row of scores."""
    shape = shape_of(scores)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"scores must have the shape (examples, classes), at least one of each, got {shape}")
    examples, classes = shape
    wanted = f"labels must be {examples} integers in [0, {classes})"
    array = np.asarray(labels)
    if array.shape != (examples,):
        raise ValueError(f"{wanted}, got {f'{array.size} of them' if array.ndim == 1 else f'shape {array.shape}'}")
    if array.dtype.kind in "iu" and array.view(f"u{array.itemsize}").max() < classes:  # negative ones are large there
        return
    for place, label in enumerate(array.tolist()):
        is_integer = isinstance(label, numbers.Integral) and not isinstance(label, bool)
        if not is_integer or not 0 <= label < classes:
            raise ValueError(f"{wanted}, got {label!r} at position {place}")


def _column(labels: Any, scores: Value) -> Any:
    """Return the labels as a column of integers, beside the scores."""
    xp = namespace(scores)
    integers = xp.arange(0).dtype
    return xp.expand_dims(xp.astype(xp.asarray(labels), integers), axis=1)


def _balanced(slopes: Value, true: Any) -> Value:
    """Replace the true class's slope by minus the sum of the other classes' slopes."""
    xp = namespace(slopes)
    others = xp.where(true, 0.0, slopes)
    return xp.where(true, 0.0 - xp.sum(others, axis=1, keepdims=True), others)  # 0.0 -: not -0.0 for a single class
