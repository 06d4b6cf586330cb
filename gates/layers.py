"""Layers: affine and dropout. Each docstring derives its gradients step by step."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from gates.gate import Gate
from gates.values import Value, as_flag, as_number, as_whole_number, namespace, shape_of


class Affine(Gate):
    """z = x @ W + b: a layer of M neurons that all read the same D inputs. Backward: dz @ W.T, x.T @ dz, sums of dz.

    `forward(x, W, b)` takes x of shape (D,) or (..., D), W (D, M) and b (M,), and returns (M,) or (..., M). Axes before
    the last are those of examples.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    For a matrix x, whose rows are examples:

    1. One output is z[n, m] = sum over d of x[n, d] * W[d, m], plus b[m].
    2. x[n, d] occurs in all outputs of its own example, each time with the factor W[d, m]. So dx[n, d] is the sum over
       m of dz[n, m] * W[d, m], which is dx = dz @ W.T.
    3. W[d, m] occurs in the m-th output of each example, with the factor x[n, d]. So dW[d, m] is the sum over n of
       x[n, d] * dz[n, m], which is dW = x.T @ dz.
    4. b[m] is added to the m-th output of each example. So db[m] is the sum over n of dz[n, m].
    5. To check the order of the factors, look at the shapes: (N, M) times (M, D) is (N, D), that of x.

    Examples
    --------
    >>> gate = Affine()
    >>> gate.forward([[1.0, 2.0]], [[1.0, 0.0, 3.0], [0.0, 1.0, -1.0]], [0.5, 0.0, 0.0])
    array([[1.5, 2. , 1. ]])
    >>> dx, dW, db = gate.backward([[1.0, 10.0, 100.0]])
    >>> dx
    array([[301., -90.]])
    >>> dW
    array([[  1.,  10., 100.],
           [  2.,  20., 200.]])
    >>> db
    array([  1.,  10., 100.])
    """

    notation = ("z = x @ W + b",)

    def check(self, x: Value, W: Value, b: Value) -> None:
        shapes = x_shape, W_shape, b_shape = shape_of(x), shape_of(W), shape_of(b)
        if not x_shape or len(W_shape) != 2 or x_shape[-1] != W_shape[0] or b_shape != W_shape[1:]:
            wanted = "x, W and b must have the shapes (..., D), (D, M) and (M,)"
            raise ValueError(f"{wanted}, got {', '.join(map(str, shapes[:2]))} and {b_shape}")

    def forward(self, x: Value, W: Value, b: Value) -> Value:
        rows = _rows(x)
        self.kept = x, rows, W
        return namespace(x).reshape(rows @ W + b, (*shape_of(x)[:-1], shape_of(W)[1]))

    def backward(self, dz: Value) -> list[Value]:
        x, rows, W = self.kept
        want_x, want_W, want_b = self.wanted
        xp, dz = namespace(x), _rows(dz)
        return [
            xp.reshape(dz @ W.mT, shape_of(x)) if want_x else None,
            rows.mT @ dz if want_W else None,
            xp.sum(dz, axis=0) if want_b else None,
        ]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield examples with weights and biases: several, one, and some with a further axis."""
        for x, W in (((4, 3), (3, 2)), ((3,), (3, 4)), ((1, 1), (1, 1)), ((2, 3, 4), (4, 2))):
            yield random.normal(size=x), random.normal(size=W), random.normal(size=W[1])


class Dropout(Gate):
    """y = x / (1 - p) where a mask keeps x, 0 where it drops x. Backward: dy / (1 - p) and 0 by the same mask.

    Parameters
    ----------
    p : float
        The chance that an element is dropped, from 0 to 1. What is kept is divided by 1 - p, so that the expected
        value of y is x, and nothing needs to be rescaled once training is over.
    seed : int
        The seed of all masks. Give each gate of a graph its own.
    passes : int
        Which of the seed's masks is used, from 0 on. See below.
    training : bool
        Whether elements are dropped. If False, y is x. It may be assigned: `gate.training = False`.

    Raises
    ------
    ValueError
        If p is not from 0 to 1, or x is a number.

    Notes
    -----
    The mask depends on the seed, `passes` and the shape of x, and on nothing else. So a pass that is repeated drops the
    same elements, in forward and backward, in a check, in a copy and in every engine. A pass does not count itself:
    for another mask add to the count, `gate.passes += 1`. `train` does so after each step, and saved graphs keep the
    count. An engine keeps the count that the gate had at its first call.

    1. The mask is drawn without looking at x, so that for the gradient it is a constant.
    2. Where an element is kept, y is x times 1 / (1 - p). So dx is dy / (1 - p).
    3. Where it is dropped, y is 0 whatever x is. So dx is 0.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout: a simple way to prevent neural networks from
    overfitting, JMLR 15 (2014).

    Examples
    --------
    >>> gate = Dropout(0.5)
    >>> gate.forward([1.0, 2.0, 3.0, 4.0])
    array([2., 0., 0., 0.])
    >>> gate.backward(1.0)
    [array([2., 0., 0., 0.])]
    >>> gate.passes += 1
    >>> gate.forward([1.0, 2.0, 3.0, 4.0])
    array([2., 4., 6., 8.])
    >>> gate.training = False
    >>> gate.forward([1.0, 2.0, 3.0, 4.0])
    array([1., 2., 3., 4.])
    """

    # Not elementwise, although each element of y depends on one of x: the mask depends on the place.
    notation = ("y = dropout(x)",)
    training_state = ("passes",)

    def __init__(self, p: float = 0.5, seed: int = 0, passes: int = 0, training: bool = True) -> None:
        self.p = as_number(p, "Dropout: p")
        if not 0.0 <= self.p <= 1.0:
            raise ValueError(f"Dropout: p must be from 0 to 1, got {self.p}")
        self.seed = as_whole_number(seed, "Dropout: seed", 0)
        self.passes = as_whole_number(passes, "Dropout: passes", 0)
        self.training = as_flag(training, "Dropout: training")

    def check(self, x: Value) -> None:
        if not shape_of(x):
            raise ValueError("x must be an array of 1 or more axes, got a number")

    def forward(self, x: Value) -> Value:
        if not self.training:
            self.kept = None, 1.0
            return x
        draws = np.random.default_rng([self.seed, self.passes]).random(shape_of(x))
        self.kept = namespace(x).asarray(draws >= self.p), 1.0 - self.p if self.p < 1.0 else 1.0
        return self._masked(x)

    def backward(self, dy: Value) -> list[Value]:
        return [self._masked(dy)]

    def count_pass(self) -> None:
        self.passes += 1

    def _masked(self, values: Value) -> Value:
        """Scale what the mask of the last forward pass keeps, and replace the rest by 0."""
        mask, kept_share = self.kept
        return values if mask is None else namespace(values).where(mask, values / kept_share, 0.0)

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield arrays, so large that some elements are kept and some are dropped."""
        for shape in ((40,), (6, 8), (2, 3, 2, 5)):
            yield (random.normal(size=shape),)


def _rows(x: Value) -> Value:
    """Return an array as a matrix whose rows are its last axis."""
    shape = shape_of(x)
    return x if len(shape) == 2 else namespace(x).reshape(x, (math.prod(shape[:-1]), shape[-1]))
