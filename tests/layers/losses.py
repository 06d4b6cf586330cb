"""Losses, norms and likenesses: layers that answer with a number."""

from typing import Any

import numpy as np

from gates import Gate
from tests.layers.layer import Cast, Layer, half, normal, right, single, wrong


def scores(random: Any) -> tuple[Any, ...]:
    """Return scores and labels."""
    return random.normal(size=(4, 3)), np.array([2, 0, 1, 1])


class MeanSquaredError(Cast):
    """Of predictions and targets."""

    def forward(self, p: Any, t: Any) -> Any:
        p, t = self.cast(p, t)
        self.d = p - t
        return (self.d**2).mean()

    def backward(self, dl: Any) -> list[Any]:
        d = 2 * dl * self.d / self.d.size
        return [d, -d]


class MeanSquaredErrorHalf(MeanSquaredError):
    def backward(self, dl: Any) -> list[Any]:
        d = dl * self.d / self.d.size
        return [d, -d]


class MeanSquaredErrorRows(MeanSquaredError):
    def backward(self, dl: Any) -> list[Any]:
        d = 2 * dl * self.d / len(self.d)
        return [d, -d]


class MeanSquaredErrorSign(MeanSquaredError):
    def backward(self, dl: Any) -> list[Any]:
        d = 2 * dl * self.d / self.d.size
        return [d, d]


class MeanSquaredErrorAlone(MeanSquaredError):
    def backward(self, dl: Any) -> list[Any]:
        d = 2 * self.d / self.d.size
        return [d, -d]


class CrossEntropy(Cast):
    """Of softmax, with labels."""

    labels = (1,)

    def forward(self, x: Any, y: Any) -> Any:
        x, self.y = self.cast(x), y
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.p[np.arange(len(y)), y]).mean()

    def backward(self, dl: Any) -> list[Any]:
        d = self.p.copy()
        d[np.arange(len(self.y)), self.y] -= 1
        return [dl * d / len(self.y), None]


class CrossEntropyNotAveraged(CrossEntropy):
    def backward(self, dl: Any) -> list[Any]:
        d = self.p.copy()
        d[np.arange(len(self.y)), self.y] -= 1
        return [dl * d, None]


class CrossEntropyInPlace(CrossEntropy):
    def backward(self, dl: Any) -> list[Any]:
        self.p[np.arange(len(self.y)), self.y] -= 1
        return [dl * self.p / len(self.y), None]


class CrossEntropyAlone(CrossEntropy):
    def backward(self, dl: Any) -> list[Any]:
        return [dl * self.p / len(self.y), None]


class Hinge(Cast):
    """The multiclass hinge loss."""

    labels = (1,)

    def forward(self, x: Any, y: Any) -> Any:
        x, self.y = self.cast(x), y
        rows = np.arange(len(y))
        self.m = np.maximum(x - x[rows, y][:, None] + 1, 0)
        self.m[rows, y] = 0
        return self.m.sum() / len(y)

    def backward(self, dl: Any) -> list[Any]:
        d = (self.m > 0).astype(float)
        d[np.arange(len(self.y)), self.y] = -d.sum(axis=1)
        return [dl * d / len(self.y), None]


class HingeForgets(Hinge):
    def backward(self, dl: Any) -> list[Any]:
        return [dl * (self.m > 0) / len(self.y), None]


class Ridge(Gate):
    """The squared error of x w, with a penalty on w."""

    def forward(self, x: Any, w: Any) -> Any:
        self.x, self.w, self.r = x, w, x @ w - 1
        return (self.r**2).sum() + 0.5 * 0.3 * (w**2).sum()

    def backward(self, dl: Any) -> list[Any]:
        return [dl * 2 * np.outer(self.r, self.w), dl * (2 * self.x.T @ self.r + 0.3 * self.w)]


class RidgeForgets(Ridge):
    def backward(self, dl: Any) -> list[Any]:
        return [dl * 2 * np.outer(self.r, self.w), dl * 2 * self.x.T @ self.r]


class RidgeTwice(Ridge):
    def backward(self, dl: Any) -> list[Any]:
        return [dl * 2 * np.outer(self.r, self.w), dl * (2 * self.x.T @ self.r + 0.6 * self.w)]


class Norm(Cast):
    """The Euclidean norm."""

    def forward(self, x: Any) -> Any:
        self.x = self.cast(x)
        self.n = np.sqrt((self.x**2).sum())
        return self.n

    def backward(self, dn: Any) -> list[Any]:
        return [dn * self.x / self.n]


class NormNotDivided(Norm):
    def backward(self, dn: Any) -> list[Any]:
        return [dn * self.x]


class SumOfMagnitudes(Gate):
    """The 1-norm."""

    def forward(self, x: Any) -> Any:
        self.x = x
        return np.abs(x).sum()

    def backward(self, dn: Any) -> list[Any]:
        return [dn * np.sign(self.x)]


class SumOfMagnitudesOnes(SumOfMagnitudes):
    def backward(self, dn: Any) -> list[Any]:
        return [dn * np.ones_like(self.x)]


class Cosine(Cast):
    """The cosine of the angle of two vectors."""

    def forward(self, x: Any, y: Any) -> Any:
        self.x, self.y = self.cast(x, y)
        self.nx, self.ny = np.sqrt((self.x**2).sum()), np.sqrt((self.y**2).sum())
        self.c = self.x @ self.y / (self.nx * self.ny)
        return self.c

    def backward(self, dc: Any) -> list[Any]:
        dx = self.y / (self.nx * self.ny) - self.c * self.x / self.nx**2
        dy = self.x / (self.nx * self.ny) - self.c * self.y / self.ny**2
        return [dc * dx, dc * dy]


class CosineConstantNorms(Cosine):
    def backward(self, dc: Any) -> list[Any]:
        return [dc * self.y / (self.nx * self.ny), dc * self.x / (self.nx * self.ny)]


class Variance(Cast):
    """Of all elements."""

    def forward(self, x: Any) -> Any:
        x = self.cast(x)
        self.d = x - x.mean()
        return (self.d**2).mean()

    def backward(self, dv: Any) -> list[Any]:
        return [dv * 2 * self.d / self.d.size]


class VarianceNotCentred(Variance):
    def forward(self, x: Any) -> Any:
        self.x = x
        return super().forward(x)

    def backward(self, dv: Any) -> list[Any]:
        return [dv * 2 * self.x / self.d.size]


class BareArray(Norm):
    def backward(self, dn: Any) -> Any:
        return dn * self.x / self.n


class NoneForInput(MeanSquaredError):
    def backward(self, dl: Any) -> list[Any]:
        return [2 * dl * self.d / self.d.size, None]


class Misspelt(Norm):
    def backward(self, dn: Any) -> list[Any]:
        return [dn * self.x / self.norm]


TWO = normal((3, 4), (3, 4))

LAYERS: list[Layer] = [
    right("mean squared error", MeanSquaredError, TWO),
    right("mean squared error in float32", single(MeanSquaredError), TWO),
    right("mean squared error in float16", half(MeanSquaredError), TWO),
    right("cross-entropy", CrossEntropy, scores),
    right("cross-entropy in float32", single(CrossEntropy), scores),
    right("cross-entropy in float16", half(CrossEntropy), scores),
    right("hinge loss", Hinge, scores),
    right("ridge", Ridge, normal((4, 3), (3,))),
    right("norm", Norm, normal((5,))),
    right("norm in float32", single(Norm), normal((5,))),
    right("norm in float16", half(Norm), normal((5,))),
    right("sum of magnitudes", SumOfMagnitudes, normal((5,))),
    right("cosine", Cosine, normal((4,), (4,))),
    right("cosine in float32", single(Cosine), normal((4,), (4,))),
    right("variance", Variance, normal((6,))),
    right("variance in float32", single(Variance), normal((6,))),
    wrong(
        "mean squared error, half", MeanSquaredErrorHalf, TWO, "p t", "of p and of t is off by a factor of 0.5 (1/2)"
    ),
    wrong("mean squared error, over rows", MeanSquaredErrorRows, TWO, "p t", "of p and of t is off by a factor of 4"),
    wrong("mean squared error, sign of t", MeanSquaredErrorSign, TWO, "t", "of t has the wrong sign"),
    wrong("mean squared error, upstream forgotten", MeanSquaredErrorAlone, TWO, "p t", "upstream gradient is not mult"),
    wrong("mean squared error in float32, half", single(MeanSquaredErrorHalf), TWO, "p t", "factor of 0.5 (1/2)"),
    wrong("cross-entropy, not averaged", CrossEntropyNotAveraged, scores, "x", "off by a factor of 4"),
    wrong("cross-entropy, writes into p", CrossEntropyInPlace, scores, "", "second call"),
    wrong("cross-entropy, label forgotten", CrossEntropyAlone, scores, "x", "no simple pattern", "only at index"),
    wrong("cross-entropy in float16, not averaged", half(CrossEntropyNotAveraged), scores, "x", "off by a factor of 4"),
    wrong("hinge loss, right class forgotten", HingeForgets, scores, "x", "is zero", "only at index"),
    wrong("ridge, penalty forgotten", RidgeForgets, normal((4, 3), (3,)), "w", "misses 0.3 × w"),
    wrong("ridge, penalty doubled", RidgeTwice, normal((4, 3), (3,)), "w", "has 0.3 × w too much"),
    wrong(
        "norm, not divided",
        NormNotDivided,
        normal((5,)),
        "x",
        "on the inputs: the norm of x",
        "on the inputs: the output",
    ),
    wrong(
        "sum of magnitudes, ones", SumOfMagnitudesOnes, normal((5,)), "x", "right where x > 0, off by a factor of -1"
    ),
    wrong("cosine, norms as constants", CosineConstantNorms, normal((4,), (4,)), "x y", "no simple pattern"),
    wrong("variance, not centred", VarianceNotCentred, normal((6,)), "x", "misses a term: a constant"),
    wrong("norm, a bare array", BareArray, normal((5,)), "", "where a list of gradients belongs"),
    wrong("mean squared error, None for t", NoneForInput, TWO, "t", "returned None as the gradient of t"),
    wrong("norm, misspelt", Misspelt, normal((5,)), "", "raises AttributeError"),
]
