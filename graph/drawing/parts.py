"""The parts of a picture: gates, and boxes that stand for several gates, such as a closed group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import networkx as nx

from gates.formatting import numbered
from gates.gate import kind_of
from graph.drawing.texts import sign_of
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry, Input
from graph.structure.wire import Wire
from graph.structure.wiring import all_sources

Sources = list[tuple[str, int]]
_SEPARATE = 2  # a box with more output wires has them in a bundle
_BOXES = 60  # so many automatic boxes are drawn at most, otherwise bands of layers
_BANDS = 12
_INPUTS = 6  # so many inputs at most are drawn one by one
_KINDS = 3  # the most kinds of gates whose signs stand in a box
_COUNTED = 1_000  # of a larger box the first gates are looked at


class Part(NamedTuple):
    """A part of a picture.

    Attributes
    ----------
    name : str
        The gate's name, or the box's.
    gate : object or None
        The gate; None for a box of several.
    kind : str
        "input", "parameter", "constant", "gate" or "group".
    sign : str
        What stands in its box; "" for an entry.
    members : sequence of str
        The gates for which it stands.
    outputs : list of list of Wire
        The wires at each of its output ports; a bundle has several.
    sources : list of tuple
        For each input port, the name of a part and its output port.
    group : tuple of str
        The groups in which it stands, if they are open, from the outermost on.
    """

    name: str
    gate: Any
    kind: str
    sign: str
    members: Sequence[str]
    outputs: list[list[Wire]]
    sources: Sources
    group: tuple[str, ...]

    @property
    def is_entry(self) -> bool:
        """Whether values enter the graph here."""
        return self.kind in ("input", "parameter", "constant")


def parts_of(graph: TwoPasses, depth: int | None, most: int) -> list[Part]:
    """Return the parts of a graph's picture, in topological order.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    depth : int or None
        How many groups within one another are open; None for all, as long as there are not too many gates.
    most : int
        The largest number of gates and boxes, not counting inputs, parameters and constants. A graph that has more
        with the given depth gets closed groups; if they do not help, or there are none, boxes of gates of one kind.
    """
    scheme = _Scheme(graph)
    deepest = max(map(len, scheme.groups.values()), default=0)
    for open_ in range(deepest if depth is None else min(depth, deepest), -1, -1):
        boxes = scheme.closed(open_)
        if len({box for node, box in boxes.items() if not isinstance(scheme.gates[node], Entry)}) <= most:
            return scheme.parts(boxes, open_)
    return scheme.parts(scheme.automatic(), 0)


class _Scheme:
    """The wiring of a graph, and ways to put its gates into boxes, given as the key of each gate's box."""

    def __init__(self, graph: TwoPasses) -> None:
        self.graph = graph
        self.order = graph.nodes_topologically_sorted()
        self.gates = dict(graph.graph.nodes(data="gate"))
        self.groups: dict[str, tuple[str, ...]] = {
            node: group for node, group in graph.graph.nodes(data="group") if group
        }
        self.sources: dict[str, Sources] = dict(all_sources(graph.graph))
        self.readers: dict[str, list[str]] = {}
        for node in self.order:
            for source, _ in self.sources[node]:
                self.readers.setdefault(source, []).append(node)

    def closed(self, open_: int) -> dict[str, Hashable]:
        """Return boxes for groups, closed below a depth; those that read their own results stay open."""
        boxes: dict[str, Hashable] = {node: node for node in self.order}
        boxes.update({node: group[: open_ + 1] for node, group in self.groups.items() if len(group) > open_})
        for node in boxes:
            if isinstance(self.gates[node], Input):
                boxes[node] = node
        for node in reversed(self.order):  # entries that nothing else reads belong to the box of their readers
            if isinstance(self.gates[node], Entry) and not isinstance(self.gates[node], Input):
                around = {boxes[reader] for reader in self.readers.get(node, [])}
                boxes[node] = around.pop() if len(around) == 1 and isinstance(next(iter(around)), tuple) else node
        while any(isinstance(box, tuple) for box in boxes.values()) and (cyclic := self._in_cycles(boxes)):
            boxes = {node: node if box in cyclic else box for node, box in boxes.items()}
        return boxes

    def automatic(self) -> dict[str, Hashable]:
        """Return boxes for gates of one kind, by how often the kind changes on the longest way to them.

        If these are too many, each box has all gates of a band of such stages. From one box to another the stage
        grows, so that none reads its own results.
        """
        kinds = {node: kind_of(gate) for node, gate in self.gates.items()}
        stages: dict[str, int] = {}
        for node in self.order:
            stages[node] = max(
                [stages[source] + (kinds[source] != kinds[node]) for source, _ in self.sources[node]], default=0
            )
        for node, gate in self.gates.items():
            if isinstance(gate, Entry) and not isinstance(gate, Input):
                stages[node] = min([stages[reader] for reader in self.readers.get(node, [])], default=0)
        boxes: dict[str, Hashable] = {node: (kinds[node], stages[node]) for node in self.order}
        inputs = [node for node, gate in self.gates.items() if isinstance(gate, Input)]
        if len(inputs) <= _INPUTS:
            boxes.update({node: node for node in inputs})
        if len(set(boxes.values())) <= _BOXES:
            return boxes
        count = max(stages.values()) + 1
        bands = {node: stage * _BANDS // count for node, stage in stages.items()}
        banded = {n: (kinds[n], bands[n]) if isinstance(self.gates[n], Entry) else bands[n] for n in self.order}
        return {node: box if box == node else banded[node] for node, box in boxes.items()}

    def parts(self, boxes: dict[str, Hashable], open_: int) -> list[Part]:
        """Return the parts for given boxes, each after those that it reads, with so many open groups around them."""
        members: dict[Hashable, list[str]] = {}
        for node in self.order:
            members.setdefault(boxes[node], []).append(node)
        names: dict[Hashable, str] = {}
        taken = set(self.gates)
        for box, inside in members.items():
            names[box] = self._name(box, inside)
            while len(inside) > 1 and names[box] in taken:  # by a gate, or by a group of a like name
                names[box] += "'"
            taken.add(names[box])
        output = self.graph.output_if_any
        read = {(s, p) for node in self.order for s, p in self.sources[node] if boxes[s] != boxes[node]}
        outputs: dict[Hashable, list[list[Wire]]] = {}
        port_of: dict[tuple[str, int], tuple[str, int]] = {}
        for box, inside in members.items():
            wires = [wire for node in inside for wire in self.graph.wires_of(node)]
            if len(inside) > 1:
                shown = [w for w in wires if (w.node, w.port) in read or w == output]
                wires = shown or wires[-1:]
            is_bundle = len(inside) > 1 and len(wires) > (1 if self._is_entries(inside) else _SEPARATE)
            outputs[box] = [wires] if is_bundle else [[wire] for wire in wires]
            port_of.update(
                {(w.node, w.port): (names[box], port) for port, bundle in enumerate(outputs[box]) for w in bundle}
            )
        parts = []
        for box, inside in members.items():
            sources = [port_of[s] for node in inside for s in self.sources[node] if boxes[s[0]] != box]
            gate = self.gates[inside[0]] if len(inside) == 1 else None
            first = self.gates[inside[0]]
            is_entries = self._is_entries(inside)
            kind = type(first).__name__.lower() if is_entries else "gate" if gate is not None else "group"
            parts.append(
                Part(
                    names[box],
                    gate,
                    kind,
                    "" if is_entries else self._sign(box, inside),
                    inside,
                    outputs[box],
                    sources if gate is not None else list(dict.fromkeys(sources)),
                    self.groups.get(inside[0], ())[:open_],
                )
            )
        return _sorted(parts)

    def _is_entries(self, inside: list[str]) -> bool:
        return isinstance(self.gates[inside[0]], Entry) and all(isinstance(self.gates[n], Entry) for n in inside)

    def _name(self, box: Hashable, inside: list[str]) -> str:
        """Return the name of a box."""
        if len(inside) == 1:
            return inside[0]
        if isinstance(box, tuple) and isinstance(box[-1], str):  # a group
            return " / ".join(box)
        noun = type(self.gates[inside[0]]).__name__.lower() if isinstance(self.gates[inside[0]], Entry) else "gate"
        return f"{numbered(len(inside), noun)}, from {inside[0]} on"

    def _sign(self, box: Hashable, inside: list[str]) -> str:
        """Return what stands in a box: the name of a group, or the signs of its gates, the most frequent first."""
        if isinstance(box, tuple) and isinstance(box[-1], str):
            return box[-1]
        signs = Counter(sign_of(self.gates[node]) for node in inside[:_COUNTED])
        shown = [sign for sign, _ in signs.most_common(_KINDS)]
        return " ".join([*shown, "…"] if len(signs) > _KINDS else shown)

    def _in_cycles(self, boxes: dict[str, Hashable]) -> set[Hashable]:
        """Return the boxes that read, perhaps through others, their own results."""
        wired = nx.DiGraph()
        for node, box in boxes.items():
            wired.add_edges_from((boxes[source], box) for source, _ in self.sources[node] if boxes[source] != box)
        cycles = (boxes for boxes in nx.strongly_connected_components(wired) if len(boxes) > 1)
        return {box for cycle in cycles for box in cycle}


def _sorted(parts: Iterable[Part]) -> list[Part]:
    """Return parts in an order in which each comes after those that it reads."""
    by_name = {part.name: part for part in parts}
    wired = nx.DiGraph()
    wired.add_nodes_from(by_name)
    wired.add_edges_from((source, part.name) for part in by_name.values() for source, _ in part.sources)
    places = {name: place for place, name in enumerate(by_name)}
    return [by_name[name] for name in nx.lexicographical_topological_sort(wired, places.__getitem__)]
