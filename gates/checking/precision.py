"""The precision in which forward computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gates.checking.copies import float_or_array, same

#: Two gradients agree if they differ by at most this part of the larger, where forward computes in float64.
TOLERANCE = 1e-7


@dataclass(frozen=True)
class Precision:
    """How forward rounds.

    Attributes
    ----------
    relative, absolute : float
        How far rounding moves an output, relative to it and beside that.
    dtype : type or None
        The type of number that forward computes in, if that is coarser than float64.
    has_steps : bool
        Whether forward has steps that are no rounding, as floor does.
    """

    relative: float = 2.0**-53
    absolute: float = 0.0
    dtype: Any = None
    has_steps: bool = False

    @property
    def tolerance(self) -> float:
        """The relative difference at which two gradients agree."""
        return max(TOLERANCE, 8.0 * self.relative)

    @property
    def is_fine(self) -> bool:
        """Whether it is that of float32 or better."""
        return self.relative < 2.0**-20

    def noise(self, outputs: Any) -> Any:
        """Return how far rounding moves outputs."""
        operations = 1.0 if self.dtype is None else 2.0  # several are rounded on the way
        return operations * self.relative * np.abs(outputs) + self.absolute

    def told(self, number: float) -> str:
        """Return a factor as a text, with as many digits as are known."""
        digits = min(max(int(-np.log10(50.0 * self.relative)), 1), 6)
        return f"{number:.{digits}g}"

    def rounded(self, value: Any) -> Any:
        """Return inputs as the numbers that forward computes with, still in float64."""
        if self.dtype is None:
            return value
        return float_or_array(np.asarray(value, dtype=self.dtype).astype(np.float64))

    def same(self, a: Any, b: Any, floor: float = 0.0) -> bool:
        """Return whether two values are the same, up to the rounding of sums in another order."""
        return same(a, b, max(1e-9, 64.0 * self.relative), floor)


def as_precision(given: Any, who: str) -> Precision | None:
    """Return the precision that the user gave, or raise what is wrong with it."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, float, np.floating)):
        raise TypeError(f"{who}: precision must be a number, got {given!r}")
    if not 0.0 < given < 0.5:
        wanted = "the relative rounding error of forward, above 0 and below 0.5"
        raise ValueError(f"{who}: precision must be {wanted}, got {given}")
    return Precision(max(float(given), 2.0**-53))
