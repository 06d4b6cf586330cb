"""Texts in pictures: their width and shortened forms."""

import unicodedata
from typing import Any

import numpy as np

from gates.formatting import escaped, is_written_out, text_of
from gates.values import Value, shape_of

DASH = "–"  # shown for what has not been computed
LINE = 15.0  # px from one line of numbers to the next
_SHORT = 18  # a small array with a longer text is shown like a large one


def text_at(x: float, y: float, kind: str, *lines: str) -> str:
    """Return lines as an SVG text element of a class, the first line at (x, y)."""
    first, *rest = map(escaped, lines)
    more = "".join([f' <tspan x="{x:.1f}" dy="{LINE:.0f}">{line}</tspan>' for line in rest])
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{first}{more}</text>'


def width_of(text: str, size: float) -> float:
    """Return the width in px of a text in a monospace font of the given size; East Asian wide characters are double."""
    cells = sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)
    return 0.61 * size * cells


def shortened(text: str, length: int = 24) -> str:
    """Shorten a text to at most `length` characters by leaving out its middle.

    Examples
    --------
    >>> shortened("a_name_that_is_very_long_indeed", 12)
    'a_name…ndeed'
    """
    text = " ".join(text.split()) if any(c.isspace() for c in text) else text
    if len(text) <= length:
        return text
    end = (length - 1) // 2
    return f"{text[: length - 1 - end]}…{text[len(text) - end :]}"


def lines_of(value: Value) -> list[str]:
    """Format a value as lines of text: a number, a small array, or a large array's shape and min … mean … max.

    Examples
    --------
    >>> lines_of(None), lines_of(-12.0), lines_of(np.array([1.0, 2.0]))
    (['–'], ['-12'], ['[1 2]'])
    >>> lines_of(np.arange(100.0).reshape(10, 10))
    ['10 × 10', '0 … 49.5 … 99']
    """
    if value is None:
        return [DASH]
    shape = shape_of(value)
    text = text_of(value)
    if not shape or (len(text) <= _SHORT and is_written_out(value)):
        return [text]
    size = " × ".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} numbers"
    array: Any = np.asarray(value)
    if not array.size:
        return [size]
    with np.errstate(all="ignore"):
        return [size, " … ".join([f"{number:.3g}" for number in (array.min(), array.mean(), array.max())])]


def lines_of_gradient(gradient: Value, value: Value) -> list[str]:
    """Format a gradient as lines of text, without its shape if the lines of the value show the shape already."""
    lines = lines_of(gradient)
    return lines[1:] if len(lines) > 1 and len(lines_of(value)) > 1 else lines
