"""The sentence about a wrong gradient: for each kind of fault its own words, and none of another kind."""

from typing import Any

import numpy as np
import pytest

from gates import Gate, check_gate
from tests.wrong_gates import WORDS, WRONG, Made, Wrong, kinds_in

IDS = [f"{wrong.kind}: {wrong.name}" for wrong in WRONG]


def test_every_kind_is_tried_on_several_gates() -> None:
    assert len(WRONG) >= 60
    assert {wrong.kind for wrong in WRONG} == set(WORDS)
    assert all(sum(wrong.kind == kind for wrong in WRONG) >= 2 for kind in WORDS)


@pytest.mark.parametrize("wrong", WRONG, ids=IDS)
def test_what_is_wrong_is_said(wrong: Wrong) -> None:
    for seed in range(3):
        report = check_gate(wrong.make(), *wrong.draw(np.random.default_rng(seed)), seed=seed)
        assert report.verdict == "fail"
        assert kinds_in(report.diagnosis) == {wrong.kind}, report.diagnosis
        assert wrong.says in report.diagnosis


@pytest.mark.parametrize("wrong", WRONG, ids=IDS)
def test_the_same_without_inputs(wrong: Wrong) -> None:
    report = check_gate(wrong.make())
    assert report.verdict == "fail"
    # The simplest inputs decide, whose matrices are square.
    wanted = "transposed" if (wrong.kind, wrong.name) == ("shape", "MatMul") else wrong.kind
    assert kinds_in(report.diagnosis) == {wanted}, report.diagnosis


class LectureMultiply:
    """Word for word from the lecture, but for the factors of backward."""

    def __init__(self, a: float, b: float) -> None:
        self.a, self.b = a, b

    def forward(self, x: Any, y: Any) -> Any:
        z = x * y
        self.x = x
        self.y = y
        return z

    def backward(self, dz: Any) -> Any:
        dx = self.y * dz * self.a
        dy = self.x * dz * self.b
        return [dx, dy]


def test_a_class_that_does_not_derive_from_gate() -> None:
    assert check_gate(LectureMultiply(1, 1), 3, -4).passed
    assert check_gate(LectureMultiply(1, 1), [1, 2], [3, 4]).passed
    assert check_gate(LectureMultiply(2, 1)).diagnosis == "the gradient of x is off by a factor of 2"
    assert check_gate(LectureMultiply(1, -1)).diagnosis == "the gradient of y has the wrong sign"
    assert check_gate(LectureMultiply(-1, -1), 3, -4).diagnosis == "the gradient of x and of y has the wrong sign"
    # Right at equal shapes: what is missing is seen where they differ.
    assert "broadcast: expected (3,), got (2, 3)" in check_gate(LectureMultiply(1, 1)).diagnosis


def test_for_one_number_any_factor_fits() -> None:
    report = check_gate(Made(np.sin, lambda dz, x: dz * (np.cos(x) + 0.25 * np.exp(-x))), 1.0)
    right, wrong = (one * float(report.example[1]) for one in (np.cos(1.0), np.cos(1.0) + 0.25 * np.exp(-1.0)))
    assert report.diagnosis == f"no simple pattern: the gradient of x is {wrong:.8g} where the slope is {right:.8g}"


def test_the_most_specific_sentence_speaks() -> None:
    class Two(Gate):
        """Both gradients are wrong, each in its own way, and one of them has the wrong shape."""

        def __init__(self, shaped: bool) -> None:
            self.shaped = shaped

        def forward(self, x: Any, y: Any) -> Any:
            self.kept = x, y
            return np.sum(x * y)

        def backward(self, dz: Any) -> Any:
            x, y = self.kept
            return [3 * dz * y if self.shaped else dz, -dz * x]

    inputs = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0])
    assert check_gate(Two(False), *inputs).diagnosis == "the gradient of x has the wrong shape: expected (3,), got ()"
    both = "the gradient of y has the wrong sign; the gradient of x is off by a factor of 3"
    assert check_gate(Two(True), *inputs).diagnosis == both


def test_an_index_is_named_where_at_most_a_third_is_wrong() -> None:
    def cube(wrong: int) -> Gate:
        return Made(lambda x: x**3, lambda dz, x: 3 * dz * x**2 + np.reshape(np.arange(x.size) < wrong, x.shape))

    x = np.linspace(0.5, 2.0, 6).reshape(2, 3)
    assert check_gate(cube(2), x).diagnosis == "the gradient of x is wrong only at index (0, 0), (0, 1)"
    assert check_gate(cube(3), x).diagnosis == "the gradient of x misses a term along axis 1: a constant"
    assert check_gate(cube(4), x).diagnosis.startswith("no simple pattern")
    many = np.linspace(0.5, 2.0, 10_000)
    assert check_gate(cube(1), many).diagnosis == "the gradient of x is wrong only at index 0"


def test_a_gradient_that_clips_the_upstream_gradient() -> None:
    report = check_gate(Made(np.sin, lambda dz, x: np.clip(dz, -3.0, 3.0) * np.cos(x)), 0.5)  # right for the dz drawn
    assert report.verdict == "fail"
    assert report.diagnosis == "the gradient of x is not proportional to the upstream gradient"


def test_a_fault_in_float32_alone() -> None:
    half = Made(lambda x: 0.5 * x * x, lambda dz, x: dz * (np.round(x, 3) if x.dtype == np.float32 else x))
    x = np.array([0.12345678, 1.7654321])
    assert check_gate(half, x).passed
    report = check_gate(half, x.astype(np.float32))
    assert report.verdict == "fail"
    assert report.diagnosis.startswith("in float32 the gradient of x is ")


def test_a_mask_of_outputs_that_is_forgotten() -> None:
    triangle = np.tril(np.ones((3, 3)))
    wrong = Made(lambda x: triangle * x[:, None] * x[None, :], lambda dz, x: (dz + dz.T) @ x)
    diagnosis = "the gradient of x is missing its mask: it is not 0 where forward lets nothing through"
    assert check_gate(wrong, [0.5, -1.0, 2.0]).diagnosis == diagnosis
    largest = Made(lambda x: np.max(x, axis=1), lambda dz, x: np.repeat(dz[:, None], 3, axis=1))
    assert check_gate(largest, [[0.5, -1.0, 2.0], [3.0, 1.0, 2.0]]).diagnosis == diagnosis


def test_a_backward_that_is_not_linear_in_the_upstream_gradient() -> None:
    wrong = Made(np.cumsum, lambda dz, x: np.cumprod(dz[::-1])[::-1])
    assert check_gate(wrong, [0.5, -1.0, 2.0]).diagnosis == "the gradient of x is not linear in the upstream gradient"


def test_a_slope_of_0_is_no_local_gradient_to_which_something_was_added() -> None:
    centred = Made(lambda x: x - np.mean(x), lambda dz, x: dz)
    diagnosis = check_gate(centred, [0.5, -1.0, 2.0]).diagnosis
    assert diagnosis == "the gradient of x treats each element alone, although forward couples them: a term is missing"


def _tanh_layer(x: Any, w: Any, b: Any) -> Any:
    z = np.tanh(x @ w + b)
    return z, (x, w, z)


def _relu_layer(x: Any, w: Any, b: Any) -> Any:
    z = np.maximum(x @ w + b, 0.0)
    return z, (x, w, z)


def _without_activation(dz: Any, cache: Any) -> Any:
    x, w, _ = cache
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


def _recurrent(h: Any, wh: Any) -> Any:
    z = np.tanh(h @ wh)
    return z, (h, wh, z)


def _not_transposed(dz: Any, cache: Any) -> Any:
    h, wh, z = cache
    da = dz * (1.0 - z * z)
    return da @ wh, h.T @ da


def _quadratic(x: Any, a: Any) -> Any:
    return x @ a @ x, (x, a)


def _as_if_symmetric(dz: Any, cache: Any) -> Any:
    x, a = cache
    return 2.0 * dz * a @ x, dz * np.outer(x, x)


def _normalized(dz: Any, cache: Any) -> Any:
    x, w, _ = cache
    da = dz * (1.0 - cache[2] ** 2)
    dw = x.T @ da
    return da @ w.T, dw / np.linalg.norm(dw), da.sum(axis=0)


_MASK = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])


def _weighted(x: Any) -> Any:
    weights = np.arange(1.0, 1.0 + x.size).reshape(x.shape)
    return weights * x**3, x


@pytest.mark.parametrize(
    ("forward", "backward", "shapes", "sentence"),
    [
        (_tanh_layer, _without_activation, ((3, 2), (2, 4), (4,)), "misses the factor 1 - z**2, with z the output"),
        (_relu_layer, _without_activation, ((5, 2), (2, 3), (3,)), "missing its mask"),
        (_recurrent, _not_transposed, ((3, 4), (4, 4)), "the gradient of h takes wh transposed"),
        (_quadratic, _as_if_symmetric, ((3,), (3, 3)), "the gradient of x is right only where a is symmetric"),
        (
            _tanh_layer,
            _normalized,
            ((3, 2), (2, 4), (4,)),
            "of w is divided by its norm: it has the right direction alone",
        ),
        (
            lambda x: (np.sin(x), x),
            lambda dz, x: dz * np.cos(x) / np.linalg.norm(dz),
            ((2, 3),),
            "upstream gradient's norm",
        ),
        (_weighted, lambda dz, x: 3.0 * x * x * dz, ((2, 3),), "a factor of its own for each element"),
        (
            lambda x: (x * _MASK, None),
            lambda dz, cache: dz * _MASK[::-1],
            ((2, 3),),
            "has another mask than forward: it is 0 in other places",
        ),
        (lambda x: (np.sin(x), x), lambda dz, x: dz, ((2, 3),), "is the upstream gradient itself"),
        (lambda x: (np.log1p(np.exp(x)), x), lambda dz, x: dz / (1 + np.exp(x)), ((2, 3),), "is that at -x"),
        (
            lambda x: (x / (1 + np.exp(-x)), x),
            lambda dz, x: dz / (1 + np.exp(-x)),
            ((2, 3),),
            "is z / x, with z the output: of the product rule a term is missing",
        ),
        (
            lambda x: (np.where(x > 0.0, x, 0.25 * x), x),
            lambda dz, x: dz * np.where(x > 0.0, 0.25, 1.0),
            ((2, 3),),
            "is off by a factor of 0.25 where x > 0, off by a factor of 4 where x < 0",
        ),
        (
            lambda x, w, b: (x @ w + b, (x, w)),
            lambda dz, cache: (dz @ cache[1].T, cache[0].T @ dz, dz),
            ((3, 2), (2, 4), (4,)),
            "the gradient of b is not summed over the axes along which b was broadcast: expected (4,), got (3, 4)",
        ),
    ],
)
def test_what_layers_and_products_leave_out(forward: Any, backward: Any, shapes: Any, sentence: str) -> None:
    for seed in range(3):
        random = np.random.default_rng(seed)
        inputs = [random.uniform(0.3, 1.5, shape) * random.choice([-1.0, 1.0], shape) for shape in shapes]
        report = check_gate(forward, *inputs, backward=backward, seed=seed)
        assert report.verdict == "fail"
        assert sentence in report.diagnosis


def test_none_and_zero_are_alike_where_the_slope_is_0() -> None:
    class Step(Gate):
        def forward(self, x: Any) -> Any:
            return np.sign(x)

        def backward(self, dz: Any) -> Any:
            return [None]

    class Squared(Step):
        def forward(self, x: Any) -> Any:
            return x * x

    x = np.array([1.0, -2.0, 0.5])
    assert check_gate(Step(), x).passed
    assert "backward returned None as the gradient of x" in check_gate(Squared(), x).diagnosis


def test_an_input_without_effect_up_to_rounding() -> None:
    def centered(x: Any, b: Any) -> Any:
        return (x + b) - (x + b).mean(axis=0), None

    def right(dz: Any, cache: Any) -> Any:
        dx = dz - dz.mean(axis=0)
        return dx, dx.sum(axis=0)

    x, b = np.random.default_rng(0).normal(size=(5, 3)), np.array([0.5, -1.0, 2.0])
    report = check_gate(centered, x, b, backward=right)
    assert report.passed, report
    assert "b: both sides are zero, up to rounding" in report.note
    assert not check_gate(centered, x, b, backward=lambda dz, cache: (right(dz, cache)[0], dz.sum(axis=0))).passed
    assert not check_gate(lambda b: centered(x, b), b, backward=lambda dz, cache: right(dz, cache)[1]).passed
