"""The verdict, the diagnosis and the note of a report, from what was found at each point."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gates.checking.comparison import Element
from gates.checking.examination import Examination
from gates.checking.report import KINDS, MEANT, PATTERNS, Fault, Report, Row, index_of
from gates.formatting import listed

_SEVERITY = ("inconclusive", "jump", "pass", "legal kink", "kink", "fail")
_FAULTY = ("fail", "kink", "jump")
_DIAGNOSED = 6  # points, at most, are searched for patterns


def reported(
    title: str,
    found: Sequence[Examination],
    self_test: Callable[[], Any],
    convergence_at: Callable[[Examination], Any],
    left_out: int = 0,
    diagnose: bool = True,
    intended: str = "",
    remarks: Sequence[str] = (),
) -> Report:
    """Return the report on what was found at some points.

    `intended` is what a wrong gradient is meant to be, and `remarks` are added to the note.
    """
    verdict, passed = verdict_on(found)
    one, fault = _diagnosis(found) if diagnose and verdict in _FAULTY and not passed else (None, None)
    shown = one or found[0]
    report = Report(
        title=title,
        verdict=verdict,
        passed=passed,
        diagnosis=fault.sentence if fault else "",
        note="; ".join(filter(None, [_note(found, verdict, left_out, shown), *remarks])),
        rows=_rows([one] if one else found),
        _self_test=self_test,
        _convergence=lambda: convergence_at(shown),
        upstream=shown.upstream if len(found) == 1 else "",
        example=shown.example,
        where=shown.where,
    )
    return _as_meant(report, intended) if intended and fault and fault.kind in MEANT else report


def _as_meant(report: Report, intended: str) -> Report:
    """Return the report on a gate whose gradient is meant to differ from the slope."""
    rows = tuple([replace(row, verdict="meant") if row.verdict in _FAULTY else row for row in report.rows])
    note = f"meant as {intended}: {report.diagnosis}" + (f"; {report.note}" if report.note else "")
    return replace(report, verdict="pass", passed=True, diagnosis="", note=note, rows=rows)


def verdict_on(found: Sequence[Examination]) -> tuple[str, bool]:
    """Return the verdict on several points, and whether it is a pass: inconclusive points do not prevent one."""
    if _random(found):
        return "inconclusive", False
    verdicts = [one.verdict for one in found]
    if "fail" in verdicts:
        return "fail", False
    if any(one.verdict == "kink" and not one.is_passed for one in found):
        return "kink", False
    if "kink" in verdicts and (len(found) == 1 or "pass" not in verdicts):
        return "kink", True
    seen = {element.port for one in found for element in one.elements if element.is_passed}
    ports = {port for one in found for port, (_, size) in one.counts.items() if size}
    if "pass" in verdicts and ports <= seen:
        return "pass", True
    return "jump" if "jump" in verdicts else "inconclusive", False


def _random(found: Sequence[Examination]) -> str:
    """Return "forward" or "backward" if it was seen to be random anywhere, which leaves nothing to compare."""
    return next((one.random for one in found if one.random), "")


def _diagnosis(found: Sequence[Examination]) -> tuple[Examination, Fault | None]:
    """Return the most specific fault of the simplest points where something is wrong, and the first point with it."""
    bad = [one for one in found if one.verdict in _FAULTY and not one.is_passed]
    rank = min(one.rank for one in bad)
    bad = [one for one in bad if one.rank == rank]
    faults = [(one, fault) for one in bad for fault in one.faults]
    faults += [(one, Fault("kink", sentence)) for one in bad for sentence in _kinks(one)]
    faults += [(one, Fault("jump", sentence)) for one in bad for sentence in _jumps(one)]
    failed = [one for one in bad if one.patterns is not None]
    if failed and not any(fault.rank < KINDS.index(PATTERNS[0]) for _, fault in faults):
        faults.append((failed[0], _pattern(failed)))
    return min(faults, key=lambda pair: pair[1].rank) if faults else (bad[0], None)


def _pattern(failed: Sequence[Examination]) -> Fault:
    """Return the pattern that the wrong elements follow at every point where it can be seen."""
    step = max(len(failed) // _DIAGNOSED, 1)
    searched = [(one, patterns) for one in failed[::step][:_DIAGNOSED] if one.patterns and (patterns := one.patterns())]
    found: dict[int, tuple[str, str]] = {}
    wrong = sorted({port for _, patterns in searched for port in patterns.wrong})
    for kind in PATTERNS:
        for port in [port for port in wrong if port not in found]:
            answers = [patterns.find(kind, port) for _, patterns in searched if port in patterns.wrong]
            if None not in answers and any(answers):
                found[port] = kind, next(answer for answer in answers if answer)
    names = failed[0].names
    if not found:
        one = failed[0]
        worst = max((e for e in one.elements if e.verdict == "fail"), key=lambda e: e.relative_error)
        text = f"the gradient of {names[worst.port]} is {worst.analytic:.8g} where the slope is {worst.numeric:.8g}"
        return Fault("no pattern", f"no simple pattern: {text}{_wrong_and_right(failed)}")
    sentences = []
    for kind, text in dict.fromkeys(found.values()):
        which = [names[port] for port in found if found[port] == (kind, text)]
        of_all = f"the gradient of {listed(which, 'and of ')} {text}"
        sentences.append(of_all if kind != "swapped" else f"the gradients of {listed(which)} are swapped")
    if rest := [names[port] for port in wrong if port not in found]:
        sentences.append(f"the gradient of {listed(rest, 'and of ')} is wrong too, with no simple pattern")
    return Fault(min((kind for kind, _ in found.values()), key=KINDS.index), "; ".join(sentences))


def _wrong_and_right(failed: Sequence[Examination]) -> str:
    """Return which of several inputs have a wrong gradient and which a right one."""
    names, checked = failed[0].names, sorted({port for one in failed for port in one.counts})
    wrong = [
        port for port in checked if any(e.port == port and e.verdict == "fail" for one in failed for e in one.elements)
    ]
    right = [names[port] for port in checked if port not in wrong]
    if len(checked) < 2:
        return ""
    return f"; wrong: {', '.join(names[port] for port in wrong)}" + (f"; right: {', '.join(right)}" if right else "")


def _kinks(one: Examination) -> list[str]:
    """Return what is wrong at the kinks of a point."""
    outside = [
        f"{one.names[e.port]} stands at a kink: its gradient {e.analytic:.6g} lies outside the slopes on its two "
        f"sides, {e.slope.left.value:.6g} and {e.slope.right.value:.6g}"
        for e in one.elements
        if e.verdict == "kink" and not e.is_passed
    ]
    return one.kinks or outside


def _jumps(one: Examination) -> list[str]:
    """Return what has no slope at a point."""
    return [f"forward jumps here by {e.slope.jump:.6g}: it has no slope" for e in one.elements if e.verdict == "jump"]


def _note(found: Sequence[Examination], verdict: str, left_out: int, shown: Examination) -> str:
    """Return the counts of verdicts at several points, or remarks on the only one."""
    notes = [_why_inconclusive(found)] if verdict == "inconclusive" else []
    if len(found) == 1:
        return "; ".join([*notes, *_remarks(shown)])
    if not _random(found):
        counts = Counter(one.verdict for one in found)
        each = ", ".join(f"{counts[v]} {v}" for v in ("fail", "kink", "jump", "inconclusive", "pass") if counts[v])
        more = f"; {left_out} more that forward does not take" if left_out else ""
        notes.append(f"{len(found)} examples: {each}{more}")
    if verdict in ("fail", "kink"):
        others = counts[verdict] - 1
        more = f" and {others} other input{'s' * (others > 1)}" if others else ""
        notes.append(f"{verdict} at {shown.title}{more}")
    if verdict == "fail" and any(f.kind in ("raises", "shape") for one in found for f in one.faults):
        notes.append("if the gate is not made for such inputs, let its example_inputs(random) yield suitable ones")
    return "; ".join(notes)


def _why_inconclusive(found: Sequence[Examination]) -> str:
    """Return why there is no verdict."""
    if who := _random(found):
        return f"{who} is random, it gives something else each time it runs at the same inputs: fix its seed"
    if not any(one.could_fail for one in found):
        if any(element.is_cancelled for one in found for element in one.elements):
            why = "the upstream gradient makes every gradient 0, though forward moves"
        else:
            why = "no probe, near or far, moves what forward gives"
        return f"this check could not have failed: {why}"
    one = found[0]
    names = " and ".join([one.names[port] for port in one.unresolved]) or "the inputs"
    unresolved = [element for element in one.elements if element.port in one.unresolved]
    if unresolved and all(element.is_cancelled or element.is_zero for element in unresolved):
        return f"the gradient of {names} could not have failed: the upstream gradient makes it 0, though forward moves"
    return f"the slope along {names} cannot be told from forward: it is not finite, or lost in rounding"


def _remarks(one: Examination) -> list[str]:
    """Return remarks on the elements of each input at one point."""
    remarks = []
    for port, (checked, size) in one.counts.items():
        name, elements = one.names[port], [element for element in one.elements if element.port == port]
        lost = [element for element in elements if element.verdict == "inconclusive"]
        cancelled = sum(element.is_cancelled for element in lost)
        if checked < size:
            remarks.append(f"{name}: {checked:,} of {size:,} elements and {one.directions} random directions checked")
        kinks = [e.slope for e in elements if e.verdict == "kink" and e.is_passed]
        sides = f"{kinks[0].left.value:.6g} and {kinks[0].right.value:.6g}" if kinks else ""
        for count, text in (
            (sum(e.is_zero and not e.absolute_error for e in elements), ": both sides are zero"),
            (sum(e.is_zero and e.absolute_error > 0.0 for e in elements), ": both sides are zero, up to rounding"),
            (sum(e.verdict == "jump" for e in elements), ": forward jumps"),
            (cancelled, ": the upstream gradient makes it 0, though forward moves"),
            (len(lost) - cancelled, ": the slope is lost in rounding, or not finite"),
            (len(kinks), f" stands at a kink, with slopes {sides} on its sides{',' * (checked > 1)}"),
        ):
            if count:
                remarks.append(name + text + (f" at {count:,} of {checked:,} elements" if checked > 1 else ""))
    return remarks


def _rows(found: Sequence[Examination]) -> tuple[Row, ...]:
    """Return a row for each input: its worst element."""
    worst: dict[int, tuple[tuple[Any, ...], Row]] = {}
    beyond = len(_SEVERITY), 0.0, 0.0
    for one in found:
        for element in one.elements:
            key = _severity(element, len(found) == 1)
            if element.port not in worst or key > worst[element.port][0]:
                worst[element.port] = key, _row(one, element)
        for fault in one.faults:
            if fault.kind in ("none", "shape") and fault.port is not None:
                worst[fault.port] = beyond, Row(one.names[fault.port], verdict="fail")
    return tuple([worst[port][1] for port in sorted(worst)])


def _severity(element: Element, kinks_first: bool) -> tuple[Any, ...]:
    """Return how bad an element is, as a key to sort by."""
    kind = "legal kink" if element.verdict == "kink" and element.is_passed else element.verdict
    kind = "pass" if kind == "legal kink" and not kinks_first else kind
    error = element.relative_error
    return _SEVERITY.index(kind), error if error == error else math.inf, element.absolute_error


def _row(one: Examination, element: Element) -> Row:
    """Return the row of the table for an element."""
    left, right, errors = element.slope.left, element.slope.right, (element.absolute_error, element.relative_error)
    sides = (left.value, right.value) if element.slope.is_kink else ()
    index = index_of(element.place, one.shapes[element.port])
    return Row(one.names[element.port], index, element.analytic, element.numeric, *errors, element.verdict, sides)
