"""The noise of forward around a point, measured rather than assumed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gates.checking.copies import float_or_array
from gates.checking.precision import Precision
from gates.values import Value

#: Forward: from inputs to the vector of all outputs.
Forward = Callable[[Sequence[Value]], Any]

_NEARBY = 8  # points at which noise is measured
_FEW = 100_000  # outputs; for more, only the finest steps are taken, since all would take too long
_HIGHEST = 2.0**-40  # the highest level of noise, relative to the numbers nearby: a higher one is a ripple of forward
_HIGHEST_FLAT = 2.0**-18  # the same where forward does not move in small steps, as if it rounded on the way
_REACH = 2.0**30  # times the outputs: where steps lead further, their grid says nothing about them
_COARSEST = 2.0**-24  # the coarsest grid that rounding leaves, relative as well: a coarser one is a step of forward


def measured_noise(
    at: Forward, inputs: Sequence[Value], ports: Sequence[int], base: Any, random: Any, precision: Precision
) -> tuple[Any, Any]:
    """Return how far rounding moves each output, and which outputs have steps that are higher than that.

    High-order differences of forward over small steps vanish for anything smooth: what remains is noise. Larger steps
    reveal rounding that is coarser than the last place, such as that of 1 + e**x where e**x is small: noise is as large
    in larger steps, whereas what a kink contributes grows with them, or vanishes. If all outputs lie on a grid, as for
    1 - cos(x) near 0 or a forward in float32, the spacing of the grid is the noise.

    Parameters
    ----------
    at : callable
        Forward: from inputs to the vector of outputs, or to None if it does not accept them.
    inputs : sequence of float or numpy.ndarray
        The point.
    ports : sequence of int
        The inputs that may move.
    base : numpy.ndarray
        The outputs at the point.
    random : numpy.random.Generator
        For the direction of the steps.
    precision : Precision
        How forward rounds, at the least.

    References
    ----------
    More, Wild: Estimating computational noise, SIAM Journal on Scientific Computing 33 (2011).
    """
    noise = np.fmax(np.fmax(0.5 * np.spacing(np.abs(base)), np.spacing(0.0)), precision.noise(base))
    # What is coarser needs larger steps.
    part = math.log2(precision.relative) / -53.0
    is_flat = np.ones(base.size, dtype=bool)
    weights = {port: random.uniform(0.5, 1.0, np.shape(inputs[port])) for port in ports}
    largest = max([1.0, *[float(np.max(np.abs(inputs[port]), initial=0.0)) for port in ports]])
    around = np.fmax(largest, np.abs(base))
    levels, ranges = [], []
    for exponent in (-46, -34, -26, -18, -12, -8) if base.size <= _FEW else (-46,):
        values = _nearby(at, inputs, base, weights, 2.0 ** (part * exponent))
        if len(values) < _NEARBY:
            break
        # Without the point itself: it may lie at a kink, beyond which the others are smooth.
        differences, level = np.array(values[1:]), np.zeros(base.size)
        if exponent <= -34:
            is_flat &= np.all(differences == base, axis=0)
        ranges.append(np.max(np.abs(differences - base), axis=0))
        for order in range(1, 6):
            differences = np.diff(differences, axis=0)
            if order >= 4:
                level = np.fmax(level, rms(differences, 0) / math.sqrt(math.comb(2 * order, order)))
        levels.append(level)
    usual, flat = (max(level, 64.0 * precision.relative) for level in (_HIGHEST, _HIGHEST_FLAT))
    highest = np.where(is_flat & (not precision.has_steps), flat, usual)
    for level in levels[:1]:
        noise = np.fmax(noise, 2.0 * level)  # so few differences measure it to about a factor of 2
    for level, larger, wide in zip(levels[1:], levels[2:], ranges[2:]):
        is_level = (larger < 8.0 * level) & (level < 8.0 * larger) & (wide > 16.0 * larger)
        noise = np.fmax(noise, np.where(is_level & (level < highest * around), level, 0.0))
    for absolute in () if precision.has_steps else (False, True):
        given = np.array(_nearby(at, inputs, base, weights, 2.0**-3, absolute))
        grid, last_place = _grid(given), np.min(np.where(given == 0.0, np.inf, np.spacing(np.abs(given))), axis=0)
        is_coarse = (grid > 8.0 * last_place) & (grid <= _COARSEST * around) & np.any(given != base, axis=0)
        is_coarse &= np.max(np.abs(given), axis=0) <= _REACH * np.fmax(1.0, np.abs(base))
        noise = np.where(is_coarse, np.fmax(grid, noise), noise)
    # Where forward stands still in small steps, its first rise shows how high its own steps are.
    rises = np.zeros(base.size)
    for level, wide in zip(levels, ranges):
        rises = np.where((rises == 0.0) & (wide > 0), level, rises)
    return noise, is_flat & (rises > 8.0 * noise)


def rms(values: Any, axis: int) -> Any:
    """Return the root of the mean square, also of numbers whose squares underflow."""
    largest = np.max(np.abs(values), axis=axis, keepdims=True, initial=0.0)
    scaled = values / np.where(largest > 0, largest, 1.0)
    return np.squeeze(largest, axis) * np.sqrt(np.mean(np.square(scaled), axis=axis))


def _nearby(
    at: Forward, inputs: Sequence[Value], base: Any, weights: dict[int, Any], spacing: float, absolute: bool = False
) -> list[Any]:
    """Return the outputs at points on a line, along which each input moves in proportion to itself or to 1."""
    values = [base]
    for point in range(1, _NEARBY):
        there = list(inputs)
        for port, weight in weights.items():
            given = there[port]
            scale = np.where(absolute | (given == 0.0), 1.0, given)
            there[port] = float_or_array(given + point * spacing * weight * scale)
        value = at(there)
        if value is None:  # at the edge of forward's domain
            break
        values.append(value)
    return values


def _grid(values: Any) -> Any:
    """Return for each column the largest power of 2 of which all its numbers are multiples."""
    mantissas, exponents = np.frexp(np.where(np.isfinite(values), values, 0.0))
    whole = (mantissas * 2.0**53).astype(np.int64)
    lowest = np.ldexp((whole & -whole).astype(np.float64), exponents - 53)
    return np.min(np.where(whole == 0, np.inf, lowest), axis=0)
