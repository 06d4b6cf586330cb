"""Gradients that were written for other libraries, given to the checker as their users wrote them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.autograd import Function

from gates import Max, Report, Sigmoid, assert_gate, check_gate, check_grad, check_model, check_objective, gate_of
from graph import ComputationalGraph
from tests.adapters import (
    autograd_primitives,
    jax_functions,
    mygrad_operations,
    objectives,
    pairs,
    scipy_functions,
    torch_functions,
)
from tests.adapters.case import Case
from tests.adapters.torch_functions import Cubed, ProductAndSum

MODULES = (torch_functions, jax_functions, pairs, autograd_primitives, mygrad_operations, scipy_functions, objectives)
CASES = [
    pytest.param(case, dtype, getattr(module, "check", check_gate), id=f"{module.__name__[15:]}-{case.name}-{kind}")
    for module in MODULES
    for dtype in module.FLOATS
    for kind in [np.dtype(dtype)]
    for case in (*module.RIGHT, *module.WRONG)
]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Keep PyTorch's threads from waiting for each other: all tensors are small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("case", "dtype", "check"), CASES)
def test_right_ones_pass_and_mistakes_are_caught(case: Case, dtype: Any, check: Any) -> None:
    report = case.check(1, dtype, check)
    assert case.is_judged_right(report), report


def test_there_are_many_of_each() -> None:
    for module, right, wrong in (
        (torch_functions, 8, 20),
        (jax_functions, 8, 20),
        *[(one, 5, 12) for one in MODULES[2:]],
    ):
        assert len(module.RIGHT) >= right
        assert len(module.WRONG) >= wrong


# What a report of a function has, as that of a gate.

X, Y = torch.tensor([0.5, -1.5, 2.0], dtype=torch.float64), torch.tensor([1.5, 0.5, -1.0], dtype=torch.float64)


class Product(Function):
    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, k: Any) -> Any:
        ctx.save_for_backward(x, y)
        ctx.k = k
        return x * y * k

    @staticmethod
    def backward(ctx: Any, dz: Any) -> Any:
        x, y = ctx.saved_tensors
        return dz * y * ctx.k, dz * x * ctx.k, None


def test_a_function_of_pytorch_as_it_is_called() -> None:
    report = check_gate(Product, X, Y, 3)
    assert report.passed
    assert [row.input for row in report.rows] == ["x", "y"]
    assert report.title == "Product"
    assert report.self_test().all_caught
    assert round(report.convergence().order) == 2
    inputs, dz = report.example
    assert inputs[2] == 3
    assert torch.equal(inputs[0], X)
    assert check_gate(Product, *inputs, upstream=dz).passed
    assert check_gate(Product.apply, X, Y, 3).passed
    assert check_gate(Product, X, Y, 3, upstream=torch.ones(3)).passed
    assert_gate(Product, X, Y, 3)
    with pytest.raises(AssertionError, match="the gradient of x is off by a factor of 4"):
        assert_gate(Cubed, X)


def test_the_dtype_is_that_of_the_tensors() -> None:
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        assert check_gate(Product, X.to(dtype), Y.to(dtype), 3).passed
        assert check_gate(Cubed, X.to(dtype)).verdict == "fail"


def test_nothing_of_the_user_is_changed() -> None:
    x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
    state = torch.get_rng_state()
    assert check_gate(Product, x, y, 3).passed
    assert x.grad is None
    assert torch.equal(x, X)
    assert torch.equal(torch.get_rng_state(), state)
    layer = torch.nn.BatchNorm1d(3).double()
    before = layer.running_mean.clone()
    assert check_gate(layer, torch.stack([X, Y, X * Y])).passed
    assert torch.equal(layer.running_mean, before)
    assert not jax.config.jax_enable_x64


def test_tensors_that_require_no_gradient_beside_some_that_do() -> None:
    report = check_gate(Product, X.clone().requires_grad_(), Y, 3)
    assert [row.input for row in report.rows] == ["x"]
    assert report.note == "not checked: y, without requires_grad"


def test_modules_operators_and_functions_of_tensors() -> None:
    report = check_gate(torch.nn.Linear(3, 2).double(), X[None])
    assert report.passed
    assert [row.input for row in report.rows] == ["input", "weight", "bias"]
    assert len(report.example[0]) == 1
    assert check_gate(torch.sigmoid, X, like=Sigmoid()).passed
    assert check_gate(lambda x: Cubed.apply(x) + x, X).verdict == "fail"

    @torch.library.custom_op("gategraph::tripled", mutates_args=())
    def tripled(x: torch.Tensor) -> torch.Tensor:
        return 3 * x

    tripled.register_autograd(lambda ctx, dz: 2 * dz)
    for operator in (tripled, torch.ops.gategraph.tripled, torch.ops.gategraph.tripled.default):
        report = check_gate(operator, X)
        assert report.diagnosis == "the gradient of x is off by a factor of 0.666667"


def test_without_inputs() -> None:
    assert check_gate(Cubed).diagnosis == "the gradient of x is off by a factor of 4"
    assert check_gate(ProductAndSum).passed


def test_what_pytorch_does_by_itself_is_a_note() -> None:
    class Shifted(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, b: Any) -> Any:
            return x + b

        @staticmethod
        def backward(ctx: Any, dz: Any) -> Any:
            return dz.float(), dz, None, None

    report = check_gate(Shifted, torch.stack([X, Y]), Y)
    assert "of b over the axes along which b was broadcast" in report.note
    assert "PyTorch makes the gradient of x torch.float64: it is torch.float32" in report.note


def test_jax_functions_as_they_are_called() -> None:
    @jax.custom_vjp
    def wave(parameters: Any, x: Any) -> Any:
        return parameters["a"] * jnp.sin(x)

    def forward(parameters: Any, x: Any) -> Any:
        return wave(parameters, x), (parameters, x)

    wave.defvjp(forward, lambda kept, g: ({"a": jnp.sum(g * jnp.sin(kept[1]))}, g * kept[0]["a"] * jnp.cos(kept[1])))
    x = jnp.array([0.5, -1.5, 2.0])
    report = check_gate(wave, {"a": 2.0}, x)
    assert report.passed
    assert [row.input for row in report.rows] == ["parameters['a']", "x"]
    assert report.self_test().all_caught
    assert set(report.example[0][0]) == {"a"}
    assert check_gate(wave, *report.example[0], upstream=report.example[1]).passed
    assert check_gate(jax.jit(wave), {"a": 2.0}, x).passed
    assert check_gate(lambda x: wave({"a": 2.0}, x) ** 2, x).passed
    assert not jax.config.jax_enable_x64


def test_a_jax_function_that_looks_at_values() -> None:
    @jax.custom_vjp
    def bent(x: Any) -> Any:
        return 2 * x if x > 0 else 3 * x

    bent.defvjp(lambda x: (bent(x), x), lambda x, g: (g * (2 if x > 0 else 3),))
    assert check_gate(bent, 1.5).passed


# Bad input.


def test_what_is_no_gate_leads_on() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    with pytest.raises(TypeError, match=r"got the class Product; gate_of\(Product\) makes one"):
        graph.add(Product, x)
    with pytest.raises(TypeError, match=r"did you mean Max\(\)\?"):
        graph.add(Max, x)
    with pytest.raises(TypeError, match=r"if that is \(out, cache\), give its backward too"):
        check_gate(pairs.affine_forward, np.ones((2, 3)), np.ones((3, 2)), np.ones(2))
    with pytest.raises(TypeError, match="requires grad"):
        check_gate(Sigmoid(), X.clone().requires_grad_())
    with pytest.raises(TypeError, match="complex"):
        check_gate(lambda x: x, X.to(torch.complex128))
    with pytest.raises(TypeError, match="nothing to check"):
        check_gate(Product, "x", "y", "k")
    with pytest.raises(TypeError, match=r"must return \(out, cache\)"):
        check_gate(np.sin, 1.0, backward=np.cos)
    with pytest.raises(TypeError, match=r"gate_of\(\) takes a torch.autograd.Function"):
        gate_of(3)
    with pytest.raises(TypeError, match="has the parameters x, y, k, got z"):
        gate_of(Product, z=3)
    with pytest.raises(TypeError, match="must return .value, gradient."):
        check_grad(np.sum, True, [1.0, 2.0])
    with pytest.raises(TypeError, match="takes a model of PyTorch or JAX"):
        check_model(3)
    with pytest.raises(TypeError, match="must return .gradient, hessian."):
        check_objective(np.subtract, [1.0, 0.0], [0.5, 0.25])


def test_no_library_is_imported() -> None:
    program = """
import sys
import numpy as np
from gates import Sigmoid, check_gate, check_grad, check_objective, gate_of
check_gate(Sigmoid(), 1.0)
check_gate(lambda x: (x * x, x), 2.0, backward=lambda dz, x: 2 * x * dz)
check_grad(lambda x: x @ x, lambda x: 2 * x, np.ones(2))
print(*[name for name in ("torch", "jax", "scipy", "autograd", "mygrad", "sklearn") if name in sys.modules])
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"


# check_grad and check_objective.


def cubes(x: Any) -> Any:
    return np.sum(x**3)


def test_a_block_of_the_parameters() -> None:
    def joined(x: Any) -> Any:
        return np.concatenate([3 * x[:20] ** 2, -3 * x[20:] ** 2])

    report = check_grad(cubes, joined, np.linspace(-1.0, 2.0, 30))
    expected = "right for 0 to 19, off by a factor of -1 from 20 on: a block that begins there"
    assert report.diagnosis == f"the gradient of x is {expected}"
    halves = check_grad(cubes, lambda x: 3 * x**2 * np.where(np.arange(6) % 2, 1.0, 0.5), np.arange(1.0, 7.0))
    assert halves.diagnosis.endswith("off by a factor of 0.5 at every second index from 0 on, right for the others")
    middle = check_grad(cubes, lambda x: 3 * x**2 + np.array([0, 0, 1, 1, 0, 0]), np.arange(1.0, 7.0))
    assert middle.diagnosis == "the gradient of x is off by 1 for 2 to 3, right for the others: a block"


def test_check_grad_takes_what_scipys_does() -> None:
    report = check_grad(
        lambda x, a: a * cubes(x), lambda x, a: 3 * a * x**2, [1, 2], 5.0, epsilon=1e-6, direction="all"
    )
    assert isinstance(report, Report)
    assert report.passed
    both = check_grad(lambda x: (cubes(x), 3 * x**2), True, [1.0, 2.0], hess=lambda x: np.diag(6 * x))
    assert both.passed
    assert [row.input for row in both.rows] == ["x", "hess"]
    assert both.self_test().all_caught


def test_matrices_of_derivatives() -> None:
    def outputs(x: Any) -> Any:
        return np.array([x[0] * x[1], x[1] ** 2, x[2] * x[0]])

    def right(x: Any) -> Any:
        return np.array([[x[1], x[0], 0.0], [0.0, 2 * x[1], 0.0], [x[2], 0.0, x[0]]])

    x = [1.0, -2.0, 3.0]
    assert check_grad(outputs, right, x).passed
    assert check_grad(outputs, lambda x: right(x).T, x).diagnosis == "jac is transposed"
    assert check_grad(outputs, lambda x: right(x) + np.diag([0, 0, 1]), x).diagnosis.startswith(
        "jac is wrong at [2, 2]"
    )
    alone = check_grad(np.tanh, lambda x: 1 - np.tanh(x) ** 2, x)
    hint = "; if each is the slope of its own element alone, check the sum of fun"
    assert alone.diagnosis == f"jac returns the shape (3,) where (3, 3) belongs{hint}"
    wrong = check_grad(outputs, lambda x: right(x)[:2], x)
    assert wrong.diagnosis == "jac returns the shape (2, 3) where (3, 3) belongs"
    uneven = check_grad(cubes, lambda x: 3 * x**2, x, hess=lambda x: np.diag(6 * x) + np.eye(3, k=1))
    assert uneven.diagnosis == "hess is not symmetric: 1 at [0, 1] and 0 at [1, 0]"


def test_how_an_objective_is_called() -> None:
    def logistic(y: Any, z: Any) -> Any:
        p = 1 / (1 + np.exp(-z))
        return p - y, p * (1 - p)

    y_true, y_pred = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.5, -1.0, 2.0, -0.25])
    assert check_objective(logistic, y_true, y_pred).passed
    assert check_objective(lambda preds, dtrain: logistic(dtrain.get_label(), preds), y_true, y_pred).passed
    assert check_objective(lambda a, b: logistic(b.get_label(), a), y_true, y_pred).passed
    exchanged = "its arguments are exchanged: it is right for (y_pred, y_true), and is called with (y_true, y_pred)"
    assert check_objective(lambda preds, labels: logistic(labels, preds), y_true, y_pred).diagnosis == exchanged

    def loss(y: Any, z: Any) -> Any:
        return np.mean(np.logaddexp(0, z) - y * z)

    assert check_objective(logistic, y_true, y_pred, loss).passed
    report = check_objective(lambda y_true, y_pred: [-one for one in logistic(y_true, y_pred)], y_true, y_pred, loss)
    assert report.diagnosis == "the gradient of y_pred has the wrong sign"


# Models and graphs.


def functions(count: int, wrong: dict[int, str]) -> list[Any]:
    """Return functions of PyTorch, some of them wrong."""

    def made(place: int) -> Any:
        mistake = wrong.get(place)

        class Squashed(Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return torch.round(x) if mistake == "rounded" else torch.tanh(x)

            @staticmethod
            def backward(ctx: Any, dz: Any) -> Any:
                (x,) = ctx.saved_tensors
                if mistake == "rounded":
                    return dz
                return dz * (1 - torch.tanh(x) ** 2) * (1.01 if mistake == "factor" else -1 if mistake == "sign" else 1)

        Squashed.__name__ = f"Squashed{place}"
        return Squashed.apply

    return [made(place) for place in range(count)]


@pytest.mark.parametrize("wrong", [{}, {3: "factor"}, {0: "sign", 7: "factor", 19: "sign"}])
def test_the_wrong_functions_of_a_model_of_pytorch(wrong: dict[int, str]) -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.functions = torch.nn.Linear(3, 3), functions(20, wrong)

        def forward(self, x: Any) -> Any:
            for function in self.functions:
                x = function(x) + self.layer(x)
            return x

    report = check_model(Model(), X.float()[None])
    assert [name.partition(" ")[0] for name in report.blame] == [f"Squashed{place}" for place in sorted(wrong)]
    assert report.passed == (not wrong)
    assert all("test_adapters.py:" in name for name in report.blame)
    assert sum(report.counts.values()) == 20
    assert "20 calls of 20 functions" in str(report)


def test_one_that_is_straight_through_is_noted() -> None:
    (rounded,) = functions(1, {0: "rounded"})
    report = check_model(lambda x: rounded(x).sum(), X + 0.2)
    assert report.blame == []
    assert "straight through" in report.notes[0]


def test_a_model_without_functions_of_its_own_was_not_checked() -> None:
    report = check_model(torch.nn.Linear(3, 2), X.float())
    assert not report.passed
    with pytest.raises(AssertionError, match="nothing was checked"):
        report.raise_if_failed()


def test_the_wrong_functions_of_a_model_of_jax() -> None:
    def made(name: str, factor: float) -> Any:
        @jax.custom_vjp
        def cube(x: Any) -> Any:
            return x**3

        cube.defvjp(lambda x: (x**3, x), lambda x, g: (factor * g * x * x,))
        cube.__name__ = name
        return cube

    right, wrong, batched = made("right", 3.0), made("wrong", 3.03), made("batched", 6.0)

    def model(x: Any) -> Any:
        x = jax.jit(right)(x) + jax.checkpoint(wrong)(x)
        return jax.lax.scan(lambda sum, row: (sum + row, jax.vmap(batched)(row)), x[0], x)

    report = check_model(model, jnp.linspace(-1.0, 2.0, 6).reshape(2, 3))
    assert [name.partition(" ")[0] for name in report.blame] == ["wrong", "batched"]
    assert report.counts[report.blame[1]] == 2


def test_a_function_as_a_gate_of_a_graph() -> None:
    graph = ComputationalGraph()
    x, y = graph.input("x"), graph.input("y")
    graph.add(gate_of(Product, k=3), x, y, name="z")
    assert graph.forward(x=2.0, y=-4.0) == -24.0
    assert graph.backward() == {"x": -12.0, "y": 6.0}
    assert graph.check(x=2.0, y=-4.0).passed
    assert "z = Product(x, y)" in graph.explain("x").__str__()
    assert "Product" in graph.to_svg()
    assert len(list(graph.stepper(x=2.0, y=-4.0))) == 2
    assert graph.compile("source")({"x": 2.0, "y": -4.0})[0] == -24.0

    @jax.custom_vjp
    def doubled(x: Any) -> Any:
        return 2 * x

    doubled.defvjp(lambda x: (2 * x, None), lambda kept, g: (5 * g,))
    graph.add(gate_of(doubled), graph.wire("z"), name="twice")
    assert graph.forward(x=2.0, y=-4.0) == -48.0
    assert graph.backward()["x"] == -60.0
    assert graph.check(x=2.0, y=-4.0).blame == ["twice"]


def test_a_gate_of_two_outputs() -> None:
    gate = gate_of(ProductAndSum, outputs=2)
    assert gate.forward(2.0, 3.0) == [6.0, 5.0]
    assert gate.backward(1.0, 10.0) == [13.0, 12.0]
    with pytest.raises(ValueError, match=r"gives 2 outputs: gate_of\(..., outputs=2\)"):
        gate_of(ProductAndSum).forward(2.0, 3.0)


# Right functions that are easily taken for wrong ones.


def test_a_gradient_that_cancels_may_be_summed_in_another_order() -> None:
    class Shifted(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, b: Any) -> Any:
            y = torch.softmax(x + b[:, None], 1)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, dz: Any) -> Any:
            (y,) = ctx.saved_tensors
            d = y * (dz - (dz * y).sum(1, keepdim=True))
            return d, d.sum(1) if ctx.needs_input_grad[0] else d.flip(1).sum(1)

    x = torch.from_numpy(np.random.default_rng(5).normal(size=(3, 7)))
    report = check_gate(Shifted, x, X)
    assert report.verdict != "fail", report


class Widened(Function):
    @staticmethod
    def forward(ctx: Any, x: Any, w: Any) -> Any:
        ctx.save_for_backward(x, w)
        return x.float() * w

    @staticmethod
    def backward(ctx: Any, dz: Any) -> Any:
        x, w = ctx.saved_tensors
        return (dz * w).to(x.dtype), dz * x.float()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_several_types_of_numbers(dtype: Any) -> None:
    report = check_gate(Widened, X.to(dtype), Y.float())
    assert report.passed, report
    half = jnp.array([0.5, -1.5, 2.0], jnp.bfloat16)
    assert check_gate(lambda x: jnp.square(x.astype(jnp.float32)), half).passed
    assert check_gate(lambda x: jnp.sin(x).astype(jnp.float32), jnp.array([0.5, -1.5])).passed


def test_a_jax_function_of_32_bits_alone() -> None:
    def summed(x: Any) -> Any:
        return jax.lax.scan(lambda total, one: (total + one * one, None), jnp.float32(0), x)[0]

    report = check_gate(summed, jnp.array([0.5, -1.5, 2.0]))
    assert report.passed, report


def test_arguments_by_default_and_settings_by_name() -> None:
    @jax.custom_vjp
    def power(x: Any, p: float = 3.0) -> Any:
        return x**p

    power.defvjp(
        lambda x, p: (x**p, (x, p)),
        lambda k, g: (g * k[1] * k[0] ** (k[1] - 1), jnp.sum(g * k[0] ** k[1] * jnp.log(k[0]))),
    )
    assert check_gate(power, jnp.array([0.5, 1.5])).passed
    assert gate_of(pairs.affine_forward, backward=pairs.affine_backward, b=np.ones(2)).takes == (2, 2)


def test_an_argument_of_jax_that_is_none() -> None:
    @jax.custom_vjp
    def affine(x: Any, w: Any, b: Any = None) -> Any:
        return x @ w if b is None else x @ w + b

    affine.defvjp(lambda x, w, b: (affine(x, w, b), (x, w)), lambda k, g: (g @ k[1].T, k[0].T @ g, None))
    assert check_gate(affine, jnp.ones((4, 3)), jnp.ones((3, 2)), None).passed
    assert check_gate(affine, jnp.ones((4, 3)), jnp.ones((3, 2))).passed


def test_pytorch_in_other_modes() -> None:
    with torch.no_grad():
        assert check_gate(Product, X, Y, 3).passed
    with torch.inference_mode():
        assert check_gate(Product, X, Y, 3).passed
    embedding = torch.nn.Embedding(4, 2, sparse=True).double()
    assert check_gate(embedding, torch.tensor([0, 2, 2])).passed
    assert check_gate(torch.nn.Dropout(0.5), X).passed
    report = check_model(
        lambda x: torch.utils.checkpoint.checkpoint(ProductAndSum.apply, x, x, use_reentrant=True)[0], X
    )
    assert report.blame == []


def test_a_small_input_of_a_model_counts_as_much_as_a_large_one() -> None:
    class Biased(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, b: Any) -> Any:
            return x + b

        @staticmethod
        def backward(ctx: Any, dz: Any) -> Any:
            return dz, dz.mean(0)

    x, b = torch.randn(64, 3), 1e-3 * torch.ones(3)
    assert len(check_model(lambda x, b: Biased.apply(x, b).square().sum(), x, b).blame) == 1


@pytest.mark.parametrize("seed", range(8))
def test_what_could_pass_by_chance_fails_at_every_seed(seed: int) -> None:
    # The seed of the check is that of the inputs, and there are as many outputs as elements of w.
    random = np.random.default_rng(seed)
    w = random.uniform(1.25, 2.5, (4, 2)) * random.choice([-1.0, 1.0], (4, 2))
    overwritten = pairs.embedding_overwritten
    assert not check_gate(pairs.embedding_forward, np.array([0, 2, 2, 3]), w, backward=overwritten, seed=seed).passed
    assert not check_gate(pairs.relu_forward, w, backward=pairs.relu_of_upstream, seed=seed).passed


class Freed(Function):
    """A function that lets go of what it keeps in backward, to save memory."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.x = x
        return x * x, x * x * x

    @staticmethod
    def backward(ctx: Any, dy: Any, dz: Any) -> Any:
        x, ctx.x = ctx.x, None
        return 2 * x * dy + 3 * x * x * dz


class Sign(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return torch.sign(x)

    @staticmethod
    def backward(ctx: Any, dz: Any) -> None:
        return None


class Dictionary(torch.nn.Module):
    def forward(self, x: Any) -> Any:
        return {"twice": 2 * x, "others": [x * x]}


def test_what_pytorch_allows_is_not_accused() -> None:
    x = torch.linspace(-1.5, 1.0, 4, dtype=torch.float64)
    freed = check_gate(Freed, x)
    assert freed.passed
    assert "it can be called once after each forward" in freed.note
    assert check_gate(Sign, x).passed
    assert check_gate(Dictionary(), x).passed
    layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).double()
    normalized = check_gate(layers, torch.randn(6, 3, dtype=torch.float64, generator=torch.manual_seed(0)))
    assert normalized.passed
    assert "0.bias: both sides are zero, up to rounding" in normalized.note


def test_tensors_that_are_not_checked_are_noted() -> None:
    x = torch.ones(3, dtype=torch.float64)
    assert "not checked: xs, in a list" in check_gate(lambda xs, y: xs[0] * y, [x], x).note
    assert "not checked: c, complex" in check_gate(lambda c, y: c.real * y, x + 1j, x).note
    with pytest.raises(TypeError, match="none of the arguments is a float, or an array of floats: nothing to check"):
        check_gate(lambda xs: xs[0] * 2, [x])


def test_an_input_that_jax_keeps_in_a_global() -> None:
    kept: dict[str, Any] = {}

    @jax.custom_vjp
    def sine(x: Any) -> Any:
        return jnp.sin(x)

    def forward(x: Any) -> Any:
        kept["x"] = x
        return jnp.sin(x), None

    sine.defvjp(forward, lambda residuals, dz: (dz * jnp.cos(kept["x"]),))
    assert "bwd uses what fwd keeps outside of its residuals" in check_gate(sine, jnp.arange(1.0, 4.0)).diagnosis


def test_gradients_of_another_structure_are_told_apart() -> None:
    @jax.custom_vjp
    def layer(parameters: Any, x: Any) -> Any:
        return x @ parameters["w"] + parameters["b"]

    layer.defvjp(
        lambda parameters, x: (layer(parameters, x), (parameters, x)),
        lambda kept, dz: ({"w": kept[1].T @ dz}, dz @ kept[0]["w"].T),
    )
    report = check_gate(layer, {"w": jnp.ones((2, 3)), "b": jnp.ones(3)}, jnp.ones((4, 2)))
    assert "({'w': *}, *) where ({'b': *, 'w': *}, *) belongs" in report.diagnosis


def test_numpys_random_numbers_are_drawn_alike_and_left_as_they_are() -> None:
    def dropout(x: Any) -> Any:
        mask = np.random.random(x.shape) < 0.5
        return x * mask, mask

    np.random.seed(3)
    expected = np.random.random(2)
    np.random.seed(3)
    x = np.random.default_rng(0).normal(size=(3, 4))
    assert check_gate(dropout, x, backward=lambda dz, mask: dz * mask).passed
    assert np.array_equal(np.random.random(2), expected)


def test_what_an_objective_is_meant_as_and_what_it_takes() -> None:
    def ones(y_true: Any, y_pred: Any) -> Any:
        return 1 / (1 + np.exp(-y_pred)) - y_true, np.ones_like(y_pred)

    y_true, y_pred = np.array([0.0, 1.0, 1.0]), np.array([0.5, -1.0, 2.0])
    assert check_objective(ones, y_true, y_pred).diagnosis == "hess is 1 everywhere, which it should not be"
    ones.intended = "ones"  # type: ignore[attr-defined]
    report = check_objective(ones, y_true, y_pred)
    assert report.passed
    assert "meant as ones" in report.note
    with pytest.raises(TypeError, match="takes 3 arguments: give a function of two"):
        check_objective(lambda y_true, y_pred, weight: None, y_true, y_pred)


def test_the_seed_of_scipy_may_be_a_generator() -> None:
    assert check_grad(np.sum, np.ones_like, [1.0, 2.0], seed=np.random.default_rng(0)).passed
