"""The diagram of a graph: which shapes stand where, for any language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Literal, NamedTuple, get_args

from gates.formatting import gate_text, listed, numbered
from graph.drawing import MAX_GATES
from graph.drawing.boxes import Box, Edge
from graph.drawing.labels import Key, Label, are_whole, labels_of
from graph.drawing.layers import layers_of, satellites_of
from graph.drawing.layout import Layout, Route, arrange
from graph.drawing.parts import Part, parts_of
from graph.drawing.shapes import Dot, Group, Path, Point, Rectangle, Shape, Text, Tip
from graph.drawing.texts import DASH, LINE, is_automatic, number_text, shortened, stem_and_index, width_of, wrapped
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.watching.local_gradients import local_gradients

Direction = Literal["right", "down"]
Names = Literal["given", "all"]
_SYMBOL, _NAME, _LOCAL, _NOTE = 15.0, 15.0, 11.0, 12.0  # font sizes, as in style.css
_RADIUS = 17.0  # of a round gate
_TIGHT, _PORT, _PORTS = 10.0, 13.0, 16.0  # px between inputs: the least, of a gate that has many, and of one with few
_APART = 5.0  # px between a wire and its numbers
_TIP = 8.0  # px, the length of an arrowhead
_LEAD = 9.0  # px before a gate in which wires are straight
_BESIDE = 8.0  # px beside numbers
_ABREAST = 8.0  # px between satellites
_TO_SATELLITE = 18.0  # px from a gate to its satellites
_MOVED = 20.0  # px, the most by which a name stands left of its gate's middle
_NAME_HEIGHT = 9.0  # half of the height of a name
_FREE = {"+", "×", "max", "min"}  # gates whose inputs may change places
_DIGITS = 17  # with so many, every float is exact
_CAPTION = 18.0  # px for the caption of a frame
_NEAR = 0.01  # px
_PADDING = 4.0  # px from a frame to one around it
_LISTED = 20  # the most gates that a tooltip lists
_LOOKED_AT = 100  # the most wires of a bundle that are looked at
_LOCAL_SIGN = "×"


class Look(NamedTuple):
    """How a diagram is drawn; see `ComputationalGraph.to_svg`."""

    digits: int | None = 2
    local: bool = False
    names: Names = "given"
    width: float | None = None
    direction: Direction = "right"
    legend: bool = False
    depth: int | None = None
    most: int = MAX_GATES
    room: float = 0.0  # the least width in px to keep free for the numbers on each wire

    def checked(self) -> Look:
        """Return the look, or raise ValueError or TypeError if it has something that cannot be."""
        if self.digits is not None and not (is_whole(self.digits) and 0 <= self.digits <= _DIGITS):
            raise ValueError(f"digits must be a whole number from 0 to {_DIGITS}, got {self.digits!r}")
        if self.width is not None and not is_positive(self.width):
            raise ValueError(f"width must be a number of px above 0, got {self.width!r}")
        if self.depth is not None and not (is_whole(self.depth) and self.depth >= 0):
            raise ValueError(f"depth must be a whole number from 0 on, got {self.depth!r}")
        if not (is_whole(self.most) and self.most >= 0):
            raise ValueError(f"max_gates must be a whole number from 0 on, got {self.most!r}")
        one_of("names", self.names, get_args(Names))
        one_of("direction", self.direction, get_args(Direction))
        return self


PLAIN = Look()


def is_whole(given: object) -> bool:
    """Return whether an option is a whole number, of Python or of NumPy; True and False are none."""
    return isinstance(given, Integral) and not isinstance(given, bool)


def is_positive(given: object) -> bool:
    """Return whether an option is a number above 0, of Python or of NumPy; True is none."""
    return isinstance(given, Real) and not isinstance(given, bool) and float(given) > 0


def one_of(name: str, given: object, choices: Sequence[str]) -> None:
    """Raise ValueError unless an option is one of some texts."""
    if given not in choices:
        raise ValueError(f"{name} must be {listed([repr(choice) for choice in choices], 'or ')}, got {given!r}")


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


class _Gate(NamedTuple):
    """A part as it is drawn."""

    part: Part
    name: str  # "" where it is hidden
    width: float
    height: float
    satellites: list[str]

    @property
    def node(self) -> str:
        return self.part.name


class _Block(NamedTuple):
    """A satellite: an entry, the width and the height of its texts, and the width of its name."""

    entry: str
    width: float
    height: float
    name: float

    def name_at(self, middle: float, reach: float) -> float:
        """Return where the middle of its name is, at most so far from the gate's as the block around it allows."""
        spare = (self.width - self.name) / 2
        return max(middle - spare, min(middle + spare, max(-reach, min(reach, middle))))


def _abreast(blocks: Sequence[_Block]) -> float:
    """Return the width of satellites side by side."""
    return sum(block.width for block in blocks) + _ABREAST * (len(blocks) - 1)


def _middles(blocks: Sequence[_Block]) -> Iterator[float]:
    """Yield where the middle of each satellite below a gate is, from the gate's middle on."""
    left = -_abreast(blocks) / 2
    for block in blocks:
        yield left + block.width / 2
        left += block.width + _ABREAST


def _reach(width: float) -> float:
    """Return how far from its middle a gate of some width has ports below."""
    return max(width / 2 - _RADIUS / 2, 0.0)


class Drawing:
    """A graph laid out: the places of its gates and wires, for the numbers that it shows now.

    Each gate is a box, with the inputs at one end and the output at the other. In this class, along means horizontally
    if wires run right and vertically if they run down, and across means the other.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    look : Look
        How it is drawn.
    """

    def __init__(self, graph: TwoPasses, look: Look = PLAIN) -> None:
        self.graph, self.look = graph, look
        self.down = look.direction == "down"
        self.parts = parts_of(graph, look.depth, look.most)
        self.named = {part.name: part for part in self.parts}
        self.is_whole = are_whole(self.parts)
        self.labels = self.widest = self._labels()  # what is shown, and that for which there is room
        self.satellites = self._satellites()
        self.reader_of = {entry: node for node, entries in self.satellites.items() for entry in entries}
        self.locals = self._local_gradients() if look.local else {}
        self.gates = {part.name: self._gate(part) for part in self.parts}
        layers = layers_of(self.parts)
        self.placed = [part.name for part in self.parts if part.name not in self.reader_of]
        index = {node: place for place, node in enumerate(self.placed)}
        self.edges = [edge for node in self.placed for edge in self._edges(node, index)]
        boxes = [self._box(self.gates[node], layers[node]) for node in self.placed]
        self.layout: Layout = arrange(boxes, [edge for edge, _ in self.edges], look.width)
        self.middles: dict[str, Point] = {}
        for node, box, (left, middle) in zip(self.placed, boxes, self.layout.places):
            self.middles[node] = self._xy(left + box.width / 2, middle)
        for node in self.satellites:
            self.middles.update(self._places_of_satellites(node))
        self.frames = list(self._frames(boxes))

    def drawn(self, active: str | None = None, is_last: bool = True) -> Diagram:
        """Return the diagram of what the graph shows now, with a gate and its wires highlighted.

        The last one has the legend.
        """
        self.labels = self._labels()
        at_work = [] if active is None else [*self.graph.reads(active), *self.graph.wires_of(active)]
        lit = {str(wire) for wire in at_work}
        groups = [*self.frames, *(group for part in self.parts for group in self._wires(part, lit))]
        groups += [self._drawn_gate(gate, active) for gate in self.gates.values()]
        width, height = self._xy(self.layout.width, self.layout.height)
        if self.look.legend and is_last:
            legend, legend_width, legend_height = self._legend(height + 24)
            groups.append(legend)
            width, height = max(width, legend_width), height + 24 + legend_height
        return Diagram([(0.0, groups)], width, height, str(self.graph))

    def _labels(self) -> dict[Key, tuple[Label, Label]]:
        return labels_of(self.parts, self.look.digits, self.is_whole)

    def _at_ports(self, gate: _Gate) -> list[tuple[Label, Label]]:
        """Return the widest labels at the output ports of a gate."""
        return [self.widest[gate.node, port] for port in range(len(gate.part.outputs))]

    def _xy(self, along: float, across: float) -> Point:
        return (across, along) if self.down else (along, across)

    def _satellites(self) -> dict[str, list[str]]:
        """Return the parts that have satellites, which come after an input on the way if the order matters."""
        found = {}
        for node, entries in satellites_of(self.parts).items():
            reads = [source for source, _ in self.named[node].sources]
            first = min(place for place, source in enumerate(reads) if source not in entries)
            if kept := [entry for entry in entries if _is_free(self.named[node]) or reads.index(entry) > first]:
                found[node] = kept
        return found

    def _local_gradients(self) -> dict[str, list[str]]:
        """Return for each gate what stands at its input ports: its local gradients that are numbers."""
        recording = self.graph.recording
        if recording is None or any(value is None for value in recording.values):
            return {}
        found = {}
        for call in self.graph.schedule.calls:
            if call.node not in self.named:
                continue
            slopes = local_gradients(call, recording.values)
            digits = 6 if self.look.digits is None else self.look.digits
            found[call.node] = [
                f"{_LOCAL_SIGN}{number_text(slope, digits, slope.is_integer())}" if isinstance(slope, float) else ""
                for slope in slopes
            ]
        return found

    def _gate(self, part: Part) -> _Gate:
        """Return a part with its texts and its size."""
        name = self._name(part)
        if part.is_entry:
            return _Gate(part, name, self._size_of_name(part.name), 2 * _NAME_HEIGHT, [])
        sign = part.sign
        width = 2 * _RADIUS if len(sign) < 3 else max(42.0, width_of(sign, _SYMBOL) + 16)
        height = 2 * _RADIUS
        satellites = self.satellites.get(part.name, [])
        if satellites and not self.down:  # so wide that their wires are straight
            blocks = self._blocks(satellites)
            reach = max(abs(block.name_at(middle, 0.0)) for block, middle in zip(blocks, _middles(blocks)))
            width = max(width, 2 * reach + _RADIUS)
        ports = max(len(part.sources) - len(satellites), 1)
        needed = self._step(part) * (ports + 1) if ports > 2 else 0.0
        gate = _Gate(part, name, width, height, satellites)
        if len(part.outputs) > 1:
            each = [2 * max(label.size[1 - self.down] for label in pair) + 12 for pair in self._at_ports(gate)]
            needed = max(needed, max(each) * len(each))
        width, height = (max(width, needed), height) if self.down else (width, max(height, needed))
        return gate._replace(width=width, height=height)

    def _name(self, part: Part) -> str:
        """Return the name to be shown; "" if none is."""
        if len(part.members) > 1:
            return self._count(part)
        is_hidden = self.look.names == "given" and is_automatic(part.name, part.gate)
        inside = part.group and f"{part.group[-1]}." in part.name  # of a nested graph, which is named at its frame
        return "" if is_hidden else shortened(part.name.rpartition(".")[2] if inside else part.name)

    def _count(self, part: Part) -> str:
        """Return how many gates or entries a part stands for."""
        if part.is_entry:
            return numbered(len(part.members), part.kind)
        gates = self.graph.graph.nodes
        return numbered(sum(not isinstance(gates[node]["gate"], Entry) for node in part.members), "gate")

    def _size_of_name(self, node: str) -> float:
        return _width_of_name(self._name(self.named[node])) + 6

    def _edges(self, node: str, index: dict[str, int]) -> Iterator[tuple[Edge, int]]:
        """Yield the edges that enter a gate, each with its input port."""
        for port, (source, source_port) in enumerate(self.named[node].sources):
            if source in index:
                yield Edge(index[source], source_port, index[node], port), port

    def _box(self, gate: _Gate, layer: int) -> Box:
        """Return a gate as the layout takes it."""
        is_entry, labels = gate.part.is_entry, self._at_ports(gate)
        width, height = self._xy(gate.width, gate.height)
        after, before = (1, 0) if self.down else (0, 1)  # of a size, what is along the wires, and across
        room = max(label.size[after] for pair in labels for label in pair) + _BESIDE
        offsets = self._outputs(gate)
        value = max(pair[0].size[before] - offset for pair, offset in zip(labels, offsets)) + _APART
        gradient = max(pair[1].size[before] + offset for pair, offset in zip(labels, offsets)) + _APART
        above, below = max(height / 2, value), max(height / 2, gradient)
        lead = 0.0 if is_entry else _LEAD
        if texts := list(filter(None, self.locals.get(gate.node, []))):
            sizes = [width_of(text, _LOCAL) for text in texts]
            lead += 20.0 if self.down else max(sizes) + 4
            across = max(sizes) + 26 if self.down else 30.0
            above, below = max(above, across), max(below, across)
            if not self.down:
                above = max(above, self._reach_of_ports(gate) + _PORT)
        if gate.name and not is_entry:
            wide = _width_of_name(gate.name)
            if self.down:
                above = max(above, gate.width / 2 + wide + 6)
            else:
                beyond, moved = self._beyond(gate), self._name_moved(gate)
                lead, room = max(lead, beyond + moved), max(room, beyond - moved)
                above = max(above, -self._name_y(gate) + 13) if gate.satellites else above
                below = below if gate.satellites else max(below, self._name_y(gate) + 5)
        if gate.satellites:
            blocks = self._blocks(gate.satellites)
            if self.down:
                below += _TO_SATELLITE + max(block.width for block in blocks)
                lead = max(lead, sum(block.height + _ABREAST for block in blocks[:-1]))
                room = max(room, blocks[-1].height - gate.height / 2)
            else:
                below = self._under(gate) + max(block.height for block in blocks)
                side = (_abreast(blocks) - width) / 2
                lead, room = max(lead, side), max(room, side)
        padding = _PADDING * (depth := len(gate.part.group))
        captions = _CAPTION * depth
        if self.down:
            widths = [7 + _width_of_caption(name) + _PADDING * place for place, name in enumerate(gate.part.group)]
            above = max([above, *(width + self._reach_of_ports(gate) for width in widths)])
        return Box(
            layer,
            width,
            height,
            lead + (captions if self.down else padding),
            max(room, self.look.room) + padding,
            offsets,
            above + 3 + (padding if self.down else captions),
            below + 3 + padding,
            in_order=not _is_free(gate.part),
            at_end=is_entry,
            is_aside=gate.part.kind in ("parameter", "constant"),
            ports=self._ports(gate.part),
        )

    def _reach_of_ports(self, gate: _Gate) -> float:
        """Return how far from a gate's middle its input ports are at most."""
        across = gate.width if self.down else gate.height
        return across / 2 if len(gate.part.sources) - len(gate.satellites) > 2 else _PORTS / 2

    def _step(self, part: Part) -> float:
        """Return the px between the input ports of a gate that has many, with room for their texts."""
        return self._ports(part)[1] if any(self.locals.get(part.name, [])) else _PORT

    def _ports(self, part: Part) -> tuple[float, float]:
        """Return the least and the greatest px between the input ports of a gate."""
        texts = list(filter(None, self.locals.get(part.name, [])))
        if texts and self.down:
            step = max(width_of(text, _LOCAL) + 9 for text in texts)
            return step, max(step, _PORTS)
        return _PORT if texts else _TIGHT, _PORTS

    def _outputs(self, gate: _Gate) -> tuple[float, ...]:
        """Return the offsets of a gate's output ports from its middle."""
        count = len(gate.part.outputs)
        step = (gate.width if self.down else gate.height) / count
        return tuple([(port - (count - 1) / 2) * step for port in range(count)])

    def _name_moved(self, gate: _Gate) -> float:
        """Return how far left of a gate's middle its name stands where wires run right: clear of numbers if it can."""
        beyond = self._beyond(gate)
        return beyond if beyond <= _MOVED else 0.0

    def _beyond(self, gate: _Gate) -> float:
        """Return by how much a gate's name is wider than the gate, on each side."""
        return max(0.0, (_width_of_name(gate.name) - gate.width) / 2)

    def _name_y(self, gate: _Gate) -> float:
        """Return how far below a gate's middle its name stands where wires run right: clear of numbers if very wide."""
        is_wide = self._beyond(gate) > _MOVED
        labels = self._at_ports(gate)
        has_local_texts = len(list(filter(None, self.locals.get(gate.node, [])))) > 1
        if gate.satellites:
            value = max(pair[0].size[1] for pair in labels) + _APART
            return -max(gate.height / 2, value if is_wide else 0.0) - (12 if has_local_texts else 6)
        gradient = max(pair[1].size[1] for pair in labels) + _APART
        return max(gate.height / 2, gradient if is_wide else 0.0) + (19 if has_local_texts else 13)

    def _frames(self, boxes: list[Box]) -> Iterator[Group]:
        """Yield the frames around open groups, the outermost first: those within which nothing else stands."""
        areas = {}
        for node, box in zip(self.placed, boxes):
            along, across = self._along_and_across(*self.middles[node])
            start, end = along - box.width / 2 - box.lead, along + box.width / 2 + box.room
            areas[node] = start, across - box.above, end, across + box.below
        groups = {
            self.named[node].group[:depth]
            for node in self.placed
            for depth in range(1, len(self.named[node].group) + 1)
        }
        line_of = dict(zip(self.placed, self.layout.lines))
        for group in sorted(groups, key=lambda group: (len(group), group)):
            inside = {node for node in self.placed if self.named[node].group[: len(group)] == group}
            frames = []
            for line in sorted({line_of[node] for node in inside}):
                starts, tops, ends, floors = zip(*[areas[node] for node in inside if line_of[node] == line])
                frames.append((min(starts), min(tops), max(ends), max(floors)))
            if any(_overlap(frame, areas[node]) for frame in frames for node in self.placed if node not in inside):
                continue
            shapes: list[Shape] = []
            padding, captions = _PADDING * (len(group) - 1), _CAPTION * (len(group) - 1)
            for start, top_, end, floor_ in frames:
                (left, top), (right, floor) = self._xy(start, top_), self._xy(end, floor_)
                left, top, right, floor = (
                    left + padding + 2,
                    top + captions + 1,
                    right - padding - 2,
                    floor - padding - 1,
                )
                middle = ((left + right) / 2, (top + floor) / 2)
                shapes.append(Rectangle(*middle, right - left, floor - top, 8.0, "group"))
                shapes.append(Text(left + 7, top + 13, "note", _fitted(group[-1], right - left - 14), "start"))
            yield Group("around", ("group", " / ".join(group)), " / ".join(group), shapes)

    # Satellites

    def _blocks(self, entries: list[str]) -> list[_Block]:
        """Return the satellites of a gate: each has its name, and below it its numbers."""
        blocks = []
        for entry in entries:
            value, gradient = self.widest[entry, 0]
            name = self._size_of_name(entry)
            height = 2 * _NAME_HEIGHT + value.size[1] + _APART + gradient.size[1]
            blocks.append(_Block(entry, max(name, value.size[0], gradient.size[0]), height, name))
        return blocks

    def _under(self, gate: _Gate) -> float:
        """Return the distance from a gate's middle to its satellites below it."""
        gradient = max(pair[1].size[1] for pair in self._at_ports(gate)) + _APART
        return max(gate.height / 2 + _TO_SATELLITE, gradient + 4)

    def _places_of_satellites(self, node: str) -> Iterator[tuple[str, Point]]:
        """Yield the middle of the name of each satellite of a gate: below it, or on the right if wires run down."""
        gate, (x, y) = self.gates[node], self.middles[node]
        blocks = self._blocks(gate.satellites)
        if self.down:  # the last one beside the gate, those before it above
            gradient = max(pair[1].size[0] for pair in self._at_ports(gate)) + _APART
            left = x + max(gate.width / 2, gradient) + _TO_SATELLITE
            for place, block in reversed(list(enumerate(blocks))):
                yield block.entry, (left + block.name / 2, y)
                y -= blocks[place - 1].height + _ABREAST
            return
        reach = _reach(gate.width)
        for block, middle in zip(blocks, _middles(blocks)):
            yield block.entry, (x + block.name_at(middle, reach), y + self._under(gate) + _NAME_HEIGHT)

    # Shapes

    def _wires(self, part: Part, lit: set[str]) -> Iterator[Group]:
        """Yield the wires of a part, with their branches, arrowheads and numbers."""
        for port, bundle in enumerate(part.outputs):
            value, gradient = self.labels[part.name, port]
            shapes: list[Shape]
            if part.name in self.reader_of:
                shapes = self._wire_of_satellite(part.name, value, gradient)
            else:
                shapes = self._wire(self.gates[part.name], port, value, gradient)
            name = str(bundle[0]) if len(bundle) == 1 else f"{bundle[0]} to {bundle[-1]}, {len(bundle):,} wires"
            kind = (
                f"wire{' bundle' * (len(bundle) > 1)}{' lit' * any(str(wire) in lit for wire in bundle[:_LOOKED_AT])}"
            )
            title = f"{name}: value {value.said}; gradient {gradient.said}"
            yield Group(kind, ("wire", name), title, shapes)

    def _wire(self, gate: _Gate, port: int, value: Label, gradient: Label) -> list[Shape]:
        """Return the shapes of a wire."""
        offset = self._outputs(gate)[port]
        middle = self._along_and_across(*self.middles[gate.node])
        start = middle[0] + self._xy(gate.width, gate.height)[0] / 2
        across = middle[1] + offset
        out = start - self._inset(gate, offset)
        routes = []
        for (edge, _), route in zip(self.edges, self.layout.routes):
            if self.placed[edge.source] == gate.node and edge.source_port == port:
                target = self.gates[self.placed[edge.target]]
                inset = self._inset(target, route[-1][1] - self._along_and_across(*self.middles[target.node])[1])
                routes.append([(out, across), *route[1:-1], (route[-1][0] + inset, route[-1][1])])
        room = max(label.size[1 if self.down else 0] for label in self.widest[gate.node, port]) + _BESIDE
        room = max(room, self.look.room)
        if not routes:
            routes = [[(out, across), (start + room + _TIP, across)]]
        shapes = list(self._branches(routes))
        if self.down:
            top = start + 6
            return [
                *shapes,
                *value.shapes(across - _APART, top, "end"),
                *gradient.shapes(across + _APART, top, "start"),
            ]
        x = start + room / 2
        above = value.shapes(x, across - _APART - value.size[1], captions="above")
        return [*shapes, *above, *gradient.shapes(x, across + _APART)]

    def _branches(self, routes: list[Route]) -> Iterator[Shape]:
        """Yield the branches of a wire: each begins where it leaves those before it."""
        heading = self._xy(1.0, 0.0)
        drawn: list[Route] = []
        for route in routes:
            shared = max([_shared(route, other) for other in drawn], default=0)
            if shared < len(route):
                yield Path([self._xy(*point) for point in route[max(0, shared - 1) :]], int(self.down))
                yield Tip(*self._xy(*route[-1]), heading)
            if drawn and shared < len(route):
                yield Dot(*self._xy(*route[shared - 1]))
            drawn.append(route)

    def _wire_of_satellite(self, node: str, value: Label, gradient: Label) -> list[Shape]:
        """Return the shapes of the wire from a satellite to its reader, with its numbers below its name."""
        (x, y), gate = self.middles[node], self.gates[self.reader_of[node]]
        to_x, to_y = self.middles[gate.node]
        numbers_y, blocks = y + _NAME_HEIGHT + 2, self._blocks(gate.satellites)
        if self.down:
            x -= self.gates[node].width / 2
            offset = max(y - to_y, -gate.height / 4)
            path = [(x, y), (to_x + gate.width / 2 - self._inset(gate, offset, across=True), to_y + offset)]
            numbers = value.shapes(x, numbers_y, "start")
            numbers += gradient.shapes(x, numbers_y + value.size[1] + _APART, "start")
            return [Path(path, 0), Tip(*path[1], (-1.0, 0.0)), *numbers]
        end = to_y + gate.height / 2 - self._inset(gate, x - to_x, across=True)
        path = [(x, y - _NAME_HEIGHT), (x, end)]
        middle = to_x + dict(zip(gate.satellites, _middles(blocks)))[node]
        numbers = value.shapes(middle, numbers_y)
        numbers += gradient.shapes(middle, numbers_y + value.size[1] + _APART)
        return [Path(path, 1), Tip(*path[1], (0.0, -1.0)), *numbers]

    def _inset(self, gate: _Gate, offset: float, across: bool = False) -> float:
        """Return how far inside of a gate's bounds its round end is at a distance from its middle."""
        if gate.part.is_entry:
            return 0.0
        radius = min(gate.width, gate.height, 2 * _RADIUS) / 2
        extent = (gate.width if self.down != across else gate.height) / 2
        beyond = abs(offset) - (extent - radius)
        return radius - (radius**2 - min(beyond, radius) ** 2) ** 0.5 if beyond > 0 else 0.0

    def _along_and_across(self, x: float, y: float) -> Point:
        return (y, x) if self.down else (x, y)

    def _drawn_gate(self, gate: _Gate, active: str | None) -> Group:
        """Return a gate's box, with its sign, its name and its local gradients."""
        (x, y), part = self.middles[gate.node], gate.part
        output = self.graph.output_if_any
        is_output = output is not None and any(output in bundle for bundle in part.outputs)
        stem, index = stem_and_index(gate.name)
        shapes: list[Shape] = []
        title = f"{part.kind} {part.name}"
        if part.is_entry:
            if gate.name and self.down and gate.node in self.reader_of:  # in line with its numbers
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
            radius = min(gate.width, gate.height, 2 * _RADIUS) / 2
            shapes += [Rectangle(x, y, gate.width, gate.height, radius), Text(x, y + 5, "symbol", part.sign)]
            if gate.name and self.down:
                shapes.append(Text(x - gate.width / 2 - 5, y + 5, "name", stem, "end", index))
            elif gate.name:
                shapes.append(Text(x - self._name_moved(gate), y + self._name_y(gate), "name", stem, subscript=index))
            shapes += self._local_texts(gate)
        classes = [
            "entry" if part.is_entry else "gate",
            *([part.kind] if part.kind != "gate" else []),
            *(["result"] if is_output else []),
            *(["lit"] if active in part.members else []),
        ]
        return Group(" ".join(classes), ("gate", gate.node), title, shapes)

    def _local_texts(self, gate: _Gate) -> Iterator[Shape]:
        """Yield the local gradients at a gate's input ports."""
        texts = self.locals.get(gate.node)
        if not texts or gate.part.outputs[0][0].value is None:
            return
        ends = [
            (*self._xy(*route[-1]), texts[port])
            for (edge, port), route in zip(self.edges, self.layout.routes)
            if self.placed[edge.target] == gate.node
        ]
        ends.sort(key=lambda end: end[0] if self.down else end[1])
        for place, (x, y, text) in enumerate(ends):
            is_last = place > 0 and place == len(ends) - 1
            if not text:
                continue
            if self.down:
                yield Text(x + (5 if is_last else -5), y - 9, "local", text, "start" if is_last else "end")
            else:
                yield Text(x - 6, y + (12 if is_last else -4), "local", text, "end")

    def _legend(self, y: float) -> tuple[Group, float, float]:
        """Return the legend, its width and its height."""
        output = self.graph.output_if_any
        of_output = "" if output is None else f" of {shortened(str(output))}"
        notes = [f"the value, forward, and the gradient{of_output}, backward; {DASH}: not computed, or none"]
        if self.look.local:
            notes.append(f"{_LOCAL_SIGN}: the local gradient, by which a gate multiplies the gradient from the right")
        if any(label.heat is not None for pair in self.labels.values() for label in pair):
            notes.append("arrays: orange is negative, blue positive, ± the largest; !: look here")
        x = 86.0
        if self.look.width is not None and not self.down:
            notes = [line for note in notes for line in wrapped(note, self.look.width - x, _NOTE)]
        shapes: list[Shape] = [Path([(0, y + 4), (70, y + 4)], 0), Tip(76, y + 4, (1.0, 0.0))]
        shapes += [Text(38, y - 2, "value", "value"), Text(38, y + 19, "gradient", "gradient")]
        shapes.append(Text(x, y, "note", notes[0], "start", more=tuple(notes[1:])))
        width = x + max(width_of(note, _NOTE) for note in notes)
        return Group("legend", ("", ""), "Legend", shapes), width, max(36.0, LINE * len(notes) + 6)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Return whether two rectangles overlap, each given by its least and its greatest coordinates; rounding aside."""
    (left, top, right, floor), (left_2, top_2, right_2, floor_2) = one, other
    return min(right, right_2) - max(left, left_2) > _NEAR and min(floor, floor_2) - max(top, top_2) > _NEAR


def _shared(route: Route, other: Route) -> int:
    """Return how many points two routes have in common before they part."""
    return next((place for place, (a, b) in enumerate(zip(route, other)) if a != b), min(len(route), len(other)))


def _is_free(part: Part) -> bool:
    """Return whether the inputs of a part may change places."""
    return part.gate is None or part.sign in _FREE


def _width_of_caption(name: str) -> float:
    """Return the width of the caption of a frame."""
    return width_of(shortened(name), _NOTE)


def _fitted(name: str, width: float) -> str:
    """Return a caption shortened so that it has at most a width, if it can be."""
    text = shortened(name)
    while len(text) > 1 and width_of(text, _NOTE) > width:
        text = shortened(name, len(text) - 1)
    return text


def _width_of_name(name: str) -> float:
    """Return the width of a name, with its index."""
    stem, index = stem_and_index(name)
    return width_of(stem, _NAME) + width_of(index, 0.7 * _NAME)
