"""Slopes of a forward that rounds coarsely, from polynomials fitted to many points.

Difference quotients of a forward in float16 are mostly noise. A polynomial that is fitted to its values over a wide
interval averages that out; what its higher powers take up does not count towards the slope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gates.checking.slopes import Estimate, merged

POINTS = 16  # on each side
_WIDTHS = 6  # intervals, each half as wide as the one before


class Fit(NamedTuple):
    """By column: the slope at the middle of an interval, and how far it may be off."""

    slope: Any
    error: Any


def fit(steps: Any, changes: Any, degree: int, noise: Any) -> Fit:
    """Fit a polynomial without a constant to changes, a column for each function, and return its slope at 0.

    The error is that which the scatter around the polynomial leaves, or the noise of each function if that is more,
    and what two powers more would change.
    """
    width = np.max(np.abs(steps))
    found = []
    for powers in (degree, degree + 2):
        matrix = (steps / width)[:, None] ** np.arange(powers + 1)
        inverse = np.linalg.pinv(matrix)
        scatter = changes - matrix @ (inverse @ changes)
        deviation = np.fmax(np.sqrt((scatter**2).sum(axis=0) / max(len(steps) - powers - 1, 1)), noise)
        found.append(((inverse @ changes)[1] / width, deviation * np.linalg.norm(inverse[1]) / width))
    (slope, error), (finer, _) = found
    return Fit(slope, 0.5 * error + 0.3 * np.abs(finer - slope))


def fitted(at: Callable[[float], tuple[float, Any] | None], size: float, noise: float) -> tuple[list[Estimate], Any]:
    """Return the slope on both sides, on the left and on the right of a function, and what it changes.

    Parameters
    ----------
    at : callable
        From a step to how long it really was, and the change of all outputs and of the function, which comes last;
        None where forward does not accept it.
    size : float
        The longest step.
    noise : float
        How far rounding moves the function.
    """
    found: dict[int, list[Estimate]] = {0: [], 1: [], 2: []}
    moved: Any = False
    for halvings in range(_WIDTHS):
        width = size * 2.0**-halvings
        rows = [at(width * place / POINTS) for place in range(-POINTS, POINTS + 1)]
        known = [row for row in rows if row is not None and np.isfinite(row[1][-1])]
        if len(known) < len(rows):
            continue
        steps = np.array([step for step, _ in known])
        changes = np.array([change for _, change in known])
        moved = moved | np.any(changes[:, :-1] != 0.0, axis=0)
        for side, part, degree in ((0, slice(None), 5), (1, slice(None, POINTS + 1), 3), (2, slice(POINTS, None), 3)):
            if np.unique(steps[part]).size < 12:
                continue
            slope, error = fit(steps[part], changes[part, -1:], degree, noise)
            found[side].append(Estimate(float(slope[0]), float(error[0]), width))
    return [merged(found[side]) for side in range(3)], moved
