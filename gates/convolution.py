"""The convolution of images with kernels."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gates.gate import Gate
from gates.values import Value, as_whole_number, namespace, shape_of
from gates.windows import counts, interleaved, windows_of, with_zeros

_TOGETHER = 2**17  # numbers in the columns of a few images, which a processor's cache holds


class Conv2d(Gate):
    """Each output is the sum of a window of x times a kernel, plus a bias. Backward is a convolution and a correlation.

    `forward(x, W, b)` takes images x of shape (N, C, H, W), F kernels (F, C, h, w) and biases (F,). It returns
    (N, F, H', W'), with H' = (H + 2 * padding - h) // stride + 1 and likewise W'. A kernel is not turned around.

    Parameters
    ----------
    stride : int
        How many pixels windows are apart, in both directions.
    padding : int
        How many rows and columns of zeros are put around an image, on each side.

    Raises
    ------
    ValueError
        If a setting is out of range, or the shapes do not fit.

    Notes
    -----
    With p for the padded x, s for the stride, i, j for a place in a kernel and u, v for a place in the output:

    1. One output is z[n, f, u, v] = b[f] + the sum over c, i, j of p[n, c, s*u + i, s*v + j] * W[f, c, i, j].
    2. Write each window as a column of C * h * w numbers, and each kernel as a row of them. Then z is a matrix product,
       rows @ columns + b, as in `Affine`, whose gradients are known.
    3. So db[f] is the sum of dz[n, f, u, v] over n, u, v. And dW is dz @ columns.T, summed over the images, so that
       dW[f, c, i, j] is the sum over n, u, v of dz[n, f, u, v] * p[n, c, s*u + i, s*v + j].
    4. A pixel p[n, c, k, l] is element i = k - s*u, j = l - s*v of the window at u, v, if it is in there. So its
       gradient is the sum over f, and over the windows that have it, of dz[n, f, u, v] * W[f, c, k - s*u, l - s*v].
    5. This is a convolution again. Put s - 1 zeros between neighbours in dz, and h - 1 rows and w - 1 columns of zeros
       around it. Let the kernels slide over that with the stride 1, turned by half a circle: as i grows, u falls. The
       sum is over f instead of c.
    6. The frame of zeros around x is no input: the gradients there are cut off.

    References
    ----------
    Dumoulin, Visin: A guide to convolution arithmetic for deep learning, 2016, https://arxiv.org/abs/1603.07285

    Examples
    --------
    >>> gate = Conv2d()
    >>> gate.forward([[[[1.0, 2.0, 3.0]]]], [[[[10.0, 1.0]]]], [0.0])
    array([[[[12., 23.]]]])
    >>> dx, dW, db = gate.backward([[[[1.0, 100.0]]]])
    >>> dx
    array([[[[  10., 1001.,  100.]]]])
    >>> dW, db
    (array([[[[201., 302.]]]]), array([101.]))
    """

    notation = ("z = conv2d(x, W, b)",)

    def __init__(self, stride: int = 1, padding: int = 0) -> None:
        self.stride = as_whole_number(stride, "Conv2d: stride", 1)
        self.padding = as_whole_number(padding, "Conv2d: padding", 0)

    def check(self, x: Value, W: Value, b: Value) -> None:
        of_x, of_W, of_b = shape_of(x), shape_of(W), shape_of(b)
        if len(of_x) != 4 or len(of_W) != 4 or of_x[1] != of_W[1] or of_b != of_W[:1] or 0 in (*of_x[1:], *of_W):
            wanted = "x, W and b must have the shapes (N, C, H, W), (F, C, h, w) and (F,)"
            raise ValueError(f"{wanted}, got {of_x}, {of_W} and {of_b}")
        if any(size > length + 2 * self.padding for size, length in zip(of_W[2:], of_x[2:])):
            raise ValueError(f"kernels of {_by(of_W)} must fit images of {_by(of_x)} with the padding {self.padding}")

    def forward(self, x: Value, W: Value, b: Value) -> Value:
        padded = with_zeros(x, [(self.padding, self.padding)] * 2)
        self.kept = padded, W
        return _products(W, padded, self.stride) + namespace(b).reshape(b, (1, -1, 1, 1))

    def backward(self, dz: Value) -> list[Value]:
        padded, W = self.kept
        want_x, want_W, want_b = self.wanted
        xp, dW = namespace(dz), None
        if want_W:
            dz_of_images = xp.reshape(dz, (*shape_of(dz)[:2], math.prod(shape_of(dz)[2:])))
            dW = xp.zeros((math.prod(shape_of(W)[1:]), shape_of(W)[0]), dtype=dz.dtype)
            for images, columns in _columns(padded, shape_of(W)[2:], self.stride):
                # BLAS takes a third less time for columns @ dz.T than for dz @ columns.T
                dW = dW + xp.sum(columns @ dz_of_images[images, :, :].mT, axis=0)
            dW = xp.reshape(dW.mT, shape_of(W))
        return [self._gradient_of_x(dz) if want_x else None, dW, xp.sum(dz, axis=(0, 2, 3)) if want_b else None]

    def _gradient_of_x(self, dz: Value) -> Value:
        """Return dx: the convolution of dz, spread out, with the kernels turned around."""
        padded, W = self.kept
        xp, spread = namespace(dz), interleaved({(0, 0): dz}, self.stride)
        missing = [  # at the start and at the end of both axes, of an array whose windows are the pixels of x
            (across - 1 - self.padding, length - self.padding - there)
            for across, length, there in zip(shape_of(W)[2:], shape_of(padded)[2:], shape_of(spread)[2:])
        ]
        turned = xp.permute_dims(xp.flip(W, axis=(2, 3)), (1, 0, 2, 3))
        return _products(turned, with_zeros(spread, missing), 1)

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield images with kernels and biases, among them images with pixels that no window has."""
        for x, W in (((2, 2, 5, 4), (3, 2, 3, 2)), ((1, 1, 4, 4), (1, 1, 1, 1)), ((2, 3, 6, 5), (2, 3, 2, 3))):
            yield random.normal(size=x), random.normal(size=W), random.normal(size=W[0])


def _by(shape: tuple[int, ...]) -> str:
    """Return a height and a width as a text."""
    return f"{shape[2]} x {shape[3]}"


def _columns(x: Value, size: Sequence[int], stride: int) -> Iterator[tuple[slice, Value]]:
    """Yield images, and their windows as the columns of a matrix for each: (n, C * h * w, H' * W')."""
    xp, (count, channels, _, _) = namespace(x), shape_of(x)
    of_window, of_image = channels * math.prod(size), math.prod(counts(x, size, stride))
    if type(x) is not np.ndarray:
        columns = xp.stack(windows_of(x, size, stride), axis=2)
        yield slice(None), xp.reshape(columns, (count, of_window, of_image))
        return
    windows = np.lib.stride_tricks.sliding_window_view(x, tuple(size), axis=(2, 3))[:, :, ::stride, ::stride]
    windows = windows.transpose(0, 1, 4, 5, 2, 3)  # a view, which reshape() copies
    some = max(_TOGETHER // (of_window * of_image), 1)
    for start in range(0, count, some) or [0]:
        part = windows[start : start + some]
        yield slice(start, start + some), part.reshape(len(part), of_window, of_image)


def _products(W: Value, x: Value, stride: int) -> Value:
    """Return the sums of each window of x times each kernel: (N, F, H', W')."""
    xp, shape = namespace(x), shape_of(W)
    rows = xp.reshape(W, (shape[0], math.prod(shape[1:])))
    products = [rows @ columns for _, columns in _columns(x, shape[2:], stride)]
    product = xp.concat(products) if len(products) > 1 else products[0]
    return xp.reshape(product, (shape_of(x)[0], shape[0], *counts(x, shape[2:], stride)))
