"""The lecture's 20-line network: the same losses as by hand, and no product too many."""

from typing import Any

import array_api_strict as xp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import Sigmoid
from graph import ComputationalGraph
from losses import SquaredErrorLoss
from tests.benchmarks.network import by_hand, data, losses_of, with_gategraph


def test_the_same_losses_as_by_hand_at_each_of_2000_steps() -> None:
    losses = losses_of(by_hand, 2000)
    assert losses[-1] < losses[0] / 1000
    assert_allclose(losses_of(with_gategraph, 2000), losses, rtol=1e-9)


def test_no_product_is_computed_that_no_gradient_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    products = []
    array = type(xp.asarray(0.0))
    product = array.__matmul__

    def counted(x: Any, y: Any) -> Any:
        products.append((x.shape, y.shape))
        return product(x, y)

    monkeypatch.setattr(array, "__matmul__", counted)
    x, y, w1, w2 = map(xp.asarray, data())
    graph = ComputationalGraph()
    X, target = graph.input("x", grad=False), graph.input("y", grad=False)
    h = graph.add(Sigmoid(), X @ graph.parameter("w1", w1))
    graph.add(SquaredErrorLoss(), h @ graph.parameter("w2", w2), target)
    graph.forward(x=x, y=y)
    graph.backward()
    assert products == [
        ((64, 1000), (1000, 100)),  # x @ w1
        ((64, 100), (100, 10)),  # h @ w2
        ((64, 10), (10, 100)),  # dy @ w2.T
        ((100, 64), (64, 10)),  # h.T @ dy
        ((1000, 64), (64, 100)),  # x.T @ dh, and no product for x
    ]
    assert np.asarray(graph["w1"].grad).shape == (1000, 100)
