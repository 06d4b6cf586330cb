"""The examination of a gradient at one point."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gates.checking.comparison import Element
from gates.checking.contract import Conduct
from gates.checking.copies import copy_of
from gates.checking.faults import Fault
from gates.checking.finite_differences import Ground
from gates.checking.function_under_test import Subject
from gates.checking.patterns import Patterns
from gates.checking.points import Point, fitted, flat, other_inputs, random_upstream
from gates.checking.resamples import Trial, places_of
from gates.checking.sampling import EXHAUSTIVE, examined
from gates.checking.single_precision import faults_of_float32
from gates.checking.ties import with_ties_moved
from gates.values import Value


@dataclass
class Examination:
    """What came out at one point.

    Attributes
    ----------
    title : str
        What the point is.
    names : list of str
        The names of all inputs.
    shapes : list of tuple of int
        Their shapes.
    elements : list of Element
        All elements that were checked.
    faults : list of Fault
        What is wrong, apart from single numbers.
    counts : dict of int to tuple of int
        For each input checked: how many elements of how many.
    directions : int
        How many random directions were tried besides, of each large input.
    rank : int
        The lower, the plainer the point.
    could_fail : bool
        Whether anything moves any output.
    is_random : bool
        Whether forward gives something else each time.
    upstream : str
        The upstream gradient, where it is a number and was drawn at random.
    kinks : list of str
        What is wrong at kinks, in sentences.
    patterns : callable
        Looks for what the wrong elements have in common; None where none is wrong.
    """

    title: str
    names: list[str]
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    counts: dict[int, tuple[int, int]] = field(default_factory=dict)
    directions: int = 0
    rank: int = 0
    could_fail: bool = True
    is_random: bool = False
    upstream: str = ""
    kinks: list[str] = field(default_factory=list)
    patterns: Callable[[], Patterns | None] | None = None

    @property
    def verdict(self) -> str:
        """ "fail", "kink", "pass" or "inconclusive"."""
        verdicts = {element.verdict for element in self.elements}
        if self.faults or "fail" in verdicts:
            return "fail"
        if "kink" in verdicts:
            return "kink"
        if not self.could_fail or self.unresolved:
            return "inconclusive"
        return "pass"

    @property
    def is_passed(self) -> bool:
        """Whether nothing is wrong, and something was seen."""
        return self.verdict == "pass" or (
            self.verdict == "kink" and all(e.is_passed for e in self.elements if e.verdict == "kink")
        )

    @property
    def unresolved(self) -> list[int]:
        """The inputs of which no element passed; all, if there are none."""
        seen = {element.port for element in self.elements if element.is_passed}
        ports = [port for port, (_, size) in self.counts.items() if size]
        return [port for port in ports if port not in seen] if ports else [-1]

    def wrong(self, port: int) -> list[Element]:
        """Return the elements of an input that failed."""
        return [element for element in self.elements if element.port == port and element.verdict == "fail"]


def examine(
    subject: Subject, title: str, inputs: Sequence[Value], upstream: Any, random: Any, limit: int = EXHAUSTIVE
) -> Examination:
    """Check backward at one point.

    Raises
    ------
    Refusal
        If forward does not take it.
    """
    found = Examination(title, subject.names(len(inputs)), [np.shape(value) for value in inputs])
    exact = copy_of([value if port in subject.labels else _as_float64(value) for port, value in enumerate(inputs)])

    def upstream_for(outputs: Sequence[Value]) -> list[Value]:
        if upstream is not None:
            return fitted(upstream, outputs, subject.title)
        drawn = random_upstream(outputs, random)
        found.upstream = ", ".join([f"{dz:.8g}" for dz in drawn if isinstance(dz, float)])
        return drawn

    conduct = Conduct(subject, exact, upstream_for)
    found.faults = conduct.faults
    if conduct.gradients is None or any(fault.kind == "modifies" for fault in found.faults):
        return found
    point = Point(subject, exact, conduct.upstream, random)
    others = _running(subject, other_inputs(exact, subject.labels, random), 4)
    subject.remembers = conduct.remember(exact, others)
    gradients = {
        port: np.asarray(gradient, dtype=float)
        for port, gradient in enumerate(conduct.gradients)
        if gradient is not None and subject.is_wanted(port)
    }
    ground = Ground(subject.outputs, exact, list(gradients), flat(conduct.upstream), random)
    found.is_random = not np.array_equal(flat(conduct.outputs), ground.base, equal_nan=True)
    if found.is_random:
        return found
    for port in conduct.missing:
        if subject.is_wanted(port) and _moves(ground, port):
            sentence = f"backward returned None as the gradient of {found.names[port]}, which moves what forward gives"
            found.faults.append(Fault("none", sentence, port))
    for port, gradient in gradients.items():
        elements, found.counts[port], directions = examined(ground, point, port, gradient.reshape(-1), limit)
        found.elements += elements
        found.directions = max(found.directions, directions)
    found.elements, found.kinks = with_ties_moved(ground, found.elements, found.names)
    if all(element.verdict == "inconclusive" or element.is_zero for element in found.elements):
        cancelled = any(element.is_cancelled for element in found.elements)
        found.could_fail = not cancelled and bool(ground.moved.any() or any(_moves(ground, port) for port in gradients))
    is_wrong = any(element.verdict == "fail" for element in found.elements)
    if conduct.raised is not None and is_wrong:
        found.faults.append(conduct.raised)
    found.faults += _not_finite(found)
    if is_wrong and not found.faults:
        found.patterns = functools.partial(_patterns, point, list(gradients), found)
    if not is_wrong and not found.faults:
        found.faults += _not_proportional(point, conduct.gradients, found.names)
    if not is_wrong and not found.faults:
        found.faults += faults_of_float32(point, inputs)
    return found


def _moves(ground: Ground, port: int) -> bool:
    """Return whether an input moves any output when it goes far."""
    return any(ground.moves_to(inputs) for inputs in ground.far(port))


def _not_finite(found: Examination) -> Iterator[Fault]:
    """Yield what is nan or inf where the slope is a number."""
    for element in found.elements:
        if element.verdict == "fail" and not math.isfinite(element.analytic):
            is_there = f"is {element.analytic} where the slope is {element.numeric:.6g}"
            yield Fault("not finite", f"the gradient of {found.names[element.port]} {is_there}", element.port)


def _not_proportional(point: Point, gradients: Sequence[Any], names: Sequence[str]) -> Iterator[Fault]:
    """Yield the first input whose gradient does not grow with the upstream gradient."""
    for factor in (2.0**-7, 2.0**7):
        try:
            scaled = replace(point, upstream=[factor * dz for dz in point.upstream]).gradients()
        except Exception:  # an overflow, say
            continue
        for port, (name, one, other) in enumerate(zip(names, gradients, scaled)):
            if one is None or other is None:
                continue
            wanted, got = factor * np.asarray(one, dtype=float), np.asarray(other, dtype=float)
            normal = (np.abs(wanted) < 1e300) & ((np.abs(wanted) > 1e-290) | (wanted == 0.0))
            if not np.all(np.abs(got - wanted)[normal] <= 1e-6 * np.abs(wanted)[normal]):
                yield Fault("upstream", f"the gradient of {name} is not proportional to the upstream gradient", port)
                return


def _patterns(point: Point, ports: Sequence[int], found: Examination) -> Patterns | None:
    """Return the patterns to look for, over this point and others."""
    wrong = {port: elements for port in ports if (elements := found.wrong(port))}
    first = {port: [element.place for element in elements] for port, elements in wrong.items()}
    places = places_of(point.inputs, ports, point.random, first)
    try:
        trials = [Trial(point, places)]
    except Exception:  # forward is not finite everywhere, say
        return None
    for other in other_inputs(point.inputs, point.subject.labels, point.random):
        try:
            trials.append(Trial(point.moved_to(other, trials[0].outputs), places))
        except Exception:  # out of forward's domain
            continue
    if len(trials) == 1:
        trials.append(Trial(point.moved_to(point.inputs, trials[0].outputs), places))
    parts = {port: len(elements) / found.counts[port][0] for port, elements in wrong.items()}
    return Patterns(trials, parts, [port for port, (checked, size) in found.counts.items() if checked < size])


def _running(subject: Subject, candidates: Iterator[list[Value]], count: int) -> list[list[Value]]:
    """Return the first inputs at which forward runs."""
    running = []
    for inputs in candidates:
        try:
            subject.start(copy_of(inputs))
        except Exception:  # out of forward's domain
            continue
        running.append(inputs)
        if len(running) == count:
            break
    return running


def _as_float64(value: Value) -> Value:
    """Return a value in float64; an array keeps its layout."""
    if isinstance(value, np.ndarray):
        return value if value.dtype == np.float64 else value.astype(np.float64)
    return float(value)
