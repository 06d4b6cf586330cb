"""Layers with jumps, with gradients that are not slopes, and with chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from gates import Gate
from tests.benchmarks.layers.layer import TWO, Layer, Typed, in_each, normal


class Fraction(Typed):
    """y = what x has beyond the whole number below it."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        return x - np.floor(x)

    def backward(self, dy: Any) -> Any:
        return [dy]


class Floor(Gate):
    """y = the whole number below x, with the gradient passed on."""

    def forward(self, x: Any) -> Any:
        return np.floor(x)

    def backward(self, dy: Any) -> Any:
        return [dy]


class Quantize(Gate):
    """y = x rounded to steps of `step`, with the gradient passed on within 8 steps."""

    def forward(self, x: Any, step: Any) -> Any:
        self.kept = x / step, step
        return np.round(x / step) * step

    def backward(self, dy: Any) -> Any:
        levels, _ = self.kept
        return [dy * (np.abs(levels) <= 8), np.sum(dy * np.round(levels))]


class ClippedSquare(Gate):
    """y = x^2, with a gradient of at most 0.5."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return x**2

    def backward(self, dy: Any) -> Any:
        (x,) = self.kept
        return [np.clip(2 * dy * x, -0.5, 0.5)]


class Reversal(Gate):
    """y = x, with a gradient that drives the layers before it the other way."""

    def forward(self, x: Any) -> Any:
        return x

    def backward(self, dy: Any) -> Any:
        return [-0.5 * dy]


class Dropout:
    """x with other elements cut out in every pass."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def forward(self, x: Any) -> Any:
        self.mask = self.random.random(x.shape) > 0.3
        return x * self.mask / 0.7

    def backward(self, dout: Any) -> Any:
        return [dout * self.mask / 0.7]


class Reparametrize(Gate):
    """z = mu + exp(log_var / 2) times fresh normal numbers."""

    def forward(self, mu: Any, log_var: Any) -> Any:
        self.noise = np.exp(log_var / 2) * np.random.normal(size=np.shape(mu))
        return mu + self.noise

    def backward(self, dz: Any) -> Any:
        return [dz, dz * self.noise / 2]


def between(random: Any) -> Any:
    """Return numbers that are at least 0.2 from whole and half ones."""
    return (random.permutation(8) / 2 - 2 + random.uniform(0.2, 0.3, 8),)


QUANTIZED = [
    *in_each(TWO, "fraction", Fraction, between),
    Layer("floor, passed on", Floor, between, "straight-through", ("x",)),
    Layer("quantize, passed on", Quantize, lambda random: (*between(random), 0.5), "straight-through", ("x",)),
    Layer("square, gradient clipped", ClippedSquare, normal((6,)), "straight-through", ("x",), "clip"),
    Layer("gradient reversed", Reversal, normal((2, 3)), "straight-through", ("x",)),
    Layer("dropout", Dropout, normal((3, 4)), "random"),
    Layer("reparametrization", Reparametrize, normal((2, 3), (2, 3)), "random"),
]
