"""Which elements of a gradient are compared: all, or of a large one a sample and random directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gates.checking.comparison import Element, compared
from gates.checking.elementwise import AllAtOnce
from gates.checking.finite_differences import Direction, FiniteDifferences
from gates.checking.points import Point
from gates.checking.slopes import Estimate, Slope

#: An input of at most this many elements is checked element by element.
EXHAUSTIVE = 200
_DIRECTIONS = 4
_SECONDS, _FEWEST = 0.2, 6  # for the elements of a large input that are looked at one by one, and how many at least
_BY_OUTPUT = 32  # outputs, at most, whose slopes are measured one by one


def examined(
    differences: FiniteDifferences, point: Point, port: int, analytic: Any, limit: int
) -> tuple[list[Element], tuple[int, int], int]:
    """Return the elements of an input's gradient with their verdicts.

    Returns
    -------
    list of Element, tuple of int, int
        The elements, how many of how many they are, and how many random directions were tried.
    """
    size, values = analytic.size, np.ravel(differences.inputs[port])
    together = AllAtOnce(differences, port, analytic) if 1 < size == differences.base.size else None
    passed = np.zeros(size, dtype=bool) if together is None else together.passed
    few = min(limit // 6, max(int(_SECONDS / (differences.seconds * 6.0)), _FEWEST))
    if size <= limit:
        places = list(range(size))
    elif passed.any():
        rest = np.flatnonzero(~passed)
        places = [
            int(np.argmax(passed)),
            *(rest if rest.size <= few else point.random.choice(rest, few, replace=False)).tolist(),
        ]
    else:
        places = _sample(analytic, values, few, point.random)
    elements: list[Element] = []
    for place in places:
        if together is not None and passed[place]:
            elements.append(together.element(place))
        else:
            # Of a large input, one wrong element is looked at closely, and others are compared from three steps.
            is_brief = size > limit and any(element.verdict == "fail" for element in elements)
            elements.append(_element(differences, port, place, float(analytic[place]), is_brief))
    if any(element.verdict == "fail" for element in elements):
        rounding, precision = _rounding_of_backward(point, port), differences.precision
        elements = [
            compared(port, e.place, e.analytic, e.slope, precision, float(rounding[e.place]))
            if e.verdict == "fail"
            else e
            for e in elements
        ]
    checked = int(passed.sum()) + sum(not passed[place] for place in places)
    if checked == size or any(element.verdict == "fail" for element in elements):
        return elements, (checked, size), 0
    directions = 0
    for turn in range(_DIRECTIONS):
        wrong = _wrong_in_direction(differences, port, analytic, np.abs(values), bool(turn % 2), point.random)
        directions += wrong is not None
        for place in wrong or ():
            if place not in places:
                places.append(place)
                checked += not passed[place]
                elements.append(_element(differences, port, place, float(analytic[place])))
        if wrong and directions * differences.seconds > _SECONDS / 100.0:
            break
    return elements, (checked, size), directions


def _element(differences: FiniteDifferences, port: int, place: int, analytic: float, is_brief: bool = False) -> Element:
    """Return one element with its verdict, from three steps if these are enough, or no more are wanted."""
    direction = Direction.along(port, place)
    slope, precision = differences.slope(direction, exhaustive=False), differences.precision
    element = compared(port, place, analytic, slope, precision)
    if element.verdict == "pass" and analytic and slope.central.error <= 10.0 * precision.tolerance * abs(analytic):
        return element
    if is_brief:
        return element
    if precision.is_fine:
        slope, element = _closely(differences, direction, port, place, analytic)
    if not differences.finite.all() and (slope.is_undefined or not (slope.moved.any() and math.isfinite(analytic))):
        # What moves an output that is nan or inf, or moves nothing else, has no slope to compare with.
        nowhere = replace(slope, central=Estimate(), left=Estimate(), right=Estimate())
        return element if element.is_passed else replace(element, verdict="inconclusive", slope=nowhere)
    return element


def _closely(
    differences: FiniteDifferences, direction: Direction, port: int, place: int, analytic: float
) -> tuple[Slope, Element]:
    """Return the slope from all steps that may help, and the element with its verdict."""
    slope, precision = differences.slope(direction), differences.precision
    element = compared(port, place, analytic, slope, precision)
    is_rough = element.verdict == "inconclusive" and slope.best.is_known and not slope.may_be_kink
    if is_rough and (slope.best.value or not analytic):
        slope = differences.refined(direction, slope)
        element = compared(port, place, analytic, slope, precision)
    if not element.is_passed and differences.base.size > 1 and 0 < np.count_nonzero(slope.moved) <= _BY_OUTPUT:
        slope = differences.slope_by_output(direction, slope)
        element = compared(port, place, analytic, slope, precision)
    return slope, element


def _sample(analytic: Any, values: Any, count: int, random: Any) -> list[int]:
    """Return places to look at in a large gradient: those that stand out, and random ones."""
    places = [int(np.argmax(np.abs(np.nan_to_num(analytic)))), int(np.argmin(np.abs(values))), 0, analytic.size - 1]
    places += np.flatnonzero(~np.isfinite(analytic))[:4].tolist()
    places += random.choice(analytic.size, count, replace=False).tolist()
    return sorted(dict.fromkeys(places))


def _wrong_in_direction(
    differences: FiniteDifferences, port: int, analytic: Any, sizes: Any, relative: bool, random: Any
) -> Sequence[int] | None:
    """Move all elements at once in a random direction, each by as much as the others or by a part of itself.

    Returns
    -------
    sequence of int or None
        Empty if the slope is the sum that it should be, the place of a wrong element if not; None if kinks hide it.
    """
    nonzero = sizes[sizes > 0]
    scale = float(np.median(nonzero)) if nonzero.size else 1.0
    weights = np.where((sizes > 0) & relative, sizes / scale, 1.0) * random.choice([-1.0, 1.0], analytic.size)

    def together(part: Any, exhaustive: bool) -> Element:
        terms = analytic[part] * weights[part]
        slope = differences.slope(Direction(((port, part, weights[part]),)), exhaustive)
        rounding = 512.0 * differences.precision.relative * float(np.abs(terms).sum())
        return compared(port, int(part[0]), float(terms.sum()), slope, differences.precision, rounding)

    for places in (np.flatnonzero(np.isfinite(analytic)), np.flatnonzero(np.isfinite(analytic) & (sizes > 0))):
        if not places.size:
            continue
        element = together(places, False)
        if element.verdict != "pass":
            element = together(places, True)
        if element.verdict == "pass":
            return ()
        if element.verdict != "fail":
            continue  # a kink, perhaps that of a ReLU at 0
        while places.size > 1:
            half = places.size // 2
            halves = [(part, together(part, False).absolute_error) for part in (places[:half], places[half:])]
            places = max(halves, key=lambda pair: pair[1] if math.isfinite(pair[1]) else 0.0)[0]
        return (int(places[0]),)
    return None


def _rounding_of_backward(point: Point, port: int) -> Any:
    """Return how far rounding moves each element of a gradient: its range as the inputs move by a few ulps."""
    try:
        size = 4.0 * point.function.precision.relative
        answers = [np.ravel(point.jittered(size).gradients()[port]).astype(float) for _ in range(4)]
    except Exception:  # at the edge of forward's domain
        answers = []
    if not answers or answers[0].size != np.size(point.inputs[port]):  # None is a gradient of 0
        return np.zeros(np.size(point.inputs[port]))
    spread = 4.0 * (np.max(answers, axis=0) - np.min(answers, axis=0))
    return np.where(np.isfinite(spread), spread, 0.0)
