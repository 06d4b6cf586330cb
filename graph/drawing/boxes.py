"""What a layered drawing is made of: layers, boxes, wires, and the places where wires pass a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graph.structure.entries import Entry, Input
from graph.structure.wiring import all_sources

_WIRE = 14.0  # px kept free for a wire that passes a column
_CROWD = 8_000  # with more boxes and passing wires than these, fewer sweeps are made
_ROUNDS = 10


def layers_of(graph: Any, order: list[str]) -> dict[str, int]:
    """Return the layer of each gate, inputs in layer 0, each gate after all that it reads.

    Parameters and constants stand just before the first gate that reads them.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        The graph.
    order : list of str
        Its gates in topological order.
    """
    sources = dict(all_sources(graph))
    layers: dict[str, int] = {}
    readers: dict[str, int] = {}  # of each entry, the layer of the first gate that reads it
    gates = graph.nodes
    for node in order:
        layers[node] = max([layers[source] for source, _ in sources[node]], default=-1) + 1
        for source, _ in sources[node]:
            if not sources[source]:
                readers[source] = min(layers[node], readers.get(source, layers[node]))
    for node, reader in readers.items():
        gate = gates[node]["gate"]
        if isinstance(gate, Entry) and not isinstance(gate, Input):
            layers[node] = reader - 1
    return layers


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


class Link(NamedTuple):
    """A piece of wire between neighbouring layers, as seen from one of its ends."""

    other: int  # the node at the other end
    there: float  # the port's place in the other node, from 0 at the top to 1
    here: float  # the port's place in this node
    shift: float  # the wire is straight when this node's y is the other's plus this
    weight: float  # how much a bend in it hurts


class Nodes:
    """The boxes, and after them the places where wires pass a column, with the links between neighbouring layers."""

    def __init__(self, boxes: Sequence[Box], edges: Sequence[Edge]) -> None:
        rank = {layer: column for column, layer in enumerate(sorted({box.layer for box in boxes}))}
        self.column = [rank[box.layer] for box in boxes]
        self.slots = [box.slot for box in boxes]
        self.layers: list[list[int]] = [[] for _ in rank]
        for node, column in enumerate(self.column):
            self.layers[column].append(node)
        self.before: list[list[Link]] = [[] for _ in boxes]
        self.after: list[list[Link]] = [[] for _ in boxes]
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
        self.before[right[0]].append(Link(left[0], left[1], right[1], shift, weight))
        self.after[left[0]].append(Link(right[0], right[1], left[1], -shift, weight))

    def rounds(self) -> int:
        """Return how many sweeps are made: fewer in a crowd."""
        return max(1, min(_ROUNDS, _ROUNDS * _CROWD // len(self.slots)))
