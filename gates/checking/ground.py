"""Forward around one point: how it moves when inputs do, and how noisy it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gates.checking.slopes import SURE, Estimate, Slope, best_of, extrapolated, merged
from gates.values import Value

_EPS = 2.0**-53
_NEARBY = 7  # points at which noise is measured


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
        self.noise = np.where(self.finite, self._measured_noise(random), 0.0)

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
        return fine if merged([fine.best, slope.best]) is fine.best else slope

    def slope_apart(self, direction: Direction, slope: Slope) -> Slope:
        """Return the same, put together from the slope of each output that moves: one may drown in another's noise."""
        outputs = np.flatnonzero(slope.moved)
        rows = np.zeros((outputs.size, self.base.size))
        rows[np.arange(outputs.size), outputs] = self.upstream[0, outputs]
        apart = self._slopes(direction, self._steps(direction, True), rows)
        central, left, right = (
            Estimate(sum(e.value for e in each), sum(e.error for e in each), max(e.step for e in each))
            for each in zip(*[(one.central, one.left, one.right) for one in apart])
        )
        return replace(slope, central=central, left=left, right=right)

    def moves_to(self, inputs: Sequence[Value]) -> bool:
        """Return whether forward gives anything else there."""
        try:
            there = self.outputs(inputs)
        except Exception:  # a probe far away may leave forward's domain
            return False
        return there.shape != self.base.shape or not np.array_equal(there, self.base, equal_nan=True)

    def _slopes(
        self, direction: Direction, ladder: Sequence[float], upstream: Any, bounds: bool = False
    ) -> list[Slope]:
        """Return the slope of each row of upstream x outputs; with bounds the least and the largest of the one row."""
        weights, single = np.abs(upstream), self.base.size == 1
        steps: list[float] = []
        table: list[tuple[Any, ...]] = []  # for each step: central, left and right differences, and noise, by row
        moved = np.zeros(self.base.size, dtype=bool)
        for step in ladder:
            ends = self._ends(direction, step)
            if ends is None:
                continue
            left, right, back, ahead = ends
            up, down, both = right - self.base, self.base - left, right - left
            if not self.finite.all():
                for change, there in ((up, right), (down, left)):
                    change[~self.finite & ((there == self.base) | (np.isnan(there) & np.isnan(self.base)))] = 0.0
                both = np.where(self.finite | ((up == 0) & (down == 0)), both, np.nan)
                both[~self.finite & (up == 0) & (down == 0)] = 0.0
            moved |= (up != 0) | (down != 0)
            steps.append(step)
            if bounds:
                sides = upstream * (down / back), upstream * (up / ahead)
                either = np.array([np.minimum(*sides).sum(), np.maximum(*sides).sum()])
                differences = either, either, either
            else:
                differences = upstream @ (both / (ahead + back)), upstream @ (down / back), upstream @ (up / ahead)
            noise = self.noise + _EPS * np.fmax(np.abs(left), np.abs(right))
            noise[~np.isfinite(noise)] = 0.0
            table.append((*differences, (weights * noise)[:, 0] if single else _total(weights * noise, moved)))
        self.moved |= moved
        is_lost = bool(moved[~self.finite].any())
        rows = 2 if bounds else len(upstream)
        if not table:
            return [Slope(Estimate(), Estimate(), Estimate(), 0.0, moved, is_lost)] * rows
        central, left, right, noises = (np.array(column) for column in zip(*table))
        noises = noises / np.array(steps)[:, None]
        hidden = np.zeros(len(upstream))
        if 0 < np.count_nonzero(moved) < moved.size:
            # What did not move in the largest step may still have a slope, of less than its noise over that step.
            hidden = (
                _total(weights * (self.noise + _EPS * np.where(self.finite, np.abs(self.base), 0.0)), ~moved) / steps[0]
            )
        slopes = []
        for row in range(rows):
            noise, extra = noises[:, min(row, len(upstream) - 1)].tolist(), float(hidden[min(row, len(upstream) - 1)])
            twice = [2.0 * one for one in noise]
            estimates = (
                extrapolated(central[:, row].tolist(), steps, noise, 2, extra),
                extrapolated(left[:, row].tolist(), steps, twice, 1, extra),
                extrapolated(right[:, row].tolist(), steps, twice, 1, extra),
            )
            wider = [step >= best_of(*estimates).step for step in steps]
            speeds = np.fmax(np.abs(left[:, row]), np.abs(right[:, row]))[wider] - SURE * np.array(noise)[wider]
            swing = float(np.max(speeds[np.isfinite(speeds)], initial=0.0))
            slopes.append(Slope(*estimates, swing, moved, is_lost))
        return slopes

    def _ends(self, direction: Direction, step: float) -> tuple[Any, Any, float, float] | None:
        """Return the outputs a step behind and a step ahead, and their true lengths; None where there are none."""
        inputs, ahead = self._displaced(direction, step)
        inputs_behind, behind = self._displaced(direction, -step)
        if not (0 < ahead < math.inf and -math.inf < behind < 0):
            return None
        try:
            left, right = self.outputs(inputs_behind), self.outputs(inputs)
        except ArithmeticError:  # such as that of 1 / x at 0
            return None
        except ValueError:  # such as that of math.log beside its domain
            return None
        return (
            None if left.shape != self.base.shape or right.shape != self.base.shape else (left, right, -behind, ahead)
        )

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
            e for scale in scales for e in range((math.frexp(scale)[1] - 51) // 3, (math.frexp(scale)[1] + 1) // 3)
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

    def _measured_noise(self, random: Any) -> Any:
        """Return how far rounding moves each output.

        Tiny steps show it in the high differences of forward, which vanish for all that is smooth; larger ones in the
        grid on which the outputs lie, where forward rounds more coarsely than their last place: where it computes in
        float32, or cancels.

        References
        ----------
        More, Wild: Estimating computational noise, SIAM Journal on Scientific Computing 33 (2011).
        """
        noise = np.fmax(0.5 * np.spacing(np.abs(self.base)), np.spacing(0.0))
        turns = {port: random.uniform(0.5, 1.0, np.shape(self.inputs[port])) for port in self.ports}
        values = self._nearby(turns, 2.0**-46)
        if len(values) == _NEARBY:
            differences = np.array(values)
            for order in range(1, 6):
                differences = np.diff(differences, axis=0)
                if order >= 4:
                    noise = np.fmax(noise, _rms(differences, 0) / math.sqrt(math.comb(2 * order, order)))
        table = np.array(self._nearby(turns, 2.0**-18))
        moved, grid = np.any(table != self.base, axis=0), _grid(table)
        return np.where(moved & (grid > 8.0 * noise), grid, noise)

    def _nearby(self, turns: dict[int, Any], spacing: float) -> list[Any]:
        """Return the outputs here and where every input has moved a little more each time, as far as forward goes."""
        values = [self.base]
        for point in range(1, _NEARBY):
            there = list(self.inputs)
            for port, turn in turns.items():
                there[port] = there[port] * (1.0 + point * spacing * turn)
            try:
                value = self.outputs(there)
            except Exception:  # at the edge of forward's domain
                break
            if value.shape != self.base.shape:
                break
            values.append(value)
        return values


def _total(weights: Any, which: Any) -> Any:
    """Return the sum over the outputs that count, or all if none does, of noise that partly cancels, by row."""
    weights = weights[:, which] if which.any() else weights
    return np.minimum(weights.sum(axis=1), 4.0 * math.sqrt(weights.shape[1]) * _rms(weights, 1))


def _grid(values: Any) -> Any:
    """Return for each column the largest power of 2 of which all its numbers are multiples."""
    mantissas, exponents = np.frexp(np.where(np.isfinite(values), values, 0.0))
    whole = (mantissas * 2.0**53).astype(np.int64)
    lowest = np.ldexp((whole & -whole).astype(np.float64), exponents - 53)
    return np.min(np.where(whole == 0, np.inf, lowest), axis=0)


def _rms(values: Any, axis: int) -> Any:
    """Return the root of the mean square, also of numbers whose squares underflow."""
    largest = np.max(np.abs(values), axis=axis, keepdims=True, initial=0.0)
    scaled = values / np.where(largest > 0, largest, 1.0)
    return np.squeeze(largest, axis) * np.sqrt(np.mean(np.square(scaled), axis=axis))
