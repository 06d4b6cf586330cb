"""What validation does with the arguments of a gate, and gates of the user's own; Copy, which has several outputs."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gates import (
    Abs,
    Add,
    Clip,
    Copy,
    Exp,
    Gate,
    Log,
    MatMul,
    Maxout,
    Mean,
    Multiply,
    Power,
    Reciprocal,
    Reshape,
    Scale,
    Shift,
    Sigmoid,
    Sum,
    Transpose,
    namespace,
    sum_to,
)
from graph import ComputationalGraph
from graph.structure.entries import Input
from tests.own_gates import Cube


class Plus(Gate):
    """x + bias, with the bias as an argument that may be left out."""

    def forward(self, x: Any, bias: Any = 1.0) -> Any:
        self.kept = (x, bias)
        return x + bias

    def backward(self, dz: Any) -> list[Any]:
        return [sum_to(dz, x) for x in self.kept]


def test_the_designs_examples() -> None:
    gate = Multiply()
    assert repr(gate.forward(3, -4)) == "-12.0"
    assert gate.backward(2.0) == [-8.0, 6.0]
    fork = Copy(2)
    assert fork.forward(5.0) == [5.0, 5.0]
    assert fork.backward(1.0, 2.0) == [3.0]
    assert Add().forward([1, 2], [3, 4]).tolist() == [4.0, 6.0]
    assert Exp().forward(1000.0) == Reciprocal().forward(0.0) == np.inf


def test_copy_adds_arrays_without_writing_into_them() -> None:
    fork, ones = Copy(2), np.ones(3)
    fork.forward(np.zeros(3))
    assert np.array_equal(fork.backward(ones, [1.0, 2.0, 3.0])[0], [2.0, 3.0, 4.0])
    assert np.array_equal(ones, [1.0, 1.0, 1.0])


def test_copy_adds_the_gradients_of_its_outputs() -> None:
    fork = Copy(3)
    x = np.array([1.0, 2.0])
    assert all(np.array_equal(copy, x) for copy in fork.forward(x))
    assert len(fork.forward(x)) == 3
    (dx,) = fork.backward([1, 2], 10, [100, 200])
    assert dx.tolist() == [111.0, 212.0]
    with pytest.raises(TypeError, match=r"Copy\.backward\(\) takes 3 upstream gradients, got 1"):
        fork.backward(1.0)
    with pytest.raises(ValueError, match=r"must have the shape \(2,\), got \(3,\)"):
        fork.backward(1.0, 1.0, [1, 2, 3])


def test_keep_stores_and_returns() -> None:
    gate = Gate()
    assert gate.keep(1.0, 2.0) == gate.kept == (1.0, 2.0)


@pytest.mark.parametrize("n", [0, -1, 2.0, "two"])
def test_copy_wants_a_whole_number(n: Any) -> None:
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, got"):
        Copy(n)


@pytest.mark.parametrize("number", [Fraction(1, 2), np.float64(0.5), np.array(0.5), np.float16(0.5)])
def test_all_kinds_of_numbers(number: Any) -> None:
    assert Exp().forward(number) == pytest.approx(np.exp(0.5), rel=1e-3)


@pytest.mark.parametrize("thing", ["1", None, 1j, Decimal(1), [1j], ["a"], np.array([None]), {}, Exp()])
def test_what_is_not_a_number_is_named(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"Multiply\.forward\(\): y: a number or an array of numbers was wanted, got"):
        Multiply().forward(1.0, thing)


def test_ragged_lists_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"Exp\.forward\(\): x: the rows of a list must be equally long, got"):
        Exp().forward([[1, 2], [3]])


def test_a_wrong_number_of_inputs() -> None:
    with pytest.raises(TypeError, match=r"Multiply\.forward\(\) takes 2 inputs, got 1"):
        Multiply().forward(1.0)
    with pytest.raises(TypeError, match=r"Multiply\.forward\(\) takes 2 inputs, got 3"):
        Multiply().forward(1.0, 2.0, 3.0)
    with pytest.raises(TypeError, match=r"Plus\.forward\(\) takes 1 to 2 inputs, got 3"):
        Plus().forward(1.0, 2.0, 3.0)
    gate = Multiply()
    gate.forward(1.0, 2.0)
    with pytest.raises(TypeError, match=r"Multiply\.backward\(\) takes 1 upstream gradient, got 2"):
        gate.backward(1.0, 1.0)


def test_calls_of_a_users_gate_are_validated() -> None:
    cube = Cube()
    with pytest.raises(RuntimeError, match=r"Cube\.backward\(\) needs a forward pass first"):
        cube.backward(1.0)
    assert cube.forward(2) == 8.0
    assert cube.backward(1) == [12.0]
    assert cube.forward([1, 2]).tolist() == [1.0, 8.0]
    assert cube.backward(2)[0].tolist() == [6.0, 24.0]
    assert cube.forward(np.float32([2])).dtype == np.float32
    assert (repr(cube), cube.kind) == ("Cube()", "cube")
    plus = Plus()
    assert (plus.forward(2), plus.wanted) == (3.0, (True,))
    assert (plus.forward(2, 5), plus.backward(1), plus.wanted) == (7.0, [1.0, 1.0], (True, True))


class Slide:
    """Formulas of a class that derives from nothing."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return 2 * x

    def backward(self, dz: Any) -> Any:
        return [2 * dz]


class Both(Slide, Gate):
    """The same as a Gate."""


def test_formulas_that_are_inherited_have_doors_too() -> None:
    gate = Both()
    assert gate.forward([1, 2]).tolist() == [2.0, 4.0]
    assert gate.backward(1)[0].tolist() == [2.0, 2.0]
    assert Slide().forward([1]) == [1, 1]


def test_settings_that_cannot_be() -> None:
    for make, message in [
        (lambda: Power("3"), r"Power: p must be a number, got '3' \(str\)"),
        (lambda: Scale([1]), r"Scale: a must be a number, got \[1\] \(list\)"),
        (lambda: Shift(None), "Shift: c must be a number, got None"),
        (lambda: Sum(axis=1.5), "Sum: axis must be an integer, a tuple of integers or None, got 1.5"),
        (lambda: Reshape("ab"), "Reshape: shape must be an integer or a tuple of integers, got 'ab'"),
        (lambda: Sum(axis=True), "Sum: axis must be an integer, a tuple of integers or None, got True"),
        (lambda: Sum(keepdims="no"), "Sum: keepdims must be True or False, got 'no'"),
        (lambda: Mean(keepdims=1), "Mean: keepdims must be True or False, got 1"),
        (lambda: Transpose(0), "Transpose: axes must be a tuple of integers or None, got 0"),
        (lambda: Input("no"), "Input: grad must be True or False, got 'no'"),
        (lambda: ComputationalGraph("no"), "ComputationalGraph: guard must be True or False, got 'no'"),
    ]:
        with pytest.raises(TypeError, match=message):
            make()
    with pytest.raises(ValueError, match="Shift: c: the number 1000.* is too large for a float"):
        Shift(10**400)
    with pytest.raises(ValueError, match=r"Add\.forward\(\): x: the number .* is too large for a float"):
        Add().forward(10**400, 1)
    assert Sum(axis=np.int64(0)).axis == 0
    assert Sum(axis=[0, 1]).axis == (0, 1)
    for make, message in [
        (lambda: Transpose((0, 5)), "axes must name each of 2 axes once, got (0, 5)"),
        (lambda: Sum(axis=(1, 1)), "Sum: axis must be different axes from -64 to 63, got (1, 1)"),
        (
            lambda: Mean(axis=10**5000),
            "Mean: axis must be an integer, a tuple of integers or None, got an integer (int): too",
        ),
        (lambda: Mean(axis=64), "Mean: axis must be different axes from -64 to 63, got 64"),
        (lambda: Reshape((-1, -1)), "Reshape: shape must have lengths from 0 on, or one -1 and none 0, got (-1, -1)"),
        (lambda: Reshape((0, -1)), "or one -1 and none 0, got (0, -1)"),
        (lambda: Reshape(-2), "lengths from 0 on"),
        (lambda: Copy(True), "n must be a whole number of at least 1, got True"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            make()
    assert Reshape((-1, 2)).forward([1, 2]).shape == (1, 2)
    assert Reshape((0, 3)).forward(np.ones((3, 0))).shape == (0, 3)


class Cosine(Gate):
    """A gate whose functions are not among those that gategraph's own gates need."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return namespace(x).cos(x)

    def backward(self, dy: Any) -> list[Any]:
        (x,) = self.kept
        return [-dy * namespace(x).sin(x)]


def test_formulas_may_use_any_elementwise_function_on_floats() -> None:
    gate = Cosine()
    assert gate.forward(0) == 1.0
    assert type(gate.forward(2.0)) is float
    assert gate.backward(1)[0] == pytest.approx(-np.sin(2.0))
    assert gate.forward([0.0, 2.0]).tolist() == [1.0, np.cos(2.0)]
    assert np.isnan(gate.forward(np.inf))
    assert namespace(1.0).isnan(1.0) is False
    with pytest.raises(AttributeError, match="there is no elementwise function 'linalg' for Python floats"):
        namespace(1.0).linalg()


def test_a_failed_formula_leaves_the_last_pass() -> None:
    gate = Multiply()
    gate.forward([1, 2], [3, 4])
    with pytest.raises(ValueError, match="broadcast"):
        gate.forward([5, 6], [1, 2, 3])
    assert [gradient.tolist() for gradient in gate.backward(1)] == [[3.0, 4.0], [1.0, 2.0]]


def test_inputs_may_be_given_by_name() -> None:
    gate = Multiply()
    assert gate.forward(y=4, x=[1, 2]).tolist() == [4.0, 8.0]
    assert gate.backward(1)[1] == 3.0
    with pytest.raises(TypeError, match="missing a required argument: 'y'"):
        gate.forward(1, z=2)


class Told(Gate):
    """Returns what it is told to."""

    def __init__(self, output: Any, gradients: Any, outputs: int = 1) -> None:
        self.output_, self.gradients, self.outputs = output, gradients, outputs

    def forward(self, x: Any, y: Any) -> Any:
        return self.output_

    def backward(self, *dz: Any) -> Any:
        return self.gradients


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (Told(1.0, 1.0), r"backward\(\) must return a list of 2 gradients, one for each input, got 1.0"),
        (Told(1.0, [1.0]), r"must return a list of 2 gradients, one for each input, got 1"),
        (Told(1.0, [np.ones(2), np.ones(2)]), r"\(\) for input 1, got \(2,\); sum_to\(\) sums"),
        (Told([1.0, 2.0], None), r"must return one value, got a list of 2; a gate with several outputs sets `outputs`"),
        (Told(None, None), r"^forward\(\) must return a value, got None"),
        (Told(np.ones(2), None, outputs=2), r"must return a list of 2 outputs, got array"),
        (Told([1.0], None, outputs=2), r"must return a list of 2 outputs, got 1"),
    ],
)
def test_a_gate_of_ones_own_is_checked_when_it_is_used_alone(gate: Told, message: str) -> None:
    def both_passes() -> None:
        gate.forward([1, 2], 3)
        gate.backward(1)

    with pytest.raises((TypeError, ValueError), match=message):
        both_passes()


def test_formulas_read_as_they_are_written() -> None:
    import inspect

    assert "return x * y" in inspect.getsource(Multiply.forward)
    assert list(inspect.signature(Multiply.forward).parameters) == ["self", "x", "y"]


def test_repr_shows_the_settings_that_are_not_the_default() -> None:
    gates = [Power(3), Sum(), Sum(axis=(0, 1), keepdims=True), Copy(2), Sigmoid()]
    shown = ["Power(p=3.0)", "Sum()", "Sum(axis=(0, 1), keepdims=True)", "Copy(n=2)", "Sigmoid()"]
    assert [repr(gate) for gate in gates] == shown


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="4 elements of shape .* do not fit the shape"):
        Reshape((3,)).forward([1, 2, 3, 4])
    with pytest.raises(ValueError, match="do not fit"):
        Reshape((3, -1)).forward([1, 2, 3, 4])
    with pytest.raises(ValueError, match="Reshape: shape must have at most 64 lengths, got 65"):
        Reshape((1,) * 65)
    with pytest.raises(ValueError, match="axes must name each of 2 axes once"):
        Transpose((0, 0)).forward([[1, 2]])
    with pytest.raises(
        ValueError, match=r"Maxout cannot multiply the shapes \(3,\) and \(2, 1\): x has 3 columns, W1 has"
    ):
        Maxout().forward([1, 2, 3], [[1], [2]], 0, [[1], [2]], 0)
    with pytest.raises(ValueError, match=r"Maxout takes W1 and W2 of the same shape, got \(2, 1\) and \(1, 2\)"):
        Maxout().forward([1, 2], [[1], [2]], 0, [[1, 2]], 0)
    with pytest.raises(ValueError, match=r"Maxout: b2 must fit the product's shape \(1,\), got \(3,\)"):
        Maxout().forward([1, 2], [[1], [2]], 0, [[1], [2]], [1, 2, 3])
    with pytest.raises(ValueError, match=r"MatMul takes arrays of 1 or more axes, got the shapes \(\) and \(\)"):
        MatMul().forward(1, 2)
    with pytest.raises(
        ValueError, match=r"MatMul cannot multiply the shapes \(2, 7\) and \(6, 5\): x has 7 columns, y has 6 rows"
    ):
        MatMul().forward(np.ones((2, 7)), np.ones((6, 5)))
    with pytest.raises(ValueError, match=r"a gradient of shape \(3,\) cannot be summed to the shape \(2,\)"):
        sum_to(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match=r"a gradient of shape \(\) cannot be summed to the shape \(3,\)"):
        sum_to(2.0, np.ones(3))
    with pytest.raises(ValueError, match=r"Sum: x must have the axes \(0,\), each of them once, got the shape \(\)"):
        Sum(axis=0).forward(1.0)


def test_numpy_warns_where_the_result_is_not_finite_and_floats_never_do() -> None:
    assert np.isnan(Log().forward(-1.0))
    with pytest.warns(RuntimeWarning, match="invalid value"):
        Log().forward([-1.0, 1.0])
    with pytest.warns(RuntimeWarning, match="overflow"):
        Exp().forward([1000.0])


def test_namespace_of_what_flows() -> None:
    import array_api_strict

    from gates import scalar_math

    assert namespace(1.0, 2.0) is scalar_math
    assert namespace(1.0, np.ones(2)) is np
    assert namespace(np.float32(1)) is np
    assert namespace(1.0, array_api_strict.asarray([1.0])) is array_api_strict


def test_sum_to_sums_over_the_axes_that_broadcasting_stretched() -> None:
    gradient = np.arange(24.0).reshape(2, 3, 4)
    for shape in [(2, 3, 4), (3, 4), (1, 4), (3, 1), (4,), (1,), (), (2, 1, 1), (1, 3, 4)]:
        like = np.zeros(shape) if shape else 0.0
        wanted = np.zeros(shape)
        for index in np.ndindex(2, 3, 4):  # one element at a time
            there = index[3 - len(shape) :]
            wanted[tuple(i if n > 1 else 0 for i, n in zip(there, shape))] += gradient[index]
        got = sum_to(gradient, like)
        assert np.shape(got) == shape
        assert np.array_equal(got, wanted)


def test_abs_has_no_slope_at_nan_and_clip_takes_no_nan() -> None:
    gate = Abs()
    gate.forward(np.array([np.nan, -1.0, 0.0, 2.0]))
    (gradient,) = gate.backward(np.full(4, 3.0))
    assert np.array_equal(gradient, [np.nan, -3.0, 0.0, 3.0], equal_nan=True)
    for bounds, name in (((np.nan, 1), "low"), ((0, np.nan), "high"), ((None, np.nan), "high")):
        with pytest.raises(ValueError, match=f"Clip: {name} must be a number, got nan"):
            Clip(*bounds)
