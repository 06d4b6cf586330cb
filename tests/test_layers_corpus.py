"""The layers of the examination are right, or wrong in what is named, by plain central differences in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gates.bare import bare, bare_backward, bare_forward
from gates.gate import parameter_names
from tests.benchmarks.layers import LAYERS
from tests.benchmarks.layers.layer import Layer

CONTRACT = ("count", "list", "raises")
OF_STATE = ("modifies", "stale", "another instance", "second call", "random", "only some")
KINDS = (
    *("factor", "sign", "upstream", "added", "zero", "mask", "swapped", "transposed", "exchanged", "shape", "none"),
    *("index", "couples", "missing term", "permuted", "misses", "scale", "regions", "overwrites", "straight-through"),
    *("no pattern", *CONTRACT, *OF_STATE),
)


def made(layer: Layer) -> Any:
    """Return the layer's gate, which computes in float64 if it can."""
    gate = layer.make()
    if hasattr(gate, "dtype"):
        gate.dtype = "float64"
    return gate


def outputs_of(gate: Any, inputs: Any) -> list[Any]:
    """Run forward on copies."""
    return bare_forward(bare(gate), [np.array(given) for given in inputs])


def gradients_of(gate: Any, upstream: Any) -> dict[str, Any]:
    """Run backward on copies, and return the gradients of inputs and own parameters by name."""
    gradients = bare_backward(bare(gate), [np.array(dz)[()] for dz in upstream])
    named = dict(zip(parameter_names(gate.forward, len(gradients)), gradients))
    for name, value in vars(gate).items():
        if isinstance(value, np.ndarray) and hasattr(gate, f"d{name}"):
            named[name] = getattr(gate, f"d{name}")
    return named | getattr(gate, "grads", {})


def drawn(layer: Layer, seed: int = 1) -> tuple[list[Any], list[Any]]:
    """Return inputs, and upstream gradients."""
    random = np.random.default_rng(seed)
    inputs = list(layer.draw(random))
    return inputs, [random.normal(size=np.shape(output)) for output in outputs_of(made(layer), inputs)]


def slopes_of(layer: Layer, inputs: list[Any], upstream: list[Any], name: str) -> Any:
    """Return the slopes of forward with respect to an input or an own parameter; None for labels."""
    names = parameter_names(layer.make().forward, len(inputs))
    start = inputs[names.index(name)] if name in names else getattr(layer.make(), name)
    if np.asarray(start).dtype.kind == "i":
        return None
    is_coarse = layer.dtype != "float64" and not hasattr(layer.make(), "dtype")
    step = 0.03 if is_coarse else 1e-5
    slopes = np.zeros(np.shape(start))
    for place in np.ndindex(slopes.shape):
        for side in (step, -step):
            gate, value = made(layer), np.array(start)
            value[place] += side
            if name in names:
                outputs = outputs_of(gate, [value if port == name else x for port, x in zip(names, inputs)])
            else:
                setattr(gate, name, value)
                outputs = outputs_of(gate, inputs)
            loss = sum(np.sum(dz * output) for dz, output in zip(upstream, outputs))
            slopes[place] += loss / (2 * side)
    return slopes


def wrong_in(layer: Layer, inputs: list[Any], upstream: list[Any], gradients: dict[str, Any]) -> set[str]:
    """Return the names of the gradients that are not the slopes."""
    tolerance = 1e-6 if layer.dtype == "float64" or hasattr(layer.make(), "dtype") else 1e-3
    wrong = set()
    for name, gradient in gradients.items():
        slopes = slopes_of(layer, inputs, upstream, name)
        if slopes is None:
            is_right = gradient is None
        else:
            is_right = np.shape(gradient) == slopes.shape and gradient is not None
            is_right = is_right and np.allclose(gradient, slopes, rtol=0, atol=tolerance * np.abs(slopes).max())
        if not is_right:
            wrong.add(name)
    return wrong


def of(*kinds: str) -> Any:
    """Run a test for each layer of some kinds."""
    return pytest.mark.parametrize(
        "layer", [layer for layer in LAYERS if layer.kind in kinds], ids=lambda one: one.name
    )


def test_names_are_unique_and_kinds_known() -> None:
    assert len({layer.name for layer in LAYERS}) == len(LAYERS)
    assert {layer.kind for layer in LAYERS} == {"", *KINDS}


@of("", *[kind for kind in KINDS if kind not in (*CONTRACT, *OF_STATE)])
def test_exactly_the_named_gradients_are_wrong(layer: Layer) -> None:
    inputs, upstream = drawn(layer)
    gate = made(layer)
    outputs_of(gate, inputs)
    gradients = gradients_of(gate, upstream)
    assert len(gradients) >= len(inputs)
    assert wrong_in(layer, inputs, upstream, gradients) == set(layer.wrong)
    for name, gradient in gradients.items():
        slopes = slopes_of(layer, inputs, upstream, name)
        if layer.kind in ("shape", "none") and name in layer.wrong:
            assert gradient is None if layer.kind == "none" else np.shape(gradient) != slopes.shape


@of("")
def test_the_dtype_is_kept(layer: Layer) -> None:
    inputs, upstream = drawn(layer)
    gate, exact = layer.make(), made(layer)
    outputs = outputs_of(gate, inputs)
    assert all(type(output) is float or output.dtype == layer.dtype for output in outputs)
    gradients = gradients_of(gate, [np.asarray(dz, layer.dtype) for dz in upstream])
    outputs_of(exact, inputs)
    for name, right in gradients_of(exact, upstream).items():
        if right is not None:
            assert np.abs(gradients[name] - right).max() <= 20 * np.finfo(layer.dtype).eps * (1 + np.abs(right).max())


@of(*CONTRACT)
def test_backward_breaks_the_contract(layer: Layer) -> None:
    inputs, upstream = drawn(layer)
    gate = made(layer)
    outputs_of(gate, inputs)
    if layer.kind == "raises":
        with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
            bare_backward(bare(gate), upstream)
        return
    gradients = bare_backward(bare(gate), upstream)
    assert isinstance(gradients, list) == (layer.kind == "count")
    assert layer.kind == "list" or len(gradients) != len(inputs)


@of(*OF_STATE)
def test_the_gradients_of_one_pass_are_right(layer: Layer) -> None:
    inputs, upstream = drawn(layer)
    gate = made(layer)
    outputs_of(gate, inputs)
    if layer.kind != "random":
        assert wrong_in(layer, inputs, upstream, gradients_of(gate, upstream)) == set()


@of("modifies")
def test_an_input_or_the_upstream_gradient_is_modified(layer: Layer) -> None:
    inputs, upstream = drawn(layer)
    before = [np.array(value) for value in [*inputs, *upstream]]
    gate = bare(made(layer))
    bare_forward(gate, inputs)
    bare_backward(gate, upstream)
    assert not all(map(np.array_equal, before, [*inputs, *upstream]))


def after_another_pass(layer: Layer, other: Callable[[Any], Any]) -> set[str]:
    """Return what is wrong in backward when `other(gate)` has had a pass: before, in the gate; between, in another."""
    inputs, upstream = drawn(layer)
    earlier, _ = drawn(layer, seed=2)
    gate = made(layer)
    if other(gate) is gate:
        outputs_of(gate, earlier)
    outputs_of(gate, inputs)
    if (one := other(gate)) is not gate:
        outputs_of(one, earlier)
    return wrong_in(layer, inputs, upstream, gradients_of(gate, upstream))


@of("stale")
def test_an_earlier_pass_makes_the_named_gradients_wrong(layer: Layer) -> None:
    assert after_another_pass(layer, lambda gate: gate) == set(layer.wrong)


@of("another instance")
def test_a_pass_of_another_instance_makes_the_named_gradients_wrong(layer: Layer) -> None:
    assert after_another_pass(layer, lambda gate: made(layer)) == set(layer.wrong)


@of("second call")
def test_the_second_call_of_backward_gives_or_raises_something_else(layer: Layer) -> None:
    inputs, upstream = drawn(layer)
    gate = made(layer)
    outputs_of(gate, inputs)
    gradients_of(gate, upstream)
    try:
        assert wrong_in(layer, inputs, upstream, gradients_of(gate, upstream)) == set(layer.wrong)
    except IndexError:
        assert "popped" in layer.name


@of("random")
def test_forward_answers_otherwise_each_time(layer: Layer) -> None:
    inputs, _ = drawn(layer)
    gate = made(layer)
    assert len({outputs_of(gate, inputs)[0].tobytes() for _ in range(30)}) > 1


@of("only some")
def test_the_named_gradients_are_wrong_where_they_alone_are_wanted(layer: Layer) -> None:
    inputs, upstream = drawn(layer)
    wrong = set()
    for port, name in enumerate(parameter_names(made(layer).forward, len(inputs))):
        gate = bare(made(layer), tuple([other == port for other in range(len(inputs))]))
        outputs_of(gate, inputs)
        wrong |= wrong_in(layer, inputs, upstream, {name: gradients_of(gate, upstream)[name]})
    assert wrong == set(layer.wrong)
