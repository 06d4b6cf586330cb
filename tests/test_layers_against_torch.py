"""Layers and losses against PyTorch: outputs and gradients in float64 agree to 1e-12, and the checker agrees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from gates import Affine, BatchNorm, Conv2d, Dropout, Embedding, Gate, LayerNorm, MaxPool2d, check_gate
from losses import BinaryCrossEntropyLoss, MeanSquaredErrorLoss

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def drawn(*shapes: tuple[int, ...], seed: int = 0) -> list[Any]:
    """Return random inputs of these shapes."""
    random = np.random.default_rng(seed)
    return [random.normal(size=shape) for shape in shapes]


def assert_close(found: Any, wanted: Any) -> None:
    """Compare with a tensor, to 1e-12 of its largest number or of 1, and the shapes."""
    wanted = wanted.detach().numpy()
    assert np.shape(found) == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12 * np.max(np.abs(wanted), initial=1.0))


def assert_same(gate: Gate, function: Callable[..., Any], inputs: Sequence[Any], verdict: str = "pass") -> None:
    """Compare both passes with those of PyTorch, and let the checker compare them with slopes."""
    tensors = [torch.tensor(x, requires_grad=port not in gate.labels) for port, x in enumerate(inputs)]
    wanted = function(*tensors)
    upstream = np.random.default_rng(99).normal(size=wanted.shape)
    wanted.backward(torch.tensor(upstream))
    assert_close(gate.forward(*inputs), wanted)
    for gradient, tensor in zip(gate.backward(upstream if wanted.ndim else float(upstream)), tensors, strict=True):
        if tensor.requires_grad:
            assert_close(gradient, tensor.grad)
        else:
            assert gradient is None
    report = check_gate(gate, *inputs)
    assert report.verdict == verdict, report


def id_of(given: Any) -> str:
    """Return the text of a parameter, in the names of tests."""
    return str(given).replace(" ", "")


@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 4, 3), (2, 1, 5, 3)], ids=id_of)
def test_affine(shape: tuple[int, ...]) -> None:
    assert_same(Affine(), lambda x, W, b: functional.linear(x, W.T, b), drawn(shape, (3, 4), (4,)))


@pytest.mark.parametrize("eps", [1e-5, 0.1])
@pytest.mark.parametrize("shape", [(5, 4), (7,), (2, 3, 5), (1, 2), (3, 64)], ids=id_of)
def test_layer_norm(shape: tuple[int, ...], eps: float) -> None:
    inputs = drawn(shape, shape[-1:], shape[-1:])
    assert_same(LayerNorm(eps), lambda x, g, b: functional.layer_norm(x, shape[-1:], g, b, eps), inputs)


IMAGES = [(6, 3), (7, 2), (2, 1), (4, 3, 5, 2), (2, 2, 1, 1), (1, 3, 4, 5)]


@pytest.mark.parametrize("momentum", [0.1, 0.5, 0.0, 1.0])
@pytest.mark.parametrize("shape", IMAGES, ids=id_of)
def test_batch_norm_over_several_minibatches_and_then_in_evaluation(shape: tuple[int, ...], momentum: float) -> None:
    channels = shape[1:2]
    gate, eps = BatchNorm(momentum=momentum), 1e-5
    mean, variance = torch.zeros(channels, dtype=torch.float64), torch.ones(channels, dtype=torch.float64)

    def batch_norm(x: Any, gamma: Any, beta: Any) -> Any:
        return functional.batch_norm(x, mean, variance, gamma, beta, gate.training, momentum, eps)

    for seed in range(3):
        x, gamma, beta = drawn(shape, channels, channels, seed=seed)
        assert_same(gate, batch_norm, [3.0 * x + 5.0, gamma, beta])
        assert_close(gate.running_mean, mean)
        assert_close(gate.running_var, variance)
    gate.training = False
    before = gate.running_mean, gate.running_var
    for batch in (shape[0], 1):
        assert_same(gate, batch_norm, drawn((batch, *shape[1:]), channels, channels, seed=7))
    assert (gate.running_mean, gate.running_var) == before or all(map(np.array_equal, before, (mean, variance)))
    assert check_gate(gate).passed


def test_batch_norm_in_evaluation_before_any_training() -> None:
    zeros, ones = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    function = lambda x, g, b: functional.batch_norm(x, zeros, ones, g, b, eps=1e-5)  # noqa: E731
    assert_same(BatchNorm(training=False), function, drawn((4, 3, 2, 2), (3,), (3,)))


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 3), (4, 1), (2, 2)], ids=id_of)
@pytest.mark.parametrize("image", [(4, 4), (5, 7), (6, 5)], ids=id_of)
def test_conv2d(image: tuple[int, int], kernel: tuple[int, int], stride: int, padding: int) -> None:
    inputs = drawn((2, 3, *image), (2, 3, *kernel), (2,))
    assert_same(
        Conv2d(stride, padding), lambda x, W, b: functional.conv2d(x, W, b, stride=stride, padding=padding), inputs
    )


@pytest.mark.parametrize(("size", "stride"), [(2, None), (3, None), (2, 1), (3, 2), (2, 3), (1, None), (1, 2), (4, 3)])
@pytest.mark.parametrize("image", [(4, 4), (5, 7), (6, 9)], ids=id_of)
def test_max_pool2d(image: tuple[int, int], size: int, stride: int | None) -> None:
    function = lambda x: functional.max_pool2d(x, size, stride)  # noqa: E731
    assert_same(MaxPool2d(size, stride), function, drawn((2, 3, *image)))


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 1), (3, 2)])
def test_max_pool2d_has_the_ties_of_pytorch(size: int, stride: int) -> None:
    x = np.random.default_rng(0).integers(0, 3, (2, 2, 7, 6)).astype(float)
    tensor = torch.tensor(x, requires_grad=True)
    wanted = functional.max_pool2d(tensor, size, stride)
    upstream = drawn(tuple(wanted.shape))[0]
    wanted.backward(torch.tensor(upstream))
    gate = MaxPool2d(size, stride)
    assert_close(gate.forward(x), wanted)
    assert_close(gate.backward(upstream)[0], tensor.grad)


@pytest.mark.parametrize("shape", [(6,), (3, 4), (2, 1, 3), ()], ids=id_of)
def test_embedding(shape: tuple[int, ...]) -> None:
    indices = np.asarray(np.random.default_rng(0).integers(0, 4, shape))
    assert_same(Embedding(), functional.embedding, [indices, *drawn((5, 3))])


@pytest.mark.parametrize("p", [0.0, 0.25, 0.9, 1.0])
@pytest.mark.parametrize("shape", [(8,), (3, 5), (2, 3, 4, 5)], ids=id_of)
def test_dropout_is_a_product_with_its_mask(shape: tuple[int, ...], p: float) -> None:
    gate = Dropout(p, seed=3)
    scale = torch.tensor(gate.forward(np.ones(shape)))
    assert set(scale.flatten().tolist()) <= {0.0, 1.0 if p == 1.0 else 1.0 / (1.0 - p)}
    assert_same(gate, lambda x: x * scale, drawn(shape), "pass" if scale.any() else "inconclusive")
    gate.training = False
    assert_same(gate, lambda x: functional.dropout(x, p, training=False), drawn(shape))


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 1, 3)], ids=id_of)
def test_losses_of_targets(shape: tuple[int, ...]) -> None:
    scores, target = drawn(shape, shape)
    inputs = [scores, 1.0 / (1.0 + np.exp(target))]
    assert_same(MeanSquaredErrorLoss(), functional.mse_loss, inputs)
    assert_same(BinaryCrossEntropyLoss(), functional.binary_cross_entropy_with_logits, inputs)


@pytest.mark.parametrize("gate", [Affine(), LayerNorm(), BatchNorm(), Conv2d(), Conv2d(2, 1), MaxPool2d(), Embedding()])
def test_the_checker_at_its_own_examples(gate: Gate) -> None:
    assert check_gate(gate).passed
    assert check_gate(gate).self_test().all_caught
