"""Finite differences of forward around one point: the slope along a direction, measured over several steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from gates.checking.copies import float_or_array
from gates.checking.fits import fitted
from gates.checking.noise import Forward, measured_noise, rms
from gates.checking.precision import Precision
from gates.checking.slopes import SAFETY, Estimate, Slope, best_of, central, extrapolated, jump_of, merged
from gates.checking.stopwatch import Stopwatch
from gates.values import Value

_FEW = 100_000  # outputs; of more, every second step is taken
_BATCH = 2**20  # numbers, at most, that are differenced at once


@dataclass(frozen=True)
class Direction:
    """The elements that move, and how far in a step of 1: (port, flat indices, weights) for each input among them."""

    parts: tuple[tuple[int, Any, Any], ...]

    @classmethod
    def along(cls, port: int, place: int) -> Direction:
        """Return the direction of one element."""
        return cls(((port, place, 1.0),))


class _Probe(NamedTuple):
    """Forward a step behind and a step ahead: how long the steps really are, which outputs changed, and to what."""

    step: float
    behind: float
    ahead: float
    changed: Any
    left: Any
    right: Any


class FiniteDifferences:
    """Finite differences of forward around one point.

    Parameters
    ----------
    outputs : callable
        Forward: from a list of inputs to the vector of all outputs.
    inputs : list of float or numpy.ndarray
        The point.
    ports : sequence of int
        The inputs that may move.
    upstream : numpy.ndarray
        The upstream gradient as a vector: slopes are those of upstream @ outputs.
    random : numpy.random.Generator
        For the directions in which the noise is measured.
    precision : Precision
        How forward rounds, at the least.

    Attributes
    ----------
    base : numpy.ndarray
        The outputs at the point.
    finite : numpy.ndarray of bool
        Which of them are finite.
    noise : numpy.ndarray
        How far rounding moves each, at the least; as measured, once a slope needs that.
    seconds : float
        How long a run of forward takes.
    moved : numpy.ndarray of bool
        Which of them any step has changed so far.
    """

    def __init__(
        self,
        outputs: Forward,
        inputs: Sequence[Value],
        ports: Sequence[int],
        upstream: Any,
        random: Any,
        precision: Precision = Precision(),  # noqa: B008 (it cannot be changed)
    ) -> None:
        self.outputs, self.inputs, self.precision = outputs, list(inputs), precision
        self.upstream = np.atleast_2d(upstream)
        watch = Stopwatch()
        self.base = outputs(self.inputs)
        self.seconds = watch.seconds
        self.finite = np.isfinite(self.base)
        self.moved = np.zeros(self.base.size, dtype=bool)
        sizes = np.concatenate([np.zeros(0), *[np.abs(np.ravel(self.inputs[port])) for port in ports]])
        sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
        self._least, self._largest = (float(sizes.min()), float(sizes.max())) if sizes.size else (1.0, 1.0)
        # Where noise hides what short steps give, long ones must not be taken for it: they see another slope.
        self._longest = math.inf if precision.relative == 2.0**-53 else self._largest
        self.random, self._ports = random, ports
        self.noise = np.where(self.finite, precision.noise(self.base), 0.0)
        self._is_stepped: Any = None

    @property
    def is_stepped(self) -> Any:
        """Which outputs stand still in small steps, and rise by more than their noise in larger ones."""
        if self._is_stepped is None:
            given = self._at, self.inputs, self._ports, self.base, self.random, self.precision
            noise, self._is_stepped = measured_noise(*given)
            self.noise = np.where(self.finite, np.fmax(noise, self.noise), 0.0)
        return self._is_stepped

    def measure_noise(self) -> None:
        """Measure how far rounding moves the outputs, which takes many runs of forward; once is enough."""
        assert self.is_stepped is not None

    def at(self, port: int, vector: Any) -> Any:
        """Return the outputs for another value of one input, given as a vector; None if forward does not accept it."""
        value = float_or_array(vector.reshape(np.shape(self.inputs[port])))
        return self._at([*self.inputs[:port], value, *self.inputs[port + 1 :]])

    def slope(self, direction: Direction, exhaustive: bool = True) -> Slope:
        """Return the slope of upstream @ outputs along a direction, from three steps or from all that may help."""
        if not self.precision.is_fine:
            return self._fitted_slope(direction)
        if exhaustive:
            self.measure_noise()
        steps = self._steps(direction, exhaustive)
        (slope,) = self._slopes(direction, steps, self.upstream)
        if slope.jump:
            return replace(slope, jump=self._jump(direction, steps))
        if exhaustive and slope.is_kink and np.count_nonzero(slope.moved) > 1:
            least, largest = self._slopes(direction, steps, self.upstream, bounds=True)
            return replace(slope, bounds=(least.right, largest.right))
        return slope

    def refined(self, direction: Direction, slope: Slope) -> Slope:
        """Return the slope from finer steps around those of its best estimate, if that is sharper."""
        steps = [step for power in range(8, -3, -1) if (step := slope.best.step * 2.0**power) <= self._longest]
        (fine,) = self._slopes(direction, steps, self.upstream)
        if merged([fine.best, slope.best]) is not fine.best:
            return slope
        return replace(fine, moved=fine.moved | slope.moved)

    def slope_by_output(self, direction: Direction, slope: Slope) -> Slope:
        """Return the slope as a sum of one for each output that moves: one output may be lost in another's noise."""
        columns, steps = np.flatnonzero(slope.moved), self._steps(direction, True)
        slopes = self._slopes(direction, steps, np.diag(self.upstream[0, columns]), columns)
        # An output that only moves beyond these steps may have a slope of up to its noise over the largest of them.
        far = [changed for port, places, _ in direction.parts for changed in self._far(port, places)]
        unmoved = np.any([slope.moved, *far], axis=0) & ~slope.moved
        bias = float(_total((np.abs(self.upstream) * self.noise)[:, unmoved])[0]) / steps[0] if unmoved.any() else 0.0
        middle, left, right = (
            Estimate(sum(e.value for e in each), sum(e.error for e in each) + bias, max(e.step for e in each))
            for each in zip(*[(one.central, one.left, one.right) for one in slopes])
        )
        return replace(slope, central=middle, left=left, right=right)

    def _fitted_slope(self, direction: Direction) -> Slope:
        """Return the slope of a forward that rounds coarsely."""
        upstream, base = self.upstream[0], np.where(self.finite, self.base, 0.0)

        def at(step: float) -> tuple[float, Any] | None:
            inputs, length = self._displaced(direction, step)
            there = self._at(inputs)
            if there is None:
                return None
            change = np.where(self.finite, there - base, 0.0)
            return length, np.append(change, upstream @ change)

        size = max(self._size(direction), 0.25 * self._largest)
        noise = float(_total(np.abs(upstream) * self.precision.noise(base)))
        (middle, left, right), moved = fitted(at, size, 0.5 * noise)
        if (apart := abs(left.value - right.value)) > 2.0 * (left.error + right.error):  # a kink is near
            middle = replace(middle, error=max(middle.error, 0.5 * apart))
        moved = np.broadcast_to(moved, self.base.shape)
        self.moved = self.moved | moved
        steepest = max(abs(side.value) for side in (middle, left, right) if side.is_known) if middle.is_known else 0.0
        return Slope(middle, left, right, steepest, moved)

    def _jump(self, direction: Direction, steps: Sequence[float]) -> float:
        """Return by how much the output that jumps most does so."""
        probe = self._probed(direction, steps)[0][-4]
        base = self.base[probe.changed]
        return float(max([*(probe.right - base), *(base - probe.left)], key=abs))

    def moves_far(self, port: int) -> bool:
        """Return whether any output changes where an input is far away."""
        return any(changed.any() for changed in self._far(port, slice(None)))

    def stands_still(self, port: int) -> bool:
        """Return whether an input moves the outputs by rounding alone, as far as its own size or so from the point."""
        largest = np.max(np.abs(self.base), initial=0.0)
        far = 2.0 * max(self._largest, 1.0)
        for factor, shift in ((0.0, 0.0), (1.0, far), (1.0, -far)):
            there = self._at([*self.inputs[:port], factor * self.inputs[port] + shift, *self.inputs[port + 1 :]])
            if (
                there is None
                or not np.max(np.abs(there - self.base), initial=0.0) <= 1e3 * self.precision.relative * largest
            ):
                return False
        return True

    def _far(self, port: int, places: Any) -> Iterator[Any]:
        """Yield which outputs change where some elements of an input are far away."""
        far = 2.0 * max(self._largest, 1.0)
        factors = [(-1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, far), (1.0, -far), (1e3, 0.0), (1e9, 0.0), (-1e9, 0.0)]
        factors += [(1.0, 2.0**60 * far), (1.0, -(2.0**60) * far)]
        for factor, shift in factors:
            array = np.array(self.inputs[port], dtype=float, order="C")
            array.reshape(-1)[places] = factor * array.reshape(-1)[places] + shift
            there = self._at([*self.inputs[:port], float_or_array(array), *self.inputs[port + 1 :]])
            if there is not None:
                yield self._changed(there)

    def _changed(self, there: Any) -> Any:
        """Return which outputs are not what they are at the point."""
        changed = there != self.base
        return changed if self.finite.all() else changed & ~(np.isnan(there) & np.isnan(self.base))

    def _slopes(
        self, direction: Direction, steps: Sequence[float], upstream: Any, columns: Any = None, bounds: bool = False
    ) -> list[Slope]:
        """Return the slope of each row of upstream @ the outputs in some columns, from steps from large to small.

        With `bounds`, return the least and the largest slope that are possible at a kink, for the only row.
        """
        probes, moved = self._probed(direction, steps)
        self.moved |= moved
        bias = np.zeros(len(upstream))
        if columns is None:
            columns = np.flatnonzero(moved) if moved.any() else np.arange(self.base.size)
            if moved.any() and not moved.all():
                # An output that the largest step does not change may have a slope of up to its noise over that step.
                noise = self.noise + self.precision.noise(np.where(self.finite, self.base, 0.0))
                bias = _total((np.abs(upstream) * noise)[:, ~moved]) / probes[0].step
            upstream = upstream[:, columns]
        rows = 2 if bounds else len(upstream)
        table = [np.empty((0, 4, rows))]
        batch = max(_BATCH // max(upstream.size, 1), 1)
        for first in range(0, len(probes), batch):
            table.append(self._quotients(probes[first : first + batch], upstream, columns, bounds))
        taken, is_undefined = [probe.step for probe in probes], bool(moved[~self.finite].any())
        return [
            _estimated(by_step, taken, float(bias[row % len(bias)]), moved, is_undefined)
            for row, by_step in enumerate(np.concatenate(table).transpose(2, 1, 0))
        ]

    def _probed(self, direction: Direction, steps: Sequence[float]) -> tuple[list[_Probe], Any]:
        """Return forward's answers for all steps at which it answers, and which outputs any of them changes."""
        probes, moved = [], np.zeros(self.base.size, dtype=bool)
        for step in steps:
            there, ahead = self._displaced(direction, step)
            there_behind, behind = self._displaced(direction, -step)
            if not (0 < ahead < math.inf and -math.inf < behind < 0):
                continue
            left, right = self._at(there_behind), self._at(there)
            if left is None or right is None:
                continue
            changed = np.flatnonzero(self._changed(left) | self._changed(right))
            moved[changed] = True
            probes.append(_Probe(step, -behind, ahead, changed, left[changed], right[changed]))
        return probes, moved

    def _quotients(self, probes: Sequence[_Probe], upstream: Any, columns: Any, bounds: bool) -> Any:
        """Return by probe the central, left and right difference quotients and their noise, each by row of upstream."""
        base, finite = self.base[columns], self.finite[columns]
        step, behind, ahead = np.array([probe[:3] for probe in probes]).T[:, :, None]
        left, right = np.empty((2, len(probes), base.size))
        for row, probe in enumerate(probes):
            both = np.array([self.base, self.base])
            both[:, probe.changed] = probe.left, probe.right
            left[row], right[row] = both[:, columns]
        up, down, both = right - base, base - left, right - left
        if not finite.all():
            unchanged = np.array([~np.isin(columns, probe.changed) for probe in probes])
            up[unchanged & ~finite] = down[unchanged & ~finite] = 0.0
            both = np.where(finite, both, np.where(unchanged, 0.0, np.nan))
        noise = self.noise[columns] + self.precision.noise(np.fmax(np.abs(left), np.abs(right)))
        noise[~np.isfinite(noise)] = 0.0
        noise = _total(np.abs(upstream) * noise[:, None]) / step
        down, up = down / behind, up / ahead
        if bounds:
            sides = upstream * down, upstream * up
            extremes = np.stack([np.minimum(*sides).sum(axis=1), np.maximum(*sides).sum(axis=1)], axis=1)
            return np.stack([extremes, extremes, extremes, np.repeat(noise, 2, axis=1)], axis=1)
        weighted = [(upstream @ each[:, :, None])[:, :, 0] for each in (both / (ahead + behind), down, up)]
        return np.stack([*weighted, noise], axis=1)

    def _at(self, inputs: Sequence[Value]) -> Any:
        """Return the outputs at other inputs; None if forward does not accept them, or returns another shape."""
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
                inputs[port] = moved = self.precision.rounded(given + step * float(weights))
                length = moved - given if len(direction.parts) == 1 else step
                continue
            array = np.array(given, order="C")
            vector = array.reshape(-1)
            before = vector[places]
            vector[places] = self.precision.rounded(before + step * weights)
            inputs[port] = array
            if isinstance(places, int) and len(direction.parts) == 1:
                length = float(vector[places] - before)
        return inputs, length

    def _steps(self, direction: Direction, exhaustive: bool) -> list[float]:
        """Return the steps to try along a direction, the largest first: powers of 2, which add no rounding.

        They are proportional to the size of what moves. The useful ones range from 2**-51 times that size, 1 and the
        largest input up to each of these.
        """
        size = self._size(direction)
        if not exhaustive:
            exponent = math.frexp(size or 1.0)[1]
            return [2.0**e for e in (exponent - 5, exponent - 7, exponent - 9) if e >= -1074]
        scales = [scale for scale in (size, 1.0, self._largest, self._least if size == 0 else 1.0) if scale > 0]
        exponents = {
            e for scale in scales for e in range((math.frexp(scale)[1] - 51) // 3, (math.frexp(scale)[1] + 4) // 3)
        }
        steps = [2.0 ** (3 * e) for e in sorted(exponents, reverse=True) if -1074 <= 3 * e < 1023]
        return [step for step in steps if step <= self._longest][:: 1 if self.base.size <= _FEW else 2]

    def _size(self, direction: Direction) -> float:
        """Return the size of the elements that move in a direction, for a step of 1."""
        sizes = []
        for port, places, weights in direction.parts:
            given = self.inputs[port]
            sizes.append(abs(given) if isinstance(given, float) else np.max(np.abs(np.ravel(given)[places] / weights)))
        size = float(max(sizes, default=0.0))
        return size if math.isfinite(size) else 0.0


def _estimated(quotients: Any, steps: Sequence[float], bias: float, moved: Any, is_undefined: bool) -> Slope:
    """Return the slope to which quotients (central, left, right, and their noise, each by step) converge."""
    middle, left, right, noise = quotients.tolist()
    twice = [2.0 * one for one in noise]
    estimates = (
        central(middle, left, right, steps, noise, bias),
        extrapolated(left, steps, twice, 1, bias),
        extrapolated(right, steps, twice, 1, bias),
    )
    wider = [step >= best_of(*estimates).step for step in steps]
    speeds = (np.fmax(np.abs(left), np.abs(right)) - SAFETY * np.array(noise))[wider]
    jumps = [jump_of(one, np.array(steps), np.array(noise)) for one in (-quotients[1], quotients[2])]
    steepest = float(np.max(speeds[np.isfinite(speeds)], initial=0.0))
    return Slope(*estimates, steepest, moved, is_undefined, max(jumps, key=abs))


def _total(weights: Any) -> Any:
    """Return the sum of noise that partly cancels, along the last axis."""
    if weights.shape[-1] == 1:
        return weights[..., 0]
    return np.minimum(weights.sum(axis=-1), 4.0 * math.sqrt(weights.shape[-1]) * rms(weights, -1))
