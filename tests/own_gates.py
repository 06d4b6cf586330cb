"""Gates as users write them, which several tests put into graphs."""

import math
from typing import Any

import numpy as np

from gates import Gate


class MultiplyGate:
    """The slide's gate, as it stands there."""

    def forward(self, x: Any, y: Any) -> Any:
        z = x * y
        self.x = x  # must keep these around!
        self.y = y
        return z

    def backward(self, dz: Any) -> list[Any]:
        dx = self.y * dz  # [dz/dx * dL/dz]
        dy = self.x * dz  # [dz/dy * dL/dz]
        return [dx, dy]


class Clip(Gate):
    """y = x cut off at 1 and -1: a gate that asks for the value of a number."""

    elementwise = True

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        if x > 1.0:
            return 1.0
        return -1.0 if x < -1.0 else x

    def backward(self, dy: Any) -> list[Any]:
        (x,) = self.kept
        return [dy if -1.0 <= x <= 1.0 else 0.0]


class Cube(Gate):
    """y = x**3, as a user writes a gate: with operators, and a function of NumPy."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return np.multiply(x * x, x)

    def backward(self, dy: Any) -> list[Any]:
        (x,) = self.kept
        return [dy * 3 * x**2]


class Stranger:
    """A gate that derives from no class: y = sin(x)."""

    def forward(self, x: float) -> float:
        self.x = x
        return math.sin(x)

    def backward(self, dy: float) -> list[float]:
        return [dy * math.cos(self.x)]


class Blocked(Gate):
    """y = x, and no gradient goes back."""

    elementwise = True

    def forward(self, x: Any) -> Any:
        return x

    def backward(self, dy: Any) -> list[Any]:
        return [None]
