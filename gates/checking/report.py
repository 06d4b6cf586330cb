"""What a check found: faults by kind, and the report that users read and query."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gates.formatting import aligned, as_html, escaped

if TYPE_CHECKING:
    from gates.checking.convergence import Convergence
    from gates.checking.mutants import SelfTest

#: The kinds of faults that show in the numbers alone, the cheapest to recognize first.
PATTERNS = ("straight-through", "swapped", "zero", "mask", "sign", "factor", "upstream", "added", "clipped") + (
    *("output", "regions", "permuted", "couples", "misses", "missing term", "unmasked", "overwrites", "transposed"),
    *("scale", "activation", "exchanged", "local", "negated", "itself", "index", "weights", "linear"),
)
#: Those that may be wanted.
MEANT = (*PATTERNS, "kink", "jump", "no pattern")
#: All kinds of faults, the most specific first: where several fit, the report names the first.
KINDS = ("noticed", "raises", "list", "count", "none", "shape", "modifies", "not finite", "second call", "stale") + (
    *("another instance", "unlike"),
    *PATTERNS,
    *("only some", "float32", "kink", "jump", "no pattern"),
)

_HEAD = ("input", "index", "analytic", "numeric", "abs. error", "rel. error", "verdict")


@dataclass(frozen=True)
class Fault:
    """Something that is wrong: its kind, one of `KINDS`, a sentence, and the input that it is about, if about one."""

    kind: str
    sentence: str
    port: int | None = None

    @property
    def rank(self) -> int:
        """The place of its kind in `KINDS`: lower is more specific."""
        return KINDS.index(self.kind)


@dataclass(frozen=True)
class Row:
    """A line of a report: an input, and its worst element.

    Attributes
    ----------
    input : str
        The input's name.
    index : str
        The index of the element, "" for a number.
    analytic : float
        What backward returned.
    numeric : float
        The slope of forward, from finite differences: at a kink the one-sided slope that is nearer to `analytic`.
    absolute_error, relative_error : float
        How far the two are apart, as it is and relative to the larger.
    verdict : str
        "pass", "fail", "kink", "jump" or "inconclusive".
    sides : tuple of float
        At a kink the slopes to the left and to the right.
    """

    input: str
    index: str = ""
    analytic: float = math.nan
    numeric: float = math.nan
    absolute_error: float = math.nan
    relative_error: float = math.nan
    verdict: str = "pass"
    sides: tuple[float, ...] = ()

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as texts."""
        if self.analytic != self.analytic and self.numeric != self.numeric:
            return (self.input, self.index, "-", "-", "-", "-", self.verdict)
        numeric = " | ".join(map(_number, self.sides)) if self.sides else _number(self.numeric)
        errors = [f"{error:.1e}" if error == error else "-" for error in (self.absolute_error, self.relative_error)]
        return (self.input, self.index, _number(self.analytic), numeric, *errors, self.verdict)


_WITH_THE_GATE = ("_self_test", "_convergence")


def _left_behind() -> Any:
    """Stand in for what needs the gate, in a report that was pickled."""
    raise RuntimeError(
        "self_test() and convergence() need the gate, which a pickled report leaves behind: call them before, or check "
        "again"
    )


@dataclass(repr=False)
class Report:
    """What a gradient check found. Printed, it is a table with a row for each input.

    Attributes
    ----------
    title : str
        What was checked.
    verdict : str
        "pass"; "fail"; "kink", where the slopes on the two sides differ; "jump", where forward jumps and has no slope;
        or "inconclusive", where the slope cannot be measured well enough to judge.
    passed : bool
        Whether it passed: a pass, or a kink whose analytic value lies between the slopes on its two sides.
    diagnosis : str
        A sentence about what is wrong, "" if nothing is known to be.
    note : str
        Further remarks.
    rows : tuple of Row
        Each input that has a gradient, with its worst element.
    upstream : str
        The upstream gradient that was drawn at random, if it is a number.
    example : tuple
        The inputs, a tuple, and the upstream gradient at which the gate failed, or at which it was checked first; a
        list for several outputs. `inputs, dz = report.example`; `check_gate(gate, *inputs, upstream=dz)` repeats it.
    where : str
        The same as a text.

    Examples
    --------
    >>> from gates import Multiply, check_gate
    >>> class Forgetful(Multiply):
    ...     def backward(self, dz):
    ...         x, y = self.kept
    ...         return [y, x]  # without dz
    >>> report = check_gate(Forgetful(), 3.0, -4.0)
    >>> report.verdict, report.passed
    ('fail', False)
    >>> report.diagnosis
    'the gradient of x and of y is the local gradient alone: the upstream gradient is not multiplied in'
    """

    title: str
    verdict: str
    passed: bool
    diagnosis: str
    note: str
    rows: tuple[Row, ...]
    _self_test: Callable[[], SelfTest] = field(compare=False)
    upstream: str = ""
    _convergence: Callable[[], Convergence] = field(default=_left_behind, compare=False)
    example: tuple[tuple[Any, ...], Any] = field(default=((), None), compare=False)
    where: str = ""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), **dict.fromkeys(_WITH_THE_GATE, _left_behind)}  # a gate need not be picklable

    def __copy__(self) -> Self:
        return replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        parts = {name: part for name, part in vars(self).items() if name not in _WITH_THE_GATE}
        return type(self)(**copy.deepcopy(parts, memo), **{name: getattr(self, name) for name in _WITH_THE_GATE})

    def raise_if_failed(self) -> None:
        """Raise AssertionError with the report as its message, unless it passed."""
        __tracebackhide__ = True  # pytest then shows the line of the test
        if not self.passed:
            raise AssertionError(str(self))

    def self_test(self) -> SelfTest:
        """Run the check again on mutants, backwards with a deliberate error, and return whether it catches each.

        A check that passes means something only if it can fail.

        Raises
        ------
        RuntimeError
            If the report was pickled: it leaves the gate behind.

        Returns
        -------
        SelfTest
            A row for each mutant whose gradients differ: the `change`, whether it was `caught`, the `verdict`.
            `all_caught` tells whether all were.

        Examples
        --------
        >>> from gates import Sigmoid, check_gate
        >>> check_gate(Sigmoid()).self_test().all_caught
        True
        """
        return self._self_test()

    def convergence(self) -> Convergence:
        """Return how the remainder of Taylor's formula, with the gate's gradient, falls with the step.

        It is taken at `example`, along a random direction: with the square of the step where the gradient is right,
        with the step where it is wrong.

        Raises
        ------
        RuntimeError
            If the report was pickled: it leaves the gate behind.

        Examples
        --------
        >>> from gates import Sigmoid, check_gate
        >>> round(check_gate(Sigmoid(), 0.5).convergence().order)
        2
        """
        return self._convergence()

    def __str__(self) -> str:
        lines = [f"{self.title}: {self.verdict}" + (f": {self.diagnosis}" if self.diagnosis else "")]
        if not self.passed and self.where:
            lines.append(self.where)
        elif self.upstream:
            lines.append(f"upstream gradient {self.upstream}")
        return "\n".join([*lines, "", *self._table(), "", *self._remarks()]).rstrip()

    def _table(self) -> list[str]:
        """Return the table's lines."""
        return [line for rows in self._tables() for line in aligned(rows)]

    def _repr_html_(self) -> str:
        tables = [as_html(rows) for rows in self._tables()]
        remarks = [f"<p>{escaped(remark)}</p>" for remark in self._remarks()]
        return "".join([f"<p><b>{escaped(self.title)}: {self.verdict}</b></p>", *tables, *remarks])

    def _tables(self) -> list[list[tuple[str, ...]]]:
        """Return the report's tables as rows of texts, the first of each its head."""
        return [[_HEAD, *[row.cells for row in self.rows]]] if self.rows else []

    def _remarks(self) -> list[str]:
        """Return the lines below the table."""
        return [f"{kind}: {text}" for kind, text in (("diagnosis", self.diagnosis), ("note", self.note)) if text]

    def __repr__(self) -> str:
        return str(self)


def _number(value: Any) -> str:
    return f"{value:.8g}" if value == value else "nan"


def index_of(place: int, shape: tuple[int, ...]) -> str:
    """Return a place in C order as an index: 3, (0, 2), or nothing for a number."""
    index = tuple([int(i) for i in np.unravel_index(place, shape)]) if shape else ()
    return str(index[0]) if len(index) == 1 else str(index) if index else ""
