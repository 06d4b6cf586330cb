"""The judgement on one element of a gradient: the analytic value beside the numeric slope."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gates.checking.slopes import SURE, Slope

#: Two numbers agree that differ by no more than this, relative to the larger, and by the error of the numeric one.
AGREEMENT = 1e-7
#: A slope counts as resolved where what may be excused is at most this part of it.
RESOLVED = 0.1

_SATURATED = 2.0**-48  # of the movement further away: what a forward that stands still may hide


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
        "pass", "fail", "kink" or "inconclusive".
    is_passed : bool
        Whether it passed: also a kink whose analytic value lies between the slopes on its two sides.
    is_zero : bool
        Whether it passed because both sides are 0.
    is_cancelled : bool
        Whether outputs moved, but the upstream gradient cancels what they did.
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
        """The slope that is nearest to the analytic value."""
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

    def rejected(self) -> Element:
        """Return the element of a kink as one that did not pass."""
        return replace(self, verdict="kink", is_passed=False)


def judged(port: int, place: int, analytic: float, slope: Slope, excuse: float = 0.0) -> Element:
    """Return an element with its verdict; `excuse` is by how much rounding moves the analytic value."""
    element = Element(port, place, analytic, slope, "inconclusive")
    if slope.is_kink:
        low, high = slope.low_and_high
        if not math.isfinite(analytic):
            return replace(element, verdict="fail")
        slack = AGREEMENT * max(abs(low.value), abs(high.value)) + excuse
        between = low.value - SURE * low.error - slack <= analytic <= high.value + SURE * high.error + slack
        return replace(element, verdict="kink", is_passed=between)
    best = slope.best
    if not best.is_known:
        return element
    if not math.isfinite(analytic):
        return replace(element, verdict="fail") if slope.is_settled else element
    largest = max(abs(analytic), abs(best.value))
    allowed = SURE * best.error + excuse + AGREEMENT * largest
    if not slope.is_settled:
        return replace(element, is_cancelled=_is_cancelled(slope))
    if abs(analytic - best.value) > allowed:
        # Far into saturation forward may stand still where its exact value does not.
        is_saturated = best.value == 0.0 and abs(analytic) <= _SATURATED * slope.swing
        return element if is_saturated else replace(element, verdict="fail")
    if analytic == 0.0:
        return _zero(element, allowed)
    if allowed <= RESOLVED * largest:
        return replace(element, verdict="pass", is_passed=True)
    return replace(element, is_cancelled=_is_cancelled(slope))


def _zero(element: Element, allowed: float) -> Element:
    """Return the verdict where the analytic value is 0 and the numeric one may be."""
    slope = element.slope
    if not slope.moved.any() or (slope.swing > 0 and allowed <= RESOLVED * slope.swing):
        return replace(element, verdict="pass", is_passed=True, is_zero=True)
    return replace(element, is_cancelled=_is_cancelled(slope))


def _is_cancelled(slope: Slope) -> bool:
    """Return whether outputs moved although their weighted sum did not."""
    if not slope.best.is_known or not slope.moved.any():
        return False
    nothing_counts = slope.swing == 0.0 == slope.best.error  # the upstream gradient is 0
    return nothing_counts or (int(slope.moved.sum()) > 1 and slope.swing <= 1e3 * slope.best.error)
