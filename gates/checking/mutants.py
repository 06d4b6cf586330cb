"""The negative control: is a backward that is spoiled on purpose caught?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gates.checking.copies import copy_of, plain
from gates.checking.function_under_test import GateRun, GateSubject
from gates.checking.report import Report
from gates.formatting import aligned
from gates.values import Value


class Control(NamedTuple):
    """A way to spoil backward, and what the check said to it."""

    change: str
    caught: bool
    verdict: str


@dataclass(frozen=True)
class SelfTest:
    """Each way in which backward was spoiled, and whether the check caught it. Printed, it is a table.

    Attributes
    ----------
    controls : tuple of Control
        Those that change what backward gives: `change`, `caught`, `verdict`.
    """

    controls: tuple[Control, ...]

    @property
    def all_caught(self) -> bool:
        """Whether there were some, and all were caught."""
        return bool(self.controls) and all(control.caught for control in self.controls)

    def __iter__(self) -> Iterator[Control]:
        return iter(self.controls)

    def __len__(self) -> int:
        return len(self.controls)

    def __str__(self) -> str:
        rows = [(c.change, "caught" if c.caught else "NOT CAUGHT", c.verdict) for c in self.controls]
        return "\n".join(aligned([("backward spoiled", "", "verdict"), *rows]))


Spoil = Callable[["_SpoiledRun", Sequence[Value]], Any]


class _SpoiledRun(GateRun):
    """A run whose backward is spoiled."""

    def __init__(self, run: GateRun, spoil: Spoil) -> None:
        super().__init__(run.gate, run.outputs)
        self.spoil = spoil

    def answer(self, upstream: Sequence[Value]) -> list[Any]:
        """Return what backward really gives."""
        return list(super().backward(upstream))

    def backward(self, upstream: Sequence[Value]) -> Any:
        return self.spoil(self, upstream)


class _Spoiled(GateSubject):
    """A subject whose backward is spoiled."""

    def __init__(self, subject: GateSubject, spoil: Spoil) -> None:
        super().__init__(subject.gate, subject.wanted)
        self.labels = subject.labels
        self.spoil = spoil

    def _run(self, gate: Any, inputs: Sequence[Value]) -> GateRun:
        return _SpoiledRun(super()._run(gate, inputs), self.spoil)


def run_controls(
    subject: GateSubject, examples: Sequence[Sequence[Any]], check: Callable[[GateSubject], Report]
) -> SelfTest:
    """Spoil backward in each way that changes what it gives at some inputs, and return what the check says then."""
    controls = []
    for change, spoil in SPOILS.items():
        spoiled = _Spoiled(subject, spoil)
        with np.errstate(all="ignore"):
            if any(_differs(subject, spoiled, inputs) for inputs in examples):
                report = check(spoiled)
                is_caught = report.verdict in ("fail", "kink") and not report.passed
                controls.append(Control(change, is_caught, report.verdict))
    return SelfTest(tuple(controls))


def _differs(subject: GateSubject, spoiled: GateSubject, inputs: Sequence[Any]) -> bool:
    """Return whether spoiling changes the gradients at some inputs."""
    try:
        run, other = subject.start(copy_of(subject.values(inputs))), spoiled.start(copy_of(subject.values(inputs)))
        upstream = [output * 0.0 + 1.5 for output in run.outputs]
        right, wrong = run.backward(copy_of(upstream)), other.backward(copy_of(upstream))
    except Exception:  # forward does not take this example
        return False
    if not isinstance(wrong, list) or len(wrong) != len(right):
        return True
    return not all(a is b or np.array_equal(a, b, equal_nan=True) for a, b in zip(right, wrong))


def _each(change: Callable[[Any], Any]) -> Spoil:
    """Return a spoiled backward that changes each gradient."""
    return lambda run, dz: [None if g is None else change(g) for g in run.answer(dz)]


def _first_element(gradient: Any) -> Any:
    """Return a gradient whose first element is off by a thousandth."""
    array = np.array(gradient, dtype=float)
    array.reshape(-1)[:1] *= 1.001
    return plain(array)


def _raised(gradient: Any) -> Any:
    """Return a gradient with a ten-thousandth of its largest element, or of 1, added everywhere."""
    largest = float(np.max(np.abs(gradient), initial=0.0))
    return gradient + 1e-4 * (largest or 1.0)


def _swapped(run: _SpoiledRun, dz: Sequence[Value]) -> list[Any]:
    """Return the gradients with the first two that have the same shape exchanged."""
    answer = run.answer(dz)
    for i, one in enumerate(answer):
        for j in range(i + 1, len(answer)):
            if one is not None and answer[j] is not None and np.shape(one) == np.shape(answer[j]):
                answer[i], answer[j] = answer[j], answer[i]
                return answer
    return answer


def _one_zero(run: _SpoiledRun, dz: Sequence[Value]) -> list[Any]:
    """Return the gradients, the last of which is 0."""
    answer = run.answer(dz)
    last = max((place for place, g in enumerate(answer) if g is not None), default=None)
    return [g * 0.0 if place == last else g for place, g in enumerate(answer)]


#: The ways to spoil a backward.
SPOILS: dict[str, Spoil] = {
    "every gradient doubled": _each(lambda g: g * 2.0),
    "every gradient 0.1 % too large": _each(lambda g: g * 1.001),
    "the sign of every gradient flipped": _each(lambda g: g * -1.0),
    "the last gradient 0": _one_zero,
    "the first element of each gradient 0.1 % too large": _each(_first_element),
    "0.01 % of the largest element added to every element": _each(_raised),
    "the upstream gradient left out": lambda run, dz: run.answer([one * 0.0 + 1.0 for one in dz]),
    "the upstream gradient squared": lambda run, dz: run.answer([one * one for one in dz]),
    "two gradients swapped": _swapped,
    "the last two axes of each gradient exchanged": _each(lambda g: np.swapaxes(g, -1, -2) if np.ndim(g) > 1 else g),
    "a gradient too few": lambda run, dz: run.answer(dz)[:-1],
}
