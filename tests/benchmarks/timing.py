"""Timing: contenders that do the same work show that their results agree, and then run in turns.

It knows nothing of any workload, and prints nothing.
"""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LIMIT = 5.0  # seconds a call, from which on a contender is left out
TURN = 0.1  # seconds that a contender's turn lasts, or a single call if that takes longer
TOLERANCE = 1e-9

Result = tuple[Any, Mapping[str, Any]]  # a value, and the gradients by name


class LeftOut(Exception):
    """Raised by a contender that cannot take part, with the reason."""


def as_it_is(result: Result) -> Result:
    """Return a result that needs no reading."""
    return result


@dataclass
class Contender:
    """What is timed, and how to read its answer, which is not."""

    step: Callable[[], Any]
    read: Callable[[Any], Result] = as_it_is


Maker = Callable[[], Contender]


@dataclass
class Section:
    """A part of the table: what each contender needed in each run. All is compared with the first."""

    title: str
    rows: dict[str, list[float]]
    unit: str = "s"
    calls: dict[str, int] = field(default_factory=dict)  # in each run
    first_calls: dict[str, float] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def timed(function: Callable[[], Any], calls: int = 1) -> tuple[float, Any]:
    """Return the seconds a call, and the last result."""
    result = None
    start = time.perf_counter()
    for _ in range(calls):
        result = function()
    return (time.perf_counter() - start) / calls, result


def race(title: str, makers: Mapping[str, Maker], runs: int, calls: int = 0, limit: float = LIMIT) -> Section:
    """Make the contenders, compare their results with the first one's, and time them in turns.

    In each run a contender is called so many times or, by default, as often as fits into its turn.
    """
    section = Section(title, {})
    contenders: dict[str, Contender] = {}
    right: Result | None = None
    for name, make in makers.items():
        start = time.perf_counter()
        try:
            contender = make()
            result = contender.step()
        except ModuleNotFoundError as error:
            section.left_out.append(f"{name}: {error.name} is not installed")
            continue
        except LeftOut as reason:
            section.left_out.append(f"{name}: {reason}")
            continue
        section.first_calls[name] = time.perf_counter() - start
        answer = contender.read(result)
        right = right or answer
        compare(f"{title}: {name}", answer, right)
        seconds = section.first_calls[name]
        if seconds > limit:  # the first call may have compiled
            seconds, result = timed(contender.step)
        if seconds > limit:
            section.left_out.append(f"{name}: takes {seconds:.1f} s a call")
        else:
            contenders[name] = contender
            section.rows[name] = []
            section.calls[name] = calls or calls_a_turn(contender)
    last: dict[str, Any] = {}
    gc.collect()
    gc.freeze()  # what one contender keeps alive must not slow the others
    for _ in range(runs):
        for name, contender in contenders.items():
            gc.collect()
            seconds, last[name] = timed(contender.step, section.calls[name])
            section.rows[name].append(seconds)
    gc.unfreeze()
    answers = {name: contenders[name].read(result) for name, result in last.items()}
    for name, answer in answers.items():  # no gradient may have grown from call to call
        compare(f"{title}: {name}, last call", answer, next(iter(answers.values())))
    return section


def calls_a_turn(contender: Contender) -> int:
    """Return how many calls fit into a turn."""
    seconds = min(timed(contender.step)[0] for _ in range(3))
    return max(int(TURN / seconds), 1)


def compare(who: str, answer: Result, right: Result) -> None:
    """Raise unless a value and all gradients are those of the first contender."""
    difference = relative_difference(answer[0], right[0])
    if not difference <= TOLERANCE:
        raise ArithmeticError(f"{who}: the value differs from that by hand by {difference:.1e} of it")
    if answer[1].keys() != right[1].keys():
        raise ArithmeticError(f"{who}: gradients of {list(answer[1])}, by hand of {list(right[1])}")
    for name, gradient in answer[1].items():
        difference = relative_difference(gradient, right[1][name])
        if not difference <= TOLERANCE:
            raise ArithmeticError(f"{who}: the gradient of {name} differs from that by hand by {difference:.1e} of it")


def relative_difference(array: Any, right: Any) -> float:
    """Return the largest difference of two arrays of one shape, as a share of the largest number in the right one."""
    array, right = np.asarray(array, dtype=float), np.asarray(right, dtype=float)
    if array.shape != right.shape or not np.isfinite(right).all():
        return float("nan")
    difference = float(np.abs(array - right).max(initial=0.0))
    return difference and difference / max(float(np.abs(right).max(initial=0.0)), np.finfo(float).tiny)
