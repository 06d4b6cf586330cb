"""Laws that hold for every gate, tried on every row of the table."""

import copy
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gates
import losses
from gates import Gate
from tests.cases import ALL_GATES, CASES, ROWS, SHAPES, Case, upstream_like
from tests.complex_step import slopes

EXACT = [pytest.param(case, row, id=f"{case.name} {row[0]}") for case in CASES for row in case.exact]


def is_scalar(case: Case, row: Any) -> bool:
    """Return whether a row worked by hand is one of numbers, which hold for each element of an array too."""
    return case.make().elementwise and not any(np.shape(given) for given in row[0])


def frozen(values: list[Any]) -> list[Any]:
    """Return the inputs with every array read-only."""
    for value in values:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return values


def passes(case: Case, inputs: list[Any]) -> tuple[Any, list[Any]]:
    """Return the output and the gradients of one forward and one backward pass."""
    gate = case.make()
    output = gate.forward(*inputs)
    return output, gate.backward(upstream_like(output))


def pairs(gradients: list[Any], wanted: Any) -> list[tuple[Any, Any]]:
    """Return gradients with what they are to be; None, that of labels, is to be None."""
    assert [gradient is None for gradient in gradients] == [gradient is None for gradient in wanted]
    return [pair for pair in zip(gradients, wanted, strict=True) if pair[0] is not None]


def test_every_gate_has_a_row() -> None:
    assert {type(case.make()) for case in CASES} == ALL_GATES


@pytest.mark.parametrize(("case", "row"), EXACT)
def test_values_worked_by_hand(case: Case, row: Any) -> None:
    inputs, upstream, output, gradients = row
    gate = case.make()
    got = gate.forward(*inputs)
    assert np.array_equal(got, output, equal_nan=True), got
    if gradients is not None:
        for gradient, wanted in pairs(gate.backward(upstream), gradients):
            assert np.array_equal(gradient, wanted, equal_nan=True), gradient


@pytest.mark.parametrize(("case", "row"), [row for row in EXACT if is_scalar(*row.values)])
def test_values_worked_by_hand_on_arrays(case: Case, row: Any) -> None:
    inputs, upstream, output, gradients = row
    gate = case.make()
    with np.errstate(all="ignore"):  # some rows divide by 0
        got = gate.forward(*[np.array([given]) for given in inputs])
        assert np.array_equal(got, [output], equal_nan=True), got
        if gradients is not None:
            for gradient, wanted in zip(gate.backward(upstream), gradients, strict=True):
                assert np.array_equal(gradient, [wanted], equal_nan=True), gradient


@pytest.mark.parametrize(("case", "shapes"), SHAPES)
def test_forward_equals_the_reference(case: Case, shapes: Any) -> None:
    inputs = frozen(case.inputs(shapes))
    assert_allclose(case.make().forward(*inputs), case.reference(*inputs), rtol=1e-14)


@pytest.mark.parametrize(("case", "shapes"), SHAPES)
def test_backward_is_the_slope_of_forward(case: Case, shapes: Any) -> None:
    inputs = frozen(case.inputs(shapes))
    output, gradients = passes(case, inputs)
    upstream = upstream_like(output)
    assert [place for place, gradient in enumerate(gradients) if gradient is None] == list(case.labels)
    for place, gradient in enumerate(gradients):
        if gradient is not None:
            assert np.shape(gradient) == np.shape(inputs[place])
            assert_allclose(gradient, slopes(case.reference, inputs, place, upstream), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("case", "shapes"), SHAPES)
def test_backward_twice_gives_the_same_and_writes_into_nothing(case: Case, shapes: Any) -> None:
    inputs = frozen(case.inputs(shapes))
    before = copy.deepcopy(inputs)
    gate = case.make()
    output = gate.forward(*inputs)
    output_before = copy.deepcopy(output)
    upstream = frozen([upstream_like(output)])[0]
    first = copy.deepcopy(gate.backward(upstream))
    second = gate.backward(upstream)
    for values, wanted in ((second, first), (inputs, before), ([output], [output_before])):
        for value, same in zip(values, wanted, strict=True):
            assert np.array_equal(value, same)


@pytest.mark.parametrize(("case", "shapes"), SHAPES)
def test_any_layout_of_memory_gives_the_same(case: Case, shapes: Any) -> None:
    inputs = case.inputs(shapes)
    strided = []
    for given in inputs:
        wide = np.zeros([2 * length for length in np.shape(given)], dtype=np.asarray(given).dtype)
        view = wide[(..., *[slice(None, None, 2) for _ in np.shape(given)])]
        view[...] = given
        strided.append(view)
    output, gradients = passes(case, inputs)
    output_there, gradients_there = passes(case, strided)
    assert_allclose(output_there, output, rtol=1e-14)
    for there, gradient in pairs(gradients_there, gradients):
        assert_allclose(there, gradient, rtol=1e-14)


@pytest.mark.parametrize(("case", "shapes"), SHAPES)
def test_float32_in_float32_out(case: Case, shapes: Any) -> None:
    inputs = case.each(case.inputs(shapes), np.float32)
    gate = case.make()
    output = gate.forward(*inputs)
    assert output.dtype == np.float32
    for port, gradient in enumerate(gate.backward(upstream_like(output))):  # float64 upstream
        assert port in case.labels or gradient.dtype == np.float32
    exact, _ = passes(case, case.each(inputs, np.float64))
    assert_allclose(output, exact, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("case", "shapes"), [row for row in SHAPES if len(row.values[1]) == 2 and not row.values[0].labels]
)
def test_each_gradient_has_its_own_inputs_dtype(case: Case, shapes: Any) -> None:
    x, y = map(np.asarray, case.inputs(shapes))
    gate = case.make()
    gate.forward(x.astype(np.float32), y)
    dx, dy = gate.backward(1.0)
    assert (np.asarray(dx).dtype, np.asarray(dy).dtype) == (np.float32, np.float64)


@pytest.mark.parametrize(("case", "shapes"), SHAPES)
def test_a_number_fits_any_output_as_upstream(case: Case, shapes: Any) -> None:
    gate = case.make()
    output = gate.forward(*case.inputs(shapes))
    wanted = gate.backward(np.full(np.shape(output), 3.0))
    for gradient, same in zip(gate.backward(3), wanted, strict=True):
        assert np.array_equal(gradient, same)


@pytest.mark.parametrize("case", ROWS)
def test_another_shape_upstream_is_an_error(case: Case) -> None:
    gate = case.make()
    output = gate.forward(*case.inputs(case.shapes[-1]))
    wrong = np.ones((*np.shape(output), 2))
    with pytest.raises(ValueError, match=r"the upstream gradient must have the shape .*, got .*2,?\)"):
        gate.backward(wrong)


@pytest.mark.parametrize("case", ROWS)
def test_numbers_and_lists_become_floats(case: Case) -> None:
    shapes = case.shapes[1]
    whole = case.each(case.inputs(shapes), lambda x: np.round(x) + 4)
    output, gradients = passes(case, whole)
    for change in (lambda x: np.asarray(x).astype(np.int32), lambda x: np.asarray(x).astype(int).tolist()):
        output_there, gradients_there = passes(case, [change(x) for x in whole])
        assert np.array_equal(output_there, output)
        for there, gradient in pairs(gradients_there, gradients):
            assert np.array_equal(there, gradient)
            assert np.asarray(there).dtype == np.float64


@pytest.mark.parametrize("case", [row for row in ROWS if () in row.values[0].shapes[0]])
def test_numbers_give_python_floats(case: Case) -> None:
    for kind in (float, int, np.float64, np.int64, np.array):
        inputs = [kind(2) for _ in case.shapes[0]]
        gate = case.make()
        assert type(gate.forward(*inputs)) is float
        assert {type(gradient) for gradient in gate.backward(kind(1))} == {float}


@pytest.mark.parametrize("case", ROWS)
def test_backward_needs_forward(case: Case) -> None:
    gate = case.make()
    with pytest.raises(RuntimeError, match=rf"{type(gate).__name__}\.backward\(\) needs a forward pass first"):
        gate.backward(1.0)


@pytest.mark.parametrize("case", ROWS)
def test_a_failed_forward_leaves_the_last_one(case: Case) -> None:
    inputs = case.inputs(case.shapes[-1])
    gate = case.make()
    wanted = gate.backward(upstream_like(gate.forward(*inputs)))
    with pytest.raises(TypeError, match="a number or an array of numbers was wanted, got 'no'"):
        gate.forward(*["no"] * len(inputs))
    for gradient, same in zip(gate.backward(upstream_like(gate.output)), wanted, strict=True):
        assert np.array_equal(gradient, same)


@pytest.mark.parametrize("case", [row for row in ROWS if len(row.values[0].shapes[0]) > 1 and not row.values[0].labels])
def test_a_gradient_that_is_not_wanted_is_none(case: Case) -> None:
    inputs = case.inputs(case.shapes[1])
    for place in range(len(inputs)):
        gate = case.make()
        output = gate.forward(*inputs)
        wanted = gate.backward(upstream_like(output))
        gate.wanted = tuple(i != place for i in range(len(inputs)))
        gradients = gate.backward(upstream_like(output))
        wanted[place] = None
        for gradient, same in pairs(gradients, wanted):
            assert np.array_equal(gradient, same)


@pytest.mark.parametrize("case", ROWS)
def test_repr_is_how_to_make_the_gate(case: Case) -> None:
    gate = case.make()
    again = eval(repr(gate), {**vars(gates), **vars(losses)})
    assert type(again) is type(gate)
    assert repr(again) == repr(gate)
    assert {k: v for k, v in vars(again).items() if k != "outputs"} == {
        k: v for k, v in vars(gate).items() if k != "outputs"
    }


@pytest.mark.parametrize("case", ROWS)
def test_a_copy_has_the_settings_and_no_pass(case: Case) -> None:
    gate = case.make()
    gate.forward(*case.inputs(case.shapes[-1]))
    for twin in (copy.copy(gate), copy.deepcopy(gate)):
        assert repr(twin) == repr(gate)
        with pytest.raises(RuntimeError, match="needs a forward pass first"):
            twin.backward(1.0)


def test_elementwise_is_said_of_the_gates_whose_jacobian_is_diagonal() -> None:
    for case in CASES:
        gate: Gate = case.make()
        same_shape = [shapes for shapes in case.shapes if set(shapes) == {(3, 4)}]
        if not same_shape:
            assert not gate.elementwise
            continue
        inputs = case.inputs(same_shape[0])
        output = gate.forward(*inputs)
        if np.shape(output) != (3, 4):
            assert not gate.elementwise
            continue
        one = np.zeros((3, 4))
        one[1, 2] = 1.0
        gradients = gate.backward(one)
        assert gate.elementwise == all(np.count_nonzero(gradient[one == 0]) == 0 for gradient in gradients)
