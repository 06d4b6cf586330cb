"""Activations and other layers that take each element alone."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, ClassVar

import numpy as np

from gates import Gate
from tests.benchmarks.layers.layer import THREE, TWO, Layer, Typed, apart, in_each, normal


class Sigmoid(Typed):
    """y = 1 / (1 + exp(-x))."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        y = 1 / (1 + np.exp(-x))
        self.kept = x, y
        return y

    def backward(self, dy: Any) -> Any:
        _, y = self.kept
        return [dy * y * (1 - y)]


class SigmoidOfInput(Sigmoid):
    def backward(self, dy: Any) -> Any:
        x, _ = self.kept
        return [dy * x * (1 - x)]


class SigmoidAdded(Sigmoid):
    def backward(self, dy: Any) -> Any:
        _, y = self.kept
        return [dy + y * (1 - y)]


class SigmoidShared(Gate):
    cache: ClassVar[dict[str, Any]] = {}

    def forward(self, x: Any) -> Any:
        self.cache["y"] = 1 / (1 + np.exp(-x))
        return self.cache["y"]

    def backward(self, dy: Any) -> Any:
        y = self.cache["y"]
        return [dy * y * (1 - y)]


class ReLU(Typed):
    """y = max(0, x)."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        self.mask = x > 0
        return x * self.mask

    def backward(self, dy: Any) -> Any:
        return [dy * self.mask]


class ReLUOfUpstream(ReLU):
    def backward(self, dy: Any) -> Any:
        dx = np.array(dy)
        dx[dy <= 0] = 0
        return [dx]


class ReLUInPlace(ReLU):
    def backward(self, dy: Any) -> Any:
        dy[~self.mask] = 0
        return [dy]


class Abs(Gate):
    """y = |x|."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return np.abs(x)

    def backward(self, dy: Any) -> Any:
        (x,) = self.kept
        return [dy * np.sign(x)]


class AbsPassed(Abs):
    def backward(self, dy: Any) -> Any:
        return [dy]


class LeakyReLU(Typed):
    """y = x where positive, else 0.2 x."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        self.kept = (x,)
        return np.where(x > 0, x, 0.2 * x)

    def backward(self, dy: Any) -> Any:
        (x,) = self.kept
        return [np.where(x > 0, dy, 0.2 * dy)]


class LeakyReLUTwice(LeakyReLU):
    def backward(self, dy: Any) -> Any:
        (x,) = self.kept
        dx = np.array(dy)
        dx[x < 0] *= 0.2
        dx[x <= 0] *= 0.2
        return [dx]


class Clip(Gate):
    """y = x, cut off at -1 and 1."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return np.clip(x, -1.0, 1.0)

    def backward(self, dy: Any) -> Any:
        (x,) = self.kept
        return [dy * ((x > -1.0) & (x < 1.0))]


class ClipInverted(Clip):
    def backward(self, dy: Any) -> Any:
        (x,) = self.kept
        dx = np.array(dy)
        dx[(x > -1.0) & (x < 1.0)] = 0.0
        return [dx]


class GELU(Typed):
    """The approximation of x Phi(x) with a hyperbolic tangent."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        t = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
        self.kept = x, t
        return 0.5 * x * (1 + t)

    def backward(self, dy: Any) -> Any:
        x, t = self.kept
        du = math.sqrt(2 / math.pi) * (1 + 0.134145 * x**2)
        return [dy * 0.5 * (1 + t + x * (1 - t**2) * du)]


class GELUWithoutThree(GELU):
    def backward(self, dy: Any) -> Any:
        x, t = self.kept
        du = math.sqrt(2 / math.pi) * (1 + 0.044715 * x**2)
        return [dy * 0.5 * (1 + t + x * (1 - t**2) * du)]


class SiLU(Typed):
    """y = x sigmoid(x)."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        s = 1 / (1 + np.exp(-x))
        self.cache = [(x, s)]
        return x * s

    def backward(self, dy: Any) -> Any:
        x, s = self.cache[-1]
        dx = dy * s
        dx = dx + dy * x * s * (1 - s)
        return [dx]


class SiLULastUse(SiLU):
    def backward(self, dy: Any) -> Any:
        x, s = self.cache[-1]
        dx = dy * s
        dx = dy * x * s * (1 - s)
        return [dx]


class SiLUPopping(SiLU):
    def backward(self, dy: Any) -> Any:
        x, s = self.cache.pop()
        return [dy * (s + x * s * (1 - s))]


class Softplus(Typed):
    """y = log(1 + exp(x))."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        y = np.log1p(np.exp(x))
        self.kept = x, y
        return y

    def backward(self, dy: Any) -> Any:
        x, _ = self.kept
        return [dy / (1 + np.exp(-x))]


class Cosine(Typed):
    """y = cos(x)."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        self.kept = (x,)
        return np.cos(x)

    def backward(self, dy: Any) -> Any:
        (x,) = self.kept
        return [-dy * np.sin(x)]


class CosineWithoutMinus(Cosine):
    def backward(self, dy: Any) -> Any:
        (x,) = self.kept
        return [dy * np.sin(x)]


class CosineTwice(Cosine):
    def backward(self, dy: Any) -> Any:
        (x,) = self.kept
        local = -dy * np.sin(x)
        return [dy * local]


X, SIGNED = normal((2, 3)), apart((2, 4))

ELEMENTWISE = [
    *in_each(THREE, "sigmoid", Sigmoid, X),
    *in_each(THREE, "ReLU", ReLU, SIGNED),
    *in_each(TWO, "leaky ReLU", LeakyReLU, SIGNED),
    *in_each(THREE, "GELU", GELU, X),
    *in_each(TWO, "SiLU", SiLU, X),
    *in_each(THREE, "softplus", Softplus, X),
    Layer("abs", Abs, SIGNED),
    Layer("clip", Clip, SIGNED),
    Layer("sigmoid, x (1 - x)", SigmoidOfInput, X, "exchanged", ("x",)),
    Layer("sigmoid, upstream added", SigmoidAdded, X, "added", ("x",)),
    Layer("sigmoid, cache on the class", SigmoidShared, X, "another instance", ("x",)),
    Layer("ReLU, mask of the upstream gradient", ReLUOfUpstream, SIGNED, "mask", ("x",)),
    Layer("ReLU, upstream cut in place", ReLUInPlace, SIGNED, "modifies", (), "dy"),
    Layer("abs, passed on", AbsPassed, SIGNED, "regions", ("x",), "-1"),
    Layer(
        "leaky ReLU, slope twice", partial(LeakyReLUTwice, "float32"), SIGNED, "regions", ("x",), "0.2", dtype="float32"
    ),
    Layer("clip, mask inverted", ClipInverted, SIGNED, "mask", ("x",)),
    Layer("GELU without the 3 of the cube", GELUWithoutThree, X, "no pattern", ("x",)),
    Layer("SiLU, the gate's use alone", SiLULastUse, X, "overwrites", ("x",)),
    Layer("SiLU, cache popped", SiLUPopping, X, "second call", ("x",)),
    Layer("cosine, sine", CosineWithoutMinus, X, "sign", ("x",)),
    Layer("cosine, upstream twice", CosineTwice, X, "upstream", ("x",), "twice"),
]
