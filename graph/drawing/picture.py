"""The picture of a graph: a diagram, or for a large graph an overview.

An overview shows how many gates of each kind each layer has, and the largest value and gradient there.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from gates.formatting import escaped
from graph.drawing import MAX_GATES
from graph.drawing.boxes import layers_of
from graph.drawing.svg import diagram, sheet
from graph.drawing.texts import DASH, shortened, text_at, width_of
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.structure.wiring import outputs_of
from graph.watching.titles import title_of

_BANDS = 16  # the most columns
_KINDS = 24  # the most rows; rarer kinds share one more
_COLUMN, _ROW, _HEAD = 84.0, 26.0, 220.0  # px


def picture(graph: TwoPasses, max_gates: int = MAX_GATES, active: str | None = None, dark: bool = True) -> str:
    """Return the SVG of a graph: a diagram, or an overview if the graph has more than `max_gates` gates.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    max_gates : int
        The largest number of gates to draw as a diagram.
    active : str, optional
        The gate to highlight.
    dark : bool
        Whether the picture has other colors on a dark screen. False for notebooks, which may be light on one.
    """
    return diagram(graph, active=active, dark=dark) if gates_of(graph) <= max_gates else overview(graph, dark)


def scrolled(svg: str) -> str:
    """Wrap a picture in HTML that scrolls if the picture is too wide."""
    return f'<div style="overflow-x: auto">{svg}</div>'


def gates_of(graph: TwoPasses) -> int:
    """Return the number of gates of a graph, not counting its inputs, parameters and constants."""
    return sum(not isinstance(gate, Entry) for _, gate in graph.graph.nodes(data="gate"))


def overview(graph: TwoPasses, dark: bool = True) -> str:
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
    body = [text_at(0, 14, "heading", heading)]
    body.append(text_at(_HEAD - 12, 48, "note end", "layer" if bands == count else "from layer"))
    body += [text_at(x, 48, "note middle", f"{-(-band * count // bands):,}") for band, x in enumerate(middles)]
    for place, kind in enumerate(rows):
        total = totals[kind] if kind in totals else sum(cells[kind, band] for band in range(bands))
        y = 60 + place * _ROW
        body.append(text_at(_HEAD - 12, y + 17, "note end", f"{shortened(kind)} {total:,}"))
        body += [_cell(kind, cells[kind, band], most, x, y) for band, x in enumerate(middles) if cells[kind, band]]
    y = 60 + len(rows) * _ROW + 24
    recording = graph.recording
    held = (None, None) if recording is None else (recording.values, recording.grads)
    for kind, numbers in zip(("value", "gradient"), held):
        largest = _largest(graph, numbers, band_of, gates, bands)
        body.append(text_at(_HEAD - 12, y, f"{kind} end", f"largest |{kind}|"))
        body += [text_at(x, y, f"{kind} middle", text) for x, text in zip(middles, largest)]
        y += 20
    described = f"{graph!r}, by layer and kind: " + ", ".join(f"{totals[kind]:,} {kind}" for kind in kinds)
    width = max(_HEAD + bands * _COLUMN, width_of(heading, 14))
    return sheet(title_of(graph), described, width + 32, y + 20, body, dark)


def _cell(kind: str, count: int, most: int, middle: float, y: float) -> str:
    """Return the SVG of a cell, which is darker the more gates it counts."""
    shade = 0.12 + 0.4 * math.log1p(count) / math.log1p(most)
    left, width, height = middle - _COLUMN / 2 + 1, _COLUMN - 2, _ROW - 2
    return (
        f'<g><title>{count:,} {escaped(kind)}</title><rect class="tip" x="{left:.0f}" y="{y + 1:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" rx="3" fill-opacity="{shade:.2f}"/>'
        f"{text_at(middle, y + 17, 'note middle', f'{count:,}')}</g>"
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
