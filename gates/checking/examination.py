"""The examination of a gradient at one point: element by element, at ties together, and in random directions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gates.checking.conduct import Conduct, Fault, copy_of
from gates.checking.elements import Element, judged
from gates.checking.ground import Direction, Ground
from gates.checking.patterns import Patterns
from gates.checking.single_precision import fault_of_float32
from gates.checking.subject import Subject
from gates.checking.trials import Trial, other_inputs, places_of, upstream_for
from gates.values import Value, shape_of

#: An input of at most this many elements is checked exhaustively.
EXHAUSTIVE = 200
_DIRECTIONS = 4
_APART = 32  # outputs, at most, that are looked at one by one
_FAR: tuple[Callable[[Value], Value], ...] = (
    lambda x: -x,
    lambda x: x * 0.0,
    lambda x: x * 0.0 + 1.0,
    lambda x: x + 1.0,
    lambda x: 1e3 * x,
)


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
        How many random directions were tried besides.
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
    subject: Any,
    title: str,
    inputs: Sequence[Value],
    upstream: Sequence[Value] | None,
    random: Any,
    limit: int = EXHAUSTIVE,
) -> Examination:
    """Check backward at one point.

    Raises
    ------
    Exception
        What forward raised.
    """
    exact = copy_of([value if port in subject.labels else _as_float64(value) for port, value in enumerate(inputs)])
    outputs = subject.start(copy_of(exact)).outputs
    found = Examination(title, subject.names(len(inputs)), [shape_of(np.asarray(value)) for value in inputs])
    if upstream is None:
        upstream = upstream_for(outputs, random)
        found.upstream = ", ".join([f"{dz:.8g}" for dz in upstream if isinstance(dz, float)])
    conduct = Conduct(subject, exact, upstream)
    found.faults += conduct.faults
    if conduct.gradients is None or any(fault.kind == "modifies" for fault in found.faults):
        return found
    others = _running(subject, other_inputs(exact, subject.labels, random), 4)
    conduct.remember(exact, upstream, others)
    found.faults = list(conduct.faults)
    gradients = conduct.gradients
    ports = [port for port, gradient in enumerate(gradients) if gradient is not None and subject.is_wanted(port)]
    ground = Ground(subject.outputs, exact, ports, _flat(upstream), random)
    if not np.array_equal(_flat(outputs), ground.base, equal_nan=True):
        found.is_random = True
        return found
    for port in conduct.missing:
        if subject.is_wanted(port) and _moves(ground, exact, port):
            found.faults.append(
                Fault(
                    "none",
                    f"backward returned None as the gradient of {found.names[port]}, which moves what forward gives",
                    port,
                )
            )
    for port in ports:
        found.elements += _elements(ground, subject, exact, upstream, port, gradients[port], found, limit, random)
    _move_ties_together(ground, found)
    if not any(element.verdict != "inconclusive" and not element.is_zero for element in found.elements):
        found.could_fail = bool(ground.moved.any() or any(_moves(ground, exact, port) for port in ports)) and not any(
            element.is_cancelled for element in found.elements
        )
    wrong_ports = {port: found.wrong(port) for port in ports}
    if conduct.raised is not None and any(wrong_ports.values()):
        found.faults.append(conduct.raised)
    found.faults += _not_finite(found, wrong_ports)
    if any(wrong_ports.values()) and not found.faults:
        found.patterns = functools.partial(_patterns, subject, exact, upstream, ports, found, random)
    if not found.faults and not any(wrong_ports.values()):
        found.faults += fault_of_float32(subject, inputs, exact, upstream, random)
    return found


def _elements(
    ground: Ground,
    subject: Subject,
    inputs: Sequence[Value],
    upstream: Any,
    port: int,
    gradient: Any,
    found: Examination,
    limit: int,
    random: Any,
) -> Iterator[Element]:
    """Yield the elements of an input with their verdicts, all of them or a sample, and what random directions show."""
    analytic = np.asarray(gradient, dtype=float).reshape(-1)
    size = analytic.size
    places = list(range(size)) if size <= limit else _sample(analytic, np.ravel(inputs[port]), limit // 6, random)
    found.counts[port] = len(places), size
    for place in places:
        element = _element(ground, port, place, float(analytic[place]))
        if element.verdict == "fail" and math.isfinite(element.analytic):
            excuse = _rounding_of_backward(subject, inputs, upstream, port, place, random)
            element = judged(port, place, element.analytic, element.slope, excuse)
        yield element
    if size > len(places):
        for turn in range(_DIRECTIONS):
            found.directions += 1
            wrong = _wrong_in_direction(ground, port, analytic, np.abs(np.ravel(inputs[port])), bool(turn % 2), random)
            if wrong is not None and wrong not in places:
                places.append(wrong)
                yield _element(ground, port, wrong, float(analytic[wrong]))


def _element(ground: Ground, port: int, place: int, analytic: float) -> Element:
    """Return one element with its verdict, from a few steps where these settle it."""
    direction = Direction.along(port, place)
    slope = ground.slope(direction, exhaustive=False)
    element = judged(port, place, analytic, slope)
    if element.verdict == "pass" and analytic and slope.central.error <= 1e-6 * abs(analytic):
        return element
    slope = ground.slope(direction)
    element = judged(port, place, analytic, slope)
    if element.verdict == "inconclusive" and slope.best.is_known:
        slope = ground.sharpened(direction, slope)
        element = judged(port, place, analytic, slope)
    if not element.is_passed and 1 < np.count_nonzero(slope.moved) <= _APART:
        slope = ground.slope_apart(direction, slope)
        element = judged(port, place, analytic, slope)
    if not ground.finite.all() and (slope.is_lost or not (slope.moved.any() and math.isfinite(analytic))):
        # What moves a nan or an inf, or nothing else, has no slope to compare with.
        return element if element.is_passed else replace(element, verdict="inconclusive")
    return element


def _sample(analytic: Any, values: Any, count: int, random: Any) -> list[int]:
    """Return places to look at in a large gradient: those that stand out, and random ones."""
    places = [int(np.argmax(np.abs(np.nan_to_num(analytic)))), int(np.argmin(np.abs(values))), 0, analytic.size - 1]
    places += np.flatnonzero(~np.isfinite(analytic))[:4].tolist()
    places += random.choice(analytic.size, count, replace=False).tolist()
    return sorted(dict.fromkeys(places))


def _wrong_in_direction(
    ground: Ground, port: int, analytic: Any, sizes: Any, relative: bool, random: Any
) -> int | None:
    """Move all elements at once in a random direction; return a place that is wrong if the slope is not the sum."""
    scale = float(np.median(sizes)) or 1.0
    weights = np.where(sizes > 0, sizes if relative else scale, 0.0) * random.choice([-1.0, 1.0], analytic.size)
    places = np.flatnonzero(np.isfinite(analytic) & (weights != 0))

    def off(part: Any) -> float:
        direction = Direction(((port, part, weights[part] / scale),))
        slope = ground.slope(direction, exhaustive=False)
        terms = analytic[part] * (weights[part] / scale)
        rounding = 2.0**-44 * float(np.abs(terms).sum())
        element = judged(port, None, float(terms.sum()), slope, rounding)
        if element.verdict == "pass":
            return 0.0
        slope = ground.slope(direction)
        element = judged(port, None, float(terms.sum()), slope, rounding)
        return element.absolute_error if element.verdict == "fail" else 0.0

    if not places.size or not off(places):
        return None
    while places.size > 1:
        half = places.size // 2
        places = max((places[:half], places[half:]), key=off)
    return int(places[0])


def _rounding_of_backward(
    subject: Subject, inputs: Sequence[Value], upstream: Any, port: int, place: int, random: Any
) -> float:
    """Return by how much rounding moves an element of the analytic gradient: how it jumps in steps of a few ulps."""
    values = []
    for _ in range(4):
        there = [
            value if p in subject.labels else value * (1.0 + 2.0**-51 * random.uniform(-1.0, 1.0, np.shape(value)))
            for p, value in enumerate(inputs)
        ]
        try:
            answer = subject.start([v if np.ndim(v) else float(v) for v in there]).backward(copy_of(upstream))
            values.append(float(np.ravel(answer[port])[place]))
        except Exception:  # at the edge of forward's domain
            return 0.0
    spread = max(values) - min(values)
    return 4.0 * spread if math.isfinite(spread) else 0.0


def _move_ties_together(ground: Ground, found: Examination) -> None:
    """Move the elements of a tie by the same amount, and let their gradients add up to the slope of that."""
    kinks = [place for place, element in enumerate(found.elements) if element.verdict == "kink" and element.is_passed]
    for group in _tied([found.elements[kink] for kink in kinks]):
        members = [found.elements[kinks[place]] for place in group]
        if len(members) < 2:
            continue
        ports = sorted({element.port for element in members})
        parts = []
        for port in ports:
            places = np.array([element.place for element in members if element.port == port])
            parts.append((port, places, np.ones(places.size)) if np.ndim(ground.inputs[port]) else (port, 0, 1.0))
        total = sum(element.analytic for element in members)
        slope = ground.slope(Direction(tuple(parts)))
        together = judged(ports[0], None, total, slope)
        if together.verdict == "fail" or (together.verdict == "kink" and not together.is_passed):
            for place in group:
                found.elements[kinks[place]] = found.elements[kinks[place]].rejected()
            names = " and ".join([found.names[port] for port in ports])
            numeric = f"{together.numeric:.6g}"
            found.kinks.append(
                f"{names} {'stands' if len(ports) == 1 else 'stand'} at a tie, which is a kink: the gradients of what "
                f"is tied add up to {total:.6g}, but the slope is {numeric} where all of it moves together"
            )


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


def _moves(ground: Ground, inputs: Sequence[Value], port: int) -> bool:
    """Return whether an input moves any output when it goes far."""
    for far in _FAR:
        there = list(inputs)
        there[port] = far(inputs[port])
        if ground.moves_to(there):
            return True
    return False


def _not_finite(found: Examination, wrong: dict[int, list[Element]]) -> Iterator[Fault]:
    """Yield what is nan or inf where the slope is a number."""
    for port, elements in wrong.items():
        for element in elements:
            if not math.isfinite(element.analytic):
                slope = f"where the slope is {element.numeric:.6g}"
                yield Fault("not finite", f"the gradient of {found.names[port]} is {element.analytic} {slope}", port)
                break


def _patterns(
    subject: Subject, inputs: Sequence[Value], upstream: Any, ports: Sequence[int], found: Examination, random: Any
) -> Patterns | None:
    """Return the patterns to look for, over this point and others."""
    wrong = {port: elements for port in ports if (elements := found.wrong(port))}
    first = {
        port: [element.place for element in elements if element.place is not None] for port, elements in wrong.items()
    }
    places = places_of(inputs, ports, random, first)
    trials = []
    try:
        trials.append(Trial(subject, inputs, upstream, places, random))
    except Exception:  # forward is not finite everywhere, say
        return None
    for other in other_inputs(inputs, subject.labels, random):
        try:
            trials.append(Trial(subject, other, upstream_for(trials[0].outputs, random), places, random))
        except Exception:  # out of forward's domain
            continue
    if len(trials) <= 1:
        trials.append(Trial(subject, inputs, upstream_for(trials[0].outputs, random), places, random))
    return Patterns(trials, {port: len(elements) / found.counts[port][0] for port, elements in wrong.items()})


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


def _flat(upstream: Sequence[Value]) -> Any:
    return np.concatenate([np.asarray(dz, dtype=float).reshape(-1) for dz in upstream])


def _as_float64(value: Value) -> Value:
    """Return a value in float64; an array keeps its layout."""
    if isinstance(value, np.ndarray):
        return value if value.dtype == np.float64 else value.astype(np.float64)
    return float(value)
