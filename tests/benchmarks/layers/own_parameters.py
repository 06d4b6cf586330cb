"""Layers that derive from nothing and hold their parameters, whose gradients backward leaves in the layer."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tests.benchmarks.layers.layer import Layer, normal


def weights(*shape: int) -> Any:
    """Return the same random weights at each call."""
    return np.random.default_rng(len(shape)).normal(size=shape)


class Dense:
    """z = x W + b."""

    def __init__(self, inputs: int = 3, units: int = 2) -> None:
        self.W = weights(inputs, units)
        self.b = weights(units)
        self.x: Any = None
        self.dW: Any = None
        self.db: Any = None

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Any) -> Any:
        self.dW = self.x.T @ dout
        self.db = np.sum(dout, axis=0)
        return [dout @ self.W.T]


class DenseBare(Dense):
    def backward(self, dout: Any) -> Any:
        return super().backward(dout)[0]


class DenseKeepdims(Dense):
    def backward(self, dout: Any) -> Any:
        self.dW = self.x.T @ dout
        self.db = np.sum(dout, axis=0, keepdims=True)
        return [dout @ self.W.T]


class DenseWithoutBias(Dense):
    def __init__(self) -> None:
        super().__init__()
        self.db = np.zeros_like(self.b)

    def backward(self, dout: Any) -> Any:
        self.dW = self.x.T @ dout
        return [dout @ self.W.T]


class DenseOfFirst(Dense):
    def forward(self, x: Any) -> Any:
        if self.x is None:
            self.x = x
        return x @ self.W + self.b


class DenseShared(Dense):
    cache: ClassVar[dict[str, Any]] = {}

    def forward(self, x: Any) -> Any:
        self.cache["x"] = x
        return x @ self.W + self.b

    def backward(self, dout: Any) -> Any:
        self.x = self.cache["x"]
        return super().backward(dout)


class DenseDecaying(Dense):
    def backward(self, dout: Any) -> Any:
        self.dW = self.x.T @ dout + 0.1 * self.W  # the decay belongs into the loss
        self.db = np.sum(dout, axis=0)
        return [dout @ self.W.T]


class DenseRecord(Dense):
    """z = x W + b, with the gradients in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        del self.dW, self.db
        self.grads: dict[str, Any] = {}

    def backward(self, dout: Any) -> Any:
        self.grads["W"] = np.dot(self.x.T, dout)
        self.grads["b"] = np.dot(np.ones(len(dout)), dout)
        return [np.dot(dout, self.W.T)]


class DenseRecordOfOnes(DenseRecord):
    def backward(self, dout: Any) -> Any:
        self.grads["W"] = np.dot(self.x.T, np.ones_like(dout))
        self.grads["b"] = np.dot(np.ones(len(dout)), dout)
        return [np.dot(dout, self.W.T)]


class WordVectors:
    """The rows of W that the labels name."""

    labels = (0,)

    def __init__(self) -> None:
        self.W = weights(4, 3)

    def forward(self, words: Any) -> Any:
        self.words = words
        return self.W[words]

    def backward(self, dout: Any) -> Any:
        self.dW = np.zeros_like(self.W)
        for i, word in enumerate(self.words):
            self.dW[word] += dout[i]
        return [None]


class WordVectorsOverwritten(WordVectors):
    def backward(self, dout: Any) -> Any:
        self.dW = np.zeros_like(self.W)
        for i, word in enumerate(self.words):
            self.dW[word] = dout[i]
        return [None]


class RunningBatchNorm:
    """Batch normalization that also follows the mean and the variance of its batches."""

    def __init__(self) -> None:
        self.gamma, self.beta = 1 + weights(3) / 2, weights(3)
        self.running_mean, self.running_var = np.zeros(3), np.ones(3)

    def forward(self, x: Any) -> Any:
        mean, var = x.mean(axis=0), x.var(axis=0)
        self.running_mean = 0.9 * self.running_mean + 0.1 * mean
        self.running_var = 0.9 * self.running_var + 0.1 * var
        self.std = np.sqrt(var + 1e-7)
        self.xhat = (x - mean) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout: Any) -> Any:
        self.dbeta = dout.sum(axis=0)
        self.dgamma = (dout * self.xhat).sum(axis=0)
        dxhat = dout * self.gamma
        dx = dxhat - dxhat.mean(axis=0) - self.xhat * (dxhat * self.xhat).mean(axis=0)
        return [dx / self.std]


class RunningBatchNormOfOldDeviation(RunningBatchNorm):
    def forward(self, x: Any) -> Any:
        old = getattr(self, "std", None)
        out = super().forward(x)
        if old is not None:
            self.std = old  # that of the batch before
        return out


X, SERIES, WORDS = normal((4, 3)), normal((2, 3, 2)), lambda random: (random.integers(0, 4, 6),)

OWN_PARAMETERS = [
    Layer("dense, its own weights", Dense, X),
    Layer("dense, gradients in a dictionary", DenseRecord, X),
    Layer("word vectors", WordVectors, WORDS),
    Layer("batch normalization with running statistics", RunningBatchNorm, normal((5, 3))),
    Layer("dense, dx bare", DenseBare, X, "list"),
    Layer("dense, db with keepdims", DenseKeepdims, X, "shape", ("b",)),
    Layer("dense, db never set", DenseWithoutBias, X, "zero", ("b",)),
    Layer("dense, x of its first pass", DenseOfFirst, X, "stale", ("W",)),
    Layer("dense, x on the class", DenseShared, X, "another instance", ("W",)),
    Layer("dense, decay in backward", DenseDecaying, X, "misses", ("W",), "0.1"),
    Layer("dense, upstream left out of dW", DenseRecordOfOnes, X, "upstream", ("W",)),
    Layer("word vectors, overwritten", WordVectorsOverwritten, WORDS, "overwrites", ("W",)),
    Layer(
        "batch normalization, deviation of the batch before",
        RunningBatchNormOfOldDeviation,
        normal((5, 3)),
        "stale",
        ("x",),
    ),
]
