"""The picture of a graph: a diagram, or an overview of a large one.

An overview tells how many gates of each kind there are in which layers, and how large their numbers are.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from graph.drawing.boxes import layers_of
from graph.drawing.svg import diagram, sheet
from graph.drawing.texts import DASH, escaped, shortened, width_of
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.structure.wiring import outputs_of

MAX_GATES = 400  # of a graph with more a diagram would be a hairball
_BANDS = 16  # columns, at most
_KINDS = 24  # rows, at most; rarer kinds share the last
_COLUMN, _ROW, _HEAD = 84.0, 26.0, 220.0  # px


def picture(graph: TwoPasses, max_gates: int = MAX_GATES, active: str | None = None, dark: bool = True) -> str:
    """Return the SVG of a graph: of one with more gates than `max_gates` an overview.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    max_gates : int
        Of how many gates a diagram is drawn at most.
    active : str, optional
        The gate to highlight.
    dark : bool
        Whether the picture has other colours on a dark screen. A notebook may be light on one: for it, no.
    """
    return diagram(graph, active=active, dark=dark) if gates_of(graph) <= max_gates else overview(graph, dark)


def scrolled(svg: str) -> str:
    """Return a picture as HTML that scrolls where the picture is too wide."""
    return f'<div style="overflow-x: auto">{svg}</div>'


def gates_of(graph: TwoPasses) -> int:
    """Return how many gates a graph has, without those that hold its inputs, parameters and constants."""
    return sum(not isinstance(gate, Entry) for _, gate in graph.graph.nodes(data="gate"))


def overview(graph: TwoPasses, dark: bool = True) -> str:
    """Return the SVG of a table: a row for each kind of gate, a column for each layer, or for several layers together.

    Below stand the largest value and the largest gradient in each column, without their signs.
    """
    order = graph.nodes_topologically_sorted()
    layers = layers_of(graph.graph, order)
    count = max(layers.values(), default=0) + 1
    bands = min(count, _BANDS)
    band_of = {node: layer * bands // count for node, layer in layers.items()}
    gates = dict(graph.graph.nodes(data="gate"))
    totals = Counter(type(gate).__name__ for gate in gates.values())
    kinds = [kind for kind, _ in totals.most_common(_KINDS)]
    cells = Counter((_row(type(gates[node]).__name__, kinds), band) for node, band in band_of.items())
    rows = kinds + (["other kinds"] if len(totals) > len(kinds) else [])
    most = max(cells.values(), default=1)
    body = [_text(f"{graph!r}: an overview by layer and kind", 0, 14, "heading")]
    body.append(_text("layer" if bands == count else "from layer", _HEAD - 12, 48, "note end"))
    for band in range(bands):
        first = -(-band * count // bands)
        body.append(_text(f"{first:,}", _HEAD + (band + 0.5) * _COLUMN, 48, "note middle"))
    for place, kind in enumerate(rows):
        total = totals[kind] if kind in totals else sum(cells[kind, band] for band in range(bands))
        y = 60 + place * _ROW
        body.append(_text(f"{shortened(kind)} {total:,}", _HEAD - 12, y + 17, "note end"))
        body += [_cell(kind, cells[kind, band], most, band, y) for band in range(bands) if cells[kind, band]]
    y = 60 + len(rows) * _ROW + 24
    recording = graph.recording
    held = (None, None) if recording is None else (recording.values, recording.grads)
    for kind, numbers in zip(("value", "gradient"), held):
        largest = _largest(graph, numbers, band_of, gates, bands)
        body.append(_text(f"largest |{kind}|", _HEAD - 12, y, f"{kind} end"))
        body += [_text(text, _HEAD + (band + 0.5) * _COLUMN, y, f"{kind} middle") for band, text in enumerate(largest)]
        y += 20
    described = f"{graph!r}, by layer and kind: " + ", ".join(f"{totals[kind]:,} {kind}" for kind in kinds)
    width = max(_HEAD + bands * _COLUMN, width_of(f"{graph!r}: an overview by layer and kind", 14))
    return sheet(repr(graph), described, width + 32, y + 20, body, dark)


def _row(kind: str, kinds: list[str]) -> str:
    return kind if kind in kinds else "other kinds"


def _cell(kind: str, count: int, most: int, band: int, y: float) -> str:
    """Return a cell, the darker the more gates it stands for."""
    shade = 0.12 + 0.4 * math.log1p(count) / math.log1p(most)
    x = _HEAD + band * _COLUMN
    return (
        f"<g><title>{count:,} {escaped(kind)}</title>"
        f'<rect class="tip" x="{x + 1:.0f}" y="{y + 1:.0f}" width="{_COLUMN - 2:.0f}" height="{_ROW - 2:.0f}" rx="3" '
        f'fill-opacity="{shade:.2f}"/>{_text(f"{count:,}", x + _COLUMN / 2, y + 17, "note middle")}</g>'
    )


def _largest(
    graph: TwoPasses, held: list[Any] | None, band_of: dict[str, int], gates: dict[str, Any], bands: int
) -> list[str]:
    """Return for each band the largest number held there, without its sign, as text."""
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


def _text(text: str, x: float, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{escaped(text)}</text>'
