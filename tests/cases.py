"""A row for each gate: what the tests need to know of it. Values and slopes are stated here by hand.

`exact` rows read (inputs, upstream, output, gradients) and hold to the last bit. `shapes` are the shapes of
inputs that the laws are tried on. `value` and `slopes` are the formulas in mpmath, for the test of accuracy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np
import pytest

from gates import (
    ELU,
    Abs,
    Add,
    Affine,
    BatchNorm,
    Clip,
    Concatenate,
    Conv2d,
    Copy,
    Cos,
    Divide,
    Dropout,
    Embedding,
    Exp,
    Gate,
    Index,
    LayerNorm,
    LeakyReLU,
    Log,
    LogSumExp,
    MatMul,
    Max,
    Maxout,
    MaxPool2d,
    Mean,
    Min,
    Multiply,
    Negative,
    Neuron,
    Pow,
    Power,
    Reciprocal,
    ReduceMax,
    ReduceMin,
    ReLU,
    Reshape,
    Scale,
    Shift,
    Sigmoid,
    Sin,
    Softmax,
    Softplus,
    Sqrt,
    Square,
    SquaredNorm,
    Stack,
    Subtract,
    Sum,
    Tanh,
    Transpose,
    Variance,
    Where,
)
from graph.structure.library import GATES
from losses import (
    BinaryCrossEntropyLoss,
    L2Regularization,
    MeanSquaredErrorLoss,
    SoftmaxLoss,
    SquaredErrorLoss,
    SVMLoss,
)

mp = mpmath.mp.clone()
mp.dps = 50

ONE = [((),), ((3,),), ((3, 4),), ((2, 1, 3),), ((0,),), ((1,),)]
BROADCASTS = [
    ((), ()),
    ((3,), (3,)),
    ((3, 4), (3, 4)),
    ((3, 4), (1, 4)),
    ((3, 4), (4,)),
    ((4,), (3, 1)),
    ((3, 1), (1, 4)),
    ((), (3,)),
    ((2, 3), ()),
    ((1,), ()),
    ((0,), (1,)),
    ((0, 3), (3,)),
    ((2, 1, 3), (4, 1)),
]
MATRICES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (6, 3, 4)),
    ((3,), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((1, 1), (1, 1)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
]
SCORES = [((4, 3), (4,)), ((1, 5), (1,)), ((3, 1), (3,)), ((6, 2), (6,))]


@dataclass
class Case:
    """What the tests know of one gate."""

    make: Callable[[], Gate]
    reference: Callable[..., Any]
    shapes: Sequence[tuple[tuple[int, ...], ...]]
    exact: Sequence[tuple[Any, Any, Any, Any]]
    low: float = -3.0
    value: Callable[..., Any] | None = None
    slopes: Sequence[Callable[..., Any]] = ()
    name: str = field(init=False)
    labels: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.name = repr(self.make())
        self.labels = self.make().labels

    def inputs(self, shapes: Sequence[tuple[int, ...]], seed: int = 0) -> list[Any]:
        """Return random inputs of the given shapes, away from kinks and ties; a float for the shape ()."""
        random = np.random.default_rng(seed)
        arrays = [random.uniform(self.low, 3.0, shape) for shape in shapes]
        for port in self.labels:
            arrays[port] = self.labels_of(shapes, port, random)
        return [array if array.ndim else float(array) for array in arrays]

    def labels_of(self, shapes: Sequence[tuple[int, ...]], port: int, random: Any) -> Any:
        """Return random labels: classes of the scores before them, or rows of the table after them."""
        return random.integers(0, shapes[0][-1] if port else shapes[1][0], shapes[port])

    def each(self, inputs: Sequence[Any], change: Callable[[Any], Any]) -> list[Any]:
        """Return the inputs, all but the labels changed."""
        return [given if port in self.labels else change(given) for port, given in enumerate(inputs)]


def upstream_like(output: Any, seed: int = 1) -> Any:
    """Return a random upstream gradient, away from 0 and never all ones."""
    random = np.random.default_rng(seed)
    gradient = random.uniform(0.5, 2.0, np.shape(output)) * random.choice([-1, 1], np.shape(output))
    return gradient if np.ndim(output) else float(gradient)


def sigmoid(x: Any) -> Any:
    """Return the sigmoid in mpmath."""
    return 1 / (1 + mp.exp(-x))


def neuron(inputs: Any, weights: Any, bias: Any) -> Any:
    """Return a neuron's firing rate."""
    product = np.multiply(inputs, weights)
    return 1 / (1 + np.exp(-((product.sum(axis=-1) if product.ndim else product) + bias)))


def cross_entropy(scores: Any, labels: Any) -> Any:
    """Return the softmax loss, as the lecture writes it."""
    e = np.exp(scores)
    return -np.mean(np.log(e[range(len(labels)), labels] / e.sum(axis=1)))


def hinges(margin: float) -> Callable[..., Any]:
    """Return the SVM loss, as the lecture writes it: a sum over examples and over the classes but the true one."""

    def loss(scores: Any, labels: Any) -> Any:
        return np.mean(
            [
                sum(max(0, s[j] - s[y] + margin) for j in range(len(s)) if j != y)
                for s, y in zip(np.asarray(scores), labels)
            ]
        )

    return loss


def dropped(p: float, seed: int) -> Callable[..., Any]:
    """Return a dropout whose mask is drawn as the gate says."""

    def reference(x: Any) -> Any:
        return np.where(np.random.default_rng([seed, 0]).random(np.shape(x)) < p, 0.0, x / (1 - p))

    return reference


def normalized(eps: float, axis: Callable[[int], Any]) -> Callable[..., Any]:
    """Return a layer that normalizes over some axes; gamma and beta belong to the second axis, or to the last."""

    def reference(x: Any, gamma: Any, beta: Any) -> Any:
        x, over = np.asarray(x), axis(np.ndim(x))
        u = x - np.mean(x, axis=over, keepdims=True)
        wide = (np.shape(gamma)[0], *[1] * (np.ndim(x) - 2)) if isinstance(over, tuple) else np.shape(gamma)
        h = u / np.sqrt(np.mean(u * u, axis=over, keepdims=True) + eps)
        return np.reshape(gamma, wide) * h + np.reshape(beta, wide)

    return reference


def all_but_the_second(ndim: int) -> tuple[int, ...]:
    """Return the axes of the numbers of one channel."""
    return 0, *range(2, ndim)


def in_windows(x: Any, size: tuple[int, int], stride: int, function: Callable[[Any], Any]) -> Any:
    """Return what a function gives for each window of the images, in a loop."""
    rows, columns = ((length - across) // stride + 1 for length, across in zip(np.shape(x)[2:], size))
    return np.moveaxis(
        [
            [
                function(x[:, :, i * stride : i * stride + size[0], j * stride : j * stride + size[1]])
                for j in range(columns)
            ]
            for i in range(rows)
        ],
        (0, 1),
        (2, 3),
    )


def convolution(stride: int = 1, padding: int = 0) -> Callable[..., Any]:
    """Return a convolution, as a loop over windows."""

    def reference(x: Any, W: Any, b: Any) -> Any:
        padded = np.pad(x, [(0, 0)] * 2 + [(padding, padding)] * 2)
        return in_windows(padded, W.shape[2:], stride, lambda window: np.tensordot(window, W, ([1, 2, 3],) * 2) + b)

    return reference


def pooled(size: int, stride: int) -> Callable[..., Any]:
    """Return a pooling, as a loop over windows."""
    return lambda x: in_windows(x, (size, size), stride, lambda window: np.max(window, axis=(2, 3)))


def zero(*inputs: Any) -> Any:
    """Return 0 in mpmath."""
    return mp.mpf(0)


def one(*inputs: Any) -> Any:
    """Return 1 in mpmath."""
    return mp.mpf(1)


def power(p: float, shapes: Any, exact: Any, low: float) -> Case:
    """Return the row of one exponent."""
    return Case(
        lambda: Power(p),
        lambda x: x**p,
        shapes,
        exact,
        low=low,
        value=lambda x: mp.mpf(x) ** mp.mpf(p),
        slopes=[lambda x: mp.mpf(p) * mp.mpf(x) ** (mp.mpf(p) - 1)],
    )


CASES = [
    Case(
        Add,
        np.add,
        BROADCASTS,
        [
            ((3.0, -4.0), 2.0, -1.0, (2.0, 2.0)),
            (([1, 2], [3, 4]), [1, 10], [4.0, 6.0], ([1.0, 10.0], [1.0, 10.0])),
            (([[1, 2], [3, 4]], [10, 20]), 1.0, [[11.0, 22.0], [13.0, 24.0]], ([[1.0, 1.0], [1.0, 1.0]], [2.0, 2.0])),
        ],
        value=lambda x, y: x + y,
        slopes=[one, one],
    ),
    Case(
        Subtract,
        np.subtract,
        BROADCASTS,
        [((3.0, -4.0), 2.0, 7.0, (2.0, -2.0)), (([5, 7], 2), [1, 10], [3.0, 5.0], ([1.0, 10.0], -11.0))],
        value=lambda x, y: x - y,
        slopes=[one, lambda x, y: -one()],
    ),
    Case(
        Multiply,
        np.multiply,
        BROADCASTS,
        [((3.0, -4.0), 2.0, -12.0, (-8.0, 6.0)), (([2, 3], 4), [1, 10], [8.0, 12.0], ([4.0, 40.0], 32.0))],
        value=lambda x, y: x * y,
        slopes=[lambda x, y: y, lambda x, y: x],
    ),
    Case(
        Divide,
        np.divide,
        BROADCASTS,
        [((3.0, -4.0), 2.0, -0.75, (-0.5, -0.375)), ((1.0, 0.0), 1.0, np.inf, (np.inf, -np.inf))],
        low=0.5,
        value=lambda x, y: x / y,
        slopes=[lambda x, y: 1 / y, lambda x, y: -x / y**2],
    ),
    Case(Negative, np.negative, ONE, [((3.0,), 2.0, -3.0, (-2.0,))], value=lambda x: -x, slopes=[lambda x: -one()]),
    Case(
        Reciprocal,
        np.reciprocal,
        ONE,
        [((-4.0,), 2.0, -0.25, (-0.125,)), ((0.0,), 1.0, np.inf, (-np.inf,)), ((-0.0,), 1.0, -np.inf, (-np.inf,))],
        low=0.5,
        value=lambda x: 1 / x,
        slopes=[lambda x: -1 / x**2],
    ),
    Case(
        lambda: Scale(-3),
        lambda x: -3 * x,
        ONE,
        [((2.0,), 5.0, -6.0, (-15.0,))],
        value=lambda x: -3 * x,
        slopes=[lambda x: mp.mpf(-3)],
    ),
    Case(
        lambda: Shift(7.5),
        lambda x: x + 7.5,
        ONE,
        [((2.0,), 5.0, 9.5, (5.0,))],
        value=lambda x: x + mp.mpf(7.5),
        slopes=[one],
    ),
    power(2, ONE, [((-3.0,), 2.0, 9.0, (-12.0,)), ((0.0,), 1.0, 0.0, (0.0,))], low=-3.0),
    power(3, ONE, [((-2.0,), 1.0, -8.0, (12.0,)), ((0.0,), 1.0, 0.0, (0.0,))], low=-3.0),
    power(10, ONE, [((2.0,), 1.0, 1024.0, (5120.0,))], low=-3.0),
    power(1, ONE, [((-2.0,), 3.0, -2.0, (3.0,)), ((0.0,), 3.0, 0.0, (3.0,))], low=-3.0),
    power(0, ONE, [((-2.0,), 3.0, 1.0, (0.0,)), ((0.0,), 3.0, 1.0, (0.0,))], low=-3.0),
    power(-1, ONE, [((4.0,), 1.0, 0.25, (-0.0625,)), ((0.0,), 1.0, np.inf, (-np.inf,))], low=0.5),
    power(-2, ONE, [((-2.0,), 1.0, 0.25, (0.25,))], low=0.5),
    power(0.5, ONE, [((4.0,), 1.0, 2.0, (0.25,)), ((0.0,), 1.0, 0.0, (np.inf,))], low=0.5),
    power(0.1, ONE, [((1.0,), 1.0, 1.0, (0.1,)), ((np.inf,), 1.0, np.inf, (0.0,))], low=0.5),
    power(-1.3, ONE, [((1.0,), 1.0, 1.0, (-1.3,))], low=0.5),
    power(1.5, ONE, [((4.0,), 1.0, 8.0, (3.0,)), ((-4.0,), 1.0, np.nan, (np.nan,))], low=0.5),
    power(2.5, ONE, [((4.0,), 1.0, 32.0, (20.0,))], low=0.5),
    Case(
        Square,
        np.square,
        ONE,
        [((-3.0,), 2.0, 9.0, (-12.0,)), ((1e308,), 0.5, np.inf, (1e308,))],
        value=lambda x: x**2,
        slopes=[lambda x: 2 * x],
    ),
    Case(
        Sqrt,
        np.sqrt,
        ONE,
        [((9.0,), 6.0, 3.0, (1.0,)), ((0.0,), 1.0, 0.0, (np.inf,)), ((-1.0,), 1.0, np.nan, (np.nan,))],
        low=0.5,
        value=mp.sqrt,
        slopes=[lambda x: 1 / (2 * mp.sqrt(x))],
    ),
    Case(
        Exp,
        np.exp,
        ONE,
        [((0.0,), 2.0, 1.0, (2.0,)), ((1000.0,), 1.0, np.inf, (np.inf,)), ((-1000.0,), 1.0, 0.0, (0.0,))],
        value=mp.exp,
        slopes=[mp.exp],
    ),
    Case(
        Log,
        np.log,
        ONE,
        [((1.0,), 2.0, 0.0, (2.0,)), ((0.0,), 1.0, -np.inf, (np.inf,)), ((-4.0,), 1.0, np.nan, (-0.25,))],
        low=0.5,
        value=mp.log,
        slopes=[lambda x: 1 / x],
    ),
    Case(
        Max,
        np.maximum,
        BROADCASTS,
        [
            ((2.0, -1.0), 3.0, 2.0, (3.0, 0.0)),
            ((-1.0, 2.0), 3.0, 2.0, (0.0, 3.0)),
            ((1.0, 1.0), 2.0, 1.0, (2.0, 0.0)),  # a tie goes to x
            (([1, 5, 3], 3), [1, 10, 100], [3.0, 5.0, 3.0], ([0.0, 10.0, 100.0], 1.0)),
            ((np.nan, 1.0), 1.0, np.nan, None),
            ((1.0, np.nan), 1.0, np.nan, None),
        ],
        value=lambda x, y: max(x, y),
        slopes=[lambda x, y: mp.mpf(x >= y), lambda x, y: mp.mpf(x < y)],
    ),
    Case(
        Min,
        np.minimum,
        BROADCASTS,
        [
            ((2.0, -1.0), 3.0, -1.0, (0.0, 3.0)),
            ((-1.0, 2.0), 3.0, -1.0, (3.0, 0.0)),
            ((1.0, 1.0), 2.0, 1.0, (2.0, 0.0)),  # a tie goes to x
            ((1.0, np.nan), 1.0, np.nan, None),
        ],
        value=lambda x, y: min(x, y),
        slopes=[lambda x, y: mp.mpf(x <= y), lambda x, y: mp.mpf(x > y)],
    ),
    Case(
        Sin,
        np.sin,
        ONE,
        [((0.0,), 2.0, 0.0, (2.0,)), ((-0.0,), 1.0, -0.0, (1.0,)), ((np.inf,), 1.0, np.nan, (np.nan,))],
        value=mp.sin,
        slopes=[mp.cos],
    ),
    Case(
        Cos,
        np.cos,
        ONE,
        [((0.0,), 2.0, 1.0, (-0.0,)), ((np.inf,), 1.0, np.nan, (np.nan,))],
        value=mp.cos,
        slopes=[lambda x: -mp.sin(x)],
    ),
    Case(
        Abs,
        lambda x: np.where(np.real(x) < 0, -x, x),
        ONE,
        [((-3.0,), 2.0, 3.0, (-2.0,)), ((3.0,), 2.0, 3.0, (2.0,)), ((0.0,), 2.0, 0.0, (0.0,))],  # the kink takes 0
        value=mp.fabs,
        slopes=[lambda x: mp.sign(x)],
    ),
    Case(
        lambda: Clip(-1, 2),
        lambda x: np.clip(x, -1, 2),
        ONE,
        [
            ((-1.5,), 3.0, -1.0, (0.0,)),
            ((-1.0,), 3.0, -1.0, (3.0,)),  # the bounds are inside
            ((0.5,), 3.0, 0.5, (3.0,)),
            ((2.0,), 3.0, 2.0, (3.0,)),
            ((np.inf,), 3.0, 2.0, (0.0,)),
        ],
        value=lambda x: min(max(x, -one()), 2 * one()),
        slopes=[lambda x: mp.mpf(-1 <= x <= 2)],
    ),
    Case(
        lambda: Clip(low=0.5),
        lambda x: np.maximum(x, 0.5),
        ONE,
        [((0.25,), 3.0, 0.5, (0.0,)), ((7.0,), 3.0, 7.0, (3.0,))],
        value=lambda x: max(x, mp.mpf(0.5)),
        slopes=[lambda x: mp.mpf(x >= 0.5)],
    ),
    Case(
        lambda: Clip(high=0.5),
        lambda x: np.minimum(x, 0.5),
        ONE,
        [((0.25,), 3.0, 0.25, (3.0,)), ((7.0,), 3.0, 0.5, (0.0,))],
        value=lambda x: min(x, mp.mpf(0.5)),
        slopes=[lambda x: mp.mpf(x <= 0.5)],
    ),
    Case(
        Where,
        lambda c, x, y: np.where(np.asarray(c) > 0, x, y),
        [
            ((), (), ()),
            ((3, 4), (3, 4), (3, 4)),
            ((3, 4), (4,), ()),
            ((4,), (3, 1), (3, 4)),
            ((3,), (), ()),
            ((0,), (1,), ()),
        ],
        [
            ((2.0, 10.0, 20.0), 3.0, 10.0, (0.0, 3.0, 0.0)),
            ((-2.0, 10.0, 20.0), 3.0, 20.0, (0.0, 0.0, 3.0)),
            ((0.0, 10.0, 20.0), 3.0, 20.0, (0.0, 0.0, 3.0)),  # 0 is not more than 0
            (([1, -1], 5, [7, 8]), [1, 10], [5.0, 8.0], ([0.0, 0.0], 1.0, [0.0, 10.0])),
        ],
        value=lambda c, x, y: x if c > 0 else y,
        slopes=[zero, lambda c, x, y: mp.mpf(c > 0), lambda c, x, y: mp.mpf(not c > 0)],
    ),
    Case(
        Softplus,
        lambda x: np.log1p(np.exp(x)),
        ONE,
        [
            ((0.0,), 2.0, float(np.log(2.0)), (1.0,)),
            ((1000.0,), 1.0, 1000.0, (1.0,)),
            ((-1000.0,), 1.0, 0.0, (0.0,)),
            ((np.inf,), 1.0, np.inf, (1.0,)),
        ],
        value=lambda x: mp.log1p(mp.exp(x)),
        slopes=[sigmoid],
    ),
    Case(
        Pow,
        np.power,
        BROADCASTS,
        [
            ((2.0, 3.0), 1.0, 8.0, (12.0, 8.0 * float(np.log(2.0)))),
            ((1.0, -4.0), 2.0, 1.0, (-8.0, 0.0)),
            ((-2.0, 3.0), 1.0, -8.0, (12.0, np.nan)),
            ((0.0, 2.0), 1.0, 0.0, (0.0, 0.0)),
            ((0.0, 0.0), 1.0, 1.0, (0.0, 0.0)),
            ((0.0, 1.0), 1.0, 0.0, (1.0, 0.0)),
            ((0.0, -1.0), 1.0, np.inf, (-np.inf, -np.inf)),
            (([1, 4], 0.5), [2, 8], [1.0, 2.0], ([1.0, 2.0], 16.0 * float(np.log(4.0)))),
        ],
        low=0.5,
        value=lambda x, y: x**y if x > 0 or mp.isint(y) else mp.nan,
        slopes=[
            lambda x, y: y * x ** (y - 1) if x > 0 or (mp.isint(y) and abs(y) < 1e30) else mp.nan,
            lambda x, y: (
                x**y * mp.log(x) if x > 0 and x**y > 1e-290 else mp.nan
            ),  # digits are lost where z is subnormal
        ],
    ),
    Case(
        Variance,
        lambda x: np.mean((x - np.mean(x)) ** 2),
        [((3,),), ((3, 4),), ((2, 1, 3),)],
        [
            ((5.0,), 3.0, 0.0, (0.0,)),
            (([1, 3],), 1.0, 1.0, ([-1.0, 1.0],)),
            (([1, 1, 4],), 3.0, 2.0, ([-2.0, -2.0, 4.0],)),
        ],
    ),
    Case(
        lambda: Variance(axis=(0, 2), keepdims=True),
        lambda x: np.mean((x - x.mean(axis=(0, 2), keepdims=True)) ** 2, axis=(0, 2), keepdims=True),
        [((2, 3, 4),), ((1, 2, 3),)],
        [],
    ),
    Case(
        ReduceMax,
        np.max,
        [((),), ((3,),), ((3, 4),), ((2, 1, 3),), ((1,),)],
        [
            ((5.0,), 3.0, 5.0, (3.0,)),
            (([1, 7, 7],), 2.0, 7.0, ([0.0, 2.0, 0.0],)),  # a tie goes to the first
            (([[1, 2], [3, 0]],), 1.0, 3.0, ([[0.0, 0.0], [1.0, 0.0]],)),
        ],
    ),
    Case(
        lambda: ReduceMax(axis=(0, 2)),
        lambda x: x.max(axis=(0, 2)),
        [((2, 3, 4),), ((1, 2, 1),)],
        [(([[[1, 2]], [[2, 0]]],), [5.0], [2.0], ([[[0.0, 5.0]], [[0.0, 0.0]]],))],
    ),
    Case(
        ReduceMin,
        np.min,
        [((),), ((3,),), ((3, 4),), ((2, 1, 3),), ((1,),)],
        [
            ((5.0,), 3.0, 5.0, (3.0,)),
            (([7, 1, 1],), 2.0, 1.0, ([0.0, 2.0, 0.0],)),  # a tie goes to the first
            (([[1, 2], [0, 3]],), 1.0, 0.0, ([[0.0, 0.0], [1.0, 0.0]],)),
        ],
    ),
    Case(
        lambda: ReduceMin(axis=(0, 2)),
        lambda x: x.min(axis=(0, 2)),
        [((2, 3, 4),), ((1, 2, 1),)],
        [(([[[2, 1]], [[1, 3]]],), [5.0], [1.0], ([[[0.0, 5.0]], [[0.0, 0.0]]],))],
    ),
    Case(
        Softmax,
        lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
        [((3,),), ((3, 4),), ((2, 1, 3),)],
        [
            (([0, 0],), [1, 0], [0.5, 0.5], ([0.25, -0.25],)),
            (([1000, 0],), [1, 0], [1.0, 0.0], ([0.0, 0.0],)),
            (([1e308, -1e308],), [1, 0], [1.0, 0.0], ([0.0, 0.0],)),
        ],
    ),
    Case(
        lambda: Softmax(axis=0),
        lambda x: np.exp(x) / np.exp(x).sum(axis=0),
        [((3,),), ((3, 4),), ((2, 3, 1),)],
        [(([[0], [0]],), [[1], [0]], [[0.5], [0.5]], ([[0.25], [-0.25]],))],
    ),
    Case(
        LogSumExp,
        lambda x: np.log(np.exp(x).sum()),
        [((),), ((3,),), ((3, 4),), ((2, 1, 3),), ((1,),)],
        [
            ((5.0,), 3.0, 5.0, (3.0,)),
            (([0, 0],), 2.0, float(np.log(2.0)), ([1.0, 1.0],)),
            (([1e308, 0],), 2.0, 1e308, ([2.0, 0.0],)),
            (([-np.inf, -np.inf],), 2.0, -np.inf, None),
            (([np.inf, 0],), 2.0, np.inf, None),
        ],
    ),
    Case(
        lambda: LogSumExp(axis=(0, 2), keepdims=True),
        lambda x: np.log(np.exp(x).sum(axis=(0, 2), keepdims=True)),
        [((2, 3, 4),), ((1, 2, 1),)],
        [],
    ),
    Case(
        lambda: Index([0, 2, 2]),
        lambda x: np.asarray(x)[[0, 2, 2]],
        [((3,),), ((3, 4),), ((5, 1, 2),)],
        [(([1, 2, 3],), [1, 10, 100], [1.0, 3.0, 3.0], ([1.0, 0.0, 110.0],))],  # what is taken twice adds
    ),
    Case(
        lambda: Index((slice(None), slice(1, 3))),
        lambda x: x[:, 1:3],
        [((2, 3),), ((1, 5),), ((2, 3, 2),)],
        [(([[1, 2, 3]],), [[10, 20]], [[2.0, 3.0]], ([[0.0, 10.0, 20.0]],))],
    ),
    Case(
        lambda: Index((..., -1)),
        lambda x: x[..., -1],
        [((3,),), ((2, 3),)],
        [(([1, 2, 3],), 5.0, 3.0, ([0.0, 0.0, 5.0],))],
    ),
    Case(
        Concatenate,
        lambda x, y: np.concatenate([x, y]),
        [((2,), (3,)), ((2, 3), (1, 3)), ((2, 2, 1), (1, 2, 1))],
        [(([1, 2], [3]), [10, 20, 30], [1.0, 2.0, 3.0], ([10.0, 20.0], [30.0]))],
    ),
    Case(
        lambda: Concatenate(axis=-1),
        lambda x, y, z: np.concatenate([x, y, z], axis=-1),
        [((2,), (3,), (1,)), ((2, 3), (2, 1), (2, 2))],
        [],
    ),
    Case(
        Stack,
        lambda x, y: np.stack([x, y]),
        [((2,), (2,)), ((2, 3), (2, 3))],
        [((1.0, 2.0), [10, 20], [1.0, 2.0], (10.0, 20.0)), (([1, 2], [3, 4]), 1.0, [[1.0, 2.0], [3.0, 4.0]], None)],
    ),
    Case(
        lambda: Stack(axis=-1),
        lambda x, y, z: np.stack([x, y, z], axis=-1),
        [((2,), (2,), (2,)), ((2, 3), (2, 3), (2, 3))],
        [],
    ),
    Case(lambda: Copy(1), lambda x: x, ONE, [((5.0,), 3.0, 5.0, (3.0,))], value=lambda x: x, slopes=[one]),
    Case(
        Sigmoid,
        lambda x: 1 / (1 + np.exp(-x)),
        ONE,
        [((0.0,), 1.0, 0.5, (0.25,)), ((1000.0,), 1.0, 1.0, (0.0,)), ((-1000.0,), 1.0, 0.0, (0.0,))],
        value=sigmoid,
        slopes=[lambda x: sigmoid(x) * sigmoid(-x)],
    ),
    Case(
        Tanh,
        np.tanh,
        ONE,
        [((0.0,), 2.0, 0.0, (2.0,)), ((700.0,), 1.0, 1.0, (0.0,)), ((-700.0,), 1.0, -1.0, (0.0,))],
        value=mp.tanh,
        slopes=[lambda x: mp.sech(x) ** 2],
    ),
    Case(
        ReLU,
        lambda x: np.maximum(x, 0),
        ONE,
        [
            ((2.0,), 3.0, 2.0, (3.0,)),
            ((-2.0,), 3.0, 0.0, (0.0,)),
            ((0.0,), 3.0, 0.0, (0.0,)),
            ((np.nan,), 1, np.nan, None),
        ],
        value=lambda x: max(x, mp.mpf(0)),
        slopes=[lambda x: mp.mpf(x > 0)],
    ),
    Case(
        lambda: LeakyReLU(0.25),
        lambda x: np.where(x > 0, x, 0.25 * x),
        ONE,
        [((2.0,), 3.0, 2.0, (3.0,)), ((-2.0,), 3.0, -0.5, (0.75,)), ((0.0,), 4.0, 0.0, (1.0,))],
        value=lambda x: x if x > 0 else x / 4,
        slopes=[lambda x: one() if x > 0 else one() / 4],
    ),
    Case(
        LeakyReLU,
        lambda x: np.maximum(0.1 * x, x),
        ONE,
        [((-2.0,), 1.0, -0.2, (0.1,))],
        value=lambda x: x if x > 0 else mp.mpf(0.1) * x,
        slopes=[lambda x: one() if x > 0 else mp.mpf(0.1)],
    ),
    Case(
        ELU,
        lambda x: np.where(x >= 0, x, np.expm1(x)),
        ONE,
        [((2.0,), 3.0, 2.0, (3.0,)), ((0.0,), 3.0, 0.0, (3.0,)), ((-1000.0,), 1.0, -1.0, (0.0,))],
        value=lambda x: x if x >= 0 else mp.expm1(x),
        slopes=[lambda x: one() if x >= 0 else mp.exp(x)],
    ),
    Case(
        lambda: ELU(0.3),
        lambda x: np.where(x >= 0, x, 0.3 * np.expm1(x)),
        ONE,
        [((0.0,), 3.0, 0.0, (3.0,))],
        value=lambda x: x if x >= 0 else mp.mpf(0.3) * mp.expm1(x),
        slopes=[lambda x: one() if x >= 0 else mp.mpf(0.3) * mp.exp(x)],
    ),
    Case(
        MatMul,
        np.matmul,
        MATRICES,
        [
            (([1, 2], [10, 100]), 1.0, 210.0, ([10.0, 100.0], [1.0, 2.0])),
            (
                ([[1, 2], [3, 4]], [[10], [100]]),
                [[1], [0]],
                [[210.0], [430.0]],
                ([[10.0, 100.0], [0.0, 0.0]], [[1.0], [2.0]]),
            ),
            # the lecture's q = W x at W = [[0.1, 0.5], [-0.3, 0.8]], in tenths
            (([[1, 5], [-3, 8]], [2, 4]), [44, 52], [22.0, 26.0], ([[88.0, 176.0], [104.0, 208.0]], [-112.0, 636.0])),
        ],
    ),
    Case(
        Transpose,
        np.transpose,
        ONE,
        [(([[1, 2, 3]],), [[1], [10], [100]], [[1.0], [2.0], [3.0]], ([[1.0, 10.0, 100.0]],))],
    ),
    Case(
        lambda: Transpose((1, 2, 0)),
        lambda x: np.transpose(x, (1, 2, 0)),
        [((2, 3, 4),), ((1, 1, 5),)],
        [(([[[1, 2]]],), [[[3], [4]]], [[[1.0], [2.0]]], ([[[3.0, 4.0]]],))],
    ),
    Case(
        lambda: Reshape((2, -1)),
        lambda x: np.reshape(x, (2, -1)),
        [((4,),), ((2, 3),), ((3, 2, 2),)],
        [(([1, 2, 3, 4],), [[1, 2], [3, 4]], [[1.0, 2.0], [3.0, 4.0]], ([1.0, 2.0, 3.0, 4.0],))],
    ),
    Case(Sum, np.sum, ONE, [(([[1, 2], [3, 4]],), 2.0, 10.0, ([[2.0, 2.0], [2.0, 2.0]],)), ((3.0,), 2.0, 3.0, (2.0,))]),
    Case(
        lambda: Sum(axis=0),
        lambda x: np.sum(x, axis=0),
        [((3,),), ((3, 4),), ((0, 4),), ((1, 2, 3),)],
        [(([[1, 2], [3, 4]],), [1, 10], [4.0, 6.0], ([[1.0, 10.0], [1.0, 10.0]],))],
    ),
    Case(
        lambda: Sum(axis=(-1, 0), keepdims=True),
        lambda x: np.sum(x, axis=(-1, 0), keepdims=True),
        [((3, 4),), ((2, 3, 4),)],
        [(([[1, 2], [3, 4]],), [[3]], [[10.0]], ([[3.0, 3.0], [3.0, 3.0]],))],
    ),
    Case(
        Mean,
        np.mean,
        ONE[:4],
        [(([[1, 2], [3, 6]],), 2.0, 3.0, ([[0.5, 0.5], [0.5, 0.5]],)), ((3.0,), 2.0, 3.0, (2.0,))],
    ),
    Case(
        lambda: Mean(axis=-1),
        lambda x: np.mean(x, axis=-1),
        [((3,),), ((3, 4),), ((2, 3, 4),)],
        [(([[1, 3], [3, 9]],), [1, 10], [2.0, 6.0], ([[0.5, 0.5], [5.0, 5.0]],))],
    ),
    Case(
        lambda: Mean(axis=(0, 1), keepdims=True),
        lambda x: np.mean(x, axis=(0, 1), keepdims=True),
        [((3, 4),), ((2, 3, 4),)],
        [(([[1, 2], [3, 6]],), [[4]], [[3.0]], ([[1.0, 1.0], [1.0, 1.0]],))],
    ),
    Case(
        SquaredNorm,
        lambda x: np.sum(np.square(x)),
        ONE,
        [(([[1, -2], [3, 4]],), 2.0, 30.0, ([[4.0, -8.0], [12.0, 16.0]],)), ((3.0,), 2.0, 9.0, (12.0,))],
    ),
    Case(
        Neuron,
        neuron,
        [
            ((3,), (3,), ()),
            ((2, 3), (3,), ()),
            ((2, 3), (3,), (2,)),
            ((3,), (4, 3), (4,)),
            ((1, 3), (2, 1), (1,)),
            ((3,), (3,), (2,)),
            ((), (), ()),
        ],
        [
            (([1, 2], [3, -1], -1), 1.0, 0.5, ([0.75, -0.25], [0.25, 0.5], 0.25)),
            ((2.0, 3.0, -6.0), 4.0, 0.5, (3.0, 2.0, 1.0)),
        ],
    ),
    Case(
        Maxout,
        lambda x, W1, b1, W2, b2: np.maximum(x @ W1 + b1, x @ W2 + b2),
        [
            ((3,), (3, 2), (2,), (3, 2), (2,)),
            ((4, 3), (3, 2), (2,), (3, 2), (2,)),
            ((4, 3), (3, 2), (1, 2), (3, 2), (1,)),
            ((4, 3), (3, 1), (1,), (3, 1), (1,)),
        ],
        [
            (
                ([[1, 2]], [[1, 0], [0, 1]], [0, 0], [[0, 1], [1, 0]], [0, 0]),  # 1 against 2, 2 against 1
                [[1, 10]],
                [[2.0, 2.0]],
                ([[0.0, 11.0]], [[0.0, 10.0], [0.0, 20.0]], [0.0, 10.0], [[1.0, 0.0], [2.0, 0.0]], [1.0, 0.0]),
            ),
            (
                ([1, 1], [[1], [2]], [0], [[2], [1]], [0]),  # a tie goes to W1, b1
                [5],
                [3.0],
                ([5.0, 10.0], [[5.0], [5.0]], [5.0], [[0.0], [0.0]], [0.0]),
            ),
        ],
    ),
    Case(
        Affine,
        lambda x, W, b: x @ W + b,
        [((4, 3), (3, 2), (2,)), ((3,), (3, 2), (2,)), ((2, 3, 4), (4, 2), (2,)), ((0, 3), (3, 1), (1,))],
        [
            (
                ([[1, 2], [3, 4]], [[1], [10]], [5]),
                [[1], [100]],
                [[26.0], [48.0]],
                ([[1.0, 10.0], [100.0, 1000.0]], [[301.0], [402.0]], [101.0]),
            ),
            (([1, 2], [[1, 0], [3, 1]], [0, 5]), [1, 10], [7.0, 7.0], ([1.0, 13.0], [[1, 10], [2, 20]], [1, 10])),
        ],
    ),
    Case(
        lambda: LayerNorm(eps=3),
        normalized(3.0, lambda ndim: -1),
        [((4, 5), (5,), (5,)), ((3,), (3,), (3,)), ((2, 3, 4), (4,), (4,)), ((0, 3), (3,), (3,)), ((2, 1), (1,), (1,))],
        [
            # mean 2, variance 1, with eps 4: x is normalized to -1/2 and 1/2
            (
                ([[1, 3]], [2, 4], [1, 0]),
                [[1, 0]],
                [[0.0, 2.0]],
                ([[0.375, -0.375]], [-0.5, 0.0], [1.0, 0.0]),
            ),
        ],
    ),
    Case(
        LayerNorm,
        normalized(1e-5, lambda ndim: -1),
        [((4, 5), (5,), (5,)), ((3,), (3,), (3,))],
        [(([[7, 7]], [2, 4], [1, 3]), [[0, 0]], [[1.0, 3.0]], ([[0.0, 0.0]], [0.0, 0.0], [0.0, 0.0]))],
    ),
    Case(
        lambda: BatchNorm(eps=3),
        normalized(3.0, all_but_the_second),
        [((4, 3), (3,), (3,)), ((2, 3, 2, 2), (3,), (3,)), ((2, 1), (1,), (1,)), ((3, 2, 4), (2,), (2,))],
        [(([[1], [3]], [2], [1]), [[1], [0]], [[0.0], [2.0]], ([[0.375], [-0.375]], [-0.5], [1.0]))],
    ),
    Case(
        lambda: BatchNorm(eps=3, training=False),
        lambda x, gamma, beta: np.moveaxis(np.moveaxis(x, 1, -1) / 2 * gamma + beta, -1, 1),
        [((4, 3), (3,), (3,)), ((2, 3, 2, 2), (3,), (3,)), ((1, 2), (2,), (2,)), ((0, 2), (2,), (2,))],
        [
            (
                ([[1, 3], [5, -2]], [2, 4], [0, 1]),
                [[1, 0], [0, 1]],
                [[1.0, 7.0], [5.0, -3.0]],
                ([[1.0, 0.0], [0.0, 2.0]], [0.5, -1.0], [1.0, 1.0]),
            )
        ],
    ),
    Case(
        Dropout,
        dropped(0.5, 0),
        [((5,),), ((2, 7),), ((2, 1, 3),), ((0,),)],
        [(([1, 2, 3, 4],), [1, 10, 100, 1000], [2.0, 0.0, 0.0, 0.0], ([2.0, 0.0, 0.0, 0.0],))],
    ),
    Case(
        lambda: Dropout(0.25, seed=3, training=False),
        lambda x: x,
        [((5,),), ((2, 7),)],
        [(([1, 2],), [1, 10], [1.0, 2.0], ([1.0, 10.0],))],
    ),
    Case(
        Embedding,
        lambda indices, weight: np.asarray(weight)[np.asarray(indices)],
        [((4,), (3, 2)), ((2, 3), (5, 2)), ((1,), (1, 1)), ((0,), (2, 3))],
        [
            (
                ([2, 0, 2], [[1, 2], [3, 4], [5, 6]]),  # a row that is read twice, and one that is not read
                [[1, 1], [10, 10], [100, 200]],
                [[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]],
                (None, [[10.0, 10.0], [0.0, 0.0], [101.0, 201.0]]),
            ),
        ],
    ),
    Case(
        Conv2d,
        convolution(),
        [((2, 2, 3, 4), (3, 2, 2, 2), (3,)), ((1, 1, 3, 3), (1, 1, 1, 1), (1,)), ((0, 1, 2, 2), (1, 1, 2, 1), (1,))],
        [
            (
                ([[[[1, 2, 3]]]], [[[[10, 1]]]], [5]),
                [[[[1, 100]]]],
                [[[[17.0, 28.0]]]],
                ([[[[10.0, 1001.0, 100.0]]]], [[[[201.0, 302.0]]]], [101.0]),
            ),
        ],
    ),
    Case(
        lambda: Conv2d(stride=2, padding=1),
        convolution(2, 1),
        [((2, 1, 4, 5), (2, 1, 3, 2), (2,)), ((1, 2, 1, 2), (1, 2, 1, 1), (1,)), ((1, 1, 3, 3), (1, 1, 2, 3), (1,))],
        [
            # each window has one pixel: at the bottom right, bottom left, top right and top left
            (
                ([[[[1, 2], [3, 4]]]], [[[[1, 10], [100, 1000]]]], [0]),
                [[[[1, 2], [3, 4]]]],
                [[[[1000.0, 200.0], [30.0, 4.0]]]],
                ([[[[1000.0, 200.0], [30.0, 4.0]]]], [[[[16.0, 9.0], [4.0, 1.0]]]], [10.0]),
            ),
        ],
    ),
    Case(
        MaxPool2d,
        pooled(2, 2),
        [((2, 3, 4, 4),), ((1, 1, 5, 3),), ((0, 1, 2, 2),)],
        [
            (
                ([[[[1, 5, 2, 2, 9], [3, 4, 2, 0, 9]]]],),  # ties go to the first; the last column fills no window
                [[[[10, 100]]]],
                [[[[5.0, 2.0]]]],
                ([[[[0.0, 10.0, 100.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]]]],),
            ),
            (([[[[1, 1], [1, 1]]]],), [[[[3]]]], [[[[1.0]]]], ([[[[3.0, 0.0], [0.0, 0.0]]]],)),
        ],
    ),
    Case(
        lambda: MaxPool2d(3, stride=2),
        pooled(3, 2),
        [((1, 2, 5, 7),), ((2, 1, 4, 3),)],
        [
            # overlapping windows, with the same largest number in the middle
            (
                ([[[[0, 0, 0, 0, 0], [0, 0, 8, 0, 0], [0, 0, 0, 0, 0]]]],),
                [[[[1, 10]]]],
                [[[[8.0, 8.0]]]],
                ([[[[0.0] * 5, [0.0, 0.0, 11.0, 0.0, 0.0], [0.0] * 5]]],),
            ),
        ],
    ),
    Case(
        lambda: MaxPool2d(1, stride=3),
        pooled(1, 3),
        [((1, 2, 5, 7),), ((2, 1, 1, 3),)],
        [(([[[[1, 2, 3, 4]]]],), [[[[5, 6]]]], [[[[1.0, 4.0]]]], ([[[[5.0, 0.0, 0.0, 6.0]]]],))],
    ),
    Case(
        SoftmaxLoss,
        cross_entropy,
        SCORES,
        [
            # p = 1/4 each, of two examples
            (([[0, 0, 0, 0]] * 2, [1, 3]), 8.0, float(np.log(4)), ([[1, -3, 1, 1], [1, 1, 1, -3]], None)),
            (([[5.0], [-1e4]], [0, 0]), 1.0, 0.0, ([[0.0], [0.0]], None)),
            (([[1e4, -1e4]], [1]), 1.0, 2e4, ([[1.0, -1.0]], None)),
        ],
    ),
    Case(
        SVMLoss,
        hinges(1.0),
        SCORES,
        [
            # hinges 3 and 0.5; then 0 and 0, the second at its kink
            (([[3, 5, 2.5], [2, 1, -7]], [0, 0]), 2.0, 1.75, ([[-2.0, 1.0, 1.0], [0.0, 0.0, 0.0]], None)),
            (([[1e4, -1e4, 0]], [1]), 1.0, 30002.0, ([[1.0, -2.0, 1.0]], None)),
            (([[4], [-4]], [0, 0]), 1.0, 0.0, ([[0.0], [0.0]], None)),
        ],
    ),
    Case(
        lambda: SVMLoss(margin=10),
        hinges(10.0),
        SCORES,
        [(([[3, 5]], [1]), 1.0, 8.0, ([[1.0, -1.0]], None))],
    ),
    Case(
        SquaredErrorLoss,
        lambda prediction, target: np.sum(np.square(np.subtract(prediction, target))),
        [((), ()), ((3,), (3,)), ((3, 4), (3, 4)), ((2, 3), ()), ((0,), (0,))],
        [
            (([[1, 2], [3, 4]], [[0, 2], [5, 4]]), 3.0, 5.0, ([[6.0, 0.0], [-12.0, 0.0]], [[-6.0, 0.0], [12.0, 0.0]])),
            (([1, 2], 4), 1.0, 13.0, ([-6.0, -4.0], 10.0)),
        ],
    ),
    Case(
        MeanSquaredErrorLoss,
        lambda prediction, target: np.mean(np.square(np.subtract(prediction, target))),
        [((), ()), ((3,), (3,)), ((3, 4), (3, 4)), ((2, 3), ())],
        [
            ((3.0, 1.0), 3.0, 4.0, (12.0, -12.0)),
            (([[1, 2], [3, 4]], [[0, 2], [5, 4]]), 4.0, 1.25, ([[2.0, 0.0], [-4.0, 0.0]], [[-2.0, 0.0], [4.0, 0.0]])),
            (([1, 2], 4), 2.0, 6.5, ([-6.0, -4.0], 10.0)),
        ],
    ),
    Case(
        BinaryCrossEntropyLoss,
        lambda scores, target: np.mean(np.log(1 + np.exp(scores)) - np.multiply(scores, target)),
        [((), ()), ((3,), (3,)), ((3, 4), (3, 4)), ((2, 3), ())],
        [
            ((0.0, 1.0), 2.0, float(np.log(2)), (-1.0, 0.0)),
            ((0.0, 0.25), 4.0, float(np.log(2)), (1.0, 0.0)),
            (([1000, -1000], [1, 0]), 2.0, 0.0, ([0.0, 0.0], [-1000.0, 1000.0])),
            (([1000, -1000], [0, 1]), 2.0, 1000.0, ([1.0, -1.0], [-1000.0, 1000.0])),
            ((np.inf, 1.0), 1.0, 0.0, (0.0, -np.inf)),
        ],
    ),
    Case(
        lambda: L2Regularization(0.5),
        lambda W: 0.5 * np.sum(np.square(W)),
        ONE,
        [(([[1, -2], [0, 4]],), 3.0, 10.5, ([[3.0, -6.0], [0.0, 12.0]],)), ((3.0,), 2.0, 4.5, (6.0,))],
    ),
]

#: Settings that are tried for accuracy alone: their values are too large or too steep for the other laws.
STEEP = [
    power(100, ONE, [((1.0,), 1.0, 1.0, (100.0,))], low=0.5),
    power(-100, ONE, [((1.0,), 1.0, 1.0, (-100.0,))], low=0.5),
    power(1e-20, ONE, [((1.0,), 1.0, 1.0, (1e-20,))], low=0.5),
    Case(
        lambda: ELU(1e10),
        lambda x: np.where(x >= 0, x, 1e10 * np.expm1(x)),
        ONE,
        [((0.0,), 3.0, 0.0, (3.0,))],
        value=lambda x: x if x >= 0 else mp.mpf(1e10) * mp.expm1(x),
        slopes=[lambda x: one() if x >= 0 else mp.mpf(1e10) * mp.exp(x)],
    ),
]

# as parameters of tests
ROWS = [pytest.param(case, id=case.name) for case in CASES]
SHAPES = [pytest.param(case, shapes, id=f"{case.name} {shapes}") for case in CASES for shapes in case.shapes]

ALL_GATES = set(GATES.values())
