"""Convolutions, pooling, padding."""

from typing import Any

import numpy as np

from tests.layers.layer import Cast, Layer, half, normal, right, single, wrong

XWB = normal((2, 2, 5, 5), (3, 2, 3, 3), (3,))


class Conv(Cast):
    """A convolution with stride 1 and no padding, in loops."""

    def forward(self, x: Any, w: Any, b: Any) -> Any:
        self.x, self.w, b = self.cast(x, w, b)
        k = self.w.shape[-1]
        height, width = self.x.shape[2] - k + 1, self.x.shape[3] - k + 1
        y = np.zeros((len(self.x), len(self.w), height, width), dtype=self.dtype)
        for i in range(height):
            for j in range(width):
                y[:, :, i, j] = np.einsum("nckl,fckl->nf", self.x[:, :, i : i + k, j : j + k], self.w) + b
        return y

    def backward(self, dy: Any) -> list[Any]:
        dx, dw = np.zeros_like(self.x), np.zeros_like(self.w)
        k = self.w.shape[-1]
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                self.into_window(dx[:, :, i : i + k, j : j + k], np.einsum("nf,fckl->nckl", dy[:, :, i, j], self.w))
                dw += np.einsum("nf,nckl->fckl", dy[:, :, i, j], self.x[:, :, i : i + k, j : j + k])
        return [dx, dw, dy.sum(axis=(0, 2, 3))]

    def into_window(self, window: Any, part: Any) -> None:
        window += part


class ConvOverwrites(Conv):
    def into_window(self, window: Any, part: Any) -> None:
        window[...] = part


class ConvFlipped(Conv):
    def backward(self, dy: Any) -> list[Any]:
        dx, dw, db = super().backward(dy)
        return [dx, dw[:, :, ::-1, ::-1], db]


class ConvBatchMean(Conv):
    def backward(self, dy: Any) -> list[Any]:
        dx, dw, db = super().backward(dy)
        return [dx, dw / len(self.x), db / len(self.x)]


class ConvBiasAxes(Conv):
    def backward(self, dy: Any) -> list[Any]:
        dx, dw, _ = super().backward(dy)
        return [dx, dw, dy.sum(axis=(2, 3))]


class ConvBorder(Conv):
    def backward(self, dy: Any) -> list[Any]:
        dx, dw, db = super().backward(dy)
        dx[:, :, -1, :] = 0
        return [dx, dw, db]


class Conv1d(Cast):
    """A correlation of two vectors, as numpy's "valid"."""

    def forward(self, x: Any, w: Any) -> Any:
        self.x, self.w = self.cast(x, w)
        return np.correlate(self.x, self.w, "valid")

    def backward(self, dy: Any) -> list[Any]:
        return [np.convolve(dy, self.w), np.correlate(self.x, dy, "valid")]


class Conv1dFlipped(Conv1d):
    def backward(self, dy: Any) -> list[Any]:
        return [np.convolve(dy, self.w), np.convolve(self.x, dy, "valid")]


class Conv1dKernel(Conv1d):
    def backward(self, dy: Any) -> list[Any]:
        return [np.convolve(dy, self.w), np.correlate(self.x, dy, "valid")[::-1]]


class MaxPool(Cast):
    """The largest of each window of 2 by 2."""

    def forward(self, x: Any) -> Any:
        x = self.cast(x)
        n, c, h, w = x.shape
        self.windows = x.reshape(n, c, h // 2, 2, w // 2, 2)
        self.y = self.windows.max(axis=(3, 5))
        return self.y

    def backward(self, dy: Any) -> list[Any]:
        is_largest = self.windows == self.y[:, :, :, None, :, None]
        n, c, h, _, w, _ = self.windows.shape
        return [(is_largest * dy[:, :, :, None, :, None]).reshape(n, c, 2 * h, 2 * w)]


class MaxPoolEverywhere(MaxPool):
    def backward(self, dy: Any) -> list[Any]:
        return [np.repeat(np.repeat(dy, 2, axis=2), 2, axis=3)]


class MaxPoolOverlapping(Cast):
    """The largest of each window of 3, with stride 1."""

    def forward(self, x: Any) -> Any:
        self.x = self.cast(x)
        self.places = np.array([i + np.argmax(self.x[i : i + 3]) for i in range(len(self.x) - 2)])
        return self.x[self.places]

    def backward(self, dy: Any) -> list[Any]:
        dx = np.zeros_like(self.x)
        np.add.at(dx, self.places, dy)
        return [dx]


class MaxPoolOverwrites(MaxPoolOverlapping):
    def backward(self, dy: Any) -> list[Any]:
        dx = np.zeros_like(self.x)
        dx[self.places] = dy
        return [dx]


class AveragePool(Cast):
    """The mean of each window of 2 by 2."""

    def forward(self, x: Any) -> Any:
        x = self.cast(x)
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))

    def backward(self, dy: Any) -> list[Any]:
        return [np.repeat(np.repeat(dy, 2, axis=2), 2, axis=3) / 4]


class AveragePoolNotDivided(AveragePool):
    def backward(self, dy: Any) -> list[Any]:
        return [np.repeat(np.repeat(dy, 2, axis=2), 2, axis=3)]


class Upsample(Cast):
    """Each element twice along both axes."""

    def forward(self, x: Any) -> Any:
        return np.repeat(np.repeat(self.cast(x), 2, axis=0), 2, axis=1)

    def backward(self, dy: Any) -> list[Any]:
        h, w = dy.shape
        return [dy.reshape(h // 2, 2, w // 2, 2).sum(axis=(1, 3))]


class UpsampleMean(Upsample):
    def backward(self, dy: Any) -> list[Any]:
        h, w = dy.shape
        return [dy.reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3))]


class UpsampleOne(Upsample):
    def backward(self, dy: Any) -> list[Any]:
        return [dy[::2, ::2]]


class Pad(Cast):
    """A border of zeros."""

    def forward(self, x: Any) -> Any:
        return np.pad(self.cast(x), 1)

    def backward(self, dy: Any) -> list[Any]:
        return [dy[1:-1, 1:-1]]


class PadShifted(Pad):
    def backward(self, dy: Any) -> list[Any]:
        return [dy[:-2, 1:-1]]


class Depthwise(Cast):
    """Each channel times a weight of its own, at each of two neighbours: c n, c 2."""

    def forward(self, x: Any, w: Any) -> Any:
        self.x, self.w = self.cast(x, w)
        return self.x[:, :-1] * self.w[:, :1] + self.x[:, 1:] * self.w[:, 1:]

    def backward(self, dy: Any) -> list[Any]:
        dx = np.zeros_like(self.x)
        dx[:, :-1] += dy * self.w[:, :1]
        dx[:, 1:] += dy * self.w[:, 1:]
        dw = np.stack([(dy * self.x[:, :-1]).sum(axis=1), (dy * self.x[:, 1:]).sum(axis=1)], axis=1)
        return [dx, dw]


class DepthwiseOverwrites(Depthwise):
    def backward(self, dy: Any) -> list[Any]:
        dx = np.zeros_like(self.x)
        dx[:, :-1] = dy * self.w[:, :1]
        dx[:, 1:] = dy * self.w[:, 1:]
        return [dx, super().backward(dy)[1]]


class DepthwiseReversed(Depthwise):
    def backward(self, dy: Any) -> list[Any]:
        dx, dw = super().backward(dy)
        return [dx, dw[:, ::-1]]


IMAGE = normal((2, 2, 4, 4))

LAYERS: list[Layer] = [
    right("convolution", Conv, XWB),
    right("convolution in float32", single(Conv), XWB),
    right("convolution in float16", half(Conv), normal((1, 1, 4, 4), (2, 1, 3, 3), (2,))),
    right("correlation of vectors", Conv1d, normal((7,), (3,))),
    right("max pooling", MaxPool, IMAGE),
    right("max pooling in float32", single(MaxPool), IMAGE),
    right("max pooling, overlapping", MaxPoolOverlapping, normal((9,))),
    right("average pooling", AveragePool, IMAGE),
    right("average pooling in float16", half(AveragePool), IMAGE),
    right("upsampling", Upsample, normal((3, 2))),
    right("padding", Pad, normal((3, 4))),
    right("depthwise convolution", Depthwise, normal((3, 6), (3, 2))),
    right("depthwise convolution in float32", single(Depthwise), normal((3, 6), (3, 2))),
    wrong("convolution, windows overwrite", ConvOverwrites, XWB, "x", "= where += belongs"),
    wrong("convolution, dw flipped", ConvFlipped, XWB, "w", "is reversed along axes 2 and 3"),
    wrong("convolution, averaged over the batch", ConvBatchMean, XWB, "w b", "of w and of b is off by a factor of 0.5"),
    wrong("convolution, db summed over two axes", ConvBiasAxes, XWB, "b", "wrong shape", "not summed"),
    wrong("convolution, last row forgotten", ConvBorder, XWB, "x", "only at index", "is zero"),
    wrong("convolution in float32, windows overwrite", single(ConvOverwrites), XWB, "x", "= where += belongs"),
    wrong(
        "correlation, x reversed", Conv1dFlipped, normal((7,), (3,)), "w", "the upstream gradient reversed", "reversed"
    ),
    wrong("correlation, dw reversed", Conv1dKernel, normal((7,), (3,)), "w", "is reversed"),
    wrong("max pooling, everywhere", MaxPoolEverywhere, IMAGE, "x", "mask", "no simple pattern"),
    wrong("max pooling, overlapping, overwrites", MaxPoolOverwrites, normal((9,)), "x", "= where += belongs"),
    wrong("average pooling, not divided", AveragePoolNotDivided, IMAGE, "x", "off by a factor of 4"),
    wrong("upsampling, mean", UpsampleMean, normal((3, 2)), "x", "factor of 0.25 (1/4)"),
    wrong("upsampling, one of four", UpsampleOne, normal((3, 2)), "x", "= where += belongs"),
    wrong("padding, shifted", PadShifted, normal((4, 4)), "x", "shifted by 1"),
    wrong("depthwise convolution, overwrites", DepthwiseOverwrites, normal((3, 6), (3, 2)), "x", "= where += belongs"),
    wrong(
        "depthwise convolution, dw reversed", DepthwiseReversed, normal((3, 6), (3, 2)), "w", "is reversed along axis 1"
    ),
]
