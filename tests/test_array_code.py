"""The fast code of arrays: it does nothing twice, reuses memory, and changes neither a bit nor what it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gates import ELU, Copy, Exp, Gate, LeakyReLU, MatMul, ReLU, Sigmoid, Sum, Tanh
from graph import ComputationalGraph, fully_connected
from losses import SoftmaxLoss
from tests.test_engines import assert_same_passes

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e308, -1e308, 1.0, -1.0, 745.0, -745.0]


def code_of(run: Any) -> str:
    """Return the code that a function runs."""
    (specialization,) = run.__self__._specializations.values()
    assert specialization.is_fast
    text: str = specialization.source.text
    return text


def check(graph: ComputationalGraph, inputs: dict[str, Any], upstream: Any = None) -> str:
    """Compare two runs of the code with the passes, look whether the inputs are as they were, and return the code."""
    before = {name: np.array(value) for name, value in inputs.items()}
    kept = {name: np.array(value) for name, value in graph.parameters.items()}
    run = graph.compile("source")
    with np.errstate(all="ignore"):
        wanted = graph.forward(inputs), graph.backward(upstream)
        for _ in range(2):
            found = run(inputs, upstream)
            assert_same_passes("source", found, wanted)
            for gradient in found[1].values():
                if isinstance(gradient, np.ndarray):
                    gradient[...] = 7.0  # a gradient is the caller's own
    for name, value in before.items():
        np.testing.assert_array_equal(np.asarray(inputs[name]), value)
    for name, value in kept.items():
        np.testing.assert_array_equal(np.asarray(graph.parameters[name]), value)
    return code_of(run)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [30, 3000])
@pytest.mark.parametrize("gate", [ReLU, LeakyReLU, ELU, Sigmoid, Tanh, Exp], ids=lambda gate: gate.__name__)
def test_special_numbers_in_arrays_small_and_large(gate: Any, size: int, dtype: Any) -> None:
    random = np.random.default_rng(0)
    x = random.choice(np.array(SPECIAL, dtype=float), size).astype(np.float64)
    with np.errstate(all="ignore"):
        x = x.astype(dtype)
        dz = random.choice(x, size)
    graph = ComputationalGraph()
    graph.output = graph.add(gate(), graph.input("x") + 0.0) * graph.input("y")
    check(graph, {"x": x, "y": random.choice(x, size)}, dz)


def test_a_mask_is_made_once_and_chooses_by_bits() -> None:
    random = np.random.default_rng(0)
    graph = fully_connected([64, 100, 10])
    text = check(graph, {"X": random.normal(size=(64, 64)), "y": random.integers(0, 10, 64)})
    assert text.count("<= 0.0") == 1
    assert text.count(".astype(np.int64)") == 1
    assert text.count("np.arange(10)") == 1
    assert text.index("np.arange(10)") < text.index("def both_passes")
    assert "np.sum" not in text
    assert "astype(y" not in text


@pytest.mark.parametrize(
    "expression",
    [
        "sum(exp(x) * exp(x))",
        "sum(exp(x) + exp(x))",
        "sum(exp(x) - exp(x) * x)",
        "sum((x + y) * (x + y))",
        "sum(x @ y @ x)",
        "sum(relu(x @ y) + relu(x @ y))",
        "sum(sigmoid(x) * tanh(x) / exp(y))",
        "mean(x * y) + sum(x)",
        "max(sum(x), sum(x))",
        "sum(x * x + y) / sum(y * y + x)",
    ],
)
def test_operations_that_occur_twice(expression: str) -> None:
    random = np.random.default_rng(0)
    inputs = {name: random.normal(size=(50, 50)) for name in ("x", "y") if name in expression.replace("exp", "")}
    check(ComputationalGraph.from_expression(expression), inputs)


def test_gradients_that_are_the_same_numbers_are_arrays_of_their_own() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    a, b, c = (graph.parameter(name, np.zeros(3)) for name in "abc")
    graph.add(Sum(), (x * 2.0 + a) + (b + c), name="total")
    _, gradients = graph.compile("source")(x=np.ones((5, 3)))
    arrays = list(gradients.values())
    for number, one in enumerate(arrays):
        assert not any(np.shares_memory(one, other) for other in arrays[:number])
    check(graph, {"x": np.ones((5, 3))})


def test_memory_in_other_orders() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 50)).T, random.normal(size=(50, 60))
    expressions = "sum(exp(x + y) * y)", "sum(exp(y + x) + x)", "sum(y + exp(x))"
    for graph in map(ComputationalGraph.from_expression, expressions):
        check(graph, {"x": x, "y": y})
        check(graph, {"x": np.asfortranarray(x), "y": y[::1]})
    sums = ComputationalGraph.from_expression("sum(2 * x + y, 0)")  # whose last digits depend on the order
    check(sums, {"x": x, "y": y}, 1.0)


def test_an_output_and_upstream_that_are_arrays() -> None:
    random = np.random.default_rng(0)
    graph = ComputationalGraph()
    graph.output = graph.add(ReLU(), graph.add(MatMul(), graph.input("x"), graph.input("y")))
    x, y, dz = (random.normal(size=(50, 50)) for _ in range(3))
    before = dz.copy()
    check(graph, {"x": x, "y": y}, dz)
    np.testing.assert_array_equal(dz, before)
    first, second = (graph.compile("source")({"x": x, "y": y}, dz)[0] for _ in range(2))
    assert not np.shares_memory(first, second)


@pytest.mark.parametrize("gate", [Exp, Sigmoid, Tanh, Copy], ids=lambda gate: gate.__name__)
def test_an_output_that_backward_reads_is_not_overwritten(gate: Any) -> None:
    random = np.random.default_rng(0)
    x, dz = random.normal(size=(2, 50, 50))
    graph = ComputationalGraph()
    graph.output = graph.add(gate() if gate is not Copy else Copy(1), graph.input("x") + 1.0)
    check(graph, {"x": x}, dz)


def test_what_is_handed_on_is_not_overwritten() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    one, two = graph.add(Copy(2), x + 1.0)
    graph.output = graph.add(Sum(), graph.add(Exp(), one) + two * one)
    check(graph, {"x": np.linspace(-1.0, 1.0, 3000)})


def test_rows_of_scores_of_any_size() -> None:
    random = np.random.default_rng(0)
    graph = ComputationalGraph()
    graph.add(SoftmaxLoss(), graph.input("scores"), graph.input("y", grad=False))
    for scale in (1e-3, 1.0, 1e3, 1e308):
        scores = random.normal(size=(7, 4)).clip(-1.7, 1.7) * scale
        check(graph, {"scores": scores, "y": random.integers(0, 4, 7)})


class Scaled(Gate):
    """Divides by the sum of some constants, which is read twice and makes an array."""

    def forward(self, x: Any) -> Any:
        total = np.sum(np.arange(4.0))
        return x / total + np.arange(3.0) * total

    def backward(self, dy: Any) -> Any:
        return [dy / np.sum(np.arange(4.0))]


def test_constants_that_are_numbers_come_before_the_function_too() -> None:
    graph = ComputationalGraph()
    graph.add(Sum(), graph.add(Scaled(), graph.input("x")))
    check(graph, {"x": np.ones(3)})
