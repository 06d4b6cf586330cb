"""The lecture's circuits and facts, with its numbers: the items of CS231n's lecture 4, by their headings."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import Add, Copy, Exp, Max, Multiply, Negative, Reciprocal, Scale, Shift, Sigmoid
from graph import ComputationalGraph

NEURON = "1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))"
NEURON_INPUTS = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}


def numbers(graph: ComputationalGraph) -> dict[str, tuple[float, float]]:
    """Return the value and gradient on every wire, rounded as on the slides."""
    return {name: (round(graph[name].value, 2), round(graph[name].grad, 2)) for name in graph}


def test_patterns_distributor_router_switcher_adder() -> None:
    gate: Any
    for gate, inputs, wanted in [
        (Add(), (3.0, -4.0), [2.0, 2.0]),
        (Max(), (3.0, -4.0), [2.0, 0.0]),
        (Multiply(), (3.0, -4.0), [-8.0, 6.0]),
    ]:
        gate.forward(*inputs)
        assert gate.backward(2.0) == wanted
    fork = Copy(2)
    fork.forward(3.0)
    assert fork.backward(2.0, 5.0) == [7.0]


def test_circuit_1_every_wire() -> None:
    graph = ComputationalGraph()
    x, y, z = graph.inputs("x", "y", "z")
    q = graph.add(Add(), x, y, name="q")
    f = graph.add(Multiply(), q, z, name="f")
    assert graph.forward(x=-2, y=5, z=-4) == -12.0
    assert graph.backward() == {"x": -4.0, "y": -4.0, "z": 3.0}
    assert (q.value, q.grad, f.value, f.grad) == (3.0, -4.0, -12.0, 1.0)
    assert graph.nodes_topologically_sorted() == ["x", "y", "z", "q", "f"]


def test_circuit_2_every_wire() -> None:
    graph = ComputationalGraph.from_expression(NEURON)
    assert graph.forward(NEURON_INPUTS) == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-15)
    graph.backward()
    assert numbers(graph) == {
        "w0": (2, -0.20),
        "x0": (-1, 0.39),
        "w1": (-3, -0.39),
        "x1": (-2, -0.59),
        "w2": (-3, 0.20),
        "multiply_1": (-2, 0.20),
        "multiply_2": (6, 0.20),
        "add_1": (4, 0.20),
        "add_2": (1, 0.20),
        "negative_1": (-1, -0.20),
        "exp_1": (0.37, -0.53),
        "shift_1": (1.37, -0.53),
        "reciprocal_1": (0.73, 1.00),
    }


def test_circuit_3_one_sigmoid_gate_for_the_last_four() -> None:
    staged = ComputationalGraph.from_expression(NEURON)
    whole = ComputationalGraph.from_expression("sigmoid(w0*x0 + w1*x1 + w2)")
    assert whole.forward(NEURON_INPUTS) == pytest.approx(staged.forward(NEURON_INPUTS), rel=1e-15)
    wanted = staged.backward()
    assert whole.backward() == pytest.approx(wanted, rel=1e-14)
    for name in ("multiply_1", "multiply_2", "add_1", "add_2"):
        assert whole[name].grad == pytest.approx(staged[name].grad, rel=1e-14)
    assert whole["sigmoid_1"].grad == 1.0
    assert round((1 - 0.73) * 0.73, 1) == round(whole["add_2"].grad, 1) == 0.2


def test_circuit_3_with_a_third_product() -> None:
    graph = ComputationalGraph.from_expression("sigmoid(w0*x0 + w1*x1 + w2*x2)")
    graph.forward(NEURON_INPUTS, x2=1)
    gradients = graph.backward()
    assert gradients["w2"] == pytest.approx(0.19661193324148185, rel=1e-14)
    assert gradients["x2"] == pytest.approx(-3 * 0.19661193324148185, rel=1e-14)


def test_local_gradients() -> None:
    for gate, x, wanted in [
        (Exp(), -1.0, np.exp(-1)),
        (Reciprocal(), 1.37, -1 / 1.37**2),
        (Scale(3), 5.0, 3.0),
        (Shift(3), 5.0, 1.0),
        (Negative(), 5.0, -1.0),
        (Sigmoid(), 1.0, (1 - 1 / (1 + np.exp(-1))) / (1 + np.exp(-1))),
    ]:
        gate.forward(x)
        assert gate.backward(1.0)[0] == pytest.approx(wanted, rel=1e-14)
    assert round(-1 / 1.37**2 * 1.00, 2) == -0.53


def test_vectors_the_squared_norm_of_a_product() -> None:
    graph = ComputationalGraph()
    W, x = graph.inputs("W", "x")
    q = W @ x
    graph.output = (q**2).sum()
    assert graph.forward(W=[[0.1, 0.5], [-0.3, 0.8]], x=[0.2, 0.4]) == pytest.approx(0.116)
    gradients = graph.backward()
    assert_allclose(q.value, [0.22, 0.26])
    assert_allclose(q.grad, [0.44, 0.52])
    assert_allclose(gradients["W"], [[0.088, 0.176], [0.104, 0.208]])
    assert_allclose(gradients["x"], [-0.112, 0.636])


def test_a_product_q_is_x_times_W() -> None:
    random = np.random.default_rng(0)
    x, W, dq = random.normal(size=(4, 3)), random.normal(size=(3, 2)), random.normal(size=(4, 2))
    graph = ComputationalGraph.from_expression("x @ W")
    graph.forward(x=x, W=W)
    gradients = graph.backward(dq)
    assert_allclose(gradients["x"], dq @ W.T)
    assert_allclose(gradients["W"], x.T @ dq)


class MultiplyGate:
    """The slide's gate, as it stands there."""

    def forward(self, x, y):
        z = x * y
        self.x = x  # must keep these around!
        self.y = y
        return z

    def backward(self, dz):
        dx = self.y * dz  # [dz/dx * dL/dz]
        dy = self.x * dz  # [dz/dy * dL/dz]
        return [dx, dy]


def test_the_slides_own_gate_works_in_a_graph() -> None:
    graph = ComputationalGraph()
    x, y, z = graph.inputs("x", "y", "z")
    graph.add(MultiplyGate(), x + y, z, name="f")
    assert graph.forward(x=-2, y=5, z=-4) == -12.0
    assert graph.backward() == {"x": -4.0, "y": -4.0, "z": 3.0}
    assert graph.forward(x=[-2, 1], y=[5, 1], z=[-4, 2]).tolist() == [-12.0, 4.0]
    assert graph.backward(1)["z"].tolist() == [3.0, 2.0]
    assert graph.evaluate("f", x=1, y=1, z=1) == 2.0


def test_the_two_passes_are_those_of_the_pseudocode() -> None:
    """The lecture's own loop over the gates of a graph gives the graph's numbers."""
    graph = ComputationalGraph.from_expression("(x + y) * z")
    inputs = {"x": -2.0, "y": 5.0, "z": -4.0}
    nodes, values = graph.graph.nodes, dict(inputs)
    for name in graph.nodes_topologically_sorted():
        if name not in inputs:
            reads = sorted(graph.graph.in_edges(name, keys=True), key=lambda edge: edge[2])
            values[name] = nodes[name]["gate"].forward(*[values[source] for source, _, _ in reads])
    grads = dict.fromkeys(values, 0.0) | {graph.output.node: 1.0}
    for name in reversed(graph.nodes_topologically_sorted()):
        if name not in inputs:
            reads = sorted(graph.graph.in_edges(name, keys=True), key=lambda edge: edge[2])
            for (source, _, _), gradient in zip(reads, nodes[name]["gate"].backward(grads[name])):
                grads[source] = grads[source] + gradient
    assert graph.forward(inputs) == values[graph.output.node]
    assert graph.backward() == {name: grads[name] for name in inputs}


def test_any_part_of_a_graph_may_be_one_gate() -> None:
    sigmoid = ComputationalGraph.from_expression("1 / (1 + exp(-x))")
    graph = ComputationalGraph()
    w0, x0, w1, x1, w2 = graph.inputs("w0", "x0", "w1", "x1", "w2")
    graph.add(sigmoid.as_gate(), w0 * x0 + w1 * x1 + w2)
    assert round(graph.forward(NEURON_INPUTS), 2) == 0.73
    rounded = {name: round(gradient, 2) for name, gradient in graph.backward().items()}
    assert rounded == {"w0": -0.2, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.2}
