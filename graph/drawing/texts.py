"""Texts in pictures: numbers, names and signs of gates, and their widths."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

import numpy as np

from gates.formatting import is_written_out, text_of
from gates.gate import kind_of
from gates.values import Value, shape_of
from graph.watching.notation import symbol_of
from graph.watching.titles import superscript

DASH = "–"  # shown for what has not been computed
LINE = 15.0  # px from one line of numbers to the next
_SHORT = 18  # a small array with a longer text is shown like a large one
_NARROW, _WIDE = set("!'()*,-./:;I[]fijlrt| "), set("%@MWmw×±…")
_EXACT = 15  # from so many digits on, a number is shown with all its digits
_LARGE = 1e6  # shown with an exponent from here on
_MATH = re.compile(r"(?P<stem>[^\W\d_]+)_?(?P<index>\d+)|(?P<letter>[^\W\d_])_(?P<short>[^\W_]{1,2})")
_SIGNS = [  # how the symbol of a gate of one input is shortened, as in the lecture
    (re.compile(r"1 / ·"), "1/x"),
    (re.compile(r"-·"), "×−1"),
    (re.compile(r"(\S+) \* ·"), r"×\1"),
    (re.compile(r"· ([+-]) (\S+)"), r"\1\2"),
]
_LONG_NUMBER = re.compile(r"\d+\.\d{3,}")
_WHOLE_POWER = re.compile(r"· \*\* (-?\d+)")


def width_of(text: str, size: float) -> float:
    """Return the width in px that a text has at most in a sans-serif font of the given size.

    It is what DejaVu Sans needs, the widest of the fonts that are asked for; East Asian wide characters are double.
    """
    return size * sum(map(_width, text))


def _width(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.22
    return 0.42 if character in _NARROW else 1.02 if character in _WIDE else 0.66


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Return a text in lines of at most some px in a font size, broken at spaces; a longer word has its own line.

    Examples
    --------
    >>> wrapped("a text of six words here", 60, 10)
    ['a text of', 'six words', 'here']
    """
    first, *rest = text.split(" ")
    lines = [first]
    for word in rest:
        if width_of(longer := f"{lines[-1]} {word}", size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


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


def stem_and_index(name: str) -> tuple[str, str]:
    """Return a name as mathematics has it: letters, and an index of digits, or of few letters after a single one.

    Examples
    --------
    >>> stem_and_index("w0"), stem_and_index("h_12"), stem_and_index("W_q"), stem_and_index("scores")
    (('w', '0'), ('h', '12'), ('W', 'q'), ('scores', ''))
    """
    match = _MATH.fullmatch(name)
    if match is None:
        return shortened(name), ""
    return match["stem"] or match["letter"], match["index"] or match["short"]


def is_automatic(name: str, gate: Any) -> bool:
    """Return whether a gate has a name that it was given by the graph, such as `add_1`."""
    return re.fullmatch(rf"{re.escape(kind_of(gate))}_\d+", name.rpartition(".")[2]) is not None


def sign_of(gate: Any) -> str:
    """Return what stands in the picture of a gate: `+`, `×−1`, `x²`, or its kind.

    Examples
    --------
    >>> from gates import Add, Negative, Power, ReLU, Reciprocal, Scale, Shift
    >>> [sign_of(gate) for gate in (Add(), Negative(), Power(3), ReLU(), Reciprocal(), Shift(-1), Scale(1 / 7))]
    ['+', '×−1', 'x³', 'relu', '1/x', '−1', '×0.1429']
    """
    symbol = symbol_of(gate)
    if power := _WHOLE_POWER.fullmatch(symbol):
        return f"x{superscript(power[1])}"
    for pattern, sign in _SIGNS:
        if match := pattern.fullmatch(symbol):
            return _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.4g}", match.expand(sign)).replace("-", "−")
    return shortened(kind_of(gate).replace("_", " ") if "·" in symbol or "(" in symbol else symbol.replace("_", " "))


def number_text(number: float, digits: int, is_whole: bool = False) -> str:
    """Return a number with so many digits after the point, as in the lecture; fewer if it is large.

    Very large and very small numbers have an exponent. From 15 digits on, the text has all digits of the number.

    Parameters
    ----------
    number : float
        The number.
    digits : int
        The digits after the point.
    is_whole : bool
        Whether all numbers of the picture are whole; then they are shown without a point.

    Examples
    --------
    >>> number_text(0.73105857863, 2), number_text(-2.0, 2), number_text(-2.0, 2, is_whole=True)
    ('0.73', '-2.00', '-2')
    >>> number_text(1234.5678, 2), number_text(0.00037, 2), number_text(6.02e23, 2)
    ('1235', '3.7e-4', '6.0e23')
    """
    if not math.isfinite(number):
        return str(number)
    if digits >= _EXACT:
        return repr(number).removesuffix(".0")
    if is_whole and number.is_integer() and abs(number) < _LARGE:
        return f"{number:.0f}"
    text = f"{number:.{max(digits - 1, 0)}e}"
    exponent = int(text.partition("e")[2])
    if number == 0 or (-digits <= exponent and abs(number) < _LARGE):
        return f"{number:.{max(0, min(digits, digits + 1 - exponent))}f}"
    return f"{text.partition('e')[0]}e{exponent}"


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
    array: Any = np.asarray(value)
    if not array.size:
        return [size_text(shape)]
    with np.errstate(all="ignore"):
        return [size_text(shape), " … ".join([f"{number:.3g}" for number in (array.min(), array.mean(), array.max())])]


def size_text(shape: tuple[int, ...]) -> str:
    """Return the shape of an array as text.

    Examples
    --------
    >>> size_text((3, 4)), size_text((1,)), size_text((20,))
    ('3 × 4', '1 number', '20 numbers')
    """
    return " × ".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} number{'s' * (shape[0] != 1)}"


def lines_of_gradient(gradient: Value, value: Value) -> list[str]:
    """Format a gradient as lines of text, without its shape if the lines of the value show the shape already."""
    lines = lines_of(gradient)
    return lines[1:] if len(lines) > 1 and len(lines_of(value)) > 1 else lines
