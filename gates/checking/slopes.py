"""The slope of forward along a line, from forward alone: central and one-sided differences, extrapolated.

Each estimate has an error of its own: how far the last extrapolation moved it, and the measured noise of forward
divided by the step. Estimates are merged from the smallest step upwards: a larger step sharpens what the smaller
ones say as long as it agrees with them. Where it does not, a kink or a pole lies between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates.values import Value

_EPS = 2.0**-53
SURE = 10.0  # an estimate lies within this many times its error


@dataclass(frozen=True)
class Estimate:
    """A number and how far it may be off."""

    value: float
    error: float
    step: float = 0.0  # the smallest one it rests on

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
    low, high : Estimate
        The least and the largest that the slope can be where every output chooses one of its two sides at a kink.
    swing : float
        The fastest movement in any step at least as large as those of `central`: what it is small or large beside.
    moved : numpy.ndarray
        The outputs that moved in any step.
    is_lost : bool
        Whether an output moved that is nan or inf at the start: along it there is no slope.
    """

    central: Estimate
    left: Estimate
    right: Estimate
    low: Estimate
    high: Estimate
    swing: float
    moved: Any
    is_lost: bool = False

    @property
    def is_kink(self) -> bool:
        """Whether the slopes on the two sides differ by more than their errors."""
        if not (self.left.is_known and self.right.is_known):
            return False
        jump = abs(self.right.value - self.left.value)
        largest = max(abs(self.right.value), abs(self.left.value))
        return jump > 5 * SURE * (self.left.error + self.right.error) + 1e-6 * largest

    @property
    def best(self) -> Estimate:
        """The slope where there is one: from both sides, or from the only side where forward is finite."""
        if self.central.is_known or self.left.is_known == self.right.is_known:
            return self.central
        return self.left if self.left.is_known else self.right


@dataclass(frozen=True)
class Direction:
    """Which elements of which inputs move, and how far in a step of 1."""

    parts: tuple[tuple[int, Any, Any], ...]  # port, flat indices, weights

    @classmethod
    def along(cls, port: int, place: int) -> Direction:
        """Return the direction of one element."""
        return cls(((port, place, 1.0),))


class Ground:
    """Forward around one point, and its noise there.

    Parameters
    ----------
    outputs : callable
        Forward: from a list of inputs to the vector of all outputs.
    inputs : list of float or numpy.ndarray
        The point.
    ports : sequence of int
        The inputs that may move.
    upstream : numpy.ndarray
        A row of weights of the outputs for each scalar whose slope is asked for.
    random : numpy.random.Generator
        For the directions in which the noise is measured.
    """

    def __init__(
        self,
        outputs: Callable[[Sequence[Value]], Any],
        inputs: Sequence[Value],
        ports: Sequence[int],
        upstream: Any,
        random: Any,
    ) -> None:
        self.outputs = outputs
        self.inputs = list(inputs)
        self.upstream = np.atleast_2d(upstream)
        self.base = outputs(self.inputs)
        self.finite = np.isfinite(self.base)
        self.ports = list(ports)
        sizes = np.concatenate(
            [np.abs(np.asarray(self.inputs[port], dtype=float)).reshape(-1) for port in ports] or [[]]
        )
        sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
        self._largest = float(sizes.max()) if sizes.size else 1.0
        self._least = float(sizes.min()) if sizes.size else 1.0
        self.noise = self._measured_noise(random)
        self.moved = np.zeros(self.base.size, dtype=bool)  # by any step so far

    def slope(self, direction: Direction, exhaustive: bool = True) -> Slope:
        """Return the slope of upstream x outputs along a direction, from a few steps or from all that may help."""
        return self._along(direction, self._steps(direction, exhaustive), self.upstream)[0]

    def slope_apart(self, direction: Direction, moved: Any) -> Slope:
        """Return the same from each output's own slope: where one is in the noise of another at the best steps."""
        outputs = np.flatnonzero(moved)
        rows = np.zeros((outputs.size, moved.size))
        rows[np.arange(outputs.size), outputs] = self.upstream[0, outputs]
        slopes = self._along(direction, self._steps(direction, True), rows)
        return Slope(
            *(
                Estimate(sum(e.value for e in each), sum(e.error for e in each), max(e.step for e in each))
                for each in zip(*((s.central, s.left, s.right, s.low, s.high) for s in slopes))
            ),
            sum(slope.swing for slope in slopes),
            moved,
            any(slope.is_lost for slope in slopes),
        )

    def _steps(self, direction: Direction, exhaustive: bool) -> list[float]:
        """Return the steps along a direction, the largest first."""
        scales = [self._size(direction)]
        if exhaustive:
            scales += [1.0, self._largest] + ([self._least] if scales[0] == 0 else [])
        exponents: set[int] = set()
        for scale in scales:
            if scale > 0:
                exponent = math.frexp(scale)[1] - 1
                exponents.update(
                    range(exponent - 44, exponent, 2) if exhaustive else range(exponent - 8, exponent - 2, 2)
                )
        if not exponents:
            exponents.update(range(-8, -2, 2))
        if exhaustive:  # on one grid
            exponents = {exponent - exponent % 2 for exponent in exponents}
        return [2.0**e for e in sorted(exponents, reverse=True) if -1074 <= e < 1023]

    def moved_to(self, inputs: Sequence[Value]) -> bool:
        """Return whether forward gives anything else there."""
        try:
            there = self.outputs(inputs)
        except Exception:  # a probe far away may leave forward's domain
            return False
        return there.shape != self.base.shape or not np.array_equal(there, self.base, equal_nan=True)

    def displaced(self, direction: Direction, step: float) -> tuple[list[Value], float]:
        """Return the inputs after a step, and how long the step really is where one element moves."""
        inputs, length = list(self.inputs), step
        for port, places, weights in direction.parts:
            given = inputs[port]
            if isinstance(given, float):
                inputs[port] = given + step * float(weights)
                length = inputs[port] - given if len(direction.parts) == 1 else step
                continue
            array = np.array(given)
            vector = array.reshape(-1)
            before = vector[places]
            vector[places] = before + step * weights
            inputs[port] = array
            if isinstance(places, int) and len(direction.parts) == 1:
                length = float(vector[places] - before)
        return inputs, length

    def _size(self, direction: Direction) -> float:
        """Return the size of the elements that move in a direction, for a step of 1."""
        sizes = [
            np.max(
                np.abs(
                    np.asarray(self.inputs[port], dtype=float).reshape(-1)[places] / np.where(weights == 0, 1, weights)
                )
            )
            for port, places, weights in direction.parts
        ]
        size = float(max(sizes, default=0.0))
        return size if math.isfinite(size) else 0.0

    def _along(self, direction: Direction, steps: Sequence[float], upstream: Any) -> list[Slope]:
        """Return the slope of each row of upstream x outputs, from the differences over steps from large to small."""
        rows = len(upstream)
        used: list[float] = []
        table: list[Any] = []  # for each step: central, left and right slopes and their noise, a column for each row
        moved = np.zeros(self.base.size, dtype=bool)
        for step in steps:
            ahead, length = self.displaced(direction, step)
            behind, back = self.displaced(direction, -step)
            if length <= 0 or back >= 0 or not (math.isfinite(length) and math.isfinite(back)):
                continue
            try:
                right, left = self.outputs(ahead), self.outputs(behind)
            except ArithmeticError:  # such as math.log beside its domain
                continue
            if right.shape != self.base.shape or left.shape != self.base.shape:
                continue
            up, down, both = right - self.base, self.base - left, right - left
            for change, there in ((up, right), (down, left)):
                change[~self.finite & ((there == self.base) | np.isnan(there) & np.isnan(self.base))] = 0.0
            both[~self.finite] = np.where((up == 0) & (down == 0), 0.0, np.nan)[~self.finite]
            moved |= (up != 0) | (down != 0)
            used.append(step)
            sides = upstream * (down / -back), upstream * (up / length)
            table.append(
                (
                    upstream @ (both / (length - back)),
                    *(side.sum(axis=1) for side in sides),
                    np.minimum(*sides).sum(axis=1),
                    np.maximum(*sides).sum(axis=1),
                    self._noise_of(upstream, moved, np.maximum(np.abs(left), np.abs(right))) / step,
                )
            )
        self.moved |= moved
        if not table:
            nothing = Estimate(math.nan, math.inf)
            return [Slope(nothing, nothing, nothing, nothing, nothing, 0.0, moved)] * rows
        central, left, right, low, high, noise = (np.array([entry[kind] for entry in table]) for kind in range(6))
        # What did not move in the largest step may still have a slope, of less than its noise over that step.
        hidden = self._noise_of(upstream, ~moved, np.abs(self.base)) / used[0] if 0 < np.count_nonzero(moved) < moved.size else np.zeros(rows)
        slopes = []
        for row in range(rows):
            estimates = [
                _extrapolated(
                    side[:, row],
                    hidden[row],
                    used,
                    (1 if side is central else 2) * noise[:, row],
                    2 if side is central else 1,
                )
                for side in (central, left, right, low, high)
            ]
            steps_of_best = [estimate.step for estimate in estimates[:3] if estimate.is_known][:1]
            wider = np.array(used) >= max(steps_of_best, default=0.0)
            speeds = np.abs(np.concatenate([left[wider, row], right[wider, row]]))
            swing = float(np.max(speeds[np.isfinite(speeds)], initial=0.0))
            slopes.append(Slope(*estimates, swing, moved, bool(moved[~self.finite].any())))
        return slopes

    def _noise_of(self, upstream: Any, moved: Any, sizes: Any) -> Any:
        """Return the noise of each row of upstream x outputs, from the outputs that move, or from all if none does."""
        noise = np.where(self.finite, self.noise + _EPS * np.where(np.isfinite(sizes), sizes, 0.0), 0.0)
        weights = np.abs(upstream) * noise
        if moved.any():
            weights = weights[:, moved]
        return np.minimum(weights.sum(axis=1), 4.0 * np.sqrt(weights.shape[1]) * _rms(weights, 1))

    def _measured_noise(self, random: Any) -> Any:
        """Return how far rounding moves each output, from the high differences of forward in tiny steps.

        References
        ----------
        More, Wild: Estimating computational noise, SIAM Journal on Scientific Computing 33 (2011).
        """
        points = 7
        turns = {port: random.uniform(0.5, 1.0, np.shape(self.inputs[port])) for port in self.ports}
        values = self._nearby(turns, [point * 2.0**-46 for point in range(1, points)])
        noise = 0.5 * np.spacing(np.abs(self.base))
        if len(values) == points:
            differences = np.array(values)
            for order in range(1, 6):
                differences = np.diff(differences, axis=0)
                if order >= 4:
                    noise = np.fmax(noise, _rms(differences, 0) / math.sqrt(math.comb(2 * order, order)))
        # A forward that computes in float32 gives numbers of float32 only, however its inputs move.
        values = self._nearby(turns, [2.0**-16, 2.0**-17, -(2.0**-16)])
        coarse = np.all([value == value.astype(np.float32) for value in values], axis=0)
        coarse &= np.any([value != self.base for value in values], axis=0)
        return np.where(coarse, np.fmax(noise, 2.0**-24 * np.abs(self.base)), noise)

    def _nearby(self, turns: dict[int, Any], steps: Sequence[float]) -> list[Any]:
        """Return the outputs here and where every input has moved a little, until forward does not take it."""
        values = [self.base]
        for step in steps:
            there = list(self.inputs)
            for port, turn in turns.items():
                moved = np.asarray(there[port], dtype=float) * (1.0 + step * turn)
                there[port] = moved if moved.ndim else float(moved)
            try:
                value = self.outputs(there)
            except Exception:  # at the edge of forward's domain
                break
            if value.shape != self.base.shape:
                break
            values.append(value)
        return values


def _rms(values: Any, axis: int) -> Any:
    """Return the root of the mean square, also of numbers whose squares underflow."""
    largest = np.max(np.abs(values), axis=axis, keepdims=True, initial=0.0)
    scaled = values / np.where(largest > 0, largest, 1.0)
    return np.squeeze(largest, axis) * np.sqrt(np.mean(np.square(scaled), axis=axis))


def _extrapolated(values: Any, hidden: float, steps: Sequence[float], noise: Any, power: int) -> Estimate:
    """Return the limit of differences as the step goes to 0, by Neville's scheme in step**power."""
    table: list[list[float]] = []
    kept: list[float] = []
    found: list[Estimate] = []
    for value, step, rounding in zip(values.tolist(), steps, noise.tolist()):
        if not math.isfinite(value):
            table, kept = [], []  # a pole lies between
            continue
        kept.append(step)
        row = [value]
        for order in range(1, min(len(table), 3) + 1):
            ratio = (kept[-1 - order] / step) ** power
            row.append(row[-1] + (row[-1] - table[-1][order - 1]) / (ratio - 1.0))
        table.append(row)
        before = table[-2] if len(table) > 1 else []
        errors = [
            # The second keeps a slope like that of x**1.5 at 0 from looking settled: it halves with each step.
            max(abs(row[order] - row[order - 1]), abs(row[order] - before[order]) if order < len(before) else 0.0)
            for order in range(1, len(row))
        ]
        if errors:
            order = errors.index(min(errors))
            found.append(Estimate(row[order + 1], errors[order] + 1.5 * rounding, step))
    best = Estimate(math.nan, math.inf)
    for estimate in reversed(found):
        if not best.is_known:
            best = estimate
        elif abs(estimate.value - best.value) > 4.0 * (estimate.error + best.error):
            break
        elif estimate.error < best.error:
            best = estimate
    return Estimate(best.value, best.error + float(hidden), best.step)
