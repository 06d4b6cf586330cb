"""The check of one gate: right gates pass, verdicts, kinks, numerics, what it leaves alone, what it prints."""

import copy
import math
import warnings
from typing import Any

import numpy as np
import pytest

from gates import (
    Add,
    Copy,
    Divide,
    Exp,
    Gate,
    LeakyReLU,
    Log,
    MatMul,
    Max,
    Min,
    Multiply,
    Power,
    Reciprocal,
    ReLU,
    Reshape,
    Sigmoid,
    Sqrt,
    Square,
    Subtract,
    Sum,
    Tanh,
    assert_gate,
    check_gate,
    sum_to,
)
from graph import ComputationalGraph
from losses import SoftmaxLoss, SquaredErrorLoss, SVMLoss
from tests.benchmarks.checker import inputs_of_any_size
from tests.cases import CASES, Case
from tests.wrong_gates import Made

NOT_A_CONSTANT = [case for case in CASES if case.name != "Power(p=0.0)"]  # whose slope is 0 everywhere


class Softmax(Gate):
    """The softmax of a vector; `wrong` scales its gradient."""

    def __init__(self, wrong: float = 1.0) -> None:
        self.wrong = wrong

    def forward(self, x: Any) -> Any:
        e = np.exp(x - np.max(x))
        self.kept = (e / e.sum(),)
        return self.kept[0]

    def backward(self, dz: Any) -> Any:
        (y,) = self.kept
        return [self.wrong * y * (dz - np.sum(dz * y))]


class TieMax(Max):
    """max(x, y), which at a tie gives x and y these parts of the gradient."""

    def __init__(self, of_x: float, of_y: float) -> None:
        self.of_x, self.of_y = of_x, of_y

    def backward(self, dz: Any) -> Any:
        x, y = self.kept
        of_x = np.where(x == y, self.of_x, x > y)
        of_y = np.where(x == y, self.of_y, x < y)
        return [sum_to(dz * of_x, x), sum_to(dz * of_y, y)]


@pytest.mark.parametrize("case", NOT_A_CONSTANT, ids=lambda case: case.name)
def test_every_gate_and_loss_passes(case: Case) -> None:
    assert_gate(case.make())
    for seed, shapes in enumerate(case.shapes):
        inputs = case.inputs(shapes, seed)
        if all(np.size(given) for given in inputs) and shapes != ((3, 1), (3,)):  # the loss of one class is 0
            assert check_gate(case.make(), *inputs).verdict == "pass"


@pytest.mark.parametrize("case", NOT_A_CONSTANT, ids=lambda case: case.name)
def test_no_false_alarm_from_1e_minus_9_to_1e9(case: Case) -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        shapes = case.shapes[seed % len(case.shapes)]
        report = check_gate(case.make(), *inputs_of_any_size(case, shapes, random))
        assert report.passed or report.verdict == "inconclusive", report


def test_a_constant_cannot_be_checked() -> None:
    for gate, x in ((Power(0), 3.0), (Made(lambda x: x - x, lambda dz, x: 0.0 * dz), 2.0)):
        report = check_gate(gate, x)
        assert (report.verdict, report.passed, report.diagnosis) == ("inconclusive", False, "")
        assert report.note.startswith(
            "this check could not have failed: no probe, near or far, moves what forward gives"
        )
        assert check_gate(gate).verdict == "inconclusive"
    assert check_gate(Made(lambda x: x - x, lambda dz, x: 1.0 * dz), 2.0).verdict == "fail"


def test_an_upstream_gradient_that_hides_the_jacobian() -> None:
    x = np.array([0.1, 0.5, -0.3])
    for wrong in (1.0, 3.0):
        report = check_gate(Softmax(wrong), x, upstream=np.ones(3))
        assert (report.verdict, report.passed) == ("inconclusive", False)
        assert "this check could not have failed: the upstream gradient makes every gradient 0" in report.note
    assert check_gate(Multiply(), 2.0, 3.0, upstream=0.0).verdict == "inconclusive"
    assert check_gate(Softmax(1.0), x).passed  # with a random upstream gradient
    assert check_gate(Softmax(3.0), x).diagnosis == "the gradient of x is off by a factor of 3"


def test_the_upstream_gradient_is_random_and_away_from_0_and_1() -> None:
    seen = []

    class Spy(Multiply):
        def backward(self, dz: Any) -> Any:
            seen.append(dz)
            return super().backward(dz)

    drawn = []
    for seed in range(20):
        seen.clear()
        check_gate(Spy(), np.ones((3, 4)), np.ones((3, 4)), seed=seed)
        drawn.append(seen[0])
    numbers = np.ravel(drawn)
    assert np.abs(numbers).min() > 1.2
    assert np.abs(numbers).max() < 2.6
    assert {-1.0, 1.0} == set(np.sign(numbers))
    assert len({one.tobytes() for one in drawn}) == 20
    assert float(check_gate(Multiply(), 3.0, 4.0).upstream) == pytest.approx(
        check_gate(Multiply(), 3.0, 4.0).rows[0].analytic / 4
    )


def test_a_given_upstream_gradient() -> None:
    assert check_gate(Multiply(), [1.0, 2.0], 3.0, upstream=[1, -2]).rows[0].analytic in (3.0, -6.0)
    assert check_gate(Copy(2), 3.0, upstream=[10, 1]).rows[0].analytic == 11.0
    report = check_gate(Multiply(), 3.0, -4.0, upstream=1)
    assert [(row.input, row.analytic) for row in report.rows] == [("x", -4.0), ("y", 3.0)]
    assert report.rows[0].numeric == pytest.approx(-4.0, rel=1e-12)
    for wrong, message in (
        (np.ones(3), r"Multiply\(\): upstream must have the shape \(\), got \(3,\)"),
        ("no", r"Multiply\(\): upstream: a number or an array of numbers was wanted, got 'no'"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            check_gate(Multiply(), 1.0, 2.0, upstream=wrong)
    with pytest.raises(TypeError, match=r"Copy\(n=2\): upstream must be a list of 2 gradients, got 1.0"):
        check_gate(Copy(2), 1.0, upstream=1.0)


class TestKinks:
    """At a kink the slopes on the two sides bound what is right."""

    @pytest.mark.parametrize(("part", "passed"), [(0.0, True), (0.4, True), (1.0, True), (1.2, False), (-0.1, False)])
    def test_relu_at_0(self, part: float, passed: bool) -> None:
        gate = Made(lambda x: np.maximum(x, 0.0), lambda dz, x: dz * np.where(x == 0, part, x > 0))
        report = check_gate(gate, 0.0, upstream=2.0)
        assert (report.verdict, report.passed) == ("kink", passed)
        assert report.rows[0].sides == pytest.approx((0.0, 2.0), abs=1e-9)
        assert (report.diagnosis == "") == passed
        if not passed:
            assert report.diagnosis == (
                f"x stands at a kink: its gradient {2 * part:.6g} lies outside the slopes on its two sides, 0 and 2"
            )

    @pytest.mark.parametrize("x", [-1e-6, 1e-6, -1e-12, 1e-12, -1e-300, 1e-300])
    def test_a_kink_inside_the_step(self, x: float) -> None:
        for gate in (ReLU(), LeakyReLU(0.25)):
            assert check_gate(gate, x).verdict == "pass"
            assert check_gate(gate, np.array([x, 1.0, -2.0])).verdict == "pass"
        wrong = Made(lambda x: np.maximum(x, 0.0), lambda dz, x: dz)
        assert check_gate(wrong, -abs(x)).verdict == "fail"

    @pytest.mark.parametrize("gate", [Max(), Min()])
    @pytest.mark.parametrize("apart", [1e-3, 1e-9, 1e-12])
    def test_a_tie_inside_the_step(self, gate: Gate, apart: float) -> None:
        for x, y in ((1.0, 1.0 + apart), (1.0 + apart, 1.0), (-3.0, -3.0 - apart)):
            assert check_gate(gate, x, y).verdict == "pass"

    @pytest.mark.parametrize("parts", [(1, 0), (0.5, 0.5), (1, 1), (0, 0)])
    def test_ties_move_together(self, parts: tuple[float, float]) -> None:
        passed = sum(parts) == 1
        tie = np.array([1.5, -2.0])
        for inputs in ((1.0, 1.0), (tie, tie.copy()), (np.array([3.0, 1.0]), 3.0)):
            report = check_gate(TieMax(*parts), *inputs)
            assert (report.verdict, report.passed) == ("kink", passed)
            assert passed or "x and y stand at a tie, which is a kink" in report.diagnosis
        assert check_gate(TieMax(*parts)).passed == passed

    def test_svm_at_its_margin(self) -> None:
        report = check_gate(SVMLoss(), [[1.0, 2.0, 3.5], [2.0, 1.0, 0.0]], [0, 0])
        assert (report.verdict, report.passed) == ("kink", True)
        # By hand: the second example's hinge of class 1 is 0, its slopes there are 0 and 1 / 2.
        report = check_gate(SVMLoss(), [[2.0, 1.0, 0.5]], [0], upstream=1.0)
        assert report.rows[0].sides in ((-1.0, 0.0), (0.0, 1.0)) or report.rows[0].sides == pytest.approx((0.0, 1.0))

    def test_a_cusp_has_no_slope(self) -> None:
        root = Made(lambda x: np.sqrt(np.abs(x)), lambda dz, x: dz * np.sign(x) / (2 * np.sqrt(np.abs(x))))
        assert check_gate(root, 0.0).verdict == "inconclusive"
        assert check_gate(root, 2.0).verdict == "pass"

    def test_nan_at_a_kink(self) -> None:
        report = check_gate(Made(np.abs, lambda dz, x: dz * x / np.abs(x)), np.array([0.0, 1.0]))
        assert report.verdict == "fail"
        assert "the gradient of x is nan" in report.diagnosis


class TestNumerics:
    """What rounding hides is not called right, what it does not is not called wrong."""

    @pytest.mark.parametrize("factor", [2.0, 1.5, 1.001, 1.00001, 0.0])
    @pytest.mark.parametrize("size", [1e-300, 1e-6, 1.0, 1e6, 1e300])
    def test_a_tolerance_never_certifies(self, factor: float, size: float) -> None:
        wrong = Made(lambda x: size * x, lambda dz, x: factor * size * dz)
        assert check_gate(wrong, 1.0, upstream=1.0).verdict == "fail"
        assert check_gate(Made(lambda x: size * x, lambda dz, x: size * dz), 1.0, upstream=1.0).verdict == "pass"

    def test_noise_is_measured(self) -> None:
        noisy = Made(lambda x: (x + 1e8) - 1e8, lambda dz, x: dz)
        assert check_gate(noisy, 0.7).verdict == "pass"
        assert check_gate(Made(lambda x: (x + 1e8) - 1e8, lambda dz, x: 1.1 * dz), 0.7).verdict == "fail"
        single = Made(lambda x: np.float64(np.sin(np.float32(x))), lambda dz, x: dz * np.cos(x))
        assert check_gate(single, 0.7).verdict == "pass"
        assert check_gate(Made(single.formulas[0], lambda dz, x: 1.01 * dz * np.cos(x)), 0.7).verdict == "fail"

    @pytest.mark.parametrize("x", [-12.3, -17.7063, -24.0, -27.0])
    def test_forwards_that_round_inside(self, x: float) -> None:
        # 1 + e**x goes in steps of 2e-16, which are large beside e**x.
        def slope(dz: Any, x: Any) -> Any:
            return dz / (1 + np.exp(-x))

        assert check_gate(Made(lambda x: np.log(1 + np.exp(x)), slope), x).verdict == "pass"
        assert check_gate(Made(lambda x: np.exp(x) + 1 - 1, lambda dz, x: dz * np.exp(x)), x).verdict == "pass"
        wrong = Made(lambda x: np.log(1 + np.exp(x)), lambda dz, x: 2 * slope(dz, x))
        assert check_gate(wrong, x).verdict == "fail"

    def test_saturation(self) -> None:
        for x in (40.0, 700.0):
            assert check_gate(Sigmoid(), x).verdict == "inconclusive"  # 4e-18 beside the rounding of 1.0
            assert check_gate(Sigmoid(), -x).verdict == "pass"
        assert check_gate(Sigmoid(), 1e9).verdict == "pass"  # both sides are 0
        naive = Made(lambda x: 1 / (1 + np.exp(-x)), lambda dz, x: dz / (1 + np.exp(-x)) * (1 - 1 / (1 + np.exp(-x))))
        for x in (0.5, 20.0, 28.0):
            assert check_gate(naive, x).verdict == "pass"
        assert check_gate(naive, 36.0).verdict == "inconclusive"

    @pytest.mark.parametrize("x", [5e-324, 1e-310, 1e-200, 1e200, 1e308])
    def test_subnormals_and_the_largest_numbers(self, x: float) -> None:
        for gate in (Add(), Subtract(), Multiply(), Divide()):
            assert check_gate(gate, x, 0.5).verdict in ("pass", "inconclusive")
        for gate in (Sigmoid(), Tanh(), Exp(), Log(), Sqrt(), Reciprocal(), Square()):
            assert check_gate(gate, x).verdict in ("pass", "inconclusive")
        assert check_gate(Tanh(), x).verdict == "pass"

    def test_poles_and_edges_of_the_domain(self) -> None:
        for gate in (Log(), Sqrt(), Reciprocal(), Power(0.5)):
            assert check_gate(gate, 0.0).verdict == "inconclusive"
        for gate in (Log(), Sqrt()):
            assert check_gate(gate, -1.0).verdict == "inconclusive"
        for x in (1e-9, 1e-300):
            assert check_gate(Log(), x).verdict == check_gate(Sqrt(), x).verdict == "pass"
        assert check_gate(Reciprocal(), 1e-9).verdict == "pass"
        assert check_gate(Power(1.5), 0.0).verdict == "pass"  # from the right alone
        mixed = check_gate(Log(), [2.0, -1.0, 0.0])
        assert mixed.verdict == "pass"
        assert "x: the slope is lost in rounding, or not finite at 2 of 3 elements" in mixed.note

    def test_numbers_of_very_different_sizes(self) -> None:
        assert check_gate(Add(), 1e9, 1e-9).verdict == "pass"
        wrong = Made(lambda x: 1e9 + x, lambda dz, x: 0.0 * dz)
        assert check_gate(wrong, 1e-9).diagnosis == "the gradient of x is zero where it should not be"

    def test_both_zero_is_right_and_said(self) -> None:
        report = check_gate(ReLU(), -1e-6)
        assert (report.verdict, report.note) == ("pass", "x: both sides are zero")
        assert check_gate(SquaredErrorLoss(), [1.0, 0.3], [1.0, 0.3]).verdict == "pass"
        wrong = Made(lambda x: (x - 0.3) ** 2, lambda dz, x: dz)
        assert check_gate(wrong, 0.3).verdict == "fail"

    def test_all_elements_of_a_large_input_are_looked_at_if_each_moves_one_output(self) -> None:
        x = np.random.default_rng(0).normal(size=(40, 50))
        report = check_gate(Tanh(), x)
        assert (report.passed, report.note) == (True, "")
        for place in ((0, 0), (23, 17), (39, 49)):

            def wrong(dz: Any, x: Any, place: tuple[int, int] = place) -> Any:
                gradient = 2 * dz * x
                gradient[place] *= 1.001
                return gradient

            report = check_gate(Made(lambda x: x * x, wrong), x)
            assert report.diagnosis == f"the gradient of x is wrong only at index {place}"
            assert report.rows[0].index == str(place)

    def test_large_inputs_are_sampled(self) -> None:
        x = np.random.default_rng(0).normal(size=(40, 50))

        def squared_norm(x: Any) -> Any:
            return np.sum(x * x)

        assert "directions" not in check_gate(Made(squared_norm, lambda dz, x: 2 * dz * x), x[:, :5]).note  # 200
        report = check_gate(Made(squared_norm, lambda dz, x: 2 * dz * x), x)
        assert report.passed
        assert "of 2,000 elements and 4 random directions checked" in report.note
        for place in ((0, 0), (23, 17), (39, 49)):

            def wrong(dz: Any, x: Any, place: tuple[int, int] = place) -> Any:
                gradient = 2 * dz * x
                gradient[place] *= 1.001
                return gradient

            report = check_gate(Made(squared_norm, wrong), x)
            assert report.diagnosis.startswith(f"the gradient of x is wrong only at index {place} of the ")
            assert report.rows[0].index == str(place)

    def test_a_forward_that_is_random(self) -> None:
        source = np.random.default_rng(0)
        noise = Made(lambda x: x * source.random(), lambda dz, x: dz)
        report = check_gate(noise, [1.0, 2.0])
        assert (report.verdict, report.passed) == ("inconclusive", False)
        assert report.note.startswith("forward is random, it gives something else each time it runs")


class Dropout(Gate):
    """A gate with a random generator."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def forward(self, x: Any) -> Any:
        self.kept = (self.random.random(np.shape(x)) < 0.5,)
        return x * self.kept[0]

    def backward(self, dz: Any) -> Any:
        return [dz * self.kept[0]]


class Layer:
    """A class that does not derive from Gate, with weights and a record of its calls."""

    def __init__(self) -> None:
        self.W = np.array([[1.0, 2.0], [3.0, -1.0]])
        self.calls: list[str] = []

    def forward(self, x: Any) -> Any:
        self.calls.append("forward")
        return x @ self.W

    def backward(self, dz: Any) -> Any:
        self.calls.append("backward")
        return [dz @ self.W.T]


class TestLeavesAsFound:
    """Copies run; what came in stays as it is."""

    def test_the_gate(self) -> None:
        gate = Multiply()
        gate.forward(2.0, 3.0)
        before = copy.copy(vars(gate))
        check_gate(gate)
        check_gate(gate, 5.0, 6.0)
        assert vars(gate) == before
        assert gate.backward(1.0) == [3.0, 2.0]
        layer = Layer()
        assert check_gate(layer, [[1.0, 2.0]]).passed
        assert layer.calls == []

    def test_a_gate_with_its_own_randomness(self) -> None:
        gate = Dropout(1)
        state = gate.random.bit_generator.state
        assert check_gate(gate, np.arange(1.0, 9.0)).passed
        assert gate.random.bit_generator.state == state

    def test_inputs_and_settings(self) -> None:
        x, y = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]], order="F")
        before = x.copy(), y.copy()
        errors, filters, state = np.geterr(), list(warnings.filters), np.random.get_state()[1].copy()
        check_gate(MatMul(), x, y)
        with pytest.raises(ValueError, match="cannot multiply"):
            check_gate(MatMul(), x, x)
        assert np.array_equal(x, before[0])
        assert np.array_equal(y, before[1])
        assert (np.geterr(), warnings.filters) == (errors, filters)
        assert np.array_equal(np.random.get_state()[1], state)

    def test_a_gate_that_writes_into_its_inputs_writes_into_copies(self) -> None:
        def double(x: Any) -> Any:
            x *= 2
            return x

        x = np.array([1.0, 2.0])
        assert "forward modifies its inputs: x changed" in check_gate(Made(double, lambda dz, x: 2 * dz), x).diagnosis
        assert x.tolist() == [1.0, 2.0]


class ForwardAlone(Gate):
    """A gate that was left unfinished."""

    def forward(self, x: Any) -> Any:
        return x


class Misspelt(Gate):
    """A gate whose forward has another name."""

    def forwrad(self, x: Any) -> Any:
        return x

    def backward(self, dy: Any) -> Any:
        return [dy]


def slope(x: Any) -> Any:
    """Return the gradient of the sum of x ** 2, of which nothing else is known."""
    return 2 * np.asarray(x)


class TestInputs:
    """What is given, and what is made where nothing is."""

    def test_labels_are_passed_on_as_they_are(self) -> None:
        scores = np.random.default_rng(0).normal(size=(4, 3))
        for labels in ([0, 1, 2, 1], np.array([0, 1, 2, 1], dtype=np.int8)):
            assert check_gate(SoftmaxLoss(), scores, labels).verdict == "pass"
        assert [row.input for row in check_gate(SoftmaxLoss(), scores, [0, 1, 2, 1]).rows] == ["scores"]

    def test_a_softmax_loss_in_a_class_of_its_own(self) -> None:
        class Unregistered:
            def forward(self, s: Any, y: Any) -> Any:
                e = np.exp(s - s.max(axis=1, keepdims=True))
                self.p, self.y = e / e.sum(axis=1, keepdims=True), y
                return -np.log(self.p[np.arange(len(y)), y]).mean()

            def backward(self, dloss: Any) -> Any:
                gradient = self.p.copy()
                gradient[np.arange(len(self.y)), self.y] -= 1
                return [dloss * gradient / len(self.y), None]

        scores = np.random.default_rng(0).normal(size=(4, 3))
        assert check_gate(Unregistered(), scores, [0, 1, 2, 1]).verdict == "pass"
        message = r"Unregistered: forward takes none of the inputs that check_gate\(\) makes: give some"
        with pytest.raises(ValueError, match=message):
            check_gate(Unregistered())

    def test_a_gate_may_yield_its_examples(self) -> None:
        def determinant(A: Any) -> Any:
            if np.shape(A) != (2, 2):
                raise ValueError("2 x 2 only")
            return A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]

        def gradient(dz: Any, A: Any) -> Any:
            return dz * np.array([[A[1, 1], -A[1, 0]], [-A[0, 1], A[0, 0]]])

        with pytest.raises(ValueError, match="takes none of the inputs .* the last error was ValueError: 2 x 2 only"):
            check_gate(Made(determinant, gradient))

        class Helpful(Made):
            def example_inputs(self, random: Any) -> Any:
                for _ in range(3):
                    yield (random.normal(size=(2, 2)),)

        report = check_gate(Helpful(determinant, gradient))
        assert report.verdict == "pass"
        assert report.note == "12 examples: 12 pass"  # each also read-only, not contiguous and in float32

        class Wrong(Made):
            def example_inputs(self, random: Any) -> Any:
                yield random.normal(size=(2, 2))

        with pytest.raises(TypeError, match=r"Wrong.example_inputs\(\) must give a tuple of inputs for each example"):
            check_gate(Wrong(determinant, gradient))

    def test_gates_of_numbers_only(self) -> None:
        class Sine:
            def forward(self, x: Any) -> Any:
                self.x = x
                return math.sin(x)

            def backward(self, dz: Any) -> Any:
                return [dz * math.cos(self.x)]

        class Branch:
            def forward(self, x: Any) -> Any:
                self.x = x
                return x if x > 0 else 0.0

            def backward(self, dz: Any) -> Any:
                return [dz if self.x > 0 else 0.0]

        for gate in (Sine(), Branch()):
            assert check_gate(gate).passed

    def test_every_kind_of_input_is_tried(self) -> None:
        seen: list[Any] = []

        class Spy(Add):
            def forward(self, x: Any, y: Any) -> Any:
                seen.append((x, y))
                return super().forward(x, y)

        check_gate(Spy())
        shapes = {(np.shape(x), np.shape(y)) for x, y in seen}
        assert {((), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((1,), (1,))} <= shapes
        arrays = [x for x, _ in seen if isinstance(x, np.ndarray)]
        assert any(not x.flags.writeable for x in arrays)
        assert any(not x.flags.c_contiguous for x in arrays)
        assert any(x.dtype == np.float32 for x in arrays)
        numbers = [abs(x) for x, _ in seen if isinstance(x, float)]
        assert min(n for n in numbers if n) < 1e-7
        assert max(numbers) > 5e7
        assert 0.0 in numbers
        assert any(np.array_equal(x, y) for x, y in seen)

    def test_bad_input_is_an_error(self) -> None:
        circuit = ComputationalGraph.from_expression("x * y")
        wanted = r"a gate must have the methods forward\(\) and backward\(\), got 3"
        for call, error, message in (
            (lambda: check_gate(Multiply), TypeError, "a gate must be an object, got the class Multiply; did you mean"),
            (lambda: check_gate(3), TypeError, wanted),
            (lambda: check_gate(ForwardAlone()), TypeError, r"got ForwardAlone\(\); ForwardAlone has no backward\(\)"),
            (lambda: check_gate(Misspelt()), TypeError, r"; Misspelt has no forward\(\)$"),
            (lambda: check_gate(slope, [1.0]), TypeError, r"slope is a function alone: check_grad\(slope, jac, x0\)"),
            (
                lambda: check_gate(slope, slope, [1.0]),
                TypeError,
                r"slope is a function alone: check_grad\(slope, jac, x0\)",
            ),
            (lambda: check_gate(Multiply(), 1.0), TypeError, r"Multiply\(\) takes 2 inputs, got 1"),
            (lambda: check_gate(Multiply(), "a", 1), TypeError, r"Multiply\(\): x: a number .* was wanted, got 'a'"),
            (lambda: check_gate(Reshape((2, 2)), [1.0]), ValueError, r"1 elements of shape \(1,\) do not fit"),
            (
                lambda: check_gate(SoftmaxLoss(), [[1.0, 2.0]], [7]),
                ValueError,
                r"labels must be 1 integers in \[0, 2\)",
            ),
            (lambda: check_gate(Exp(), upstream=1.0), TypeError, "takes an upstream gradient with inputs only"),
            (lambda: check_gate(circuit, 1, 2), TypeError, r"a graph has a check of its own, graph.check\(x=...\)"),
        ):
            with pytest.raises(error, match=message):
                call()

    def test_empty_arrays_cannot_be_checked(self) -> None:
        report = check_gate(Sum(), np.zeros((0, 3)))
        assert report.verdict == "inconclusive"


class TestReport:
    """What a report says, and how it is printed."""

    def test_a_table(self) -> None:
        wrong = Made(lambda x: x**3, lambda dz, x: 1.5 * dz * x**2)
        report = check_gate(wrong, np.array([[1.0, 2.0], [3.0, 4.0]]), upstream=np.ones((2, 2)))
        title, where, _, head, row, _, diagnosis = str(report).splitlines()
        assert title == "Made(): fail: the gradient of x is off by a factor of 0.5 (1/2)"
        assert head.split() == ["input", "index", "analytic", "numeric", "abs.", "error", "rel.", "error", "verdict"]
        cells = row.split()
        assert (cells[0], cells[-2:]) == ("x", ["5.0e-01", "fail"])
        assert diagnosis == "diagnosis: the gradient of x is off by a factor of 0.5 (1/2)"
        assert where == "at x = [[1, 2], [3, 4]]; upstream gradient [[1, 1], [1, 1]]"
        assert repr(report) == str(report)

    def test_it_raises_unless_passed(self) -> None:
        check_gate(Sigmoid(), 1.0).raise_if_failed()
        check_gate(ReLU(), 0.0).raise_if_failed()
        for report in (
            check_gate(TieMax(1, 1), 1.0, 1.0),
            check_gate(Softmax(), [1.0, 2.0], upstream=[1, 1]),
            check_gate(Made(np.exp, lambda dz, x: dz), 1.0),
        ):
            with pytest.raises(AssertionError) as raised:
                report.raise_if_failed()
            assert str(raised.value) == str(report)

    def test_assert_gate(self) -> None:
        assert_gate(Multiply(), 3.0, -4.0)
        with pytest.raises(AssertionError, match="the gradient of x is off by a factor of 2"):
            assert_gate(Made(np.exp, lambda dz, x: 2 * dz * np.exp(x)))

    def test_the_same_seed_gives_the_same_report(self) -> None:
        wrong = Made(np.sin, lambda dz, x: dz * x)
        assert str(check_gate(wrong, seed=3)) == str(check_gate(wrong, seed=3))
        assert str(check_gate(wrong, 1.0, seed=3)) != str(check_gate(wrong, 1.0, seed=4))


class TestSelfTest:
    """A check that passes says something only if it can fail."""

    @pytest.mark.parametrize("case", NOT_A_CONSTANT, ids=lambda case: case.name)
    def test_every_mutant_is_caught(self, case: Case) -> None:
        mutants = check_gate(case.make()).self_test()
        assert len(mutants) >= 8
        assert mutants.all_caught, str(mutants)

    def test_what_changes_nothing_is_left_out(self) -> None:
        changes = [mutant.change for mutant in check_gate(Add(), 1.0, 2.0).self_test()]
        assert "two gradients swapped" not in changes
        assert "the sign of every gradient flipped" in changes

    def test_a_check_that_cannot_fail_catches_nothing(self) -> None:
        mutants = check_gate(ReLU(), -1.0).self_test()
        assert [mutant.change for mutant in mutants if mutant.caught] == [
            "0.01 % of the largest element added to every element",
            "a gradient too few",
        ]

    def test_a_kink_does_not_hide_a_failure_at_a_later_example(self) -> None:
        class Late(ReLU):
            def example_inputs(self, random: Any) -> Any:
                yield from [(0.0,), (1.5,), (-0.5,)]

        assert {mutant.verdict for mutant in check_gate(Late()).self_test()} == {"fail"}

    def test_inconclusive_is_not_caught(self) -> None:
        mutants = check_gate(Tanh(), 25.0).self_test()
        assert any(mutant.verdict == "inconclusive" for mutant in mutants)
        assert not any(mutant.caught for mutant in mutants if mutant.verdict == "inconclusive")

    def test_it_prints_a_table(self) -> None:
        lines = str(check_gate(Sigmoid(), 0.5).self_test()).splitlines()
        assert lines[0].split() == ["mutant", "of", "backward", "verdict"]
        assert lines[1].split() == ["every", "gradient", "doubled", "caught", "fail"]
