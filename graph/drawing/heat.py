"""Arrays as pictures: heat maps in colors that diverge around 0, and signs for what deserves attention."""

from __future__ import annotations

import math
import struct
import zlib
from base64 import b64encode
from typing import Any, NamedTuple

import numpy as np

from gates.formatting import numbered
from gates.values import Value, shape_of

Color = tuple[int, int, int]
_NEGATIVE, _ZERO, _POSITIVE = (
    (179, 88, 6),
    (247, 247, 247),
    (33, 102, 172),
)  # orange, white, blue: for all kinds of sight
_NOT_FINITE = (20, 20, 20)
_CELLS = 48  # the most rows and columns; those of larger arrays are averaged
_WRITTEN = 9  # an array of so many numbers or fewer has them written in its cells
_COLUMNS = 3
_IMAGES = 4  # so many of a batch are shown, which can be made out
_SATURATED = 0.01  # the distance to a limit from which on a unit counts as saturated
_EXTREME = 1e-8, 1e8  # what is smaller or larger has vanished or exploded
_MIDDLE = 0.179  # the luminance from which black and white differ as much
_LIMITS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}


class Heat(NamedTuple):
    """A heat map.

    Attributes
    ----------
    colors : list of list of tuple
        The color of each cell, by row.
    numbers : list of list of float, or None
        The numbers to be written into the cells, if there are few.
    scale : float
        The number that has the darkest color; its negative has the other.
    shape : tuple of int
        The array's shape.
    signs : list of str
        What deserves attention: numbers that are not finite, dead and saturated units.
    """

    colors: list[list[Color]]
    numbers: list[list[float]] | None
    scale: float
    shape: tuple[int, ...]
    signs: list[str]


def heat_of(value: Value, kind: str = "") -> Heat | None:
    """Return the heat map of an array; None for anything else, for labels and for an empty array.

    Images of one or three channels, (N, C, H, W), without a number below 0 are shown as images, the first four of them.

    Parameters
    ----------
    value : number, array or None
        The value of a wire, or its gradient.
    kind : str
        The kind of the gate that computed it, by which dead and saturated units are known.
    """
    shape = shape_of(value) if value is not None else ()
    array: Any = np.asarray(value)
    if not shape or not array.size or array.dtype.kind not in "fb":
        return None
    table = _table(array.astype(float))
    finite = table[np.isfinite(table)]
    scale = float(np.max(np.abs(finite), initial=0.0))
    is_small = table.size <= _WRITTEN and table.shape[1] <= _COLUMNS
    is_image = array.ndim == 4 and array.shape[1] in (1, 3) and finite.size == table.size and finite.min() >= 0
    colors = _as_images(array, scale) if is_image else _colors(averaged(table), scale)
    return Heat(colors, table.tolist() if is_small else None, scale, shape, _signs(array, table, kind))


def is_extreme(number: float, least: float = _EXTREME[0]) -> bool:
    """Return whether a number has vanished, that is, is less than the least without being 0, or exploded.

    Examples
    --------
    >>> is_extreme(1e-9), is_extreme(-1e9), is_extreme(0.0), is_extreme(math.inf)
    (True, True, False, True)
    """
    return math.isnan(number) or 0 < abs(number) < least or abs(number) > _EXTREME[1]


def color_of(share: float) -> Color:
    """Return the color of a number, given as its share of the scale, from -1 to 1.

    Examples
    --------
    >>> color_of(0.0), color_of(-1.0), color_of(math.inf)
    ((247, 247, 247), (179, 88, 6), (20, 20, 20))
    """
    if not math.isfinite(share):
        return _NOT_FINITE
    end = _POSITIVE if share > 0 else _NEGATIVE
    red, green, blue = (round(zero + abs(share) * (to - zero)) for zero, to in zip(_ZERO, end))
    return red, green, blue


def is_dark(color: Color) -> bool:
    """Return whether white stands out from a color more than black does, by the guidelines for web content.

    Examples
    --------
    >>> is_dark((0, 0, 160)), is_dark((255, 255, 0))
    (True, False)
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] < _MIDDLE


def png_of(colors: list[list[Color]]) -> str:
    """Return cells as a PNG image, a pixel for each, in a data URI."""
    rows = b"".join([b"\0" + bytes([channel for color in row for channel in color]) for row in colors])
    head = struct.pack(">IIBBBBB", len(colors[0]), len(colors), 8, 2, 0, 0, 0)  # 8 bits for each of red, green, blue
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")):
        data += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return f"data:image/png;base64,{b64encode(data).decode()}"


def _table(array: Any) -> Any:
    """Return an array as rows and columns: images side by side, a channel a column, an example a row."""
    if array.ndim == 1:
        return array[None, :]
    if array.ndim == 3:
        return np.hstack(list(array))
    if array.ndim >= 4:
        tall = array.reshape(-1, *array.shape[-3:])
        return np.vstack([np.hstack(list(channels)) for channels in tall])
    return array


def _as_images(array: Any, scale: float) -> list[list[Color]]:
    """Return the colors of the first images of one or three channels, (N, C, H, W), about in a square: black is 0."""
    shown = np.moveaxis(array[:_IMAGES], 1, -1).astype(float) / (scale or 1.0)
    count, height, width, _ = shown.shape
    columns = min(count, max(1, round((count * height / width) ** 0.5)))
    white = np.ones((-count % columns, *shown.shape[1:]))
    shown = np.concatenate([shown, white])
    shares = np.vstack([np.hstack(list(row)) for row in shown.reshape(-1, columns, *shown.shape[1:])])
    pixels = np.stack([averaged(shares[..., channel]) for channel in range(shares.shape[-1])], axis=-1)
    levels = np.rint(255 * np.broadcast_to(pixels, (*pixels.shape[:2], 3))).astype(int)
    return [[(red, green, blue) for red, green, blue in row] for row in levels.tolist()]


def averaged(table: Any, most: int = _CELLS) -> Any:
    """Return a table whose cells are means of neighbors, so that there are not more rows and columns than given."""
    for axis in (0, 1):
        size = table.shape[axis]
        if size > most:
            starts = np.arange(most) * size // most
            counts = np.diff([*starts, size])
            table = np.add.reduceat(table, starts, axis=axis) / (counts[:, None] if axis == 0 else counts)
    return table


def _colors(table: Any, scale: float) -> list[list[Color]]:
    """Return the color of each cell of a table."""
    with np.errstate(all="ignore"):
        shares = table / scale if scale else np.where(np.isfinite(table), 0.0, table)
    return [[color_of(share) for share in row] for row in shares.tolist()]


def _signs(array: Any, table: Any, kind: str) -> list[str]:
    """Return what deserves attention in an array."""
    signs = []
    largest = float(np.max(np.abs(array[np.isfinite(array)]), initial=0.0))
    if is_extreme(largest):
        signs.append("vanishes" if largest < 1 else "explodes")
    for name, count in (("nan", np.isnan(array).sum()), ("inf", np.isinf(array).sum())):
        if count:
            signs.append(f"{count:,} {name}")
    if kind == "relu" and array.ndim > 1:
        axis, noun = (-3, "channel") if array.ndim >= 4 else (-1, "unit")
        units = np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])
        if len(units) > 1 and (dead := int((units == 0).all(axis=0).sum())):
            signs.append(f"{numbered(dead, noun)} dead")
    if kind in _LIMITS:
        low, high = _LIMITS[kind]
        share = float(((table < low + _SATURATED) | (table > high - _SATURATED)).mean())
        if share > 0.5:
            signs.append(f"{share:.0%} saturated")
    return signs
