"""The elements of a layered drawing: layers, boxes, edges, and dummy nodes where long wires pass through columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from graph.structure.entries import Constant, Parameter
from graph.structure.wiring import all_sources

_WIRE = 14.0  # px kept free for a wire that passes through a column
_MANY = 8_000  # with more nodes than this, fewer rounds are made
_ROUNDS = 10


def layers_of(graph: Any, order: list[str]) -> dict[str, int]:
    """Return the layer of each gate: inputs are in layer 0, and each gate comes after all gates that it reads.

    Parameters and constants are in the layer just before the first gate that reads them.

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
    for node in order:
        layers[node] = max([layers[source] for source, _ in sources[node]], default=-1) + 1
        for source, _ in sources[node]:
            if not sources[source]:
                readers[source] = min(layers[node], readers.get(source, layers[node]))
    for node, reader in readers.items():
        if isinstance(graph.nodes[node]["gate"], (Parameter, Constant)):
            layers[node] = reader - 1
    return layers


class Box(NamedTuple):
    """A box to be placed. Lengths are in px."""

    layer: int  # 0 is the leftmost
    width: float
    height: float
    room: float  # width to keep free to the right of the box, for the texts on its output wires
    outputs: tuple[float, ...]  # vertical offsets of its output ports from the box's middle
    slot: float  # height to keep free for the box and its texts, centered on the box's middle


class Edge(NamedTuple):
    """A wire from an output port of a box to an input port of a box in a later layer."""

    source: int  # index of a box
    source_port: int
    target: int
    target_port: int
    target_ports: int  # the number of the target's inputs


class Link(NamedTuple):
    """A segment of a wire between adjacent layers, as seen from the node at one of its ends."""

    other: int  # the node at the other end
    there: float  # the position of the port in the other node, from 0 at the top to 1 at the bottom
    here: float  # the position of the port in this node
    shift: float  # the segment is straight if this node's y is the other's plus this
    weight: float  # the cost of a bend per px


class Nodes:
    """The nodes of the layered drawing, the boxes and then the dummy nodes, and the links between adjacent layers."""

    def __init__(self, boxes: Sequence[Box], edges: Sequence[Edge]) -> None:
        rank = {layer: column for column, layer in enumerate(sorted({box.layer for box in boxes}))}
        self.column = [rank[box.layer] for box in boxes]
        self.slots = [box.slot for box in boxes]
        self.layers: list[list[int]] = [[] for _ in rank]
        for node, column in enumerate(self.column):
            self.layers[column].append(node)
        self.before: list[list[Link]] = [[] for _ in boxes]
        self.after: list[list[Link]] = [[] for _ in boxes]
        self.trunks: dict[tuple[int, int], list[int]] = {}  # for each output port, the dummy nodes of its wire
        self.boxes = boxes
        for edge in edges:
            self._add(edge)

    def _add(self, edge: Edge) -> None:
        """Link an edge's boxes through the dummy nodes of its output port, and add those that are missing."""
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
        """Link two ends, each a node, the position of the port in it, and the port's offset from the node's middle."""
        passing = (left[0] >= len(self.boxes)) + (right[0] >= len(self.boxes))
        weight = (1.0, 2.0, 8.0)[passing]  # as in dot: keep the middles of long wires straight above all
        shift = left[2] - right[2]
        self.before[right[0]].append(Link(left[0], left[1], right[1], shift, weight))
        self.after[left[0]].append(Link(right[0], right[1], left[1], -shift, weight))

    def rounds(self) -> int:
        """Return how many rounds of improvements to make: fewer if there are many nodes."""
        return max(1, min(_ROUNDS, _ROUNDS * _MANY // len(self.slots)))
