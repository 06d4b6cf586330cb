"""Gradients share memory with nothing, and no array that was passed in is written into."""

import itertools
from typing import Any

import numpy as np
import pytest

from graph import ComputationalGraph
from tests.cases import SHAPES, Case, upstream_like


def both_passes(graph: ComputationalGraph, engine: str, inputs: dict[str, Any], upstream: Any) -> Any:
    """Return what both passes return, by an engine or, under "forward", by the graph itself."""
    if engine == "forward":
        return graph.forward(inputs), graph.backward(upstream)
    run = graph.compile(engine)
    run(inputs, upstream)
    return run(inputs, upstream)


def assert_apart(arrays: dict[str, Any], rest: dict[str, Any]) -> None:
    """Assert that none of the arrays shares memory with another or with one of the rest."""
    pairs = [*itertools.combinations(arrays.items(), 2), *itertools.product(arrays.items(), rest.items())]
    for (first, one), (second, other) in pairs:
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
            assert not np.shares_memory(one, other), (first, second)


@pytest.mark.parametrize("engine", ["forward", "plain", "source", "auto"])
@pytest.mark.parametrize(("case", "shapes"), SHAPES)
def test_gradients_share_memory_with_nothing(case: Case, shapes: Any, engine: str) -> None:
    graph = ComputationalGraph()
    gate = case.make()
    names = [f"x{port}" for port in range(len(shapes))]
    wires = [graph.input(name, grad=port not in gate.labels) for port, name in enumerate(names)]
    outputs = graph.add(gate, *wires)
    graph.output = outputs[-1] if isinstance(outputs, tuple) else outputs
    inputs = dict(zip(names, case.inputs(shapes)))
    upstream = upstream_like(graph.forward(inputs))
    given = {**inputs, "upstream": upstream}
    before = {name: np.array(one) for name, one in given.items()}
    value, gradients = both_passes(graph, engine, inputs, upstream)
    kept = {str(wire): wire.value for node in graph for wire in graph.wires_of(node)}
    assert_apart(gradients, {**given, "value": value, **kept})
    for name, one in given.items():
        np.testing.assert_array_equal(one, before[name])


@pytest.mark.parametrize("engine", ["forward", "plain", "source", "auto"])
@pytest.mark.parametrize("kind", ["the input", "added to itself", "branches", "transposed", "reshaped", "a parameter"])
def test_gradients_that_pass_through_unchanged(kind: str, engine: str) -> None:
    graph = ComputationalGraph()
    x, w = graph.input("x"), graph.parameter("w", np.ones((2, 2)))
    wires = {
        "the input": lambda: x,
        "added to itself": lambda: x + x,
        "branches": lambda: (x + w) + (x - w),
        "transposed": lambda: x.T.T,
        "reshaped": lambda: x.reshape(4).reshape(2, 2),
        "a parameter": lambda: w,
    }
    graph.output = wires[kind]()
    given = {"x": np.arange(4.0).reshape(2, 2), "upstream": np.full((2, 2), 3.0)}
    value, gradients = both_passes(graph, engine, {"x": given["x"]}, given["upstream"])
    assert_apart(gradients, {**given, "value": value, "w": graph.parameters["w"]})
    for gradient in gradients.values():
        gradient += 1.0
    np.testing.assert_array_equal(given["x"], np.arange(4.0).reshape(2, 2))
    assert set(given["upstream"].flat) == {3.0}
    assert set(graph.parameters["w"].flat) == {1.0}
