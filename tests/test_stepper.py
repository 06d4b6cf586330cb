"""The stepper: both passes a gate at a time, forward and back again."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gates import Exp, Gate, Multiply
from graph import ComputationalGraph
from graph.watching.step import Step
from tests.circuits import (
    CIRCUIT_1,
    CIRCUIT_2,
    EXAMPLES,
    STAGED,
    WIRES_1,
    WIRES_2,
    circuit_1,
    circuit_2,
    forked,
    random_circuit,
    staged,
)
from tests.own_gates import Cube, MultiplyGate


def shown(graph: ComputationalGraph) -> list[Any]:
    """Return what a graph shows on every wire, in a form that can be compared to the bit."""
    wires = [wire for name in graph for wire in _all(graph[name])]
    return [[None if x is None else np.asarray(x).tobytes() for x in (wire.value, wire.grad)] for wire in wires]


def _all(wires: Any) -> tuple[Any, ...]:
    return wires if isinstance(wires, tuple) else (wires,)


GRAPHS = {**EXAMPLES, "random 40": lambda: random_circuit(40, 2), "nested": lambda: (nested(), {"x": 3, "y": 2})}
every_graph = pytest.mark.parametrize("make", GRAPHS.values(), ids=list(GRAPHS))


def nested() -> ComputationalGraph:
    """Return a graph with a graph within, which has a parameter."""
    inner = ComputationalGraph()
    inner.output = inner.input("a") * inner.parameter("w", 4)
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    graph.output = graph.add(inner.as_gate(), x, name="inner") * y + x
    return graph


class TestTheLecturesCircuit:
    def test_each_step_reads_like_the_slide(self) -> None:
        assert [str(step) for step in circuit_1().stepper(**CIRCUIT_1)] == [
            "q = x + y = -2 + 5 = 3",
            "f = q * z = 3 * (-4) = -12",
            "f = q * z   dq = z × df = -4 × 1 = -4\n            dz = q × df = 3 × 1 = 3",
            "q = x + y   dx = 1 × dq = 1 × -4 = -4\n            dy = 1 × dq = 1 × -4 = -4",
        ]

    def test_a_step_can_be_asked(self) -> None:
        graph = circuit_1()
        forward, _, backward, _ = graph.stepper(**CIRCUIT_1)
        assert (forward.phase, forward.node, forward.gate) == ("forward", "q", graph["q"].gate)
        assert (forward.inputs, forward.output, forward.upstream) == ({"x": -2.0, "y": 5.0}, 3.0, None)
        assert (backward.phase, backward.node, backward.upstream) == ("backward", "f", 1.0)
        assert backward.inputs == {"q": 3.0, "z": -4.0}
        assert backward.local == {"q": -4.0, "z": 3.0}
        assert backward.downstream == {"q": -4.0, "z": 3.0}

    def test_the_graph_shows_what_was_computed_so_far(self) -> None:
        graph = circuit_1()
        stepper = graph.stepper(**CIRCUIT_1)
        assert [graph[name].value for name in "xyzqf"] == [-2.0, 5.0, -4.0, None, None]
        stepper.next()
        assert [graph[name].value for name in "qf"] == [3.0, None]
        stepper.next()
        assert [graph[name].grad for name in "xyzqf"] == [None] * 5
        stepper.next()
        assert [graph[name].grad for name in "xyzqf"] == [None, None, 3.0, -4.0, 1.0]
        stepper.next()
        assert {name: (graph[name].value, graph[name].grad) for name in "xyzqf"} == WIRES_1

    def test_where(self) -> None:
        stepper = circuit_1().stepper(**CIRCUIT_1)
        wheres = [stepper.where, *[stepper.where for _ in stepper]]
        assert wheres == [
            ("forward", "q"),
            ("forward", "f"),
            ("backward", "f"),
            ("backward", "q"),
            ("done", None),
        ]

    def test_run_to_stops_where_the_gate_is_about_to_run(self) -> None:
        graph = circuit_1()
        stepper = graph.stepper(**CIRCUIT_1)
        assert stepper.run_to("q") == ("forward", "q")
        assert graph["q"].value is None
        assert stepper.run_to("q") == ("backward", "q")
        assert (graph["q"].grad, graph["x"].grad) == (-4.0, None)
        with pytest.raises(ValueError, match="'q' does not run any more"):
            stepper.run_to("q")
        assert stepper.where == ("backward", "q")
        with pytest.raises(ValueError, match="takes a gate that runs, got 'x', which only holds a value"):
            stepper.run_to("x")

    def test_run_to_after_going_back_stops_there_again(self) -> None:
        stepper = circuit_1().stepper(**CIRCUIT_1)
        stepper.run_to("f")
        stepper.next()
        stepper.back()
        assert stepper.run_to("f") == ("forward", "f")
        assert stepper.run_to("f") == ("backward", "f")

    def test_run_to_from_a_gate_that_next_came_to_stays(self) -> None:
        graph = circuit_1()
        stepper = graph.stepper(**CIRCUIT_1)
        stepper.next()
        assert stepper.run_to(graph["f"]) == ("forward", "f")
        assert stepper.run_to("f") == ("backward", "f")

    def test_the_second_circuit_on_every_wire(self) -> None:
        graph = circuit_2()
        for _ in graph.stepper(**CIRCUIT_2):
            pass
        for name, (value, gradient) in WIRES_2.items():
            assert graph[name].value == pytest.approx(value, abs=1e-6)
            assert graph[name].grad == pytest.approx(gradient, abs=1e-6)


@every_graph
def test_at_the_end_all_is_as_after_both_passes(make: Callable[..., Any]) -> None:
    graph, inputs = make()
    stepped, _ = make()
    graph.forward(inputs)
    gradients = graph.backward()
    found = stepped.stepper(inputs).finish()
    assert shown(stepped) == shown(graph)
    assert list(found) == list(gradients)
    assert all(np.array_equal(found[name], gradients[name]) for name in gradients)
    again = stepped.backward()  # the gates have kept what backward needs
    assert all(np.array_equal(again[name], gradients[name]) for name in gradients)


@every_graph
def test_going_back_restores_what_the_graph_showed(make: Callable[..., Any]) -> None:
    graph, inputs = make()
    stepper = graph.stepper(inputs)
    states, steps = [shown(graph)], []
    for step in stepper:
        steps.append(step)
        states.append(shown(graph))
    forward = [step.phase for step in steps].count("forward")
    assert len(set(map(str, states[: forward + 1]))) == forward + 1
    for step, state in zip(reversed(steps), reversed(states[:-1])):
        assert stepper.back() is step
        assert shown(graph) == state
        assert stepper.where == (step.phase, step.node)
    for step, state in zip(steps, states[1:]):
        assert stepper.next() is step
        assert shown(graph) == state


@every_graph
def test_steps_are_those_of_the_pseudocode(make: Callable[..., Any]) -> None:
    graph, inputs = make()
    order = [name for name in graph.nodes_topologically_sorted() if graph.graph.pred[name]]
    steps = list(graph.stepper(inputs))
    assert [step.node for step in steps if step.phase == "forward"] == order
    backward = [step.node for step in steps if step.phase == "backward"]
    assert backward == [name for name in reversed(order) if name in backward]


@every_graph
def test_downstream_is_local_times_upstream_and_adds_up(make: Callable[..., Any]) -> None:
    graph, inputs = make()
    total: dict[str, Any] = {}
    for step in graph.stepper(inputs):
        for name, gradient in step.downstream.items():
            local, wire = step.local[name], name.removesuffix(" (2)")
            if gradient is None:
                assert local is None
                continue
            total[wire] = total.get(wire, 0) + gradient
            if isinstance(local, tuple):
                assert gradient == pytest.approx(sum(np.multiply(local, step.upstream)), rel=1e-12)
            elif not isinstance(local, str):
                np.testing.assert_allclose(gradient, local * step.upstream, rtol=1e-12)
    for name, gradient in total.items():
        wires = {str(wire): wire for node in graph for wire in _all(graph[node])}
        np.testing.assert_allclose(wires[name].grad, gradient, rtol=1e-12)


class TestLocalGradients:
    def steps(self, graph: ComputationalGraph, inputs: dict[str, Any], upstream: Any = None) -> dict[str, Step]:
        return {step.node: step for step in graph.stepper(inputs, upstream) if step.phase == "backward"}

    def test_a_wire_that_is_read_twice(self) -> None:
        step = self.steps(ComputationalGraph.from_expression("x * x"), {"x": 3})["multiply_1"]
        assert step.downstream == {"x": 3.0, "x (2)": 3.0}
        assert str(step) == (
            "multiply_1 = x * x   dx = x × dmultiply_1 = 3 × 1 = 3\n"
            "                     dx = x × dmultiply_1 = 3 × 1 = 3\n"
            "                     dx so far = 3 + 3 = 6"
        )

    def test_where_branches_meet_the_sum_so_far_is_told(self) -> None:
        steps = self.steps(staged(), STAGED)
        assert [name for name, step in steps.items() if step.sums] == ["sigmoid_2", "add_1", "sigmoid_1"]
        assert steps["add_1"].sums["x"] == pytest.approx([2.0595697955721652 - 0.512144, 0.512144], rel=1e-5)
        assert str(steps["sigmoid_1"]).splitlines()[1].strip() == "dy so far = 1.58319 + 0.00904586 = 1.59223"

    def test_several_outputs(self) -> None:
        step = self.steps(forked(), {"x": 3, "y": 1})["fork"]
        assert step.output == [3.0, 3.0]
        assert step.upstream == [9.0, 9.0]
        assert step.local == {"x": (1.0, 1.0)}
        assert str(step) == (
            "fork[0], fork[1] = copy(x)   dx = dfork[0] + dfork[1] = 1 × 9 + 1 × 9 = 18\n"
            "                             dx so far = 6 + 18 = 24"
        )

    def test_small_arrays_of_an_elementwise_gate(self) -> None:
        step = self.steps(ComputationalGraph.from_expression("x * y"), {"x": [1, 2], "y": [3, 4]}, [10, 100])
        assert str(step["multiply_1"]) == (
            "multiply_1 = x * y   dx = y × dmultiply_1 = [3 4] × [10 100] = [30 400]\n"
            "                     dy = x × dmultiply_1 = [1 2] × [10 100] = [10 200]"
        )

    def test_broadcasting_sums(self) -> None:
        step = self.steps(ComputationalGraph.from_expression("x * y"), {"x": [1, 2], "y": 3}, 1)["multiply_1"]
        assert step.local["y"] == "2 × 1 Jacobian"
        assert str(step).endswith("dy = sum(x × dmultiply_1) = 3")

    def test_large_arrays_are_described(self) -> None:
        step = self.steps(ComputationalGraph.from_expression("exp(x)"), {"x": np.zeros(4096)}, 1)["exp_1"]
        assert step.local == {"x": "4096 × 4096 Jacobian, diagonal"}
        assert str(step) == "exp_1 = exp(x)   dx = exp(x) × dexp_1 = (4096,) from 1 to 1"

    def test_matrices(self) -> None:
        steps = self.steps(
            ComputationalGraph.from_expression("sum((W @ x) ** 2)"), {"W": [[0.1, 0.5], [-0.3, 0.8]], "x": [0.2, 0.4]}
        )
        assert steps["matmul_1"].local == {"W": "2 × 4 Jacobian", "x": "2 × 2 Jacobian"}
        assert str(steps["matmul_1"]) == (
            "matmul_1 = W @ x   dW = outer(dmatmul_1, x) = [[0.088 0.176] [0.104 0.208]]\n"
            "                   dx = W.T @ dmatmul_1 = [-0.112 0.636]"
        )

    def test_what_nobody_asked_for(self) -> None:
        graph = ComputationalGraph()
        graph.output = graph.input("x", grad=False) * graph.input("y")
        step = self.steps(graph, {"x": 2, "y": 3})["multiply_1"]
        assert step.local == {"x": None, "y": 2.0}
        assert step.downstream == {"x": None, "y": 2.0}
        assert str(step) == "multiply_1 = x * y   dy = x × dmultiply_1 = 2 × 1 = 2"

    def test_a_graph_within_whose_parameters_alone_have_gradients(self) -> None:
        inner = ComputationalGraph()
        inner.output = inner.input("a") * inner.parameter("w", 4)
        graph = ComputationalGraph()
        graph.output = graph.add(inner.as_gate(), graph.input("x", grad=False), name="inner")
        step = self.steps(graph, {"x": 3})["inner"]
        assert str(step).endswith("   the gradients of its own parameters")

    def test_a_gate_of_ones_own(self) -> None:
        graph = ComputationalGraph()
        graph.output = graph.add(Cube(), graph.input("x"), name="cube")
        forward, backward = graph.stepper(x=2)
        assert str(forward) == "cube = Cube(x) = Cube(2) = 8"
        assert str(backward) == "cube = Cube(x)   dx = ∂cube/∂x × dcube = 12 × 1 = 12"
        assert isinstance(backward.gate, Cube)

    def test_a_backward_that_is_not_local_times_upstream(self) -> None:
        class Forgetful(Multiply):
            def backward(self, dz: Any) -> list[Any]:
                x, y = self.kept
                return [y, x]

        graph = ComputationalGraph()
        x, y = graph.inputs("x", "y")
        graph.output = graph.add(Forgetful(), x, y, name="w") * 3
        step = self.steps(graph, {"x": 2, "y": 5})["w"]
        assert str(step) == "w = x * y   dx = y × dw = 5 × 3 ≠ 5\n            dy = x × dw = 2 × 3 ≠ 2"

    @pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # as NumPy always warns
    def test_an_infinite_output(self) -> None:
        step = self.steps(ComputationalGraph.from_expression("exp(x)"), {"x": [1000.0, 0.0]}, 1)["exp_1"]
        assert step.local["x"].tolist() == [np.inf, 1.0]

    def test_a_gradient_that_nobody_asked_for_is_dropped(self) -> None:
        graph = ComputationalGraph()
        graph.output = graph.add(MultiplyGate(), graph.input("x", grad=False), graph.input("y"), name="p")
        assert self.steps(graph, {"x": 2, "y": 3})["p"].downstream == {"x": None, "y": 2.0}
        assert graph["x"].grad is None

    def test_gates_after_the_output_do_not_run_backward(self) -> None:
        graph = ComputationalGraph()
        q = np.exp(graph.input("x"))
        q * 2
        graph.output = q
        steps = list(graph.stepper(x=0))
        assert [(step.phase, step.node) for step in steps] == [
            ("forward", "exp_1"),
            ("forward", "scale_1"),
            ("backward", "exp_1"),
        ]

    def test_a_guard_minds_the_pass_and_not_the_local_gradient(self) -> None:
        # 1 / x at 1e-200 has the local gradient -inf; with the upstream gradient 1e-300 what is sent is -1e100.
        graph = ComputationalGraph(guard=True)
        graph.output = 1 / graph.input("x")
        *_, step = graph.stepper({"x": 1e-200}, 1e-300)
        assert step.local == {"x": -np.inf}
        assert step.downstream["x"] == pytest.approx(-1e100)


class TestMistakes:
    def test_a_gate_that_raises_leaves_all_as_it_is(self) -> None:
        class Shy(Gate):
            calm = False

            def forward(self, x: Any) -> Any:
                if not self.calm:
                    raise ArithmeticError("not now")
                return x

            def backward(self, dy: Any) -> list[Any]:
                return [dy]

        graph = ComputationalGraph()
        x = graph.input("x")
        gate = Shy()
        graph.output = graph.add(gate, x + 1, name="shy")
        stepper = graph.stepper(x=1)
        stepper.next()
        before = shown(graph)
        for _ in range(2):
            with pytest.raises(ArithmeticError, match="not now") as caught:
                stepper.next()
            assert caught.value.__notes__ == ["in gate 'shy' (Shy)"]
            assert shown(graph) == before
            assert stepper.where == ("forward", "shy")
        gate.calm = True
        assert stepper.finish() == {"x": 1.0}

    def test_inputs_are_checked_at_once(self) -> None:
        graph = circuit_1()
        graph.forward(**CIRCUIT_1)
        before = shown(graph)
        with pytest.raises(ValueError, match="give a value to z"):
            graph.stepper(x=1, y=2)
        assert shown(graph) == before

    def test_the_ends(self) -> None:
        stepper = circuit_1().stepper(**CIRCUIT_1)
        with pytest.raises(RuntimeError, match="the stepper is at the start"):
            stepper.back()
        stepper.finish()
        with pytest.raises(StopIteration, match="both passes are done"):
            stepper.next()
        assert list(stepper) == []
        assert stepper.finish() == {"x": -4.0, "y": -4.0, "z": 3.0}

    def test_an_array_needs_an_upstream_gradient(self) -> None:
        graph = ComputationalGraph.from_expression("x * y")
        stepper = graph.stepper(x=[1, 2], y=3)
        stepper.next()
        with pytest.raises(ValueError, match="needs an upstream gradient"):
            stepper.next()
        assert graph["multiply_1"].value.tolist() == [3.0, 6.0]
        assert stepper.where == ("backward", "multiply_1")
        assert graph.stepper({"x": [1, 2]}, [1, 10], y=3).finish()["y"] == 21.0

    @pytest.mark.parametrize("upset", ["forward", "backward", "stepper", "assign", "add", "output"])
    def test_another_pass_or_a_change_ends_it(self, upset: str) -> None:
        graph = ComputationalGraph()
        x = graph.input("x")
        graph.output = x * graph.parameter("w", 3)
        stepper = graph.stepper(x=2)
        stepper.next()
        if upset == "backward":
            graph.backward()
        elif upset == "forward":
            graph.forward(x=5)
        elif upset == "stepper":
            graph.stepper(x=5)
        elif upset == "output":
            graph.output = x
        elif upset == "assign":
            graph.parameters["w"] = 4
        else:
            graph.add(Exp(), x)
        for go in (stepper.next, stepper.back):
            with pytest.raises(RuntimeError, match="make a new stepper"):
                go()

    def test_backward_waits_for_the_steppers_forward(self) -> None:
        graph = circuit_1()
        stepper = graph.stepper(**CIRCUIT_1)
        stepper.next()
        with pytest.raises(RuntimeError, match="needs a forward pass first: the stepper is about to run f forward"):
            graph.backward()
        stepper.next()
        assert graph.backward() == {"x": -4.0, "y": -4.0, "z": 3.0}

    def test_an_unknown_gate(self) -> None:
        stepper = circuit_1().stepper(**CIRCUIT_1)
        with pytest.raises(KeyError, match="no gate is called 'p'"):
            stepper.run_to("p")

    def test_a_call_that_fails_changes_nothing(self) -> None:
        graph = ComputationalGraph()
        graph.output = graph.input("x")
        graph.forward(x=2)
        graph.backward()
        before = shown(graph)
        with pytest.raises(ValueError, match="needs an upstream gradient"):
            graph.stepper(x=[1.0, 2.0])
        assert shown(graph) == before

    def test_no_upstream_gradient_and_nothing_to_differentiate(self) -> None:
        graph = ComputationalGraph()
        graph.output = graph.input("x", grad=False) * 2
        stepper = graph.stepper(x=[1.0, 2.0])
        for _ in range(2):
            with pytest.raises(ValueError, match="needs an upstream gradient"):
                stepper.next()
            assert stepper.where == ("forward", "scale_1")
            assert graph["scale_1"].value is None

    def test_a_failed_forward_ends_the_stepper_and_its_words(self) -> None:
        graph = ComputationalGraph.from_expression("x @ y")
        stepper = graph.stepper(x=[1.0, 2.0], y=[3.0, 4.0])
        with pytest.raises(ValueError, match="cannot multiply"):
            graph.forward(x=[1.0], y=[1.0, 2.0])
        with pytest.raises(RuntimeError, match=r"needs both passes first, forward\(\) and backward\(\)$"):
            graph.explain("x")
        with pytest.raises(RuntimeError, match="make a new stepper"):
            stepper.next()

    def test_an_output_without_gradient_has_none_at_the_end(self) -> None:
        graph = ComputationalGraph()
        graph.output = graph.input("x", grad=False) * 2
        assert graph.stepper(x=3).finish() == {}
        assert graph.output.grad is None

    def test_a_backward_that_takes_no_upstream_of_1(self) -> None:
        class Picky(Exp):
            def backward(self, dy: Any) -> list[Any]:
                if dy == 1:
                    raise ArithmeticError("not 1")
                return super().backward(dy)

        graph = ComputationalGraph()
        graph.output = graph.add(Picky(), graph.input("x"), name="e") * 2
        *_, step = graph.stepper(x=0)
        assert (step.local, step.downstream) == ({"x": "1 × 1 Jacobian, diagonal"}, {"x": 2.0})

    def test_a_graph_without_gates(self) -> None:
        graph = ComputationalGraph()
        graph.output = graph.input("x")
        stepper = graph.stepper(x=3)
        assert list(stepper) == []
        assert stepper.finish() == {"x": 1.0}
        assert graph["x"].grad == 1.0


def test_each_gate_runs_once() -> None:
    counts: list[str] = []

    class Counted(Multiply):
        def forward(self, x: Any, y: Any) -> Any:
            counts.append("forward")
            self.kept = x, y
            return x * y

    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    graph.add(Counted(), x, y)
    stepper = graph.stepper(x=2, y=3)
    for _ in range(3):
        stepper.finish()
        while not stepper.at_start:
            stepper.back()
    assert counts == ["forward"]


def test_the_repr_tells_where_it_is() -> None:
    stepper = circuit_1().stepper(**CIRCUIT_1)
    assert repr(stepper) == "<Stepper: 0 steps done; the stepper is about to run q forward>"
    stepper.next()
    assert repr(stepper) == "<Stepper: 1 step done; the stepper is about to run f forward>"
    stepper.finish()
    assert repr(stepper) == "<Stepper: 4 steps done; both passes are done>"


def test_a_chain_of_10_000_gates() -> None:
    graph = ComputationalGraph()
    wire = graph.input("x")
    for _ in range(10_000):
        wire = wire + 1
    stepper = graph.stepper(x=0)
    assert stepper.finish() == {"x": 1.0}
    assert stepper.where == ("done", None)
    assert graph.output.value == 10_000.0
