"""Every gate's formulas use the array API standard alone: they run on arrays that have nothing else."""

from typing import Any

import array_api_strict as xp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import Copy
from graph import ComputationalGraph
from tests.cases import CASES, SHAPES, Case, upstream_like


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("case", "shapes"), SHAPES)
def test_forward_and_backward_on_strict_arrays(case: Case, shapes: Any, dtype: str) -> None:
    inputs = case.each(case.inputs(shapes), lambda x: np.asarray(x, dtype=dtype))
    ours = case.make()
    output = ours.forward(*inputs)
    upstream = np.asarray(upstream_like(output), dtype=dtype)
    wanted = ours.backward(upstream)
    strict = case.make()
    there = strict.forward(*map(xp.asarray, inputs))
    assert type(there) is type(xp.asarray(0.0))
    assert there.dtype == getattr(xp, dtype)
    assert_allclose(np.asarray(there), output, rtol=1e-6)
    for port, (given, gradient, same) in enumerate(
        zip(inputs, strict.backward(xp.asarray(upstream)), wanted, strict=True)
    ):
        if port in case.labels:
            assert gradient is None
            continue
        assert gradient.dtype == getattr(xp, dtype)
        assert gradient.shape == given.shape
        assert_allclose(np.asarray(gradient), same, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c.name) for c in CASES if ((), ()) in c.shapes and c.make().elementwise]
)
def test_a_strict_array_with_a_python_float(case: Case) -> None:
    array = xp.asarray([0.5, 2.0])
    for inputs in ((array, 1.5), (1.5, array)):
        gate = case.make()
        output = gate.forward(*inputs)
        gradients = gate.backward(xp.asarray([2.0, 3.0]))
        ours = case.make()
        wanted = ours.forward(*[np.asarray(given) for given in inputs])
        assert_allclose(np.asarray(output), wanted)
        for gradient, same in zip(gradients, ours.backward([2.0, 3.0]), strict=True):
            assert_allclose(np.asarray(gradient), same)


def test_copy_on_strict_arrays() -> None:
    gate = Copy(2)
    gate.forward(xp.asarray([1.0, 2.0]))
    (gradient,) = gate.backward(xp.asarray([1.0, 10.0]), 5.0)
    assert np.asarray(gradient).tolist() == [6.0, 15.0]


def test_integers_become_the_default_float() -> None:
    gate = CASES[0].make()
    assert gate.forward(xp.asarray([1, 2]), xp.asarray([True, False])).dtype == xp.float64


def test_a_graph_on_strict_arrays() -> None:
    graph = ComputationalGraph.from_expression("mean((sigmoid(X @ w) - y) ** 2)")
    random = np.random.default_rng(0)
    inputs = {"X": random.normal(size=(5, 3)), "w": random.normal(size=3), "y": random.normal(size=5)}
    value = graph.forward(inputs)
    wanted = graph.backward()
    assert float(graph.forward({name: xp.asarray(array) for name, array in inputs.items()})) == pytest.approx(value)
    for name, gradient in graph.backward().items():
        assert_allclose(np.asarray(gradient), wanted[name])
