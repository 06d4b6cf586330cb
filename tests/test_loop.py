"""The engine that interprets, in Python and compiled by numba."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gates import Add, Exp, Gate, Log, Multiply, Power, Reciprocal, Scale, Sqrt, Tanh
from gates.checking.copies import same
from graph import ComputationalGraph
from graph.engines.loop.plan import Plan
from graph.engines.program import program_of
from graph.engines.trace.kinds import key_of
from tests.benchmarks.large_circuits import CIRCUITS, build

BOTH = pytest.mark.parametrize("engine", ["loop", "numba"])


def chained(*gates: Gate) -> ComputationalGraph:
    """Return a chain of gates on one input."""
    graph = ComputationalGraph()
    wire: Any = graph.input("x")
    for gate in gates:
        wire = graph.add(gate, wire)
    return graph


def passes(graph: ComputationalGraph, **inputs: float) -> tuple[Any, dict[str, Any]]:
    """Return what the passes give."""
    with np.errstate(all="ignore"):
        return graph.forward(inputs), graph.backward()


def bits(run: tuple[Any, dict[str, Any]]) -> list[tuple[str, str]]:
    """Return a value and gradients as texts that tell 0.0 from -0.0."""
    value, gradients = run
    return [("", float(value).hex()), *[(name, float(one).hex()) for name, one in gradients.items()]]


@BOTH
@pytest.mark.parametrize("shape", list(CIRCUITS))
def test_large_circuits_have_the_bits_of_the_passes(engine: str, shape: str) -> None:
    circuit = CIRCUITS[shape](3000)
    graph = build(circuit)
    inputs = dict(zip(circuit.names(), circuit.inputs))
    assert bits(graph.compile(engine)(inputs)) == bits(passes(graph, **inputs))


@BOTH
@pytest.mark.parametrize("x", [0.0, -0.0, -2.0, 1e300, -1e300, 800.0, -800.0, math.inf, -math.inf, math.nan])
def test_where_math_raises_the_answer_is_that_of_ieee_arithmetic(engine: str, x: float) -> None:
    for gates in ([Exp()], [Log()], [Sqrt()], [Reciprocal()], [Reciprocal(), Exp(), Tanh()], [Exp(), Exp(), Log()]):
        graph = chained(*gates)
        value, gradients = graph.compile(engine)(x=x)
        wanted = passes(graph, x=x)
        assert same(value, wanted[0], 0.0)
        assert same(gradients["x"], wanted[1]["x"], 0.0)


class Cubed(Gate):
    """z = x**3, with Python's operator."""

    def forward(self, x: Any) -> Any:
        self.kept = x
        return x**3

    def backward(self, dz: Any) -> list[Any]:
        return [dz * 3.0 * self.kept**2]


@BOTH
def test_powers_are_within_one_ulp(engine: str) -> None:
    for gate in (Cubed(), *map(Power, (2, 3, -1, 0.5, 2.5))):
        graph = chained(gate)
        run = graph.compile(engine)
        for x in np.random.default_rng(0).uniform(0.1, 10.0, 50).tolist():
            for found, wanted in zip(bits(run(x=x)), bits(passes(graph, x=x))):
                one, other = float.fromhex(found[1]), float.fromhex(wanted[1])
                # The slope has a power and two products.
                assert abs(one - other) <= (0.0 if engine == "loop" else 3.0 * math.ulp(other))


@BOTH
def test_gates_of_many_inputs_and_branches(engine: str) -> None:
    graph = ComputationalGraph()
    x, y, z, w = graph.inputs("x", "y", "z", "w")
    first = graph.add(Three(), x, y, z)
    second = graph.add(Three(), first, first, w)
    graph.add(Three(), second, x, second * w)
    for numbers in ([1.0, 2.0, 3.0, -4.0], [-1.0, 0.0, -0.0, 0.5]):
        inputs = dict(zip("xyzw", numbers))
        assert bits(graph.compile(engine)(inputs)) == bits(passes(graph, **inputs))


class Three(Gate):
    """f = a b + c, of three inputs."""

    def forward(self, a: Any, b: Any, c: Any) -> Any:
        self.kept = a, b
        return a * b + c

    def backward(self, df: Any) -> list[Any]:
        a, b = self.kept
        return [df * b, df * a, df]


class Hot(Gate):
    """z = x where x is above a threshold, which cannot be traced."""

    def __init__(self, threshold: float = 0.0) -> None:
        self.threshold = threshold

    def forward(self, x: Any) -> Any:
        self.kept = float(x) > self.threshold
        return x if self.kept else 0.0

    def backward(self, dz: Any) -> list[Any]:
        return [dz if self.kept else 0.0]


@BOTH
def test_gates_that_cannot_be_traced_run_as_objects_between_stretches(engine: str) -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    wire: Any = x
    for number in range(20):
        wire = graph.add(Hot(-5.0), wire * y + 0.25, name=f"hot_{number}")
    graph.output = wire * x
    run = graph.compile(engine)
    for x_value in (1.5, -0.0, -40.0):
        assert bits(run(x=x_value, y=0.75)) == bits(passes(graph, x=x_value, y=0.75))
    assert "20 gates run as objects, such as hot_0: it asks for the value of a number" in repr(run)


@BOTH
def test_arrays_are_refused_or_run_gate_by_gate(engine: str) -> None:
    run = ComputationalGraph.from_expression("x * y").compile(engine)
    with pytest.raises(
        TypeError, match=rf"the {engine} engine computes with Python floats, got ndarray of shape \(2,\)"
    ):
        run(x=[1.0, 2.0], y=3.0)
    assert run(x=2.0, y=3.0) == (6.0, {"x": 3.0, "y": 2.0})

    class Pair(Gate):
        def forward(self, x: Any) -> Any:
            return np.array([x, x])

        def backward(self, dz: Any) -> list[Any]:
            return [float(dz.sum())]

    graph = chained(Pair())
    graph.output = graph.output.sum()
    run = graph.compile(engine)
    assert run(x=2.0) == passes(graph, x=2.0) == (4.0, {"x": 2.0})
    assert "run by the plain engine: pair_1 gives an array" in repr(run)


@BOTH
def test_nothing_flows_where_the_passes_send_nothing(engine: str) -> None:
    graph = ComputationalGraph()
    x, y, *_ = graph.inputs("x", "y", "unused")
    graph.add(Reciprocal(), y)  # the output does not need it, and its slope is infinite at 0
    graph.output = x * 2
    found = graph.compile(engine)(x=3.0, y=0.0, unused=-1.0)
    assert found == (6.0, {"x": 2.0, "y": 0.0, "unused": 0.0})


def test_a_kind_is_traced_once_whatever_the_number_of_gates() -> None:
    graph = chained(*[gate for number in range(500) for gate in (Scale(float(number % 3)), Tanh(), Power(2))])
    plan = Plan(program_of(graph))
    assert len(plan.kinds) == 5
    assert sorted(plan.counts) == [166, 167, 167, 500, 500]
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    graph.output = x * y + x * graph.constant(3.0) + y * graph.constant(2.0)
    rows = program_of(graph).rows
    assert len({key_of(row) for row in rows if isinstance(row.gate, Multiply)}) == 2  # that of 3 is not wanted
    assert len({key_of(row) for row in rows if isinstance(row.gate, Add)}) == 1


def test_numba_keeps_its_code_for_the_next_process(tmp_path: Path) -> None:
    program = (
        "from graph import ComputationalGraph\n"
        "run = ComputationalGraph.from_expression('x * y + tanh(x)').compile('numba')\n"
        "print(run(x=0.5, y=2.0)[0])\n"
        "from graph.engines.loop import compiling\n"
        "(stats,) = [p.forward.stats for p in [run.__self__._interpreter.compiled]]\n"
        "print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))\n"
    )
    lines = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "XDG_CACHE_HOME": str(tmp_path)},
        )
        lines.append(done.stdout.split())
    assert [line[1:] for line in lines] == [["0", "1"], ["1", "0"]]
    assert float(lines[0][0]) == 0.5 * 2.0 + math.tanh(0.5)


def test_numba_works_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: Any) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    graph = ComputationalGraph.from_expression("x * y + tanh(x) - tanh(y * 0.125)")
    assert bits(graph.compile("numba")(x=0.5, y=2.0)) == bits(passes(graph, x=0.5, y=2.0))


def test_without_numba_it_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr("graph.engines.loop.compiling.is_installed", lambda: False)
    with pytest.raises(ImportError, match="needs numba, which is not installed: pip install numba"):
        ComputationalGraph.from_expression("x * y").compile("numba")


class Clipped(Gate):
    """z = x between -1 and 1, with a function of NumPy that numba does not have for numbers."""

    def forward(self, x: Any) -> Any:
        self.kept = x
        return np.clip(x, -1.0, 1.0)

    def backward(self, dz: Any) -> list[Any]:
        return [dz * np.heaviside(1.0 - self.kept * self.kept, 0.0)]


def test_what_numba_cannot_compile_runs_as_an_object() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    graph.output = graph.add(Clipped(), x * y, name="clipped") * x
    run = graph.compile("numba")
    for x_value in (0.25, 4.0):
        assert bits(run(x=x_value, y=0.5)) == bits(passes(graph, x=x_value, y=0.5))
    assert "1 gate run as objects, such as clipped: numba does not compile its formulas" in repr(run)
    assert "objects" not in repr(graph.compile("loop"))
