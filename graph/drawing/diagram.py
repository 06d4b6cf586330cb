"""The diagram of a graph: which shapes stand where, for any language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gates.formatting import gate_text
from graph.drawing.boxes import Edge
from graph.drawing.frames import Area, frames_of, legend_of
from graph.drawing.labels import Label, labels_of
from graph.drawing.layers import layers_of
from graph.drawing.layout import Route, arrange
from graph.drawing.look import PLAIN, Look
from graph.drawing.parts import Part
from graph.drawing.shapes import Dot, Group, Path, Point, Rectangle, Shape, Text, Tip
from graph.drawing.sizes import ABREAST, APART, BESIDE, NAME_HEIGHT, RADIUS, Gate, Sizes, middles_of, reach_of
from graph.drawing.texts import stem_and_index
from graph.passes.two_passes import TwoPasses

_TIP = 8.0  # px, the length of an arrowhead
_LISTED = 20  # the most gates that a tooltip lists
_LOOKED_AT = 100  # the most wires of a bundle that are looked at


class Diagram(NamedTuple):
    """A diagram for any language.

    Attributes
    ----------
    panels : list of tuple
        Its parts from top to bottom: how far each is moved down, in px, and its groups of shapes, wires first.
    width, height : float
        Its size in px.
    said : str
        What it shows in words, for those who do not see it.
    """

    panels: list[tuple[float, list[Group]]]
    width: float
    height: float
    said: str


class Drawing:
    """A graph laid out: the places of its gates and wires, with room for the numbers that it shows now.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    look : Look
        How it is drawn.
    """

    def __init__(self, graph: TwoPasses, look: Look = PLAIN) -> None:
        self.sizes = sizes = Sizes(graph, look)
        self.labels = sizes.labels  # what is shown, of which the sizes have the widest
        self.reader_of = {entry: node for node, entries in sizes.satellites.items() for entry in entries}
        layers = layers_of(sizes.parts)
        placed = [part for part in sizes.parts if part.name not in self.reader_of]
        index = {part.name: place for place, part in enumerate(placed)}
        edges = [
            Edge(index[source], source_port, index[part.name], port)
            for part in placed
            for port, (source, source_port) in enumerate(part.sources)
            if source in index
        ]
        boxes = [sizes.box(sizes.gates[part.name], layers[part.name]) for part in placed]
        layout = arrange(boxes, edges, look.width)
        self.width, self.height = sizes.xy(layout.width, layout.height)
        self.leaving: dict[tuple[str, int], list[tuple[str, Route]]] = {}  # of each output port, targets and routes
        self.entering: dict[str, list[tuple[int, Point]]] = {}  # of each gate, input ports and the ends of their routes
        for edge, route in zip(edges, layout.routes):
            source, target = placed[edge.source].name, placed[edge.target].name
            self.leaving.setdefault((source, edge.source_port), []).append((target, route))
            self.entering.setdefault(target, []).append((edge.target_port, route[-1]))
        self.middles: dict[str, Point] = {}
        areas = []
        for part, box, line, (left, middle) in zip(placed, boxes, layout.lines, layout.places):
            self.middles[part.name] = sizes.xy(left + box.width / 2, middle)
            start = sizes.xy(left - box.lead, middle - box.above)
            end = sizes.xy(left + box.width + box.room, middle + box.below)
            areas.append(Area(part.group, line, *start, *end))
        for node in sizes.satellites:
            self.middles.update(self._places_of_satellites(node))
        self.frames = list(frames_of(areas))

    def drawn(self, active: str | None = None, is_last: bool = True) -> Diagram:
        """Return the diagram of what the graph shows now, with a gate and its wires highlighted.

        The last one has the legend.
        """
        graph, look, parts = self.sizes.graph, self.sizes.look, self.sizes.parts
        self.labels = labels_of(parts, look.digits, self.sizes.is_whole)
        at_work = [] if active is None else [*graph.reads(active), *graph.wires_of(active)]
        lit = {str(wire) for wire in at_work}
        groups = [*self.frames, *(group for part in parts for group in self._wires(part, lit))]
        groups += [self._drawn_gate(gate, active) for gate in self.sizes.gates.values()]
        width, height = self.width, self.height
        if look.legend and is_last:
            of = "" if graph.output_if_any is None else str(graph.output)
            has_maps = any(label.heat is not None for pair in self.labels.values() for label in pair)
            legend, legend_width, legend_height = legend_of(of, look, has_maps, height + 24)
            groups.append(legend)
            width, height = max(width, legend_width), height + 24 + legend_height
        return Diagram([(0.0, groups)], width, height, str(graph))

    def _places_of_satellites(self, node: str) -> Iterator[tuple[str, Point]]:
        """Yield the middle of the name of each satellite of a gate: below it, or on the right if wires run down."""
        gate, (x, y) = self.sizes.gates[node], self.middles[node]
        blocks = self.sizes.blocks(gate.satellites)
        if self.sizes.down:  # the last one beside the gate, those before it above
            left = x + self.sizes.under(gate)
            for place, block in reversed(list(enumerate(blocks))):
                yield block.entry, (left + block.name / 2, y)
                y -= blocks[place - 1].height + ABREAST
            return
        reach = reach_of(gate.width)
        for block, middle in zip(blocks, middles_of(blocks)):
            yield block.entry, (x + block.name_at(middle, reach), y + self.sizes.under(gate) + NAME_HEIGHT)

    def _wires(self, part: Part, lit: set[str]) -> Iterator[Group]:
        """Yield the wires of a part, with their branches, arrowheads and numbers."""
        for port, bundle in enumerate(part.outputs):
            value, gradient = self.labels[part.name, port]
            shapes: list[Shape]
            if part.name in self.reader_of:
                shapes = self._wire_of_satellite(part.name, value, gradient)
            else:
                shapes = self._wire(self.sizes.gates[part.name], port, value, gradient)
            name = str(bundle[0]) if len(bundle) == 1 else f"{bundle[0]} to {bundle[-1]}, {len(bundle):,} wires"
            kind = (
                f"wire{' bundle' * (len(bundle) > 1)}{' lit' * any(str(wire) in lit for wire in bundle[:_LOOKED_AT])}"
            )
            title = f"{name}: value {value.said}; gradient {gradient.said}"
            yield Group(kind, ("wire", name), title, shapes)

    def _wire(self, gate: Gate, port: int, value: Label, gradient: Label) -> list[Shape]:
        """Return the shapes of a wire."""
        offset = self.sizes.outputs(gate)[port]
        middle = self._along_and_across(*self.middles[gate.node])
        start = middle[0] + self.sizes.xy(gate.width, gate.height)[0] / 2
        across = middle[1] + offset
        out = start - self._inset(gate, offset)
        routes = []
        for target_node, route in self.leaving.get((gate.node, port), []):
            target = self.sizes.gates[target_node]
            inset = self._inset(target, route[-1][1] - self._along_and_across(*self.middles[target_node])[1])
            routes.append([(out, across), *route[1:-1], (route[-1][0] + inset, route[-1][1])])
        room = max(label.size[1 if self.sizes.down else 0] for label in self.sizes.labels[gate.node, port]) + BESIDE
        room = max(room, self.sizes.look.room)
        if not routes:
            routes = [[(out, across), (start + room + _TIP, across)]]
        shapes = list(self._branches(routes))
        if self.sizes.down:
            top = start + 6
            return [
                *shapes,
                *value.shapes(across - APART, top, "end"),
                *gradient.shapes(across + APART, top, "start"),
            ]
        x = start + room / 2
        above = value.shapes(x, across - APART - value.size[1], captions="above")
        return [*shapes, *above, *gradient.shapes(x, across + APART)]

    def _branches(self, routes: list[Route]) -> Iterator[Shape]:
        """Yield the branches of a wire: each begins where it leaves those before it."""
        heading = self.sizes.xy(1.0, 0.0)
        drawn: list[Route] = []
        for route in routes:
            shared = max([_shared(route, other) for other in drawn], default=0)
            if shared < len(route):
                yield Path([self.sizes.xy(*point) for point in route[max(0, shared - 1) :]], int(self.sizes.down))
                yield Tip(*self.sizes.xy(*route[-1]), heading)
            if drawn and shared < len(route):
                yield Dot(*self.sizes.xy(*route[shared - 1]))
            drawn.append(route)

    def _wire_of_satellite(self, node: str, value: Label, gradient: Label) -> list[Shape]:
        """Return the shapes of the wire from a satellite to its reader, with its numbers below its name."""
        (x, y), gate = self.middles[node], self.sizes.gates[self.reader_of[node]]
        to_x, to_y = self.middles[gate.node]
        numbers_y, blocks = y + NAME_HEIGHT + 2, self.sizes.blocks(gate.satellites)
        text = self.sizes.local_of(gate, node) if gate.part.outputs[0][0].value is not None else ""
        if self.sizes.down:
            x -= self.sizes.gates[node].width / 2
            offset = max(y - to_y, -gate.height / 4)
            path = [(x, y), (to_x + gate.width / 2 - self._inset(gate, offset, across=True), to_y + offset)]
            numbers = value.shapes(x, numbers_y, "start")
            numbers += gradient.shapes(x, numbers_y + value.size[1] + APART, "start")
            local = [Text(x - APART, y - 4, "local", text, "end")] if text else []
            return [Path(path, 0), Tip(*path[1], (-1.0, 0.0)), *local, *numbers]
        end = to_y + gate.height / 2 - self._inset(gate, x - to_x, across=True)
        path = [(x, y - NAME_HEIGHT), (x, end)]
        middle = to_x + dict(zip(gate.satellites, middles_of(blocks)))[node]
        numbers = value.shapes(middle, numbers_y)
        numbers += gradient.shapes(middle, numbers_y + value.size[1] + APART)
        local = [Text(x + APART, y - NAME_HEIGHT - 4, "local", text, "start")] if text else []
        return [Path(path, 1), Tip(*path[1], (0.0, -1.0)), *local, *numbers]

    def _inset(self, gate: Gate, offset: float, across: bool = False) -> float:
        """Return how far inside of a gate's bounds its round end is at a distance from its middle."""
        if gate.part.is_entry:
            return 0.0
        radius = min(gate.width, gate.height, 2 * RADIUS) / 2
        extent = (gate.width if self.sizes.down != across else gate.height) / 2
        beyond = abs(offset) - (extent - radius)
        return radius - (radius**2 - min(beyond, radius) ** 2) ** 0.5 if beyond > 0 else 0.0

    def _along_and_across(self, x: float, y: float) -> Point:
        return (y, x) if self.sizes.down else (x, y)

    def _drawn_gate(self, gate: Gate, active: str | None) -> Group:
        """Return a gate's box, with its sign, its name and its local gradients."""
        (x, y), part = self.middles[gate.node], gate.part
        output = self.sizes.graph.output_if_any
        is_output = output is not None and any(output in bundle for bundle in part.outputs)
        stem, index = stem_and_index(gate.name)
        shapes: list[Shape] = []
        title = f"{part.kind} {part.name}"
        if part.is_entry:
            if gate.name and self.sizes.down and gate.node in self.reader_of:  # in line with its numbers
                shapes.append(Text(x - gate.width / 2 + 3, y + 5, "name", stem, "start", index))
            elif gate.name:
                shapes.append(Text(x, y + 5, "name", stem, subscript=index))
            else:
                shapes.append(Dot(x, y))
        else:
            if part.gate is not None:
                title = f"{part.name}: {gate_text(part.gate)}"
            elif len(part.members) <= _LISTED:
                title += f": {', '.join(part.members)}"
            radius = min(gate.width, gate.height, 2 * RADIUS) / 2
            shapes += [Rectangle(x, y, gate.width, gate.height, radius), Text(x, y + 5, "symbol", part.sign)]
            if gate.name and self.sizes.down:
                shapes.append(Text(x - gate.width / 2 - 5, y + 5, "name", stem, "end", index))
            elif gate.name:
                shapes.append(
                    Text(x - self.sizes.name_moved(gate), y + self.sizes.name_y(gate), "name", stem, subscript=index)
                )
            shapes += self._local_texts(gate)
        classes = [
            "entry" if part.is_entry else "gate",
            *([part.kind] if part.kind != "gate" else []),
            *(["result"] if is_output else []),
            *(["lit"] if active in part.members else []),
        ]
        return Group(" ".join(classes), ("gate", gate.node), title, shapes)

    def _local_texts(self, gate: Gate) -> Iterator[Shape]:
        """Yield the local gradients at a gate's input ports."""
        texts = self.sizes.locals.get(gate.node)
        if not texts or gate.part.outputs[0][0].value is None:
            return
        ends = [(*self.sizes.xy(*end), texts[port]) for port, end in self.entering.get(gate.node, [])]
        ends.sort(key=lambda end: end[0] if self.sizes.down else end[1])
        for place, (x, y, text) in enumerate(ends):
            is_last = place > 0 and place == len(ends) - 1
            if not text:
                continue
            if self.sizes.down:
                yield Text(x + (5 if is_last else -5), y - 9, "local", text, "start" if is_last else "end")
            else:
                yield Text(x - 6, y + (12 if is_last else -4), "local", text, "end")


def _shared(route: Route, other: Route) -> int:
    """Return how many points two routes have in common before they part."""
    return next((place for place, (a, b) in enumerate(zip(route, other)) if a != b), min(len(route), len(other)))
