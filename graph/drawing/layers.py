"""The layers of a drawing: in which column each part stands, and which entries stand beside their reader."""

from __future__ import annotations

from collections.abc import Sequence

from graph.drawing.parts import Part
from graph.structure.entries import Input


def layers_of(parts: Sequence[Part]) -> dict[str, int]:
    """Return the layer of each part: inputs are in layer 0, and each part comes after all that it reads.

    A part is as early as that allows, unless the wires are shorter where it is later. Parameters and constants are just
    before the first part that reads them.

    Parameters
    ----------
    parts : sequence of Part
        The parts, in topological order.
    """
    sources = {part.name: set(part.sources) for part in parts}
    layers: dict[str, int] = {}
    ends: dict[tuple[str, int], int] = {}  # of each wire, the layer of the last part that reads it
    first: dict[str, int] = {}  # of each part, the layer of the first part that reads it
    for name in sources:
        layers[name] = max([layers[source] for source, _ in sources[name]], default=-1) + 1
        for wire in sources[name]:
            ends[wire] = max(layers[name], ends.get(wire, 0))
    used: dict[str, int] = {}  # of each part, the number of its wires
    for name, _ in ends:
        used[name] = used.get(name, 0) + 1
    for part in reversed(parts):
        name, late = part.name, first.get(part.name, 0) - 1
        if late > layers[name] and part.kind != "input":
            longer = sum(max(0, late - ends[wire]) for wire in sources[name])
            if longer < used[name] * (late - layers[name]):
                layers[name] = late
                ends.update({wire: max(late, ends[wire]) for wire in sources[name]})
        for source, _ in sources[name]:
            first[source] = min(layers[name], first.get(source, layers[name]))
    return layers


def satellites_of(parts: Sequence[Part]) -> dict[str, list[str]]:
    """Return the parts that have satellites: entries that are drawn beside their only reader.

    They are parameters and constants that are read once, beside a part that reads something else, and inputs without a
    gradient, such as labels, beside one that reads the result of a gate.
    """
    named = {part.name: part for part in parts}
    reads: dict[str, int] = {}
    for part in parts:
        for source, _ in part.sources:
            reads[source] = reads.get(source, 0) + 1
    found: dict[str, list[str]] = {}
    for part in parts:
        sources = [source for source, _ in part.sources]
        reads_a_gate = any(not named[source].is_entry for source in sources)
        small = [s for s in sources if reads[s] == 1 and _is_aside(named[s], reads_a_gate)]
        if len(small) == len(sources):
            small = small[1:]
        if small:
            found[part.name] = small
    return found


def _is_aside(part: Part, reads_a_gate: bool) -> bool:
    if part.kind in ("parameter", "constant"):
        return True
    return isinstance(part.gate, Input) and not part.gate.grad and reads_a_gate
