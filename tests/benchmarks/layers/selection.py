"""Layers that take, move and accumulate elements."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gates import Gate
from tests.benchmarks.layers.layer import TWO, Layer, Typed, apart, in_each, normal


class Embedding(Typed):
    """The rows of W that the labels name."""

    labels = (1,)

    def forward(self, W: Any, words: Any) -> Any:
        (W,) = self.cast(W)
        self.cache = W, words
        return W[words]

    def backward(self, dz: Any) -> Any:
        W, words = self.cache
        dW = np.zeros_like(W)
        np.add.at(dW, words, dz)
        return [dW, None]


class EmbeddingOverwritten(Embedding):
    def backward(self, dz: Any) -> Any:
        W, words = self.cache
        dW = np.zeros_like(W)
        dW[words] = dz
        return [dW, None]


class EmbeddingBuffered(Embedding):
    def backward(self, dz: Any) -> Any:
        W, words = self.cache
        dW = np.zeros_like(W)
        dW[words] += dz  # counts a repeated row once
        return [dW, None]


class CumulativeSum(Typed):
    """The sums of each row so far."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        return np.cumsum(x, axis=1)

    def backward(self, dz: Any) -> Any:
        return [np.cumsum(dz[:, ::-1], axis=1)[:, ::-1]]


class CumulativeSumForwards(CumulativeSum):
    def backward(self, dz: Any) -> Any:
        return [np.cumsum(dz, axis=1)]


class Sort(Gate):
    """x in rising order."""

    def forward(self, x: Any) -> Any:
        self.order = np.argsort(x)
        return x[self.order]

    def backward(self, dz: Any) -> Any:
        dx = np.zeros_like(dz)
        dx[self.order] = dz
        return [dx]


class SortAgain(Sort):
    def backward(self, dz: Any) -> Any:
        return [dz[self.order]]


class TurnAxes(Typed):
    """x with its last axis first."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        return x.transpose(2, 0, 1)

    def backward(self, dz: Any) -> Any:
        return [dz.transpose(1, 2, 0)]


class TurnAxesAgain(TurnAxes):
    def backward(self, dz: Any) -> Any:
        return [dz.transpose(2, 0, 1)]


class Differences(Gate):
    """The differences of neighbours."""

    def forward(self, x: Any) -> Any:
        self.size = len(x)
        return x[1:] - x[:-1]

    def backward(self, dz: Any) -> Any:
        dx = np.zeros(self.size)
        dx[1:] += dz
        dx[:-1] -= dz
        return [dx]


class DifferencesWithoutEnds(Differences):
    def backward(self, dz: Any) -> Any:
        dx = np.zeros(self.size)
        dx[1:-1] = dz[:-1] - dz[1:]
        return [dx]


class SeededDropout(Typed):
    """x with the same elements cut out in every pass, the others scaled up."""

    keep_probability = 0.5

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        self.mask = np.random.default_rng(3).random(x.shape) < self.keep_probability
        return x * self.mask / self.keep_probability

    def backward(self, dz: Any) -> Any:
        return [dz * self.mask / self.keep_probability]


class SeededDropoutUnmasked(SeededDropout):
    def backward(self, dz: Any) -> Any:
        return [dz / self.keep_probability]


class SeededDropoutUnscaled(SeededDropout):
    def backward(self, dz: Any) -> Any:
        return [dz * self.mask]


def ids(random: Any) -> Any:
    """Return a table and more labels than it has rows."""
    return random.normal(size=(4, 3)), random.integers(0, 4, 6)


SELECTION = [
    *in_each(TWO, "embedding", Embedding, ids),
    *in_each(TWO, "cumulative sum", CumulativeSum, normal((2, 4))),
    *in_each(TWO, "dropout with a seed", SeededDropout, normal((3, 4))),
    Layer("sort", Sort, apart((6,))),
    Layer("axes turned", TurnAxes, normal((2, 3, 4))),
    Layer("differences", Differences, normal((6,))),
    Layer("embedding, overwritten", EmbeddingOverwritten, ids, "overwrites", ("W",)),
    Layer("embedding, +=", partial(EmbeddingBuffered, "float32"), ids, "overwrites", ("W",), "", "float32"),
    Layer("cumulative sum, forwards again", CumulativeSumForwards, normal((2, 4)), "permuted", ("x",)),
    Layer("sort, sorted again", SortAgain, apart((6,)), "permuted", ("x",)),
    Layer("axes turned again", partial(TurnAxesAgain, "float32"), normal((3, 3, 3)), "permuted", ("x",), "", "float32"),
    Layer("differences, no ends", DifferencesWithoutEnds, normal((6,)), "index", ("x",)),
    Layer("dropout with a seed, no mask", SeededDropoutUnmasked, normal((3, 4)), "mask", ("x",)),
    Layer("dropout with a seed, not scaled", SeededDropoutUnscaled, normal((3, 4)), "factor", ("x",), "0.5"),
]
