"""Stacked numbers: what runs as vectors and what does not, and that both give what the plain passes give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates import Add, Copy, Divide, Exp, Gate, Max, Min, Multiply, Power, ReLU, Scale, Sigmoid, Subtract, Sum, Tanh
from graph import ComputationalGraph
from graph.engines.batched import plan as batches
from graph.engines.batched.plan import Batch, Plan, Scatter, as_slice
from graph.engines.batched.stacking import stacked
from graph.engines.program import program_of
from tests.engine_circuits import moons, wide
from tests.own_gates import Blocked, Clip


def run_both(graph: ComputationalGraph, **inputs: float) -> tuple[Any, Any, Any]:
    """Return the batched engine, what it gives, and what the plain passes give."""
    run = graph.compile("batched")
    with np.errstate(all="ignore"):
        found = run(inputs)
        value = graph.forward(inputs)
        return run.__self__, found, (value, graph.backward())  # type: ignore[attr-defined]  # a bound method has it


def assert_close(found: Any, wanted: Any) -> None:
    """Compare a value and gradients to 1e-12."""
    assert list(found[1]) == list(wanted[1])
    assert all(type(number) is float for number in [found[0], *found[1].values()])
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
    np.testing.assert_allclose(list(found[1].values()), list(wanted[1].values()), rtol=1e-12, atol=1e-300)


def side_by_side(gates: list[Gate], reads: int = 1) -> ComputationalGraph:
    """Return a graph where gates read sums of two inputs each, and the output is the sum of their squares."""
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    outputs: list[Any] = []
    for place, gate in enumerate(gates):
        wire = x * (1.0 + place / 7) + y
        made = graph.add(gate, *[wire, y][:reads])
        outputs += made if isinstance(made, tuple) else [made]
    total = outputs[0]
    for wire in outputs[1:]:
        total = total + wire * wire
    graph.output = total
    return graph


def test_gates_of_a_kind_and_a_generation_are_one_operation() -> None:
    graph = side_by_side([Tanh() for _ in range(40)])
    plan = Plan(program_of(graph), set())
    found = [(type(step.gate).__name__, step.count) for step in plan.steps if isinstance(step, Batch)]
    # 39 of the 40 are squared, by Multiply; the first is not, and the sums follow one another.
    assert found == [("Scale", 40), ("Add", 40), ("Tanh", 40), ("Multiply", 39)]
    assert [len(step) for step in plan.steps if not isinstance(step, Batch)] == [39]


@pytest.mark.parametrize(
    "make",
    [
        lambda place: Scale(place / 3.0),
        lambda place: Power(float(place % 3)),
        lambda place: Copy(2),
        lambda place: Copy(1 + place % 2),
        lambda place: Sigmoid() if place % 2 else ReLU(),
    ],
)
def test_settings_are_stacked_too(make: Any) -> None:
    engine, found, wanted = run_both(side_by_side([make(place) for place in range(64)]), x=0.3, y=-0.7)
    assert_close(found, wanted)
    assert engine.extent()[0] > 3 * 64


def test_what_cannot_be_stacked_runs_gate_by_gate() -> None:
    class Undeclared(Gate):
        def forward(self, x: Any) -> Any:
            return 3 * x

        def backward(self, dy: Any) -> list[Any]:
            return [3 * dy]

    for gate in (Clip, Undeclared):
        graph = side_by_side([gate() for _ in range(40)])
        engine, found, wanted = run_both(graph, x=0.3, y=-0.7)
        assert_close(found, wanted)
        names = [type(step.gate).__name__ for step in engine._vectors.steps if isinstance(step, Batch)]
        assert gate.__name__ not in names
        assert "Scale" in names
    x, y = 2.5, 0.1  # where Clip takes the other way
    assert_close(graph.compile("batched")(x=x, y=y), (graph.forward(x=x, y=y), graph.backward()))


def test_a_setting_that_is_asked_for_its_value() -> None:
    class Picky(Gate):
        elementwise = True

        def __init__(self, a: float) -> None:
            self.a = a

        def forward(self, x: Any) -> Any:
            return self.a * x if self.a > 1 else x

        def backward(self, dy: Any) -> list[Any]:
            return [self.a * dy if self.a > 1 else dy]

    assert stacked([Picky(0.5), Picky(2.0)], 1) is None
    gates: list[Gate] = [Picky([0.5, 2.0, 3.0][place % 3]) for place in range(60)]
    engine, found, wanted = run_both(side_by_side(gates), x=0.3, y=-0.7)
    assert_close(found, wanted)
    picky = [step for step in engine._vectors.steps if isinstance(step, Batch) and type(step.gate) is Picky]
    assert [step.count for step in picky] == [20, 20, 20]


def test_a_setting_that_is_an_array_is_not_stacked() -> None:
    class Table(Gate):
        elementwise = True

        def __init__(self, table: Any) -> None:
            self.table = table

        def forward(self, x: Any) -> Any:
            return x * self.table[1]

        def backward(self, dy: Any) -> list[Any]:
            return [dy * self.table[1]]

    gates: list[Gate] = [Table(np.arange(3.0) + place) for place in range(40)]
    _, found, wanted = run_both(side_by_side(gates), x=0.3, y=-0.7)
    assert_close(found, wanted)


def test_a_setting_whose_stack_computes_something_else() -> None:
    class Sneaky(Gate):
        elementwise = True

        def __init__(self, a: float) -> None:
            self.a = a

        def forward(self, x: Any) -> Any:
            return x * np.max(self.a)

        def backward(self, dy: Any) -> list[Any]:
            return [dy * np.max(self.a)]

    _, found, wanted = run_both(side_by_side([Sneaky(1.0 + place % 2) for place in range(60)]), x=0.3, y=-0.7)
    assert_close(found, wanted)


def test_a_gate_without_a_gradient_where_one_is_wanted() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    total = y
    for _ in range(20):
        total = total + graph.add(Blocked(), np.sqrt(x)) * y  # the slope of sqrt at 0 is inf, and 0 * inf is nan
    engine, found, wanted = run_both(graph, x=0.0, y=2.0)
    assert found == wanted == (2.0, {"x": 0.0, "y": 1.0})
    assert "run by the plain engine: a gate gives no gradient where one is wanted" in repr(engine)


def test_no_gradient_at_the_end_of_the_graph() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    roots = [np.sqrt(x * (place / 7)) for place in range(20)]  # whose slope at 0 is inf, and 0 * inf is nan
    total = y * 3.0
    for root in roots:
        total = total + graph.add(Blocked(), root)
    graph.output = total
    _, found, wanted = run_both(graph, x=0.0, y=2.0)
    assert found == wanted == (6.0, {"x": 0.0, "y": 3.0})


class Strict(Gate):
    """Refuses numbers above 1."""

    def forward(self, x: Any) -> Any:
        if x > 1.0:
            raise ValueError("too large")
        return x

    def backward(self, dy: Any) -> Any:
        return [dy]


@pytest.mark.parametrize("gate", [Strict(), Sum(axis=0)], ids=repr)
def test_what_the_output_does_not_need_raises_too(gate: Gate) -> None:
    graph = side_by_side([Tanh() for _ in range(40)])
    output = graph.output
    graph.add(gate, graph["x"] * 2.0)
    graph.output = output
    with pytest.raises(ValueError, match=r"too large|axes"):
        graph.forward(x=2.0, y=1.0)
    with pytest.raises(ValueError, match=r"too large|axes"):
        graph.compile("batched")(x=2.0, y=1.0)


def test_a_narrow_part_between_wide_ones() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    for _ in range(3):
        wires = [np.tanh(x * (place / 9) + y) for place in range(30)]
        narrow = wires[0]
        for wire in wires[1:]:
            narrow = narrow + wire
        x = np.tanh(narrow) + 0.5
    graph.output = x * y
    engine, found, wanted = run_both(graph, x=0.3, y=-0.2)
    assert_close(found, wanted)
    assert sum(not isinstance(step, Batch) for step in engine._vectors.steps) == 2


def test_where_all_is_narrow() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    wire = x
    for place in range(200):
        wire = graph.add(Multiply() if place % 2 else Add(), wire, y)
    engine, found, wanted = run_both(graph, x=0.3, y=0.9)
    assert found == wanted
    assert repr(engine) == (
        "<batched engine: 200 gates, run by the source engine: no 16 gates of one kind are independent of each other>"
    )


def test_the_output_may_be_one_of_many_alike_or_an_input() -> None:
    graph = side_by_side([Tanh() for _ in range(20)])
    graph.output = graph["tanh_7"]
    _, found, wanted = run_both(graph, x=0.3, y=0.9)
    assert_close(found, wanted)
    graph.output = graph["x"]
    assert graph.compile("batched")(x=2.0, y=1.0) == (2.0, {"x": 1.0, "y": 0.0})


def test_arrays_are_refused() -> None:
    run = wide().compile("batched")
    with pytest.raises(TypeError, match=r"computes with Python floats, got ndarray of shape \(3,\) for 'x'"):
        run(x=[1.0, 2.0, 3.0], y=1.0)
    assert run(x=0.1, y=1.0)[0] == pytest.approx(wide().forward(x=0.1, y=1.0), rel=1e-12)


def test_a_gate_that_makes_an_array_of_a_number() -> None:
    graph = side_by_side([Tanh() for _ in range(20)])
    total = graph.output.reshape(1).sum()
    graph.output = total
    _, found, wanted = run_both(graph, x=0.3, y=0.9)
    assert_close(found, wanted)


@pytest.mark.parametrize("seed", range(5))
def test_wide_circuits(seed: int) -> None:
    engine, found, wanted = run_both(wide(8, 100, seed), x=0.4, y=-0.3)
    assert_close(found, wanted)
    assert engine.extent()[0] >= batches.WIDE


def test_a_network_of_scalar_gates() -> None:
    engine, found, wanted = run_both(moons(40))
    assert_close(found, wanted)
    stacked_gates, operations = engine.extent()
    assert stacked_gates > 0.95 * len(engine.program.rows)
    assert operations < 40


def test_numbers_never_warn() -> None:
    graph = side_by_side([Power(-2.0) for _ in range(20)])
    value, _ = graph.compile("batched")(x=0.0, y=0.0)  # warnings are errors here
    assert value == np.inf


class Slope(Gate):
    """y = x for x > 0, a x elsewhere, with any kind of number as a."""

    elementwise = True

    def __init__(self, a: Any) -> None:
        self.a = a

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return np.where(x > 0, x, self.a * x)

    def backward(self, dy: Any) -> list[Any]:
        (x,) = self.kept
        return [np.where(x > 0, dy, self.a * dy)]


class Wrong(Multiply):
    """A product that is none on vectors: `elementwise` is inherited."""

    def forward(self, x: Any, y: Any) -> Any:
        self.kept = x, y
        return x * y if isinstance(x, float) else x + y


class Close(Multiply):
    """A product that is a little off on vectors."""

    def forward(self, x: Any, y: Any) -> Any:
        self.kept = x, y
        return x * y if isinstance(x, float) else x * y * (1.0 + 1e-9)


class Careful(Slope):
    """A gate that checks its inputs."""

    def check(self, x: Any) -> None:
        if x > 100:
            raise ValueError("x must be at most 100")


@pytest.mark.parametrize(
    "make",
    [
        Slope,
        lambda place: Slope(place / 10),
        lambda place: Slope(np.float64(place / 10)),
        lambda place: Slope(2 + (place == 27)),
        lambda place: Slope(-0.0 if place % 2 else 0.0),
        lambda place: Wrong(),
        lambda place: Close(),
        Careful,
    ],
)
def test_gates_of_users_and_settings_of_any_kind(make: Any) -> None:
    gates = [make(place) for place in range(50)]
    reads = 2 if isinstance(gates[0], Multiply) else 1
    _, found, wanted = run_both(side_by_side(gates, reads), x=-0.3, y=0.7)
    assert_close(found, wanted)


def test_checks_are_made() -> None:
    run = side_by_side([Careful(1.0) for _ in range(50)]).compile("batched")
    run(x=1.0, y=1.0)
    with pytest.raises(ValueError, match=r"\(Careful\): x must be at most 100"):
        run(x=1000.0, y=1.0)


def test_the_sign_of_a_zero_setting() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    total = x
    for place in range(40):
        total = total + np.exp(1 / (x * (-0.0 if place % 2 else 0.0)) if place % 2 else x * 0.0)
    graph.output = total
    _, found, wanted = run_both(graph, x=2.0)
    assert found[0] == wanted[0] == 22.0


def test_a_wire_that_a_vector_and_single_gates_read_and_the_output_too() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    wires = [np.tanh(x * (place / 9) + y) for place in range(20)]
    squares = [np.exp(wire) for wire in wires]
    total = squares[0] * wires[3]
    for wire in squares[1:]:
        total = total + wire
    graph.output = total + wires[3] * 2 + wires[4]
    _, found, wanted = run_both(graph, x=0.3, y=-0.2)
    assert_close(found, wanted)
    graph.output = wires[3]
    squares_read_it = graph.copy()
    _, found, wanted = run_both(squares_read_it, x=0.3, y=-0.2)
    assert_close(found, wanted)


def test_the_output_is_read_on_by_others() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    first = [np.tanh(x * (place / 9) + y) for place in range(20)]
    second = [np.tanh(wire * first[0]) for wire in first]
    graph.output = second[5]
    _, found, wanted = run_both(graph, x=0.3, y=-0.2)
    assert_close(found, wanted)


NUMBERS = st.floats(-2, 2).filter(lambda x: abs(x) > 1e-3)
GATES: list[type] = [
    Add,
    Subtract,
    Multiply,
    Divide,
    Max,
    Min,
    Sigmoid,
    Tanh,
    Exp,
]  # the order of inputs matters in most


@st.composite
def circuits(draw: st.DrawFn) -> tuple[list[float], list[tuple[int, list[int]]], int]:
    """Return inputs, gates with the wires that they read, and the wire that is the output."""
    inputs = draw(st.lists(NUMBERS, min_size=1, max_size=4))
    gates: list[tuple[int, list[int]]] = []
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.integers(0, len(GATES) - 1))
        count = 1 if kind >= 6 else 2
        last = len(inputs) + len(gates) - 1
        gates.append((kind, draw(st.lists(st.integers(0, last), min_size=count, max_size=count))))
    return inputs, gates, draw(st.integers(len(inputs), len(inputs) + len(gates) - 1))


@settings(max_examples=200, deadline=None)
@given(circuits(), st.integers(1, 6))
def test_random_circuits(circuit: Any, copies: int) -> None:
    inputs, gates, output = circuit
    graph = ComputationalGraph()
    names = [f"x{place}" for place in range(len(inputs))]
    entries = list(graph.inputs(*names))
    outputs = []
    for number in range(copies):  # side by side, each with its inputs in another order
        wires: list[Any] = entries[number % len(entries) :] + entries[: number % len(entries)]
        for kind, reads in gates:
            wires.append(graph.add(GATES[kind](), *[wires[wire] for wire in reads]))
        outputs.append(wires[output])
    total = outputs[0]
    for wire in outputs[1:]:
        total = total * wire
    graph.output = total
    given_values = dict(zip(names, inputs))
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(batches, "WIDE", 2)
        value = graph.forward(given_values)
        wanted = value, graph.backward()
        if np.isfinite([value, *wanted[1].values()]).all():
            assert graph.compile()(given_values) == wanted
            scale = max([abs(wire.grad or 0.0) for wire in [*entries, *map(graph.__getitem__, graph)]])  # sums cancel
            found = graph.compile("batched")(given_values)
            np.testing.assert_allclose(found[0], value, rtol=1e-11)
            np.testing.assert_allclose(
                list(found[1].values()), list(wanted[1].values()), rtol=1e-11, atol=1e-14 * scale
            )


@pytest.mark.parametrize("places", [[0, 1, 2], [0, 5, 10], [3], [7, 7, 7], [1, 0], [0, 2, 3], [9, 9, 1, 5, 1000, 1000]])
def test_places_and_scatters(places: list[int]) -> None:
    vector = np.arange(2000.0)
    array = np.array(places)
    np.testing.assert_array_equal(vector[as_slice(array)], vector[array])
    gradient = np.arange(1.0, len(places) + 1)
    wanted = vector.copy()
    np.add.at(wanted, array, gradient)
    found = vector.copy()
    Scatter(array, alone=False).add(gradient, found)
    np.testing.assert_array_equal(found, wanted)
    if len(set(places)) == len(places):
        Scatter(array, alone=True).add(gradient, found)
        np.testing.assert_array_equal(found[array], gradient)
