"""Layered layout: place boxes in columns and route wires between them. Knows nothing of gates or SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from graph.drawing.boxes import Box, Edge, Nodes
from graph.drawing.coordinates import coordinates
from graph.drawing.crossings import ordered


class Layout(NamedTuple):
    """The positions of boxes and wires. Lengths are in px, y points down, and the top left corner is (0, 0).

    A route has an even number of points, from the source port to the target port. Points 0 and 1, 2 and 3, and so
    on, are the ends of straight horizontal runs, each in one column: out of the source, through the columns between,
    into the target. From point 1 to 2, 3 to 4, and so on, the wire turns in the gap between two columns, which
    contains nothing else: all turns in a gap begin at one x and end at one x. Wires from one port have the same
    points as far as they run together.
    """

    places: list[tuple[float, float]]  # left edge and middle y of each box
    routes: list[list[tuple[float, float]]]  # the points of each edge
    width: float
    height: float


def arrange(boxes: Sequence[Box], edges: Sequence[Edge]) -> Layout:
    """Place boxes in columns with few crossings and straight wires, and route the wires between them.

    A wire over several columns runs straight through those between, clear of their boxes and texts. Wires from one
    output port share their route as far as they run together. The same input gives the same layout.

    Parameters
    ----------
    boxes : sequence of Box
        The boxes. The search for few crossings begins with their order.
    edges : sequence of Edge
        The wires, each from a lower to a higher layer.

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
        return Layout([], [], 0.0, 0.0)
    nodes = Nodes(boxes, edges)
    nodes.layers = ordered(nodes)
    y = coordinates(nodes)
    top = min(y[node] - slot / 2 for node, slot in enumerate(nodes.slots))
    y = [middle - top for middle in y]
    lefts, rights, widths = _columns(nodes, y)
    places = [(lefts[c] + (widths[c] - box.width) / 2, middle) for box, c, middle in zip(boxes, nodes.column, y)]
    routes = []
    for edge in edges:
        (left, middle), start, end = places[edge.source], nodes.column[edge.source], nodes.column[edge.target]
        leaving = middle + boxes[edge.source].outputs[edge.source_port]
        route = [(left + boxes[edge.source].width, leaving), (rights[start], leaving)]
        for node in nodes.trunks[edge.source, edge.source_port][: end - start - 1]:
            route += [(lefts[nodes.column[node]], y[node]), (rights[nodes.column[node]], y[node])]
        left, middle = places[edge.target]
        entering = middle + ((edge.target_port + 1) / (edge.target_ports + 1) - 0.5) * boxes[edge.target].height
        routes.append([*route, (lefts[end], entering), (left, entering)])
    return Layout(places, routes, rights[-1], max(middle + slot / 2 for middle, slot in zip(y, nodes.slots)))


def _columns(nodes: Nodes, y: list[float]) -> tuple[list[float], list[float], list[float]]:
    """Return the x where each column begins, the x where its texts end, and the width of its widest box."""
    lefts: list[float] = []
    rights: list[float] = []
    widths: list[float] = []
    for layer in nodes.layers:
        boxes = [nodes.boxes[node] for node in layer if node < len(nodes.boxes)]
        turns = [abs(y[node] - y[link.other] - link.shift) for node in layer for link in nodes.before[node]]
        gap = min(120.0, 36.0 + 2.0 * sum(turn > 1 for turn in turns) + 0.12 * max(turns, default=0.0))
        lefts.append(rights[-1] + gap if rights else 0.0)
        widths.append(max(box.width for box in boxes))
        rights.append(lefts[-1] + max((widths[-1] + box.width) / 2 + box.room for box in boxes))
    return lefts, rights, widths
