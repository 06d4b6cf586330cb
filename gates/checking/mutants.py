"""Mutation testing of the check: is a backward with a deliberate error, a mutant, caught?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gates.checking.copies import copy_of, float_or_array
from gates.checking.function_under_test import GateUnderTest, Mutation
from gates.formatting import aligned
from gates.values import Value

#: Calls the mutated or the original backward.
_Backward = Callable[[Sequence[Value]], list[Any]]


class Mutant(NamedTuple):
    """A deliberate error in backward, whether the check caught it, and its verdict."""

    change: str
    caught: bool
    verdict: str


@dataclass(frozen=True)
class SelfTest:
    """Mutants of a backward, and whether the check caught each. Printed, it is a table.

    Attributes
    ----------
    mutants : tuple of Mutant
        Those whose gradients differ from the original's: `change`, `caught`, `verdict`.
    """

    mutants: tuple[Mutant, ...]

    @property
    def all_caught(self) -> bool:
        """Whether there were some, and all were caught."""
        return bool(self.mutants) and all(mutant.caught for mutant in self.mutants)

    def __iter__(self) -> Iterator[Mutant]:
        return iter(self.mutants)

    def __len__(self) -> int:
        return len(self.mutants)

    def __str__(self) -> str:
        rows = [(m.change, "caught" if m.caught else "NOT CAUGHT", m.verdict) for m in self.mutants]
        return "\n".join(aligned([("mutant of backward", "", "verdict"), *rows]))


def run_mutants(
    function: GateUnderTest, examples: Sequence[Sequence[Any]], verdict_on: Callable[[GateUnderTest], tuple[str, bool]]
) -> SelfTest:
    """Return what `verdict_on` (a verdict, and whether that is a pass) says of each mutant that differs."""
    mutants = []
    for change, mutation in MUTATIONS.items():
        mutant = GateUnderTest(function.gate, function.wanted, mutation)
        mutant.labels, mutant.precision = function.labels, function.precision
        mutant.own, mutant.is_searched, mutant.reference = function.own, True, function.reference
        if any(_differs(function, mutant, inputs) for inputs in examples):
            verdict, passed = verdict_on(mutant)
            mutants.append(Mutant(change, verdict in ("fail", "kink") and not passed, verdict))
    return SelfTest(tuple(mutants))


def _differs(function: GateUnderTest, mutant: GateUnderTest, inputs: Sequence[Any]) -> bool:
    """Return whether the gradients of a mutant differ at some inputs."""
    values = function.values(inputs)
    try:
        run, other = function.start(copy_of(values)), mutant.start(copy_of(values))
        upstream = [output * 0.0 + _ramp(output) for output in run.outputs]
        right, wrong = run.backward(copy_of(upstream)), other.backward(copy_of(upstream))
    except Exception:  # backward raises, mutated or not
        return False
    if not isinstance(wrong, list) or len(wrong) != len(right):
        return True
    return not all(a is b or np.array_equal(a, b, equal_nan=True) for a, b in zip(right, wrong))


def _ramp(output: Value) -> Value:
    """Return numbers from 1.5 to 2.5 in the shape of an output: equal ones give a softmax no gradient."""
    if type(output) is float:
        return 1.5
    return np.linspace(1.5, 2.5, output.size, dtype=output.dtype).reshape(output.shape)


def _each(change: Callable[[Any], Any]) -> Mutation:
    """Return a mutation of each gradient."""
    return lambda backward, dz: [None if gradient is None else change(gradient) for gradient in backward(dz)]


def _first_element_off(gradient: Any) -> Any:
    array = np.array(gradient, dtype=float)
    array.reshape(-1)[:1] *= 1.001
    return float_or_array(array)


def _shifted(gradient: Any) -> Any:
    return gradient + 1e-4 * (float(np.max(np.abs(gradient), initial=0.0)) or 1.0)


def _two_swapped(backward: _Backward, dz: Sequence[Value]) -> list[Any]:
    """Return the gradients with the first two that have the same shape swapped."""
    answer = backward(dz)
    for i, one in enumerate(answer):
        for j in range(i + 1, len(answer)):
            if one is not None and answer[j] is not None and np.shape(one) == np.shape(answer[j]):
                answer[i], answer[j] = answer[j], answer[i]
                return answer
    return answer


def _last_zero(backward: _Backward, dz: Sequence[Value]) -> list[Any]:
    answer = backward(dz)
    last = max((place for place, g in enumerate(answer) if g is not None), default=None)
    return [g * 0.0 if place == last else g for place, g in enumerate(answer)]


#: The deliberate errors.
MUTATIONS: dict[str, Mutation] = {
    "every gradient doubled": _each(lambda g: g * 2.0),
    "every gradient 0.1 % too large": _each(lambda g: g * 1.001),
    "the sign of every gradient flipped": _each(lambda g: g * -1.0),
    "the last gradient 0": _last_zero,
    "the first element of each gradient 0.1 % too large": _each(_first_element_off),
    "0.01 % of the largest element added to every element": _each(_shifted),
    "the upstream gradient left out": lambda backward, dz: backward([one * 0.0 + 1.0 for one in dz]),
    "the upstream gradient squared": lambda backward, dz: backward([one * one for one in dz]),
    "two gradients swapped": _two_swapped,
    "the last two axes of each gradient exchanged": _each(lambda g: np.swapaxes(g, -1, -2) if np.ndim(g) > 1 else g),
    "a gradient too few": lambda backward, dz: backward(dz)[:-1],
}
