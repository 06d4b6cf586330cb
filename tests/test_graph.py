"""The graph: entries, wires, the two passes, branches, what is computed and what is not."""

import copy
import gc
import pickle
from typing import Any

import networkx as nx
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import Add, Copy, Exp, Gate, MatMul, Max, Multiply, Scale, Square, Subtract, check_gate
from graph import ComputationalGraph, Wire
from tests.circuits import circuit_1


def test_the_networkx_graph_is_there_to_read() -> None:
    graph = circuit_1()
    assert isinstance(graph.graph, nx.MultiDiGraph)
    assert list(graph.graph) == list(graph) == ["x", "y", "z", "q", "f"]
    assert isinstance(graph.graph.nodes["f"]["gate"], Multiply)
    edges = set(graph.graph.edges(keys=True, data="source_port"))
    assert edges == {("x", "q", 0, 0), ("y", "q", 1, 0), ("q", "f", 0, 0), ("z", "f", 1, 0)}
    assert (len(graph), "q" in graph, "nope" in graph) == (5, True, False)


def test_inputs_come_first_wherever_they_were_made() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    y = graph.input("y")
    product = x * y
    z = graph.input("z")
    graph.add(Add(), product, z, name="f")
    assert graph.nodes_topologically_sorted() == ["x", "y", "z", "multiply_1", "f"]


def test_inputs_as_a_mapping_or_as_keywords() -> None:
    graph = circuit_1()
    assert graph.forward({"x": -2, "y": 5, "z": -4}) == graph.forward({"x": -2, "y": 5}, z=-4) == -12.0
    odd = ComputationalGraph()
    odd.output = odd.input("self") + odd.input("the input") + odd.input("inputs")
    assert odd.forward({"the input": 1}, self=2, inputs=4) == 7.0


def test_a_graph_may_be_all_entries() -> None:
    graph = ComputationalGraph()
    graph.output = graph.input("x")
    assert graph.forward(x=3) == 3.0
    assert graph.backward() == {"x": 1.0}


def test_values_and_gradients_are_none_before_their_pass() -> None:
    graph = circuit_1()
    q = graph["q"]
    assert (q.value, q.grad) == (None, None)
    graph.forward(x=1, y=2, z=3)
    assert (q.value, q.grad) == (3.0, None)
    graph.backward()
    assert q.grad == 3.0
    graph.forward(x=1, y=2, z=4)
    assert (q.value, q.grad) == (3.0, None)


def test_forward_and_backward_again_with_other_inputs() -> None:
    graph = circuit_1()
    for x, y, z in [(-2, 5, -4), (1, 1, 1), (0, 2, 3)]:
        assert graph.forward(x=x, y=y, z=z) == (x + y) * z
        for _ in range(2):
            assert graph.backward() == {"x": z, "y": z, "z": x + y}
    assert graph.backward(10) == {"x": 30.0, "y": 30.0, "z": 20.0}


@pytest.mark.parametrize("power", [2, 3, 7])
def test_gradients_add_where_a_wire_branches(power: int) -> None:
    for make in (chained_product, copied_product):
        graph = make(power)
        assert graph.forward(x=1.5) == 1.5**power
        assert graph.backward() == {"x": pytest.approx(power * 1.5 ** (power - 1), rel=1e-15)}


@pytest.mark.parametrize(
    ("branch", "dx", "dy"),
    [
        (lambda a, b: a * b, [11.0, 21.0], [2.0, 3.0]),
        (lambda a, b: b * a, [11.0, 21.0], [2.0, 3.0]),
        (lambda a, b: np.square(a), [3.0, 5.0], [1.0, 1.0]),
        (lambda a, b: np.square(b), [1.0, 1.0], [21.0, 41.0]),
    ],
)
def test_a_sum_at_a_branch_writes_into_no_gradient_of_another_wire(branch: Any, dx: Any, dy: Any) -> None:
    graph = ComputationalGraph()
    a, b = graph.inputs("x", "y")
    other = branch(a, b)
    graph.output = (a + b) + other  # an Add hands the same array to both of its inputs
    graph.forward(x=[1, 2], y=[10, 20])
    upstream = np.ones(2)
    gradients = graph.backward(upstream)
    assert (gradients["x"].tolist(), gradients["y"].tolist()) == (dx, dy)
    assert graph["add_1"].grad.tolist() == upstream.tolist() == [1.0, 1.0]


def chained_product(power: int) -> ComputationalGraph:
    """Return x * x * ... with a wire that is read many times."""
    graph = ComputationalGraph()
    x = product = graph.input("x")
    for _ in range(power - 1):
        product = product * x
    return graph


def copied_product(power: int) -> ComputationalGraph:
    """Return x * x * ... with an explicit copy for each factor."""
    graph = ComputationalGraph()
    product, *others = graph.add(Copy(power), graph.input("x"))
    for other in others:
        product = graph.add(Multiply(), other, product)
    return graph


def test_input_ports_keep_their_order() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    graph.output = graph.add(Subtract(), graph.add(Subtract(), y, x), graph.add(Subtract(), x, x))
    assert graph.forward(x=1, y=10) == 9.0
    assert graph.backward() == {"x": -1.0, "y": 1.0}
    products = ComputationalGraph()
    a, b = products.inputs("a", "b")
    products.output = b @ a
    random = np.random.default_rng(0)
    A, B = random.normal(size=(3, 2)), random.normal(size=(4, 3))
    assert_allclose(products.forward(a=A, b=B), B @ A)


def test_a_side_branch_gets_no_gradient_and_disturbs_nothing() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    f = x * 3
    side = np.exp(x * y)
    graph.output = f
    assert graph.forward(x=2, y=5) == 6.0
    assert graph.backward() == {"x": 3.0, "y": 0.0}
    assert side.value == np.exp(10.0)
    assert side.grad is None
    assert (y.grad, f.grad) == (0.0, 1.0)


def test_a_constant_does_not_take_the_name_of_the_gate_it_is_made_for() -> None:
    graph = ComputationalGraph()
    graph.add(Multiply(), graph.input("x"), 2.0, name="constant_1")
    assert graph.forward(x=3) == 6.0
    assert list(graph) == ["x", "constant_2", "constant_1"]


def test_an_output_of_several_that_nothing_reads() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    first, second, third = graph.add(Copy(3), x, name="fork")
    graph.output = first * third
    for value in (2.0, [2.0, 3.0]):
        graph.forward(x=value)
        gradients = graph.backward(1)
        assert np.array_equal(gradients["x"], 2 * np.array(value))
        assert second.grad is None
    assert (str(second), graph["fork"]) == ("fork[1]", (first, second, third))
    assert graph.evaluate("fork", x=2) == [2.0, 2.0, 2.0]
    assert graph.evaluate(second, x=2) == 2.0


def test_the_output_may_be_any_wire_and_change_between_passes() -> None:
    graph = circuit_1()
    graph.output = graph["q"]
    assert graph.forward(x=-2, y=5, z=-4) == 3.0
    assert graph.backward() == {"x": 1.0, "y": 1.0, "z": 0.0}
    graph.output = graph["f"]
    assert graph["q"].grad is None
    assert graph.backward() == {"x": -4.0, "y": -4.0, "z": 3.0}


def test_parameters_are_kept_by_reference_and_assignable() -> None:
    graph = ComputationalGraph()
    W = np.array([1.0, 2.0])
    x = graph.input("x", grad=False)
    graph.output = (graph.parameter("W", W) * x).sum() + graph.parameter("b", 1)
    assert graph.forward(x=[3, 4]) == 12.0
    gradients = graph.backward()
    assert list(gradients) == ["W", "b"]
    assert (gradients["W"].tolist(), gradients["b"]) == ([3.0, 4.0], 1.0)
    assert graph.parameters["W"] is W
    W -= 1
    graph.parameters["b"] -= 0.5
    assert graph.forward(x=[3, 4]) == 4.5
    graph.parameters["W"] = [1, 1]
    assert graph.forward(x=[3, 4]) == 7.5
    assert list(graph.parameters) == ["W", "b"]
    assert dict(graph.parameters)["b"] == 0.5


def test_constants_are_numbers_or_copied_arrays_without_a_gradient() -> None:
    graph = ComputationalGraph()
    array = np.array([1.0, 2.0])
    x = graph.input("x")
    graph.output = graph.add(Multiply(), x, array) + graph.constant([10, 20], name="ten")
    array[:] = 0
    assert graph.forward(x=3).tolist() == [13.0, 26.0]
    assert graph.backward(1) == {"x": 3.0}
    assert (graph["ten"].grad, graph["constant_1"].grad) == (None, None)


class Watched(Gate):
    """A product that notes which gradients it was asked for."""

    def forward(self, x: Any, y: Any) -> Any:
        self.kept = (x, y)
        return x * y

    def backward(self, dz: Any) -> list[Any]:
        self.asked = self.wanted
        x, y = self.kept
        return [dz * y, dz * x]


def test_only_what_a_gradient_needs_is_computed() -> None:
    graph = ComputationalGraph()
    x = graph.input("x", grad=False)
    w = graph.parameter("w", 2.0)
    gates = [Watched() for _ in range(4)]
    scaled = graph.add(gates[0], x, 5.0)  # no gradient needed at all
    weighed = graph.add(gates[1], scaled, w)
    graph.output = graph.add(gates[2], weighed, x)
    graph.add(gates[3], weighed, w)  # a side branch
    assert graph.forward(x=3) == 90.0
    assert graph.backward() == {"w": 45.0}
    assert [getattr(gate, "asked", None) for gate in gates] == [None, (False, True), (True, False), None]
    assert (x.grad, scaled.grad, weighed.grad) == (None, None, 3.0)


def test_no_matrix_product_is_spent_on_an_input_without_gradient() -> None:
    graph = ComputationalGraph()
    graph.output = (graph.input("X", grad=False) @ graph.parameter("W", np.ones((3, 2)))).sum()
    graph.forward(X=np.ones((5, 3)))
    gate = graph.graph.nodes["matmul_1"]["gate"]
    dX, dW = gate.backward(np.ones((5, 2)))
    assert dX is None
    assert graph.backward()["W"].tolist() == dW.tolist() == np.full((3, 2), 5.0).tolist()


def test_evaluate_needs_only_its_inputs_and_leaves_no_trace() -> None:
    graph = circuit_1()
    assert graph.evaluate("q", x=1, y=2) == 3.0
    assert graph["q"].value is None
    assert graph.evaluate(graph["q"], {"x": 1}, y=2, z=100) == 3.0
    graph.forward(x=-2, y=5, z=-4)
    graph.backward()
    assert graph.evaluate("f", x=1, y=1, z=1) == 2.0
    assert graph["q"].value == 3.0
    assert graph["x"].grad == -4.0
    assert graph.backward() == {"x": -4.0, "y": -4.0, "z": 3.0}
    assert graph.evaluate("z", z=[1, 2]).tolist() == [1.0, 2.0]


def test_a_graph_may_grow_after_a_pass() -> None:
    graph = circuit_1()
    graph.forward(x=-2, y=5, z=-4)
    order = graph.nodes_topologically_sorted()
    g = graph["f"] * 2
    assert graph.nodes_topologically_sorted() == [*order, "scale_1"]
    assert (graph["q"].value, g.value) == (None, None)
    assert graph.forward(x=-2, y=5, z=-4) == -24.0
    assert graph.backward() == {"x": -8.0, "y": -8.0, "z": 6.0}


def test_the_order_is_kept_until_the_graph_changes() -> None:
    graph = circuit_1()
    graph.forward(x=1, y=2, z=3)
    schedule = graph.schedule
    graph.backward()
    graph.forward(x=1, y=2, z=3)
    assert graph.schedule is schedule
    graph.constant(1)
    assert graph.schedule is not schedule


def test_a_networkx_graph_changed_by_hand_runs_as_it_is() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    late = graph.add(Scale(10), x, name="late")
    early = graph.add(Square(), y, name="early")
    graph.add(Add(), late, early, name="f")
    assert graph.forward(x=2, y=3) == 29.0
    graph.graph.remove_edge("x", "late", key=0)
    graph.graph.add_edge("early", "late", key=0, source_port=0)  # late now reads early, which was made after it
    assert graph.forward(x=2, y=3) == 99.0
    assert graph.backward() == {"x": 0.0, "y": 66.0}
    order = graph.nodes_topologically_sorted()
    assert order.index("early") < order.index("late")


def test_gradients_that_are_handed_out_are_arrays_of_their_own() -> None:
    graph = ComputationalGraph()
    x, y, z = graph.inputs("x", "y", "z")
    graph.output = x + y + z.reshape(2) + x.sum()
    upstream = np.array([1.0, 2.0])
    values = {"x": np.ones(2), "y": np.ones(2), "z": np.ones((2, 1))}
    graph.forward(values)
    wanted = {"x": [4.0, 5.0], "y": [1.0, 2.0], "z": [[1.0], [2.0]]}
    gradients = graph.backward(upstream)
    assert {name: gradient.tolist() for name, gradient in gradients.items()} == wanted
    for gradient in gradients.values():
        gradient *= 0
    assert upstream.tolist() == [1.0, 2.0]
    assert graph.backward(upstream)["y"].tolist() == wanted["y"]
    gradients = graph.backward(upstream)
    gradients["x"] *= 0
    assert gradients["y"].tolist() == wanted["y"]
    assert all(graph[name].grad.tolist() == [1.0, 2.0] for name in ("add_1", "add_2", "add_3"))


def test_float32_stays_float32_through_a_graph() -> None:
    graph = ComputationalGraph.from_expression("sum(max(2 * x @ W + 1, sigmoid(x) @ W) / 3)")
    x, W = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)
    assert np.asarray(graph.forward(x=x, W=W)).dtype == np.float32
    assert {gradient.dtype for gradient in graph.backward().values()} == {np.dtype(np.float32)}


def test_nested_graphs() -> None:
    inner = ComputationalGraph.from_expression("x * y + y")
    gate = inner.as_gate()
    assert gate.forward(2, 3) == 9.0
    assert gate.backward(1) == [3.0, 3.0]
    assert gate.forward([1, 2], 3).tolist() == [6.0, 9.0]
    assert [np.asarray(gradient).tolist() for gradient in gate.backward([1, 10])] == [[3.0, 30.0], 32.0]
    middle = ComputationalGraph()
    a, b = middle.inputs("a", "b")
    middle.add(inner.as_gate(), middle.add(inner.as_gate(), a, b), b)
    outer = ComputationalGraph()
    u, v = outer.inputs("u", "v")
    outer.add(Max(), outer.add(middle.as_gate(), u, v, name="nested"), u)
    flat = ComputationalGraph.from_expression("max((u * v + v) * v + v, u)")
    for values in ({"u": 2, "v": 3}, {"u": [1.0, -2.0], "v": [0.5, 3.0]}):
        assert np.array_equal(outer.forward(values), flat.forward(values))
        wanted = flat.backward(1)
        for name, gradient in outer.backward(1).items():
            assert np.array_equal(gradient, wanted[name])
    assert outer.evaluate("nested", u=1, v=1) == 3.0
    assert outer.backward(1)["u"].tolist() == wanted["u"].tolist()


def test_a_nested_graph_shares_parameters() -> None:
    inner = ComputationalGraph()
    x, c = inner.input("x"), inner.input("c", grad=False)
    inner.output = x * inner.parameter("w", 2.0) + c
    gate = inner.as_gate()
    assert gate.forward(3, 1) == 7.0
    assert gate.backward(1) == [2.0, None]
    assert gate.graph["w"].grad == 3.0
    inner.parameters["w"] = 10
    assert gate.forward(3, 1) == 31.0
    with pytest.raises(TypeError, match=r"GraphGate\.forward\(\) takes 2 inputs, got 1"):
        gate.forward(3)


def test_the_parameters_of_a_nested_graph_have_gradients_even_where_no_input_has_one() -> None:
    layer = ComputationalGraph()
    layer.output = layer.input("X") @ layer.parameter("W", np.ones((2, 2)))
    middle = ComputationalGraph()
    middle.add(layer.as_gate(), middle.input("X"), name="layer")
    graph = ComputationalGraph()
    gate = middle.as_gate()
    graph.output = graph.add(gate, graph.input("X", grad=False)).sum()
    graph.forward(X=np.ones((3, 2)))
    gradients = graph.backward()
    assert list(gradients) == list(graph.parameters) == ["graph_1.layer.W"]
    assert gradients["graph_1.layer.W"].tolist() == [[3.0, 3.0], [3.0, 3.0]]
    inner = gate.graph.graph.nodes["layer"]["gate"].graph
    assert inner["W"].grad.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert inner.graph.nodes["matmul_1"]["gate"].wanted == (False, True)
    assert inner["X"].grad is None


def test_a_parameter_of_two_nested_graphs_is_listed_once_and_its_gradients_add() -> None:
    layer = ComputationalGraph()
    layer.output = layer.input("x") * layer.parameter("w", 3.0)
    graph = ComputationalGraph()
    h = graph.add(layer.as_gate(), graph.input("x"), name="first")
    graph.add(layer.as_gate(), h, name="second")
    assert graph.forward(x=2) == 18.0  # w**2 x
    assert graph.backward() == {"x": 9.0, "first.w": 12.0}
    assert graph.copy().parameters == graph.parameters == {"first.w": 3.0}
    graph.parameters["first.w"] = 5.0
    assert layer.parameters["w"] == 5.0
    assert graph.forward(x=2) == 50.0


def test_a_nested_graph_that_the_output_does_not_depend_on_has_gradients_of_0() -> None:
    layer = ComputationalGraph()
    layer.output = layer.input("x") * layer.parameter("w", 3.0)
    graph = ComputationalGraph()
    x = graph.input("x")
    used = graph.add(layer.as_gate(), x)
    graph.forward(x=2)
    assert graph.backward() == {"x": 3.0, "graph_1.w": 2.0}
    graph.output = x * 2
    assert used.value is None
    graph.forward(x=2)
    assert graph.backward() == {"x": 2.0, "graph_1.w": 0.0}


def test_what_a_nested_graph_ignores_gets_nothing_back() -> None:
    inner = ComputationalGraph()
    inner.input("a")
    inner.output = inner.parameter("w", 2.0) * 3
    inner.parameter("unread", [1.0, 2.0])
    graph = ComputationalGraph()
    x = graph.input("x")
    used = graph.add(inner.as_gate(), np.log(x))  # whose slope is infinite
    assert graph.forward(x=0.0) == 6.0
    assert repr(graph.backward()) == repr({"x": 0.0, "graph_1.w": 3.0, "graph_1.unread": np.zeros(2)})
    graph.output = used * (x * 2.0)
    assert graph.forward(x=0.0) == 0.0
    assert repr(graph.backward(-1)["x"]) == "-12.0"
    assert inner.as_gate().graph.parameters["w"] == 2.0
    gate = inner.as_gate()
    gate.forward(1.0)
    assert gate.backward(1.0) == [None]


def test_what_a_nested_graph_with_a_nested_graph_ignores_gets_nothing_back() -> None:
    inmost = ComputationalGraph()
    inmost.output = inmost.parameter("p", 2.0) * 3
    inner = ComputationalGraph()
    inner.input("a")
    inner.output = inner.add(inmost.as_gate())
    graph = ComputationalGraph()
    graph.add(inner.as_gate(), np.log(graph.input("x")))
    assert graph.forward(x=0.0) == 6.0
    assert repr(graph.backward()) == "{'x': 0.0, 'graph_1.graph_1.p': 3.0}"


def test_the_sign_of_a_zero_that_a_nested_graph_gives_is_that_of_its_gates() -> None:
    inner = ComputationalGraph()
    a = inner.input("a")
    inner.output = inner.input("b") * -1.0
    a * 2.0
    graph = ComputationalGraph()
    x = graph.input("x")
    graph.output = graph.add(inner.as_gate(), x, x)
    graph.forward(x=1.0)
    assert repr(graph.backward(0.0)) == "{'x': -0.0}"
    assert check_gate(inner.as_gate(), 1.0, 2.0).passed


def test_the_graph_around_says_which_inputs_of_a_nested_graph_have_gradients() -> None:
    inner = ComputationalGraph()
    inner.output = inner.input("x", grad=False) * inner.input("y")
    graph = ComputationalGraph()
    graph.add(inner.as_gate(), graph.input("a"), graph.input("b", grad=False))
    graph.forward(a=2, b=3)
    assert graph.backward() == {"a": 3.0}


class OwnLayer:
    """A layer of the user's own that keeps its weight, and says so."""

    has_parameters = True

    def __init__(self) -> None:
        self.w, self.dw, self.inputs = 3.0, 0.0, []

    def forward(self, x: float) -> float:
        self.inputs.append(x)
        return self.w * x

    def backward(self, dz: float) -> list[float]:
        self.dw = dz * self.inputs[-1]
        return [dz * self.w]


def test_a_gate_with_parameters_of_its_own_runs_backward_and_evaluate_leaves_its_lists_alone() -> None:
    layer = OwnLayer()
    graph = ComputationalGraph()
    graph.add(Square(), graph.add(layer, graph.input("x", grad=False), name="layer"))
    assert graph.forward(x=2) == 36.0
    assert graph.evaluate("layer", x=100) == 300.0
    assert graph.copy().forward(x=100) == 90_000.0
    assert graph.backward() == {}
    assert (layer.dw, layer.inputs) == (24.0, [2.0])
    assert graph["x"].grad is None


def test_graphs_can_be_deep_copied_and_pickled_after_a_pass() -> None:
    inner = ComputationalGraph.from_expression("x * 2").as_gate()
    graph = ComputationalGraph()
    graph.output = graph.add(inner, graph.input("x")) * graph.parameter("w", np.array([1.0, 2.0]))
    graph.forward(x=3)
    wanted = graph.backward(1)["w"].tolist()
    for twin in (copy.deepcopy(graph), pickle.loads(pickle.dumps(graph)), copy.copy(graph)):
        with pytest.raises(RuntimeError, match="needs a forward pass first"):
            twin.backward(1)
        assert twin.forward(x=3).tolist() == [6.0, 12.0]
        assert twin.backward(1)["w"].tolist() == wanted
        with pytest.raises(ValueError, match="is already in a graph"):
            twin.add(twin.graph.nodes["multiply_1"]["gate"], twin["x"], 2)
        assert twin["x"] != graph["x"]
    assert graph.backward(1)["w"].tolist() == wanted


def test_a_copy_of_a_graph_is_apart_from_it_but_for_the_parameters() -> None:
    graph = ComputationalGraph()
    graph.output = graph.input("x") * graph.parameter("w", 2.0)
    twin = graph.copy()
    assert (graph.forward(x=3), twin.forward(x=5)) == (6.0, 10.0)
    assert (graph.backward()["w"], twin.backward()["w"]) == (3.0, 5.0)
    twin.parameters["w"] = 7
    assert graph.parameters["w"] == 7.0


def test_the_gates_of_a_graph_that_is_gone_are_free() -> None:
    gate = Exp()
    graph = ComputationalGraph()
    graph.add(gate, graph.input("x"))
    other = ComputationalGraph()
    with pytest.raises(ValueError, match="is already in a graph"):
        other.add(gate, other.input("x"))
    del graph
    gc.collect()
    other.add(gate, other["x"])
    assert other.forward(x=0) == 1.0


def test_a_gate_taken_out_by_hand_leaves_no_mark_on_other_gates() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    for number in range(200):  # the memory of a gate that is gone is soon another's
        graph.add(Exp(), x, name=f"e{number}")
        graph.graph.remove_node(f"e{number}")
        other = ComputationalGraph()
        other.add(Exp(), other.input("x"))
    assert list(graph) == ["x"]


class Halves:
    """A gate with two outputs, deriving from nothing, whose class has no room for more attributes."""

    __slots__ = ("x",)
    outputs = 2

    def forward(self, x: float) -> tuple[float, float]:
        self.x = x
        return x / 2, x / 4

    def backward(self, da: float, db: float) -> list[float]:
        return [da / 2 + db / 4]


def test_a_gate_of_ones_own_with_several_outputs() -> None:
    graph = ComputationalGraph()
    half, quarter = graph.add(Halves(), graph.input("x"))
    graph.output = half * quarter
    assert graph.forward(x=8) == 8.0
    assert graph.backward() == {"x": 2.0}
    assert isinstance(graph["halves_1"][1], Wire)


class Whole:
    """A gate that returns whole numbers and NumPy's scalars, as a beginner's might."""

    def forward(self, x: Any) -> Any:
        return 2 if x > 0 else np.float64(3)

    def backward(self, dz: Any) -> Any:
        return (np.float64(0),)


def test_what_foreign_gates_return_becomes_floats() -> None:
    graph = ComputationalGraph()
    graph.add(Whole(), graph.input("x"))
    assert [type(graph.forward(x=x)) for x in (1, -1)] == [float, float]
    assert type(graph.backward()["x"]) is float


def test_matmul_in_a_graph_with_vectors() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    graph.add(MatMul(), x, y)
    assert graph.forward(x=[1, 2], y=[3, 4]) == 11.0
    assert {name: gradient.tolist() for name, gradient in graph.backward().items()} == {
        "x": [3.0, 4.0],
        "y": [1.0, 2.0],
    }
