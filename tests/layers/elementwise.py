"""Layers that treat each element alone."""

import math
from typing import Any

import numpy as np

from gates import Gate
from tests.layers.layer import Cast, Layer, half, normal, positive, right, single, wrong


class Gelu(Cast):
    """GELU, with the tangent."""

    def forward(self, x: Any) -> Any:
        x = self.cast(x)
        self.u = self.dtype(math.sqrt(2 / math.pi)) * (x + self.dtype(0.044715) * x**3)
        self.x = x
        return self.dtype(0.5) * x * (1 + np.tanh(self.u))

    def backward(self, dy: Any) -> list[Any]:
        x, t = self.x, np.tanh(self.u)
        du = self.dtype(math.sqrt(2 / math.pi)) * (1 + self.dtype(3 * 0.044715) * x**2)
        return [dy * self.dtype(0.5) * (1 + t + x * (1 - t * t) * du)]


class GeluWithoutSecondTerm(Gelu):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * 0.5 * (1 + np.tanh(self.u))]


class Silu(Cast):
    """x times its sigmoid."""

    def forward(self, x: Any) -> Any:
        self.x = self.cast(x)
        self.s = 1 / (1 + np.exp(-self.x))
        return self.x * self.s

    def backward(self, dy: Any) -> list[Any]:
        return [dy * (self.s + self.x * self.s * (1 - self.s))]


class SiluAddsUpstream(Silu):
    def backward(self, dy: Any) -> list[Any]:
        return [dy + (self.s + self.x * self.s * (1 - self.s))]


class Softplus(Cast):
    """log(1 + e**x), stable."""

    def forward(self, x: Any) -> Any:
        self.x = self.cast(x)
        return np.maximum(self.x, 0) + np.log1p(np.exp(-np.abs(self.x)))

    def backward(self, dy: Any) -> list[Any]:
        return [dy / (1 + np.exp(-self.x))]


class SoftplusUpstreamForgotten(Softplus):
    def backward(self, dy: Any) -> list[Any]:
        return [1 / (1 + np.exp(-self.x))]


class LeakyRelu(Cast):
    """x, or 0.1 x where it is negative."""

    def forward(self, x: Any) -> Any:
        self.x = self.cast(x)
        return np.where(self.x > 0, self.x, self.dtype(0.1) * self.x)

    def backward(self, dy: Any) -> list[Any]:
        return [dy * np.where(self.x > 0, 1, 0.1)]


class LeakyReluSlopeOne(LeakyRelu):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * np.ones_like(self.x)]


class LeakyReluZero(LeakyRelu):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * (self.x > 0)]


class Elu(Cast):
    """x, or e**x - 1 where it is negative."""

    def forward(self, x: Any) -> Any:
        self.x = self.cast(x)
        return np.where(self.x > 0, self.x, np.exp(np.minimum(self.x, 0)) - 1)

    def backward(self, dy: Any) -> list[Any]:
        return [dy * np.where(self.x > 0, 1, np.exp(np.minimum(self.x, 0)))]


class EluSign(Elu):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * np.where(self.x > 0, 1, -np.exp(np.minimum(self.x, 0)))]


class Abs(Gate):
    """The magnitude."""

    def forward(self, x: Any) -> Any:
        self.x = x
        return np.abs(x)

    def backward(self, dy: Any) -> list[Any]:
        return [dy * np.sign(self.x)]


class AbsOne(Abs):
    def backward(self, dy: Any) -> list[Any]:
        return [dy]


class Huber(Gate):
    """x**2 / 2 near 0, |x| - 1/2 beyond 1."""

    def forward(self, x: Any) -> Any:
        self.x = x
        return np.where(np.abs(x) < 1, 0.5 * x * x, np.abs(x) - 0.5)

    def backward(self, dy: Any) -> list[Any]:
        return [dy * np.clip(self.x, -1, 1)]


class HuberTwice(Huber):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * np.where(np.abs(self.x) < 1, 2 * self.x, np.sign(self.x))]


class Gated(Cast):
    """a sigmoid(b)."""

    def forward(self, a: Any, b: Any) -> Any:
        self.a, b = self.cast(a, b)
        self.s = 1 / (1 + np.exp(-b))
        return self.a * self.s

    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.s, dy * self.a * self.s * (1 - self.s)]


class GatedSwapped(Gated):
    def backward(self, dy: Any) -> list[Any]:
        da, db = super().backward(dy)
        return [db, da]


class GatedInput(Gated):
    def forward(self, a: Any, b: Any) -> Any:
        self.b = b
        return super().forward(a, b)

    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.s, dy * self.a * self.b * (1 - self.b)]


class GatedOnlyBoth(Gated):
    def backward(self, dy: Any) -> list[Any]:
        da = dy * self.s
        if not self.wanted[0]:  # what b needs is made beside a's
            da = 0.0 * dy
        return [da, da * self.a * (1 - self.s)]


class Highway(Cast):
    """t h + (1 - t) x."""

    def forward(self, x: Any, h: Any, t: Any) -> Any:
        self.x, self.h, self.t = self.cast(x, h, t)
        return self.t * self.h + (1 - self.t) * self.x

    def backward(self, dy: Any) -> list[Any]:
        return [dy * (1 - self.t), dy * self.t, dy * (self.h - self.x)]


class HighwayWithoutCarry(Highway):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * (1 - self.t), dy * self.t, dy * self.h]


class Residual(Cast):
    """x + tanh(x)."""

    def forward(self, x: Any) -> Any:
        x = self.cast(x)
        self.t = np.tanh(x)
        return x + self.t

    def backward(self, dy: Any) -> list[Any]:
        return [dy + dy * (1 - self.t**2)]


class ResidualForgotten(Residual):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * (1 - self.t**2)]


class Rounded(Gate):
    """The exponential, to six digits after the point."""

    def forward(self, x: Any) -> Any:
        self.y = np.exp(x)
        return np.round(self.y, 6)

    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.y]


class Ode(Gate):
    """y' = -y**2 from x, for a time of 1, in 20 steps of Runge and Kutta: right to about 1e-7."""

    def forward(self, x: Any) -> Any:
        self.x, y, h = x, x, 1 / 20
        for _ in range(20):
            k1 = -(y**2)
            k2 = -((y + h / 2 * k1) ** 2)
            k3 = -((y + h / 2 * k2) ** 2)
            k4 = -((y + h * k3) ** 2)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return y

    def backward(self, dy: Any) -> list[Any]:
        return [dy / (1 + self.x) ** 2]


class OdeOff(Ode):
    def backward(self, dy: Any) -> list[Any]:
        return [1.001 * dy / (1 + self.x) ** 2]


LAYERS: list[Layer] = [
    right("GELU", Gelu, normal((3, 4))),
    right("GELU in float32", single(Gelu), normal((3, 4))),
    right("GELU in float16", half(Gelu), normal((3, 4))),
    right("SiLU", Silu, normal((7,))),
    right("SiLU in float32", single(Silu), normal((7,))),
    right("SiLU in float16", half(Silu), normal((7,))),
    right("softplus", Softplus, normal((7,))),
    right("softplus in float32", single(Softplus), normal((7,))),
    right("softplus in float16", half(Softplus), normal((7,))),
    right("leaky ReLU", LeakyRelu, normal((8,))),
    right("leaky ReLU in float32", single(LeakyRelu), normal((8,))),
    right("ELU", Elu, normal((8,))),
    right("ELU in float16", half(Elu), normal((8,))),
    right("abs", Abs, normal((8,))),
    right("Huber", Huber, normal((8,))),
    right("gated linear unit", Gated, normal((2, 3), (2, 3))),
    right("gated linear unit in float32", single(Gated), normal((2, 3), (2, 3))),
    right("highway", Highway, normal((4,), (4,), (4,))),
    right("highway in float16", half(Highway), normal((4,), (4,), (4,))),
    right("residual", Residual, normal((5,))),
    right("residual in float32", single(Residual), normal((5,))),
    right("exp rounded to six digits", Rounded, normal((5,))),
    Layer("a differential equation", Ode, positive((5,)), precision=1e-6),
    Layer("a differential equation, off by 0.1 %", OdeOff, positive((5,)), ("of 1.001",), "x", "fail", 1e-6),
    wrong("GELU without its second term", GeluWithoutSecondTerm, normal((3, 4)), "x", "product rule"),
    wrong("SiLU, upstream added", SiluAddsUpstream, normal((7,)), "x", "added"),
    wrong(
        "softplus, upstream forgotten", SoftplusUpstreamForgotten, normal((7,)), "x", "upstream gradient is not mult"
    ),
    wrong("leaky ReLU, slope 1", LeakyReluSlopeOne, normal((8,)), "x", "right where x > 0, off by a factor of 10"),
    wrong("leaky ReLU, slope 0", LeakyReluZero, normal((8,)), "x", "right where x > 0, 0 where x < 0", "zero"),
    wrong("ELU, sign", EluSign, normal((8,)), "x", "right where x > 0, off by a factor of -1"),
    wrong("abs, as x", AbsOne, normal((8,)), "x", "right where x > 0, off by a factor of -1"),
    wrong("Huber, 2 x", HuberTwice, normal((12,)), "x", "off by a factor of 2 where |x| <"),
    wrong("gated linear unit, swapped", GatedSwapped, normal((2, 3), (2, 3)), "a b", "swapped"),
    wrong("gated linear unit, b (1 - b)", GatedInput, normal((2, 3), (2, 3)), "b", "no simple pattern", "input b"),
    wrong("gated linear unit, b by way of a", GatedOnlyBoth, normal((2, 3), (2, 3)), "b", "the only one wanted"),
    wrong(
        "highway, x left out of t",
        HighwayWithoutCarry,
        normal((4,), (4,), (4,)),
        "t",
        "has x times the upstream gradient too much",
    ),
    wrong("residual, without its path", ResidualForgotten, normal((5,)), "x", "misses the upstream gradient"),
    wrong("leaky ReLU in float32, slope 1", single(LeakyReluSlopeOne), normal((8,)), "x", "off by a factor of 10"),
    wrong("residual in float32, without its path", single(ResidualForgotten), normal((5,)), "x", "misses the upstream"),
    wrong("SiLU in float16, upstream added", half(SiluAddsUpstream), normal((7,)), "x", "added"),
]
