"""The slope of a function along a line, with an error estimate, from difference quotients over several steps.

The quotients are extrapolated to a step of 0. The error of an estimate is how far the extrapolation still moves it,
plus the noise divided by the step. Estimates are merged from the smallest step upwards: one from larger steps is
preferred if it is sharper and agrees with those from smaller steps. If it does not agree, a kink or a pole is nearby.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = Sequence[float]

SAFETY = 10.0  # the true slope lies within this many times the estimated error


@dataclass(frozen=True)
class Estimate:
    """A number and how far it may be off."""

    value: float = math.nan
    error: float = math.inf
    step: float = 0.0  # the smallest step that it was computed from

    @property
    def is_known(self) -> bool:
        """Whether there is a number at all."""
        return math.isfinite(self.value) and math.isfinite(self.error)


@dataclass(frozen=True)
class Slope:
    """The slope of upstream gradient x outputs along a line, at its start.

    Attributes
    ----------
    central, left, right : Estimate
        From differences on both sides, on the left, on the right.
    steepest : float
        The largest one-sided quotient, less its noise, over all steps as large as those of the best estimate or larger.
    moved : numpy.ndarray
        The outputs that changed in any step.
    is_undefined : bool
        Whether an output changed that is nan or inf at the start: there is no slope then.
    jump : float
        How far an output jumps at the start of the line, on one side or the other: there is no slope then.
    bounds : tuple of Estimate
        At a kink the least and the largest slope that are possible if each output chooses one of its two sides.
    """

    central: Estimate
    left: Estimate
    right: Estimate
    steepest: float
    moved: Any
    is_undefined: bool = False
    jump: float = 0.0
    bounds: tuple[Estimate, ...] = ()

    @property
    def is_kink(self) -> bool:
        """Whether the slopes on the two sides certainly differ."""
        return self._jumps(5 * SAFETY)

    @property
    def may_be_kink(self) -> bool:
        """Whether the slopes on the two sides probably differ, so that their mean is no slope."""
        return self._jumps(SAFETY)

    def _jumps(self, times: float) -> bool:
        """Return whether the slopes on the two sides differ by more than some times their errors."""
        if not (self.left.is_known and self.right.is_known):
            return False
        jump = abs(self.right.value - self.left.value)
        largest = max(abs(self.right.value), abs(self.left.value))
        return jump > times * (self.left.error + self.right.error) + 1e-6 * largest

    @property
    def best(self) -> Estimate:
        """The slope from both sides, or from the only side on which forward is finite."""
        return best_of(self.central, self.left, self.right)

    @property
    def has_converged(self) -> bool:
        """Whether all estimates are sharp: not so where the slope grows as the step shrinks, as at a pole."""
        best, left, right = self.best, self.left, self.right
        if not best.is_known or self.may_be_kink:
            return False
        worst = max(side.error for side in (best, left, right) if side.is_known)
        return self.steepest == 0 or worst <= 0.1 * max(self.steepest, abs(best.value))

    @property
    def low_and_high(self) -> tuple[Estimate, ...]:
        """The two estimates between which the slope may lie at a kink."""
        return self.bounds or tuple(sorted((self.left, self.right), key=lambda side: side.value))


def jump_of(quotients: Any, steps: Any, noise: Any) -> float:
    """Return to what the change of a function tends as the steps to one side shrink, if not to 0.

    The steps run from large to small, each an eighth of the one before.
    """
    if len(steps) < 12:
        return 0.0
    changes = quotients[-12:] * steps[-12:]
    near, far = float(changes[-4]), changes[:-4]  # the smallest steps are rounded themselves
    is_jump = abs(near) > 100.0 * noise[-4] * steps[-4] and bool(np.all(np.abs(far - near) <= 0.01 * abs(near)))
    return near if is_jump else 0.0


def best_of(central: Estimate, left: Estimate, right: Estimate) -> Estimate:
    """Return the estimate from both sides, or that from the only side where there is one."""
    if central.is_known or left.is_known == right.is_known:
        return central
    return left if left.is_known else right


def extrapolated(values: Floats, steps: Floats, noise: Floats, power: int, bias: float = 0.0) -> Estimate:
    """Return the limit of difference quotients as the step goes to 0, by Neville's scheme in step**power.

    Parameters
    ----------
    values, steps, noise : sequence of float
        The quotients, from the largest step to the smallest, and how far noise may move each.
    power : int
        2 for central differences, whose error has even powers of the step only; 1 for one-sided ones.
    bias : float
        How far all of them may be off together.

    References
    ----------
    Ridders: Accurate computation of F'(x), Advances in Engineering Software 4 (1982).
    """
    return merged([one for one in _limits(values, steps, noise, power, bias) if one is not None])


def central(values: Floats, left: Floats, right: Floats, steps: Floats, noise: Floats, bias: float) -> Estimate:
    """Return the limit of central quotients, from steps in which the sides agree: at a kink their mean is no slope."""
    found: list[Estimate] = []
    jumps = [after - before for before, after in zip(left, right)]
    limits = _limits(values, steps, noise, 2, bias)
    for limit, jump, before, after in zip(limits, _limits(jumps, steps, noise, 1, 0.0), left, right):
        if limit is None or jump is None:
            found = [] if limit is None else found
        elif abs(jump.value) <= 0.05 * max(abs(before), abs(after)) + 4.0 * SAFETY * jump.error:
            found.append(limit)
    return merged(found)


def _limits(values: Floats, steps: Floats, noise: Floats, power: int, bias: float) -> list[Estimate | None]:
    """Return for each step the limit from it and all larger steps; None before there are two, and at a pole."""
    before: list[float] = []
    used: list[float] = []
    found: list[Estimate | None] = []
    for value, step, rounding in zip(values, steps, noise):
        if not math.isfinite(value):
            # A pole is nearer than this step, so larger steps tell nothing about the slope here.
            before, used, found = [], [], [None] * (len(found) + 1)
            continue
        used.append(step)
        row, best, error = [value], value, abs(value - before[0]) if before else math.inf
        for order in range(1, min(len(before), 3) + 1):
            ratio = used[-1 - order] / step
            ratio = ratio * ratio if power == 2 else ratio  # an inf where ratio**2 raises
            row.append(row[-1] + (row[-1] - before[order - 1]) / (ratio - 1.0))
            # The first difference alone would accept a slope like that of x**1.5 at 0, which shrinks in proportion.
            off = max(abs(row[-1] - row[-2]), abs(row[-1] - before[order]) if order < len(before) else 0.0)
            if off < error and (order < len(before) or len(steps) <= 3):
                best, error = row[-1], off
        before = row
        found.append(Estimate(best, error + 1.5 * rounding + bias, step) if error < math.inf else None)
    return found


def merged(found: Sequence[Estimate]) -> Estimate:
    """Return the sharpest of several estimates, ordered by falling step, that agrees with those of smaller steps."""
    best = Estimate()
    for estimate in reversed(found):
        if not best.is_known:
            best = estimate
        elif abs(estimate.value - best.value) > 4.0 * (estimate.error + best.error):
            break
        elif estimate.error < best.error:
            best = estimate
    return best
