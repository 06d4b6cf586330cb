"""JAX: gates and graphs on its arrays, and both passes as one function that it compiles."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose

from gates import Add, Gate, MatMul, Multiply, Sigmoid, Square, Sum
from graph import ComputationalGraph, fully_connected, train
from losses import SoftmaxLoss, SquaredErrorLoss, SVMLoss
from tests.cases import CASES, Case
from tests.test_laws import upstream_like
from tests.training_example import Stream, data, network

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install jax")
jnp = jax.numpy

ROWS = [pytest.param(case, id=case.name) for case in CASES]


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    """Let JAX compute in float64 in these tests, and in no others."""
    with jax.enable_x64(True):
        yield


def both_passes(case: Case, inputs: list[Any], upstream: Any) -> tuple[Any, list[Any]]:
    """Return the output and the gradients of a gate alone, those of labels left out."""
    gate = case.make()
    output = gate.forward(*inputs)
    return output, [gradient for gradient in gate.backward(upstream) if gradient is not None]


# Gates on JAX's arrays


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", ROWS)
def test_gates_run_on_jax_arrays(case: Case, dtype: str) -> None:
    shapes = max(case.shapes, key=lambda shapes: sum(map(len, shapes)))
    inputs = case.each(case.inputs(shapes), lambda x: np.asarray(x, dtype=dtype))
    upstream = np.asarray(upstream_like(case.make().forward(*inputs)), dtype=dtype)
    output, gradients = both_passes(case, inputs, upstream)
    there, found = both_passes(case, list(map(jnp.asarray, inputs)), jnp.asarray(upstream))
    assert isinstance(there, jax.Array)
    assert there.dtype == dtype
    assert_allclose(there, output, rtol=1e-6)
    for gradient, wanted in zip(found, gradients, strict=True):
        assert isinstance(gradient, jax.Array)
        assert gradient.dtype == dtype
        assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", ROWS)
def test_gates_can_be_traced(case: Case) -> None:
    for shapes in case.shapes:
        inputs = case.inputs(shapes)
        labels = {port: inputs[port] for port in case.labels}
        upstream = upstream_like(case.make().forward(*inputs))

        def traced(inputs: Any, upstream: Any, labels: Any = labels) -> Any:
            return both_passes(case, [labels.get(port, x) for port, x in enumerate(inputs)], upstream)

        output, gradients = both_passes(case, inputs, upstream)
        there, found = jax.jit(traced)(list(map(jnp.asarray, inputs)), jnp.asarray(upstream))
        assert_allclose(there, output, rtol=1e-12, atol=1e-14)
        for gradient, wanted in zip(found, gradients, strict=True):
            assert_allclose(gradient, wanted, rtol=1e-12, atol=1e-14)
