"""The guard stops at the first gate that makes an inf or a nan, and names the gate, the pass and the cause."""

from typing import Any

import numpy as np
import pytest

from gates import Exp
from graph import ComputationalGraph


def message(source: str, backward: bool = False, **inputs: Any) -> str:
    """Return what the guard says of an expression."""
    graph = ComputationalGraph.from_expression(source, guard=True)
    if backward:
        graph.forward(inputs)
    with pytest.raises(FloatingPointError) as caught:
        graph.backward(1) if backward else graph.forward(inputs)
    assert all(graph[name].grad is None for name in graph)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "inputs", "wanted"),
    [
        (
            "exp(x) + 1",
            {"x": 1000},
            "forward: exp_1 (Exp) made inf from 1000: overflow: e**x is finite up to x = 709.78",
        ),
        ("1 / (x - 1)", {"x": 1}, "forward: reciprocal_1 (Reciprocal) made inf from 0: a division by 0"),
        ("y / x", {"x": 0, "y": -1}, "forward: divide_1 (Divide) made -inf from -1, 0: a division by 0"),
        ("y / x", {"x": 0, "y": 0}, "forward: divide_1 (Divide) made nan from 0, 0: a division by 0"),
        ("log(x)", {"x": 0}, "forward: log_1 (Log) made -inf from 0: the logarithm of 0"),
        ("log(x)", {"x": -1}, "forward: log_1 (Log) made nan from -1: the logarithm of a negative number"),
        ("sqrt(x)", {"x": -1}, "forward: sqrt_1 (Sqrt) made nan from -1: the square root of a negative number"),
        ("x ** -1", {"x": 0}, "forward: power_1 (Power) made inf from 0: 0 to a negative power"),
        ("x ** 401", {"x": -10}, "forward: power_1 (Power) made -inf from -10: overflow"),
        ("x ** 0.5", {"x": -2}, "forward: power_1 (Power) made nan from -2: a negative number to a fractional power"),
        ("x * x", {"x": 1e200}, "forward: multiply_1 (Multiply) made inf from 1e+200, 1e+200: overflow"),
        ("log(x)", {"x": [1, 2, 0]}, "forward: log_1 (Log) made -inf at 2 from 0: the logarithm of 0"),
        (
            "x / y",
            {"x": [[1.0, 2.0]], "y": [1, 0]},
            "forward: divide_1 (Divide) made inf at (0, 1) from 2, 0: a division by 0",
        ),
        (
            "x @ y",
            {"x": [1e200, 1], "y": [1e200, 1]},
            "made inf from an array of shape (2,), an array of shape (2,): overflow",
        ),
    ],
)
def test_forward(source: str, inputs: dict[str, Any], wanted: str) -> None:
    assert wanted in message(source, **inputs)


def test_backward() -> None:
    wanted = "backward: sqrt_1 (Sqrt) returned the gradient inf from 0 and the upstream gradient 1: "
    wanted += "the slope of the square root at 0"
    assert message("sqrt(x) + 1", backward=True, x=0) == wanted
    assert "at 1 from 0 and the upstream gradient 1" in message("sqrt(x)", backward=True, x=[1, 0])


def test_a_gate_of_the_users_own_is_called_by_its_class() -> None:
    class Blows:
        def forward(self, x: float, y: float) -> float:
            return float("inf")

        def backward(self, dz: float) -> list[float]:
            return [0.0, 0.0]

    graph = ComputationalGraph(guard=True)
    graph.add(Blows(), *graph.inputs("x", "y"), name="b")
    with pytest.raises(FloatingPointError, match=r"forward: b \(Blows\) made inf from 1, 2: overflow"):
        graph.forward(x=1, y=2)


def test_what_comes_in_not_finite_is_not_the_gates_doing() -> None:
    graph = ComputationalGraph.from_expression("x * y + 1", guard=True)
    assert graph.forward(x=np.inf, y=2) == np.inf
    assert graph.backward() == {"x": 2.0, "y": np.inf}
    assert np.isnan(graph.forward(x=[np.nan, 1], y=[1, 2])).tolist() == [True, False]


def test_the_numbers_are_those_of_a_graph_without_guard() -> None:
    for inputs in ({"x": 2.0, "y": 3.0}, {"x": [1.0, 2.0], "y": [[3.0], [4.0]]}):
        guarded = ComputationalGraph.from_expression("exp(x) * y - x ** 2", guard=True)
        plain = ComputationalGraph.from_expression("exp(x) * y - x ** 2")
        assert np.array_equal(guarded.forward(inputs), plain.forward(inputs))
        wanted = plain.backward(1)
        for name, gradient in guarded.backward(1).items():
            assert np.array_equal(gradient, wanted[name])


def test_the_guard_may_be_switched() -> None:
    graph = ComputationalGraph()
    graph.add(Exp(), graph.input("x"))
    assert graph.forward(x=1000) == np.inf
    graph.guard = True
    with pytest.raises(FloatingPointError):
        graph.forward(x=1000)
    with pytest.raises(FloatingPointError):
        graph.evaluate("exp_1", x=1000)
    graph.guard = False
    assert graph.forward(x=1000) == np.inf
    assert graph.as_gate().forward(1000) == np.inf
