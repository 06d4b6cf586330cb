"""Ready-made networks: what they are made of, how they begin, and that they compute what they should."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import Add, LeakyReLU, MatMul, Power, ReLU, Sigmoid, Tanh
from graph import ComputationalGraph, fully_connected
from losses import SoftmaxLoss, SquaredErrorLoss, SVMLoss


def test_two_layers_gate_by_gate() -> None:
    graph = fully_connected([4, 3, 2])
    gates = {name: type(gate) for name, gate in graph.graph.nodes(data="gate")}
    assert list(graph.parameters) == ["W1", "b1", "W2", "b2"]
    assert {name: gates[name] for name in ("h1", "scores", "loss")} == {"h1": ReLU, "scores": Add, "loss": SoftmaxLoss}
    assert sum(gate is MatMul for gate in gates.values()) == 2
    assert graph.output.node == "loss"


@pytest.mark.parametrize("sizes", [[5, 3], [5, 4, 3], [5, 7, 6, 3], [5, 2, 2, 2, 2, 3]])
def test_any_number_of_layers_by_hand(sizes: list[int]) -> None:
    graph = fully_connected(sizes, activation=Tanh, loss=SVMLoss, regularization=0.01, seed=3)
    random = np.random.default_rng(1)
    X, y = random.normal(size=(6, 5)), random.integers(0, 3, 6)
    for name in graph.parameters:
        if name[0] == "b":
            graph.parameters[name] = random.normal(size=graph.parameters[name].shape)
    h: Any = X
    layers = len(sizes) - 1
    for layer in range(1, layers + 1):
        h = h @ graph.parameters[f"W{layer}"] + graph.parameters[f"b{layer}"]
        h = np.tanh(h) if layer < layers else h
    assert_allclose(graph.evaluate("scores", X=X), h)
    loss = SVMLoss().forward(h, y) + sum(
        0.01 * np.sum(graph.parameters[f"W{layer}"] ** 2) for layer in range(1, layers + 1)
    )
    assert graph.forward(X=X, y=y) == pytest.approx(loss)
    assert list(graph.backward()) == list(graph.parameters)


@pytest.mark.parametrize(("activation", "of_layer"), [(ReLU, [2 / 300, 2 / 200]), (Tanh, [2 / 500, 2 / 600])])
def test_the_first_weights_are_hes_for_relu_and_xaviers_otherwise(activation: Any, of_layer: list[float]) -> None:
    graph = fully_connected([300, 200, 400], activation=activation)
    for name, variance in zip(("W1", "W2"), of_layer):
        W = graph.parameters[name]
        # the variance of n normal numbers is within 5 * sqrt(2 / n)
        assert np.var(W) == pytest.approx(variance, rel=5 * (2 / W.size) ** 0.5)
        assert abs(np.mean(W)) < 5 * (variance / W.size) ** 0.5
    assert not graph.parameters["b1"].any()
    assert not graph.parameters["b2"].any()


def test_the_same_seed_gives_the_same_weights() -> None:
    first, same, other = (fully_connected([3, 2], seed=seed).parameters["W1"] for seed in (5, 5, 6))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_lectures_sizes_without_labels() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(2, 3072))
    for sizes in ([3072, 100, 10], [3072, 100, 50, 10]):
        graph = fully_connected(sizes)
        assert graph.parameters["W1"].shape == (3072, 100)
        assert graph.evaluate("scores", X=X).shape == (2, 10)
        assert graph.forward(X=X, y=[3, 9]) > 0


def test_gates_with_settings_may_be_given_as_they_are() -> None:
    graph = fully_connected([3, 4, 4, 2], activation=LeakyReLU(0.2), loss=SVMLoss(margin=2))
    assert repr(graph["h1"].gate) == repr(graph["h2"].gate) == "LeakyReLU(slope=0.2)"
    assert graph["h1"].gate is not graph["h2"].gate
    assert repr(graph["loss"].gate) == "SVMLoss(margin=2.0)"
    graph = fully_connected([3, 4, 2], activation=lambda: LeakyReLU(0.3))
    assert repr(graph["h1"].gate) == "LeakyReLU(slope=0.3)"


def test_a_regression() -> None:
    graph = fully_connected([2, 3, 1], activation=Sigmoid, loss=SquaredErrorLoss)
    X = np.ones((4, 2))
    scores = graph.evaluate("scores", X=X)
    assert graph.forward(X=X, y=np.zeros((4, 1))) == pytest.approx(float(np.sum(scores**2)))


def test_a_network_comes_back_from_its_file(tmp_path: Any) -> None:
    graph = fully_connected([4, 3, 2], regularization=0.1)
    graph.save(tmp_path / "network.json")
    again = ComputationalGraph.load(tmp_path / "network.json")
    inputs = {"X": np.ones((2, 4)), "y": [0, 1]}
    assert again.forward(inputs) == graph.forward(inputs)


@pytest.mark.parametrize("sizes", [[3], [], [3, 0], [3, -1, 2], [3, 2.5], "3-2", 7, None])
def test_bad_sizes(sizes: Any) -> None:
    with pytest.raises(ValueError, match=r"fully_connected\(\): sizes must be two or more positive integers, got"):
        fully_connected(sizes)


def test_classes_of_ones_own() -> None:
    class Soft:
        def forward(self, x: Any) -> Any:
            self.x = x
            return np.log1p(np.exp(x))

        def backward(self, dy: Any) -> Any:
            return [dy / (1 + np.exp(-self.x))]

    graph = fully_connected([3, 4, 4, 2], activation=Soft)
    assert graph.evaluate("scores", X=np.ones((5, 3))).shape == (5, 2)
    assert type(graph["h2"].gate) is Soft


def test_bad_gates() -> None:
    with pytest.raises(TypeError, match=r"activation must be a class of gates, or a gate, with 1 input and one output"):
        fully_connected([3, 2, 2], activation=Add)
    with pytest.raises(
        TypeError, match=r"loss must be a class of gates, or a gate, with 2 inputs and one output, got 'x"
    ):
        fully_connected([3, 2], loss="xent")
    for given in (np.tanh, Power, lambda x: x, "relu", None):
        with pytest.raises(
            TypeError, match=r"fully_connected\(\): activation must be a class of gates, or a gate, with"
        ):
            fully_connected([3, 2, 2], activation=given)
    for strength in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"fully_connected\(\): regularization must be at least 0 and finite, got"):
            fully_connected([3, 2], regularization=strength)
    for seed in (-1, "a"):
        with pytest.raises((TypeError, ValueError), match=r"^fully_connected\(\): seed: "):
            fully_connected([3, 2], seed=seed)
    with pytest.raises(TypeError, match=r"fully_connected\(\): regularization must be a number, got 'much'"):
        fully_connected([3, 2], regularization="much")
