"""Layers as in the assignments of a course: forward returns (out, cache), backward takes (dout, cache)."""

# ruff: noqa: RUF059, students unpack all of the cache

from __future__ import annotations

from typing import Any

import numpy as np

from tests.adapters.case import Case

# ---------------------------------------------------------------------------------------------------- right layers


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1) @ w + b
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, cache):
    return dout * (cache > 0)


def leaky_relu_forward(x, alpha):
    return np.where(x > 0, x, alpha * x), (x, alpha)


def leaky_relu_backward(dout, cache):
    x, alpha = cache
    return np.where(x > 0, dout, alpha * dout)


def sigmoid_forward(x):
    out = 1 / (1 + np.exp(-x))
    return out, out


def sigmoid_backward(dout, cache):
    return dout * cache * (1 - cache)


def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    out = x
    if mode == "train":
        mask = ((np.random.rand(*x.shape) < p) / p).astype(x.dtype)
        out = x * mask
    return out, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    return dout * mask if dropout_param["mode"] == "train" else dout


def batchnorm_forward(x, gamma, beta, bn_param):
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    running_mean = bn_param.get("running_mean", np.zeros(x.shape[1], dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(x.shape[1], dtype=x.dtype))
    mean, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + x.dtype.type(eps))
    x_hat = (x - mean) / std
    bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean
    bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
    return gamma * x_hat + beta, (x, mean, std, x_hat, gamma, eps)


def batchnorm_backward(dout, cache):
    x, mean, std, x_hat, gamma, eps = cache
    n = x.shape[0]
    dx_hat = dout * gamma
    dvar = (dx_hat * (x - mean) * -0.5 / std**3).sum(axis=0)
    dmean = -(dx_hat / std).sum(axis=0)
    dx = dx_hat / std + dvar * 2 * (x - mean) / n + dmean / n
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    std = np.sqrt(var + x.dtype.type(eps))
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache
    d = x_hat.shape[1]
    dx_hat = dout * gamma
    dx = dx_hat - dx_hat.sum(axis=1, keepdims=True) / d - x_hat * (dx_hat * x_hat).sum(axis=1, keepdims=True) / d
    return dx / std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    n, _, height, width = x.shape
    f, _, hh, ww = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    h_out, w_out = 1 + (height + 2 * pad - hh) // stride, 1 + (width + 2 * pad - ww) // stride
    out = np.zeros((n, f, h_out, w_out), dtype=x.dtype)
    for i in range(n):
        for k in range(f):
            for r in range(h_out):
                for c in range(w_out):
                    window = x_pad[i, :, r * stride : r * stride + hh, c * stride : c * stride + ww]
                    out[i, k, r, c] = np.sum(window * w[k]) + b[k]
    return out, (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    hh, ww = w.shape[2:]
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad, dw = np.zeros_like(x_pad), np.zeros_like(w)
    for i, k, r, c in np.ndindex(dout.shape):
        rows, columns = slice(r * stride, r * stride + hh), slice(c * stride, c * stride + ww)
        dx_pad[i, :, rows, columns] += w[k] * dout[i, k, r, c]
        dw[k] += x_pad[i, :, rows, columns] * dout[i, k, r, c]
    dx = dx_pad[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]]
    return dx, dw, dout.sum(axis=(0, 2, 3))


def max_pool_forward_naive(x, pool_param):
    height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    n, channels, h, w = x.shape
    out = np.zeros((n, channels, 1 + (h - height) // stride, 1 + (w - width) // stride), dtype=x.dtype)
    for r in range(out.shape[2]):
        for c in range(out.shape[3]):
            window = x[:, :, r * stride : r * stride + height, c * stride : c * stride + width]
            out[:, :, r, c] = window.max(axis=(2, 3))
    return out, (x, pool_param)


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for i, k, r, c in np.ndindex(dout.shape):
        rows, columns = slice(r * stride, r * stride + height), slice(c * stride, c * stride + width)
        window = x[i, k, rows, columns]
        dx[i, k, rows, columns] += (window == window.max()) * dout[i, k, r, c]
    return dx


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    ai, af, ao, ag = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tanh_c = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)
    dai, daf = dc * g * i * (1 - i), dc * prev_c * f * (1 - f)
    dao, dag = dnext_h * tanh_c * o * (1 - o), dc * i * (1 - g**2)
    da = np.hstack((dai, daf, dao, dag))
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def word_embedding_forward(x, W):
    return W[x], (x, W)


def word_embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    np.add.at(dW, x, dout)
    return dW


def temporal_affine_forward(x, w, b):
    n, t, d = x.shape
    return (x.reshape(n * t, d) @ w).reshape(n, t, -1) + b, (x, w)


def temporal_affine_backward(dout, cache):
    x, w = cache
    n, t, d = x.shape
    flat = dout.reshape(n * t, -1)
    return (flat @ w.T).reshape(n, t, d), x.reshape(n * t, d).T @ flat, dout.sum(axis=(0, 1))


def svm_forward(x, y):
    rows = np.arange(len(x))
    margins = np.maximum(0, x - x[rows, y][:, None] + 1)
    margins[rows, y] = 0
    return margins.sum() / len(x), (margins, y)


def svm_backward(dout, cache):
    margins, y = cache
    dx = (margins > 0).astype(margins.dtype)
    dx[np.arange(len(y)), y] -= (margins > 0).sum(axis=1)
    return dout * dx / len(y)


def softmax_forward(x, y):
    shifted = x - x.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_probs[np.arange(len(x)), y].mean(), (np.exp(log_probs), y)


def softmax_backward(dout, cache):
    probs, y = cache
    dx = probs.copy()
    dx[np.arange(len(y)), y] -= 1
    return dout * dx / len(y)


# --------------------------------------------------------------------------------------------------------- arguments


def normal(*shapes):
    """Return a draw of arrays of these shapes."""

    def draw(random, dtype):
        return tuple(random.normal(size=shape).astype(dtype) for shape in shapes)

    return draw


def with_settings(draw_arrays, **settings):
    """Return a draw of arrays and, last, a dictionary."""
    return lambda random, dtype: (*draw_arrays(random, dtype), dict(settings))


def draw_words(random, dtype):
    return np.array([[0, 2, 1, 2], [4, 2, 0, 3], [1, 1, 0, 2]]), random.normal(size=(5, 2)).astype(dtype)


def draw_scores(random, dtype):
    return random.normal(size=(5, 4)).astype(dtype), random.integers(0, 4, size=5)


affine = normal((4, 2, 3), (6, 5), (5,))
square_affine = normal((4, 5), (5, 5), (5,))
batch = with_settings(normal((6, 4), (4,), (4,)), mode="train")
conv = with_settings(normal((2, 3, 5, 4), (2, 3, 3, 3), (2,)), stride=1, pad=1)
pool = with_settings(normal((2, 3, 4, 6)), pool_height=2, pool_width=2, stride=2)
overlapping_pool = with_settings(normal((2, 2, 5, 5)), pool_height=3, pool_width=3, stride=1)
dropout = with_settings(normal((4, 5)), mode="train", p=0.6, seed=231)
rnn = normal((3, 4), (3, 5), (4, 5), (5, 5), (5,))
square_rnn = normal((3, 4), (3, 4), (4, 4), (4, 4), (4,))
lstm = normal((3, 2), (3, 4), (3, 4), (2, 16), (4, 16), (16,))

# -------------------------------------------------------------------------------------------------------- mistakes


def affine_mean_backward(dout, cache):
    dx, dw, _ = affine_backward(dout, cache)
    return dx, dw, np.mean(dout, axis=0)


def affine_w_not_transposed_backward(dout, cache):
    x, w, b = cache
    return dout.dot(w).reshape(x.shape), x.reshape(x.shape[0], -1).T.dot(dout), dout.sum(axis=0)


def affine_dw_turned_backward(dout, cache):
    x, w, b = cache
    return dout.dot(w.T).reshape(x.shape), dout.T.dot(x.reshape(x.shape[0], -1)), dout.sum(axis=0)


def affine_axis_backward(dout, cache):
    dx, dw, _ = affine_backward(dout, cache)
    return dx, dw, np.sum(dout, axis=1)


def affine_keepdims_backward(dout, cache):
    dx, dw, _ = affine_backward(dout, cache)
    return dx, dw, np.sum(dout, axis=0, keepdims=True)


def affine_flat_backward(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.reshape(x.shape[0], -1).T @ dout, dout.sum(axis=0)


def affine_order_backward(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dw, dx, db


def affine_no_db_backward(dout, cache):
    return affine_backward(dout, cache)[:2]


def relu_no_mask_backward(dout, cache):
    return dout


def relu_of_dout_backward(dout, cache):
    return np.maximum(dout, 0)


def relu_inverted_backward(dout, cache):
    x = cache
    dx = dout.copy()
    dx[x > 0] = 0
    return dx


def relu_in_place_backward(dout, cache):
    x = cache
    dout[x <= 0] = 0
    return dout


def relu_in_place_forward(x):
    x[x < 0] = 0
    return x, x


def sigmoid_wrong_cache_forward(x):
    return 1 / (1 + np.exp(-x)), x


def sigmoid_no_dout_backward(dout, cache):
    return cache * (1 - cache)


def dropout_no_mask_backward(dout, cache):
    return dout


def dropout_no_scale_backward(dout, cache):
    dropout_param, mask = cache
    return dout * (mask > 0)


def dropout_scaled_twice_backward(dout, cache):
    dropout_param, mask = cache
    return dout * mask / dropout_param["p"]


def dropout_new_mask_backward(dout, cache):
    dropout_param, mask = cache
    p = dropout_param["p"]
    return dout * (np.random.rand(*dout.shape) < p) / p


def batchnorm_no_statistics_backward(dout, cache):
    x, mean, std, x_hat, gamma, eps = cache
    return dout * gamma / std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def batchnorm_no_variance_backward(dout, cache):
    x, mean, std, x_hat, gamma, eps = cache
    dx_hat = dout * gamma
    dmean = -(dx_hat / std).sum(axis=0)
    return dx_hat / std + dmean / len(x), (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def batchnorm_mean_not_divided_backward(dout, cache):
    x, mean, std, x_hat, gamma, eps = cache
    dx_hat = dout * gamma
    dvar = (dx_hat * (x - mean) * -0.5 / std**3).sum(axis=0)
    dmean = -(dx_hat / std).sum(axis=0)
    return dx_hat / std + dvar * 2 * (x - mean) / len(x) + dmean, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def batchnorm_no_gamma_backward(dout, cache):
    x, mean, std, x_hat, gamma, eps = cache
    return batchnorm_backward(dout, (x, mean, std, x_hat, np.ones_like(gamma), eps))


def batchnorm_gamma_of_x_backward(dout, cache):
    x, mean, std, x_hat, gamma, eps = cache
    dx, _, dbeta = batchnorm_backward(dout, cache)
    return dx, np.sum(dout * x, axis=0), dbeta


def batchnorm_swapped_backward(dout, cache):
    dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    return dx, dbeta, dgamma


def layernorm_copied_backward(dout, cache):
    x_hat, std, gamma = cache
    n = len(x_hat)
    dx_hat = dout * gamma
    dx = dx_hat - dx_hat.sum(axis=0) / n - x_hat * (dx_hat * x_hat).sum(axis=0) / n
    return dx / std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def layernorm_factor_backward(dout, cache):
    dx, dgamma, dbeta = layernorm_backward(dout, cache)
    return dx / dout.shape[0], dgamma, dbeta


def conv_assigns_backward(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    _, dw, db = conv_backward_naive(dout, cache)
    dx_pad = np.pad(np.zeros_like(x), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    for i, k, r, c in np.ndindex(dout.shape):
        rows = slice(r * stride, r * stride + w.shape[2])
        dx_pad[i, :, rows, c * stride : c * stride + w.shape[3]] = w[k] * dout[i, k, r, c]
    return dx_pad[:, :, pad:-pad, pad:-pad], dw, db


def conv_border_backward(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    _, dw, db = conv_backward_naive(dout, cache)
    dx_pad = np.pad(np.zeros_like(x), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    for i, k, r, c in np.ndindex(dout.shape):
        rows = slice(r * stride, r * stride + w.shape[2])
        dx_pad[i, :, rows, c * stride : c * stride + w.shape[3]] += w[k] * dout[i, k, r, c]
    return dx_pad[:, :, : x.shape[2], : x.shape[3]], dw, db


def conv_not_cropped_backward(dout, cache):
    x, w, b, conv_param = cache
    pad = conv_param["pad"]
    dx, dw, db = conv_backward_naive(dout, cache)
    return np.pad(dx, ((0, 0), (0, 0), (pad, pad), (pad, pad))), dw, db


def conv_flipped_backward(dout, cache):
    x, w, b, conv_param = cache
    dx, dw, db = conv_backward_naive(dout, cache)
    return dx, dw[:, :, ::-1, ::-1], db


def conv_last_image_backward(dout, cache):
    x, w, b, conv_param = cache
    pad = conv_param["pad"]
    dx, _, db = conv_backward_naive(dout, cache)
    dw = np.zeros_like(w)
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    for i in range(len(x)):
        for k, r, c in np.ndindex(dw.shape[0], dw.shape[2], dw.shape[3]):
            windows = x_pad[i, :, r : r + dout.shape[2], c : c + dout.shape[3]]
            dw[k, :, r, c] = (windows * dout[i, k]).sum(axis=(1, 2))
    return dx, dw, db


def pool_no_mask_backward(dout, cache):
    x, pool_param = cache
    height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for i, k, r, c in np.ndindex(dout.shape):
        dx[i, k, r * stride : r * stride + height, c * stride : c * stride + width] += dout[i, k, r, c]
    return dx


def pool_assigns_backward(dout, cache):
    x, pool_param = cache
    height, width, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    dx = np.zeros_like(x)
    for i, k, r, c in np.ndindex(dout.shape):
        window = x[i, k, r * stride : r * stride + height, c * stride : c * stride + width]
        row, column = np.unravel_index(np.argmax(window), window.shape)
        dx[i, k, r * stride + row, c * stride + column] = dout[i, k, r, c]
    return dx


def pool_first_backward(dout, cache):
    x, pool_param = cache
    stride = pool_param["stride"]
    dx = np.zeros_like(x)
    dx[:, :, ::stride, ::stride] = dout
    return dx


def rnn_no_tanh_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def rnn_swapped_backward(dnext_h, cache):
    dx, dprev_h, dWx, dWh, db = rnn_step_backward(dnext_h, cache)
    return dx, dprev_h, dWh, dWx, db


def lstm_cell_alone_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    return (
        lstm_step_backward(dnext_h, dnext_c, cache)[:2]
        + (dnext_c * f,)
        + lstm_step_backward(dnext_h, dnext_c, cache)[3:]
    )


def lstm_no_cell_backward(dnext_h, dnext_c, cache):
    return lstm_step_backward(dnext_h, np.zeros_like(dnext_c), cache)


def embedding_assigns_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    dW[x] = dout
    return dW


def embedding_adds_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    dW[x] += dout
    return dW


def temporal_affine_axis_backward(dout, cache):
    dx, dw, _ = temporal_affine_backward(dout, cache)
    return dx, dw, dout.sum(axis=0)


def temporal_affine_reshaped_backward(dout, cache):
    x, w = cache
    n, t, d = x.shape
    _, dw, db = temporal_affine_backward(dout, cache)
    return (dout.reshape(n * t, -1) @ w.T).reshape(t, n, d).transpose(1, 0, 2), dw, db


def svm_sum_backward(dout, cache):
    return svm_backward(dout, cache) * len(cache[1])


def svm_own_class_backward(dout, cache):
    margins, y = cache
    return dout * (margins > 0).astype(margins.dtype) / len(y)


def softmax_no_target_backward(dout, cache):
    probs, y = cache
    return dout * probs / len(y)


def softmax_sum_backward(dout, cache):
    probs, y = cache
    dx = probs.copy()
    dx[np.arange(len(y)), y] -= 1
    return dout * dx


def softmax_sign_backward(dout, cache):
    return -softmax_backward(dout, cache)


def softmax_cache_backward(dout, cache):
    probs, y = cache
    probs[np.arange(len(y)), y] -= 1
    return dout * probs / len(y)


def softmax_no_dout_backward(dout, cache):
    probs, y = cache
    dx = probs.copy()
    dx[np.arange(len(y)), y] -= 1
    return dx / len(y)


LAST: dict[str, Any] = {}


def tanh_global_forward(x):
    LAST["out"] = np.tanh(x)
    return LAST["out"], None


def tanh_global_backward(dout, cache):
    return dout * (1 - LAST["out"] ** 2)


def tanh_not_squared_backward(dout, cache):
    return dout * (1 - cache)


def tanh_forward(x):
    out = np.tanh(x)
    return out, out


def _case(name, forward, backward, draw, *says):
    return Case(name, forward, draw, says, (("backward", backward),))


RIGHT = [
    _case("affine", affine_forward, affine_backward, affine),
    _case("relu", relu_forward, relu_backward, normal((4, 5))),
    _case(
        "leaky relu, a number as setting",
        leaky_relu_forward,
        leaky_relu_backward,
        lambda random, dtype: (*normal((4, 5))(random, dtype), 0.1),
    ),
    _case("sigmoid", sigmoid_forward, sigmoid_backward, normal((4, 5))),
    _case("dropout", dropout_forward, dropout_backward, dropout),
    _case("dropout, test", dropout_forward, dropout_backward, with_settings(normal((4, 5)), mode="test", p=0.6)),
    _case("batchnorm", batchnorm_forward, batchnorm_backward, batch),
    _case("layernorm", layernorm_forward, layernorm_backward, with_settings(normal((3, 5), (5,), (5,)))),
    _case("conv", conv_forward_naive, conv_backward_naive, conv),
    _case("max pool", max_pool_forward_naive, max_pool_backward_naive, pool),
    _case("max pool, overlapping", max_pool_forward_naive, max_pool_backward_naive, overlapping_pool),
    _case("rnn step", rnn_step_forward, rnn_step_backward, rnn),
    _case("lstm step", lstm_step_forward, lstm_step_backward, lstm),
    _case("word embedding", word_embedding_forward, word_embedding_backward, draw_words),
    _case("temporal affine", temporal_affine_forward, temporal_affine_backward, normal((2, 3, 4), (4, 5), (5,))),
    _case("svm", svm_forward, svm_backward, draw_scores),
    _case("softmax", softmax_forward, softmax_backward, draw_scores),
]

_FACTOR, _SHAPE, _ADDS = "off by a factor of", "has the wrong shape", "= where += belongs"

WRONG = [
    _case("affine, db by mean", affine_forward, affine_mean_backward, affine, _FACTOR),
    _case(
        "affine, w not transposed",
        affine_forward,
        affine_w_not_transposed_backward,
        square_affine,
        "is transposed",
        "takes w transposed",
    ),
    _case("affine, dw turned", affine_forward, affine_dw_turned_backward, affine, _SHAPE, "is transposed"),
    _case(
        "affine, db over the wrong axis",
        affine_forward,
        affine_axis_backward,
        normal((5, 3), (3, 5), (5,)),
        "takes the upstream gradient transposed",
        "axis",
    ),
    _case("affine, db keeps its axis", affine_forward, affine_keepdims_backward, affine, _SHAPE),
    _case("affine, dx not in the shape of x", affine_forward, affine_flat_backward, affine, _SHAPE),
    _case("affine, dw before dx", affine_forward, affine_order_backward, affine, "are swapped"),
    _case("affine, no db", affine_forward, affine_no_db_backward, affine, "backward returned 2 gradients"),
    _case("relu, no mask", relu_forward, relu_no_mask_backward, normal((4, 5)), "is missing its mask"),
    _case("relu of dout", relu_forward, relu_of_dout_backward, normal((4, 5)), "is not linear in the upstream"),
    _case("relu, mask inverted", relu_forward, relu_inverted_backward, normal((4, 5)), "has its mask inverted"),
    _case(
        "relu writes into dout",
        relu_forward,
        relu_in_place_backward,
        normal((4, 5)),
        "backward modifies",
        "writes into",
    ),
    _case(
        "relu writes into x",
        relu_in_place_forward,
        relu_backward,
        normal((4, 5)),
        "forward modifies",
        "writes into",
    ),
    _case(
        "sigmoid, cache of x",
        sigmoid_wrong_cache_forward,
        sigmoid_backward,
        normal((4, 5)),
        "uses the input x where the output belongs",
    ),
    _case(
        "sigmoid, no dout",
        sigmoid_forward,
        sigmoid_no_dout_backward,
        normal((4, 5)),
        "the upstream gradient is not multiplied in",
    ),
    _case("tanh, not squared", tanh_forward, tanh_not_squared_backward, normal((4, 5)), "misses"),
    _case(
        "dropout, no mask",
        dropout_forward,
        dropout_no_mask_backward,
        dropout,
        "is missing its mask",
        "is the upstream gradient itself",
    ),
    _case("dropout, mask without 1 / p", dropout_forward, dropout_no_scale_backward, dropout, _FACTOR),
    _case("dropout, 1 / p twice", dropout_forward, dropout_scaled_twice_backward, dropout, _FACTOR),
    _case(
        "dropout, mask drawn again",
        dropout_forward,
        dropout_new_mask_backward,
        dropout,
        "a second call of backward",
        "random",
    ),
    _case(
        "batchnorm, statistics as constants",
        batchnorm_forward,
        batchnorm_no_statistics_backward,
        batch,
        "treats each element alone",
    ),
    _case("batchnorm, no dvar", batchnorm_forward, batchnorm_no_variance_backward, batch, "misses"),
    _case(
        "batchnorm, dmean not divided",
        batchnorm_forward,
        batchnorm_mean_not_divided_backward,
        batch,
        "misses a term",
        "mean",
    ),
    _case("batchnorm, no gamma", batchnorm_forward, batchnorm_no_gamma_backward, batch, "gamma"),
    _case(
        "batchnorm, dgamma of x",
        batchnorm_forward,
        batchnorm_gamma_of_x_backward,
        batch,
        "uses the input x",
        "takes x",
    ),
    _case("batchnorm, dbeta before dgamma", batchnorm_forward, batchnorm_swapped_backward, batch, "are swapped"),
    _case(
        "layernorm, axis of batchnorm",
        layernorm_forward,
        layernorm_copied_backward,
        with_settings(normal((3, 5), (5,), (5,))),
        "axis",
        "couples",
    ),
    _case(
        "layernorm, 1 / N",
        layernorm_forward,
        layernorm_factor_backward,
        with_settings(normal((3, 5), (5,), (5,))),
        _FACTOR,
    ),
    _case("conv, dx assigned", conv_forward_naive, conv_assigns_backward, conv, _ADDS),
    _case("conv, border cut at one side", conv_forward_naive, conv_border_backward, conv, "shifted by"),
    _case("conv, border not cut", conv_forward_naive, conv_not_cropped_backward, conv, _SHAPE),
    _case("conv, dw flipped", conv_forward_naive, conv_flipped_backward, conv, "reversed"),
    _case("conv, dw of the last image", conv_forward_naive, conv_last_image_backward, conv, _ADDS, "counts only some"),
    _case("max pool, no mask", max_pool_forward_naive, pool_no_mask_backward, pool, "is missing its mask"),
    _case("max pool, assigned", max_pool_forward_naive, pool_assigns_backward, overlapping_pool, _ADDS),
    _case(
        "max pool, first of the window",
        max_pool_forward_naive,
        pool_first_backward,
        pool,
        "is zero where it should not be",
        "permuted",
        "rearranged",
    ),
    _case("rnn step, no tanh", rnn_step_forward, rnn_no_tanh_backward, rnn, "misses", "passed straight through"),
    _case("rnn step, dWh before dWx", rnn_step_forward, rnn_swapped_backward, square_rnn, "are swapped"),
    _case("lstm step, dprev_c of dnext_c", lstm_step_forward, lstm_cell_alone_backward, lstm, "counts output 1 only"),
    _case("lstm step, no dnext_c", lstm_step_forward, lstm_no_cell_backward, lstm, "counts output 0 only"),
    _case("word embedding, assigned", word_embedding_forward, embedding_assigns_backward, draw_words, _ADDS),
    _case(
        "word embedding, added by index",
        word_embedding_forward,
        embedding_adds_backward,
        draw_words,
        _ADDS,
        "counts only some",
    ),
    _case(
        "temporal affine, db over one axis",
        temporal_affine_forward,
        temporal_affine_axis_backward,
        normal((2, 3, 4), (4, 5), (5,)),
        "is not summed over",
        _SHAPE,
    ),
    _case(
        "temporal affine, time before samples",
        temporal_affine_forward,
        temporal_affine_reshaped_backward,
        normal((2, 3, 4), (4, 5), (5,)),
        "permuted",
        "rearranged",
        "takes the upstream gradient transposed",
    ),
    _case("svm, sum", svm_forward, svm_sum_backward, draw_scores, _FACTOR),
    _case(
        "svm, own class forgotten",
        svm_forward,
        svm_own_class_backward,
        draw_scores,
        "is zero where it",
        "wrong only at index",
    ),
    _case(
        "softmax, target forgotten",
        softmax_forward,
        softmax_no_target_backward,
        draw_scores,
        "misses",
        "wrong only at index",
    ),
    _case("softmax, sum", softmax_forward, softmax_sum_backward, draw_scores, _FACTOR),
    _case("softmax, sign", softmax_forward, softmax_sign_backward, draw_scores, "has the wrong sign"),
    _case(
        "softmax writes into the cache",
        softmax_forward,
        softmax_cache_backward,
        draw_scores,
        "a second call of backward",
        "backward modifies",
    ),
    _case(
        "softmax, no dout",
        softmax_forward,
        softmax_no_dout_backward,
        draw_scores,
        "the upstream gradient is not multiplied in",
    ),
    _case(
        "tanh, cache in a global",
        tanh_global_forward,
        tanh_global_backward,
        normal((4, 5)),
        "that of another instance",
        "what all instances share",
        "what an earlier forward kept",
    ),
]
