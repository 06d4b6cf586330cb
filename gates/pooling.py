"""The pooling of images: one number for each window."""

from collections.abc import Iterator
from typing import Any

from gates.gate import Gate
from gates.values import Value, as_whole_number, namespace, shape_of
from gates.windows import put_back, windows_of


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
        windows = windows_of(x, (self.size, self.size), stride)
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
        return [put_back(pieces, self.stride or self.size, height, width)]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield images, among them some with rows and columns that do not fill a window."""
        for images, more in (((2, 2), (0, 0)), ((1, 1), (3, 2)), ((2, 1), (1, 4))):
            yield (random.normal(size=(*images, self.size + more[0], self.size + more[1])),)
