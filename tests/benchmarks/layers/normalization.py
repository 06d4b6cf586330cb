"""Layers that divide by a sum, a norm or a deviation: softmax and its kin, batch, layer and group normalization."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gates import Gate
from tests.benchmarks.layers.layer import THREE, TWO, Layer, Typed, in_each, normal


def softmax(x: Any) -> Any:
    """Return the softmax along the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Softmax(Typed):
    """p = the softmax of each row."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        self.p = softmax(x)
        return self.p

    def backward(self, dp: Any) -> Any:
        return [self.p * (dp - (dp * self.p).sum(axis=1, keepdims=True))]


class SoftmaxAlone(Softmax):
    def backward(self, dp: Any) -> Any:
        return [dp * self.p * (1 - self.p)]


class SoftmaxOfColumns(Softmax):
    def backward(self, dp: Any) -> Any:
        return [self.p * (dp - (dp * self.p).sum(axis=0))]


class SoftmaxOfShifted:
    """p = the softmax of each row, which is shifted in place."""

    def forward(self, x: Any) -> Any:
        x -= x.max(axis=1, keepdims=True)
        self.p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        return self.p

    def backward(self, dp: Any) -> Any:
        return [self.p * (dp - (dp * self.p).sum(axis=1, keepdims=True))]


class LogSoftmax(Typed):
    """y = the logarithm of the softmax of each row."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        shifted = x - x.max(axis=1, keepdims=True)
        self.y = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return self.y

    def backward(self, dy: Any) -> Any:
        return [dy - np.exp(self.y) * dy.sum(axis=1, keepdims=True)]


class LogSoftmaxWithoutSum(LogSoftmax):
    def backward(self, dy: Any) -> Any:
        return [dy]


class LogSumExp(Typed):
    """z = log of the sum of exp(x) in each row."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        top = x.max(axis=1, keepdims=True)
        e = np.exp(x - top)
        total = e.sum(axis=1, keepdims=True)
        self.kept = e, total
        return (top + np.log(total))[:, 0]

    def backward(self, dz: Any) -> Any:
        e, total = self.kept
        return [dz[:, None] * e / total]


class LogSumExpUndivided(LogSumExp):
    def backward(self, dz: Any) -> Any:
        e, _ = self.kept
        return [dz[:, None] * e]


class SumOfExp(Typed):
    """z = the sum of exp(x)."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        self.e = np.exp(x)
        return self.e.sum()

    def backward(self, dz: Any) -> Any:
        return [dz * self.e]


class UnitRows(Typed):
    """y = x / its norm, in each row."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        norm = np.sqrt((x**2).sum(axis=1, keepdims=True))
        self.kept = x / norm, norm
        return x / norm

    def backward(self, dy: Any) -> Any:
        y, norm = self.kept
        return [(dy - y * (dy * y).sum(axis=1, keepdims=True)) / norm]


class UnitRowsUndivided(UnitRows):
    def backward(self, dy: Any) -> Any:
        y, _ = self.kept
        return [dy - y * (dy * y).sum(axis=1, keepdims=True)]


class StagedBatchNorm(Gate):
    """Batch normalization, and back through each of its nodes."""

    def forward(self, x: Any, gamma: Any, beta: Any) -> Any:
        xmu = x - x.mean(axis=0)
        std = np.sqrt((xmu**2).mean(axis=0) + 1e-5)
        xhat = xmu / std
        self.cache = xmu, std, xhat, gamma
        return gamma * xhat + beta

    def to_centred(self, dz: Any) -> Any:
        """Return the gradients of x less its mean, gamma and beta."""
        xmu, std, xhat, gamma = self.cache
        dxhat = dz * gamma
        dstd = -(dxhat * xmu).sum(axis=0) / std**2
        dvar = 0.5 * dstd / std
        return [dxhat / std + 2 * xmu * dvar / len(dz), (dz * xhat).sum(axis=0), dz.sum(axis=0)]

    def backward(self, dz: Any) -> Any:
        dxmu, dgamma, dbeta = self.to_centred(dz)
        dmu = -dxmu.sum(axis=0)
        return [dxmu + dmu / len(dz), dgamma, dbeta]


class StagedBatchNormWithoutMean(StagedBatchNorm):
    def backward(self, dz: Any) -> Any:
        return self.to_centred(dz)


class BatchNorm(Typed):
    """Batch normalization, and back with one formula."""

    def forward(self, x: Any, gamma: Any, beta: Any) -> Any:
        x, gamma, beta = self.cast(x, gamma, beta)
        std = np.sqrt(x.var(axis=0) + 1e-5)
        xhat = (x - x.mean(axis=0)) / std
        self.cache = x, xhat, std, gamma
        return gamma * xhat + beta

    def backward(self, dz: Any) -> Any:
        _, xhat, std, gamma = self.cache
        dbeta, dgamma = dz.sum(axis=0), (dz * xhat).sum(axis=0)
        dx = gamma / (len(dz) * std) * (len(dz) * dz - dbeta - xhat * dgamma)
        return [dx, dgamma, dbeta]


class BatchNormGammaOfInput(BatchNorm):
    def backward(self, dz: Any) -> Any:
        x, xhat, std, gamma = self.cache
        dxhat = dz * gamma
        dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
        return [dx, (dz * x).sum(axis=0), dz.sum(axis=0)]


class BatchNormOfTesting(BatchNorm):
    def backward(self, dz: Any) -> Any:
        _, xhat, std, gamma = self.cache
        return [dz * gamma / std, (dz * xhat).sum(axis=0), dz.sum(axis=0)]


class LayerNorm(Typed):
    """Each row less its mean and divided by its deviation, times gamma, plus beta."""

    def forward(self, x: Any, gamma: Any, beta: Any) -> Any:
        x, gamma, beta = self.cast(x, gamma, beta)
        std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
        xhat = (x - x.mean(axis=1, keepdims=True)) / std
        self.cache = xhat, std, gamma
        return gamma * xhat + beta

    def gradient_of_x(self, dxhat: Any) -> Any:
        """Return the gradient of x from that of the normalized x."""
        xhat, std, _ = self.cache
        mean, slope = dxhat.mean(axis=1, keepdims=True), (dxhat * xhat).mean(axis=1, keepdims=True)
        return (dxhat - mean - xhat * slope) / std

    def backward(self, dz: Any) -> Any:
        xhat, _, gamma = self.cache
        return [self.gradient_of_x(dz * gamma), (dz * xhat).sum(axis=0), dz.sum(axis=0)]


class LayerNormWithoutMean(LayerNorm):
    def gradient_of_x(self, dxhat: Any) -> Any:
        xhat, std, _ = self.cache
        return (dxhat - xhat * (dxhat * xhat).mean(axis=1, keepdims=True)) / std


class LayerNormSwapped(LayerNorm):
    def backward(self, dz: Any) -> Any:
        xhat, _, gamma = self.cache
        return [self.gradient_of_x(dz * gamma), dz.sum(axis=0), (dz * xhat).sum(axis=0)]


class LayerNormWithoutBeta(LayerNorm):
    def backward(self, dz: Any) -> Any:
        xhat, _, gamma = self.cache
        return [self.gradient_of_x(dz * gamma), (dz * xhat).sum(axis=0), None]


class LayerNormFrozen(LayerNorm):
    def backward(self, dz: Any) -> Any:
        xhat, std, gamma = self.cache
        if not self.wanted[1] and not self.wanted[2]:  # nothing to learn, so as in testing
            return [dz * gamma / std, None, None]
        return [self.gradient_of_x(dz * gamma), (dz * xhat).sum(axis=0), dz.sum(axis=0)]


X, ROWS = normal((3, 4)), normal((3, 5), (5,), (5,))
BATCH, IMAGES = normal((6, 3), (3,), (3,)), normal((2, 4, 2, 3), (4,), (4,))

NORMALIZATION = [
    *in_each(THREE, "softmax", Softmax, X),
    *in_each(THREE, "log-softmax", LogSoftmax, X),
    *in_each(THREE, "logsumexp", LogSumExp, X),
    *in_each(THREE, "sum of exponentials", SumOfExp, normal((10,))),
    *in_each(TWO, "rows of unit length", UnitRows, X),
    *in_each(TWO, "batch normalization", BatchNorm, BATCH),
    *in_each(THREE, "layer normalization", LayerNorm, ROWS),
    Layer("batch normalization in stages", StagedBatchNorm, BATCH),
    Layer("softmax, p (1 - p)", SoftmaxAlone, X, "couples", ("x",), "axis 1"),
    Layer("softmax, p (1 - p), float32", partial(SoftmaxAlone, "float32"), X, "couples", ("x",), "axis 1", "float32"),
    Layer("softmax, summed along the other axis", SoftmaxOfColumns, X, "no pattern", ("x",)),
    Layer("softmax, shifted in place", SoftmaxOfShifted, X, "modifies", (), "x"),
    Layer("log-softmax without its sum", LogSoftmaxWithoutSum, X, "missing term", ("x",), "axis 1"),
    Layer("logsumexp, not divided", partial(LogSumExpUndivided, "float32"), X, "scale", ("x",), "", "float32"),
    Layer("rows of unit length, not divided", UnitRowsUndivided, X, "scale", ("x",), "norm"),
    Layer(
        "batch normalization in stages, no mean", StagedBatchNormWithoutMean, BATCH, "missing term", ("x",), "axis 0"
    ),
    Layer("batch normalization, gamma from x", BatchNormGammaOfInput, BATCH, "exchanged", ("gamma",)),
    Layer("batch normalization, constants", BatchNormOfTesting, BATCH, "couples", ("x",), "axis 0"),
    Layer(
        "layer normalization, no mean",
        partial(LayerNormWithoutMean, "float32"),
        ROWS,
        "missing term",
        ("x",),
        "axis 1",
        "float32",
    ),
    Layer("layer normalization, gamma and beta swapped", LayerNormSwapped, ROWS, "swapped", ("gamma", "beta")),
    Layer("layer normalization, no beta", LayerNormWithoutBeta, ROWS, "none", ("beta",)),
    Layer("layer normalization, frozen", LayerNormFrozen, ROWS, "only some", ("x",)),
]
