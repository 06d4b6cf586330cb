"""What stands on a wire: its value on one side and its gradient on the other, each a number, lines or a heat map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from gates.gate import kind_of
from gates.values import Value, shape_of
from graph.drawing.heat import Heat, heat_of, is_dark, is_extreme
from graph.drawing.parts import Part
from graph.drawing.shapes import Map, Shape, Text
from graph.drawing.texts import DASH, LINE, lines_of, number_text, size_text, width_of

Key = tuple[str, int]  # the name of a part, and one of its output ports
_NOISE = 1e-20  # a single number that is smaller is no rounding of numbers around 1
NUMBERS, CAPTION = 13.0, 10.0  # font sizes, as in style.css
_CAPTION_LINE = 12.0  # px
_ASCENT = 10.0  # px from the top of a line of numbers to its baseline
_MAP = (44.0, 40.0)  # the greatest width and height of a heat map in px
_LEAST = 8.0  # its least width and height
_CELL = 9.0  # the greatest size of a cell
_ROW = 16.0  # the height of a cell with a number


class Label(NamedTuple):
    """A value or a gradient, as it is drawn.

    Attributes
    ----------
    kind : str
        "value" or "gradient", with "sign" if the number is extreme.
    lines : list of str
        Its lines, or the captions of the heat map.
    heat : Heat or None
        The heat map.
    cell : tuple of float
        The width and the height of its cells.
    numbers : list of list of str
        The texts in its cells, if there are any.
    """

    kind: str
    lines: list[str]
    heat: Heat | None = None
    cell: tuple[float, float] = (0.0, 0.0)
    numbers: list[list[str]] | None = None

    @property
    def map_size(self) -> tuple[float, float]:
        """The width and the height of the heat map; 0 without one."""
        if self.heat is None:
            return 0.0, 0.0
        return self.cell[0] * len(self.heat.colors[0]), self.cell[1] * len(self.heat.colors)

    @property
    def size(self) -> tuple[float, float]:
        """The width and the height of all."""
        width, height = self.map_size
        size, line = (NUMBERS, LINE) if self.heat is None else (CAPTION, _CAPTION_LINE)
        widest = max([width_of(line, size) for line in self.lines], default=0.0)
        return max(width, widest), height + line * len(self.lines)

    @property
    def said(self) -> str:
        """The label in words."""
        if self.heat is None:
            return " ".join(self.lines)
        return ", ".join([size_text(self.heat.shape), f"the largest is {self.heat.scale:.4g}", *self.heat.signs])

    def shapes(self, x: float, y: float, anchor: str = "middle", captions: str = "below") -> list[Shape]:
        """Return the label drawn from a height on.

        Parameters
        ----------
        x, y : float
            The middle, the start or the end of its lines, and their top.
        anchor : str
            "middle", "start" or "end".
        captions : str
            Whether the captions of a heat map are "above" or "below" it.
        """
        if self.heat is None:
            first, *rest = self.lines
            return [Text(x, y + _ASCENT, self.kind, first, anchor, more=tuple(rest))]
        width, height = self.map_size
        left = x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        captions_y = y + 9 if captions == "above" else y + height + 10
        top = y + _CAPTION_LINE * len(self.lines) if captions == "above" else y
        shapes: list[Shape] = [Map(left, top, width, height, self.heat.colors, self.kind)]
        for row, texts in enumerate(self.numbers or []):
            for column, text in enumerate(texts):
                middle = left + (column + 0.5) * self.cell[0]
                kind = "cell on dark" if is_dark(self.heat.colors[row][column]) else "cell"
                shapes.append(Text(middle, top + (row + 0.5) * self.cell[1] + 3.5, kind, text))
        for place, text in enumerate(self.lines):
            kind = f"caption {self.kind}" if not text.startswith("!") else "caption sign"
            shapes.append(Text(x, captions_y + _CAPTION_LINE * place, kind, text, anchor))
        return shapes


def labels_of(parts: Iterable[Part], digits: int | None, is_whole: bool) -> dict[Key, tuple[Label, Label]]:
    """Return the labels at the output ports of parts: for each the one of its value and the one of its gradient.

    Parameters
    ----------
    parts : iterable of Part
        The parts.
    digits : int or None
        The digits after the point; None for up to 6 significant digits, and arrays as lines of text.
    is_whole : bool
        Whether whole numbers are shown without a point.
    """
    return {
        (part.name, port): (
            _label("value", _held([wire.value for wire in bundle]), digits, is_whole, kind_of(part.gate)),
            _label("gradient", _held([wire.grad for wire in bundle]), digits, is_whole),
        )
        for part in parts
        for port, bundle in enumerate(part.outputs)
    }


def _held(values: list[Value]) -> Value | str:
    """Return what a wire holds; of a bundle words, or an array if all are numbers, with 0 for those not computed."""
    if len(values) == 1:
        return values[0]
    known = [value for value in values if value is not None]
    if not known:
        return None
    if any(map(shape_of, known)):
        return f"{len(values):,} wires"
    return np.array([0.0 if value is None else value for value in values], dtype=float)


def are_whole(parts: Iterable[Part]) -> bool:
    """Return whether all numbers on the wires of parts, other than arrays, are whole."""
    wires = (wire for part in parts for bundle in part.outputs for wire in bundle)
    held = (number for wire in wires for number in (wire.value, wire.grad) if number is not None)
    return all(float(number).is_integer() for number in held if not shape_of(number) and np.isfinite(number))


def _label(kind: str, value: Value | str, digits: int | None, is_whole: bool, computed_by: str = "") -> Label:
    """Return the label of a value or of a gradient."""
    if value is None or isinstance(value, str):
        return Label(kind, [value or DASH])
    if digits is None:
        return Label(kind, lines_of(value))
    if not shape_of(value):
        number = float(value)
        return Label(f"{kind} sign" if is_extreme(number, _NOISE) else kind, [number_text(number, digits, is_whole)])
    heat = heat_of(value, computed_by)
    if heat is None:
        return Label(kind, [size_text(shape_of(value))] if value.size > 4 else lines_of(value))
    signs = [f"! {sign}" for sign in heat.signs]
    if heat.numbers is not None:
        is_whole = all(number.is_integer() for row in heat.numbers for number in row if np.isfinite(number))
        texts = [[number_text(number, min(digits, 4), is_whole) for number in row] for row in heat.numbers]
        width = max(width_of(text, CAPTION) for row in texts for text in row) + 4
        return Label(kind, signs, heat, (max(width, _ROW), _ROW), texts)
    rows, columns = len(heat.colors), len(heat.colors[0])
    size = min(_CELL, _MAP[0] / columns, _MAP[1] / rows)
    cell = (max(size, _LEAST / columns), max(size, _LEAST / rows))
    captions = ["×".join(map(str, heat.shape))] if kind == "value" else []
    if np.isfinite(value).any():
        captions.append(f"±{heat.scale:.2g}")
    captions += signs
    return Label(kind, captions, heat, cell)
