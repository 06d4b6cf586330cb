"""The lecture's circuits and facts, with its numbers: the items of CS231n's lecture 4, by their headings."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import (
    ELU,
    Add,
    Copy,
    Exp,
    Gate,
    LeakyReLU,
    MatMul,
    Max,
    Maxout,
    Multiply,
    Negative,
    Neuron,
    Reciprocal,
    ReLU,
    Scale,
    Shift,
    Sigmoid,
    SquaredNorm,
    Tanh,
    jacobian,
)
from graph import ComputationalGraph, fully_connected, train
from losses import SoftmaxLoss, SquaredErrorLoss, SVMLoss
from tests.circuits import CIRCUIT_1, CIRCUIT_2, WIRES_1, WIRES_2, after_both, circuit_1, circuit_2
from tests.own_gates import MultiplyGate


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


@pytest.mark.parametrize(
    ("circuit", "inputs", "wires"), [(circuit_1, CIRCUIT_1, WIRES_1), (circuit_2, CIRCUIT_2, WIRES_2)]
)
def test_every_wire_of_circuits_1_and_2(circuit: Any, inputs: Any, wires: Any) -> None:
    graph = after_both(circuit(), inputs)
    assert list(graph) == graph.nodes_topologically_sorted() == list(wires)
    for name, of_wire in wires.items():
        assert (graph[name].value, graph[name].grad) == pytest.approx(of_wire, rel=1e-6)
        if circuit is circuit_1:
            assert (graph[name].value, graph[name].grad) == of_wire


def test_circuit_2_rounded_as_on_the_slides() -> None:
    graph = after_both(circuit_2(), CIRCUIT_2)
    assert graph.output.value == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-15)
    wires = {name: (round(graph[name].value, 2), round(graph[name].grad, 2)) for name in graph}
    assert [wires[name][1] for name in CIRCUIT_2] == [-0.2, 0.39, -0.39, -0.59, 0.2]
    assert [wires[name] for name in ("exp_1", "shift_1", "reciprocal_1")] == [(0.37, -0.53), (1.37, -0.53), (0.73, 1)]


def test_circuit_3_one_sigmoid_gate_for_the_last_four() -> None:
    staged = circuit_2()
    whole = ComputationalGraph.from_expression("sigmoid(w0*x0 + w1*x1 + w2)")
    assert whole.forward(CIRCUIT_2) == pytest.approx(staged.forward(CIRCUIT_2), rel=1e-15)
    wanted = staged.backward()
    assert whole.backward() == pytest.approx(wanted, rel=1e-14)
    for name in ("multiply_1", "multiply_2", "add_1", "add_2"):
        assert whole[name].grad == pytest.approx(staged[name].grad, rel=1e-14)
    assert whole["sigmoid_1"].grad == 1.0
    assert round((1 - 0.73) * 0.73, 1) == round(whole["add_2"].grad, 1) == 0.2


def test_circuit_3_with_a_third_product() -> None:
    graph = ComputationalGraph.from_expression("sigmoid(w0*x0 + w1*x1 + w2*x2)")
    graph.forward(CIRCUIT_2, x2=1)
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


def test_vectors_the_same_with_its_own_gates() -> None:
    graph = ComputationalGraph()
    q = graph.add(MatMul(), graph.input("W"), graph.input("x"), name="q")
    graph.add(SquaredNorm(), q)
    assert graph.forward(W=[[0.1, 0.5], [-0.3, 0.8]], x=[0.2, 0.4]) == pytest.approx(0.116)
    gradients = graph.backward()
    assert_allclose(q.grad, [0.44, 0.52])
    assert_allclose(gradients["W"], 2 * np.outer(q.value, [0.2, 0.4]))  # 2 q_i x_j
    assert_allclose(gradients["x"], [-0.112, 0.636])


def test_vectors_the_jacobian_of_4096_numbers_is_diagonal_and_never_formed() -> None:
    x = np.linspace(-5, 5, 4096)
    for shape, entries in (((4096,), "16,777,216"), ((100, 4096), "167,772,160,000")):
        with pytest.raises(ValueError, match=f"{entries} entries .*; it is diagonal"):
            jacobian(ReLU(), np.broadcast_to(x, shape))
    gate = ReLU()
    gate.forward(x)
    assert np.array_equal(gate.backward(1.0)[0], x > 0)
    small = jacobian(ReLU(), x[::512])[0]
    assert small.is_diagonal
    assert_allclose(np.diag(small.matrix), x[::512] > 0)


def test_networks_linear_scores_two_and_three_layers() -> None:
    """The lecture writes f = W3 max(0, W2 max(0, W1 x)) with columns; here examples are rows, and W transposed."""
    random = np.random.default_rng(0)
    x = random.normal(size=3072)
    for sizes in ([3072, 10], [3072, 100, 10], [3072, 100, 100, 10]):
        graph = fully_connected(sizes)
        f = x
        for layer in range(1, len(sizes)):
            f = graph.parameters[f"W{layer}"].T @ (f if layer == 1 else np.maximum(0, f))
        assert_allclose(graph.evaluate("scores", X=x[None])[0], f, rtol=1e-10)


def test_networks_more_neurons_more_capacity() -> None:
    """Points of two rings: a line cannot part them, three neurons nearly, twenty do."""
    random = np.random.default_rng(0)
    angle, radius = random.uniform(0, 2 * np.pi, 200), np.repeat([1.0, 2.0], 100)
    data = {"X": np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), "y": np.repeat([0, 1], 100)}
    right = []
    for hidden in ([], [3], [20]):
        graph = fully_connected([2, *hidden, 2])
        train(graph, data, learning_rate=0.3, momentum=0.9, epochs=100, progress=False)
        right.append(np.mean(np.argmax(graph.evaluate("scores", X=data["X"]), axis=1) == data["y"]))
    assert right[0] < 0.7 < right[1] <= right[2] == 1.0


def test_networks_the_neurons_firing_rate() -> None:
    """The numbers of circuit 2: weights 2 and -3, bias -3, inputs -1 and -2."""
    gate = Neuron()
    assert round(gate.forward([-1, -2], [2, -3], -3), 2) == 0.73
    dinputs, dweights, dbias = gate.backward(1.0)
    assert dinputs.round(2).tolist() == [0.39, -0.59]
    assert dweights.round(2).tolist() == [-0.2, -0.39]
    assert round(dbias, 2) == 0.2


def test_networks_activations() -> None:
    gate: Gate
    e = np.exp(1)
    for gate, left, right in [
        (Sigmoid(), 1 / (1 + e), 1 / (1 + 1 / e)),
        (Tanh(), (1 / e - e) / (1 / e + e), (e - 1 / e) / (e + 1 / e)),
        (ReLU(), 0.0, 1.0),
        (LeakyReLU(), -0.1, 1.0),
        (ELU(), 1 / e - 1, 1.0),
        (ELU(alpha=2), 2 * (1 / e - 1), 1.0),
    ]:
        assert_allclose([gate.forward(-1.0), gate.forward(1.0)], [left, right], rtol=1e-14)
    # max(w1 x + b1, w2 x + b2) = max(3 - 1, -3 + 4), of x = 1
    assert Maxout().forward([1.0], [[3.0]], [-1.0], [[-3.0]], [4.0]).tolist() == [2.0]


def test_losses_as_the_lecture_defines_them() -> None:
    scores, labels = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0]]), np.array([0, 1])
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    softmax, svm = SoftmaxLoss(), SVMLoss()
    assert softmax.forward(scores, labels) == pytest.approx(-np.mean(np.log(p[[0, 1], labels])))
    assert_allclose(softmax.backward(1.0)[0], (p - np.eye(3)[labels]) / 2)  # -1 for the true class alone
    assert svm.forward(scores, labels) == pytest.approx((2.9 + 0 + 0 + 0) / 2)
    assert_allclose(svm.backward(1.0)[0], [[-0.5, 0.5, 0], [0, 0, 0]])  # the true class: minus the count over N
    assert SquaredErrorLoss().forward([1.0, 2.0], [3.0, 5.0]) == 13.0


@pytest.mark.parametrize("batch_size", [32, 64, 128])
def test_stochastic_gradient_descent_takes_a_minibatch_a_step(batch_size: int) -> None:
    random = np.random.default_rng(0)
    data = {"X": random.normal(size=(256, 2)), "y": random.integers(0, 2, 256)}
    assert (
        len(train(fully_connected([2, 2]), data, batch_size=batch_size, epochs=1, progress=False)) == 256 / batch_size
    )


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
    assert round(graph.forward(CIRCUIT_2), 2) == 0.73
    rounded = {name: round(gradient, 2) for name, gradient in graph.backward().items()}
    assert rounded == {"w0": -0.2, "x0": 0.39, "w1": -0.39, "x1": -0.59, "w2": 0.2}
