"""Layers of matrix products."""

from typing import Any, ClassVar

import numpy as np

from gates import Gate
from tests.layers.layer import Cast, Layer, half, normal, right, single, wrong

ABC = normal((3, 4), (4, 2), (2,))


class Affine(Cast):
    """x @ w + b."""

    def forward(self, x: Any, w: Any, b: Any) -> Any:
        self.x, self.w, b = self.cast(x, w, b)
        return self.x @ self.w + b

    def backward(self, dy: Any) -> list[Any]:
        return [dy @ self.w.T, self.x.T @ dy, dy.sum(axis=0)]


class AffineMeanBias(Affine):
    def backward(self, dy: Any) -> list[Any]:
        return [dy @ self.w.T, self.x.T @ dy, dy.mean(axis=0)]


class AffineBiasNotSummed(Affine):
    def backward(self, dy: Any) -> list[Any]:
        return [dy @ self.w.T, self.x.T @ dy, dy]


class AffineHalf(Affine):
    def backward(self, dy: Any) -> list[Any]:
        return [2 * (dy @ self.w.T), self.x.T @ dy / len(self.x), dy.sum(axis=0)]


class AffineDecay(Affine):
    def backward(self, dy: Any) -> list[Any]:
        return [dy @ self.w.T, self.x.T @ dy + 0.1 * self.w, dy.sum(axis=0)]


class AffineWritesUpstream(Affine):
    def backward(self, dy: Any) -> list[Any]:
        dy *= 1.0 / len(self.x)
        return [dy @ self.w.T, self.x.T @ dy, dy.sum(axis=0)]


class AffineShared(Affine):
    cache: ClassVar[list[Any]] = []

    def forward(self, x: Any, w: Any, b: Any) -> Any:
        AffineShared.cache = [x, w]
        return x @ w + b

    def backward(self, dy: Any) -> list[Any]:
        x, w = AffineShared.cache
        return [dy @ w.T, x.T @ dy, dy.sum(axis=0)]


class AffineFirstOnly(Affine):
    def forward(self, x: Any, w: Any, b: Any) -> Any:
        if not hasattr(self, "seen"):
            self.seen = x
        super().forward(x, w, b)
        return x @ w + b

    def backward(self, dy: Any) -> list[Any]:
        return [dy @ self.w.T, self.seen.T @ dy, dy.sum(axis=0)]


class AffineTwoOnly(Affine):
    def backward(self, dy: Any) -> list[Any]:
        return [dy @ self.w.T, self.x.T @ dy]


class SquareProduct(Cast):
    """x @ w for square matrices."""

    def forward(self, x: Any, w: Any) -> Any:
        self.x, self.w = self.cast(x, w)
        return self.x @ self.w

    def backward(self, dy: Any) -> list[Any]:
        return [dy @ self.w.T, self.x.T @ dy]


class SquareNotTransposed(SquareProduct):
    def backward(self, dy: Any) -> list[Any]:
        return [dy @ self.w, self.x.T @ dy]


class SquareResultTransposed(SquareProduct):
    def backward(self, dy: Any) -> list[Any]:
        return [dy @ self.w.T, (self.x.T @ dy).T]


class Bilinear(Cast):
    """x w y, a number."""

    def forward(self, x: Any, w: Any, y: Any) -> Any:
        self.x, self.w, self.y = self.cast(x, w, y)
        return self.x @ self.w @ self.y

    def backward(self, ds: Any) -> list[Any]:
        return [ds * (self.w @ self.y), ds * np.outer(self.x, self.y), ds * (self.x @ self.w)]


class BilinearOuterSwapped(Bilinear):
    def backward(self, ds: Any) -> list[Any]:
        return [ds * (self.w @ self.y), ds * np.outer(self.y, self.x), ds * (self.x @ self.w)]


class BilinearUntransposed(Bilinear):
    def backward(self, ds: Any) -> list[Any]:
        return [ds * (self.w @ self.y), ds * np.outer(self.x, self.y), ds * (self.w @ self.x)]


class Quadratic(Gate):
    """x A x, where A need not be symmetric."""

    def forward(self, x: Any, a: Any) -> Any:
        self.x, self.a = x, a
        return x @ a @ x

    def backward(self, ds: Any) -> list[Any]:
        return [ds * (self.a + self.a.T) @ self.x, ds * np.outer(self.x, self.x)]


class QuadraticSymmetric(Quadratic):
    def backward(self, ds: Any) -> list[Any]:
        return [2 * ds * self.a @ self.x, ds * np.outer(self.x, self.x)]


class Outer(Gate):
    """The outer product."""

    def forward(self, x: Any, y: Any) -> Any:
        self.x, self.y = x, y
        return np.outer(x, y)

    def backward(self, dz: Any) -> list[Any]:
        return [dz @ self.y, dz.T @ self.x]


class OuterSwapped(Outer):
    def backward(self, dz: Any) -> list[Any]:
        return [dz.T @ self.x, dz @ self.y]


class Einsum(Cast):
    """Attention scores by einsum: b q d, b k d -> b q k."""

    def forward(self, q: Any, k: Any) -> Any:
        self.q, self.k = self.cast(q, k)
        return np.einsum("bqd,bkd->bqk", self.q, self.k)

    def backward(self, ds: Any) -> list[Any]:
        return [np.einsum("bqk,bkd->bqd", ds, self.k), np.einsum("bqk,bqd->bkd", ds, self.q)]


class EinsumScaled(Einsum):
    def backward(self, ds: Any) -> list[Any]:
        dq, dk = super().backward(ds)
        return [dq / np.sqrt(self.q.shape[-1]), dk / np.sqrt(self.q.shape[-1])]


class Inverse(Gate):
    """The inverse of a matrix."""

    def forward(self, a: Any) -> Any:
        self.y = np.linalg.inv(a)
        return self.y

    def backward(self, dy: Any) -> list[Any]:
        return [-self.y.T @ dy @ self.y.T]


class InverseSign(Inverse):
    def backward(self, dy: Any) -> list[Any]:
        return [self.y.T @ dy @ self.y.T]


class Determinant(Gate):
    """The determinant of a matrix."""

    def forward(self, a: Any) -> Any:
        self.a, self.d = a, np.linalg.det(a)
        return self.d

    def backward(self, dd: Any) -> list[Any]:
        return [dd * self.d * np.linalg.inv(self.a).T]


class DeterminantUntransposed(Determinant):
    def backward(self, dd: Any) -> list[Any]:
        return [dd * self.d * np.linalg.inv(self.a)]


class DeterminantForgotten(Determinant):
    def backward(self, dd: Any) -> list[Any]:
        return [dd * np.linalg.inv(self.a).T]


class Maxout(Gate):
    """The larger of two affine maps."""

    def forward(self, x: Any, u: Any, v: Any) -> Any:
        self.x, self.u, self.v = x, u, v
        self.first = x @ u > x @ v
        return np.where(self.first, x @ u, x @ v)

    def backward(self, dy: Any) -> list[Any]:
        du, dv = dy * self.first, dy * ~self.first
        return [du @ self.u.T + dv @ self.v.T, self.x.T @ du, self.x.T @ dv]


class MaxoutFirstOnly(Maxout):
    def backward(self, dy: Any) -> list[Any]:
        du, dv = dy * self.first, dy * ~self.first
        return [du @ self.u.T, self.x.T @ du, self.x.T @ dv]


LAYERS: list[Layer] = [
    right("affine", Affine, ABC),
    right("affine in float32", single(Affine), ABC),
    right("affine in float16", half(Affine), ABC),
    right("square product in float32", single(SquareProduct), normal((3, 3), (3, 3))),
    right("bilinear", Bilinear, normal((3,), (3, 4), (4,))),
    right("bilinear in float32", single(Bilinear), normal((3,), (3, 4), (4,))),
    right("quadratic form", Quadratic, normal((4,), (4, 4))),
    right("outer product", Outer, normal((3,), (4,))),
    right("einsum", Einsum, normal((2, 3, 4), (2, 5, 4))),
    right("einsum in float32", single(Einsum), normal((2, 3, 4), (2, 5, 4))),
    right("inverse", Inverse, lambda random: (random.normal(size=(3, 3)) + 3 * np.eye(3),)),
    right("determinant", Determinant, normal((3, 3))),
    right("maxout", Maxout, normal((3, 4), (4, 2), (4, 2))),
    wrong("affine, db a mean", AffineMeanBias, ABC, "b", "of b is off by a factor of 0.333333 (1/3)"),
    wrong("affine, db not summed", AffineBiasNotSummed, ABC, "b", "not summed", "wrong shape"),
    wrong(
        "affine, dx doubled and dw averaged", AffineHalf, ABC, "x w", "of x is off by a factor of 2; the gradient of w"
    ),
    wrong("affine, weight decay in dw", AffineDecay, ABC, "w", "has 0.1 × w too much"),
    wrong("affine, writes into the upstream gradient", AffineWritesUpstream, ABC, "", "modifies dy"),
    wrong("affine, a cache on the class", AffineShared, ABC, "", "another instance"),
    wrong("affine, keeps its first x", AffineFirstOnly, ABC, "w", "stale"),
    wrong("affine, two gradients", AffineTwoOnly, ABC, "", "2 gradients for 3 inputs"),
    wrong("square product, w not transposed", SquareNotTransposed, normal((3, 3), (3, 3)), "x", "takes w transposed"),
    wrong("square product, dw transposed", SquareResultTransposed, normal((3, 3), (3, 3)), "w", "is transposed"),
    wrong(
        "square product in float32, w not transposed",
        single(SquareNotTransposed),
        normal((3, 3), (3, 3)),
        "x",
        "takes w",
    ),
    wrong("bilinear, outer product swapped", BilinearOuterSwapped, normal((3,), (3, 3), (3,)), "w", "is transposed"),
    wrong("bilinear, w not transposed", BilinearUntransposed, normal((3,), (3, 3), (3,)), "y", "takes w transposed"),
    wrong("quadratic form, A taken as symmetric", QuadraticSymmetric, normal((4,), (4, 4)), "x", "is symmetric"),
    wrong("outer product, swapped", OuterSwapped, normal((3,), (3,)), "x y", "swapped"),
    wrong(
        "einsum, scaled",
        EinsumScaled,
        normal((2, 3, 4), (2, 5, 4)),
        "q k",
        "of q and of k is off by a factor of 0.5 (1/2)",
    ),
    wrong(
        "inverse, sign", InverseSign, lambda random: (random.normal(size=(3, 3)) + 3 * np.eye(3),), "a", "wrong sign"
    ),
    wrong("determinant, not transposed", DeterminantUntransposed, normal((3, 3)), "a", "is transposed"),
    wrong(
        "determinant, forgotten",
        DeterminantForgotten,
        normal((3, 3)),
        "a",
        "a factor that depends on the inputs: the output",
    ),
    wrong(
        "maxout, the first map only",
        MaxoutFirstOnly,
        normal((3, 4), (4, 2), (4, 2)),
        "x",
        "no simple pattern",
        "misses a term",
    ),
]
