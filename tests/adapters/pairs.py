"""Pairs of functions, forward and backward, as courses ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.adapters.case import Case


def arrays(*shapes: tuple[int, ...], rest: tuple[Any, ...] = ()) -> Callable[[Any, Any], tuple[Any, ...]]:
    """Return what draws arrays of some shapes, away from 0, followed by other arguments."""

    def draw(random: Any, dtype: Any) -> tuple[Any, ...]:
        drawn = [random.uniform(0.3, 2.0, shape) * random.choice([-1.0, 1.0], shape) for shape in shapes]
        return (*[one.astype(dtype) for one in drawn], *rest)

    return draw


def affine_forward(x: Any, w: Any, b: Any) -> Any:
    return x.reshape(len(x), -1) @ w + b, (x, w, b)


def affine_backward(dout: Any, cache: Any) -> Any:
    x, w, _ = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


def affine_mean(dout: Any, cache: Any) -> Any:
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw, db / len(dout)


def affine_one_row(dout: Any, cache: Any) -> Any:
    dx, dw, _ = affine_backward(dout, cache)
    return dx, dw, dout[0]


def affine_flat(dout: Any, cache: Any) -> Any:
    _, dw, db = affine_backward(dout, cache)
    return dout @ cache[1].T, dw, db


def affine_two(dout: Any, cache: Any) -> Any:
    return affine_backward(dout, cache)[:2]


def relu_forward(x: Any) -> Any:
    return np.maximum(x, 0), x


def relu_backward(dout: Any, cache: Any) -> Any:
    return dout * (cache > 0)


def relu_in_place(dout: Any, cache: Any) -> Any:
    dout[cache <= 0] = 0
    return dout


def relu_of_upstream(dout: Any, cache: Any) -> Any:
    return np.where(dout > 0, dout, 0)


def relu_unmasked(dout: Any, cache: Any) -> Any:
    return dout + 0


def dropout_forward(x: Any, settings: Any) -> Any:
    mask = (np.random.default_rng(settings["seed"]).random(x.shape) < settings["p"]) / settings["p"]
    return x * mask.astype(x.dtype), (settings, mask.astype(x.dtype))


def dropout_backward(dout: Any, cache: Any) -> Any:
    return dout * cache[1]


def dropout_unscaled(dout: Any, cache: Any) -> Any:
    return dout * (cache[1] > 0)


def batch_norm_forward(x: Any, gamma: Any, beta: Any, settings: Any) -> Any:
    mean, variance = x.mean(axis=0), x.var(axis=0)
    settings["mean"] = 0.9 * settings.get("mean", 0.0) + 0.1 * mean
    deviation = np.sqrt(variance + 1e-5)
    normal = (x - mean) / deviation
    return gamma * normal + beta, (normal, gamma, deviation)


def batch_norm_backward(dout: Any, cache: Any) -> Any:
    normal, gamma, deviation = cache
    d = dout * gamma
    dx = (d - d.mean(axis=0) - normal * (d * normal).mean(axis=0)) / deviation
    return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)


def batch_norm_without_variance(dout: Any, cache: Any) -> Any:
    normal, gamma, deviation = cache
    d = dout * gamma
    return (d - d.mean(axis=0)) / deviation, (dout * normal).sum(axis=0), dout.sum(axis=0)


def batch_norm_alone(dout: Any, cache: Any) -> Any:
    normal, gamma, deviation = cache
    return dout * gamma / deviation, (dout * normal).sum(axis=0), dout.sum(axis=0)


def batch_norm_undivided(dout: Any, cache: Any) -> Any:
    dx, dgamma, dbeta = batch_norm_backward(dout, cache)
    return dx * cache[2], dgamma, dbeta


def embedding_forward(places: Any, w: Any) -> Any:
    return w[places], (places, w)


def embedding_backward(dout: Any, cache: Any) -> Any:
    dw = np.zeros_like(cache[1])
    np.add.at(dw, cache[0], dout)
    return dw


def embedding_overwritten(dout: Any, cache: Any) -> Any:
    dw = np.zeros_like(cache[1])
    dw[cache[0]] = dout
    return dw


def drawn_places(random: Any, dtype: Any) -> tuple[Any, ...]:
    return np.array([0, 2, 2, 3]), random.normal(size=(4, 3)).astype(dtype)


def step_forward(x: Any, h: Any, wx: Any, wh: Any, b: Any) -> Any:
    out = np.tanh(x @ wx + h @ wh + b)
    return out, (x, h, wx, wh, out)


def step_backward(dout: Any, cache: Any) -> Any:
    x, h, wx, wh, out = cache
    d = dout * (1 - out * out)
    return d @ wx.T, d @ wh.T, x.T @ d, h.T @ d, d.sum(axis=0)


def step_not_transposed(dout: Any, cache: Any) -> Any:
    dx, _, dwx, dwh, db = step_backward(dout, cache)
    return dx, (dout * (1 - cache[4] ** 2)) @ cache[3], dwx, dwh, db


def step_of_upstream_alone(dout: Any, cache: Any) -> Any:
    x, h, wx, wh, _ = cache
    return dout @ wx.T, dout @ wh.T, x.T @ dout, h.T @ dout, dout.sum(axis=0)


def gated_forward(a: Any, g: Any) -> Any:
    cell = np.tanh(a) * g
    return cell * g, cell, (a, g, cell)


def gated_backward(dout: Any, dcell: Any, cache: Any) -> Any:
    a, g, cell = cache
    dcell = dcell + dout * g
    return dcell * g * (1 - np.tanh(a) ** 2), dout * cell + dcell * np.tanh(a)


def gated_alone(dout: Any, dcell: Any, cache: Any) -> Any:
    return gated_backward(dout, 0 * dcell, cache)


_kept: list[Any] = []


def cube_forward(x: Any) -> Any:
    _kept[:] = [x]
    return x**3, None


def cube_backward(dout: Any, cache: Any) -> Any:
    return 3 * dout * _kept[0] ** 2


def window_forward(x: Any, w: Any, settings: Any) -> Any:
    padded = np.pad(x, settings["pad"])
    return np.array([padded[i : i + w.size] @ w for i in range(padded.size - w.size + 1)]), (padded, x, w, settings)


def window_backward(dout: Any, cache: Any) -> Any:
    padded, _, w, settings = cache
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, d in enumerate(dout):
        dx[i : i + w.size] += d * w
        dw += d * padded[i : i + w.size]
    return dx[settings["pad"] : -settings["pad"]], dw


def window_last_forgotten(dout: Any, cache: Any) -> Any:
    return window_backward(np.append(dout[:-1], 0).astype(dout.dtype), cache)


XWB, ONE = arrays((4, 2, 3), (6, 2), (2,)), arrays((3, 4))
NORM = arrays((5, 3), (3,), (3,), rest=({"mode": "train"},))
STEP = arrays((4, 3), (4, 2), (3, 2), (2, 2), (2,))


def pair(name: str, forward: Any, backward: Any, draw: Any, *says: str) -> Case:
    """Return the case of a pair."""
    return Case(name, forward, draw, says, (("backward", backward),))


RIGHT = [
    pair("affine", affine_forward, affine_backward, XWB),
    pair("ReLU", relu_forward, relu_backward, ONE),
    pair("dropout", dropout_forward, dropout_backward, arrays((3, 4), rest=({"p": 0.5, "seed": 3},))),
    pair("batch norm", batch_norm_forward, batch_norm_backward, NORM),
    pair("embedding", embedding_forward, embedding_backward, drawn_places),
    pair("recurrent step", step_forward, step_backward, STEP),
    pair("two outputs", gated_forward, gated_backward, arrays((3, 4), (3, 4))),
    pair("window", window_forward, window_backward, arrays((6,), (3,), rest=({"pad": 1},))),
]

WRONG = [
    pair("affine, mean for sum", affine_forward, affine_mean, XWB, "of b is off by a factor of 0.25"),
    pair("affine, bias of one row", affine_forward, affine_one_row, XWB, "counts only some of the outputs"),
    pair("affine, not reshaped", affine_forward, affine_flat, XWB, "of x has the wrong shape"),
    pair("affine, a gradient too few", affine_forward, affine_two, XWB, "2 gradients for 3"),
    pair("ReLU that writes into dout", relu_forward, relu_in_place, ONE, "the gradient that it was given"),
    pair("ReLU, mask of dout", relu_forward, relu_of_upstream, ONE, "not linear in the upstream gradient"),
    pair("ReLU without its mask", relu_forward, relu_unmasked, ONE, "missing its mask"),
    pair(
        "dropout, not scaled",
        dropout_forward,
        dropout_unscaled,
        arrays((3, 4), rest=({"p": 0.5, "seed": 3},)),
        "off by a factor of 0.5",
    ),
    pair("batch norm, no variance", batch_norm_forward, batch_norm_without_variance, NORM, "of x misses a term"),
    pair("batch norm, each alone", batch_norm_forward, batch_norm_alone, NORM, "of x treats each element alone"),
    pair("batch norm, not divided", batch_norm_forward, batch_norm_undivided, NORM, "standard deviation"),
    pair("embedding, = for +=", embedding_forward, embedding_overwritten, drawn_places, "= where += belongs"),
    pair("recurrent step, not transposed", step_forward, step_not_transposed, STEP, "takes wh transposed"),
    pair("recurrent step, tanh forgotten", step_forward, step_of_upstream_alone, STEP, "misses"),
    pair("two outputs, one forgotten", gated_forward, gated_alone, arrays((3, 4), (3, 4)), "counts output 0 only"),
    pair("kept in the module", cube_forward, cube_backward, ONE, "in the module"),
    pair(
        "window, last one forgotten",
        window_forward,
        window_last_forgotten,
        arrays((6,), (3,), rest=({"pad": 1},)),
        "counts only some of the outputs",
        "only at index",
    ),
]

FLOATS = (np.float64, np.float32)
