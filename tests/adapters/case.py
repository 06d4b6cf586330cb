"""A gradient that was written for another library, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates import check_gate


@dataclass(frozen=True)
class Case:
    """A function with its gradient.

    Attributes
    ----------
    name : str
        In a few words, what it is and, if wrong, what the mistake is.
    function : object
        What the checker takes.
    draw : callable
        `draw(random, dtype)` returns its arguments, drawn from a `numpy.random.Generator`; arrays of numbers have the
        NumPy dtype.
    says : tuple of str
        Empty if it is right. Else words, of which one must stand in the diagnosis to have named the mistake.
    options : dict
        Further arguments of the checker, such as `backward`.
    """

    name: str
    function: Any
    draw: Callable[[Any, Any], tuple[Any, ...]]
    says: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    def check(self, seed: int, dtype: Any = np.float64, check: Callable[..., Any] = check_gate) -> Any:
        """Return the report at random arguments."""
        return check(self.function, *self.draw(np.random.default_rng(seed), dtype), **dict(self.options), seed=seed)

    def is_named(self, report: Any) -> bool:
        """Return whether a report names the mistake."""
        return not report.passed and any(text in report.diagnosis for text in self.says)

    def is_judged_right(self, report: Any) -> bool:
        """Return whether a report passes what is right, and of what is wrong names the mistake or nothing else."""
        if not self.says:
            return bool(report.passed)
        return report.verdict == "fail" and (self.is_named(report) or "no simple pattern" in report.diagnosis)
