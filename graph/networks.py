"""Ready-made networks, as graphs of gates."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gates import Add, Affine, Conv2d, Dropout, Gate, MaxPool2d, ReLU
from gates.gate import fresh
from gates.validation import counted
from gates.values import as_number, prefixed
from graph.computational_graph import ComputationalGraph
from graph.structure.admission import check_gate
from graph.structure.wiring import outputs_of
from losses import L2Regularization, SoftmaxLoss


def fully_connected(
    sizes: Sequence[int],
    activation: Callable[[], Gate] | Gate = ReLU,
    loss: Callable[[], Gate] | Gate = SoftmaxLoss,
    regularization: float = 0.0,
    seed: int | np.random.Generator = 0,
) -> ComputationalGraph:
    """Build a fully connected network (a multi-layer perceptron) as a graph of gates.

    Its inputs are `X` of shape (N, sizes[0]) and `y`, the labels or targets for the loss; they have no gradient.
    Layer i has the parameters `Wi` of shape (sizes[i - 1], sizes[i]) and `bi`, and unless it is the last, its
    activations are the wire `hi`, such as `h1` after `X @ W1 + b1`. The last layer's scores are the wire `scores`, of
    shape (N, sizes[-1]), and the output is the wire `loss`.

    Biases start at 0. Weights are drawn from a normal distribution with the variance 2 / inputs for ReLU (He), and
    2 / (inputs + outputs) otherwise (Xavier), where inputs and outputs are those of the layer.

    Parameters
    ----------
    sizes : sequence of int
        The number of inputs, of neurons in each hidden layer, and of scores; two sizes make a linear classifier.
    activation : class of gates, or gate
        The activation after each hidden layer, a gate with one input and one output.
    loss : class of gates, or gate
        The loss, a gate that takes the scores and y.
    regularization : float
        The loss includes `regularization * sum(W**2)` for each W, but not for the biases.
    seed : int or numpy.random.Generator
        The seed of the initial weights, or the generator that draws them.

    Returns
    -------
    ComputationalGraph
        The network.

    Raises
    ------
    ValueError, TypeError
        If there are fewer than two sizes or one is not a positive integer, or if the activation or the loss does not
        fit.

    References
    ----------
    He, Zhang, Ren, Sun: Delving deep into rectifiers, ICCV 2015.
    Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010.

    Examples
    --------
    >>> graph = fully_connected([3072, 100, 10])
    >>> {name: W.shape for name, W in graph.parameters.items()}
    {'W1': (3072, 100), 'b1': (100,), 'W2': (100, 10), 'b2': (10,)}
    >>> X = np.zeros((64, 3072))
    >>> graph.evaluate("scores", X=X).shape
    (64, 10)
    >>> round(graph.forward(X=X, y=np.zeros(64, dtype=int)), 4)  # log 10
    2.3026
    """
    sizes = _checked_sizes(sizes)
    regularization = as_number(regularization, "fully_connected(): regularization")
    if not 0 <= regularization < math.inf:
        raise ValueError(f"fully_connected(): regularization must be at least 0 and finite, got {regularization:g}")
    try:
        random = np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise prefixed(error, "fully_connected(): seed") from None
    graph = ComputationalGraph()
    h, y = graph.input("X", grad=False), graph.input("y", grad=False)
    is_relu = isinstance(_gate(activation, "activation", 1), ReLU)
    weights = []
    for layer, (inputs, outputs) in enumerate(pairwise(sizes), 1):
        variance = 2 / inputs if is_relu else 2 / (inputs + outputs)
        with graph.group(f"layer {layer}"):
            W = graph.parameter(f"W{layer}", random.normal(0.0, variance**0.5, (inputs, outputs)))
            b = graph.parameter(f"b{layer}", np.zeros(outputs))
            weights.append(W)
            if layer < len(sizes) - 1:
                h = graph.add(_gate(activation, "activation", 1), h @ W + b, name=f"h{layer}")
            else:
                h = graph.add(Add(), h @ W, b, name="scores")
    total = graph.add(_gate(loss, "loss", 2), h, y, name="data_loss" if regularization else "loss")
    if regularization:
        for W in weights:
            penalty = graph.add(L2Regularization(regularization), W)
            total = graph.add(Add(), total, penalty, name="loss" if W is weights[-1] else None)
    return graph


def convolutional(side: int, channels: Sequence[int], classes: int, seed: int = 0) -> ComputationalGraph:
    """Build a convolutional network for square pictures in grey as a graph of gates.

    Its inputs are `X` of shape (N, side * side), a picture in each row, and `y`, the labels. Layer i has kernels of
    3 x 3 pixels, `Wi` of shape (channels, channels of the layer before, 3, 3), and biases `bi`, and is followed by a
    `ReLU`. Then come a `MaxPool2d` that halves the sides, a `Dropout` of one half, named `dropout`, and an `Affine`
    layer, named `scores`. The output is the wire `loss`, a `SoftmaxLoss`. Weights are drawn as for `fully_connected`.
    Scores that are to be used are computed within `graph.evaluating()`.

    Examples
    --------
    >>> graph = convolutional(8, [16, 32], 10)
    >>> {name: W.shape for name, W in graph.parameters.items() if W.ndim > 1}
    {'W1': (16, 1, 3, 3), 'W2': (32, 16, 3, 3), 'W3': (512, 10)}
    >>> graph.evaluate("scores", X=np.zeros((5, 64))).shape
    (5, 10)
    """
    random, graph = np.random.default_rng(seed), ComputationalGraph()
    X, y = graph.input("X", grad=False), graph.input("y", grad=False)
    z = X.reshape(-1, 1, side, side)
    for layer, (inputs, outputs) in enumerate(pairwise([1, *channels]), 1):
        with graph.group(f"layer {layer}"):
            W = graph.parameter(f"W{layer}", random.normal(0.0, (2 / (9 * inputs)) ** 0.5, (outputs, inputs, 3, 3)))
            b = graph.parameter(f"b{layer}", np.zeros(outputs))
            z = graph.add(ReLU(), graph.add(Conv2d(padding=1), z, W, b), name=f"h{layer}")
    numbers, last = channels[-1] * (side // 2) ** 2, len(channels) + 1
    z = graph.add(Dropout(0.5, seed=seed), graph.add(MaxPool2d(2), z).reshape(-1, numbers), name="dropout")
    W = graph.parameter(f"W{last}", random.normal(0.0, (2 / numbers) ** 0.5, (numbers, classes)))
    b = graph.parameter(f"b{last}", np.zeros(classes))
    graph.add(SoftmaxLoss(), graph.add(Affine(), z, W, b, name="scores"), y, name="loss")
    return graph


def _checked_sizes(sizes: Any) -> list[int]:
    """Return the sizes of the layers as integers, or raise ValueError."""
    try:
        checked = [operator.index(size) for size in sizes]
    except TypeError:
        checked = []
    if len(checked) < 2 or min(checked) < 1:
        raise ValueError(f"fully_connected(): sizes must be two or more positive integers, got {sizes!r}")
    return checked


def _gate(given: Any, what: str, inputs: int) -> Any:
    """Return a new gate, made from a class or copied from a gate, or raise TypeError if it does not fit."""
    try:
        gate: Any = given() if isinstance(given, type) or not hasattr(given, "forward") else fresh(given)
        least, most = check_gate(gate)[1]
    except TypeError:  # not a gate or a class of gates, or a class that needs settings
        least, most = 1, 0
    if not least <= inputs <= most or outputs_of(gate) != 1:
        wanted = f"a class of gates, or a gate, with {counted(inputs, inputs)} and one output"
        raise TypeError(f"fully_connected(): {what} must be {wanted}, got {given!r}")
    return gate
