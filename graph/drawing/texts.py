"""Texts in pictures: how wide they are, shortened, and safe to put into SVG and HTML."""

import html
import re
import unicodedata
from typing import Any

import numpy as np

from gates.formatting import text_of
from gates.values import Value, shape_of

DASH = "–"  # what is not computed
_FORBIDDEN = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML
_SHORT = 18  # a small array whose text is longer is shown as a large one


def escaped(text: str) -> str:
    """Return a text for SVG and HTML, with � for characters that XML does not allow."""
    return html.escape(_FORBIDDEN.sub("�", text))


def width_of(text: str, size: float) -> float:
    """Return how wide a text is in a monospace font of a size in px; East Asian wide characters count twice."""
    cells = sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)
    return 0.61 * size * cells


def shortened(text: str, length: int = 24) -> str:
    """Return a text of at most so many characters, without its middle.

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
    """Return a value as lines of text: a number, a small array, or the shape, and min … mean … max, of a large one.

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
    if not shape or (len(text) <= _SHORT and " from " not in text):
        return [text]
    size = " × ".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} numbers"
    array: Any = np.asarray(value)
    if not array.size:
        return [size]
    with np.errstate(all="ignore"):
        return [size, " … ".join([f"{number:.3g}" for number in (array.min(), array.mean(), array.max())])]


def lines_of_gradient(gradient: Value, value: Value) -> list[str]:
    """Return a gradient as lines; without its shape where that stands above, in the lines of its value."""
    lines = lines_of(gradient)
    return lines[1:] if len(lines) > 1 and len(lines_of(value)) > 1 else lines
