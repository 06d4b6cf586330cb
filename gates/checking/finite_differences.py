"""Forward around one point: how it moves when inputs do, and how noisy it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gates.checking.copies import plain
from gates.checking.noise import measured_noise, rms
from gates.checking.slopes import SURE, Estimate, Slope, best_of, central, extrapolated, merged
from gates.values import Value

_EPS = 2.0**-53


@dataclass(frozen=True)
class Direction:
    """Which elements of which inputs move, and how far in a step of 1: ports, flat indices and weights."""

    parts: tuple[tuple[int, Any, Any], ...]

    @classmethod
    def along(cls, port: int, place: int) -> Direction:
        """Return the direction of one element."""
        return cls(((port, place, 1.0),))


class Ground:
    """Forward around one point.

    Parameters
    ----------
    outputs : callable
        Forward: from a list of inputs to the vector of all outputs.
    inputs : list of float or numpy.ndarray
        The point.
    ports : sequence of int
        The inputs that may move.
    upstream : numpy.ndarray
        The weight of each output in what slopes are asked of.
    random : numpy.random.Generator
        For the directions in which the noise is measured.

    Attributes
    ----------
    base : numpy.ndarray
        The outputs at the point.
    finite : numpy.ndarray of bool
        Which of them are finite.
    noise : numpy.ndarray
        How far rounding moves each.
    moved : numpy.ndarray of bool
        Which of them any step has moved so far.
    """

    def __init__(
        self,
        outputs: Callable[[Sequence[Value]], Any],
        inputs: Sequence[Value],
        ports: Sequence[int],
        upstream: Any,
        random: Any,
    ) -> None:
        self.outputs, self.inputs, self.ports = outputs, list(inputs), list(ports)
        self.upstream = np.atleast_2d(upstream)
        self.base = outputs(self.inputs)
        self.finite = np.isfinite(self.base)
        self.moved = np.zeros(self.base.size, dtype=bool)
        sizes = np.concatenate([np.zeros(0), *[np.abs(np.ravel(self.inputs[port])) for port in ports]])
        sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
        self._least, self._largest = (float(sizes.min()), float(sizes.max())) if sizes.size else (1.0, 1.0)
        self.noise = np.where(self.finite, measured_noise(self._at, self.inputs, self.ports, self.base, random), 0.0)

    def slope(self, direction: Direction, exhaustive: bool = True) -> Slope:
        """Return the slope of upstream x outputs along a direction, from a few steps or from all that may help."""
        steps = self._steps(direction, exhaustive)
        (slope,) = self._slopes(direction, steps, self.upstream)
        if exhaustive and slope.is_kink and np.count_nonzero(slope.moved) > 1:
            least, largest = self._slopes(direction, steps, self.upstream, bounds=True)
            return replace(slope, bounds=(least.right, largest.right))
        return slope

    def sharpened(self, direction: Direction, slope: Slope) -> Slope:
        """Return the slope from finer steps around those that its best estimate rests on, where that is sharper."""
        step = slope.best.step
        (fine,) = self._slopes(direction, [step * 2.0**power for power in range(8, -3, -1)], self.upstream)
        if merged([fine.best, slope.best]) is not fine.best:
            return slope
        return replace(fine, moved=fine.moved | slope.moved)

    def slope_apart(self, direction: Direction, slope: Slope) -> Slope:
        """Return the same, put together from the slope of each output that moves: one may drown in another's noise."""
        columns, steps = np.flatnonzero(slope.moved), self._steps(direction, True)
        apart = self._slopes(direction, steps, np.diag(self.upstream[0, columns]), columns=columns)
        # What does not move in these steps, but further on, may have a slope of less than its noise over the largest.
        still = self._reached(direction) & ~slope.moved
        hidden = float(_total((np.abs(self.upstream) * self.noise)[:, still])[0]) / steps[0] if still.any() else 0.0
        middle, left, right = (
            Estimate(sum(e.value for e in each), sum(e.error for e in each) + hidden, max(e.step for e in each))
            for each in zip(*[(one.central, one.left, one.right) for one in apart])
        )
        return replace(slope, central=middle, left=left, right=right)

    def far(self, port: int, places: Any = slice(None)) -> Iterator[list[Value]]:
        """Yield inputs where some elements of one are far away."""
        far = 2.0 * max(self._largest, 1.0)
        factors = ((-1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, far), (1.0, -far), (1e3, 0.0), (1e9, 0.0), (-1e9, 0.0))
        for factor, shift in factors:
            inputs = list(self.inputs)
            array = np.array(inputs[port], dtype=float, order="C")
            array.reshape(-1)[places] = factor * array.reshape(-1)[places] + shift
            inputs[port] = plain(array)
            yield inputs

    def _reached(self, direction: Direction) -> Any:
        """Return which outputs move when what moves in a direction goes far."""
        reached = np.zeros(self.base.size, dtype=bool)
        for port, places, _ in direction.parts:
            for inputs in self.far(port, places):
                there = self._at(inputs)
                if there is not None:
                    reached |= (there != self.base) & ~(np.isnan(there) & np.isnan(self.base))
        return reached

    def moves_to(self, inputs: Sequence[Value]) -> bool:
        """Return whether forward gives anything else there."""
        there = self._at(inputs)
        return there is not None and not np.array_equal(there, self.base, equal_nan=True)

    def _slopes(
        self,
        direction: Direction,
        ladder: Sequence[float],
        upstream: Any,
        bounds: bool = False,
        columns: Any = None,
    ) -> list[Slope]:
        """Return the slope of each row of upstream x the outputs in some columns, from steps from large to small.

        With bounds there is one row, of which the least and the largest are returned that a kink leaves open.
        """
        steps, probes, touched = self._probes(direction, ladder)
        hidden = np.zeros(len(upstream))
        if columns is None:
            columns = np.flatnonzero(touched)
            still = ~touched
            if columns.size and still.any():
                # What does not move in the largest step may still have a slope, of less than its noise over that.
                noise = self.noise + _EPS * np.where(self.finite, np.abs(self.base), 0.0)
                hidden = _total((np.abs(upstream) * noise)[:, still]) / steps[0]
            columns = columns if columns.size else np.arange(self.base.size)
            upstream = upstream[:, columns]
        self.moved |= touched
        is_lost = bool(touched[~self.finite].any())
        rows = 2 if bounds else len(upstream)
        if not steps:
            return [Slope(Estimate(), Estimate(), Estimate(), 0.0, touched, is_lost)] * rows
        weights, base, finite = np.abs(upstream), self.base[columns], self.finite[columns]
        table: list[tuple[Any, ...]] = []  # for each step: central, left and right differences, and noise, by row
        for places, at_left, at_right, back, ahead in probes:
            left, right = base.copy(), base.copy()
            kept = np.isin(places, columns)
            where = np.searchsorted(columns, places[kept])
            left[where], right[where] = at_left[kept], at_right[kept]
            up, down, both = right - base, base - left, right - left
            if not finite.all():
                stays = np.ones(base.size, dtype=bool)
                stays[where] = False
                up[stays & ~finite] = down[stays & ~finite] = 0.0
                both = np.where(finite, both, np.where(stays, 0.0, np.nan))
            if bounds:
                sides = upstream * (down / back), upstream * (up / ahead)
                either = np.array([np.minimum(*sides).sum(), np.maximum(*sides).sum()])
                differences = either, either, either
            else:
                differences = upstream @ (both / (ahead + back)), upstream @ (down / back), upstream @ (up / ahead)
            noise = self.noise[columns] + _EPS * np.fmax(np.abs(left), np.abs(right))
            noise[~np.isfinite(noise)] = 0.0
            table.append((*differences, _total(weights * noise)))
        both_sides, left, right, noises = (np.array(column) for column in zip(*table))
        noises = noises / np.array(steps)[:, None]
        slopes = []
        for row in range(rows):
            source = 0 if bounds else row
            noise, extra = noises[:, source].tolist(), float(hidden[source])
            twice = [2.0 * one for one in noise]
            sides = left[:, row].tolist(), right[:, row].tolist()
            estimates = (
                central(both_sides[:, row].tolist(), *sides, steps, noise, extra),
                extrapolated(sides[0], steps, twice, 1, extra),
                extrapolated(sides[1], steps, twice, 1, extra),
            )
            wider = [step >= best_of(*estimates).step for step in steps]
            speeds = np.fmax(np.abs(left[:, row]), np.abs(right[:, row]))[wider] - SURE * np.array(noise)[wider]
            swing = float(np.max(speeds[np.isfinite(speeds)], initial=0.0))
            slopes.append(Slope(*estimates, swing, touched, is_lost))
        return slopes

    def _probes(self, direction: Direction, ladder: Sequence[float]) -> tuple[list[float], list[Any], Any]:
        """Return the steps at which forward answers, what changes in each, and which outputs ever change."""
        steps, probes = [], []
        touched = np.zeros(self.base.size, dtype=bool)
        nan = None if self.finite.all() else np.isnan(self.base)
        for step in ladder:
            ends = self._ends(direction, step)
            if ends is None:
                continue
            left, right, back, ahead = ends
            changed = (left != self.base) | (right != self.base)
            if nan is not None:
                changed &= ~(nan & np.isnan(left) & np.isnan(right))
            places = np.flatnonzero(changed)
            touched[places] = True
            steps.append(step)
            probes.append((places, left[places], right[places], back, ahead))
        return steps, probes, touched

    def _ends(self, direction: Direction, step: float) -> tuple[Any, Any, float, float] | None:
        """Return the outputs a step behind and a step ahead, and their true lengths; None where there are none."""
        inputs, ahead = self._displaced(direction, step)
        inputs_behind, behind = self._displaced(direction, -step)
        if not (0 < ahead < math.inf and -math.inf < behind < 0):
            return None
        left, right = self._at(inputs_behind), self._at(inputs)
        return None if left is None or right is None else (left, right, -behind, ahead)

    def _at(self, inputs: Sequence[Value]) -> Any:
        """Return the outputs at other inputs; None where forward does not take them, or gives another shape."""
        try:
            there = self.outputs(inputs)
        except Exception:  # a probe may leave forward's domain, in any way
            return None
        return there if there.shape == self.base.shape else None

    def _displaced(self, direction: Direction, step: float) -> tuple[list[Value], float]:
        """Return the inputs after a step, and how long the step really is where one element moves."""
        inputs, length = list(self.inputs), step
        for port, places, weights in direction.parts:
            given = inputs[port]
            if isinstance(given, float):
                inputs[port] = moved = given + step * float(weights)
                length = moved - given if len(direction.parts) == 1 else step
                continue
            array = np.array(given, order="C")
            vector = array.reshape(-1)
            before = vector[places]
            vector[places] = before + step * weights
            inputs[port] = array
            if isinstance(places, int) and len(direction.parts) == 1:
                length = float(vector[places] - before)
        return inputs, length

    def _steps(self, direction: Direction, exhaustive: bool) -> list[float]:
        """Return the steps to try along a direction, the largest first: powers of 2, which round nothing.

        They are scaled to what moves. All that may help reach from 2**-51 of that, of 1 and of the largest number
        around up to these numbers themselves.
        """
        size = self._size(direction)
        if not exhaustive:
            exponent = math.frexp(size or 1.0)[1]
            return [2.0**e for e in (exponent - 5, exponent - 7, exponent - 9) if e >= -1074]
        scales = [scale for scale in (size, 1.0, self._largest, self._least if size == 0 else 1.0) if scale > 0]
        exponents = {
            e for scale in scales for e in range((math.frexp(scale)[1] - 51) // 3, (math.frexp(scale)[1] + 4) // 3)
        }
        return [2.0 ** (3 * e) for e in sorted(exponents, reverse=True) if -1074 <= 3 * e < 1023]

    def _size(self, direction: Direction) -> float:
        """Return the size of the elements that move in a direction, for a step of 1."""
        sizes = []
        for port, places, weights in direction.parts:
            given = self.inputs[port]
            sizes.append(abs(given) if isinstance(given, float) else np.max(np.abs(np.ravel(given)[places] / weights)))
        size = float(max(sizes, default=0.0))
        return size if math.isfinite(size) else 0.0


def _total(weights: Any) -> Any:
    """Return the sum of noise that partly cancels, by row."""
    if weights.shape[1] == 1:
        return weights[:, 0]
    return np.minimum(weights.sum(axis=1), 4.0 * math.sqrt(weights.shape[1]) * rms(weights, 1))
