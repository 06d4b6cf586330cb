"""Places the boxes of a layered drawing, and routes wires between them; knows nothing of gates or SVG."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

_WIRE = 14.0  # px kept free for a wire that passes a column
_CROWD = 8_000  # with more boxes and passing wires than these, fewer sweeps are made
_ROUNDS = 10
_IDLE = 4  # rounds without fewer crossings, after which no more are tried


class Box(NamedTuple):
    """What is to be placed. Lengths are in px."""

    layer: int  # its column, 0 left
    width: float
    height: float  # the box itself
    room: float  # free width right of the box, for the texts on its output wires
    outputs: tuple[float, ...]  # vertical offsets of its output ports from the box's middle
    slot: float  # height kept free for the box and its texts, centred on the box's middle


class Edge(NamedTuple):
    """A wire from an output port of a box to an input port of a box in a later layer."""

    source: int  # index of a box
    source_port: int
    target: int
    target_port: int
    target_ports: int  # how many inputs the target has


class Layout(NamedTuple):
    """Where everything is. Lengths are in px, y points down, and the top left corner is (0, 0).

    A route has an even number of points, from the source port to the target port. Points 0 and 1, 2 and 3, and so
    on, are the ends of straight horizontal runs, each in one column: out of the source, past the columns between,
    into the target. From point 1 to 2, 3 to 4, and so on, the wire turns in the gap between two columns, where
    nothing else stands: all turns in a gap begin at one x and end at one x. Wires from one port have the same points
    as far as they go together.
    """

    places: list[tuple[float, float]]  # left edge and middle y of each box
    routes: list[list[tuple[float, float]]]  # the points of each edge
    width: float
    height: float


class _Link(NamedTuple):
    """A piece of wire between neighbouring layers, as seen from one of its ends."""

    other: int  # the node at the other end
    there: float  # the port's place in the other node, from 0 at the top to 1
    here: float  # the port's place in this node
    shift: float  # the wire is straight when this node's y is the other's plus this
    weight: float  # how much a bend in it hurts


class _Nodes:
    """The boxes, and after them the places where wires pass a column, with the links between neighbouring layers."""

    def __init__(self, boxes: Sequence[Box], edges: Sequence[Edge]) -> None:
        rank = {layer: column for column, layer in enumerate(sorted({box.layer for box in boxes}))}
        self.column = [rank[box.layer] for box in boxes]
        self.slots = [box.slot for box in boxes]
        self.layers: list[list[int]] = [[] for _ in rank]
        for node, column in enumerate(self.column):
            self.layers[column].append(node)
        self.before: list[list[_Link]] = [[] for _ in boxes]
        self.after: list[list[_Link]] = [[] for _ in boxes]
        self.trunks: dict[tuple[int, int], list[int]] = {}  # for an output port, where its wire passes columns
        self.boxes = boxes
        for edge in edges:
            self._add(edge)

    def _add(self, edge: Edge) -> None:
        """Link an edge's boxes through its port's trunk, which grows as far as needed."""
        start, end = self.column[edge.source], self.column[edge.target]
        assert start < end, edge
        outputs = self.boxes[edge.source].outputs
        offset = outputs[edge.source_port]
        leaving = (edge.source, (sum(other < offset for other in outputs) + 1) / (len(outputs) + 1), offset)
        trunk = self.trunks.setdefault((edge.source, edge.source_port), [])
        for column in range(start + 1 + len(trunk), end):
            node = len(self.slots)
            self.column.append(column)
            self.slots.append(_WIRE)
            self.layers[column].append(node)
            self.before.append([])
            self.after.append([])
            self._link((trunk[-1], 0.5, 0.0) if trunk else leaving, (node, 0.5, 0.0))
            trunk.append(node)
        passed = end - start - 1
        place = (edge.target_port + 1) / (edge.target_ports + 1)
        entering = (edge.target, place, (place - 0.5) * self.boxes[edge.target].height)
        self._link((trunk[passed - 1], 0.5, 0.0) if passed else leaving, entering)

    def _link(self, left: tuple[int, float, float], right: tuple[int, float, float]) -> None:
        """Link two ends: node, place of the port in it, and offset from its middle."""
        passing = (left[0] >= len(self.boxes)) + (right[0] >= len(self.boxes))
        weight = (1.0, 2.0, 8.0)[passing]  # a bend in the middle of a long wire is the ugliest
        shift = left[2] - right[2]
        self.before[right[0]].append(_Link(left[0], left[1], right[1], shift, weight))
        self.after[left[0]].append(_Link(right[0], right[1], left[1], -shift, weight))

    def rounds(self) -> int:
        """Return how many sweeps are made: fewer in a crowd."""
        return max(1, min(_ROUNDS, _ROUNDS * _CROWD // len(self.slots)))


def arrange(boxes: Sequence[Box], edges: Sequence[Edge]) -> Layout:
    """Place boxes in columns with few crossings and straight wires, and route the wires between them.

    A wire over several columns runs straight past those between, clear of their boxes and texts. Wires from one
    output port share their way as far as they go together. The same input gives the same layout.

    Parameters
    ----------
    boxes
        What to place. Of equally good orders in a column, the one nearest to theirs is sought.
    edges
        Wires, each from a lower to a higher layer.

    References
    ----------
    K. Sugiyama, S. Tagawa, M. Toda, Methods for visual understanding of hierarchical system structures, IEEE Trans.
    SMC 11 (1981); E. Gansner et al., A technique for drawing directed graphs, IEEE Trans. SE 19 (1993).
    """
    if not boxes:
        return Layout([], [], 0.0, 0.0)
    nodes = _Nodes(boxes, edges)
    nodes.layers = _ordered(nodes)
    y = _heights(nodes)
    top = min(y[node] - slot / 2 for node, slot in enumerate(nodes.slots))
    y = [middle - top for middle in y]
    lefts, rights, widths = _columns(nodes, y)
    places = [
        (lefts[column] + (widths[column] - box.width) / 2, middle)
        for box, column, middle in zip(boxes, nodes.column, y)
    ]
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


def count_crossings(ends: Iterable[tuple[float, float]]) -> int:
    """Return how many pairs of lines between two columns cross, given the lines' places on the left and the right.

    Lines that meet at an end do not cross there.

    Examples
    --------
    >>> count_crossings([(0, 1), (1, 0), (2, 2)])
    1
    """
    crossings = 0
    passed: list[float] = []
    for _, right in sorted(ends):
        crossings += len(passed) - bisect_right(passed, right)
        insort(passed, right)
    return crossings


def _ordered(nodes: _Nodes) -> list[list[int]]:
    """Return the layers in the order with the fewest crossings that sweeps to and fro have met."""
    before, after = nodes.before, nodes.after
    rounds = nodes.rounds()
    place = [0] * len(nodes.slots)
    best, fewest = nodes.layers, _crossings(nodes.layers, before, place)
    layers = [list(layer) for layer in best]
    idle = 0
    for turn in range(rounds):
        if fewest == 0 or idle == _IDLE:
            break
        rightwards = [(layer, before) for layer in layers]
        leftwards = [(layer, after) for layer in reversed(layers)]
        for layer, links in leftwards + rightwards if turn % 2 else rightwards + leftwards:
            _sort(layer, links, place)
        for _ in range(rounds):
            if not sum(_exchange(layer, before, after, place) for layer in layers):
                break
        crossings = _crossings(layers, before, place)
        idle += 1
        if crossings < fewest:
            best, fewest, idle = [list(layer) for layer in layers], crossings, 0
    return best


def _crossings(layers: list[list[int]], before: list[list[_Link]], place: list[int]) -> int:
    """Write each node's place in its layer into `place`, and return the number of crossings."""
    for layer in layers:
        for index, node in enumerate(layer):
            place[node] = index
    return sum(
        count_crossings(
            (place[link.other] + link.there, place[node] + link.here) for node in layer for link in before[node]
        )
        for layer in layers
    )


def _sort(layer: list[int], links: list[list[_Link]], place: list[int]) -> None:
    """Sort a layer by the mean place of its nodes' neighbours on one side; nodes without any stay where they are."""
    means = {
        node: sum(place[link.other] + link.there for link in links[node]) / len(links[node])
        for node in layer
        if links[node]
    }
    in_order = iter(sorted(means, key=means.__getitem__))
    layer[:] = [next(in_order) if node in means else node for node in layer]
    for index, node in enumerate(layer):
        place[node] = index


def _exchange(layer: list[int], before: list[list[_Link]], after: list[list[_Link]], place: list[int]) -> int:
    """Exchange neighbours in a layer where that saves crossings, and return how many it saves."""
    ends = [
        [sorted(place[link.other] + link.there for link in links[node]) for links in (before, after)] for node in layer
    ]
    saved = 0
    for low in range(1, len(layer)):
        gain = 0
        for above, below in zip(ends[low - 1], ends[low]):
            for end in above:
                gain += bisect_left(below, end) + bisect_right(below, end) - len(below)
        if gain > 0:
            saved += gain
            ends[low - 1], ends[low] = ends[low], ends[low - 1]
            layer[low - 1], layer[low] = layer[low], layer[low - 1]
    for index, node in enumerate(layer):
        place[node] = index
    return saved


def _heights(nodes: _Nodes) -> list[float]:
    """Return the y of each node: as near as the slots allow to where its wires are straight."""
    before, after = nodes.before, nodes.after
    both = [left + right for left, right in zip(before, after)]
    stacked = [0.0] * len(nodes.slots)  # y when a layer stands as close as it can
    for layer in nodes.layers:
        for upper, lower in pairwise(layer):
            stacked[lower] = stacked[upper] + (nodes.slots[upper] + nodes.slots[lower]) / 2
    y = [height - stacked[nodes.layers[column][-1]] / 2 for height, column in zip(stacked, nodes.column)]
    rounds = nodes.rounds()
    best, least = y, inf
    for turn in range(2 * rounds):
        for layer in nodes.layers:
            _settle(layer, before if turn < rounds else both, stacked, y)
        for layer in reversed(nodes.layers):
            _settle(layer, after if turn < rounds else both, stacked, y)
        bends = (
            max(y)
            - min(y)
            + sum(
                link.weight * abs(y[node] - y[link.other] - link.shift)
                for node, links in enumerate(before)
                for link in links
            )
        )
        if bends < least:
            best, least = list(y), bends
    for _ in range(rounds):
        _straighten(nodes, stacked, best)
    return best


def _settle(layer: list[int], links: list[list[_Link]], stacked: list[float], y: list[float]) -> None:
    """Move the nodes of a layer towards the median of where their links want them, keeping order and distance."""
    blocks: list[tuple[float, float, int]] = []  # weight, wanted y less the stacked one, nodes
    for node in layer:
        weight, wanted, count = 0.1, 0.9 * y[node], 1  # a node without links drifts to the middle
        if links[node]:
            weight, wanted = _median([(y[link.other] + link.shift, link.weight) for link in links[node]])
        wanted -= stacked[node]
        while blocks and blocks[-1][1] >= wanted:  # two that are too near move as one
            its_weight, its_wanted, its_count = blocks.pop()
            wanted = (wanted * weight + its_wanted * its_weight) / (weight + its_weight)
            weight, count = weight + its_weight, count + its_count
        blocks.append((weight, wanted, count))
    starts = (wanted for _, wanted, count in blocks for _ in range(count))
    for node, start in zip(layer, starts):
        y[node] = start + stacked[node]


def _straighten(nodes: _Nodes, stacked: list[float], y: list[float]) -> None:
    """Move nodes that straight wires join, all together, as far as there is room, to where more wires are straight."""
    neighbours: list[list[int]] = [[] for _ in y]
    for upper, lower in (pair for layer in nodes.layers for pair in pairwise(layer)):
        neighbours[upper].append(lower)
        neighbours[lower].append(upper)
    group = [-1] * len(y)
    for first in range(len(y)):
        if group[first] >= 0:
            continue
        members, bends = [first], []
        group[first] = first
        for node in members:
            for links, part in ((nodes.before[node], 1.01), (nodes.after[node], 1.0)):  # of left and right, left wins
                for link in links:
                    bend = y[link.other] + link.shift - y[node]
                    if abs(bend) < 0.01 and group[link.other] < 0:
                        group[link.other] = first
                        members.append(link.other)
                    bends.append((link.other, bend, part * link.weight))
        wishes = [(bend, weight) for other, bend, weight in bends if group[other] != first]
        up, down = -inf, inf
        for node in members:
            for other in neighbours[node]:
                room = y[other] - stacked[other] - y[node] + stacked[node]
                if group[other] != first and stacked[other] < stacked[node]:
                    up = max(up, room)
                elif group[other] != first:
                    down = min(down, room)
        if wishes and up < down:
            move = max(up, min(down, _median(wishes)[1]))
            for node in members:
                y[node] += move


def _median(wishes: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the total weight of the wishes, each with its weight, and their weighted median."""
    wishes.sort()
    total = sum(weight for _, weight in wishes)
    passed = 0.0
    for (wish, weight), (next_wish, _) in pairwise(wishes):
        passed += weight
        if 2 * passed > total:
            return total, wish
        if 2 * passed == total:
            return total, (wish + next_wish) / 2
    return total, wishes[-1][0]


def _columns(nodes: _Nodes, y: list[float]) -> tuple[list[float], list[float], list[float]]:
    """Return the x where each column begins, where its texts end, and the width of its boxes."""
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
