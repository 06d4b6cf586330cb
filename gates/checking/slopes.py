"""The slope of something along a line, from its differences over several steps, with an error of its own.

The differences are extrapolated to a step of 0. An estimate's error is how far the extrapolation still moves it, and
the noise divided by the step. Estimates are merged from the smallest step upwards: a larger step sharpens what the
smaller ones say as long as it agrees with them. Where it does not, a kink or a pole lies between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SURE = 10.0  # what is estimated lies within this many times the error


@dataclass(frozen=True)
class Estimate:
    """A number and how far it may be off."""

    value: float = math.nan
    error: float = math.inf
    step: float = 0.0  # the smallest that it rests on

    @property
    def is_known(self) -> bool:
        """Whether there is a number at all."""
        return math.isfinite(self.value) and math.isfinite(self.error)


@dataclass(frozen=True)
class Slope:
    """How fast upstream gradient x outputs moves along a line, at its start.

    Attributes
    ----------
    central, left, right : Estimate
        From both sides, from the left, from the right.
    swing : float
        The fastest movement, beyond noise, in any step as large as those of the best estimate.
    moved : numpy.ndarray
        The outputs that moved in any step.
    is_lost : bool
        Whether an output moved that is nan or inf at the start: along it there is no slope.
    bounds : tuple of Estimate
        At a kink the least and the largest that the slope can be where each output chooses one of its two sides.
    """

    central: Estimate
    left: Estimate
    right: Estimate
    swing: float
    moved: Any
    is_lost: bool = False
    bounds: tuple[Estimate, ...] = ()

    @property
    def is_kink(self) -> bool:
        """Whether the slopes on the two sides differ by more than their errors."""
        return self._jumps(5 * SURE)

    @property
    def may_be_kink(self) -> bool:
        """Whether they may differ, so that their mean is no slope."""
        return self._jumps(SURE)

    def _jumps(self, times: float) -> bool:
        """Return whether the slopes on the two sides differ by more than some times their errors."""
        if not (self.left.is_known and self.right.is_known):
            return False
        jump = abs(self.right.value - self.left.value)
        largest = max(abs(self.right.value), abs(self.left.value))
        return jump > times * (self.left.error + self.right.error) + 1e-6 * largest

    @property
    def best(self) -> Estimate:
        """The slope where there is one: from both sides, or from the only side where forward is finite."""
        return best_of(self.central, self.left, self.right)

    @property
    def is_settled(self) -> bool:
        """Whether the best estimate is sharp beside what moves: a slope that grows as the step shrinks is not."""
        best, left, right = self.best, self.left, self.right
        if not best.is_known or self.may_be_kink:
            return False
        worst = max(side.error for side in (best, left, right) if side.is_known)
        return self.swing == 0 or worst <= 0.1 * max(self.swing, abs(best.value))

    @property
    def low_and_high(self) -> tuple[Estimate, ...]:
        """Between which the slope may lie at a kink."""
        return self.bounds or tuple(sorted((self.left, self.right), key=lambda side: side.value))


def best_of(central: Estimate, left: Estimate, right: Estimate) -> Estimate:
    """Return the estimate from both sides, or that from the only side where there is one."""
    if central.is_known or left.is_known == right.is_known:
        return central
    return left if left.is_known else right


def extrapolated(
    values: Sequence[float], steps: Sequence[float], noise: Sequence[float], power: int, hidden: float = 0.0
) -> Estimate:
    """Return the limit of differences as the step goes to 0, by Neville's scheme in step**power.

    Parameters
    ----------
    values, steps, noise : sequence of float
        The differences, from the largest step to the smallest, and how far noise may move each.
    power : int
        2 for central differences, whose error has even powers of the step only; 1 for one-sided ones.
    hidden : float
        By how much all of them may be off.

    References
    ----------
    Ridders: Accurate computation of F'(x), Advances in Engineering Software 4 (1982).
    """
    return merged([one for one in _limits(values, steps, noise, power, hidden) if one is not None])


def central(
    values: Sequence[float],
    left: Sequence[float],
    right: Sequence[float],
    steps: Sequence[float],
    noise: Sequence[float],
    hidden: float,
) -> Estimate:
    """Return the limit of central differences, from steps in which the two sides agree: the mean of two is no slope."""
    found: list[Estimate] = []
    jumps = [after - before for before, after in zip(left, right)]
    limits = _limits(values, steps, noise, 2, hidden)
    for limit, jump, before, after in zip(limits, _limits(jumps, steps, noise, 1, 0.0), left, right):
        if limit is None or jump is None:
            found = [] if limit is None else found
        elif abs(jump.value) <= 0.05 * max(abs(before), abs(after)) + 4.0 * SURE * jump.error:
            found.append(limit)
    return merged(found)


def _limits(
    values: Sequence[float], steps: Sequence[float], noise: Sequence[float], power: int, hidden: float
) -> list[Estimate | None]:
    """Return for each step the limit that it and the larger ones give, None where there is none yet, or a pole is."""
    before: list[float] = []
    kept: list[float] = []
    found: list[Estimate | None] = []
    for value, step, rounding in zip(values, steps, noise):
        if not math.isfinite(value):
            # A pole lies between, or right here: what larger steps gave is of something else.
            before, kept, found = [], [], [None] * (len(found) + 1)
            continue
        kept.append(step)
        row, best, error = [value], value, abs(value - before[0]) if before else math.inf
        for order in range(1, min(len(before), 3) + 1):
            ratio = kept[-1 - order] / step
            ratio = ratio * ratio if power == 2 else ratio  # an inf where ratio**2 raises
            row.append(row[-1] + (row[-1] - before[order - 1]) / (ratio - 1.0))
            # By the first alone a slope like that of x**1.5 at 0 looks settled: each step shrinks it by the same part.
            off = max(abs(row[-1] - row[-2]), abs(row[-1] - before[order]) if order < len(before) else 0.0)
            if off < error and (order < len(before) or len(steps) <= 3):
                best, error = row[-1], off
        before = row
        found.append(Estimate(best, error + 1.5 * rounding + hidden, step) if error < math.inf else None)
    return found


def merged(found: Sequence[Estimate]) -> Estimate:
    """Return the sharpest of several estimates, those of smaller steps last, that agrees with all of these."""
    best = Estimate()
    for estimate in reversed(found):
        if not best.is_known:
            best = estimate
        elif abs(estimate.value - best.value) > 4.0 * (estimate.error + best.error):
            break
        elif estimate.error < best.error:
            best = estimate
    return best
