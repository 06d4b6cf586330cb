"""The checker on layers as people write them; and these layers are what they are said to be, by plain differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gates.bare import bare_backward, bare_forward
from gates.checking.function_under_test import GateUnderTest
from gates.gate import labels_of
from tests.layers import LAYERS
from tests.layers.layer import Layer

# What is wrong with these does not show in the numbers of one pass, or no step length suits their forward.
NOT_IN_NUMBERS = ("stale", "only one wanted", "straight-through", "self.", "clipped", "modifies", "instance", "random")


def shows_in_numbers(layer: Layer) -> bool:
    """Return whether plain differences in float64 tell right from wrong."""
    says = " ".join(layer.says)
    is_exact = layer.precision is None and "rounded" not in layer.name and "as meant" not in layer.name
    return is_exact and layer.dtype is np.float64 and not any(word in says for word in NOT_IN_NUMBERS)


@pytest.fixture(autouse=True)
def ample_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no search stop for want of time, on however slow a machine."""
    for module in ("patterns", "jacobians", "sampling"):
        monkeypatch.setattr(f"gates.checking.{module}._SECONDS", 60.0)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_the_verdict_and_what_it_says(layer: Layer) -> None:
    report = layer.check()
    assert layer.is_judged_right(report), report
    assert layer.is_named(report) == bool(layer.says), report
    if layer.verdict == "fail" and (rows := [row.input for row in report.rows if row.verdict == "fail"]):
        assert set(rows) == set(layer.wrong.split()) or not layer.wrong


@pytest.mark.parametrize("layer", [layer for layer in LAYERS if shows_in_numbers(layer)], ids=lambda layer: layer.name)
def test_the_layers_by_plain_differences(layer: Layer) -> None:
    random = np.random.default_rng(1)
    inputs = list(layer.draw(random))
    gate = GateUnderTest(layer.make()).ready(layer.make(), len(inputs))

    def loss(given: list[Any]) -> float:
        outputs = bare_forward(gate, [np.array(one) for one in given])
        return float(sum(np.sum(dz * output) for dz, output in zip(upstream, outputs)))

    outputs = bare_forward(gate, inputs)
    upstream = [random.normal(size=np.shape(output)) for output in outputs]
    bare_forward(gate, [np.array(one) for one in inputs])
    try:
        gradients = bare_backward(gate, [np.array(dz)[()] for dz in upstream])
    except AttributeError:
        assert layer.says == ("raises AttributeError",)
        return
    if not isinstance(gradients, list) or len(gradients) != len(inputs):
        assert layer.verdict == "fail"
        return
    wrong = []
    for port, name in enumerate(GateUnderTest(layer.make()).names(len(inputs))):
        if port in labels_of(gate):
            continue
        slopes = np.zeros(np.shape(inputs[port]))
        for place in np.ndindex(slopes.shape):
            sides = []
            for step in (1e-5, -1e-5):
                moved = [np.array(one) for one in inputs]
                moved[port][place] += step
                sides.append(loss(moved))
            slopes[place] = (sides[0] - sides[1]) / 2e-5
        gradient = gradients[port]
        is_fit = gradient is not None and np.shape(gradient) == slopes.shape
        if not (is_fit and np.allclose(gradient, slopes, rtol=0, atol=1e-6 * np.abs(slopes).max())):
            wrong.append(name)
    assert wrong == layer.wrong.split()
