"""The elements of a layered drawing: layers, boxes, edges, and dummy nodes where long wires pass through columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_WIRE = 7.0  # px kept free on each side of a wire that passes through a column
_RIM = 4.0  # px kept free beyond the outermost ports
_MANY = 8_000  # with more nodes than this, fewer rounds are made
_ROUNDS = 10
_MAIN, _TIED, _SIDE, _PASSING = 200.0, 3.0, 1.0, 8.0  # the cost of a bend per px


class Box(NamedTuple):
    """A box to be placed, with its middle on the wire that leaves it. Lengths are in px.

    Along the wires a box has, in this order, room for texts at its inputs, itself, and room for texts at its outputs.
    """

    layer: int  # 0 is the first
    width: float  # along the wires
    height: float  # across them
    lead: float  # width to keep free before the box
    room: float  # width to keep free after it
    outputs: tuple[float, ...]  # the offsets of its output ports from its middle
    above: float  # height to keep free above its middle
    below: float
    in_order: bool = True  # whether the first input must be the uppermost, and so on
    at_end: bool = False  # whether it stands at the end of its column, not in its middle
    is_aside: bool = False  # whether it never begins the main way
    ports: tuple[float, float] = (0.0, 16.0)  # the least and the greatest px between input ports, if there is room


class Edge(NamedTuple):
    """A wire from an output port of a box to an input port of a box in a later layer."""

    source: int  # index of a box
    source_port: int
    target: int
    target_port: int


class Link:
    """A segment of a wire between adjacent layers, as seen from the node at one of its ends.

    Attributes
    ----------
    other : int
        The node at the other end.
    there, here : float
        The position of the port in the other node and in this one, from 0 at the top to 1 at the bottom.
    shift : float
        The segment is straight if this node's y is the other's plus this.
    weight : float
        The cost of a bend per px.
    is_main : bool
        Whether the wire is the main way into the box at its end, or one of several that are equally long.
    """

    __slots__ = ("here", "is_main", "other", "shift", "there", "weight")

    def __init__(self, other: int, there: float, here: float, shift: float, weight: float, is_main: bool) -> None:
        self.other, self.there, self.here = other, there, here
        self.shift, self.weight, self.is_main = shift, weight, is_main


class Nodes:
    """The nodes of a layered drawing, the boxes and then the dummy nodes, and the links between adjacent layers."""

    def __init__(self, boxes: Sequence[Box], edges: Sequence[Edge]) -> None:
        rank = {layer: column for column, layer in enumerate(sorted({box.layer for box in boxes}))}
        self.boxes, self.edges = boxes, edges
        self.column = [rank[box.layer] for box in boxes]
        self.above = [box.above for box in boxes]
        self.below = [box.below for box in boxes]
        self.layers: list[list[int]] = [[] for _ in rank]
        for node, column in enumerate(self.column):
            self.layers[column].append(node)
        self.before: list[list[Link]] = [[] for _ in boxes]
        self.after: list[list[Link]] = [[] for _ in boxes]
        self.trunks: dict[tuple[int, int], list[int]] = {}  # for each output port, the dummy nodes of its wire
        self.entering: list[list[int]] = [[] for _ in boxes]  # for each box, the edges into it, from top to bottom
        for number, edge in enumerate(edges):
            self.entering[edge.target].append(number)
        self.main = self._main_ways()
        self.last: list[tuple[Link, Link]] = []  # the last segment of each edge, from both ends
        for number, edge in enumerate(edges):
            self._add(edge, self.main[number])
        for numbers in self.entering:
            numbers.sort(key=lambda number: edges[number].target_port)
            for place, number in enumerate(numbers):
                self._aim(number, (place + 1) / (len(numbers) + 1), 0.0)

    def _main_ways(self) -> list[float]:
        """Return the weight of each edge: the longest way into a box is the main one."""
        depth = [0] * len(self.boxes)
        weights = [_SIDE] * len(self.edges)
        for layer in self.layers:
            for node in layer:
                depths = [depth[self.edges[number].source] for number in self.entering[node]]
                depth[node] = max(depths, default=-2 if self.boxes[node].is_aside else -1) + 1
                longest = [number for number, d in zip(self.entering[node], depths) if d == depth[node] - 1]
                for number in longest:
                    weights[number] = _MAIN if len(longest) == 1 else _TIED
        return weights

    def _add(self, edge: Edge, weight: float) -> None:
        """Link an edge's boxes through the dummy nodes of its output port, and add those that are missing."""
        start, end = self.column[edge.source], self.column[edge.target]
        assert start < end, edge
        outputs = self.boxes[edge.source].outputs
        offset = outputs[edge.source_port]
        leaving = (edge.source, (sum(other < offset for other in outputs) + 1) / (len(outputs) + 1), offset)
        trunk = self.trunks.setdefault((edge.source, edge.source_port), [])
        for column in range(start + 1 + len(trunk), end):
            node = len(self.column)
            self.column.append(column)
            self.above.append(_WIRE)
            self.below.append(_WIRE)
            self.layers[column].append(node)
            self.before.append([])
            self.after.append([])
            is_first = not trunk
            self._link((trunk[-1], 0.5, 0.0) if trunk else leaving, node, _SIDE if is_first else _PASSING, True)
            trunk.append(node)
        passed = self.passed(edge)
        last = (passed[-1], 0.5, 0.0) if passed else leaving
        self.last.append(self._link(last, edge.target, weight, is_main=weight > _SIDE))

    def _link(self, left: tuple[int, float, float], right: int, weight: float, is_main: bool) -> tuple[Link, Link]:
        """Link a port, given as a node, the position of the port in it and its offset, with the middle of a node."""
        backward = Link(left[0], left[1], 0.5, left[2], weight, is_main)
        forward = Link(right, 0.5, left[1], -left[2], weight, is_main)
        self.before[right].append(backward)
        self.after[left[0]].append(forward)
        return backward, forward

    def _aim(self, number: int, place: float, offset: float) -> None:
        """Set where an edge ends: the position of the port in its target, and its offset from the middle."""
        backward, forward = self.last[number]
        edge = self.edges[number]
        leaving = self.boxes[edge.source].outputs[edge.source_port] if backward.other == edge.source else 0.0
        is_free = not self.boxes[edge.target].in_order
        backward.here = forward.there = 0.5 if is_free else place
        backward.shift, forward.shift = leaving - offset, offset - leaving

    def assign_ports(self) -> None:
        """Give each edge the port at which it ends, for the order that the layers have."""
        place = self._place = [0] * len(self.column)
        for layer in self.layers:
            for index, node in enumerate(layer):
                place[node] = index
        for box, numbers in zip(self.boxes, self.entering):
            if not box.in_order:  # by where the wires come from; those from one node by their order
                numbers.sort(key=lambda number: place[self.last[number][0].other] + self.last[number][0].there)
            for at, (number, offset) in enumerate(zip(numbers, self.offsets(box, numbers))):
                self._aim(number, (at + 1) / (len(numbers) + 1), offset)

    def passed(self, edge: Edge) -> list[int]:
        """Return the dummy nodes that an edge passes, from left to right."""
        length = self.column[edge.target] - self.column[edge.source] - 1
        return self.trunks[edge.source, edge.source_port][:length]

    def offsets(self, box: Box, numbers: list[int]) -> list[float]:
        """Return the offsets of a box's input ports from its middle, where the main way enters if there is room."""
        mains = [at for at, number in enumerate(numbers) if self.main[number] > _SIDE]
        last, room, (least, greatest) = len(numbers) - 1, box.height / 2 - _RIM, box.ports
        middle = float(mains[0]) if len(mains) == 1 else last / 2
        if last > 1 and room < max(middle, last - middle) * least:
            middle = last / 2
        longest = max(middle, last - middle)
        step = min(greatest, room / longest) if longest else 0.0
        return [(at - middle) * step for at in range(len(numbers))]

    def neighbor(self, node: int, side: int) -> int | None:
        """Return the node just above another one (side -1) or just below it (side 1); None if there is none."""
        layer, place = self.layers[self.column[node]], self._place[node] + side
        return layer[place] if 0 <= place < len(layer) else None

    def port(self, number: int) -> float:
        """Return the offset of the port at which an edge ends."""
        backward, edge = self.last[number][0], self.edges[number]
        leaving = self.boxes[edge.source].outputs[edge.source_port] if backward.other == edge.source else 0.0
        return leaving - backward.shift

    def rounds(self) -> int:
        """Return how many rounds of improvements to make: fewer if there are many nodes."""
        return max(1, min(_ROUNDS, _ROUNDS * _MANY // len(self.column)))
