"""The gradient check of a whole graph: end to end, and of every gate at the values that flow through it."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import numpy as np

from gates.checking.check import check_at, quiet
from gates.checking.convergence import convergence_of
from gates.checking.copies import copy_of
from gates.checking.examination import examine
from gates.checking.examples import Example
from gates.checking.function_under_test import FunctionUnderTest, GateUnderTest, Run
from gates.checking.mutants import Mutant, SelfTest
from gates.checking.report import Report
from gates.checking.verdicts import reported
from gates.formatting import aligned
from gates.values import Value
from graph.passes.nested import GraphGate
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Input

_LIMIT = 12  # elements of an input that are checked one by one; of more a sample, and random directions
_SHOWN = 10  # gates that did not pass, in the table
_MUTATED = 5  # gates, at most, whose backward a self-test mutates

_HEAD = ("gate", "class", "input", "index", "analytic", "numeric", "abs. error", "rel. error", "verdict")
_WORST_FIRST = ("fail", "kink", "jump", "inconclusive", "pass")


@dataclass(repr=False)
class GraphReport(Report):
    """The findings of a graph's check. It prints as a table of the inputs, end to end, and one of the worst gates.

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
        if not self.rows and not self.gates:
            return []
        lines = ["end to end", *(f"  {line}" for rows in super()._tables() for line in aligned(rows))]
        shown = self._worst()
        rest = Counter(report.verdict for name, report in self.gates.items() if name not in shown)
        counted = ", ".join(f"{rest[verdict]:,} {verdict}" for verdict in _WORST_FIRST if rest[verdict])
        lines += ["", f"gates{': ' + counted if not shown else ''}"]
        if shown:
            lines += [f"  {line}" for line in aligned(self._of_gates(shown))]
            lines += [f"  and {counted}"] if counted else []
            lines += ["", *(f"  {name}: {self.gates[name].diagnosis}" for name in self.blame[:_SHOWN])]
        return lines

    def _tables(self) -> list[list[tuple[str, ...]]]:
        shown = self._worst()
        return super()._tables() + ([self._of_gates(shown)] if shown else [])

    def _worst(self) -> list[str]:
        """Return the gates that did not pass, the worst first, as many as are shown."""
        unsettled = [name for name, report in self.gates.items() if report.verdict != "pass"]
        unsettled.sort(key=lambda name: (name not in self.blame, _WORST_FIRST.index(self.gates[name].verdict)))
        return unsettled[:_SHOWN]

    def _of_gates(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the table of some gates."""
        return [_HEAD, *[(name, self.classes[name], *cells) for name in names for cells in self._cells(name)]]

    def _cells(self, name: str) -> list[tuple[str, ...]]:
        """Return the rows of a gate as texts: those that did not pass, or one that says what is wrong."""
        report = self.gates[name]
        rows = [row.cells for row in report.rows if row.verdict == report.verdict]
        return rows or [(*[""] * 6, report.verdict)]


class _EndToEnd(FunctionUnderTest):
    """A graph under test, as a function of those of its inputs and parameters that have a gradient."""

    def __init__(self, graph: TwoPasses, inputs: Mapping[str, Any]) -> None:
        self.title = repr(graph)
        self._graph, self._inputs = graph, dict(inputs)
        self._names = [part.name for part in graph.schedule.differentiated]
        self._names += [name for name in graph.parameters if name not in self._names]

    def values(self) -> list[Value]:
        """Return the inputs and parameters of the graph."""
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

    def __init__(self, graph: TwoPasses, names: Sequence[str], output: Value) -> None:
        self._graph, self._names = graph, names
        self.outputs = [np.array(output) if isinstance(output, np.ndarray) else output]

    def backward(self, upstream: Sequence[Value]) -> list[Value]:
        gradients = self._graph.backward(upstream[0])
        return [gradients[name] for name in self._names]


def check_graph(graph: TwoPasses, inputs: Mapping[str, Any], upstream: Any = None) -> GraphReport:
    """Return the report on a graph at some inputs, and for some upstream gradient; a copy of it runs."""
    twin = copy.deepcopy(graph)
    twin.guard = False
    with quiet():
        twin.forward(
            {name: np.array(given) if isinstance(given, np.ndarray) else given for name, given in inputs.items()}
        )
        nodes = _nodes(twin)
        given = {name: twin.wire(name).value for name, gate, _ in twin.schedule.entries if isinstance(gate, Input)}
        gates = {node: _gate_report(gate, wanted, values) for node, (gate, wanted, values) in nodes.items()}
        blame = [node for node, report in gates.items() if report.verdict in ("fail", "kink") and not report.passed]
        function = _EndToEnd(twin, given)
        values = function.values()
        if upstream is None and type(function.start(values).outputs[0]) is float:
            upstream = 1.0
        found = examine(function, "end to end", values, upstream, np.random.default_rng([0, 1]), _LIMIT)
        whole = reported(
            function.title,
            [found],
            lambda: SelfTest(()),
            lambda one: convergence_of(function, *one.point),
            diagnose=not blame,
        )
    classes = {node: type(gate).__name__ for node, (gate, _, _) in nodes.items()}
    named = {node: f"{node} ({name})" for node, name in classes.items()}
    node, stop = ("", "") if whole.passed or blame else _stop(twin, inputs, found.point[1])
    met = {row.input: _kinks_behind(twin, row.input, gates) for row in whole.rows}
    if stop and whole.verdict == "fail":
        verdict, passed, diagnosis, blame = "fail", False, stop, [node]
    else:
        verdict, passed, diagnosis = _verdict(whole, found.could_fail, gates, blame, named, met)
    return GraphReport(
        title=repr(graph),
        verdict=verdict,
        passed=passed,
        diagnosis=diagnosis,
        note=_note(whole, gates, passed, "" if stop == diagnosis else stop, _left_out(graph, inputs)),
        rows=whole.rows,
        _self_test=lambda: _mutants(nodes),
        _convergence=whole._convergence,
        example=whole.example,
        where=whole.where,
        blame=blame,
        gates=gates,
        classes=classes,
    )


def _nodes(graph: TwoPasses) -> dict[str, tuple[Any, tuple[bool, ...], list[Value]]]:
    """Return each gate whose backward runs, which gradients are wanted of it, and what it reads, by name."""
    nodes = {}
    for call in graph.schedule.calls:
        gate = graph.gate(call.node)
        if call.backward is not None and (any(call.gate.wanted) or isinstance(gate, GraphGate)):
            nodes[call.node] = gate, call.gate.wanted, copy_of([wire.value for wire in graph.reads(call.node)])
    return nodes


def _gate_report(gate: Any, wanted: Sequence[bool], values: Sequence[Value]) -> Report:
    """Return the report on a gate at the values that it reads; for a nested graph, the report on that graph."""
    if isinstance(gate, GraphGate):
        return check_graph(gate.graph, dict(zip(gate.input_names, values)))
    return check_at(GateUnderTest(gate, wanted), [Example("the values in the graph", tuple(values))], None, 0, _LIMIT)


def _kinks_behind(graph: TwoPasses, name: str, gates: Mapping[str, Report]) -> list[str]:
    """Return the gates at a kink that an input or a parameter leads to."""
    kinks = [node for node, report in gates.items() if report.verdict == "kink"]
    if not kinks or name not in graph:  # a parameter of a nested graph
        return kinks
    behind = nx.descendants(graph.graph, name)
    return [node for node in kinks if node in behind]


def _verdict(
    whole: Report,
    could_fail: bool,
    gates: Mapping[str, Report],
    blame: Sequence[str],
    named: Mapping[str, str],
    met: Mapping[str, list[str]],
) -> tuple[str, bool, str]:
    """Return the verdict on the graph, whether it passed, and what is wrong."""
    if blame:
        first = max(blame, key=lambda node: gates[node].verdict == "fail")
        others = [node for node in blame if node != first]
        also = f"; also to blame: {_listed(others, _SHOWN)}" if others else ""
        return gates[first].verdict, False, f"{named[first]}: {gates[first].diagnosis}{also}"
    wrong = [] if whole.passed else [row for row in whole.rows if row.verdict in ("fail", "kink")]
    if wrong and all(met[row.input] and math.isfinite(row.analytic) for row in wrong):
        row = wrong[0]
        where = _listed([named[node] for node in met[row.input]], 3)
        return (
            "kink",
            False,
            f"{row.input} meets a kink at {where}: each gate's choice there is legal, but together they give "
            f"{row.analytic:.6g} where the whole has the slope {row.numeric:.6g}",
        )
    if whole.verdict == "inconclusive" and could_fail and any(row.verdict == "pass" for row in whole.rows):
        return "pass", True, ""
    return whole.verdict, whole.passed, f"end to end: {whole.diagnosis}" if whole.diagnosis else ""


def _stop(graph: TwoPasses, inputs: Mapping[str, Any], upstream: Sequence[Value]) -> tuple[str, str]:
    """Return the first gate that makes an inf or a nan, and what the guard says of it; nothing if none does."""
    guarded = copy.deepcopy(graph)
    guarded.guard = True
    try:
        guarded.forward(inputs)
        guarded.backward(*upstream)
    except FloatingPointError as error:
        return vars(error).get("node", ""), str(error)
    return "", ""


def _left_out(graph: TwoPasses, inputs: Mapping[str, Any]) -> list[str]:
    """Return the inputs that have no gradient because the user wants none."""
    return [name for name in inputs if name in graph and not getattr(graph.gate(name), "grad", True)]


def _note(whole: Report, gates: Mapping[str, Report], passed: bool, stop: str, left_out: Sequence[str]) -> str:
    """Return the note of a report."""
    notes = [text for text in (stop, whole.note) if text]
    if left_out:
        notes.append(f"not looked at: {', '.join(left_out)} (grad=False)")
    kinks = [node for node, report in gates.items() if report.verdict == "kink"]
    if kinks and passed:
        notes.append(f"at a kink: {_listed(kinks, _SHOWN)}")
    return "; ".join(notes) if whole.rows or gates else "no input and no parameter has a gradient"


def _listed(names: Sequence[str], most: int) -> str:
    """Return at most so many names as a list."""
    return ", ".join(names[:most]) + ", ..." * (len(names) > most)


def _mutants(nodes: Mapping[str, tuple[Any, tuple[bool, ...], list[Value]]]) -> SelfTest:
    """Return what the check says of mutants of some of the gates."""
    every = max(len(nodes) // _MUTATED, 1)
    mutants: list[Mutant] = []
    for node in list(nodes)[::every][:_MUTATED]:
        report = _gate_report(*nodes[node])
        mutants += [Mutant(f"{node}: {mutant.change}", mutant.caught, mutant.verdict) for mutant in report.self_test()]
    return SelfTest(tuple(mutants))
