"""Layers that pick, order and move elements: embedding, sorting, cumulative sums, transposes, dropout."""

from typing import Any

import numpy as np

from gates import Gate
from tests.layers.layer import Cast, Layer, half, normal, right, single, wrong


def words(random: Any) -> tuple[Any, ...]:
    """Return a table and labels with repeats."""
    return random.normal(size=(4, 3)), np.array([2, 0, 2, 3, 2])


class Embedding(Cast):
    """Rows of a table."""

    labels = (1,)

    def forward(self, table: Any, ids: Any) -> Any:
        self.table, self.ids = self.cast(table), ids
        return self.table[ids]

    def backward(self, dy: Any) -> list[Any]:
        dtable = np.zeros_like(self.table)
        np.add.at(dtable, self.ids, dy)
        return [dtable, None]


class EmbeddingOverwrites(Embedding):
    def backward(self, dy: Any) -> list[Any]:
        dtable = np.zeros_like(self.table)
        dtable[self.ids] = dy
        return [dtable, None]


class EmbeddingAddsOnce(Embedding):
    def backward(self, dy: Any) -> list[Any]:
        dtable = np.zeros_like(self.table)
        dtable[self.ids] += dy
        return [dtable, None]


class CumulativeSum(Cast):
    """Running sums."""

    def forward(self, x: Any) -> Any:
        return np.cumsum(self.cast(x))

    def backward(self, dy: Any) -> list[Any]:
        return [np.cumsum(dy[::-1])[::-1]]


class CumulativeSumForwards(CumulativeSum):
    def backward(self, dy: Any) -> list[Any]:
        return [np.cumsum(dy)]


class CumulativeSumAlone(CumulativeSum):
    def backward(self, dy: Any) -> list[Any]:
        return [dy]


class Sort(Cast):
    """In rising order."""

    def forward(self, x: Any) -> Any:
        x = self.cast(x)
        self.order = np.argsort(x)
        return x[self.order]

    def backward(self, dy: Any) -> list[Any]:
        dx = np.zeros_like(dy)
        dx[self.order] = dy
        return [dx]


class SortForgotten(Sort):
    def backward(self, dy: Any) -> list[Any]:
        return [dy]


class SortTwice(Sort):
    def backward(self, dy: Any) -> list[Any]:
        return [dy[self.order]]


class Roll(Cast):
    """Shifted by one, round the end."""

    def forward(self, x: Any) -> Any:
        return np.roll(self.cast(x), 1)

    def backward(self, dy: Any) -> list[Any]:
        return [np.roll(dy, -1)]


class RollSameWay(Roll):
    def backward(self, dy: Any) -> list[Any]:
        return [np.roll(dy, 1)]


class Flip(Gate):
    """Reversed, and squared."""

    def forward(self, x: Any) -> Any:
        self.x = x
        return x[::-1] ** 2

    def backward(self, dy: Any) -> list[Any]:
        return [2 * self.x * dy[::-1]]


class FlipForgotten(Flip):
    def backward(self, dy: Any) -> list[Any]:
        return [2 * self.x * dy]


class Axes(Gate):
    """An array of three axes with these in the order 1, 2, 0."""

    def forward(self, x: Any) -> Any:
        return x.transpose(1, 2, 0)

    def backward(self, dy: Any) -> list[Any]:
        return [dy.transpose(2, 0, 1)]


class AxesSameOrder(Axes):
    def backward(self, dy: Any) -> list[Any]:
        return [dy.transpose(1, 2, 0)]


class Differences(Cast):
    """Of neighbours."""

    def forward(self, x: Any) -> Any:
        return np.diff(self.cast(x))

    def backward(self, dy: Any) -> list[Any]:
        dx = np.zeros(len(dy) + 1)
        dx[1:] += dy
        dx[:-1] -= dy
        return [dx]


class DifferencesOverwrites(Differences):
    def backward(self, dy: Any) -> list[Any]:
        dx = np.zeros(len(dy) + 1)
        dx[1:] = dy
        dx[:-1] = -dy
        return [dx]


class Dropout(Gate):
    """With a mask that is drawn once."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def forward(self, x: Any) -> Any:
        self.mask = (np.random.default_rng(self.seed).random(x.shape) < 0.5) / 0.5
        return x * self.mask

    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.mask]


class DropoutWithoutMask(Dropout):
    def backward(self, dy: Any) -> list[Any]:
        return [dy / 0.5]


class DropoutNotScaled(Dropout):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * (self.mask > 0)]


class DropoutFresh(Gate):
    """With a mask that is drawn anew in each pass."""

    def forward(self, x: Any) -> Any:
        self.mask = (np.random.random(x.shape) < 0.5) / 0.5
        return x * self.mask

    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.mask]


class DropoutInBackward(Gate):
    """With a mask that backward draws anew."""

    def forward(self, x: Any) -> Any:
        return x * 1.0

    def backward(self, dy: Any) -> list[Any]:
        return [dy * (np.random.random(dy.shape) < 0.5)]


class Mean(Cast):
    """Along axis 1."""

    def forward(self, x: Any) -> Any:
        self.x = self.cast(x)
        return self.x.mean(axis=1)

    def backward(self, dy: Any) -> list[Any]:
        return [np.repeat(dy[:, None], self.x.shape[1], axis=1) / self.x.shape[1]]


class MeanNotDivided(Mean):
    def backward(self, dy: Any) -> list[Any]:
        return [np.repeat(dy[:, None], self.x.shape[1], axis=1)]


class MeanNotRepeated(Mean):
    def backward(self, dy: Any) -> list[Any]:
        return [dy / self.x.shape[1]]


LAYERS: list[Layer] = [
    right("embedding", Embedding, words),
    right("embedding in float32", single(Embedding), words),
    right("cumulative sum", CumulativeSum, normal((6,))),
    right("cumulative sum in float32", single(CumulativeSum), normal((6,))),
    right("sort", Sort, normal((7,))),
    right("sort in float16", half(Sort), normal((7,))),
    right("roll", Roll, normal((6,))),
    right("flip", Flip, normal((5,))),
    right("axes in another order", Axes, normal((3, 3, 3))),
    right("differences", Differences, normal((6,))),
    right("dropout with a fixed mask", Dropout, normal((4, 5))),
    right("mean", Mean, normal((3, 4))),
    right("mean in float16", half(Mean), normal((3, 4))),
    Layer("dropout with a fresh mask", DropoutFresh, normal((4, 5)), ("forward is random",), "", "inconclusive"),
    Layer("dropout drawn in backward", DropoutInBackward, normal((4, 5)), ("backward is random",), "", "inconclusive"),
    wrong("embedding, overwrites", EmbeddingOverwrites, words, "table", "= where += belongs"),
    wrong("embedding, += with repeated indices", EmbeddingAddsOnce, words, "table", "= where += belongs"),
    wrong(
        "cumulative sum, not reversed", CumulativeSumForwards, normal((6,)), "x", "upstream gradient reversed, and is"
    ),
    wrong("cumulative sum, each alone", CumulativeSumAlone, normal((6,)), "x", "treats each element alone"),
    wrong("sort, order forgotten", SortForgotten, normal((7,)), "x", "permuted"),
    wrong("sort, ordered twice", SortTwice, normal((7,)), "x", "permuted"),
    wrong("roll, the same way", RollSameWay, normal((6,)), "x", "is shifted by 2"),
    wrong("flip, forgotten", FlipForgotten, normal((5,)), "x", "takes the upstream gradient reversed"),
    wrong("axes, the same order again", AxesSameOrder, normal((3, 3, 3)), "x", "is transposed"),
    wrong("differences, overwrites", DifferencesOverwrites, normal((6,)), "x", "= where += belongs"),
    wrong("dropout, mask forgotten", DropoutWithoutMask, normal((4, 5)), "x", "missing its mask"),
    wrong("dropout, not scaled", DropoutNotScaled, normal((4, 5)), "x", "factor of 0.5 (1/2)"),
    wrong("mean, not divided", MeanNotDivided, normal((3, 4)), "x", "factor of 4"),
    wrong("mean, not repeated", MeanNotRepeated, normal((3, 4)), "x", "wrong shape"),
]
