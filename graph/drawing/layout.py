"""Layered layout: place boxes in columns and route wires between them. Knows nothing of gates or SVG."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from graph.drawing.boxes import Box, Edge, Nodes
from graph.drawing.coordinates import coordinates
from graph.drawing.crossings import ordered

Route = list[tuple[float, float]]
_LANE = 9.0  # px from one wire to the next where wires go on in the next line
_BETWEEN = 14.0  # px between lines
_NARROWEST, _WIDEST, _SLOPE = 12.0, 72.0, 0.5  # px of a gap in which wires turn, and how it grows with the turns


class Layout(NamedTuple):
    """The positions of boxes and wires. Lengths are in px, y points down, and the top left corner is (0, 0).

    A route goes from the source port to the target port. Where neighboring points have the same x or the same y, it is
    straight; elsewhere it turns in the gap between two columns, which contains nothing else: all turns in a gap begin
    at one x and end at one x. Wires from one port have the same points as far as they run together.
    """

    places: list[tuple[float, float]]  # left edge and middle y of each box
    routes: list[Route]  # the points of each edge
    width: float
    height: float
    lines: list[int]  # the line in which each box stands


def arrange(boxes: Sequence[Box], edges: Sequence[Edge], line: float | None = None) -> Layout:
    """Place boxes in columns with few crossings and straight wires, and route the wires between them.

    The longest way into each box is straight, and other wires join it from above and below. A wire over several columns
    runs straight through those between, clear of their boxes and texts. Wires from one output port share their route as
    far as they run together. The same input gives the same layout.

    Parameters
    ----------
    boxes : sequence of Box
        The boxes. The search for few crossings begins with their order.
    edges : sequence of Edge
        The wires, each from a lower to a higher layer.
    line : float, optional
        The greatest width: a longer drawing goes on in the next line, like text. Each line has at least one column.

    Returns
    -------
    Layout
        A position for each box and a route for each edge, in px. Layers without boxes get no column.

    References
    ----------
    K. Sugiyama, S. Tagawa, M. Toda, Methods for visual understanding of hierarchical system structures, IEEE Trans.
    SMC 11 (1981); E. Gansner et al., A technique for drawing directed graphs, IEEE Trans. SE 19 (1993).
    """
    if not boxes:
        return Layout([], [], 0.0, 0.0, [])
    nodes = Nodes(boxes, edges)
    nodes.layers = ordered(nodes)
    nodes.assign_ports()
    y = coordinates(nodes)
    columns = _Columns(nodes, y)
    lines = _Lines(nodes, y, columns, line)
    places = [
        lines.moved(column, columns.middles[column] - box.width / 2 + columns.spare(box, column), middle)
        for box, column, middle in zip(boxes, nodes.column, y)
    ]
    routes = [_route(nodes, number, places, columns, lines, y) for number in range(len(edges))]
    numbers = [lines.numbers[column] for column in nodes.column[: len(boxes)]]
    return Layout(places, routes, lines.width, lines.height, numbers)


def _route(
    nodes: Nodes, number: int, places: Sequence[tuple[float, float]], columns: _Columns, lines: _Lines, y: list[float]
) -> Route:
    """Return the points of an edge."""
    edge = nodes.edges[number]
    box, column, passed = nodes.boxes[edge.source], nodes.column[edge.source], nodes.passed(edge)
    offset = box.outputs[edge.source_port]
    left, middle = places[edge.source]
    route = [(left + box.width, middle + offset)]
    from_y = y[edge.source] + offset
    for node in [*passed, edge.target]:
        to_y = y[node] + (nodes.port(number) if node == edge.target else 0.0)
        route += [lines.moved(column, columns.rights[column], from_y), *lines.way(column, from_y)]
        column, from_y = column + 1, to_y
        route += [lines.moved(column, columns.lefts[column], to_y)]
    return [*route, (places[edge.target][0], route[-1][1])]


class _Columns:
    """The columns: where each begins, where the middle of its boxes is, and where it ends."""

    def __init__(self, nodes: Nodes, y: list[float]) -> None:
        self.lefts: list[float] = []
        self.middles: list[float] = []
        self.rights: list[float] = []
        self.widths: list[float] = []
        for column, layer in enumerate(nodes.layers):
            boxes = [nodes.boxes[node] for node in layer if node < len(nodes.boxes)]
            turns = [abs(y[node] - y[link.other] - link.shift) for node in layer for link in nodes.before[node]]
            turn = max(turns, default=0.0)
            gap = min(_WIDEST, _NARROWEST + _SLOPE * turn) if turn > 1 else 0.0
            self.widths.append(max(box.width for box in boxes))
            self.lefts.append(self.rights[-1] + gap if self.rights else 0.0)
            reach = max(box.lead + box.width / 2 - self.spare(box, column) for box in boxes)
            self.middles.append(self.lefts[-1] + reach)
            self.rights.append(
                self.middles[-1] + max(box.width / 2 + self.spare(box, column) + box.room for box in boxes)
            )

    def spare(self, box: Box, column: int) -> float:
        """Return how far a box stands right of the middle of its column."""
        return (self.widths[column] - box.width) / 2 if box.at_end else 0.0


class _Lines:
    """The lines into which a drawing is broken: where the columns of each are, and the ways from one to the next.

    The wires that go on in the next line leave to the right, pass between the two lines, and come in from the left,
    side by side, without crossing each other.
    """

    def __init__(self, nodes: Nodes, y: list[float], columns: _Columns, longest: float | None) -> None:
        leaving: list[set[float]] = [set() for _ in nodes.layers]  # the y of the wires that leave each column
        for edge in nodes.edges:
            passed = nodes.passed(edge)
            leaving[nodes.column[edge.source]].add(y[edge.source] + nodes.boxes[edge.source].outputs[edge.source_port])
            for node in passed:
                leaving[nodes.column[node]].add(y[node])
        self._leaving = [sorted(found) for found in leaving]
        firsts = [0]
        if longest is not None:
            longest -= _LANE * max(map(len, leaving))
            for column in range(1, len(nodes.layers)):
                start = columns.rights[firsts[-1] - 1] if firsts[-1] else 0.0
                if columns.rights[column] + _LANE * len(leaving[column]) - start > longest:
                    firsts.append(column)
        margin = _LANE * max([len(leaving[first - 1]) for first in firsts[1:]], default=0)
        self._entering: dict[int, dict[float, float]] = {}  # by column, the y at which wires come into its line
        self._columns, self._lasts = columns, {first - 1 for first in firsts[1:]}
        self.numbers: list[int] = []  # of each column, the line in which it is
        self._moves: list[tuple[float, float]] = []  # of each column
        self._floors: list[float] = []  # of each column, the y of the bottom of its line, before it is moved
        self.width = self.height = 0.0
        for number, (first, after) in enumerate(pairwise([*firsts, len(nodes.layers)])):
            members = [node for layer in nodes.layers[first:after] for node in layer]
            goes = self._leaving[after - 1] if after < len(nodes.layers) else []
            top = min(y[node] - nodes.above[node] for node in members)
            floor = max(y[node] + nodes.below[node] for node in members)
            comes = _near(self._leaving[first - 1], top, floor) if first else {}
            self._entering[first] = comes
            top, floor = min([top, *comes.values()]), max([floor, *comes.values()])
            start = columns.rights[first - 1] if first else 0.0
            self._moves += [(margin - start, self.height - top)] * (after - first)
            self._floors += [floor] * (after - first)
            self.numbers += [number] * (after - first)
            self.width = max(self.width, margin - start + columns.rights[after - 1] + _LANE * len(goes))
            self.height += floor - top + (_LANE * len(goes) + _BETWEEN if goes else 0.0)

    def moved(self, column: int, x: float, y: float) -> tuple[float, float]:
        """Return where a point in a column, or in the gap before it, is in the picture."""
        dx, dy = self._moves[column]
        return x + dx, y + dy

    def way(self, column: int, y: float) -> Route:
        """Return the points between a column and the next on the way of a wire at y; none in the same line."""
        if column not in self._lasts:
            return []
        wires = self._leaving[column]
        from_top = wires.index(y)
        lane = _LANE * (len(wires) - from_top)  # the uppermost is the outermost on the right, the innermost on the left
        edge = self._columns.rights[column]
        right, below = self.moved(column, edge + lane, self._floors[column] + lane)
        left, after = self.moved(column + 1, edge - _LANE * (from_top + 1), self._entering[column + 1][y])
        beside = self.moved(column, edge, y)[1]
        start = self.moved(column + 1, edge, y)[0]
        return [(right, beside), (right, below), (left, below), (left, after), (start, after)]


def _near(wires: Sequence[float], top: float, floor: float) -> dict[float, float]:
    """Return where wires come into a line: as they left the last one, but no farther than need be from what it has."""
    above = [y for y in wires if y < top]
    below = [y for y in wires if y > floor]
    near = {y: y for y in wires}
    near.update({y: max(y, top - _LANE * (len(above) - place)) for place, y in enumerate(above)})
    near.update({y: min(y, floor + _LANE * (place + 1)) for place, y in enumerate(below)})
    return near
