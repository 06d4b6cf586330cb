"""Layers that normalize, and softmax."""

from typing import Any

import numpy as np

from gates import Gate
from tests.layers.layer import Cast, Layer, half, normal, positive, right, single, wrong


class BatchNorm(Cast):
    """Over axis 0, with a scale and a shift."""

    def forward(self, x: Any, gamma: Any, beta: Any) -> Any:
        x, self.gamma, beta = self.cast(x, gamma, beta)
        self.std = np.sqrt(x.var(axis=0) + self.dtype(1e-5))
        self.xhat = (x - x.mean(axis=0)) / self.std
        return self.gamma * self.xhat + beta

    def backward(self, dy: Any) -> list[Any]:
        dxhat = dy * self.gamma
        dx = (dxhat - dxhat.mean(axis=0) - self.xhat * (dxhat * self.xhat).mean(axis=0)) / self.std
        return [dx, (dy * self.xhat).sum(axis=0), dy.sum(axis=0)]


class BatchNormConstants(BatchNorm):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.gamma / self.std, (dy * self.xhat).sum(axis=0), dy.sum(axis=0)]


class BatchNormWithoutMean(BatchNorm):
    def backward(self, dy: Any) -> list[Any]:
        dxhat = dy * self.gamma
        dx = (dxhat - self.xhat * (dxhat * self.xhat).mean(axis=0)) / self.std
        return [dx, (dy * self.xhat).sum(axis=0), dy.sum(axis=0)]


class BatchNormWithoutVariance(BatchNorm):
    def backward(self, dy: Any) -> list[Any]:
        dxhat = dy * self.gamma
        return [(dxhat - dxhat.mean(axis=0)) / self.std, (dy * self.xhat).sum(axis=0), dy.sum(axis=0)]


class BatchNormDoubledGamma(BatchNorm):
    def backward(self, dy: Any) -> list[Any]:
        dx, dgamma, dbeta = super().backward(dy)
        return [dx, 2 * dgamma, dbeta]


class BatchNormNotDivided(BatchNorm):
    def backward(self, dy: Any) -> list[Any]:
        dx, dgamma, dbeta = super().backward(dy)
        return [dx * self.std, dgamma, dbeta]


class BatchNormGammaForgotten(BatchNorm):
    def backward(self, dy: Any) -> list[Any]:
        dx = (dy - dy.mean(axis=0) - self.xhat * (dy * self.xhat).mean(axis=0)) / self.std
        return [dx, (dy * self.xhat).sum(axis=0), dy.sum(axis=0)]


class LayerNorm(Cast):
    """Over the last axis, without a scale."""

    def forward(self, x: Any) -> Any:
        x = self.cast(x)
        self.std = np.sqrt(x.var(axis=-1, keepdims=True) + self.dtype(1e-5))
        self.xhat = (x - x.mean(axis=-1, keepdims=True)) / self.std
        return self.xhat

    def backward(self, dy: Any) -> list[Any]:
        mean, along = dy.mean(axis=-1, keepdims=True), (dy * self.xhat).mean(axis=-1, keepdims=True)
        return [(dy - mean - self.xhat * along) / self.std]


class LayerNormWrongAxis(LayerNorm):
    def backward(self, dy: Any) -> list[Any]:
        mean, along = dy.mean(axis=0, keepdims=True), (dy * self.xhat).mean(axis=0, keepdims=True)
        return [(dy - mean - self.xhat * along) / self.std]


class LayerNormWithoutMean(LayerNorm):
    def backward(self, dy: Any) -> list[Any]:
        return [(dy - self.xhat * (dy * self.xhat).mean(axis=-1, keepdims=True)) / self.std]


class RmsNorm(Cast):
    """x over its root mean square along the last axis, times a weight."""

    def forward(self, x: Any, g: Any) -> Any:
        self.x, self.g = self.cast(x, g)
        self.r = np.sqrt((self.x**2).mean(axis=-1, keepdims=True))
        return self.g * self.x / self.r

    def backward(self, dy: Any) -> list[Any]:
        d = dy * self.g
        dx = d / self.r - self.x * (d * self.x).mean(axis=-1, keepdims=True) / self.r**3
        return [dx, (dy * self.x / self.r).sum(axis=0)]


class RmsNormConstant(RmsNorm):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.g / self.r, (dy * self.x / self.r).sum(axis=0)]


class RmsNormWeight(RmsNorm):
    def backward(self, dy: Any) -> list[Any]:
        return [super().backward(dy)[0], (dy * self.x).sum(axis=0)]


class UnitRows(Gate):
    """Each row over its norm."""

    def forward(self, x: Any) -> Any:
        self.n = np.sqrt((x**2).sum(axis=1, keepdims=True))
        self.y = x / self.n
        return self.y

    def backward(self, dy: Any) -> list[Any]:
        return [(dy - self.y * (dy * self.y).sum(axis=1, keepdims=True)) / self.n]


class UnitRowsNotDivided(UnitRows):
    def backward(self, dy: Any) -> list[Any]:
        return [dy - self.y * (dy * self.y).sum(axis=1, keepdims=True)]


class UnitRowsConstant(UnitRows):
    def backward(self, dy: Any) -> list[Any]:
        return [dy / self.n]


class Proportions(Gate):
    """x over its sum."""

    def forward(self, x: Any) -> Any:
        self.s = x.sum()
        self.y = x / self.s
        return self.y

    def backward(self, dy: Any) -> list[Any]:
        return [(dy - (dy * self.y).sum()) / self.s]


class ProportionsNotDivided(Proportions):
    def backward(self, dy: Any) -> list[Any]:
        return [dy - (dy * self.y).sum()]


class Softmax(Cast):
    """Along the last axis."""

    def forward(self, x: Any) -> Any:
        x = self.cast(x)
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        self.p = e / e.sum(axis=-1, keepdims=True)
        return self.p

    def backward(self, dy: Any) -> list[Any]:
        return [self.p * (dy - (dy * self.p).sum(axis=-1, keepdims=True))]


class SoftmaxDiagonal(Softmax):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.p * (1 - self.p)]


class SoftmaxWrongAxis(Softmax):
    def backward(self, dy: Any) -> list[Any]:
        return [self.p * (dy - (dy * self.p).sum(axis=0, keepdims=True))]


class LogSoftmax(Cast):
    """Along the last axis."""

    def forward(self, x: Any) -> Any:
        x = self.cast(x)
        y = x - x.max(axis=-1, keepdims=True)
        self.y = y - np.log(np.exp(y).sum(axis=-1, keepdims=True))
        return self.y

    def backward(self, dy: Any) -> list[Any]:
        return [dy - np.exp(self.y) * dy.sum(axis=-1, keepdims=True)]


class LogSoftmaxAlone(LogSoftmax):
    def backward(self, dy: Any) -> list[Any]:
        return [dy]


class LogSoftmaxMean(LogSoftmax):
    def backward(self, dy: Any) -> list[Any]:
        return [dy - np.exp(self.y) * dy.mean(axis=-1, keepdims=True)]


class LogSumExp(Cast):
    """Along the last axis."""

    def forward(self, x: Any) -> Any:
        x = self.cast(x)
        m = x.max(axis=-1, keepdims=True)
        e = np.exp(x - m)
        self.p = e / e.sum(axis=-1, keepdims=True)
        return np.log(e.sum(axis=-1)) + m[..., 0]

    def backward(self, dy: Any) -> list[Any]:
        return [self.p * dy[..., None]]


class LogSumExpNotDivided(LogSumExp):
    def forward(self, x: Any) -> Any:
        self.e = np.exp(x)
        return super().forward(x)

    def backward(self, dy: Any) -> list[Any]:
        return [self.e * dy[..., None]]


class SumExp(Cast):
    """The sum of all exponentials, up to some hundreds."""

    def forward(self, x: Any) -> Any:
        self.e = np.exp(self.cast(x))
        return self.e.sum()

    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.e]


class SumExpDoubled(SumExp):
    def backward(self, dy: Any) -> list[Any]:
        return [2 * dy * self.e]


BN = normal((6, 3), (3,), (3,))

LAYERS: list[Layer] = [
    right("batch norm", BatchNorm, BN),
    right("batch norm in float32", single(BatchNorm), BN),
    right("batch norm in float16", half(BatchNorm), BN),
    right("layer norm", LayerNorm, normal((3, 5))),
    right("layer norm in float32", single(LayerNorm), normal((3, 5))),
    right("layer norm in float16", half(LayerNorm), normal((3, 5))),
    right("RMS norm", RmsNorm, normal((3, 4), (4,))),
    right("RMS norm in float32", single(RmsNorm), normal((3, 4), (4,))),
    right("rows of norm 1", UnitRows, normal((3, 4))),
    right("proportions", Proportions, positive((5,))),
    right("softmax", Softmax, normal((3, 4))),
    right("softmax in float32", single(Softmax), normal((3, 4))),
    right("softmax in float16", half(Softmax), normal((3, 4))),
    right("log-softmax", LogSoftmax, normal((3, 4))),
    right("log-softmax in float32", single(LogSoftmax), normal((3, 4))),
    right("logsumexp", LogSumExp, normal((3, 4))),
    right("logsumexp in float32", single(LogSumExp), normal((3, 4))),
    right("logsumexp in float16", half(LogSumExp), normal((3, 4))),
    right("sum of exponentials in float32", single(SumExp), lambda random: (random.uniform(-2, 5, 9),)),
    right("sum of exponentials in float16", half(SumExp), normal((4,))),
    wrong("batch norm, statistics as constants", BatchNormConstants, BN, "x", "treats each element alone"),
    wrong("batch norm, mean's term missing", BatchNormWithoutMean, BN, "x", "misses a term along axis 0: a constant"),
    wrong("batch norm, variance's term missing", BatchNormWithoutVariance, BN, "x", "misses a term along axis 0"),
    wrong("batch norm, dgamma doubled", BatchNormDoubledGamma, BN, "gamma", "of gamma is off by a factor of 2"),
    wrong("batch norm, not divided", BatchNormNotDivided, BN, "x", "the standard deviation of x along axis 0"),
    wrong(
        "batch norm, gamma forgotten", BatchNormGammaForgotten, BN, "x", "a factor that depends on the inputs", "gamma"
    ),
    wrong("layer norm, wrong axis", LayerNormWrongAxis, normal((4, 4)), "x", "no simple pattern"),
    wrong(
        "layer norm, mean's term missing",
        LayerNormWithoutMean,
        normal((3, 5)),
        "x",
        "misses a term along axis 1: a constant",
    ),
    wrong("RMS norm, statistic as constant", RmsNormConstant, normal((3, 4), (4,)), "x", "treats each element alone"),
    wrong("RMS norm, dg not divided", RmsNormWeight, normal((3, 4), (4,)), "g", "no simple pattern"),
    wrong("rows of norm 1, not divided", UnitRowsNotDivided, normal((3, 4)), "x", "the norm of x along axis 1"),
    wrong("rows of norm 1, norm as constant", UnitRowsConstant, normal((3, 4)), "x", "treats each element alone"),
    wrong("proportions, not divided", ProportionsNotDivided, positive((5,)), "x", "on the inputs: the sum of x"),
    wrong("softmax, p (1 - p)", SoftmaxDiagonal, normal((3, 4)), "x", "although forward couples them along axis 1"),
    wrong("softmax in float32, p (1 - p)", single(SoftmaxDiagonal), normal((3, 4)), "x", "couples them along axis 1"),
    wrong("softmax, wrong axis", SoftmaxWrongAxis, normal((3, 4)), "x", "no simple pattern"),
    wrong(
        "log-softmax, sum forgotten",
        LogSoftmaxAlone,
        normal((3, 4)),
        "x",
        "a term along axis 1 is missing",
        "misses a term",
    ),
    wrong("log-softmax, mean", LogSoftmaxMean, normal((3, 4)), "x", "misses a term along axis 1"),
    wrong(
        "logsumexp, not divided", LogSumExpNotDivided, normal((3, 4)), "x", "the sum of exponentials of x along axis 1"
    ),
    wrong("sum of exponentials in float32, doubled", single(SumExpDoubled), normal((5,)), "x", "factor of 2"),
    wrong(
        "batch norm in float32, mean's term missing",
        single(BatchNormWithoutMean),
        BN,
        "x",
        "misses a term along axis 0",
    ),
    wrong(
        "layer norm in float16, mean's term missing", half(LayerNormWithoutMean), normal((3, 5)), "x", "misses a term"
    ),
]
