"""The columns of a picture: in which layer each gate stands."""

from typing import Any

from graph.structure.entries import Entry, Input
from graph.structure.wiring import all_sources


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
