"""Steps of recurrent networks, and sequences of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gates import Gate
from tests.benchmarks.layers.layer import TWO, Layer, Typed, in_each, normal


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


class RNNStep(Typed):
    """h = tanh(x Wx + h_prev Wh + b)."""

    def forward(self, x: Any, h_prev: Any, Wx: Any, Wh: Any, b: Any) -> Any:
        x, h_prev, Wx, Wh, b = self.cast(x, h_prev, Wx, Wh, b)
        a = x @ Wx + h_prev @ Wh + b
        h = np.tanh(a)
        self.cache = x, h_prev, Wx, Wh, a, h
        return h

    def backward(self, dh: Any) -> Any:
        x, h_prev, Wx, Wh, _, h = self.cache
        da = dh * (1 - h**2)
        return [da @ Wx.T, da @ Wh.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)]


class RNNStepOfInput(RNNStep):
    def backward(self, dh: Any) -> Any:
        x, h_prev, Wx, Wh, a, _ = self.cache
        da = dh * (1 - a**2)
        return [da @ Wx.T, da @ Wh.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)]


class RNNStepSwapped(RNNStep):
    def backward(self, dh: Any) -> Any:
        x, h_prev, Wx, Wh, _, h = self.cache
        da = dh * (1 - h**2)
        return [da @ Wx.T, da @ Wh.T, h_prev.T @ da, x.T @ da, da.sum(axis=0)]


class RNNStepFirst(RNNStep):
    def backward(self, dh: Any) -> Any:
        x, h_prev, Wx, _, _, h = self.cache
        da = dh * (1 - h**2)
        return [da @ Wx.T, None, x.T @ da, h_prev.T @ da, da.sum(axis=0)]  # as if it were the first step


class LSTMStep(Typed):
    """The next h and c, the gates' weights side by side: input, forget, output, candidate."""

    outputs = 2

    def forward(self, x: Any, h_prev: Any, c_prev: Any, Wx: Any, Wh: Any, b: Any) -> Any:
        x, h_prev, c_prev, Wx, Wh, b = self.cast(x, h_prev, c_prev, Wx, Wh, b)
        ai, af, ao, ag = np.split(x @ Wx + h_prev @ Wh + b, 4, axis=1)
        i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
        c = f * c_prev + i * g
        self.cache = x, h_prev, c_prev, Wx, Wh, i, f, o, g, c
        return [o * np.tanh(c), c]

    def gradient_of_c(self, dh: Any, dc: Any) -> Any:
        """Return the gradient of the new c from both paths."""
        *_, o, _, c = self.cache
        return dc + dh * o * (1 - np.tanh(c) ** 2)

    def backward(self, dh: Any, dc: Any) -> Any:
        x, h_prev, c_prev, Wx, Wh, i, f, o, g, c = self.cache
        dc = self.gradient_of_c(dh, dc)
        di, df, do, dg = dc * g, dc * c_prev, dh * np.tanh(c), dc * i
        da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
        return [da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, h_prev.T @ da, da.sum(axis=0)]


class LSTMStepMisplacedBracket(LSTMStep):
    def gradient_of_c(self, dh: Any, dc: Any) -> Any:
        *_, o, _, c = self.cache
        return (dc + dh * o) * (1 - np.tanh(c) ** 2)


class LSTMStepForgetting(LSTMStep):
    def backward(self, dh: Any, dc: Any) -> Any:
        dx, dh_prev, dc_prev, dWx, dWh, db = super().backward(dh, dc)
        return [dx, dh_prev, np.zeros_like(dc_prev), dWx, dWh, db]


class LSTMColumns(Gate):
    """The next h and c of examples in columns, with weights and biases for each gate."""

    outputs = 2

    def forward(
        self, x: Any, h: Any, c: Any, Wf: Any, bf: Any, Wi: Any, bi: Any, Wc: Any, bc: Any, Wo: Any, bo: Any
    ) -> Any:
        both = np.vstack([h, x])
        f, i, o = sigmoid(Wf @ both + bf), sigmoid(Wi @ both + bi), sigmoid(Wo @ both + bo)
        g = np.tanh(Wc @ both + bc)
        new = f * c + i * g
        self.cache = both, c, (Wf, Wi, Wc, Wo), f, i, g, o, np.tanh(new)
        return [o * np.tanh(new), new]

    def before_gates(self, dh: Any, dnew: Any) -> Any:
        """Return the gradients before the nonlinearities of f, i, g and o, and that of c."""
        _, c, _, f, i, g, o, t = self.cache
        dnew = dnew + dh * o * (1 - t**2)
        return (dnew * c * f * (1 - f), dnew * g * i * (1 - i), dnew * i * (1 - g**2), dh * t * o * (1 - o)), dnew * f

    def gradient_of_bias(self, da: Any) -> Any:
        """Return the gradient of a bias, a column."""
        return da.sum(axis=1, keepdims=True)

    def backward(self, dh: Any, dnew: Any) -> Any:
        both, c, weights, *_ = self.cache
        before, dc = self.before_gates(dh, dnew)
        dboth = sum(W.T @ da for W, da in zip(weights, before))
        pairs = [gradient for da in before for gradient in (da @ both.T, self.gradient_of_bias(da))]
        return [dboth[len(c) :], dboth[: len(c)], dc, *pairs]


class LSTMColumnsFlatBias(LSTMColumns):
    def gradient_of_bias(self, da: Any) -> Any:
        return da.sum(axis=1)


class LSTMColumnsMisspelt(LSTMColumns):
    def gradient_of_bias(self, da: Any) -> Any:
        return da.sum(axis=1, keep_dims=True)


class GRUStep(Typed):
    """The next h, with the weights of update, reset and candidate side by side."""

    def forward(self, x: Any, h_prev: Any, Wx: Any, Wh: Any, b: Any) -> Any:
        x, h_prev, Wx, Wh, b = self.cast(x, h_prev, Wx, Wh, b)
        (az, ar, an), (uz, ur, un) = np.split(x @ Wx + b, 3, axis=1), np.split(h_prev @ Wh, 3, axis=1)
        z, r = sigmoid(az + uz), sigmoid(ar + ur)
        n = np.tanh(an + r * un)
        self.cache = x, h_prev, Wx, Wh, z, r, n, un
        return (1 - z) * n + z * h_prev

    def backward(self, dh: Any) -> Any:
        x, h_prev, Wx, Wh, z, r, n, un = self.cache
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h_prev - n) * z * (1 - z)
        dr = dn * un * r * (1 - r)
        da, du = np.hstack([dz, dr, dn]), np.hstack([dz, dr, dn * r])
        return [da @ Wx.T, du @ Wh.T + dh * z, x.T @ da, h_prev.T @ du, da.sum(axis=0)]


class GRUStepWithoutReset(GRUStep):
    def backward(self, dh: Any) -> Any:
        x, h_prev, Wx, Wh, z, r, n, un = self.cache
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h_prev - n) * z * (1 - z)
        dr = dn * un * r * (1 - r)
        da = np.hstack([dz, dr, dn])
        return [da @ Wx.T, da @ Wh.T + dh * z, x.T @ da, h_prev.T @ da, da.sum(axis=0)]


STEP = normal((3, 2), (3, 2), (2, 2), (2, 2), (2,))
SEQUENCE = normal((2, 4, 2), (2, 3), (2, 3), (3, 3), (3,))
LSTM = normal((2, 2), (2, 3), (2, 3), (2, 12), (3, 12), (12,))
COLUMNS = normal((2, 3), (2, 3), (2, 3), *[(2, 4), (2, 1)] * 4)
GRU = normal((3, 2), (3, 2), (2, 6), (2, 6), (6,))

RECURRENT = [
    *in_each(TWO, "RNN step", RNNStep, STEP),
    *in_each(TWO, "LSTM step", LSTMStep, LSTM),
    *in_each(TWO, "GRU step", GRUStep, GRU),
    Layer("LSTM step in columns", LSTMColumns, COLUMNS),
    Layer(
        "RNN step, 1 - a^2",
        RNNStepOfInput,
        normal(*[(2, 2)] * 4, (2,), scale=0.7),
        "exchanged",
        ("x", "h_prev", "Wx", "Wh", "b"),
    ),
    Layer(
        "RNN step, dWx and dWh swapped",
        partial(RNNStepSwapped, "float32"),
        STEP,
        "swapped",
        ("Wx", "Wh"),
        "",
        "float32",
    ),
    Layer("RNN step, no gradient of the state", RNNStepFirst, STEP, "none", ("h_prev",)),
    Layer(
        "LSTM step, misplaced bracket",
        LSTMStepMisplacedBracket,
        LSTM,
        "no pattern",
        ("x", "h_prev", "c_prev", "Wx", "Wh", "b"),
    ),
    Layer("LSTM step, c_prev forgotten", LSTMStepForgetting, LSTM, "zero", ("c_prev",)),
    Layer("LSTM step in columns, biases flat", LSTMColumnsFlatBias, COLUMNS, "shape", ("bf", "bi", "bc", "bo")),
    Layer("LSTM step in columns, keep_dims", LSTMColumnsMisspelt, COLUMNS, "raises", (), "keep_dims"),
    Layer("GRU step without reset", GRUStepWithoutReset, GRU, "no pattern", ("h_prev", "Wh")),
]
