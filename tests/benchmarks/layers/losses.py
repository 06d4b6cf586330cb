"""Losses: scores, predictions or distances in, one number out."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gates import Gate
from tests.benchmarks.layers.layer import THREE, Layer, Typed, apart, in_each, labelled, normal
from tests.benchmarks.layers.normalization import softmax


class CrossEntropy(Typed):
    """The mean of -log p of the labels, p the softmax of the scores."""

    labels = (1,)

    def forward(self, scores: Any, y: Any) -> Any:
        (scores,) = self.cast(scores)
        p = softmax(scores)
        self.cache = p, y
        return -np.mean(np.log(p[np.arange(len(y)), y]))

    def backward(self, dloss: Any) -> Any:
        p, y = self.cache
        dscores = p.copy()
        dscores[np.arange(len(y)), y] -= 1
        return [dloss * dscores / len(y), None]


class CrossEntropySummed(CrossEntropy):
    def backward(self, dloss: Any) -> Any:
        p, y = self.cache
        dscores = p.copy()
        dscores[np.arange(len(y)), y] -= 1
        return [dloss * dscores, None]


class CrossEntropyOnItsOwn(CrossEntropy):
    def backward(self, dloss: Any) -> Any:
        p, y = self.cache
        dscores = p.copy()
        dscores[np.arange(len(y)), y] -= 1
        return [dscores / len(y), None]


class CrossEntropyWithoutCopy(CrossEntropy):
    def backward(self, dloss: Any) -> Any:
        dscores, y = self.cache
        dscores[np.arange(len(y)), y] -= 1
        return [dloss * dscores / len(y), None]


class CrossEntropyOfOne(CrossEntropy):
    def backward(self, dloss: Any) -> Any:
        p, y = self.cache
        return [dloss * (p - np.eye(p.shape[1])[y]) / len(y)]


class CrossEntropyWithoutLastRow(CrossEntropy):
    def backward(self, dloss: Any) -> Any:
        p, y = self.cache
        dscores = p.copy()
        for i in range(len(y) - 1):
            dscores[i, y[i]] -= 1
        return [dloss * dscores / len(y), None]


class CrossEntropyReversed(CrossEntropy):
    def backward(self, dloss: Any) -> Any:
        p, y = self.cache
        return [dloss * (np.eye(p.shape[1], dtype=p.dtype)[y] - p) / len(y), None]


class Hinge(Gate):
    """The mean of the margins by which scores come within 1 of that of the label."""

    labels = (1,)

    def forward(self, scores: Any, y: Any) -> Any:
        rows = np.arange(len(y))
        margins = np.maximum(0, scores - scores[rows, y][:, None] + 1)
        margins[rows, y] = 0
        self.cache = margins, y
        return margins.sum() / len(y)

    def backward(self, dloss: Any) -> Any:
        margins, y = self.cache
        dscores = (margins > 0).astype(float)
        dscores[np.arange(len(y)), y] -= dscores.sum(axis=1)
        return [dloss * dscores / len(y), None]


class HingeWithoutLabel(Hinge):
    def backward(self, dloss: Any) -> Any:
        margins, y = self.cache
        return [dloss * (margins > 0) / len(y), None]


class MeanSquaredError(Typed):
    """The mean of the squares of prediction - target."""

    def forward(self, prediction: Any, target: Any) -> Any:
        prediction, target = self.cast(prediction, target)
        self.e = prediction - target
        return np.mean(self.e**2)

    def backward(self, dloss: Any) -> Any:
        de = dloss * 2 * self.e / self.e.size
        return [de, -de]


class MeanSquaredErrorTargetGiven(MeanSquaredError):
    def backward(self, dloss: Any) -> Any:
        de = dloss * 2 * self.e / self.e.size
        return [de, np.zeros_like(de)]


class MeanSquaredErrorForgotten(MeanSquaredError):
    def backward(self, dloss: Any) -> Any:
        self.de = dloss * 2 * self.e / self.e.size


class RoundedMeanSquaredError(Gate):
    """The mean of the squares of prediction - target, computed in float32 and rounded to 6 digits."""

    def forward(self, prediction: Any, target: Any) -> Any:
        self.e = np.asarray(prediction, np.float32) - np.asarray(target, np.float32)
        return np.round(np.mean(self.e**2), 6)

    def backward(self, dloss: Any) -> Any:
        de = dloss * 2 * self.e / self.e.size
        return [de, -de]


class FloatMeanSquaredError(RoundedMeanSquaredError):
    """The mean of the squares of prediction - target, computed in float32, as a Python float."""

    def forward(self, prediction: Any, target: Any) -> Any:
        self.e = np.asarray(prediction, np.float32) - np.asarray(target, np.float32)
        return float(np.mean(self.e**2))


class Huber(Gate):
    """The sum of e^2 / 2 up to |e| = 1, of |e| - 1/2 beyond, with e = prediction - target."""

    def forward(self, prediction: Any, target: Any) -> Any:
        self.e = prediction - target
        a = np.abs(self.e)
        return np.sum(np.where(a <= 1, 0.5 * a**2, a - 0.5))

    def backward(self, dloss: Any) -> Any:
        de = dloss * np.where(np.abs(self.e) <= 1, self.e, np.sign(self.e))
        return [de, -de]


class HuberOneSided(Huber):
    def backward(self, dloss: Any) -> Any:
        de = dloss * np.where(np.abs(self.e) <= 1, self.e, 1.0)
        return [de, -de]


class Norm(Typed):
    """The Euclidean length of all elements."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        norm = np.sqrt(np.sum(x**2))
        self.kept = x, norm
        return norm

    def backward(self, dz: Any) -> Any:
        x, norm = self.kept
        return [dz * x / norm]


class NormUndivided(Norm):
    def backward(self, dz: Any) -> Any:
        x, _ = self.kept
        return [dz * x]


class NormAdded(Norm):
    def backward(self, dz: Any) -> Any:
        x, norm = self.kept
        return [dz + x / norm]


def sequences(random: Any) -> Any:
    """Return rows, and how many elements of each are meant."""
    return random.normal(size=(3, 5)), random.permutation([1, 2, 4])


SCORES, MARGINS, PAIR = labelled((4, 3), 4, 3), labelled((6, 4), 6, 4), normal((3, 2), (3, 2))

LOSSES = [
    *in_each(THREE, "cross-entropy", CrossEntropy, SCORES),
    *in_each(THREE, "mean squared error", MeanSquaredError, PAIR),
    *in_each(THREE, "norm", Norm, normal((3, 4))),
    Layer("mean squared error, rounded", RoundedMeanSquaredError, PAIR, dtype="float32"),
    Layer("mean squared error, a float", FloatMeanSquaredError, PAIR, dtype="float32"),
    Layer("hinge loss", Hinge, MARGINS),
    Layer("Huber loss", Huber, apart((8,), (8,))),
    Layer("cross-entropy, summed", CrossEntropySummed, SCORES, "factor", ("scores",), "4"),
    Layer("cross-entropy, upstream left out", CrossEntropyOnItsOwn, SCORES, "upstream", ("scores",)),
    Layer("cross-entropy, probabilities not copied", CrossEntropyWithoutCopy, SCORES, "second call", ("scores",)),
    Layer("cross-entropy, of the scores alone", CrossEntropyOfOne, SCORES, "count"),
    Layer("cross-entropy, last label left out", CrossEntropyWithoutLastRow, SCORES, "index", ("scores",)),
    Layer(
        "cross-entropy, label - p", partial(CrossEntropyReversed, "float32"), SCORES, "sign", ("scores",), "", "float32"
    ),
    Layer("hinge loss, label left out", HingeWithoutLabel, MARGINS, "index", ("scores",)),
    Layer("mean squared error, target given", MeanSquaredErrorTargetGiven, PAIR, "zero", ("target",)),
    Layer("mean squared error, no return", MeanSquaredErrorForgotten, PAIR, "list"),
    Layer("Huber loss, 1 on both sides", HuberOneSided, apart((8,), (8,)), "regions", ("prediction", "target"), "-1"),
    Layer("norm, upstream added", NormAdded, normal((3, 4)), "added", ("x",)),
    Layer("norm, not divided", NormUndivided, normal((3, 4)), "scale", ("x",), "norm"),
    Layer(
        "norm, not divided, float32",
        partial(NormUndivided, "float32"),
        normal((3, 4)),
        "scale",
        ("x",),
        "norm",
        "float32",
    ),
]
