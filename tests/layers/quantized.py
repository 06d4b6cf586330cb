"""Layers whose forward has steps, and gradients that are meant to differ."""

from typing import Any

import numpy as np

from gates import Gate
from tests.layers.layer import Layer, normal, right, wrong


class Floor(Gate):
    """The integer below, whose slope is 0."""

    def forward(self, x: Any) -> Any:
        return np.floor(x)

    def backward(self, dy: Any) -> list[Any]:
        return [0.0 * dy]


class FloorPassed(Floor):
    def backward(self, dy: Any) -> list[Any]:
        return [dy]


class Fraction(Gate):
    """x less the integer below."""

    def forward(self, x: Any) -> Any:
        return x - np.floor(x)

    def backward(self, dy: Any) -> list[Any]:
        return [dy]


class Quarters(Gate):
    """Rounded to quarters; the gradient passes straight through."""

    def forward(self, x: Any) -> Any:
        return np.round(4 * x) / 4

    def backward(self, dy: Any) -> list[Any]:
        return [dy]


class QuartersMeant(Quarters):
    intended = "straight-through"


class Clipped(Gate):
    """tanh, whose gradient is clipped."""

    def forward(self, x: Any) -> Any:
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy: Any) -> list[Any]:
        return [np.clip(dy * (1 - self.y**2), -0.5, 0.5)]


class ClippedMeant(Clipped):
    intended = "clipped"


class Reversed(Gate):
    """x, with the gradient reversed."""

    def forward(self, x: Any) -> Any:
        return 1.0 * x

    def backward(self, dy: Any) -> list[Any]:
        return [-0.5 * dy]


class ReversedMeant(Reversed):
    intended = "gradient reversal"


LAYERS: list[Layer] = [
    right("floor", Floor, normal((5,))),
    right("fraction", Fraction, normal((5,))),
    right("rounded to quarters, as meant", QuartersMeant, normal((5,))),
    right("clipped gradient, as meant", ClippedMeant, normal((5,))),
    right("reversed gradient, as meant", ReversedMeant, normal((5,))),
    wrong("floor, passed through", FloorPassed, normal((5,)), "x", "straight-through"),
    wrong("rounded to quarters, passed through", Quarters, normal((5,)), "x", "straight-through"),
    wrong("clipped gradient", Clipped, normal((5,)), "x", "clipped"),
    wrong("reversed gradient", Reversed, normal((5,)), "x", "off by a factor of -0.5"),
]
