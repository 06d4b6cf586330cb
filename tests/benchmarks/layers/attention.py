"""Attention, and what tells it the positions."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from gates import Gate
from tests.benchmarks.layers.layer import THREE, Layer, Typed, in_each, normal
from tests.benchmarks.layers.normalization import softmax


class Attention(Typed):
    """softmax(q k^T / sqrt(d)) v."""

    def forward(self, q: Any, k: Any, v: Any) -> Any:
        q, k, v = self.cast(q, k, v)
        p = softmax(q @ k.T / math.sqrt(q.shape[1]))
        self.cache = q, k, v, p
        return p @ v

    def backward(self, dz: Any) -> Any:
        q, k, v, p = self.cache
        dp = dz @ v.T
        ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / math.sqrt(q.shape[1])
        return [ds @ k, ds.T @ q, p.T @ dz]


class AttentionUnscaled(Attention):
    def backward(self, dz: Any) -> Any:
        q, k, v, p = self.cache
        dp = dz @ v.T
        ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
        return [ds @ k, ds.T @ q, p.T @ dz]


class AttentionFixedPattern(Attention):
    def backward(self, dz: Any) -> Any:
        q, k, v, p = self.cache
        dv, dp = p.T @ dz, 0
        if self.wanted[2]:
            dp = dz @ v.T
            dp = dp - (dp * p).sum(axis=1, keepdims=True)
        ds = p * dp / math.sqrt(q.shape[1])
        return [ds @ k, ds.T @ q, dv]


class CausalAttention(Gate):
    """Attention to oneself and to what came before."""

    def forward(self, q: Any, k: Any, v: Any) -> Any:
        self.mask = np.tril(np.ones((len(q), len(k)), bool))
        p = softmax(np.where(self.mask, q @ k.T / math.sqrt(q.shape[1]), -1e9))
        self.cache = q, k, v, p
        return p @ v

    def backward(self, dz: Any) -> Any:
        q, k, v, p = self.cache
        dp = dz @ v.T
        ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / math.sqrt(q.shape[1])
        return [ds @ k, ds.T @ q, p.T @ dz]


class CausalAttentionRecomputed(CausalAttention):
    def backward(self, dz: Any) -> Any:
        q, k, v, _ = self.cache
        p = softmax(q @ k.T / math.sqrt(q.shape[1]))  # without the mask
        dp = dz @ v.T
        ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / math.sqrt(q.shape[1])
        return [ds @ k, ds.T @ q, p.T @ dz]


THREE_OF_4 = normal((3, 4), (3, 4), (3, 4))

ATTENTION = [
    *in_each(THREE, "attention", Attention, normal((3, 4), (5, 4), (5, 2))),
    Layer("causal attention", CausalAttention, THREE_OF_4),
    Layer("attention, not scaled", AttentionUnscaled, THREE_OF_4, "factor", ("q", "k"), "2"),
    Layer(
        "attention, not scaled, float32",
        partial(AttentionUnscaled, "float32"),
        THREE_OF_4,
        "factor",
        ("q", "k"),
        "2",
        "float32",
    ),
    Layer("attention, dp for v alone", AttentionFixedPattern, THREE_OF_4, "only some", ("q", "k")),
    Layer("causal attention, recomputed unmasked", CausalAttentionRecomputed, THREE_OF_4, "mask", ("q", "k", "v")),
]
