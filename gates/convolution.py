"""Convolution and pooling of images. Both cut an image into windows, and put gradients back where these came from."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gates.gate import Gate
from gates.values import Value, as_whole_number, namespace, shape_of

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
        padded = _padded(x, [(self.padding, self.padding)] * 2)
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
        xp, spread = namespace(dz), _interleaved({(0, 0): dz}, self.stride)
        missing = [  # at the start and at the end of both axes, of an array whose windows are the pixels of x
            (across - 1 - self.padding, length - self.padding - there)
            for across, length, there in zip(shape_of(W)[2:], shape_of(padded)[2:], shape_of(spread)[2:])
        ]
        turned = xp.permute_dims(xp.flip(W, axis=(2, 3)), (1, 0, 2, 3))
        return _products(turned, _padded(spread, missing), 1)

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield images with kernels and biases, among them images with pixels that no window has."""
        for x, W in (((2, 2, 5, 4), (3, 2, 3, 2)), ((1, 1, 4, 4), (1, 1, 1, 1)), ((2, 3, 6, 5), (2, 3, 2, 3))):
            yield random.normal(size=x), random.normal(size=W), random.normal(size=W[0])


class MaxPool2d(Gate):
    """Each output is the largest number of a window. Backward routes the gradient there; a tie goes to the first.

    `forward(x)` takes images of shape (N, C, H, W) and returns (N, C, H', W'), with H' = (H - size) // stride + 1 and
    likewise W'. Of equal numbers the first is meant, row by row. Rows and columns at the end that do not fill a window
    are left out, and have the gradient 0.

    Parameters
    ----------
    size : int
        The height and the width of a window.
    stride : int or None
        How many pixels windows are apart; None is the size, so that they do not overlap.

    Raises
    ------
    ValueError
        If a setting is out of range, or x is no stack of images that are as large as a window.

    Notes
    -----
    1. A window's output is a copy of its largest number, as long as that stays the largest.
    2. So this number gets dz, and the others in the window get 0.
    3. Where windows overlap, a number may be the largest of several: it is a branch, and its gradients add.

    Examples
    --------
    >>> gate = MaxPool2d(2)
    >>> gate.forward([[[[1.0, 5.0, 2.0, 2.0], [3.0, 4.0, 2.0, 0.0]]]])
    array([[[[5., 2.]]]])
    >>> gate.backward([[[[10.0, 100.0]]]])
    [array([[[[  0.,  10., 100.,   0.],
             [  0.,   0.,   0.,   0.]]]])]
    """

    pattern = "gradient router"
    notation = ("y = max_pool2d(x)",)

    def __init__(self, size: int = 2, stride: int | None = None) -> None:
        self.size = as_whole_number(size, "MaxPool2d: size", 1)
        self.stride = stride if stride is None else as_whole_number(stride, "MaxPool2d: stride", 1)

    def check(self, x: Value) -> None:
        shape = shape_of(x)
        if len(shape) != 4 or min(shape[2:]) < self.size or not shape[1]:
            wanted = f"x must have the shape (N, C, H, W), with H and W at least {self.size}"
            raise ValueError(f"{wanted}, got {shape}")

    def forward(self, x: Value) -> Value:
        xp, stride = namespace(x), self.stride or self.size
        windows = _windows(x, (self.size, self.size), stride)
        largest, is_larger = windows[0], []
        for candidate in windows[1:]:
            is_larger.append(candidate > largest)
            largest = xp.maximum(largest, candidate)
        self.kept = shape_of(x), is_larger
        return largest

    def backward(self, dy: Value) -> list[Value]:
        (*_, height, width), is_larger = self.kept
        where, pieces = namespace(dy).where, {}
        for place, larger in reversed([*enumerate(is_larger, 1)]):  # the last that was larger is the largest
            pieces[divmod(place, self.size)] = where(larger, dy, 0.0)
            dy = where(larger, 0.0, dy)
        pieces[0, 0] = dy
        return [_put_back(pieces, self.stride or self.size, height, width)]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield images, among them some with rows and columns that do not fill a window."""
        for images, more in (((2, 2), (0, 0)), ((1, 1), (3, 2)), ((2, 1), (1, 4))):
            yield (random.normal(size=(*images, self.size + more[0], self.size + more[1])),)


def _by(shape: tuple[int, ...]) -> str:
    """Return a height and a width as a text."""
    return f"{shape[2]} x {shape[3]}"


def _counts(x: Value, size: Sequence[int], stride: int) -> list[int]:
    """Return how many windows there are below and beside one another."""
    return [(length - across) // stride + 1 for length, across in zip(shape_of(x)[2:], size)]


def _windows(x: Value, size: Sequence[int], stride: int) -> list[Value]:
    """Return for each place in a window, row by row, the numbers that all windows have there."""
    rows, columns = [stride * (count - 1) + 1 for count in _counts(x, size, stride)]
    return [x[:, :, i : i + rows : stride, j : j + columns : stride] for i, j in itertools.product(*map(range, size))]


def _columns(x: Value, size: Sequence[int], stride: int) -> Iterator[tuple[slice, Value]]:
    """Yield images, and their windows as the columns of a matrix for each: (n, C * h * w, H' * W')."""
    xp, (count, channels, _, _) = namespace(x), shape_of(x)
    of_window, of_image = channels * math.prod(size), math.prod(_counts(x, size, stride))
    if type(x) is not np.ndarray:
        columns = xp.stack(_windows(x, size, stride), axis=2)
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
    return xp.reshape(product, (shape_of(x)[0], shape[0], *_counts(x, shape[2:], stride)))


def _padded(x: Value, missing: Sequence[tuple[int, int]]) -> Value:
    """Return x with rows and columns of zeros before and after it; negative numbers of them are cut off instead."""
    xp = namespace(x)
    for axis, (before, after) in enumerate(missing, 2):
        shape = list(shape_of(x))
        kept = slice(max(-before, 0), shape[axis] - max(-after, 0))
        if kept != slice(0, shape[axis]):
            x = x[:, :, kept, :] if axis == 2 else x[:, :, :, kept]
        zeros = [xp.zeros((*shape[:axis], max(n, 0), *shape[axis + 1 :]), dtype=x.dtype) for n in (before, after)]
        x = xp.concat([zeros[0], x, zeros[1]], axis=axis) if max(before, after) > 0 else x
    return x


def _interleaved(pieces: dict[tuple[int, int], Value], stride: int) -> Value:
    """Return an array with the elements of each piece `stride` apart, from the place of the piece on; 0 elsewhere."""
    first = next(iter(pieces.values()))
    if stride == 1:
        return first
    xp, (*images, rows, columns) = namespace(first), shape_of(first)
    zeros = xp.zeros_like(first)
    lines = [
        xp.stack([pieces.get((i, j), zeros) for j in range(stride)], axis=4)  # (N, C, rows, columns, stride)
        for i in range(stride)
    ]
    lines = [xp.reshape(line, (*images, rows, columns * stride)) for line in lines]
    return xp.reshape(xp.stack(lines, axis=3), (*images, rows * stride, columns * stride))


def _put_back(pieces: dict[tuple[int, int], Value], stride: int, height: int, width: int) -> Value:
    """Return the gradient of images from those of the places in all windows, which add where windows overlap."""
    blocks: dict[tuple[int, int], dict[tuple[int, int], Value]] = {}
    for (i, j), piece in sorted(pieces.items()):
        blocks.setdefault((i // stride, j // stride), {})[i % stride, j % stride] = piece
    total: Value = 0.0
    for (down, right), block in blocks.items():
        spread = _interleaved(block, stride)
        rows, columns = shape_of(spread)[2:]
        before = down * stride, right * stride
        total = total + _padded(
            spread, [(before[0], height - rows - before[0]), (before[1], width - columns - before[1])]
        )
    return total
