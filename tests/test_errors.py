"""Every mistake has an error that says who, what was wanted and what came, and loses nothing."""

from typing import Any

import numpy as np
import pytest

from gates import Add, Copy, Exp, Gate, MatMul, Multiply, Square
from graph import ComputationalGraph
from tests.circuits import CIRCUIT_1, after_both, circuit_1


@pytest.fixture
def graph() -> ComputationalGraph:
    """The lecture's first circuit, after both passes."""
    return after_both(circuit_1(), CIRCUIT_1)


def state(graph: ComputationalGraph) -> list[Any]:
    """Return everything that a failed call must leave alone."""
    return [(name, graph[name].value, graph[name].grad) for name in graph]


def nodes_and_edges(graph: ComputationalGraph) -> Any:
    """Return the structure of a graph."""
    return list(graph.graph), list(graph.graph.edges(keys=True, data=True))


def test_a_missing_input(graph: ComputationalGraph) -> None:
    before = state(graph)
    with pytest.raises(ValueError, match=r"give a value to y and z: y=\.\.\., z=\.\.\."):
        graph.forward(x=1)
    with pytest.raises(ValueError, match="give a value to x"):
        graph.evaluate("q", y=1)
    with pytest.raises(ValueError, match=r"give a value to x: x=\.\.\.$"):
        graph.evaluate("q", y=1, z=2)
    assert state(graph) == before


def test_an_unknown_input(graph: ComputationalGraph) -> None:
    before = state(graph)
    with pytest.raises(ValueError, match="unknown input 'w': wanted are x, y, z"):
        graph.forward(x=1, y=2, z=3, w=4)
    with pytest.raises(ValueError, match="unknown input 'q'"):
        graph.forward({"x": 1, "y": 2, "z": 3, "q": 4})
    assert state(graph) == before


def test_an_input_given_twice(graph: ComputationalGraph) -> None:
    with pytest.raises(TypeError, match="input 'x' is given twice"):
        graph.forward({"x": 1, "y": 2}, x=1, z=3)


def test_inputs_that_are_no_mapping(graph: ComputationalGraph) -> None:
    with pytest.raises(TypeError, match="inputs must be given as a mapping or by keyword, got list"):
        graph.forward([-2, 5, -4])


def test_an_input_that_is_no_number(graph: ComputationalGraph) -> None:
    before = state(graph)
    with pytest.raises(TypeError, match="input 'y': a number or an array of numbers was wanted, got 'two'"):
        graph.forward(x=1, y="two", z=3)
    assert state(graph) == before


def test_unknown_names(graph: ComputationalGraph) -> None:
    with pytest.raises(KeyError, match="no gate is called 'qq'; did you mean 'q'"):
        graph["qq"]
    with pytest.raises(KeyError, match="no gate is called 'scores'"):
        graph.evaluate("scores", x=1)
    for call in (graph.evaluate, graph.explain):
        with pytest.raises(TypeError, match=rf"{call.__name__}\(\): a wire or its name was wanted, got \['q', 'f'\]"):
            call(["q", "f"])
    with pytest.raises(KeyError, match="no parameter is called 'W'; there are none"):
        graph.parameters["W"] = 1
    with pytest.raises(TypeError, match="cannot be deleted"):
        del graph.parameters["W"]


def test_a_parameter_that_is_no_number(graph: ComputationalGraph) -> None:
    graph.parameter("w", 2)
    with pytest.raises(TypeError, match="parameter 'w': a number or an array of numbers was wanted, got 'two'"):
        graph.parameters["w"] = "two"
    assert graph.parameters["w"] == 2.0


def test_values_that_are_no_numbers(graph: ComputationalGraph) -> None:
    before = nodes_and_edges(graph)
    with pytest.raises(TypeError, match="parameter 'v': a number or an array of numbers was wanted, got 'a'"):
        graph.parameter("v", "a")
    with pytest.raises(TypeError, match="a constant: a number or an array of numbers was wanted, got 'a'"):
        graph.constant("a")
    assert nodes_and_edges(graph) == before


def test_backward_after_a_parameter_was_assigned(graph: ComputationalGraph) -> None:
    graph.output = graph["f"] * graph.parameter("w", 2.0)
    graph.forward(x=-2, y=5, z=-4)
    gradients = graph.backward()
    graph.parameters["w"] -= 0.5
    assert graph["w"].grad == gradients["w"] == -12.0
    with pytest.raises(RuntimeError, match="needs a forward pass first: the parameter 'w' was assigned since"):
        graph.backward()
    assert graph.forward(x=-2, y=5, z=-4) == -18.0
    assert graph.backward()["x"] == -6.0


def test_a_cycle(graph: ComputationalGraph) -> None:
    graph.graph.add_edge("f", "q", key=2, source_port=0)
    with pytest.raises(ValueError, match="the graph has a cycle: (q -> f -> q|f -> q -> f)"):
        graph.forward(x=1, y=2, z=3)
    with pytest.raises(ValueError, match="cycle"):
        graph.nodes_topologically_sorted()


def test_a_graph_changed_by_hand_beyond_use(graph: ComputationalGraph) -> None:
    q = graph["q"]
    graph.graph.remove_node("q")
    with pytest.raises(ValueError, match=r"exp_1 \(Exp\): the gate 'q' is no longer in the graph"):
        graph.add(Exp(), q)
    with pytest.raises(ValueError, match=r"f must have its inputs at ports 0 to 0, got \[1\]"):
        graph.forward(x=1, y=2, z=3)
    assert repr(q) == "Wire(q: no longer in the graph)"
    graph.graph.add_edge("q", "f", key=0, source_port=0)
    with pytest.raises(ValueError, match="the node 'q' has no gate"):
        graph.forward(x=1, y=2, z=3)


def test_a_wire_of_another_graph(graph: ComputationalGraph) -> None:
    other = ComputationalGraph().input("x")
    before = nodes_and_edges(graph)
    with pytest.raises(ValueError, match=r"add_1 \(Add\): the wire x belongs to another graph"):
        graph.add(Add(), graph["x"], other)
    with pytest.raises(ValueError, match="the wire x belongs to another graph"):
        graph["x"] * other
    with pytest.raises(ValueError, match=r"graph\.output: the wire x belongs to another graph"):
        graph.output = other
    with pytest.raises(ValueError, match=r"evaluate\(\): the wire x belongs to another graph"):
        graph.evaluate(other, x=1)
    with pytest.raises(TypeError, match="must be a wire, got 'f'"):
        graph.output = "f"
    assert nodes_and_edges(graph) == before


def test_a_gate_added_twice(graph: ComputationalGraph) -> None:
    gate = Exp()
    graph.add(gate, graph["x"])
    before = nodes_and_edges(graph)
    with pytest.raises(ValueError, match="this Exp is already in a graph; make a new gate for each place"):
        graph.add(gate, graph["y"])
    assert nodes_and_edges(graph) == before


def test_names_that_cannot_be(graph: ComputationalGraph) -> None:
    before = nodes_and_edges(graph)
    for add in (lambda: graph.input("q"), lambda: graph.parameter("q", 1), lambda: graph.constant(1, name="q")):
        with pytest.raises(
            ValueError, match=r"the name 'q' is taken: the graph already has a gate with that name \(Add\)"
        ):
            add()
    with pytest.raises(ValueError, match="the name 'x' is taken"):
        graph.add(Exp(), graph["x"], name="x")
    with pytest.raises(ValueError, match="the name 'x' is taken"):
        graph.inputs("v", "x")
    for name in ("", 3, ("a",)):
        with pytest.raises(TypeError, match="a name must be a string that is not empty, got"):
            graph.input(name)
    with pytest.raises(ValueError, match="the name 'v' is given twice"):
        graph.inputs("v", "w", "v")
    assert nodes_and_edges(graph) == before
    assert list(graph.parameters) == []


def test_wrong_inputs_of_a_gate(graph: ComputationalGraph) -> None:
    before = nodes_and_edges(graph)
    with pytest.raises(TypeError, match=r"multiply_1 \(Multiply\) takes 2 inputs, got 1"):
        graph.add(Multiply(), graph["x"])
    with pytest.raises(TypeError, match=r"e \(Exp\) takes 1 input, got 2"):
        graph.add(Exp(), graph["x"], 2, name="e")
    with pytest.raises(TypeError, match=r"add_1 \(Add\) reads wires, got the text 'x'; that wire is graph\['x'\]"):
        graph.add(Add(), "x", graph["y"])
    assert nodes_and_edges(graph) == before
    assert graph.add(Multiply(), graph["x"], graph["y"]).node == "multiply_1"


def test_what_is_no_gate(graph: ComputationalGraph) -> None:
    with pytest.raises(TypeError, match=r"a gate must be an object, got the class Exp; did you mean Exp\(\)\?"):
        graph.add(Exp, graph["x"])
    with pytest.raises(TypeError, match=r"a gate was wanted, got a graph; graph.as_gate\(\) makes one of it"):
        graph.add(circuit_1(), graph["x"])
    for thing in (len, Gate(), NoBackward()):
        with pytest.raises(TypeError, match=r"a gate must have the methods forward\(\) and backward\(\), got"):
            graph.add(thing, graph["x"])


class NoBackward(Gate):
    """Half a gate."""

    def forward(self, x: Any) -> Any:
        return x


class Faulty(Gate):
    """Returns what it is told to."""

    def __init__(self, *gradients: Any) -> None:
        self.gradients = list(gradients)

    def forward(self, x: Any) -> Any:
        return x * 1.0

    def backward(self, dz: Any) -> Any:
        return self.gradients


class NoList:
    """Forgets that backward returns a list."""

    def forward(self, x: Any) -> Any:
        return x

    def backward(self, dz: Any) -> Any:
        return dz


@pytest.mark.parametrize(
    ("gate", "error", "message"),
    [
        (Faulty(np.ones(3)), ValueError, r"each gradient in its input's shape: \(2,\) for input 0, got \(3,\)"),
        (Faulty(1.0), ValueError, r"each gradient in its input's shape: \(2,\) for input 0, got \(\)"),
        (Faulty(np.ones((1, 2))), ValueError, r"\(2,\) for input 0, got \(1, 2\)"),
        (Faulty(), ValueError, "must return a list of 1 gradients, one for each input, got 0"),
        (Faulty(np.ones(2), np.ones(2)), ValueError, "must return a list of 1 gradients, one for each input, got 2"),
        (Faulty("one"), TypeError, "a number or an array of numbers was wanted, got 'one'"),
        (NoList(), ValueError, r"must return a list of 1 gradients, one for each input, got array\(\[1"),
    ],
)
def test_a_gradient_that_cannot_be(gate: Any, error: type[Exception], message: str) -> None:
    graph = ComputationalGraph()
    graph.output = graph.add(gate, graph.input("x"), name="bad").sum()
    assert graph.forward(x=[1, 2]) == 3.0
    with pytest.raises(error, match=message) as caught:
        graph.backward()
    assert caught.value.__notes__ == [f"in backward of gate 'bad' ({type(gate).__name__})"]
    assert graph["x"].grad is None
    assert graph["x"].value.tolist() == [1.0, 2.0]


def test_outputs_that_cannot_be(graph: ComputationalGraph) -> None:
    class One(Copy):
        def forward(self, x: Any) -> Any:
            return [x]

    graph.add(One(2), graph["x"], name="one")
    with pytest.raises(ValueError, match="the last gate, one, has 2 outputs: set graph.output to one of them"):
        graph.forward(x=1, y=2, z=3)
    graph.output = graph["f"]
    with pytest.raises(ValueError, match=r"forward\(\) must return a list of 2 outputs, got 1") as caught:
        graph.forward(x=1, y=2, z=3)
    assert caught.value.__notes__ == ["in gate 'one' (One)"]


def test_a_list_is_no_output_of_a_gate_that_has_one(graph: ComputationalGraph) -> None:
    class Forgot:
        def forward(self, x: Any) -> Any:
            return [x, x]

        def backward(self, da: Any, db: Any) -> Any:
            return [da + db]

    graph.add(Forgot(), graph["x"])
    with pytest.raises(ValueError, match=r"must return one value, got a list of 2; a gate with several outputs sets"):
        graph.forward(x=1, y=2, z=3)


def test_an_empty_graph_has_no_output() -> None:
    graph = ComputationalGraph()
    graph.input("x")
    with pytest.raises(RuntimeError, match="the graph has no gate yet, so it has no output"):
        graph.forward(x=1)


def test_backward_before_forward_or_after_a_change(graph: ComputationalGraph) -> None:
    fresh = ComputationalGraph.from_expression("x * y")
    with pytest.raises(RuntimeError, match=r"backward\(\) needs a forward pass first$"):
        fresh.backward()
    graph.constant(3)
    with pytest.raises(RuntimeError, match=r"backward\(\) needs a forward pass first: the graph has changed"):
        graph.backward()
    graph.forward(x=-2, y=5, z=-4)
    assert graph.backward() == {"x": -4.0, "y": -4.0, "z": 3.0}


def test_an_upstream_gradient_that_does_not_fit(graph: ComputationalGraph) -> None:
    before = state(graph)
    with pytest.raises(ValueError, match=r"the upstream gradient of f must have the shape \(\), got \(2,\)"):
        graph.backward([1, 2])
    with pytest.raises(TypeError, match=r"the upstream gradient of f: a number .* was wanted, got 'one'"):
        graph.backward("one")
    assert state(graph) == before
    graph.forward(x=[1, 2], y=[3, 4], z=2)
    with pytest.raises(ValueError, match=r"the output f has the shape \(2,\): backward\(\) needs an upstream gradient"):
        graph.backward()
    with pytest.raises(ValueError, match=r"the upstream gradient of f must have the shape \(2,\), got \(3,\)"):
        graph.backward([1, 2, 3])
    assert graph.backward(1)["z"] == 10.0


def test_an_error_in_the_5th_of_10_gates_leaves_no_mixture() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    wire = x
    for _ in range(4):
        wire = graph.add(Square(), wire)
    wire = graph.add(MatMul(), wire, y)
    for _ in range(5):
        wire = graph.add(Square(), wire)
    graph.forward(x=[0.5, 1.0], y=[1, 1])
    graph.backward()
    with pytest.raises(ValueError, match=r"^MatMul cannot multiply the shapes \(3,\) and \(2,\): x has 3") as caught:
        graph.forward(x=[0.5, 1.0, 2.0], y=[1, 1])
    assert caught.value.__notes__ == ["in gate 'matmul_1' (MatMul)"]
    assert {(graph[name].value is None, graph[name].grad is None) for name in graph} == {(True, True)}
    with pytest.raises(RuntimeError, match=r"backward\(\) needs a forward pass first$"):
        graph.backward()
    assert graph.forward(x=[0.5, 1.0], y=[1, 1]) > 1


def test_an_error_in_backward_leaves_gradients_as_they_were() -> None:
    class Once(Square):
        calls = 0

        def backward(self, dy: Any) -> list[Any]:
            self.calls += 1
            if self.calls > 1:
                raise ZeroDivisionError("the second time")
            (x,) = self.kept
            return [2 * dy * x]

    graph = ComputationalGraph()
    x = graph.input("x")
    graph.add(Square(), graph.add(Once(), graph.add(Square(), x), name="once"))
    graph.forward(x=2)
    graph.backward()
    before = state(graph)
    with pytest.raises(ZeroDivisionError, match="the second time") as caught:
        graph.backward(3)
    assert caught.value.__notes__ == ["in backward of gate 'once' (Once)"]
    assert state(graph) == before


def test_a_foreign_gate_in_an_error_is_called_by_its_own_class() -> None:
    class Broken:
        def forward(self, x: float) -> float:
            raise OSError("no")

        def backward(self, dz: float) -> list[float]:
            return [dz]

    for guard in (False, True):
        graph = ComputationalGraph(guard=guard)
        graph.add(Broken(), graph.input("x"), name="b")
        with pytest.raises(OSError, match="no") as caught:
            graph.forward(x=1)
        assert caught.value.__notes__ == ["in gate 'b' (Broken)"]
