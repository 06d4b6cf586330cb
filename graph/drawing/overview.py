"""The overview of a large graph: how many gates of each kind each layer has, and the largest numbers there."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from gates.formatting import escaped
from graph.drawing.layers import layers_of
from graph.drawing.svg import Picture, Theme, sheet
from graph.drawing.texts import DASH, shortened, width_of
from graph.passes.two_passes import TwoPasses
from graph.structure.wiring import outputs_of
from graph.watching.titles import title_of

_BANDS = 16  # the most columns
_KINDS = 24  # the most rows; rarer kinds share one more
_COLUMN, _ROW, _HEAD = 84.0, 26.0, 220.0  # px


def overview(graph: TwoPasses, theme: Theme = "auto", background: str | None = None) -> Picture:
    """Return the SVG of a table: a row for each kind of gate, a column for each layer or for several layers together.

    Below the table are the largest absolute value and the largest absolute gradient in each column.
    """
    order = graph.nodes_topologically_sorted()
    layers = layers_of(graph.graph, order)
    count = max(layers.values(), default=0) + 1
    bands = min(count, _BANDS)
    band_of = {node: layer * bands // count for node, layer in layers.items()}
    gates = dict(graph.graph.nodes(data="gate"))
    totals = Counter(type(gate).__name__ for gate in gates.values())
    kinds = [kind for kind, _ in totals.most_common(_KINDS)]
    row_of = {kind: kind if kind in kinds else "other kinds" for kind in totals}
    cells = Counter((row_of[type(gates[node]).__name__], band) for node, band in band_of.items())
    rows = kinds + (["other kinds"] if len(totals) > len(kinds) else [])
    most = max(cells.values(), default=1)
    heading = f"{graph!r}: an overview by layer and kind"
    middles = [_HEAD + (band + 0.5) * _COLUMN for band in range(bands)]
    body = [_text(0, 14, "heading", heading)]
    body.append(_text(_HEAD - 12, 48, "note", "layer" if bands == count else "from layer", "end"))
    body += [_text(x, 48, "note", f"{-(-band * count // bands):,}", "middle") for band, x in enumerate(middles)]
    for place, kind in enumerate(rows):
        total = totals[kind] if kind in totals else sum(cells[kind, band] for band in range(bands))
        y = 60 + place * _ROW
        body.append(_text(_HEAD - 12, y + 17, "note", f"{shortened(kind)} {total:,}", "end"))
        body += [_cell(kind, cells[kind, band], most, x, y) for band, x in enumerate(middles) if cells[kind, band]]
    y = 60 + len(rows) * _ROW + 24
    recording = graph.recording
    held = (None, None) if recording is None else (recording.values, recording.grads)
    for kind, numbers in zip(("value", "gradient"), held):
        largest = _largest(graph, numbers, band_of, gates, bands)
        body.append(_text(_HEAD - 12, y, kind, f"largest |{kind}|", "end"))
        body += [_text(x, y, kind, text, "middle") for x, text in zip(middles, largest)]
        y += 20
    described = f"{graph!r}, by layer and kind: " + ", ".join(f"{totals[kind]:,} {kind}" for kind in kinds)
    width = max(_HEAD + bands * _COLUMN, width_of(heading, 14))
    return sheet(title_of(graph), described, width, y + 8, body, theme, background)


def _cell(kind: str, count: int, most: int, middle: float, y: float) -> str:
    """Return the SVG of a cell, which is darker the more gates it counts."""
    shade = 0.12 + 0.4 * math.log1p(count) / math.log1p(most)
    left, width, height = middle - _COLUMN / 2 + 1, _COLUMN - 2, _ROW - 2
    return (
        f'<g><title>{count:,} {escaped(kind)}</title><rect class="tip" x="{left:.0f}" y="{y + 1:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" rx="3" fill-opacity="{shade:.2f}"/>'
        f"{_text(middle, y + 17, 'note', f'{count:,}', 'middle')}</g>"
    )


def _largest(
    graph: TwoPasses, held: list[Any] | None, band_of: dict[str, int], gates: dict[str, Any], bands: int
) -> list[str]:
    """Return for each band the largest absolute value of the numbers held there, as text."""
    if held is None:
        return [DASH] * bands
    found: list[list[float]] = [[] for _ in range(bands)]
    for node, first in graph.schedule.slots.items():
        for value in held[first : first + outputs_of(gates[node])]:
            if type(value) is float:
                found[band_of[node]].append(abs(value))
            elif value is not None and np.size(value):
                found[band_of[node]].append(float(np.max(np.abs(np.asarray(value)))))
    return [f"{np.max(numbers):.3g}" if numbers else DASH for numbers in found]


def _text(x: float, y: float, kind: str, text: str, anchor: str = "start") -> str:
    """Return the SVG of a text."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escaped(text)}</text>'
