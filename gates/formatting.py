"""Format values, gates and tables as short text, and tables as HTML."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from gates.values import Value, shape_of

_ELEMENTS = 8  # a longer array shows its shape and range only
_UNPRINTABLE = "[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # and not allowed in XML


def short(value: Value) -> str:
    """Format a value: a number to 6 digits, a small array on one line, a large one as its shape and range.

    Examples
    --------
    >>> short(-12.0), short(0.7310585786300049)
    ('-12.0', '0.731059')
    >>> short(np.eye(2)), short(np.arange(100.0))
    ('[[1 0] [0 1]]', '(100,) from 0 to 99')
    """
    if value is None:
        return "-"
    shape = shape_of(value)
    if not shape:
        return repr(float(f"{float(value):.6g}"))
    if value.size == 0:
        return f"{shape} empty"
    if not is_written_out(value):
        array = np.asarray(value)
        return f"{shape} from {array.min():.4g} to {array.max():.4g}"
    text = np.array2string(np.asarray(value), formatter={"float": lambda x: f"{x:.4g}"}, max_line_width=10_000)
    return " ".join(text.split())


def is_written_out(value: Value) -> bool:
    """Return whether the text of an array has all its elements."""
    return bool(value.size <= _ELEMENTS)


def text_of(value: Value) -> str:
    """Format a value, whole numbers without a decimal point, as on a blackboard.

    Examples
    --------
    >>> text_of(-12.0), text_of(0.5)
    ('-12', '0.5')
    """
    return short(value).removesuffix(".0")


def gate_text(gate: Any) -> str:
    """Format a gate: its class, and the settings that differ from their defaults."""
    if repr(gate) == object.__repr__(gate):
        return type(gate).__name__
    return repr(gate).removesuffix("()")


def printable(text: str) -> str:
    """Return a text with � for control characters and lone surrogates.

    Examples
    --------
    >>> printable("a\\0b")
    'a�b'
    """
    return re.sub(_UNPRINTABLE, "�", text)


def numbered(count: int, noun: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> numbered(1, "gate"), numbered(1200, "gate")
    ('1 gate', '1,200 gates')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def escaped(text: str) -> str:
    """Escape a text for HTML and XML, with � for characters that these do not allow."""
    return escape(printable(text))


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Format rows of cells as lines with aligned columns.

    Examples
    --------
    >>> aligned([("name", "value"), ("x", "-2")])
    ['name  value', 'x     -2']
    """
    rows = [[printable(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def as_html(rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Format rows of cells as an HTML table, the first row as its head.

    Examples
    --------
    >>> as_html([("name", "value"), ("x", "-2")], "a < b")
    '<p>a &lt; b</p><table><thead><tr><th>name</th><th>value</th></tr></thead>\
<tbody><tr><td>x</td><td>-2</td></tr></tbody></table>'
    """
    head, *body = [[escaped(cell) for cell in row] for row in rows]
    above = f"<p>{escaped(caption)}</p>" if caption else ""
    titles = "".join(f"<th>{cell}</th>" for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
    return f"{above}<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table>"


def listed(names: Sequence[str], last: str = "and ") -> str:
    """Return names as "x, y and z", the first few of many."""
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last}{names[-1]}"
