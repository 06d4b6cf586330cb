"""Which wires a gate may read as labels, whose integers stay integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gates.gate import labels_of
from graph.structure.entries import Constant, Input
from graph.structure.wire import Wire


def check_labels(graph: Any, labelled: Mapping[str, str], gate: Any, name: str, wires: Sequence[Any]) -> None:
    """Raise unless labels come straight from an input or a constant that no gate reads as numbers.

    `labelled` tells what the graph's gates read as labels so far, each with a gate that does. What is no wire of the
    graph is for others to complain of.
    """
    for port, wire in enumerate(wires):
        if not isinstance(wire, Wire) or wire.graph is not graph or wire.node not in graph:
            continue
        if port not in labels_of(gate):
            if wire.node in labelled:
                raise ValueError(_both(labelled[wire.node], name, wire))
            continue
        if not isinstance(wire.gate, (Input, Constant)):
            raise ValueError(
                f"{name} ({type(gate).__name__}) reads labels straight from an input or a constant, got the wire {wire}"
            )
        for reader, ports in graph.graph.adj[wire.node].items():
            if not set(ports) <= set(labels_of(graph.graph.nodes[reader]["gate"])):
                raise ValueError(_both(name, reader, wire))


def _both(reader_of_labels: str, reader_of_numbers: str, wire: Wire) -> str:
    """Return what is wrong with a wire that is read as both."""
    return f"{reader_of_labels} reads {wire} as labels and {reader_of_numbers} as numbers: make an input for each"
