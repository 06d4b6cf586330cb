"""The sizes of the parts of a picture: of their boxes, and of the texts around them, for which there must be room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gates.formatting import numbered
from graph.drawing.boxes import Box
from graph.drawing.labels import Key, Label, are_whole, labels_of
from graph.drawing.layers import satellites_of
from graph.drawing.look import Look
from graph.drawing.parts import Part, parts_of
from graph.drawing.shapes import Point
from graph.drawing.texts import is_automatic, number_text, shortened, stem_and_index, width_of
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.watching.local_gradients import local_gradients

NOTE = 12.0  # font sizes, as in style.css
_SYMBOL, _NAME, _LOCAL = 15.0, 15.0, 11.0
RADIUS = 17.0  # of a round gate
APART = 5.0  # px between a wire and its numbers
BESIDE = 8.0  # px beside numbers
ABREAST = 8.0  # px between satellites
NAME_HEIGHT = 9.0  # half of the height of a name
CAPTION = 18.0  # px for the caption of a frame
PADDING = 4.0  # px from a frame to one around it
LOCAL_SIGN = "×"
_TIGHT, _PORT, _PORTS = 10.0, 13.0, 16.0  # px between inputs: the least, of a gate that has many, and of one with few
_LEAD = 9.0  # px before a gate in which wires are straight
_TO_SATELLITE = 18.0  # px from a gate to its satellites
_LOCAL_HEIGHT = 14.0  # px
_MOVED = 20.0  # px, the most by which a name stands left of its gate's middle
_FREE = {"+", "×", "max", "min"}  # gates whose inputs may change places


class Gate(NamedTuple):
    """A part as it is drawn."""

    part: Part
    name: str  # "" where it is hidden
    width: float
    height: float
    satellites: list[str]

    @property
    def node(self) -> str:
        return self.part.name


class Block(NamedTuple):
    """A satellite: an entry, the width and the height of its texts, and the width of its name."""

    entry: str
    width: float
    height: float
    name: float

    def name_at(self, middle: float, reach: float) -> float:
        """Return where the middle of its name is, at most so far from the gate's as the block around it allows."""
        spare = (self.width - self.name) / 2
        return max(middle - spare, min(middle + spare, max(-reach, min(reach, middle))))


class Sizes:
    """The parts of a graph's picture, and how large they are.

    Each gate is a box, with the inputs at one end and the output at the other. Here and in the diagram, along means
    horizontally if wires run right and vertically if they run down, and across means the other.

    Parameters
    ----------
    graph : TwoPasses
        The graph. There is room for the numbers that it shows now.
    look : Look
        How it is drawn.
    """

    def __init__(self, graph: TwoPasses, look: Look) -> None:
        self.graph, self.look = graph, look
        self.down = look.direction == "down"
        self.parts = parts_of(graph, look.depth, look.most)
        self.named = {part.name: part for part in self.parts}
        self.is_whole = are_whole(self.parts)
        self.labels = self.now()
        self.satellites = self._satellites()
        self.locals = self._local_gradients() if look.local else {}
        self.gates = {part.name: self._gate(part) for part in self.parts}

    def now(self) -> dict[Key, tuple[Label, Label]]:
        return labels_of(self.parts, self.look.digits, self.is_whole)

    def at_ports(self, gate: Gate) -> list[tuple[Label, Label]]:
        """Return the widest labels at the output ports of a gate."""
        return [self.labels[gate.node, port] for port in range(len(gate.part.outputs))]

    def xy(self, along: float, across: float) -> Point:
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
                f"{LOCAL_SIGN}{number_text(slope, digits, slope.is_integer())}" if isinstance(slope, float) else ""
                for slope in slopes
            ]
        return found

    def _gate(self, part: Part) -> Gate:
        """Return a part with its texts and its size."""
        name = self._name(part)
        if part.is_entry:
            return Gate(part, name, self._size_of_name(part.name), 2 * NAME_HEIGHT, [])
        sign = part.sign
        width = 2 * RADIUS if len(sign) < 3 else max(42.0, width_of(sign, _SYMBOL) + 16)
        height = 2 * RADIUS
        satellites = self.satellites.get(part.name, [])
        if satellites and not self.down:  # so wide that their wires are straight
            blocks = self.blocks(satellites)
            reach = max(abs(block.name_at(middle, 0.0)) for block, middle in zip(blocks, middles_of(blocks)))
            width = max(width, 2 * reach + RADIUS)
        ports = max(len(part.sources) - len(satellites), 1)
        needed = self._step(part) * (ports + 1) if ports > 2 else 0.0
        gate = Gate(part, name, width, height, satellites)
        if len(part.outputs) > 1:
            each = [2 * max(label.size[1 - self.down] for label in pair) + 12 for pair in self.at_ports(gate)]
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
        return width_of_name(self._name(self.named[node])) + 6

    def box(self, gate: Gate, layer: int) -> Box:
        """Return a gate as the layout takes it."""
        is_entry, labels = gate.part.is_entry, self.at_ports(gate)
        width, height = self.xy(gate.width, gate.height)
        after, before = (1, 0) if self.down else (0, 1)  # of a size, what is along the wires, and across
        room = max(label.size[after] for pair in labels for label in pair) + BESIDE
        offsets = self.outputs(gate)
        value = max(pair[0].size[before] - offset for pair, offset in zip(labels, offsets)) + APART
        gradient = max(pair[1].size[before] + offset for pair, offset in zip(labels, offsets)) + APART
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
            wide = width_of_name(gate.name)
            if self.down:
                above = max(above, gate.width / 2 + wide + 6)
            else:
                beyond, moved = self._beyond(gate), self.name_moved(gate)
                lead, room = max(lead, beyond + moved), max(room, beyond - moved)
                above = max(above, -self.name_y(gate) + 13) if gate.satellites else above
                below = below if gate.satellites else max(below, self.name_y(gate) + 5)
        if gate.satellites:
            blocks = self.blocks(gate.satellites)
            if self.down:
                below = self.under(gate) + max(block.width for block in blocks)
                lead = max(lead, sum(block.height + ABREAST for block in blocks[:-1]))
                room = max(room, blocks[-1].height - gate.height / 2)
            else:
                below = self.under(gate) + max(block.height for block in blocks)
                side = (_abreast(blocks) - width) / 2
                lead, room = max(lead, side), max(room, side, self._width_of_locals(gate))
        padding = PADDING * (depth := len(gate.part.group))
        captions = CAPTION * depth
        if self.down:
            widths = [7 + _width_of_caption(name) + PADDING * place for place, name in enumerate(gate.part.group)]
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

    def _reach_of_ports(self, gate: Gate) -> float:
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

    def outputs(self, gate: Gate) -> tuple[float, ...]:
        """Return the offsets of a gate's output ports from its middle."""
        count = len(gate.part.outputs)
        step = (gate.width if self.down else gate.height) / count
        return tuple([(port - (count - 1) / 2) * step for port in range(count)])

    def name_moved(self, gate: Gate) -> float:
        """Return how far left of a gate's middle its name stands where wires run right: clear of numbers if it can."""
        beyond = self._beyond(gate)
        return beyond if beyond <= _MOVED else 0.0

    def _beyond(self, gate: Gate) -> float:
        """Return by how much a gate's name is wider than the gate, on each side."""
        return max(0.0, (width_of_name(gate.name) - gate.width) / 2)

    def name_y(self, gate: Gate) -> float:
        """Return how far below a gate's middle its name stands where wires run right: clear of numbers if very wide."""
        is_wide = self._beyond(gate) > _MOVED
        labels = self.at_ports(gate)
        has_local_texts = len(list(filter(None, self.locals.get(gate.node, [])))) > 1
        if gate.satellites:
            value = max(pair[0].size[1] for pair in labels) + APART
            return -max(gate.height / 2, value if is_wide else 0.0) - (12 if has_local_texts else 6)
        gradient = max(pair[1].size[1] for pair in labels) + APART
        return max(gate.height / 2, gradient if is_wide else 0.0) + (19 if has_local_texts else 13)

    def blocks(self, entries: list[str]) -> list[Block]:
        """Return the satellites of a gate: each has its name, and below it its numbers."""
        blocks = []
        for entry in entries:
            value, gradient = self.labels[entry, 0]
            name = self._size_of_name(entry)
            height = 2 * NAME_HEIGHT + value.size[1] + APART + gradient.size[1]
            blocks.append(Block(entry, max(name, value.size[0], gradient.size[0]), height, name))
        return blocks

    def under(self, gate: Gate) -> float:
        """Return how far across from a gate's middle its satellites begin."""
        across = 0 if self.down else 1
        gradient = max(pair[1].size[across] for pair in self.at_ports(gate)) + APART
        texts = self._width_of_locals(gate)
        if self.down:
            return max(gate.width / 2, gradient) + _TO_SATELLITE + texts
        return max(gate.height / 2 + _TO_SATELLITE, gradient + 4) + (_LOCAL_HEIGHT if texts else 0.0)

    def local_of(self, gate: Gate, entry: str) -> str:
        """Return the local gradient that stands at a satellite's port; "" if there is none."""
        texts = self.locals.get(gate.node, [])
        return texts[[source for source, _ in gate.part.sources].index(entry)] if texts else ""

    def _width_of_locals(self, gate: Gate) -> float:
        """Return the width of the widest local gradient at a satellite's port; 0 if there is none."""
        texts = [self.local_of(gate, entry) for entry in gate.satellites]
        return max([width_of(text, _LOCAL) + APART for text in texts if text], default=0.0)


def _abreast(blocks: Sequence[Block]) -> float:
    """Return the width of satellites side by side."""
    return sum(block.width for block in blocks) + ABREAST * (len(blocks) - 1)


def middles_of(blocks: Sequence[Block]) -> Iterator[float]:
    """Yield where the middle of each satellite below a gate is, from the gate's middle on."""
    left = -_abreast(blocks) / 2
    for block in blocks:
        yield left + block.width / 2
        left += block.width + ABREAST


def reach_of(width: float) -> float:
    """Return how far from its middle a gate of some width has ports below."""
    return max(width / 2 - RADIUS / 2, 0.0)


def _is_free(part: Part) -> bool:
    """Return whether the inputs of a part may change places."""
    return part.gate is None or part.sign in _FREE


def _width_of_caption(name: str) -> float:
    """Return the width of the caption of a frame."""
    return width_of(shortened(name), NOTE)


def width_of_name(name: str) -> float:
    """Return the width of a name, with its index."""
    stem, index = stem_and_index(name)
    return width_of(stem, _NAME) + width_of(index, 0.7 * _NAME)
