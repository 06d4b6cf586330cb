"""Each gate's formula once more, for PyTorch and for NumPy's complex numbers, and slopes of whole graphs from them.

They are written so that the derivative that either finds loses no digits: no 1 - y ** 2 for tanh, no p - 1 for softmax.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gates.gate import settings_of
from gates.selecting import _parts
from graph.passes.nested import GraphGate
from graph.structure.entries import Constant, Input, Parameter
from tests.complex_step import slopes


def magnitude(xp: Any, x: Any) -> Any:
    """Return the absolute value, by comparing: that of a complex number has no derivative."""
    return xp.where(x < 0, -x, x)


def sigmoid(xp: Any, x: Any) -> Any:
    """Return the sigmoid."""
    return 1 / (1 + xp.exp(-x))


def less_one(xp: Any, x: Any) -> Any:
    """Return exp(x) - 1, whose derivative PyTorch takes as expm1(x) + 1, where nothing of exp(-40) is left."""
    return xp.where(x > -1, xp.expm1(x), xp.exp(x) - 1)


def tanh(xp: Any, x: Any) -> Any:
    """Return the hyperbolic tangent."""
    distance = magnitude(xp, x)
    far = 1 - 2 / (xp.exp(2 * distance) + 1)
    return xp.where(distance < 1, xp.tanh(x), xp.where(x > 0, far, -far))


def power(xp: Any, x: Any, p: float) -> Any:
    """Return x ** p. Whole powers of a number below 0 are those of its magnitude: NumPy's logarithm would lose them."""
    if p % 1:
        return x**p
    return xp.where(x < 0, 1 - 2 * (p % 2), 1.0) * magnitude(xp, x) ** p


def true_class(xp: Any, scores: Any, labels: Any) -> Any:
    """Return a mask in the shape of the scores, and the scores of the true classes."""
    mask = xp.asarray(np.arange(scores.shape[1]) == np.asarray(labels)[:, None])
    return mask, xp.where(mask, scores, 0 * scores).sum(1)[:, None]


def softmax_loss(xp: Any, scores: Any, labels: Any) -> Any:
    """Return the mean of ln(1 + the sum of e ** (score - score of the true class) over the other classes)."""
    mask, true = true_class(xp, scores, labels)
    powers = xp.where(mask, 0 * scores, xp.exp(scores - true))
    return xp.log1p(powers.sum(1)).mean()


def svm_loss(xp: Any, scores: Any, labels: Any, margin: float) -> Any:
    """Return the mean of the summed hinges."""
    mask, true = true_class(xp, scores, labels)
    hinges = scores - true + margin
    return xp.where(mask | (hinges <= 0), 0 * hinges, hinges).sum() / len(scores)


def larger(xp: Any, x: Any, y: Any) -> Any:
    """Return the larger; x in a tie."""
    return xp.where(x >= y, x, y)


def reduced(reduction: str) -> Callable[..., Any]:
    """Return a formula for a method of arrays that reduces."""

    def formula(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
        axes = tuple(range(x.ndim)) if axis is None else axis
        return getattr(x, reduction)(axis=axes, keepdims=keepdims) if x.ndim else x

    return formula


def clip(xp: Any, x: Any, low: float | None, high: float | None) -> Any:
    """Return x between bounds."""
    y = x if low is None else xp.where(x < low, low + 0 * x, x)
    return y if high is None else xp.where(y > high, high + 0 * y, y)


def softplus(xp: Any, x: Any) -> Any:
    """Return ln(1 + e ** x)."""
    return xp.where(x > 0, x, 0 * x) + xp.log1p(xp.exp(-magnitude(xp, x)))


def rows_of(xp: Any, x: Any, axis: Any) -> tuple[Any, Any]:
    """Return an array whose last axis holds what is reduced together, and the axes that it was."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(one % x.ndim for one in axes)
    moved = xp.moveaxis(x, axes, tuple(range(x.ndim - len(axes), x.ndim)))
    return moved.reshape((*moved.shape[: x.ndim - len(axes)], -1)), axes


def with_axes(x: Any, axes: Any, keepdims: bool) -> Any:
    """Return what was reduced with the axes that are kept."""
    for axis in sorted(axes) if keepdims else ():
        x = x.reshape((*x.shape[:axis], 1, *x.shape[axis:]))
    return x


def first_largest(xp: Any, rows: Any) -> Any:
    """Return a mask of the first of the largest in each row."""
    return xp.asarray(np.arange(rows.shape[-1])) == rows.argmax(-1)[..., None]


def reduce_max(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the largest over axes, the first of them in a tie."""
    if not x.ndim:
        return x
    rows, axes = rows_of(xp, x, axis)
    return with_axes(xp.where(first_largest(xp, rows), rows, 0 * rows).sum(-1), axes, keepdims)


def reduce_min(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the smallest over axes, the first of them in a tie."""
    return -reduce_max(xp, -x, axis, keepdims)


def log_sum_exp(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Return ln(the sum of e ** x), with the digits of what is added to the largest."""
    if not x.ndim:
        return x
    rows, axes = rows_of(xp, x, axis)
    mask = first_largest(xp, rows)
    top = xp.where(mask, rows, 0 * rows).sum(-1)
    others = xp.where(mask, 0 * rows, xp.exp(rows - top[..., None])).sum(-1)
    return with_axes(top + xp.log1p(others), axes, keepdims)


def softmax(xp: Any, x: Any, axis: int) -> Any:
    """Return the softmax along an axis."""
    e = xp.exp(x - reduce_max(xp, x, axis, True))
    return e / e.sum(axis, keepdims=True)


def variance(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the mean squared distance to the mean."""
    mean = reduced("mean")
    return mean(xp, (x - mean(xp, x, axis, True)) ** 2, axis, keepdims)


def normalized(xp: Any, x: Any, axes: Any, eps: float) -> Any:
    """Return x less its mean over some axes, over the square root of its variance there and eps."""
    u = x - x.mean(axis=axes, keepdims=True)
    return u / xp.sqrt((u * u).mean(axis=axes, keepdims=True) + eps)


def batch_norm(xp: Any, x: Any, gamma: Any, beta: Any, eps: float, training: bool, **at_first: Any) -> Any:
    """Return batch normalization, in evaluation with means of 0 and variances of 1."""
    h = normalized(xp, x, (0, *range(2, x.ndim)), eps) if training else x / (1 + eps) ** 0.5
    shape = (-1, *[1] * (x.ndim - 2))
    return gamma.reshape(shape) * h + beta.reshape(shape)


def dropout(xp: Any, x: Any, p: float, seed: int, passes: int, training: bool) -> Any:
    """Return x, or in training the part of it that the mask keeps."""
    kept = np.random.default_rng([seed, passes]).random(tuple(x.shape)) >= p
    return xp.where(xp.asarray(kept), x / (1 - p), 0 * x) if training else x


def windows(x: Any, size: tuple[int, int], stride: int) -> list[Any]:
    """Return for each place in a window the numbers that all windows have there."""
    rows, columns = (stride * ((length - across) // stride) + 1 for length, across in zip(x.shape[2:], size))
    return [x[:, :, i : i + rows : stride, j : j + columns : stride] for i in range(size[0]) for j in range(size[1])]


def conv2d(xp: Any, x: Any, W: Any, b: Any, stride: int, padding: int) -> Any:
    """Return the sum over the places in a kernel of what it adds to each output."""
    (count, channels, height, width), size = x.shape, tuple(W.shape[2:])
    padded = xp.zeros((count, channels, height + 2 * padding, width + 2 * padding), dtype=x.dtype)
    padded[:, :, padding : padding + height, padding : padding + width] = x
    kernels = W.reshape(*W.shape[:2], -1)
    parts = [
        (part[:, None] * kernels[None, :, :, place, None, None]).sum(2)
        for place, part in enumerate(windows(padded, size, stride))
    ]
    return sum(parts) + b[:, None, None]


def max_pool2d(xp: Any, x: Any, size: int, stride: int | None) -> Any:
    """Return the largest of each window, the first of several."""
    found, *others = windows(x, (size, size), stride or size)
    for other in others:
        found = larger(xp, found, other)
    return found


def binary_cross_entropy_loss(xp: Any, scores: Any, target: Any) -> Any:
    """Return the mean of (1 - target) * max(score, 0) + target * max(-score, 0) + ln(1 + e ** -abs(score))."""
    positive, negative = (xp.where(there, scores, 0 * scores) for there in (scores >= 0, scores < 0))
    return ((1 - target) * positive - target * negative + xp.log1p(xp.exp(-magnitude(xp, scores)))).mean()


#: They take `torch` or `numpy`, the inputs, and the settings as keywords.
FORMULAS: dict[str, Callable[..., Any]] = {
    "Add": lambda xp, x, y: x + y,
    "Subtract": lambda xp, x, y: x - y,
    "Multiply": lambda xp, x, y: x * y,
    "Divide": lambda xp, x, y: x / y,
    "Negative": lambda xp, x: -x,
    "Reciprocal": lambda xp, x: 1 / x,
    "Scale": lambda xp, x, a: a * x,
    "Shift": lambda xp, x, c: x + c,
    "Power": power,
    "Square": lambda xp, x: x**2,
    "Sqrt": lambda xp, x: xp.sqrt(x),
    "Exp": lambda xp, x: xp.exp(x),
    "Log": lambda xp, x: xp.log(x),
    "Max": larger,
    "Min": lambda xp, x, y: xp.where(x <= y, x, y),
    "Copy": lambda xp, x, n: [x] * n if n > 1 else x,
    "Sigmoid": sigmoid,
    "Tanh": tanh,
    "ReLU": lambda xp, x: xp.where(x > 0, x, 0 * x),
    "LeakyReLU": lambda xp, x, slope: xp.where(x > 0, x, slope * x),
    "ELU": lambda xp, x, alpha: xp.where(x >= 0, x, alpha * less_one(xp, xp.where(x >= 0, 0 * x, x))),
    "Maxout": lambda xp, x, W1, b1, W2, b2: larger(xp, xp.matmul(x, W1) + b1, xp.matmul(x, W2) + b2),
    "Neuron": lambda xp, x, w, b: sigmoid(xp, ((x * w).sum(-1) if (x * w).ndim else x * w) + b),
    "MatMul": lambda xp, x, y: xp.matmul(x, y),
    "Transpose": lambda xp, x, axes: xp.moveaxis(x, axes or [*range(x.ndim)][::-1], [*range(x.ndim)]),
    "Reshape": lambda xp, x, shape: x.reshape(shape),
    "Sum": reduced("sum"),
    "Mean": reduced("mean"),
    "SquaredNorm": lambda xp, x: (x * x).sum(),
    "Sin": lambda xp, x: xp.sin(x),
    "Cos": lambda xp, x: xp.cos(x),
    "Abs": lambda xp, x: xp.where(x == 0, 0 * x, magnitude(xp, x)),
    "Clip": clip,
    "Where": lambda xp, c, x, y: xp.where(c > 0, x, y),
    "Softplus": softplus,
    "Pow": lambda xp, x, y: x**y,
    "Variance": variance,
    "ReduceMax": reduce_max,
    "ReduceMin": reduce_min,
    "LogSumExp": log_sum_exp,
    "Softmax": softmax,
    "Index": lambda xp, x, key: x[_parts(key)],
    "Concatenate": lambda xp, *arrays, axis: xp.concatenate(arrays, axis),
    "Stack": lambda xp, *arrays, axis: xp.stack(arrays, axis),
    "SoftmaxLoss": softmax_loss,
    "SVMLoss": svm_loss,
    "Affine": lambda xp, x, W, b: xp.matmul(x, W) + b,
    "LayerNorm": lambda xp, x, gamma, beta, eps: gamma * normalized(xp, x, -1, eps) + beta,
    "BatchNorm": batch_norm,
    "Dropout": dropout,
    "Embedding": lambda xp, indices, weight: weight[indices],
    "Conv2d": conv2d,
    "MaxPool2d": max_pool2d,
    "MeanSquaredErrorLoss": lambda xp, prediction, target: ((prediction - target) ** 2).mean(),
    "BinaryCrossEntropyLoss": binary_cross_entropy_loss,
    "SquaredErrorLoss": lambda xp, prediction, target: ((prediction - target) ** 2).sum(),
    "L2Regularization": lambda xp, W, strength: strength * (W * W).sum(),
}


def output_of(graph: Any, xp: Any, entered: dict[Any, Any]) -> Any:
    """Return a graph's output by the formulas; `entered` has its inputs by name, and parameters by their gates."""
    values: dict[tuple[str, int], Any] = {}
    for node in graph.nodes_topologically_sorted():
        gate = graph.gate(node)
        reads = [values[wire.node, wire.port] for wire in graph.reads(node)]
        match gate:
            case Input():
                output = entered[node]
            case Parameter():
                output = entered[gate]
            case Constant():
                output = xp.asarray(np.asarray(gate.value))
            case GraphGate():
                output = output_of(gate.graph, xp, {**entered, **dict(zip(gate.input_names, reads))})
            case _:
                output = FORMULAS[type(gate).__name__](xp, *reads, **settings_of(gate))
        for port, value in enumerate(output if getattr(gate, "outputs", 1) > 1 else [output]):
            values[node, port] = value
    return values[graph.output_place]


def leaves_of(graph: Any, inputs: dict[str, Any]) -> dict[Any, tuple[Any, Any]]:
    """Return by the names of the gradients where each value enters, and the value."""
    there = {name: (name, value) for name, value in inputs.items() if np.asarray(value).dtype.kind == "f"}
    there |= {name: (gate, gate.value) for name, gate in graph.parameter_gates.items()}
    return {name: there[name] for name in there if name not in graph or getattr(graph.gate(name), "grad", True)}


def by_torch(graph: Any) -> Any:
    """Return what runs both passes with PyTorch."""
    import torch

    def run(inputs: dict[str, Any], upstream: Any) -> Any:
        places = leaves_of(graph, inputs)
        leaves = {
            name: torch.tensor(value, requires_grad=True, dtype=torch.float64) for name, (_, value) in places.items()
        }
        entered = {name: torch.asarray(np.array(value)) for name, value in inputs.items()}
        value = output_of(graph, torch, entered | {places[name][0]: leaf for name, leaf in leaves.items()})
        seed = torch.ones_like(value) * torch.asarray(np.array(1.0 if upstream is None else upstream))
        found = (
            torch.autograd.grad(value, list(leaves.values()), seed, allow_unused=True) if value.requires_grad else []
        )
        gradients = {name: np.zeros(leaf.shape) for name, leaf in leaves.items()}
        gradients |= {name: gradient.numpy() for name, gradient in zip(leaves, found) if gradient is not None}
        return value.detach().numpy(), gradients

    return run


def by_complex_steps(graph: Any) -> Any:
    """Return what finds the value and the slopes with NumPy's complex numbers."""

    def run(inputs: dict[str, Any], upstream: Any) -> Any:
        places = leaves_of(graph, inputs)
        values = [np.asarray(value) for _, value in places.values()]

        def function(*values: Any) -> Any:
            entered = {place: np.asarray(value) for (place, _), value in zip(places.values(), values)}
            return output_of(graph, np, {**{name: np.asarray(value) for name, value in inputs.items()}, **entered})

        seed = 1.0 if upstream is None else upstream
        return function(*values), {name: slopes(function, values, place, seed) for place, name in enumerate(places)}

    return run
