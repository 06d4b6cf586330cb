"""Write shapes as a TikZ picture, in the fonts of the document that has it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from gates.formatting import printable
from graph.drawing.diagram import Diagram
from graph.drawing.heat import averaged
from graph.drawing.shapes import Dot, Group, Map, Path, Rectangle, Shape, Text, Tip
from graph.drawing.svg import THEMES

_CELLS = 16  # the most rows and columns of a heat map: TeX keeps each cell of a page in its memory
_SCALE = 0.75  # pt for each px
_COLORS = ("value", "gradient", "local", "lit", "sign", "wire")
_SIZES = {"name": "", "symbol": "", "caption": r"\tiny ", "cell": r"\tiny ", "local": r"\scriptsize\itshape "}
_NUMBER = re.compile(r"×?-[\di]")  # one whose minus is not a hyphen
_SPECIAL = {c: f"\\{c}" for c in "#$%&_{}"} | {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}
_MATHS = {
    "×": r"\times ",
    "÷": r"\div ",
    "−": "-",
    "±": r"\pm ",
    "…": r"\ldots ",
    "√": r"\surd ",
    "π": r"\pi ",
    "Σ": r"\Sigma ",
    "<": "<",
    ">": ">",
    "|": "|",
}
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))


def tikz(drawn: Diagram) -> str:
    """Return a diagram as a tikzpicture, which needs the package tikz alone."""
    lines = [r"\begin{tikzpicture}[x=0.75pt, y=-0.75pt, line width=0.6pt, baseline=(current bounding box.center)]"]
    for name in _COLORS:
        lines.append(rf"\definecolor{{gg-{name}}}{{HTML}}{{{THEMES['light'][name][1:].upper()}}}")
    for y, groups in drawn.panels:
        lines.append(rf"\begin{{scope}}[shift={{(0,{y:.1f})}}]")
        lines += [line for group in groups for line in _group(group)]
        lines.append(r"\end{scope}")
    return "\n".join([*lines, r"\end{tikzpicture}", ""])


def _group(group: Group) -> Iterable[str]:
    """Yield the commands of a group."""
    is_lit = "lit" in group.kind.split()
    for shape in group.shapes:
        yield from _shape(shape, is_lit)


def _shape(shape: Shape, is_lit: bool) -> Iterable[str]:
    """Yield the commands of a shape."""
    color = "gg-lit" if is_lit else "gg-wire"
    match shape:
        case Path():
            yield rf"\draw[{color}] {_path(shape)};"
        case Tip(x, y, (across, down)):
            back = f"({x - 7 * across - 3.5 * down:.1f},{y - 7 * down - 3.5 * across:.1f})"
            other = f"({x - 7 * across + 3.5 * down:.1f},{y - 7 * down + 3.5 * across:.1f})"
            yield rf"\fill[{color}] ({x:.1f},{y:.1f}) -- {back} -- {other} -- cycle;"
        case Dot(x, y):
            yield rf"\fill[{color}] ({x:.1f},{y:.1f}) circle[radius=2pt];"
        case Rectangle(x, y, width, height, radius, kind):
            low, high = f"({x - width / 2:.1f},{y - height / 2:.1f})", f"({x + width / 2:.1f},{y + height / 2:.1f})"
            draw = "gg-lit, line width=1.5pt" if is_lit else "gg-wire, densely dotted" if kind == "group" else "black"
            # half a point less than the half of the height, at which TikZ gives up rounding
            yield rf"\draw[{draw}, rounded corners={radius * _SCALE - 0.05:.2f}pt] {low} rectangle {high};"
        case Text():
            yield from _text(shape)
        case Map():
            yield from _map(shape)


def _path(path: Path) -> str:
    """Return the points of a line, with curves where it turns in a gap."""
    (x, y), *_ = path.points
    text = f"({x:.1f},{y:.1f})"
    for (x, y), (to_x, to_y) in pairwise(path.points):
        end = f"({to_x:.1f},{to_y:.1f})"
        if abs(x - to_x) > 0.05 and abs(y - to_y) > 0.05:
            middle = ((x + to_x) / 2, (y + to_y) / 2)
            one, other = ((middle[0], y), (middle[0], to_y)) if path.axis == 0 else ((x, middle[1]), (to_x, middle[1]))
            text += f" .. controls ({one[0]:.1f},{one[1]:.1f}) and ({other[0]:.1f},{other[1]:.1f}) .. {end}"
        elif (x, y) != (to_x, to_y):
            text += f" -- {end}"
    return text


def _text(text: Text) -> Iterable[str]:
    """Yield the commands of the lines of a text."""
    kinds = text.kind.split()
    colors = [f"text=gg-{name}" for name in _COLORS if name in kinds] or (["text=white"] if "dark" in kinds else [])
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[text.anchor]
    options = ", ".join([f"anchor={anchor}", "inner sep=0pt", *colors[-1:]])
    size = next((size for kind, size in _SIZES.items() if kind in kinds), r"\footnotesize ")
    for place, line in enumerate((text.text, *text.more)):
        written = in_tex(line.replace("-", "−", 1) if _NUMBER.match(line) else line)
        if text.kind == "name":
            written = rf"\textit{{{written}}}" + (rf"$_{{{text.subscript}}}$" if text.subscript else "")
        yield rf"\node[{options}] at ({text.x:.1f},{text.y + 15 * place:.1f}) {{{size}{written}}};"


def _map(shape: Map) -> Iterable[str]:
    """Yield the commands of a heat map, which fill its cells, and of its frame."""
    table = np.array(shape.colors, dtype=float)
    cells = np.rint(np.stack([averaged(table[..., channel], _CELLS) for channel in range(3)], axis=-1)).astype(int)
    height, width = shape.height / len(cells), shape.width / len(cells[0])
    for row, colors in enumerate(cells.tolist()):
        for column, color in enumerate(colors):
            x, y = shape.x + column * width, shape.y + row * height
            mixed = "rgb,255:red,{};green,{};blue,{}".format(*color)
            yield rf"\fill[fill={{{mixed}}}] ({x:.1f},{y:.1f}) rectangle ({x + width:.1f},{y + height:.1f});"
    end = f"({shape.x + shape.width:.1f},{shape.y + shape.height:.1f})"
    yield rf"\draw[gg-{shape.kind}] ({shape.x:.1f},{shape.y:.1f}) rectangle {end};"


def in_tex(text: str) -> str:
    r"""Return a text with everything escaped that TeX would read as a command.

    Examples
    --------
    >>> print(in_tex("50 % of x_1"), in_tex("×−1"), in_tex("x²"))
    50 \% of x\_1 $\times -$1 x$^{2}$
    """
    written = ""
    for character in " ".join(printable(text).split()):
        if character in _SUPERSCRIPTS:
            written += f"$^{{{_SUPERSCRIPTS[character]}}}$"
        elif character in _MATHS:
            written += f"${_MATHS[character]}$"
        else:
            written += _SPECIAL.get(character, character)
    return written.replace("$$", "")
