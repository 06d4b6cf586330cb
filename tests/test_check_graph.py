"""The check of whole graphs: end to end, gate by gate, and who is to blame."""

import re
from typing import Any

import numpy as np
import pytest

from gates import Add, Copy, Gate, Max, Multiply, ReLU, Sigmoid, Subtract, Tanh, sum_to
from graph import ComputationalGraph, fully_connected
from losses import SoftmaxLoss, SVMLoss
from tests.own_gates import MultiplyGate
from tests.wrong_gates import StaleMultiply


class Doubled(Multiply):
    """x * y whose gradient of x is twice what it should be."""

    def backward(self, dz: Any) -> Any:
        dx, dy = super().backward(dz)
        return [2 * dx, dy]


def circuit(gates: int, planted: dict[int, Gate], seed: int = 0) -> ComputationalGraph:
    """Return a random circuit of scalar gates, some of which are planted."""
    random = np.random.default_rng(seed)
    graph = ComputationalGraph()
    wires = list(graph.inputs(*[f"x{i}" for i in range(6)]))
    for place in range(gates):
        gate = planted.get(place) or [Add, Subtract, Multiply, Max, Tanh, Sigmoid, ReLU][random.integers(7)]()
        sources = random.integers(max(0, len(wires) - 20), len(wires), gate.takes[0])
        wires.append(graph.add(gate, *[np.tanh(wires[i]) if place % 7 == 0 else wires[i] for i in sources]))
    total = wires[-1]
    for wire in wires[-30:-1]:
        total = total + np.tanh(wire)
    graph.output = total
    return graph


def values(seed: int = 0) -> dict[str, float]:
    """Return inputs of the circuit."""
    random = np.random.default_rng(seed)
    return {f"x{i}": float(random.normal()) for i in range(6)}


def test_the_lectures_circuit() -> None:
    graph = ComputationalGraph.from_expression("(x + y) * z")
    report = graph.check(x=-2, y=5, z=-4)
    assert (report.verdict, report.passed, report.blame, report.diagnosis) == ("pass", True, [], "")
    assert [(row.input, row.analytic) for row in report.rows] == [("x", -4.0), ("y", -4.0), ("z", 3.0)]
    assert {name: gate.verdict for name, gate in report.gates.items()} == {"add_1": "pass", "multiply_1": "pass"}
    assert str(graph.check({"x": -2, "y": 5}, z=-4)) == str(report)


def test_no_gate_is_blamed_in_a_right_circuit() -> None:
    for seed in range(4):
        report = circuit(80, {}, seed).check(values(seed))
        assert report.blame == []
        assert report.passed, report


@pytest.mark.parametrize("place", [0, 60, 130, 259])
def test_one_fault_among_300_gates_is_named(place: int) -> None:
    graph = circuit(260, {place: Doubled()})
    assert len(graph) > 300
    report = graph.check(values())
    assert report.blame == ["doubled_1"]
    assert report.diagnosis == "doubled_1 (Doubled): the gradient of x is off by a factor of 2"
    assert (report.verdict, report.passed) == ("fail", False)
    lines = str(report).splitlines()
    assert len(lines) < 40
    assert any(line.split()[:3] == ["doubled_1", "Doubled", "x"] for line in lines)
    assert lines.index("gates") < next(i for i, line in enumerate(lines) if "doubled_1" in line and "Doubled  " in line)


def test_several_faults_of_other_kinds() -> None:
    class Raising(Sigmoid):
        def backward(self, dy: Any) -> Any:
            raise KeyError("dy")

    graph = circuit(60, {10: Doubled(), 30: StaleMultiply(), 50: Doubled()})
    report = graph.check(values())
    assert report.blame == ["doubled_1", "stale_multiply_1", "doubled_2"]
    assert report.diagnosis.endswith("; also to blame: stale_multiply_1, doubled_2")
    report = circuit(60, {10: Raising()}).check(values())
    assert report.blame == ["raising_1"]
    assert report.diagnosis == "raising_1 (Raising): backward raises KeyError: 'dy'"


def test_a_fault_that_no_gradient_reaches_is_named_as_well() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    graph.output = graph.add(Doubled(), x, x, name="f") * 0.0 + x
    report = graph.check(x=3.0)
    assert report.blame == ["f"]
    assert {row.verdict for row in report.rows} == {"pass"}


def test_a_dead_relu_is_nobodys_fault() -> None:
    graph = ComputationalGraph.from_expression("relu(x) * y + x")
    report = graph.check(x=-3, y=2)
    assert (report.blame, report.passed) == ([], True)
    dead = ComputationalGraph.from_expression("relu(relu(x) - 5)").check(x=1.0)
    assert dead.blame == []
    behind = ComputationalGraph()
    x, y = behind.inputs("x", "y")
    behind.output = np.maximum(behind.add(Doubled(), x, y, name="f"), 0) + x
    assert behind.check(x=-3.0, y=2.0).blame == ["f"]


class TestKinks:
    """Legal choices, and what they add up to."""

    def test_a_gate_at_its_kink_is_legal(self) -> None:
        report = ComputationalGraph.from_expression("relu(x)").check(x=0)
        assert (report.verdict, report.passed, report.blame) == ("kink", True, [])

    def test_two_legal_choices_that_are_wrong_together(self) -> None:
        report = ComputationalGraph.from_expression("relu(x) - relu(-x)").check(x=0)
        assert (report.verdict, report.passed, report.blame) == ("kink", False, [])
        assert report.diagnosis == (
            "x meets a kink at relu_1 (ReLU), relu_2 (ReLU): each gate's choice there is legal, but together they give "
            "0 where the whole has the slope 1"
        )
        with pytest.raises(AssertionError, match="each gate's choice there is legal"):
            report.raise_if_failed()

    def test_an_illegal_choice_is_blamed(self) -> None:
        class Both(Max):
            def backward(self, dz: Any) -> Any:
                x, y = self.kept
                return [sum_to(dz * (x >= y), x), sum_to(dz * (x <= y), y)]

        graph = ComputationalGraph()
        graph.output = graph.add(Both(), *graph.inputs("x", "y"), name="m") * 3
        assert graph.check(x=1.0, y=2.0).passed
        report = graph.check(x=1.0, y=1.0)
        assert (report.verdict, report.passed, report.blame) == ("kink", False, ["m"])


def test_what_cannot_be_checked() -> None:
    report = ComputationalGraph.from_expression("x - x").check(x=3)
    assert (report.verdict, report.passed, report.blame) == ("inconclusive", False, [])
    assert report.note.startswith("this check could not have failed")
    assert ComputationalGraph.from_expression("log(x)").check(x=-1).verdict == "inconclusive"


@pytest.mark.parametrize("loss", [SoftmaxLoss, SVMLoss])
def test_a_network_with_labels_and_parameters(loss: Any) -> None:
    graph = fully_connected([5, 7, 4], loss=loss, regularization=0.1, seed=1)
    random = np.random.default_rng(0)
    report = graph.check(X=random.normal(size=(6, 5)), y=random.integers(0, 4, 6))
    assert report.passed, report
    assert [row.input for row in report.rows] == ["W1", "b1", "W2", "b2"]
    assert re.search(r"W1: \d of 35 elements and 4 random directions checked", report.note)


def test_graphs_within_graphs() -> None:
    def outer(gate: Gate) -> ComputationalGraph:
        inner = ComputationalGraph()
        inner.output = np.tanh(inner.add(gate, inner.input("x"), inner.parameter("w", 0.7)))
        graph = ComputationalGraph()
        graph.output = (graph.add(inner.as_gate(), graph.input("a")) * graph.parameter("v", [1.0, 2.0])).sum()
        return graph

    report = outer(Multiply()).check(a=[0.1, 0.2])
    assert report.passed
    assert [row.input for row in report.rows] == ["a", "v", "graph_1.w"]
    report = outer(Doubled()).check(a=[0.1, 0.2])
    assert report.blame == ["graph_1"]
    assert report.diagnosis == "graph_1 (GraphGate): doubled_1 (Doubled): the gradient of x is off by a factor of 2"


def test_classes_that_do_not_derive_from_gate_and_several_outputs() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    a, b = graph.add(Copy(2), graph.add(MultiplyGate(), x, y))
    graph.output = a * b
    assert graph.check(x=2, y=-3).passed
    graph = ComputationalGraph()
    graph.output = graph.add(MultiplyGate(), *graph.inputs("x", "y"), name="f").sum()
    assert graph.check(x=[1, 2], y=[3, 4]).passed


def test_outputs_that_are_arrays_and_inputs_without_gradient() -> None:
    class NoGradient(Gate):
        def forward(self, x: Any) -> Any:
            return np.sin(x)

        def backward(self, dz: Any) -> Any:
            raise NotImplementedError

    graph = ComputationalGraph()
    X = graph.add(NoGradient(), graph.input("X", grad=False))
    graph.output = X @ graph.parameter("W", np.arange(6.0).reshape(3, 2))
    report = graph.check(X=np.ones((4, 3)))
    assert report.passed
    assert [row.input for row in report.rows] == ["W"]


def test_the_graph_stays_as_it_is() -> None:
    graph = ComputationalGraph()
    x, w = graph.input("x"), graph.parameter("w", np.array([1.0, 2.0]))
    f = graph.add(MultiplyGate(), x, w, name="f")
    graph.output = f.sum()
    given = np.array([3.0, 4.0])
    graph.forward(x=given)
    gradients = graph.backward()
    state = dict(vars(graph.graph.nodes["f"]["gate"]))
    assert graph.check(x=[5.0, 6.0]).passed
    assert vars(graph.graph.nodes["f"]["gate"]) == state
    assert graph.parameters["w"] is graph.graph.nodes["w"]["gate"].value
    assert graph.parameters["w"].tolist() == [1.0, 2.0]
    assert f.value.tolist() == [3.0, 8.0]
    assert x.grad.tolist() == gradients["x"].tolist() == [1.0, 2.0]
    assert given.tolist() == [3.0, 4.0]


def test_bad_input_is_an_error() -> None:
    graph = ComputationalGraph.from_expression("x * y")
    for call, error, message in (
        (lambda: graph.check(x=1), ValueError, "give a value to y: y=..."),
        (lambda: graph.check(x=1, y=2, z=3), ValueError, "unknown input 'z'"),
        (lambda: graph.check({"x": 1}, x=2, y=3), TypeError, "input 'x' is given twice"),
        (lambda: graph.check([1, 2]), TypeError, "inputs must be given as a mapping or by keyword, got list"),
        (lambda: graph.check(x="a", y=1), TypeError, "input 'x': a number or an array of numbers was wanted"),
    ):
        with pytest.raises(error, match=message):
            call()


def test_the_table_of_many_gates_is_short() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    total = x
    for _ in range(300):
        total = total + graph.add(ReLU(), x)
    graph.output = total
    report = graph.check(x=0.0)
    lines = str(report).splitlines()
    assert len(lines) < 30
    assert "  and 290 kink, 300 pass" in lines
    assert report.note.endswith("relu_10, ...")


def test_a_self_test_of_some_gates() -> None:
    controls = circuit(40, {}).check(values()).self_test()
    assert len({control.change.split(":")[0] for control in controls}) > 1
    assert len(controls) > 20
    assert "every gradient doubled" in str(controls)
