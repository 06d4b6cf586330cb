"""What a check can be told, and what its report can be asked: precision, a reference, second order, convergence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gates import Add, Exp, Gate, MatMul, Multiply, Power, Sigmoid, Sum, assert_gate, check_gate
from graph import ComputationalGraph
from tests.layers.elementwise import Ode, OdeOff
from tests.layers.normalization import BatchNorm, BatchNormDoubledGamma, Softmax
from tests.layers.own_parameters import Dense, DenseDoubledBias


class SumExp(Gate):
    """The sum of exponentials, in some type of number."""

    def __init__(self, dtype: Any = np.float32, factor: float = 1.0, hide: bool = False) -> None:
        self.dtype, self.factor, self.hide = dtype, factor, hide

    def forward(self, x: Any) -> Any:
        self.e = np.exp(np.asarray(x).astype(self.dtype))
        total = self.e.sum()
        return float(total) / 3 if self.hide else total

    def backward(self, dz: float) -> list[Any]:
        return [self.factor * dz * self.e / (3 if self.hide else 1)]


class Cube(Gate):
    """x cubed, with the backward of its backward."""

    def __init__(self, power: int = 3, first: float = 3.0, second: float = 6.0) -> None:
        self.power, self.first, self.second = power, first, second

    def forward(self, x: Any) -> Any:
        self.x = x
        return x**self.power

    def backward(self, dz: Any) -> list[Any]:
        self.dz = dz
        return [self.first * dz * self.x ** (self.power - 1)]

    def double_backward(self, ddx: Any) -> list[Any]:
        return [self.second * self.x * self.dz * ddx, 3.0 * self.x**2 * ddx]


X = [0.3, -1.2, 0.7, 2.1]


class TestPrecision:
    """How exactly forward computes."""

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("seed", range(4))
    def test_a_type_of_number(self, dtype: Any, seed: int) -> None:
        assert check_gate(SumExp(dtype), X, seed=seed).passed
        report = check_gate(SumExp(dtype, 2.0), X, seed=seed)
        assert report.diagnosis == "the gradient of x is off by a factor of 2"

    def test_an_overflow_in_float16_is_no_fault(self) -> None:
        assert check_gate(SumExp(np.float16), [12.0, 1.0]).verdict == "inconclusive"
        assert check_gate(SumExp(np.float16)).passed

    @pytest.mark.parametrize("x", [X, [5.0, 6.0]])
    def test_float32_that_does_not_show_in_the_answer(self, x: list[float]) -> None:
        assert check_gate(SumExp(np.float32, hide=True), x).passed
        assert check_gate(SumExp(np.float32, hide=True)).passed
        report = check_gate(SumExp(np.float32, 1.01, hide=True), x)
        assert report.diagnosis == "the gradient of x is off by a factor of 1.01"

    @pytest.mark.parametrize("digits", [5, 6, 8])
    def test_a_forward_that_rounds_to_digits(self, digits: int) -> None:
        class Rounded(Exp):
            def forward(self, x: Any) -> Any:
                self.kept = (np.exp(x),)
                return np.round(self.kept[0], digits)

        assert check_gate(Rounded(), X).passed
        assert check_gate(Rounded()).passed

    def test_a_forward_that_is_approximate(self) -> None:
        x = np.array([0.4, 0.9, 1.7])
        assert check_gate(Ode(), x, precision=1e-6).passed
        assert check_gate(OdeOff(), x, precision=1e-6).diagnosis == "the gradient of x is off by a factor of 1.001"

    @pytest.mark.parametrize("given", ["a", True, [1e-6]])
    def test_not_a_number(self, given: Any) -> None:
        with pytest.raises(TypeError, match=r"check_gate\(\): precision must be a number, got"):
            check_gate(Exp(), 1.0, precision=given)

    @pytest.mark.parametrize("given", [0, -1e-6, 0.5, np.nan, np.inf])
    def test_out_of_range(self, given: float) -> None:
        with pytest.raises(
            ValueError, match="precision must be the relative rounding error of forward, above 0 and below"
        ):
            check_gate(Exp(), 1.0, precision=given)

    def test_inputs_of_very_different_sizes(self) -> None:
        x, y = [[4e5, 1e-10, 2e7]], [[7e-6, 2e11], [7e-12, 4e-13], [8e2, 7e9]]
        assert check_gate(MatMul(), x, y).passed
        assert check_gate(Multiply(), 1e100, 1e-100).verdict == "pass"
        assert "factor of 1:" not in str(check_gate(MatMul(), x, y))


class TestNoSlope:
    """Randomness and jumps."""

    def test_a_mask_that_is_drawn_anew_settles_all_examples(self) -> None:
        class Dropout(Gate):
            def forward(self, x: Any) -> Any:
                self.mask = 2.0 * (np.random.random(np.shape(x)) < 0.5)
                return x * self.mask

            def backward(self, dz: Any) -> list[Any]:
                return [dz * self.mask]

        for _ in range(10):
            report = check_gate(Dropout())
            assert (report.verdict, report.diagnosis) == ("inconclusive", "")
            assert report.note.startswith("forward is random")

    def test_a_sum_whose_order_varies(self) -> None:
        random = np.random.default_rng(0)

        class Atomic(Gate):
            def __init__(self, spread: float) -> None:
                self.spread = spread

            def forward(self, x: Any) -> Any:
                self.x = x
                return float(np.sum(np.exp(x))) * (1.0 + self.spread * random.normal())

            def backward(self, dz: float) -> list[Any]:
                return [dz * np.exp(self.x)]

        x = np.linspace(-1, 1, 5)
        assert check_gate(Atomic(1e-12), x).passed
        assert check_gate(Atomic(1e-6), x).note.startswith("forward is random")
        assert check_gate(Atomic(1e-6), x, precision=1e-5).passed

    @pytest.mark.parametrize(
        ("forward", "at", "jump"),
        [(np.floor, 2.0, "1"), (np.ceil, -1.0, "1"), (np.rint, 2.5, "1"), (np.sign, 0.0, "-1")],
    )
    def test_a_jump(self, forward: Any, at: float, jump: str) -> None:
        class Steps(Gate):
            def forward(self, x: Any) -> Any:
                return forward(x)

            def backward(self, dz: Any) -> list[Any]:
                return [0.0 * dz]

        report = check_gate(Steps(), at)
        assert (report.verdict, report.passed) == ("jump", False)
        assert report.diagnosis == "forward jumps here by 1: it has no slope"
        assert check_gate(Steps(), at + 0.3).passed
        assert check_gate(Steps(), [at, at + 0.3]).passed
        assert check_gate(Steps()).passed

    def test_what_is_meant(self) -> None:
        class Quantized(Gate):
            intended = "straight-through"

            def forward(self, x: Any) -> Any:
                return np.round(4 * x) / 4

            def backward(self, dz: Any) -> list[Any]:
                return [dz]

        report = check_gate(Quantized(), X)
        assert (report.verdict, report.rows[0].verdict) == ("pass", "meant")
        assert report.note.startswith(
            "meant as straight-through: the gradient of x is the upstream gradient passed str"
        )
        Quantized.backward = lambda self, dz: dz  # type: ignore[method-assign,assignment]  # a list is still wanted
        assert check_gate(Quantized(), X).verdict == "fail"

    def test_zero_sum_upstream(self) -> None:
        x, ones = np.random.default_rng(0).normal(size=(6, 3)), np.ones((6, 3))
        report = check_gate(Softmax(), x, upstream=ones)
        assert report.note.startswith("this check could not have failed: the upstream gradient makes every gradient 0")
        report = check_gate(BatchNorm(), x, [1, 2, 3], [4, 5, 6], upstream=ones)
        assert report.note.startswith(
            "the gradient of x and gamma could not have failed: the upstream gradient makes it 0"
        )
        assert [row.verdict for row in report.rows] == ["inconclusive", "inconclusive", "pass"]
        report = check_gate(BatchNormDoubledGamma(), x, [1, 2, 3], [4, 5, 6], upstream=x)
        assert report.diagnosis == "the gradient of gamma is off by a factor of 2"


class TestReference:
    """A gate that is right, to compare with."""

    def test_the_right_one_passes(self) -> None:
        assert_gate(Cube(), like=Power(3))
        assert_gate(Cube(), [1, 2], like=Power(3))

    def test_a_forward_that_is_wrong(self) -> None:
        report = check_gate(Cube(2, 2.0), 3.0, like=Power(3))
        assert report.diagnosis == "forward is wrong: it gives 9 where Power(p=3.0) gives 27; backward fits it"

        class OnlyForward(Cube):
            def forward(self, x: Any) -> Any:
                self.x = x
                return x**2

        report = check_gate(OnlyForward(), 3.0, like=Power(3))
        assert report.diagnosis.endswith("27; backward gives what Power(p=3.0) does")
        assert check_gate(Cube(2, 2.0), like=Power(3)).verdict == "fail"

    def test_a_backward_where_slopes_cannot_tell(self) -> None:
        class Steps(Gate):
            def __init__(self, factor: float = 1.0) -> None:
                self.factor = factor

            def forward(self, x: Any) -> Any:
                return np.floor(x)

            def backward(self, dz: Any) -> list[Any]:
                return [self.factor * dz]

        assert check_gate(Steps(), 2.0, upstream=5.0, like=Steps()).passed
        report = check_gate(Steps(2.0), 2.0, upstream=5.0, like=Steps())
        assert report.diagnosis == "backward is wrong: the gradient of x is 10 where that of Steps() is 5"

    def test_another_shape(self) -> None:
        assert (
            check_gate(Exp(), [1.0, 2.0], like=Sum()).diagnosis == "forward gives the shape (2,) where Sum() gives ()"
        )

    def test_no_gate(self) -> None:
        with pytest.raises(TypeError, match=r"check_gate\(\): like: a gate must have the methods"):
            check_gate(Exp(), 1.0, like=3)  # type: ignore[arg-type]  # not a gate


class TestSecondOrder:
    """Backward as a function of its own."""

    def test_right_and_wrong(self) -> None:
        assert check_gate(Cube(), order=2).passed
        assert check_gate(Cube(), [1, 2], upstream=[3, 4], order=2).passed
        report = check_gate(Cube(second=3.0), [1.0, 2.0], order=2)
        assert report.title == "the backward of Cube(second=3.0)"
        assert report.diagnosis == "the gradient of x is off by a factor of 0.5 (1/2)"
        assert [row.input for row in report.rows] == ["x", "dz"]

    def test_two_inputs(self) -> None:
        class Product(Multiply):
            def backward(self, dz: Any) -> list[Any]:
                self.dz = dz
                return super().backward(dz)

            def double_backward(self, a: Any, b: Any) -> list[Any]:
                x, y = self.kept
                return [b * self.dz, a * self.dz, a * y + b * x]

        assert check_gate(Product(), [1.0, 2.0], [3.0, 4.0], order=2).passed

    def test_what_it_needs(self) -> None:
        with pytest.raises(
            TypeError, match=r"order=2 needs Exp.double_backward\(\*ddx\), the backward of its backward"
        ):
            check_gate(Exp(), 1.0, order=2)
        with pytest.raises(ValueError, match="order must be 1 or 2, got 3"):
            check_gate(Exp(), 1.0, order=3)


class TestReport:
    """What a report says and can be asked."""

    def test_the_example_repeats_the_failure(self) -> None:
        report = check_gate(Cube(first=2.0))
        inputs, upstream = report.example
        again = check_gate(Cube(first=2.0), *inputs, upstream=upstream)
        assert [row[:4] for row in map(row_of, again.rows)] == [row[:4] for row in map(row_of, report.rows)]
        assert again.where == report.where
        assert report.where in str(report)
        assert "fail at shape (3,) and 28 other inputs" in report.note

    def test_at_a_prompt_it_is_its_table(self) -> None:
        report = check_gate(Cube(), 2.0)
        assert repr(report) == str(report)

    def test_own_parameters(self) -> None:
        report = check_gate(DenseDoubledBias(), np.ones((2, 4)))
        assert [row.input for row in report.rows] == ["x", "self.W", "self.b"]
        assert len(report.example[0]) == 1
        layer = Dense()
        before = layer.W.copy(), layer.b.copy()
        assert check_gate(layer, np.ones((2, 4))).self_test().all_caught
        assert np.array_equal(layer.W, before[0])
        assert np.array_equal(layer.b, before[1])
        assert "dW" not in vars(layer)

    def test_own_arrays_without_a_gradient(self) -> None:
        class NoGradient(Dense):
            def backward(self, dy: Any) -> list[Any]:
                self.dW = self.x.T @ dy
                return [dy @ self.W.T]

        report = check_gate(NoGradient(), np.ones((2, 4)))
        assert report.passed
        assert report.note.endswith("not looked at: self.b, without a gradient such as self.dW beside self.W")
        assert "not looked at" not in check_gate(Dense(), np.ones((2, 4))).note

    def test_convergence(self) -> None:
        assert check_gate(Sigmoid(), [0.5, 1.0]).convergence().order == pytest.approx(2, abs=0.02)
        assert check_gate(Cube(first=2.0), [0.5, 1.0]).convergence().order == pytest.approx(1, abs=0.02)
        assert check_gate(Add(), 1.0, 2.0).convergence().order == np.inf
        assert check_gate(DenseDoubledBias(), np.ones((2, 4))).convergence().order == pytest.approx(1, abs=0.02)
        graph = ComputationalGraph.from_expression("exp(x) * y")
        assert graph.check(x=1, y=2).convergence().order == pytest.approx(2, abs=0.02)

    def test_the_table_and_the_picture_of_convergence(self) -> None:
        import matplotlib as mpl

        mpl.use("Agg")
        convergence = check_gate(Sigmoid(), 0.5).convergence()
        lines = str(convergence).splitlines()
        assert lines[0].split() == ["step", "remainder", "order"]
        assert len(lines) == 1 + len(convergence.steps)
        axes = convergence.plot()
        assert [len(line.get_xdata()) for line in axes.lines] == [len(convergence.steps)] * 3

    def test_under_pytest_no_frame_is_ours(self, tmp_path: Path) -> None:
        file = tmp_path / "test_it.py"
        file.write_text(
            "from gates import Multiply, assert_gate\n\n\n"
            "class Wrong(Multiply):\n    def backward(self, dz):\n        return [dz, dz]\n\n\n"
            "def test_it():\n    assert_gate(Wrong())\n"
        )
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            str(file),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "1 failed" in result.stdout
        assert "assert_gate(Wrong())" in result.stdout
        assert "gates/checking" not in result.stdout


def row_of(row: Any) -> tuple[Any, ...]:
    """Return what a row says."""
    return row.input, row.index, row.analytic, row.verdict


def test_every_wrong_input_is_named() -> None:
    class Both(Multiply):
        def backward(self, dz: Any) -> list[Any]:
            x, y = self.kept
            return [2 * dz * y, 4 * dz * x]

    diagnosis = "the gradient of x is off by a factor of 2; the gradient of y is off by a factor of 4"
    assert check_gate(Both()).diagnosis == diagnosis


def test_a_graph_with_an_upstream_gradient_and_inputs_without_one() -> None:
    graph = ComputationalGraph()
    x, y = graph.input("x"), graph.input("y", grad=False)
    graph.output = np.exp(x) * y
    report = graph.check({"x": [1.0, 2.0], "y": [3.0, 4.0]}, [1.0, -1.0])
    assert report.passed
    assert report.example[1].tolist() == [1.0, -1.0]
    assert "not looked at: y (grad=False)" in report.note


def test_a_graph_blames_the_gate_that_the_guard_names() -> None:
    report = ComputationalGraph.from_expression("sqrt(x * x + y * y)").check(x=0, y=0)
    assert (report.verdict, report.blame) == ("fail", ["sqrt_1"])
    assert "sqrt_1 (Sqrt) returned the gradient inf from 0" in report.diagnosis
