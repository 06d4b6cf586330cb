"""Convolutions, pooling, upsampling and padding of images (N, C, H, W) and of signals."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gates import Gate
from tests.benchmarks.layers.layer import TWO, Layer, Typed, apart, in_each, normal


def im2col(x: Any) -> Any:
    """Return the 3 x 3 windows of padded images as rows."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    columns = np.empty((n, c, 3, 3, h, w), x.dtype)
    for i in range(3):
        for j in range(3):
            columns[:, :, i, j] = padded[:, :, i : i + h, j : j + w]
    return columns.transpose(0, 4, 5, 1, 2, 3).reshape(n * h * w, -1)


def col2im(columns: Any, shape: tuple[int, ...]) -> Any:
    """Return the sums of 3 x 3 windows, given as rows, where they came from."""
    n, c, h, w = shape
    columns = columns.reshape(n, h, w, c, 3, 3).transpose(0, 3, 4, 5, 1, 2)
    padded = np.zeros((n, c, h + 2, w + 2), columns.dtype)
    for i in range(3):
        for j in range(3):
            padded[:, :, i : i + h, j : j + w] += columns[:, :, i, j]
    return padded[:, :, 1:-1, 1:-1]


class Convolution(Typed):
    """Convolution by 3 x 3 filters with padding, as one matrix product."""

    def forward(self, x: Any, w: Any, b: Any) -> Any:
        x, w, b = self.cast(x, w, b)
        col = im2col(x)
        self.cache = x, w, col
        out = col @ w.reshape(len(w), -1).T + b
        return out.reshape(len(x), *x.shape[2:], len(w)).transpose(0, 3, 1, 2)

    def backward(self, dz: Any) -> Any:
        x, w, col = self.cache
        dout = dz.transpose(0, 2, 3, 1).reshape(-1, len(w))
        return [col2im(dout @ w.reshape(len(w), -1), x.shape), (dout.T @ col).reshape(w.shape), dout.sum(axis=0)]


class ConvolutionOfOldColumns(Convolution):
    col: Any = None

    def forward(self, x: Any, w: Any, b: Any) -> Any:
        out = super().forward(x, w, b)
        if self.col is None or len(self.col) != len(self.cache[2]):
            self.col = self.cache[2]
        return out

    def backward(self, dz: Any) -> Any:
        x, w, _ = self.cache
        dout = dz.transpose(0, 2, 3, 1).reshape(-1, len(w))
        return [col2im(dout @ w.reshape(len(w), -1), x.shape), (dout.T @ self.col).reshape(w.shape), dout.sum(axis=0)]


class NaiveConvolution(Gate):
    """Convolution without padding, window by window."""

    def forward(self, x: Any, w: Any, b: Any) -> Any:
        self.cache = x, w
        n, k = len(x), w.shape[2]
        out = np.zeros((n, len(w), x.shape[2] - k + 1, x.shape[3] - k + 1))
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                out[:, :, i, j] = np.einsum("nckl,fckl->nf", x[:, :, i : i + k, j : j + k], w) + b
        return out

    def backward(self, dz: Any) -> Any:
        x, w = self.cache
        k = w.shape[2]
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for i in range(dz.shape[2]):
            for j in range(dz.shape[3]):
                dx[:, :, i : i + k, j : j + k] += np.einsum("nf,fckl->nckl", dz[:, :, i, j], w)
                dw += np.einsum("nf,nckl->fckl", dz[:, :, i, j], x[:, :, i : i + k, j : j + k])
        return [dx, dw, dz.sum(axis=(0, 2, 3))]


class NaiveConvolutionOverwritten(NaiveConvolution):
    def backward(self, dz: Any) -> Any:
        x, w = self.cache
        k = w.shape[2]
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for i in range(dz.shape[2]):
            for j in range(dz.shape[3]):
                dx[:, :, i : i + k, j : j + k] = np.einsum("nf,fckl->nckl", dz[:, :, i, j], w)
                dw += np.einsum("nf,nckl->fckl", dz[:, :, i, j], x[:, :, i : i + k, j : j + k])
        return [dx, dw, dz.sum(axis=(0, 2, 3))]


class NaiveConvolutionFlipped(NaiveConvolution):
    def backward(self, dz: Any) -> Any:
        dx, dw, db = super().backward(dz)
        return [dx, dw[:, :, ::-1, ::-1], db]


class MaxPool(Typed):
    """The largest of each 2 x 2 block."""

    def forward(self, x: Any) -> Any:
        (x,) = self.cast(x)
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
        out = blocks.max(axis=(3, 5))
        self.cache = x.shape, blocks == out[:, :, :, None, :, None]
        return out

    def backward(self, dz: Any) -> Any:
        shape, mask = self.cache
        return [(mask * dz[:, :, :, None, :, None]).reshape(shape)]


class MaxPoolToAll(MaxPool):
    def backward(self, dz: Any) -> Any:
        return [dz.repeat(2, axis=2).repeat(2, axis=3)]


class Pad(Gate):
    """Images with a border of zeros."""

    def forward(self, x: Any) -> Any:
        return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))

    def backward(self, dz: Any) -> Any:
        return [dz[:, :, 1:-1, 1:-1]]


class PadCroppedAtTheEnd(Pad):
    def backward(self, dz: Any) -> Any:
        return [dz[:, :, :-2, :-2]]


IMAGES, FILTERS = normal((2, 2, 3, 4), (3, 2, 3, 3), (3,)), normal((2, 2, 5, 4), (2, 2, 3, 3), (2,))

CONVOLUTION = [
    *in_each(TWO, "convolution", Convolution, IMAGES),
    *in_each(TWO, "max pool", MaxPool, apart((1, 2, 4, 4))),
    Layer("convolution, window by window", NaiveConvolution, FILTERS),
    Layer("convolution of larger images", NaiveConvolution, normal((2, 3, 6, 6), (2, 3, 3, 3), (2,))),
    Layer("padding", Pad, normal((1, 2, 3, 3))),
    Layer("convolution, old columns", ConvolutionOfOldColumns, IMAGES, "stale", ("w",)),
    Layer("convolution, windows overwritten", NaiveConvolutionOverwritten, FILTERS, "overwrites", ("x",)),
    Layer("convolution, dw flipped", NaiveConvolutionFlipped, FILTERS, "permuted", ("w",)),
    Layer("max pool, to all", partial(MaxPoolToAll, "float32"), apart((1, 2, 4, 4)), "mask", ("x",), dtype="float32"),
    Layer("padding, cropped at the end", PadCroppedAtTheEnd, normal((1, 2, 3, 3)), "permuted", ("x",)),
]
