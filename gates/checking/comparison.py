"""The comparison of a gradient with slopes: element by element, and of elements that are tied together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gates.checking.finite_differences import Direction, FiniteDifferences
from gates.checking.precision import Precision
from gates.checking.slopes import SAFETY, Slope

#: A slope is resolved if the difference that is tolerated is at most this part of it.
RESOLVED = 0.1

_SATURATED = 32.0  # roundings of the steepest slope further away: forward may round a slope smaller than this to 0


@dataclass(frozen=True)
class Element:
    """One element of a gradient, or the sum of several that were moved together.

    Attributes
    ----------
    port : int
        The input that it belongs to.
    place : int
        Its place in the input, in C order.
    analytic : float
        From backward.
    slope : Slope
        From forward.
    verdict : str
        "pass", "fail", "kink", "jump" or "inconclusive".
    is_passed : bool
        Whether it passed: also a kink whose analytic value lies between the slopes on its two sides.
    is_zero : bool
        Whether it passed because both sides are 0.
    is_cancelled : bool
        Whether outputs moved, but their changes cancel in upstream @ outputs.
    """

    port: int
    place: int
    analytic: float
    slope: Slope
    verdict: str
    is_passed: bool = False
    is_zero: bool = False
    is_cancelled: bool = False

    @property
    def numeric(self) -> float:
        """The slope; at a kink the one-sided slope that is nearer to the analytic value."""
        if self.slope.is_kink:
            return min(self.slope.left.value, self.slope.right.value, key=lambda side: abs(side - self.analytic))
        return self.slope.best.value

    @property
    def absolute_error(self) -> float:
        """How far the two numbers are apart: 0 at a kink between whose slopes the analytic value lies."""
        return 0.0 if self.verdict == "kink" and self.is_passed else abs(self.analytic - self.numeric)

    @property
    def relative_error(self) -> float:
        """The same, relative to the larger of the two."""
        largest = max(abs(self.analytic), abs(self.numeric))
        return self.absolute_error / largest if largest else 0.0


def compared(
    port: int, place: int, analytic: float, slope: Slope, precision: Precision, rounding: float = 0.0
) -> Element:
    """Return an element with its verdict; `rounding` is how far the analytic value may be off for that reason."""
    element = Element(port, place, analytic, slope, "inconclusive")
    if slope.jump:
        return replace(element, verdict="jump")
    if slope.is_kink:
        low, high = slope.low_and_high
        if not math.isfinite(analytic):
            return replace(element, verdict="fail")
        slack = precision.tolerance * max(abs(low.value), abs(high.value)) + rounding
        between = low.value - SAFETY * low.error - slack <= analytic <= high.value + SAFETY * high.error + slack
        return replace(element, verdict="kink", is_passed=between)
    best = slope.best
    if not best.is_known:
        return element
    if not math.isfinite(analytic):
        return replace(element, verdict="fail") if slope.has_converged else element
    largest = max(abs(analytic), abs(best.value))
    allowed = SAFETY * best.error + rounding + precision.tolerance * largest
    if slope.has_converged:
        if abs(analytic - best.value) > allowed:
            # Far into saturation forward may not move at all, although its exact value does.
            is_saturated = best.value == 0.0 and abs(analytic) <= _SATURATED * precision.relative * slope.steepest
            return element if is_saturated else replace(element, verdict="fail")
        # Where the gradient is 0, the slope's error must be small beside what is seen further away.
        is_zero = analytic == 0.0
        if is_zero and not slope.moved.any():
            return replace(element, verdict="pass", is_passed=True, is_zero=True)
        scale = slope.steepest if is_zero else largest
        if scale > 0.0 and allowed <= RESOLVED * scale:
            return replace(element, verdict="pass", is_passed=True, is_zero=is_zero)
    return replace(element, is_cancelled=_is_cancelled(slope, precision))


def _is_cancelled(slope: Slope, precision: Precision) -> bool:
    """Return whether outputs moved although their weighted sum did not."""
    if not slope.best.is_known or not slope.moved.any():
        return False
    all_weights_zero = slope.steepest == 0.0 == slope.best.error  # the upstream gradient is 0
    is_lost = slope.steepest <= 1e3 * slope.best.error
    return all_weights_zero or (precision.dtype is None and int(slope.moved.sum()) > 1 and is_lost)


def with_ties_compared(
    differences: FiniteDifferences, elements: Sequence[Element], names: Sequence[str]
) -> tuple[list[Element], list[str]]:
    """Move the elements of each tie by the same amount: their gradients must add up to the slope of that.

    Returns
    -------
    list of Element, list of str
        All elements, those of a wrong tie no longer passed; and a sentence about each wrong tie.
    """
    elements, sentences = list(elements), []
    kinks = [place for place, element in enumerate(elements) if element.verdict == "kink" and element.is_passed]
    for group in _tied([elements[kink] for kink in kinks]):
        members = [elements[kinks[place]] for place in group]
        if len(members) < 2:
            continue
        ports = sorted({element.port for element in members})
        parts: list[tuple[int, Any, Any]] = []
        for port in ports:
            places = np.array([element.place for element in members if element.port == port])
            parts.append((port, places, np.ones(places.size)) if np.ndim(differences.inputs[port]) else (port, 0, 1.0))
        total = sum(element.analytic for element in members)
        slope = differences.slope(Direction(tuple(parts)))
        together = compared(ports[0], members[0].place, total, slope, differences.precision)
        left, right = slope.left.value, slope.right.value
        is_unsure = not slope.is_kink and not abs(left - right) <= 1e-3 * max(abs(left), abs(right), abs(total))
        if together.verdict not in ("fail", "kink") or together.is_passed or is_unsure:
            continue
        for place in group:
            elements[kinks[place]] = replace(elements[kinks[place]], is_passed=False)
        who = " and ".join([names[port] for port in ports])
        sentences.append(
            f"{who} {'stands' if len(ports) == 1 else 'stand'} at a tie, which is a kink: the gradients of what is "
            f"tied add up to {total:.6g}, but the slope is {together.numeric:.6g} where all of it moves together"
        )
    return elements, sentences


def _tied(elements: Sequence[Element]) -> list[list[int]]:
    """Return groups of elements that move an output together."""
    groups: list[tuple[set[int], Any]] = []
    for place, element in enumerate(elements):
        members, moved = {place}, element.slope.moved
        apart = []
        for others, touched in groups:
            if np.any(touched & moved):
                members |= others
                moved = moved | touched
            else:
                apart.append((others, touched))
        groups = [*apart, (members, moved)]
    return [sorted(members) for members, _ in groups]
