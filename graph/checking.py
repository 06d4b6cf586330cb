"""The check of a whole graph: end to end, and every gate at the values that flow through it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gates.checking.check import check_at, quiet
from gates.checking.controls import Control, SelfTest
from gates.checking.examination import examine
from gates.checking.examples import Example
from gates.checking.report import Report, aligned
from gates.checking.subject import GateSubject, Run, Subject
from gates.checking.verdicts import reported
from gates.values import Value
from graph.entries import Input
from graph.nested import GraphGate

if TYPE_CHECKING:
    from graph.computational_graph import ComputationalGraph

_LIMIT = 12  # elements of an input are checked one by one; of more a sample, and random directions
_SHOWN = 10  # gates that did not pass, in the table
_CONTROLLED = 5  # gates, at most, whose backward a self-test spoils

_HEAD = ("gate", "class", "input", "index", "analytic", "numeric", "abs. error", "rel. error", "verdict")
_WORST_FIRST = ("fail", "kink", "inconclusive", "pass")


@dataclass(repr=False)
class GraphReport(Report):
    """What the check of a graph found. Printed, it has a table of the inputs, end to end, and one of the worst gates.

    Attributes
    ----------
    blame : list of str
        The names of the faulty gates.
    gates : dict of str to Report
        The report on each gate at its inputs, by name.
    classes : dict of str to str
        The class of each gate, by name.
    """

    blame: list[str] = field(default_factory=list)
    gates: dict[str, Report] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)

    def _table(self) -> list[str]:
        lines = ["end to end", *(f"  {line}" for line in super()._table())]
        ranked = sorted(
            self.gates, key=lambda name: (name not in self.blame, _WORST_FIRST.index(self.gates[name].verdict))
        )
        unsettled = [name for name in ranked if self.gates[name].verdict != "pass"]
        shown = unsettled[:_SHOWN]
        rest = Counter(self.gates[name].verdict for name in ranked if name not in shown)
        counted = ", ".join(f"{rest[verdict]:,} {verdict}" for verdict in _WORST_FIRST if rest[verdict])
        lines += ["", f"gates{': ' + counted if not shown else ''}"]
        if shown:
            cells = [(name, self.classes[name], *cells) for name in shown for cells in self._cells(name)]
            lines += [f"  {line}" for line in aligned([_HEAD, *cells])]
            lines += [f"  and {counted}"] if counted else []
        return lines

    def _cells(self, name: str) -> list[tuple[str, ...]]:
        """Return the rows of a gate as texts: those that did not pass, or one that says what is wrong."""
        report = self.gates[name]
        rows = [row.cells for row in report.rows if row.verdict == report.verdict]
        return rows or [(*[""] * 6, report.verdict)]


class _EndToEnd(Subject):
    """A graph on trial, as a function of those of its inputs and parameters that have a gradient."""

    def __init__(self, graph: ComputationalGraph, inputs: Mapping[str, Any]) -> None:
        self.title = repr(graph)
        self._graph, self._inputs = graph, dict(inputs)
        self._names = [name for name, _ in graph._schedule.differentiated]
        self._names += [name for name in graph.parameters if name not in self._names]

    def values(self) -> list[Value]:
        """Return where the graph stands."""
        return [self._inputs[name] if name in self._inputs else self._graph.parameters[name] for name in self._names]

    def names(self, count: int) -> list[str]:
        return self._names

    def start(self, inputs: Sequence[Value]) -> Run:
        given = dict(zip(self._names, inputs))
        for name in self._graph.parameters:
            self._graph.parameters[name] = given[name]
        output = self._graph.forward({name: given.get(name, value) for name, value in self._inputs.items()})
        return _GraphRun(self._graph, self._names, output)


class _GraphRun(Run):
    """A graph after its forward pass."""

    def __init__(self, graph: ComputationalGraph, names: Sequence[str], output: Value) -> None:
        self._graph, self._names = graph, names
        self.outputs = [np.array(output) if isinstance(output, np.ndarray) else output]

    def backward(self, upstream: Sequence[Value]) -> list[Value]:
        gradients = self._graph.backward(upstream[0])
        return [gradients[name] for name in self._names]


def check_graph(graph: ComputationalGraph, inputs: Mapping[str, Any]) -> GraphReport:
    """Return the report on a graph at some inputs; it is copied, and stays as it is."""
    twin = copy.deepcopy(graph)
    with quiet():
        twin.guard = False
        twin.forward(inputs)
        inputs = {name: twin._values[slot] for name, gate, slot in twin._schedule.entries if isinstance(gate, Input)}
        subjects = _subjects(twin)
        gates = {
            node: check_at(subject, [Example("the values in the graph", tuple(values))], None, 0, _LIMIT)
            for node, (subject, values) in subjects.items()
        }
        blame = [node for node, report in gates.items() if report.verdict in ("fail", "kink") and not report.passed]
        whole = _end_to_end(twin, inputs, diagnose=not blame)
    verdict, passed, diagnosis = _verdict(whole, gates, blame, twin)
    return GraphReport(
        title=repr(graph),
        verdict=verdict,
        passed=passed,
        diagnosis=diagnosis,
        note=_note(whole, gates, passed),
        rows=whole.rows,
        controls=lambda: _controls(subjects),
        blame=blame,
        gates=gates,
        classes={node: type(twin.graph.nodes[node]["gate"]).__name__ for node in gates},
    )


def _subjects(graph: ComputationalGraph) -> dict[str, tuple[GateSubject, list[Value]]]:
    """Return each gate whose backward runs, with the values that it reads, by name."""
    subjects = {}
    for step in graph._schedule.steps:
        if step.backward is not None and any(step.gate.wanted):
            gate = graph.graph.nodes[step.node]["gate"]
            values = [graph._values[slot] for slot in step.sources]
            subjects[step.node] = GateSubject(gate, step.gate.wanted), values
    return subjects


def _end_to_end(graph: ComputationalGraph, inputs: Mapping[str, Any], diagnose: bool) -> Report:
    """Return the report on the graph as one function."""
    subject = _EndToEnd(graph, inputs)
    values = subject.values()
    upstream = [1.0] if type(subject.start(values).outputs[0]) is float else None
    found = examine(subject, "end to end", values, upstream, np.random.default_rng(0), _LIMIT)
    return reported(subject.title, [found], lambda: SelfTest(()), diagnose=diagnose)


def _verdict(
    whole: Report, gates: Mapping[str, Report], blame: Sequence[str], graph: ComputationalGraph
) -> tuple[str, bool, str]:
    """Return the verdict on the graph, whether it passed, and what is wrong."""
    kinks = [node for node, report in gates.items() if report.verdict == "kink"]
    if blame:
        first = max(blame, key=lambda node: gates[node].verdict == "fail")
        more = f" (and {len(blame) - 1} more gates to blame)" if len(blame) > 1 else ""
        sentence = f"{_named(graph, first)}: {gates[first].diagnosis}{_within(graph, first)}{more}"
        return ("fail" if gates[first].verdict == "fail" else "kink"), False, sentence
    if not whole.passed and whole.verdict in ("fail", "kink") and kinks:
        worst = next(row for row in whole.rows if row.verdict == whole.verdict)
        stand = ", ".join(_named(graph, node) for node in kinks[:3]) + (", ..." if len(kinks) > 3 else "")
        return (
            "kink",
            False,
            f"{worst.input} meets a kink at {stand}: each gate's choice there is legal, but together they give "
            f"{worst.analytic:.6g} where the whole has the slope {worst.numeric:.6g}",
        )
    if (
        whole.verdict == "inconclusive"
        and any(row.verdict == "pass" for row in whole.rows)
        and not _could_not_fail(whole)
    ):
        return "pass", True, ""
    return whole.verdict, whole.passed, f"end to end: {whole.diagnosis}" if whole.diagnosis else ""


def _could_not_fail(report: Report) -> bool:
    return "could not have failed" in report.note


def _note(whole: Report, gates: Mapping[str, Report], passed: bool) -> str:
    """Return what else is to be said."""
    notes = [whole.note] if whole.note else []
    kinks = [node for node, report in gates.items() if report.verdict == "kink"]
    if kinks and passed:
        notes.append(f"at a kink: {', '.join(kinks[:_SHOWN])}{', ...' * (len(kinks) > _SHOWN)}")
    return "; ".join(notes)


def _named(graph: ComputationalGraph, node: str) -> str:
    """Return a gate's name and class."""
    return f"{node} ({type(graph.graph.nodes[node]['gate']).__name__})"


def _within(graph: ComputationalGraph, node: str) -> str:
    """Return which gates of a graph that is a gate are to blame."""
    gate = graph.graph.nodes[node]["gate"]
    if not isinstance(gate, GraphGate):
        return ""
    step = next(step for step in graph._schedule.steps if step.node == node)
    inner = check_graph(gate.graph, dict(zip(gate.input_names, [graph._values[slot] for slot in step.sources])))
    return f", within it {', '.join(inner.blame)}" if inner.blame else ""


def _controls(subjects: Mapping[str, tuple[GateSubject, list[Value]]]) -> SelfTest:
    """Return what the check says to some of the gates when their backward is spoiled."""
    every = max(len(subjects) // _CONTROLLED, 1)
    controls: list[Control] = []
    for node in list(subjects)[::every][:_CONTROLLED]:
        subject, values = subjects[node]
        report = check_at(subject, [Example("the values in the graph", tuple(values))], None, 0, _LIMIT)
        controls += [
            Control(f"{node}: {control.change}", control.caught, control.verdict) for control in report.self_test()
        ]
    return SelfTest(tuple(controls))
