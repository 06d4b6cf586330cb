"""Tables as text, with aligned columns, and as HTML."""

from collections.abc import Iterable, Sequence
from html import escape


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows of texts as lines with aligned columns.

    Examples
    --------
    >>> aligned([("name", "value"), ("x", "-2")])
    ['name  value', 'x     -2']
    """
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def as_html(rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Return rows of texts as an HTML table, the first of them its head.

    Examples
    --------
    >>> as_html([("name", "value"), ("x", "-2")], "a < b")
    '<p>a &lt; b</p><table><thead><tr><th>name</th><th>value</th></tr></thead>\
<tbody><tr><td>x</td><td>-2</td></tr></tbody></table>'
    """
    head, *body = [[escape(cell) for cell in row] for row in rows]
    above = f"<p>{escape(caption)}</p>" if caption else ""
    titles = "".join(f"<th>{cell}</th>" for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
    return f"{above}<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table>"
