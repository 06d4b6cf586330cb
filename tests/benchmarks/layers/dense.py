"""Layers around matrix products, and blocks of several of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gates import Gate
from tests.benchmarks.layers.layer import THREE, TWO, Layer, Typed, in_each, normal


class Affine(Typed):
    """z = x W + b, of inputs of any shape after their first axis."""

    def forward(self, x: Any, W: Any, b: Any) -> Any:
        x, W, b = self.cast(x, W, b)
        self.kept = x, W, b
        return x.reshape(len(x), -1) @ W + b

    def backward(self, dz: Any) -> Any:
        x, W, _ = self.kept
        dx = (dz @ W.T).reshape(x.shape)
        dW = x.reshape(len(x), -1).T @ dz
        return [dx, dW, dz.sum(axis=0)]


class AffineNotSummed(Affine):
    def backward(self, dz: Any) -> Any:
        x, W, _ = self.kept
        return [dz @ W.T, x.T @ dz, dz]


class AffineUntransposed(Affine):
    def backward(self, dz: Any) -> Any:
        x, W, _ = self.kept
        return [dz @ W, x.T @ dz, dz.sum(axis=0)]


class AffineAveraged(Affine):
    def backward(self, dz: Any) -> Any:
        x, W, _ = self.kept
        return [dz @ W.T, x.T @ dz / len(x), dz.sum(axis=0)]


class AffineOfTwo(Affine):
    def backward(self, dz: Any) -> Any:
        x, W, _ = self.kept
        return [dz @ W.T, x.T @ dz]


class AffineWithoutLastRow(Affine):
    def backward(self, dz: Any) -> Any:
        x, W, _ = self.kept
        dx = np.zeros_like(x)
        for i in range(len(x) - 1):
            dx[i] = W @ dz[i]
        return [dx, x.T @ dz, dz.sum(axis=0)]


class MatrixProduct(Typed):
    """z = x y."""

    def forward(self, x: Any, y: Any) -> Any:
        self.kept = self.cast(x, y)
        return np.matmul(*self.kept)

    def backward(self, dz: Any) -> Any:
        x, y = self.kept
        return [dz @ y.T, x.T @ dz]


class MatrixProductMisfit(MatrixProduct):
    def backward(self, dz: Any) -> Any:
        x, y = self.kept
        return [dz @ y, x @ dz]


class AffineReLU(Gate):
    """z = max(0, x W + b)."""

    def forward(self, x: Any, W: Any, b: Any) -> Any:
        a = x @ W + b
        self.kept = x, W, a
        return np.maximum(a, 0)

    def backward(self, dz: Any) -> Any:
        x, W, a = self.kept
        da = dz * (a > 0)
        return [da @ W.T, x.T @ da, da.sum(axis=0)]


class AffineReLUFrozen(AffineReLU):
    def backward(self, dz: Any) -> Any:
        x, W, a = self.kept
        db, dW = (dz * (a > 0)).sum(axis=0), None
        if self.wanted[1]:
            dz = dz * (a > 0)
            dW = x.T @ dz
        return [dz @ W.T, dW, db]


class Ridge(Gate):
    """The squares of x W - t, halved, and 0.3 of half of those of W."""

    def forward(self, x: Any, W: Any, t: Any) -> Any:
        e = x @ W - t
        self.kept = x, W, e
        return 0.5 * np.sum(e**2) + 0.15 * np.sum(W**2)

    def backward(self, dloss: Any) -> Any:
        x, W, e = self.kept
        return [dloss * e @ W.T, dloss * (x.T @ e + 0.3 * W), -dloss * e]


class RidgeWithoutDecay(Ridge):
    def backward(self, dloss: Any) -> Any:
        x, W, e = self.kept
        return [dloss * e @ W.T, dloss * (x.T @ e), -dloss * e]


class Determinant(Gate):
    """z = the determinant of A."""

    def forward(self, A: Any) -> Any:
        z = np.linalg.det(A)
        self.kept = A, z
        return z

    def backward(self, dz: Any) -> Any:
        A, z = self.kept
        return [dz * z * np.linalg.inv(A).T]


class DeterminantUntransposed(Determinant):
    def backward(self, dz: Any) -> Any:
        A, z = self.kept
        return [dz * z * np.linalg.inv(A)]


class DeterminantOfLogarithm(Determinant):
    def backward(self, dz: Any) -> Any:
        A, _ = self.kept
        return [dz * np.linalg.inv(A).T]  # that of the logarithm


class Residual(Typed):
    """y = x + tanh(x W1) W2."""

    def forward(self, x: Any, W1: Any, W2: Any) -> Any:
        x, W1, W2 = self.cast(x, W1, W2)
        h = np.tanh(x @ W1)
        self.kept = x, W1, W2, h
        return x + h @ W2

    def backward(self, dy: Any) -> Any:
        x, W1, W2, h = self.kept
        da = (dy @ W2.T) * (1 - h**2)
        return [dy + da @ W1.T, x.T @ da, h.T @ dy]


class ResidualWithoutSkip(Residual):
    def backward(self, dy: Any) -> Any:
        x, W1, W2, h = self.kept
        da = (dy @ W2.T) * (1 - h**2)
        return [da @ W1.T, x.T @ da, h.T @ dy]


class RungeKutta(Gate):
    """One step of 0.5 of dy/dt = tanh(A y), by the classical method of four stages."""

    steps = (0.25, 0.25, 0.5)
    weights = (1 / 12, 1 / 6, 1 / 6, 1 / 12)

    def forward(self, y: Any, A: Any) -> Any:
        points, slopes = [y], [np.tanh(A @ y)]
        for step in self.steps:
            points.append(y + step * slopes[-1])
            slopes.append(np.tanh(A @ points[-1]))
        self.kept = A, points, slopes
        return y + sum(weight * slope for weight, slope in zip(self.weights, slopes))

    def through_stages(self, dz: Any) -> Any:
        """Return the gradients that come through the four slopes."""
        A, points, slopes = self.kept
        dy, dA, dslope = np.zeros_like(dz), np.zeros_like(A), 0
        for i in (3, 2, 1, 0):
            da = (self.weights[i] * dz + dslope) * (1 - slopes[i] ** 2)
            dA += np.outer(da, points[i])
            dpoint = A.T @ da
            dy += dpoint
            dslope = self.steps[i - 1] * dpoint
        return [dy, dA]

    def backward(self, dz: Any) -> Any:
        dy, dA = self.through_stages(dz)
        return [dz + dy, dA]


class RungeKuttaWithoutStart(RungeKutta):
    def backward(self, dz: Any) -> Any:
        return self.through_stages(dz)


def regular(random: Any) -> Any:
    """Return a matrix that is far from singular."""
    return (random.normal(size=(3, 3)) + 3 * np.eye(3),)


AFFINE = normal((4, 3), (3, 2), (2,))
SQUARE = normal((4, 3), (3, 3), (3,))

DENSE = [
    *in_each(THREE, "affine", Affine, AFFINE),
    *in_each(THREE, "matrix product", MatrixProduct, normal((3, 4), (4, 2))),
    *in_each(TWO, "residual block", Residual, normal((3, 4), (4, 5), (5, 4))),
    Layer("affine of images", Affine, normal((3, 2, 2), (4, 2), (2,))),
    Layer("affine and ReLU", AffineReLU, AFFINE),
    Layer("ridge regression", Ridge, normal((4, 3), (3, 2), (4, 2))),
    Layer("determinant", Determinant, regular),
    Layer("Runge-Kutta step", RungeKutta, normal((3,), (3, 3))),
    Layer("affine, db not summed", AffineNotSummed, AFFINE, "shape", ("b",)),
    Layer("affine, dz W", AffineUntransposed, SQUARE, "transposed", ("x",)),
    Layer("affine, dW averaged", partial(AffineAveraged, "float32"), AFFINE, "factor", ("W",), "0.25", "float32"),
    Layer("affine, db left out", AffineOfTwo, AFFINE, "count"),
    Layer("affine, last row left out", AffineWithoutLastRow, AFFINE, "index", ("x",)),
    Layer("matrix product, shapes that misfit", MatrixProductMisfit, normal((3, 4), (4, 2)), "raises"),
    Layer("affine and ReLU, masked for W alone", AffineReLUFrozen, AFFINE, "only some", ("x",)),
    Layer("ridge regression, no decay", RidgeWithoutDecay, normal((4, 3), (3, 2), (4, 2)), "misses", ("W",), "0.3"),
    Layer("determinant, inverse not transposed", DeterminantUntransposed, regular, "transposed", ("A",)),
    Layer("determinant without itself", DeterminantOfLogarithm, regular, "scale", ("A",)),
    Layer(
        "residual block without its skip", ResidualWithoutSkip, normal((3, 4), (4, 5), (5, 4)), "misses", ("x",), "dy"
    ),
    Layer("Runge-Kutta step without its start", RungeKuttaWithoutStart, normal((3,), (3, 3)), "misses", ("y",)),
]
