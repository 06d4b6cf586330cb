"""How the error of a gradient falls with the step: the remainder of Taylor's formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates.checking.copies import copy_of, flat, float_or_array
from gates.checking.function_under_test import FunctionUnderTest
from gates.formatting import aligned
from gates.values import Value

_STEPS = [2.0**-exponent for exponent in range(1, 21)]
_ABOVE = 1e3  # times the rounding of forward: smaller remainders tell nothing


@dataclass(frozen=True)
class Convergence:
    """The remainder |f(x + h v) - f(x) - h g·v| for falling steps h along a direction v. Printed, it is a table.

    Where the gradient g is right, the remainder falls with the square of the step; where it is wrong, with the step.

    Attributes
    ----------
    steps, remainders : tuple of float
        The steps, from large to small, and the remainder at each.
    noise : float
        How far rounding may move a remainder.
    """

    steps: tuple[float, ...]
    remainders: tuple[float, ...]
    noise: float

    @property
    def orders(self) -> tuple[float, ...]:
        """The power of the step with which the remainder falls, from each step to the next; nan where it is noise."""
        pairs = list(zip(self.remainders, self.remainders[1:]))
        powers = [math.log2(a / b) if min(a, b) > _ABOVE * self.noise else math.nan for a, b in pairs]
        return (math.nan, *powers)

    @property
    def order(self) -> float:
        """The power for the smallest steps at which rounding does not show; inf if the remainder is rounding alone."""
        known = [power for power in self.orders if power == power]
        return float(np.median(known[-3:])) if known else math.inf

    def __str__(self) -> str:
        head = ("step", "remainder", "order")
        rows = [
            (f"{step:.1e}", f"{remainder:.1e}", f"{order:.2f}" if order == order else "")
            for step, remainder, order in zip(self.steps, self.remainders, self.orders)
        ]
        return "\n".join(aligned([head, *rows]))

    def __repr__(self) -> str:
        return str(self)

    def plot(self, axes: Any = None) -> Any:
        """Draw the remainder against the step, with lines of order 1 and 2, by matplotlib; return the axes."""
        if axes is None:
            import matplotlib.pyplot as plt

            axes = plt.subplots()[1]
        axes.loglog(self.steps, self.remainders, "o-", label=f"remainder, order {self.order:.2g}")
        for power in (1, 2):
            line = [self.remainders[0] * (step / self.steps[0]) ** power for step in self.steps]
            axes.loglog(self.steps, line, "--", label=f"order {power}")
        axes.set(xlabel="step", ylabel="remainder")
        axes.legend()
        return axes


def convergence_of(function: FunctionUnderTest, inputs: Sequence[Value], upstream: Sequence[Value]) -> Convergence:
    """Return how the remainder falls along a random direction in which each input moves by a part of itself."""
    random = np.random.default_rng([0, 1])  # not the stream of default_rng(0), from which inputs may be drawn
    run = function.start(copy_of(inputs))
    base, weights = flat(run.outputs), flat(upstream)
    gradients = list(run.backward(copy_of(upstream)))
    directions: dict[int, Any] = {}
    for port, (given, gradient) in enumerate(zip(inputs, gradients)):
        if gradient is not None and port not in function.labels and function.is_wanted(port):
            sizes = np.where(np.asarray(given) == 0.0, 1.0, np.abs(given))
            directions[port] = (
                sizes * random.uniform(0.5, 1.0, np.shape(given)) * random.choice([-1.0, 1.0], np.shape(given))
            )
    slope = sum(float(np.sum(np.asarray(gradients[port]) * along)) for port, along in directions.items())
    remainders = []
    for step in _STEPS:
        there = [
            float_or_array(given + step * directions[port]) if port in directions else given
            for port, given in enumerate(copy_of(inputs))
        ]
        moved = float(weights @ (function.outputs(there) - base))
        remainders.append(abs(moved - step * slope))
    noise = float(np.abs(weights) @ function.precision.noise(base))
    return Convergence(tuple(_STEPS), tuple(remainders), noise)
