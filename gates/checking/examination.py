"""The examination of a gradient at one point."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gates.checking.comparison import Element, with_ties_compared
from gates.checking.consistency import not_proportional, wrong_in_float32
from gates.checking.contract import Contract
from gates.checking.copies import copy_of, flat
from gates.checking.elementwise import reduced
from gates.checking.finite_differences import FiniteDifferences
from gates.checking.function_under_test import FunctionUnderTest
from gates.checking.noise import measured_noise
from gates.checking.patterns import Patterns, patterns_at
from gates.checking.points import Point, fitted, other_inputs, random_upstream
from gates.checking.reference import compared_with
from gates.checking.report import Fault
from gates.checking.sampling import EXHAUSTIVE, examined
from gates.values import Value

_FEW = 6  # numbers, at most, of an array that is shown
_SLOW = 2e-3  # seconds of a forward pass, from which on a few elements stand for all
_ROUNDINGS = 1e3  # in a number that is 0 but for these, relative to the largest that it may come from
_REPEATED = 2  # runs of forward, to see whether it is random


@dataclass
class Examination:
    """What was found at one point.

    Attributes
    ----------
    title : str
        What the point is.
    names : list of str
        The names of all inputs.
    shapes : list of tuple of int
        Their shapes.
    elements : list of Element
        All elements of gradients that were compared with slopes.
    faults : list of Fault
        What is wrong, apart from single elements.
    counts : dict of int to tuple of int
        For each input that was checked, how many of its elements were, and how many it has.
    directions : int
        How many random directions were tried as well, for each large input.
    rank : int
        That of the example: lower is simpler.
    could_fail : bool
        Whether a wrong gradient could have been noticed: something moves an output, and upstream does not cancel it.
    random : str
        "forward" or "backward", if it returns something else each time it runs.
    upstream : str
        The upstream gradient, if it is a number and was drawn at random.
    example : tuple
        The inputs and the upstream gradient.
    where : str
        The same as a text.
    point : tuple
        All inputs, with those of a layer's own, and all upstream gradients.
    kinks : list of str
        What is wrong at kinks, in sentences.
    patterns : callable
        Prepares the search for what the wrong elements have in common; None if none is wrong.
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
    random: str = ""
    upstream: str = ""
    example: tuple[tuple[Any, ...], Any] = ((), None)
    where: str = ""
    point: tuple[Sequence[Value], Sequence[Value]] = ((), ())
    kinks: list[str] = field(default_factory=list)
    patterns: Callable[[], Patterns | None] | None = None

    @property
    def wrong(self) -> dict[int, list[int]]:
        """The places of the elements that fail, by input."""
        found: dict[int, list[int]] = {}
        for element in self.elements:
            if element.verdict == "fail":
                found.setdefault(element.port, []).append(element.place)
        return found

    def stand_at(self, inputs: Sequence[Value], upstream: Sequence[Value], count: int) -> None:
        """Keep where this is; the first `count` inputs are those that a user gives."""
        self.point = inputs, upstream
        self.example = tuple(inputs[:count]), upstream[0] if len(upstream) == 1 else upstream
        self.where = f"at {', '.join(f'{name} = {_short(value)}' for name, value in zip(self.names, inputs[:count]))}"
        if upstream:
            self.where += f"; upstream gradient {_short(self.example[1])}"

    @property
    def verdict(self) -> str:
        """ "fail", "kink", "pass", "jump" or "inconclusive"."""
        verdicts = {element.verdict for element in self.elements}
        if self.faults or "fail" in verdicts:
            return "fail"
        if "kink" in verdicts:
            return "kink"
        if not (self.could_fail and self.elements) or self.unresolved:
            return "jump" if any(e.verdict == "jump" for e in self.elements) else "inconclusive"
        return "pass"

    @property
    def is_passed(self) -> bool:
        """Whether it passed: a pass, or a kink at which all gradients are possible."""
        return self.verdict == "pass" or (
            self.verdict == "kink" and all(e.is_passed for e in self.elements if e.verdict == "kink")
        )

    @property
    def unresolved(self) -> list[int]:
        """The inputs that have elements, none of which passed."""
        seen = {element.port for element in self.elements if element.is_passed}
        return [port for port, (_, size) in self.counts.items() if size and port not in seen]


def examine(
    function: FunctionUnderTest,
    title: str,
    inputs: Sequence[Value],
    upstream: Any,
    random: Any,
    limit: int = EXHAUSTIVE,
) -> Examination:
    """Check backward at one point.

    Raises
    ------
    Refusal
        If forward does not accept the inputs.
    """
    found = Examination(title, function.names(len(inputs)), [np.shape(value) for value in inputs])
    exact = copy_of(
        [x if port in function.labels else function.precision.rounded(_as_float64(x)) for port, x in enumerate(inputs)]
    )

    def upstream_for(outputs: Sequence[Value]) -> list[Value]:
        if upstream is not None:
            return fitted(upstream, outputs, function.title)
        drawn = random_upstream(outputs, random)
        found.upstream = ", ".join([f"{dz:.8g}" for dz in drawn if isinstance(dz, float)])
        return drawn

    contract = Contract(function, exact, upstream_for)
    found.faults = contract.faults
    found.stand_at(exact, contract.upstream, len(exact) - len(function.own))
    if contract.gradients is None or any(fault.kind == "modifies" for fault in found.faults):
        return found
    repeated = [flat(contract.outputs), *[function.outputs(copy_of(exact)) for _ in range(_REPEATED)]]
    varies = not all(function.precision.same(outputs, repeated[0]) for outputs in repeated)
    found.random = "forward" if varies else "backward" if contract.is_random else ""
    if found.random:
        return found
    point = Point(function, exact, contract.upstream, random)
    others = _accepted(function, other_inputs(exact, function.labels, random), 4)
    function.is_stateful = contract.check_state(exact, others)
    gradients = {
        port: np.asarray(gradient, dtype=float)
        for port, gradient in enumerate(contract.gradients)
        if gradient is not None and function.is_wanted(port)
    }
    none = [port for port in contract.missing if function.is_wanted(port)]
    differences = FiniteDifferences(
        function.outputs, exact, sorted([*gradients, *none]), flat(contract.upstream), random, function.precision
    )
    differences.noise = np.fmax(differences.noise, 4.0 * np.ptp(repeated, axis=0))  # sums may vary in their order
    for port in filter(differences.moves_far, none):
        zeros = np.zeros(np.shape(exact[port]))  # right for a step, such as that of sign
        if all(
            element.verdict != "fail" for element in examined(differences, point, port, zeros.reshape(-1), limit)[0]
        ):
            gradients[port] = zeros
            continue
        sentence = f"backward returned None as the gradient of {found.names[port]}, which moves what forward gives"
        found.faults.append(Fault("none", sentence, port))
    for port, gradient in gradients.items():
        elements, found.counts[port], directions = examined(differences, point, port, gradient.reshape(-1), limit)
        found.elements += elements
        found.directions = max(found.directions, directions)
    found.elements = _without_rounding(found.elements, differences, point, others)
    found.elements = _without_effect(found, differences, gradients)
    if function.reference is not None:
        found.elements, unlike = compared_with(function.reference, contract, exact, found.elements)
        found.faults += unlike
    found.elements, found.kinks = with_ties_compared(differences, found.elements, found.names)
    if all(element.verdict == "inconclusive" or element.is_zero for element in found.elements):
        is_cancelled = any(element.is_cancelled for element in found.elements)
        found.could_fail = not is_cancelled and bool(
            differences.moved.any() or any(differences.moves_far(port) for port in gradients)
        )
    wrong = found.wrong
    if contract.raised is not None and wrong:
        found.faults.append(contract.raised)
    found.faults += _not_finite(found)
    if wrong and not found.faults:
        found.patterns = lambda: _patterns(found, point, gradients, differences.seconds)
    elif not found.faults:
        found.faults += list(not_proportional(point, contract.gradients, found.names))
        found.faults = found.faults or list(wrong_in_float32(point, inputs)) or contract.wrong_if_wanted_alone(exact)
    return found


def _without_rounding(
    elements: list[Element], differences: FiniteDifferences, point: Point, others: Sequence[list[Value]]
) -> list[Element]:
    """Return the elements, those inconclusive that failed only since forward rounds here.

    It has steps here, but not elsewhere: it rounds on the way, as in log(1 - s) where s is nearly 1.
    """
    failed = [element for element in elements if element.verdict == "fail"]
    stepped = [element for element in failed if np.any(element.slope.moved & differences.is_stepped)]
    if not stepped or _has_steps(point, others):
        return elements
    return [replace(e, verdict="inconclusive") if e in stepped else e for e in elements]


def _without_effect(found: Examination, differences: FiniteDifferences, gradients: Mapping[int, Any]) -> list[Element]:
    """Return the elements, those of inputs passed that are without effect, and whose gradient is 0, up to rounding.

    A bias before a layer that subtracts the mean is one.
    """
    known = [np.ravel(differences.upstream), *[np.ravel(gradient) for gradient in gradients.values()]]
    largest = np.max(np.abs(np.concatenate(known)), initial=0.0)
    zero = [
        port
        for port in (found.unresolved if len(found.unresolved) < len(found.counts) else ())
        if np.max(np.abs(gradients[port])) <= differences.precision.relative * _ROUNDINGS * largest
        and differences.stands_still(port)
    ]
    return [replace(e, verdict="pass", is_passed=True, is_zero=True) if e.port in zero else e for e in found.elements]


def _patterns(found: Examination, point: Point, gradients: Mapping[int, Any], seconds: float) -> Patterns | None:
    """Return the patterns to look for, at a few elements that stand for all where a run takes many `seconds`."""
    for port, places in found.wrong.items() if seconds > _SLOW else ():
        try:
            small = reduced(point, port, places, gradients[port].reshape(-1))
        except Exception:  # forward or backward wants the other elements too
            continue
        if small is not None:
            return patterns_at(small[0], small[1], {port: 1.0}, (), 0.0)
    sampled = [port for port, (checked, size) in found.counts.items() if checked < size]
    looked_at = Counter(element.port for element in found.elements)
    parts = {
        port: len(places) / (looked_at[port] if port in sampled else found.counts[port][0])
        for port, places in found.wrong.items()
    }
    wrong = {port: found.wrong.get(port, []) for port in gradients}
    return patterns_at(point, wrong, parts, sampled, seconds)


def _has_steps(point: Point, others: Sequence[list[Value]]) -> bool:
    """Return whether forward has steps at most of several other inputs."""
    function, steps = point.function, 0
    ports = [port for port in range(len(point.inputs)) if port not in function.labels]
    for inputs in others:
        base = function.outputs(inputs)
        steps += measured_noise(function.outputs, inputs, ports, base, point.random, function.precision)[1].any()
    return 2 * steps > len(others)


def _not_finite(found: Examination) -> Iterator[Fault]:
    """Yield what is nan or inf where the slope is a number."""
    for element in found.elements:
        if element.verdict == "fail" and not math.isfinite(element.analytic):
            is_there = f"is {element.analytic} where the slope is {element.numeric:.6g}"
            yield Fault("not finite", f"the gradient of {found.names[element.port]} {is_there}", element.port)


def _short(value: Any) -> str:
    """Return a value as a short text: of a large array only its shape."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_short, value))}]"
    if np.size(value) > _FEW:
        return f"an array of shape {np.shape(value)}"
    return f"{value:.8g}" if np.ndim(value) == 0 else _short(list(value))


def _accepted(function: FunctionUnderTest, candidates: Iterator[list[Value]], count: int) -> list[list[Value]]:
    """Return the first inputs that forward accepts."""
    accepted = []
    for inputs in candidates:
        try:
            function.start(copy_of(inputs))
        except Exception:  # out of forward's domain
            continue
        accepted.append(inputs)
        if len(accepted) == count:
            break
    return accepted


def _as_float64(value: Value) -> Value:
    """Return a value in float64; an array keeps its layout."""
    if isinstance(value, np.ndarray):
        return value if value.dtype == np.float64 else value.astype(np.float64)
    return float(value)
