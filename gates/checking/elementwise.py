"""The comparison of all elements of a gradient at once, where each element of an input moves one output only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gates.checking.comparison import Element
from gates.checking.copies import copy_of, flat
from gates.checking.finite_differences import FiniteDifferences
from gates.checking.points import Point
from gates.checking.slopes import SAFETY, Estimate, Slope

_FEW = 24  # elements that stand for all
_EXPONENTS = (-5, -7, -9)  # of the steps, as parts of each element


class AllAtOnce:
    """The slopes along all elements of an input, each from three steps that all elements take together.

    Parameters
    ----------
    differences : FiniteDifferences
        The differences of forward.
    port : int
        The input.
    analytic : numpy.ndarray
        Its gradient, as a vector.

    Attributes
    ----------
    passed : numpy.ndarray of bool
        Which elements certainly pass. The others are to be looked at one by one.
    """

    def __init__(self, differences: FiniteDifferences, port: int, analytic: Any) -> None:
        self._port, self._analytic = port, analytic
        self.passed = np.zeros(analytic.size, dtype=bool)
        given, base = np.ravel(differences.inputs[port]).astype(float), differences.base
        exponents = np.frexp(np.where(given == 0.0, 1.0, given))[1]
        places, moves = np.arange(analytic.size), np.ldexp(1.0, exponents - 7)
        for bit in range((analytic.size - 1).bit_length()):  # any two places differ in one
            for half in (places >> bit & 1 == 0, places >> bit & 1 == 1):
                there = differences.at(port, given + np.where(half, moves, 0.0))
                if there is None or np.any((there != base) & ~half):
                    return
        upstream = differences.upstream[0]
        quotients, jumps, noise = [], [], np.zeros(analytic.size)
        for exponent in _EXPONENTS:
            step = np.ldexp(1.0, exponents + exponent)
            ahead, behind = (differences.precision.rounded(given + sign * step) for sign in (1.0, -1.0))
            right, left = differences.at(port, ahead), differences.at(port, behind)
            if right is None or left is None:
                return
            quotients.append(upstream * (right - left) / (ahead - behind))
            jumps.append(upstream * ((right - base) / (ahead - given) - (base - left) / (given - behind)))
            noise = np.abs(upstream) * (differences.noise + differences.precision.noise(base)) / step
        first, second, third = quotients
        finer = third + (third - second) / 15.0
        self._values = finer + (finer - second - (second - first) / 15.0) / 255.0
        self._errors, self._steps = np.abs(self._values - finer) + 1.5 * noise, step
        tolerance, sizes = differences.precision.tolerance, np.abs(analytic)
        near = np.abs(analytic - self._values) <= SAFETY * self._errors + tolerance * np.maximum(
            sizes, np.abs(self._values)
        )
        jump = jumps[2] + (jumps[2] - jumps[1]) / 3.0
        near &= np.abs(jump) <= 1e-3 * sizes + 4.0 * SAFETY * noise  # at a kink the mean of its sides is no slope
        self.passed = near & np.isfinite(analytic) & (analytic != 0.0) & (self._errors <= 10.0 * tolerance * sizes)
        differences.moved |= there != base

    def element(self, place: int) -> Element:
        """Return an element that passed."""
        value, step = float(self._values[place]), float(self._steps[place])
        estimate = Estimate(value, float(self._errors[place]), step)
        moved = np.zeros(self.passed.size, dtype=bool)
        moved[place] = True
        slope = Slope(estimate, estimate, estimate, abs(value), moved)
        return Element(self._port, place, float(self._analytic[place]), slope, "pass", is_passed=True)


def reduced(point: Point, port: int, wrong: Sequence[int], analytic: Any) -> tuple[Point, dict[int, list[int]]] | None:
    """Return a small point that stands for a large one, and which elements of an input are wrong there.

    It has the wrong elements and some others, and is what it says only if both passes give the same for them alone.
    """
    shape, size = np.shape(point.inputs[port]), analytic.size
    rest = point.random.choice(size, _FEW // 2, replace=False).tolist()
    places = list(dict.fromkeys([*list(wrong)[: _FEW // 2], *rest]))
    if any(np.shape(value) not in (shape, ()) for value in (*point.inputs, *point.upstream)):
        return None
    inputs, upstream = (
        [np.ravel(value)[places] if np.ndim(value) else value for value in values]
        for values in (point.inputs, point.upstream)
    )
    small = replace(point, inputs=inputs, upstream=upstream)
    run, whole = small.run(), point.run()
    gradients = run.backward(copy_of(upstream))
    is_same = np.array_equal(flat(run.outputs), flat(whole.outputs)[places])
    if not is_same or not np.array_equal(np.asarray(gradients[port]), analytic[places]):
        return None
    return small, {port: [place for place, old in enumerate(places) if old in set(wrong)]}
