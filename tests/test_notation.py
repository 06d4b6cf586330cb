"""How gates are written: what stands there is what they compute."""

import math
from typing import Any

import numpy as np
import pytest

from gates import ELU, Add, Copy, Divide, Gate, LeakyReLU, MatMul, Max, Multiply, Power, ReLU, Scale, Shift, Sigmoid
from graph.structure.library import GATES
from graph.watching.notation import notation_of, pattern_of, symbol_of
from losses import SoftmaxLoss, SVMLoss
from tests.cases import CASES

FUNCTIONS: dict[str, Any] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "max": np.maximum,
    "min": np.minimum,
    "sum": np.sum,
    "mean": np.mean,
    "outer": np.outer,
    "transpose": np.transpose,
    "leaky_relu": lambda x: np.where(x > 0, x, 0.1 * x),
    "elu": lambda x: np.where(x >= 0, x, np.exp(x) - 1),
    "copy": lambda x: [x, x],
    "sin": np.sin,
    "cos": np.cos,
    "abs": np.abs,
    "sign": np.sign,
    "clip": np.clip,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "variance": np.var,
    "reduce_max": np.max,
    "reduce_min": np.min,
    "softmax": lambda x: np.exp(x) / np.sum(np.exp(x)),
}
POINTS: dict[str, list[tuple[Any, ...]]] = {
    "MatMul": [(np.ones((2, 3)), np.arange(12.0).reshape(3, 4)), ([1.0, 2.0], [3.0, 4.0])]
    + [([[1.0, 2.0], [3.0, 5.0]], [0.5, -2.0]), ([0.5, -2.0], [[1.0, 2.0, 7.0], [3.0, 5.0, 1.0]])],
    "Maxout": [([1.0, 2.0], [[1.0], [1.0]], [0.5], [[-3.0], [3.0]], [1.0])],
    "Transpose": [([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]],)],
    "Sum": [([1.0, 2.0],), ([[3.0, 1.0], [2.0, 2.0]],)],
    "Mean": [([1.0, 2.0],), ([[3.0, 1.0], [2.0, 2.0]],)],
    "SquaredNorm": [([0.5, -2.0],)],
    "L2Regularization": [([0.5, -2.0],)],
    "SquaredErrorLoss": [([0.5, -2.0], [1.0, 4.0])],
    "MeanSquaredErrorLoss": [([0.5, -2.0], [1.0, 4.0])],
    "BinaryCrossEntropyLoss": [([0.5, -2.0], [1.0, 0.25])],
    "Neuron": [([0.5, -2.0], [1.0, 4.0], 0.25), (0.5, 2.0, -1.0)],
}
OVER_AXES = ("Variance", "ReduceMax", "ReduceMin", "LogSumExp", "Softmax")
POINTS |= {name: [([1.0, 2.0, -0.5],), ([0.5, -3.0],)] for name in OVER_AXES}
POINTS |= {"Where": [(1.0, 2.0, 3.0), (-1.0, 2.0, 3.0)]}
BY_NAME = ("Affine", "BatchNorm", "Conv2d", "Dropout", "Embedding", "LayerNorm", "MaxPool2d")
#: No formula of theirs stands in the notation.
BY_SHAPE = ("Reshape", "Index", "Concatenate", "Stack", "SoftmaxLoss", "SVMLoss", *BY_NAME)


def gates() -> list[Gate]:
    """Return a gate of each class, and of some with other settings."""
    settings: dict[str, tuple[Any, ...]] = {"Power": (3,), "Scale": (-2,), "Shift": (-1,), "Copy": (2,)}
    settings |= {"Reshape": ((2,),), "L2Regularization": (0.5,), "Clip": (-1, 1), "Index": (0,)}
    every = [kind(*settings.get(name, ())) for name, kind in GATES.items()]
    return [*every, Power(2), Power(1), Power(0), Power(0.5), Power(-2), Shift(1.5)]


@pytest.mark.parametrize("gate", gates(), ids=repr)
def test_what_is_written_is_what_is_computed(gate: Gate) -> None:
    name = type(gate).__name__
    assert gate.notation, "a gate of the library has a notation"
    if name in BY_SHAPE:
        return
    least, _ = gate.takes or (1, 1)
    ordinary = [(1.25,), (0.5,)] if least == 1 else [(1.25, 0.5), (0.25, 2.0)]
    signed = [] if name in ("Log", "Sqrt", "Power", "Pow") else [tuple(-x for x in point) for point in ordinary]
    for point in POINTS.get(name, ordinary + signed):
        inputs = [np.asarray(x) if isinstance(x, list) else x for x in point]
        output = gate.forward(*inputs)
        names = ["a", "b", "c", "d", "e"][: len(inputs)]
        results = [f"z{place}" for place in range(gate.outputs)]
        outputs = output if gate.outputs > 1 else [output]
        upstream = [2.0 * np.ones_like(value) if np.ndim(value) else 2.0 for value in outputs]
        written = notation_of(gate, names, results)
        known = FUNCTIONS | dict(zip(names, inputs)) | dict(zip(results, outputs))
        known |= {f"d{result}": dz for result, dz in zip(results, upstream)} | {"n": np.size(inputs[0])}
        np.testing.assert_allclose(eval(written.with_names, known), output, rtol=1e-12)
        if name == "Maxout":
            continue
        for text, gradient in zip(written.gradients, gate.backward(*upstream), strict=True):
            np.testing.assert_allclose(
                np.broadcast_to(eval(text.replace("×", "*"), known), np.shape(gradient)), gradient, rtol=1e-12
            )


class TestNumbers:
    @pytest.mark.parametrize(
        ("gate", "numbers", "text"),
        [
            (Add(), ["-2", "5"], "-2 + 5"),
            (Add(), ["5", "-2"], "5 + (-2)"),
            (Multiply(), ["-2", "-3"], "-2 * (-3)"),
            (Power(2), ["-3"], "(-3) ** 2"),
            (Power(2), ["3"], "3 ** 2"),
            (Max(), ["-1", "-2"], "max(-1, -2)"),
            (Divide(), ["1", "-4"], "1 / (-4)"),
            (Shift(-1), ["-4"], "-4 - 1"),
            (Scale(2), ["-4"], "2 * (-4)"),
        ],
        ids=str,
    )
    def test_negative_ones_stand_in_brackets_where_they_must(self, gate: Gate, numbers: list[str], text: str) -> None:
        names = ["a", "b"][: len(numbers)]
        written = notation_of(gate, names, ["z"]).with_numbers(numbers)
        assert written == text
        assert eval(written, {"max": max}) == pytest.approx(gate.forward(*map(float, numbers)))


class TestNames:
    def test_names_are_not_mixed_up(self) -> None:
        # each wire is called by another parameter's name, or like the output
        assert notation_of(Divide(), ["y", "x"], ["dz"]).equation == "dz = y / x"
        assert notation_of(Divide(), ["y", "x"], ["dz"]).gradients == ["1 / x × ddz", "-y / x ** 2 × ddz"]
        assert notation_of(Sigmoid(), ["exp"], ["x"]).gradients == ["(1 - x) * x × dx"]

    def test_sums_and_choices_are_factors_in_brackets(self) -> None:
        assert notation_of(ReLU(), ["a"], ["b"]).gradients == ["(a > 0) × db"]
        assert notation_of(LeakyReLU(0.2), ["a"], ["b"]).gradients == ["(1 if a > 0 else 0.2) × db"]
        assert notation_of(ELU(2), ["a"], ["b"]).gradients == ["(1 if a >= 0 else 2 * exp(a)) × db"]

    def test_a_class_without_notation(self) -> None:
        class Swap:
            outputs = 2

            def forward(self, x: Any, y: Any) -> list[Any]:
                return [y, x]

            def backward(self, du: Any, dv: Any) -> list[Any]:
                return [dv, du]

        written = notation_of(Swap(), ["x", "x"], ["s[0]", "s[1]"])
        assert written.equation == "s[0], s[1] = Swap(x, x)"
        assert written.gradients[0] == "∂s[0]/∂x × ds[0] + ∂s[1]/∂x × ds[1]"

    def test_a_users_own_notation(self) -> None:
        class Hypotenuse(Gate):
            notation = "z = sqrt(x ** 2 + y ** 2)", "x / z", "y / z"

            def forward(self, x: Any, y: Any) -> Any:
                return math.hypot(x, y)

            def backward(self, dz: Any) -> list[Any]:
                return [dz, dz]

        written = notation_of(Hypotenuse(), ["a", "b"], ["c"])
        assert written.equation == "c = sqrt(a ** 2 + b ** 2)"
        assert written.gradients == ["a / c × dc", "b / c × dc"]

    def test_a_formula_alone(self) -> None:
        class Twice(Gate):
            notation = "z = 2 * x"  # type: ignore[assignment]  # not a tuple, as it should be

            def forward(self, x: Any) -> Any:
                return 2 * x

            def backward(self, dz: Any) -> list[Any]:
                return [2 * dz]

        written = notation_of(Twice(), ["a"], ["b"])
        assert (written.equation, written.gradients) == ("b = 2 * a", ["∂b/∂a × db"])

    @pytest.mark.parametrize("notation", [5, {"a": 1}, None, print])
    def test_a_class_of_ones_own_may_mean_something_else(self, notation: Any) -> None:
        gate = type("Own", (), {"notation": notation, "pattern": 7, "forward": lambda self, x: x, "backward": print})()
        assert notation_of(gate, ["a"], ["b"]).equation == "b = Own(a)"
        assert pattern_of(gate) == ""

    def test_several_outputs_need_the_whole_gradient(self) -> None:
        gate = type("Split", (), {"notation": ("u, v = split(x)", "1"), "forward": lambda self, x: x})()
        assert notation_of(gate, ["a"], ["s", "t"]).gradients == ["∂s/∂a × ds + ∂t/∂a × dt"]

    @pytest.mark.parametrize("notation", [5, ["z = x"], ("z = x", 1), None])
    def test_what_is_no_notation(self, notation: Any) -> None:
        gate = Sigmoid()
        gate.notation = notation
        with pytest.raises(TypeError, match="Sigmoid: notation must be a formula, and a text for each input"):
            notation_of(gate, ["a"], ["b"])


@pytest.mark.parametrize(
    ("gate", "symbol"),
    [
        (Add(), "+"),
        (Multiply(), "×"),
        (Divide(), "÷"),
        (MatMul(), "@"),
        (Max(), "max"),
        (ReLU(), "max(0, ·)"),
        (Sigmoid(), "sigmoid"),
        (Power(2), "· ** 2"),
        (Shift(-1), "· - 1"),
        (Scale(0.5), "0.5 * ·"),
        (Copy(3), "copy"),
        (SoftmaxLoss(), "softmax_loss"),
        (SVMLoss(), "svm_loss"),
        (GATES["Reciprocal"](), "1 / ·"),
        (GATES["Maxout"](), "maxout"),
    ],
    ids=repr,
)
def test_symbols(gate: Gate, symbol: str) -> None:
    assert symbol_of(gate) == symbol


def test_every_row_of_the_table_of_gates_is_tried() -> None:
    assert {type(case.make()).__name__ for case in CASES} <= GATES.keys() == {type(gate).__name__ for gate in gates()}
