"""The layers of a drawing: in which column each gate stands, and which entries stand beside their reader."""

from __future__ import annotations

from typing import Any

from graph.structure.entries import Constant, Entry, Input, Parameter
from graph.structure.wiring import all_sources


def layers_of(graph: Any, order: list[str]) -> dict[str, int]:
    """Return the layer of each gate: inputs are in layer 0, and each gate comes after all gates that it reads.

    A gate is as early as that allows, unless the wires are shorter where it is later. Parameters and constants are just
    before the first gate that reads them.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        The graph.
    order : list of str
        Its gates in topological order.
    """
    sources = {node: set(wires) for node, wires in all_sources(graph)}
    layers: dict[str, int] = {}
    ends: dict[tuple[str, int], int] = {}  # of each wire, the layer of the last gate that reads it
    first: dict[str, int] = {}  # of each gate, the layer of the first gate that reads it
    for node in order:
        layers[node] = max([layers[source] for source, _ in sources[node]], default=-1) + 1
        for wire in sources[node]:
            ends[wire] = max(layers[node], ends.get(wire, 0))
    used: dict[str, int] = {}  # of each gate, the number of its wires
    for node, _ in ends:
        used[node] = used.get(node, 0) + 1
    for node in reversed(order):
        late = first.get(node, 0) - 1
        if late > layers[node] and not isinstance(graph.nodes[node]["gate"], Input):
            longer = sum(max(0, late - ends[wire]) for wire in sources[node])
            if longer < used[node] * (late - layers[node]):
                layers[node] = late
                ends.update({wire: max(late, ends[wire]) for wire in sources[node]})
        for source, _ in sources[node]:
            first[source] = min(layers[node], first.get(source, layers[node]))
    return layers


def satellites_of(graph: Any) -> dict[str, list[str]]:
    """Return the gates that have satellites: entries that are drawn beside their only reader.

    They are parameters and constants that are read once, beside a gate that reads something else, and inputs without a
    gradient, such as labels, beside a gate that reads the result of another gate.
    """
    found: dict[str, list[str]] = {}
    gates = dict(graph.nodes(data="gate"))
    for node, wires in all_sources(graph):
        sources = [source for source, _ in wires]
        reads_a_gate = any(not isinstance(gates[source], Entry) for source in sources)
        small = [s for s in sources if graph.out_degree(s) == 1 and _is_aside(gates[s], reads_a_gate)]
        if len(small) == len(sources):
            small = small[1:]
        if small:
            found[node] = small
    return found


def _is_aside(gate: Any, reads_a_gate: bool) -> bool:
    return isinstance(gate, (Parameter, Constant)) or (isinstance(gate, Input) and not gate.grad and reads_a_gate)
