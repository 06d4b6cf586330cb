"""Recurrent steps and attention."""

from typing import Any

import numpy as np

from tests.layers.layer import Cast, Layer, half, normal, right, single, wrong


def sigmoid(x: Any) -> Any:
    """Return the sigmoid."""
    return 1 / (1 + np.exp(-x))


class RnnStep(Cast):
    """h = tanh(x wx + h wh + b)."""

    def forward(self, x: Any, h: Any, wx: Any, wh: Any, b: Any) -> Any:
        self.x, self.h, self.wx, self.wh, b = self.cast(x, h, wx, wh, b)
        self.y = np.tanh(self.x @ self.wx + self.h @ self.wh + b)
        return self.y

    def backward(self, dy: Any) -> list[Any]:
        da = dy * (1 - self.y**2)
        return [da @ self.wx.T, da @ self.wh.T, self.x.T @ da, self.h.T @ da, da.sum(axis=0)]


class RnnStepUnsquared(RnnStep):
    def backward(self, dy: Any) -> list[Any]:
        da = dy * (1 - self.y)
        return [da @ self.wx.T, da @ self.wh.T, self.x.T @ da, self.h.T @ da, da.sum(axis=0)]


class RnnStepSwapped(RnnStep):
    def backward(self, dy: Any) -> list[Any]:
        da = dy * (1 - self.y**2)
        return [da @ self.wh.T, da @ self.wx.T, self.h.T @ da, self.x.T @ da, da.sum(axis=0)]


class LstmStep(Cast):
    """A step of an LSTM, with a matrix for each gate: its outputs are h and c."""

    outputs = 2

    def forward(self, x: Any, c: Any, wf: Any, wi: Any, wg: Any, wo: Any, bf: Any) -> Any:
        self.x, self.c, self.wf, self.wi, self.wg, self.wo, bf = self.cast(x, c, wf, wi, wg, wo, bf)
        self.f, self.i = sigmoid(self.x @ self.wf + bf), sigmoid(self.x @ self.wi)
        self.g, self.o = np.tanh(self.x @ self.wg), sigmoid(self.x @ self.wo)
        self.next = self.f * self.c + self.i * self.g
        self.t = np.tanh(self.next)
        return [self.o * self.t, self.next]

    def backward(self, dh: Any, dc: Any) -> list[Any]:
        dc = dc + dh * self.o * (1 - self.t**2)
        return self.into_gates(dc, dh)

    def into_gates(self, dc: Any, dh: Any) -> list[Any]:
        df, di = dc * self.c * self.f * (1 - self.f), dc * self.g * self.i * (1 - self.i)
        dg, do = dc * self.i * (1 - self.g**2), dh * self.t * self.o * (1 - self.o)
        dx = df @ self.wf.T + di @ self.wi.T + dg @ self.wg.T + do @ self.wo.T
        return [dx, dc * self.f, self.x.T @ df, self.x.T @ di, self.x.T @ dg, self.x.T @ do, df.sum(axis=0)]


class LstmStepWithoutH(LstmStep):
    def backward(self, dh: Any, dc: Any) -> list[Any]:
        return self.into_gates(dc, dh)


class LstmStepBracket(LstmStep):
    def into_gates(self, dc: Any, dh: Any) -> list[Any]:
        df = dc * self.c * self.f * 1 - self.f
        right = super().into_gates(dc, dh)
        whole = dc * self.c * self.f * (1 - self.f)
        return [right[0] + (df - whole) @ self.wf.T, right[1], self.x.T @ df, *right[3:6], df.sum(axis=0)]


class GruStep(Cast):
    """h' = (1 - z) h + z n, for given z and n."""

    def forward(self, h: Any, z: Any, n: Any) -> Any:
        self.h, self.z, self.n = self.cast(h, z, n)
        return (1 - self.z) * self.h + self.z * self.n

    def backward(self, dy: Any) -> list[Any]:
        return [dy * (1 - self.z), dy * (self.n - self.h), dy * self.z]


class GruStepSign(GruStep):
    def backward(self, dy: Any) -> list[Any]:
        return [dy * (1 - self.z), dy * (self.h - self.n), dy * self.z]


class Attention(Cast):
    """softmax(q k / sqrt(d)) v."""

    def forward(self, q: Any, k: Any, v: Any) -> Any:
        self.q, self.k, self.v = self.cast(q, k, v)
        self.scale = self.dtype(1 / np.sqrt(self.q.shape[-1]))
        s = self.q @ self.k.T * self.scale
        e = np.exp(s - s.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p @ self.v

    def backward(self, dy: Any) -> list[Any]:
        ds = self.into_scores(dy @ self.v.T)
        return [ds @ self.k * self.scale, ds.T @ self.q * self.scale, self.p.T @ dy]

    def into_scores(self, dp: Any) -> Any:
        return self.p * (dp - (dp * self.p).sum(axis=1, keepdims=True))


class AttentionDiagonal(Attention):
    def into_scores(self, dp: Any) -> Any:
        return dp * self.p * (1 - self.p)


class AttentionUnscaled(Attention):
    def backward(self, dy: Any) -> list[Any]:
        ds = self.into_scores(dy @ self.v.T)
        return [ds @ self.k, ds.T @ self.q, self.p.T @ dy]


class AttentionNotTransposed(Attention):
    def backward(self, dy: Any) -> list[Any]:
        dq, dk, _ = super().backward(dy)
        return [dq, dk, self.p @ dy]


class AttentionHalfScaled(Attention):
    def backward(self, dy: Any) -> list[Any]:
        dq, dk, dv = super().backward(dy)
        return [dq, dk * self.scale, dv]


STEP = normal((2, 3), (2, 3), (3, 3), (3, 3), (3,))
LSTM = normal((2, 3), (2, 3), (3, 3), (3, 3), (3, 3), (3, 3), (3,))
QKV = normal((3, 4), (3, 4), (3, 2))

LAYERS: list[Layer] = [
    right("RNN step", RnnStep, STEP),
    right("RNN step in float32", single(RnnStep), STEP),
    right("RNN step in float16", half(RnnStep), STEP),
    right("LSTM step", LstmStep, LSTM),
    right("LSTM step in float32", single(LstmStep), LSTM),
    right("GRU step", GruStep, normal((4,), (4,), (4,))),
    right("attention", Attention, QKV),
    right("attention in float32", single(Attention), QKV),
    right("attention in float16", half(Attention), QKV),
    wrong("RNN step, 1 - y", RnnStepUnsquared, STEP, "x h wx wh b", "no simple pattern"),
    wrong("RNN step, swapped", RnnStepSwapped, STEP, "x h wx wh", "swapped"),
    wrong(
        "LSTM step, h left out of c",
        LstmStepWithoutH,
        LSTM,
        "x c wf wi wg bf",
        "wrong: x, c, wf, wi, wg, bf; right: wo",
        "output",
    ),
    wrong("LSTM step, a bracket", LstmStepBracket, LSTM, "x wf bf", "wrong: x, wf, bf; right: c, wi, wg, wo"),
    wrong("GRU step, sign of z", GruStepSign, normal((4,), (4,), (4,)), "z", "of z has the wrong sign"),
    wrong("attention, softmax's diagonal", AttentionDiagonal, QKV, "q k", "wrong: q, k; right: v"),
    wrong("attention, unscaled", AttentionUnscaled, QKV, "q k", "of q and of k is off by a factor of 2"),
    wrong("attention, p not transposed", AttentionNotTransposed, QKV, "v", "no simple pattern", "transposed"),
    wrong("attention, dk scaled twice", AttentionHalfScaled, QKV, "k", "of k is off by a factor of 0.5 (1/2)"),
    wrong(
        "attention in float32, unscaled", single(AttentionUnscaled), QKV, "q k", "of q and of k is off by a factor of 2"
    ),
    wrong(
        "GRU step in float16, sign of z", half(GruStepSign), normal((4,), (4,), (4,)), "z", "of z has the wrong sign"
    ),
]
