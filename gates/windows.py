"""Windows of images, and how gradients go back to the pixels that they came from. Knows no gates."""

import itertools
from collections.abc import Sequence

from gates.values import Value, namespace, shape_of


def counts(x: Value, size: Sequence[int], stride: int) -> list[int]:
    """Return how many windows there are below and beside one another."""
    return [(length - across) // stride + 1 for length, across in zip(shape_of(x)[2:], size)]


def windows_of(x: Value, size: Sequence[int], stride: int) -> list[Value]:
    """Return for each place in a window, row by row, the numbers that all windows have there."""
    rows, columns = [stride * (count - 1) + 1 for count in counts(x, size, stride)]
    return [x[:, :, i : i + rows : stride, j : j + columns : stride] for i, j in itertools.product(*map(range, size))]


def with_zeros(x: Value, missing: Sequence[tuple[int, int]]) -> Value:
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


def interleaved(pieces: dict[tuple[int, int], Value], stride: int) -> Value:
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


def put_back(pieces: dict[tuple[int, int], Value], stride: int, height: int, width: int) -> Value:
    """Return the gradient of images from those of the places in all windows, which add where windows overlap."""
    blocks: dict[tuple[int, int], dict[tuple[int, int], Value]] = {}
    for (i, j), piece in sorted(pieces.items()):
        blocks.setdefault((i // stride, j // stride), {})[i % stride, j % stride] = piece
    total: Value = 0.0
    for (down, right), block in blocks.items():
        spread = interleaved(block, stride)
        rows, columns = shape_of(spread)[2:]
        before = down * stride, right * stride
        total = total + with_zeros(
            spread, [(before[0], height - rows - before[0]), (before[1], width - columns - before[1])]
        )
    return total
