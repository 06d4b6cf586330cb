"""Operators and NumPy functions on wires: each adds the gate that it should, and the rest are refused."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from graph import ComputationalGraph, Wire

A = np.array([[1.5, 2.0], [0.5, 3.0]])
B = np.array([[4.0, -1.0], [2.0, 0.25]])

# an expression on arrays or wires alike, and the gates that it adds
EXPRESSIONS: list[tuple[Callable[[Any, Any], Any], list[str]]] = [
    (lambda x, y: x + y, ["Add"]),
    (lambda x, y: x + 1, ["Shift"]),
    (lambda x, y: 1 + x, ["Shift"]),
    (lambda x, y: x - y, ["Subtract"]),
    (lambda x, y: x - 1, ["Shift"]),
    (lambda x, y: 1 - x, ["Subtract"]),
    (lambda x, y: x - float(np.uint8(3)) if isinstance(x, np.ndarray) else x - np.uint8(3), ["Shift"]),
    (lambda x, y: x * y, ["Multiply"]),
    (lambda x, y: 2 * x, ["Scale"]),
    (lambda x, y: x * 2, ["Scale"]),
    (lambda x, y: x * np.float64(2), ["Scale"]),
    (lambda x, y: np.float64(2) * x, ["Scale"]),
    (lambda x, y: np.array(2.0) * x, ["Scale"]),
    (lambda x, y: x / y, ["Divide"]),
    (lambda x, y: x / 3, ["Divide"]),
    (lambda x, y: 1 / x, ["Reciprocal"]),
    (lambda x, y: 2 / x, ["Divide"]),
    (lambda x, y: x**3, ["Power"]),
    (lambda x, y: x**2, ["Power"]),
    (lambda x, y: x**-0.5, ["Power"]),
    (lambda x, y: abs(x) ** y, ["Abs", "Pow"]),
    (lambda x, y: 2**x, ["Pow"]),
    (lambda x, y: abs(x) ** np.array([2.0, 0.5]), ["Abs", "Pow"]),
    (lambda x, y: abs(x), ["Abs"]),
    (lambda x, y: x[0], ["Index"]),
    (lambda x, y: x[0, 1], ["Index"]),
    (lambda x, y: x[:, 1:], ["Index"]),
    (lambda x, y: x[..., None, ::-1], ["Index"]),
    (lambda x, y: x[[0, 1, 1]], ["Index"]),
    (lambda x, y: x[:, [1, 1, -2]], ["Index"]),
    (lambda x, y: x[0, [1, 1]], ["Index"]),
    (lambda x, y: x[np.array([1, 0])], ["Index"]),
    (lambda x, y: x.max(), ["ReduceMax"]),
    (lambda x, y: x.max(axis=1, keepdims=True), ["ReduceMax"]),
    (lambda x, y: x.min(), ["ReduceMin"]),
    (lambda x, y: x.min(axis=1, keepdims=True), ["ReduceMin"]),
    (lambda x, y: x.var(0), ["Variance"]),
    (lambda x, y: x.clip(-0.5, 1.0), ["Clip"]),
    (lambda x, y: x @ y, ["MatMul"]),
    (lambda x, y: x @ np.ones(2), ["MatMul"]),
    (lambda x, y: np.ones(2) @ x, ["MatMul"]),
    (lambda x, y: -x, ["Negative"]),
    (lambda x, y: +x, []),
    (lambda x, y: np.ones(2) * x, ["Multiply"]),
    (lambda x, y: np.ones(2) - x, ["Subtract"]),
    (lambda x, y: np.ones(2) / x, ["Divide"]),
    (lambda x, y: x + np.ones((2, 1)), ["Add"]),
    (lambda x, y: [1.0, 2.0] + x, ["Add"]),
    (lambda x, y: x.T, ["Transpose"]),
    (lambda x, y: x.transpose(1, 0), ["Transpose"]),
    (lambda x, y: x.sum(), ["Sum"]),
    (lambda x, y: x.sum(0), ["Sum"]),
    (lambda x, y: x.sum(axis=1, keepdims=True), ["Sum"]),
    (lambda x, y: x.mean(), ["Mean"]),
    (lambda x, y: x.mean(-1), ["Mean"]),
    (lambda x, y: x.reshape(4), ["Reshape"]),
    (lambda x, y: x.reshape(4, 1), ["Reshape"]),
    (lambda x, y: x.reshape((1, -1)), ["Reshape"]),
    (lambda x, y: np.exp(x), ["Exp"]),
    (lambda x, y: np.log(x), ["Log"]),
    (lambda x, y: np.sqrt(x), ["Sqrt"]),
    (lambda x, y: np.square(x), ["Square"]),
    (lambda x, y: np.reciprocal(x), ["Reciprocal"]),
    (lambda x, y: np.tanh(x), ["Tanh"]),
    (lambda x, y: np.sin(x) + np.cos(y), ["Sin", "Cos", "Add"]),
    (lambda x, y: np.abs(x), ["Abs"]),
    (lambda x, y: np.power(2.0, x), ["Pow"]),
    (lambda x, y: np.max(x, axis=0), ["ReduceMax"]),
    (lambda x, y: np.min(x, axis=0), ["ReduceMin"]),
    (lambda x, y: np.amax(x) - np.amin(x), ["ReduceMax", "ReduceMin", "Subtract"]),
    (lambda x, y: np.var(x, axis=0), ["Variance"]),
    (lambda x, y: np.clip(x, 0, 1), ["Clip"]),
    (lambda x, y: np.where(np.eye(2) > 0, x, y), ["Where"]),
    (lambda x, y: np.concatenate([x, y], axis=1), ["Concatenate"]),
    (lambda x, y: np.concatenate([np.ones((1, 2)), y]), ["Concatenate"]),
    (lambda x, y: np.stack([x, y], axis=-1), ["Stack"]),
    (lambda x, y: np.maximum(x, y), ["Max"]),
    (lambda x, y: np.maximum(0, x), ["Max"]),
    (lambda x, y: np.minimum(x, y), ["Min"]),
    (lambda x, y: np.negative(x), ["Negative"]),
    (lambda x, y: np.add(x, 1), ["Shift"]),
    (lambda x, y: np.subtract(1, x), ["Subtract"]),
    (lambda x, y: np.multiply(x, y), ["Multiply"]),
    (lambda x, y: np.divide(x, y), ["Divide"]),
    (lambda x, y: np.power(x, 3), ["Power"]),
    (lambda x, y: np.matmul(x, y), ["MatMul"]),
    (lambda x, y: np.sum(x), ["Sum"]),
    (lambda x, y: np.sum(x, axis=0), ["Sum"]),
    (lambda x, y: np.mean(x, axis=(0, 1)), ["Mean"]),
    (lambda x, y: np.reshape(x, (4,)), ["Reshape"]),
    (lambda x, y: np.transpose(x), ["Transpose"]),
    (lambda x, y: np.transpose(x, axes=(1, 0)), ["Transpose"]),
]


def gates_of(graph: ComputationalGraph) -> list[str]:
    """Return the classes of the gates that are no entries."""
    names = [type(gate).__name__ for _, gate in graph.graph.nodes(data="gate")]
    return [name for name in names if name not in ("Input", "Constant")]


@pytest.mark.parametrize("number", range(len(EXPRESSIONS)))
def test_an_expression_adds_its_gate_and_computes_what_numpy_does(number: int) -> None:
    expression, added = EXPRESSIONS[number]
    graph = ComputationalGraph()
    wire = expression(*graph.inputs("x", "y"))
    assert isinstance(wire, Wire)
    assert gates_of(graph) == added
    graph.output = wire
    assert_allclose(graph.forward(x=A, y=B), expression(A, B), rtol=1e-15)


REFUSED: list[tuple[Callable[[Any, Any], Any], str]] = [
    (lambda x, y: x % 2, "no gate for % on wires"),
    (lambda x, y: 7 % x, "no gate for % on wires"),
    (lambda x, y: x // 2, "no gate for // on wires"),
    (lambda x, y: divmod(x, 2), r"no gate for divmod\(\) on wires"),
    (
        lambda x, y: x > y,
        r"no gate for x > y \(np.maximum\(x, y\) is the larger; .* c > 0\) on wires; a wire's value is wire.value",
    ),
    (lambda x, y: x <= 1, "no gate for x >= y"),
    (
        lambda x, y: max(x, y),
        r"no gate for x > y \(np.maximum\(x, y\) is the larger; .* c > 0\) on wires; a wire's value is wire.value",
    ),
    (lambda x, y: list(x), "no gate for a loop on wires"),
    (lambda x, y: 3.0 in x, "no gate for a loop on wires"),
    (lambda x, y: len(x), r"no gate for len\(\) on wires"),
    (
        lambda x, y: x[[True, False]],
        "slices, None, ... and one list of integers, got a mask",
    ),
    (lambda x, y: float(x), r"no gate for float\(\) on wires; a wire's value is wire.value"),
    (lambda x, y: math.exp(x), r"no gate for float\(\)"),
    (lambda x, y: 1 if x else 2, "no gate for true or false on wires"),
    (lambda x, y: x & y, "no gate for & on wires"),
    (lambda x, y: ~x, "no gate for ~ on wires"),
    (
        lambda x, y: np.sinh(x),
        "no gate for np.sinh; these NumPy functions have gates: absolute, add, clip",
    ),
    (lambda x, y: np.exp(x, out=np.ones(2)), "no gate for np.exp with out="),
    (lambda x, y: np.add.reduce(x), "no gate for np.add.reduce"),
    (lambda x, y: np.hstack([x, y]), r"no gate for np.hstack; write np.concatenate\(\[x, y\], axis\); these NumPy"),
    (lambda x, y: np.dot(x, y), "no gate for np.dot; write wire @ y; these NumPy functions"),
    (
        lambda x, y: np.where(x, y, 0.0),
        "a condition must be an array of booleans; Where",
    ),
    (lambda x, y: np.concatenate([x, y], axis=0, dtype=float), "no gate for np.concatenate with these arguments"),
    (lambda x, y: np.sum(x, 0, float), "no gate for np.sum with these arguments: too many positional arguments"),
    (lambda x, y: np.mean(x, dtype=float), "no gate for np.mean with these arguments: .*'dtype'"),
    (lambda x, y: np.reshape(x, (2, 2), order="F"), "no gate for np.reshape with these arguments: .*'order'"),
    (lambda x, y: x.mean(1, 2), "positional argument"),
    (lambda x, y: np.greater(x, y), "no gate for np.greater"),
    (lambda x, y: x + "1", r"add_1 \(Add\) reads wires, numbers and arrays: .* got '1' \(str\)"),
    (lambda x, y: x * None, "reads wires, numbers and arrays: .* got None"),
    (lambda x, y: x + 1j, "got 1j"),
    (operator.setitem, "does not support item assignment"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_has_no_gate_is_refused_and_adds_nothing(number: int) -> None:
    expression, message = REFUSED[number]
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    with pytest.raises(TypeError, match=message):
        expression(x, y) if expression is not operator.setitem else operator.setitem(x, 0, y)
    assert list(graph) == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("relu", r"write graph.add\(ReLU\(\), wire\)"),
        ("exp", r"write graph.add\(Exp\(\), wire\)"),
        ("softmax", r"write graph.add\(Softmax\(\), wire\)"),
        ("backward", r"graph.backward\(\) runs the backward pass"),
        ("data", "a wire's value is wire.value"),
        ("shape", "a wire's value is wire.value, which has a shape"),
        ("flatten", r"write wire.reshape\(-1\)"),
    ],
)
def test_what_other_libraries_have_is_an_error_that_says_what_to_write(name: str, advice: str) -> None:
    x = ComputationalGraph().input("x")
    with pytest.raises(AttributeError, match=f"^'Wire' object has no attribute '{name}'; {advice}$"):
        getattr(x, name)


def test_another_attribute_is_an_error_as_python_has_it() -> None:
    x = ComputationalGraph().input("x")
    for name in ("power", "copy", "matmul", "foo", "_repr_png_"):  # a gate's settings or inputs cannot be guessed
        with pytest.raises(AttributeError, match=f"^'Wire' object has no attribute '{name}'$") as caught:
            getattr(x, name)
        assert (caught.value.name, caught.value.obj) == (name, x)


def test_a_wire_is_frozen_and_equal_to_itself() -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    assert x == graph["x"] != y
    assert len({x, graph["x"], y}) == 2
    assert x != ComputationalGraph().input("x")
    assert x in graph
    assert x not in ComputationalGraph()
    for name, value in (("node", "y"), ("grad", None), ("foo", 3)):
        with pytest.raises(AttributeError, match=f"a wire's {name} cannot be assigned"):
            setattr(x, name, value)
    with pytest.raises(AttributeError, match=r"a wire's value cannot be assigned; assign graph.parameters\[name\]"):
        x.value = 1
    assert x.gate is graph.graph.nodes["x"]["gate"]
