"""Wrong shapes and settings of layers and of losses of targets: who, what was wanted, what came."""

from __future__ import annotations

from typing import Any

import array_api_strict as xp
import numpy as np
import pytest

from gates import Affine, BatchNorm, Conv2d, Dropout, Embedding, Gate, LayerNorm, MaxPool2d
from graph import ComputationalGraph
from losses import BinaryCrossEntropyLoss, MeanSquaredErrorLoss

AFFINE = "x, W and b must have the shapes (..., D), (D, M) and (M,), got "
LAYER_NORM = "x, gamma and beta must have the shapes (..., D), (D,) and (D,), with D at least 1, got "
BATCH_NORM = "x, gamma and beta must have the shapes (N, C, ...), (C,) and (C,), with C at least 1, got "
CONV2D = "x, W and b must have the shapes (N, C, H, W), (F, C, h, w) and (F,), got "
MAX_POOL2D = "x must have the shape (N, C, H, W), with H and W at least 3, got "

WRONG_SHAPES: list[tuple[Gate, list[tuple[int, ...]], str]] = [
    (Affine(), [(4, 3), (2, 3), (3,)], AFFINE + "(4, 3), (2, 3) and (3,)"),
    (Affine(), [(4, 3), (3, 2), (1,)], AFFINE + "(4, 3), (3, 2) and (1,)"),
    (Affine(), [(3,), (3,), ()], AFFINE + "(3,), (3,) and ()"),
    (LayerNorm(), [(4, 3), (4,), (4,)], LAYER_NORM + "(4, 3), (4,) and (4,)"),
    (LayerNorm(), [(4, 0), (0,), (0,)], LAYER_NORM + "(4, 0), (0,) and (0,)"),
    (LayerNorm(), [(4, 3), (3,), ()], LAYER_NORM + "(4, 3), (3,) and ()"),
    (BatchNorm(), [(4, 3), (4,), (4,)], BATCH_NORM + "(4, 3), (4,) and (4,)"),
    (BatchNorm(), [(3,), (3,), (3,)], BATCH_NORM + "(3,), (3,) and (3,)"),
    (
        BatchNorm(),
        [(1, 3), (3,), (3,)],
        "in training x must have 2 or more numbers for each channel, got the shape (1, 3)",
    ),
    (
        BatchNorm(running_var=[1.0, 2.0], training=False),
        [(4, 3), (3,), (3,)],
        "running_var is of 2 channels, got x of shape (4, 3)",
    ),
    (Dropout(), [()], "x must be an array of 1 or more axes, got a number"),
    (Conv2d(), [(2, 3, 4, 4), (5, 2, 3, 3), (5,)], CONV2D + "(2, 3, 4, 4), (5, 2, 3, 3) and (5,)"),
    (Conv2d(), [(3, 4, 4), (5, 3, 3, 3), (5,)], CONV2D + "(3, 4, 4), (5, 3, 3, 3) and (5,)"),
    (Conv2d(), [(2, 3, 4, 4), (5, 3, 3, 3), (3,)], CONV2D + "(2, 3, 4, 4), (5, 3, 3, 3) and (3,)"),
    (
        Conv2d(padding=1),
        [(2, 3, 4, 2), (5, 3, 3, 5), (5,)],
        "kernels of 3 x 5 must fit images of 4 x 2 with the padding 1",
    ),
    (MaxPool2d(3), [(1, 1, 4, 2)], MAX_POOL2D + "(1, 1, 4, 2)"),
    (MaxPool2d(3), [(4, 4)], MAX_POOL2D + "(4, 4)"),
    (
        MeanSquaredErrorLoss(),
        [(5, 1), (5,)],
        "prediction must have 1 or more elements, and target its shape or be a number, got the shapes (5, 1) and (5,)",
    ),
    (
        BinaryCrossEntropyLoss(),
        [(0,), (0,)],
        "scores must have 1 or more elements, and target its shape or be a number, got the shapes (0,) and (0,)",
    ),
]


@pytest.mark.parametrize(("gate", "shapes", "message"), WRONG_SHAPES)
def test_wrong_shapes(gate: Gate, shapes: list[tuple[int, ...]], message: str) -> None:
    inputs = [np.ones(shape) if shape else 1.0 for shape in shapes]
    with pytest.raises(ValueError, match="^") as caught:
        gate.forward(*inputs)
    assert str(caught.value) == f"{type(gate).__name__}: {message}"
    graph = ComputationalGraph()
    names = [f"x{port}" for port in range(len(shapes))]
    wire = graph.add(type(gate)(**{name: getattr(gate, name) for name in vars(gate)}), *graph.inputs(*names))
    with pytest.raises(ValueError, match="^") as caught:
        graph.forward(dict(zip(names, inputs)))
    assert str(caught.value) == f"{wire.node} ({type(gate).__name__}): {message}"


@pytest.mark.parametrize(
    ("indices", "got"),
    [
        ([0, 4, 1], "got 4 at position 1"),
        ([[0, 1], [-1, 2]], r"got -1 at position \(1, 0\)"),
        ([0.5, 1], "got 0.5 at position 0"),
        ([True, False], "got True at position 0"),
        (np.array([0.0, 1.0]), "got 0.0 at position 0"),
        (7, "got 7$"),
        (xp.asarray([1, 9]), "got 9 at position 1"),
    ],
)
def test_indices_out_of_range(indices: Any, got: str) -> None:
    weight = np.ones((4, 2)) if not hasattr(indices, "__array_namespace__") else xp.ones((4, 2))
    with pytest.raises(ValueError, match=rf"^Embedding: indices must be integers in \[0, 4\), {got}"):
        Embedding().forward(indices, weight)


def test_an_embedding_of_no_indices_and_of_any_integers() -> None:
    weight = np.arange(6.0).reshape(3, 2)
    for indices in ([], np.zeros((0, 3), np.int8)):
        gate = Embedding()
        assert gate.forward(indices, weight).shape == (*np.shape(indices), 2)
        assert not gate.backward(1.0)[1].any()
    for kind in (np.int8, np.uint16, np.int64, np.uint64):
        assert Embedding().forward(np.array([2, 0], kind), weight).tolist() == [[4.0, 5.0], [0.0, 1.0]]
    with pytest.raises(ValueError, match=r"^Embedding: weight must have the shape \(V, D\), got \(3,\)"):
        Embedding().forward([0], np.ones(3))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dropout(1.5), ValueError, "Dropout: p must be from 0 to 1, got 1.5"),
        (lambda: Dropout("half"), TypeError, "Dropout: p must be a number, got 'half'"),
        (lambda: Dropout(seed=-1), ValueError, "Dropout: seed must be a whole number of at least 0, got -1"),
        (lambda: Dropout(training=1), TypeError, "Dropout: training must be True or False, got 1"),
        (lambda: LayerNorm(-1e-5), ValueError, "LayerNorm: eps must be at least 0 and finite, got -1e-05"),
        (lambda: BatchNorm(eps=np.inf), ValueError, "BatchNorm: eps must be at least 0 and finite, got inf"),
        (lambda: BatchNorm(momentum=2), ValueError, "BatchNorm: momentum must be from 0 to 1, got 2.0"),
        (
            lambda: BatchNorm(running_mean=np.ones((2, 2))),
            ValueError,
            r"BatchNorm: running_mean must be a number for each channel, got the shape \(2, 2\)",
        ),
        (lambda: Conv2d(0), ValueError, "Conv2d: stride must be a whole number of at least 1, got 0"),
        (lambda: Conv2d(padding=0.5), TypeError, "Conv2d: padding must be a whole number of at least 0, got 0.5"),
        (lambda: MaxPool2d(0), ValueError, "MaxPool2d: size must be a whole number of at least 1, got 0"),
        (lambda: MaxPool2d(2, 0), ValueError, "MaxPool2d: stride must be a whole number of at least 1, got 0"),
    ],
)
def test_wrong_settings(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        make()
