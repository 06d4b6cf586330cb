"""Where a gradient comes from, in numbers."""

import numpy as np
import pytest

from gates import Copy, Max
from graph import ComputationalGraph
from tests.circuits import CIRCUIT_1, STAGED, after_both, batch, circuit_1, forked, network, random_circuit, staged


def test_the_staged_example_has_three_parts() -> None:
    found = after_both(staged(), STAGED).explain("x")
    # d/dx of n / d with n = x + s(y), d = s(x) + (x + y)**2, by hand: 1 / d, -n s'(x) / d**2, -n 2 (x + y) / d**2
    s = 1 / (1 + np.exp([-3.0, 4.0]))
    n, d = 3 + s[1], s[0] + 1
    parts = [1 / d, -n / d**2 * s[0] * (1 - s[0]), -n / d**2 * 2 * -1]
    assert [part.gradient for part in found.parts] == pytest.approx(parts)
    assert [part.node for part in found.parts] == ["add_1", "sigmoid_2", "add_2"]
    assert [part.pattern for part in found.parts] == ["gradient distributor", "", "gradient distributor"]
    assert [part.upstream * part.local for part in found.parts] == pytest.approx(parts)
    assert found.gradient == pytest.approx(2.0595697955721652)  # as the course's notes have it
    assert str(found) == (
        "x has the gradient 2.05957, the sum of what comes back from 3 branches (gradient adder)\n"
        "  add_1 = x + sigmoid_1   dx = 1 × dadd_1 = 1 × 0.512144 = 0.512144"
        "                                           gradient distributor\n"
        "  sigmoid_2 = sigmoid(x)  dx = (1 - sigmoid_2) * sigmoid_2 × dsigmoid_2 = 0.0451767 × -0.791593 = -0.0357615\n"
        "  add_2 = x + y           dx = 1 × dadd_2 = 1 × 1.58319 = 1.58319"
        "                                             gradient distributor\n"
        "  sum: 0.512144 - 0.0357615 + 1.58319 = 2.05957"
    )


def test_one_branch() -> None:
    graph = after_both(circuit_1(), CIRCUIT_1)
    assert str(graph.explain(graph["q"])) == (
        "q has the gradient -4, from the one gate that reads it\n"
        "  f = q * z  dq = z × df = -4 × 1 = -4  gradient switcher"
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_parts_add_up(seed: int) -> None:
    graph, inputs = random_circuit(40, seed)
    after_both(graph, inputs)
    for name in graph:
        found = graph.explain(name)
        if found.gradient is not None and graph[name] != graph.output:
            assert sum(part.gradient for part in found.parts) == pytest.approx(found.gradient, rel=1e-12)


def test_patterns() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    left, right = graph.add(Copy(2), x, name="fork")
    graph.output = graph.add(Max(), left, y, name="larger") * right
    after_both(graph, {"x": 3, "y": 1})
    assert graph.explain("x").parts[0].pattern == "gradient adder"
    assert graph.explain(graph["fork"][0]).parts[0].pattern == "gradient router"
    assert graph.explain(graph["fork"][1]).parts[0].pattern == "gradient switcher"


def test_a_wire_that_one_gate_reads_twice_has_two_parts() -> None:
    graph = after_both(forked(), {"x": 3, "y": 1})
    assert [(part.node, part.gradient) for part in graph.explain("x").parts] == [
        ("fork", 18.0),
        ("multiply_2", 3.0),
        ("multiply_2", 3.0),
    ]


def test_arrays() -> None:
    graph = after_both(network(), batch())
    found = graph.explain("W1")
    assert len(found.parts) == 2
    np.testing.assert_allclose(found.parts[0].gradient + found.parts[1].gradient, graph["W1"].grad)
    assert found.parts[0].local == "40 × 20 Jacobian"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("X", "made with grad=False"),
        ("y", "holds labels"),
        ("twice", "the output does not depend on it"),
        ("c", "it is a constant"),
        ("loss", "it is the output, whose gradient is given"),
    ],
)
def test_why_there_is_no_part(name: str, words: str) -> None:
    graph = network()
    loss = graph.output
    graph.add(Max(), graph["h1"], graph.constant(1, name="c"), name="twice")
    graph.output = loss
    after_both(graph, batch())
    found = graph.explain(name)
    assert words in str(found)
    assert found.parts == []


def test_an_output_without_gradient() -> None:
    graph = ComputationalGraph()
    graph.output = graph.input("x", grad=False) * 2
    after_both(graph, {"x": 1})
    assert str(graph.explain("scale_1")) == "scale_1 has no gradient: it is computed from nothing that has one"


def test_an_input_that_nothing_needs() -> None:
    graph = after_both(forked(), {"x": 3, "y": 1})
    assert str(graph.explain("y")) == "y has the gradient 0; no gate sends one back to it"


def test_it_changes_nothing() -> None:
    graph = after_both(staged(), STAGED)
    before = str(graph)
    graph.explain("x")
    assert str(graph) == before
    assert graph.backward(2.0)["x"] == pytest.approx(2 * 2.0595697955721652)


class TestMistakes:
    def test_both_passes_come_first(self) -> None:
        graph = circuit_1()
        with pytest.raises(RuntimeError, match="needs both passes first"):
            graph.explain("x")
        graph.forward(**CIRCUIT_1)
        with pytest.raises(RuntimeError, match="needs both passes first"):
            graph.explain("x")
        stepper = graph.stepper(**CIRCUIT_1)
        stepper.run_to("q")
        stepper.run_to("q")
        with pytest.raises(RuntimeError, match="needs both passes first.*: the stepper is about to run q backward"):
            graph.explain("x")
        stepper.finish()
        assert graph.explain("x").gradient == -4.0

    def test_a_parameter_that_was_assigned(self) -> None:
        graph = ComputationalGraph()
        graph.output = graph.input("x") * graph.parameter("w", 3)
        after_both(graph, {"x": 2})
        graph.parameters["w"] -= 1
        with pytest.raises(RuntimeError, match="the parameter 'w' was assigned since"):
            graph.explain("x")

    def test_another_output(self) -> None:
        graph = after_both(staged(), STAGED)
        graph.output = graph["add_1"]
        with pytest.raises(RuntimeError, match="needs both passes first"):
            graph.explain("x")

    def test_names(self) -> None:
        graph = after_both(forked(), {"x": 3, "y": 1})
        with pytest.raises(KeyError, match="no gate is called 'p'"):
            graph.explain("p")
        with pytest.raises(ValueError, match="'fork' has 2 outputs: give one of them"):
            graph.explain("fork")
        with pytest.raises(ValueError, match="another graph"):
            graph.explain(circuit_1()["x"])
