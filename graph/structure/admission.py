"""The conditions for adding a gate to a graph: no graph has it yet, and its labels come from inputs or constants."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gates import Gate
from gates.bare import require_gate
from gates.gate import input_counts, kind_of, labels_of
from graph.structure.entries import Constant, Input
from graph.structure.wire import Wire

if TYPE_CHECKING:
    from graph.structure.structure import Structure

#: The ids of the gates of all graphs.
owned: set[int] = set()


def claim(graph: Structure, gates: list[Any]) -> None:
    """Mark gates as belonging to a graph for as long as it exists; gates may be added to the list and `owned` later.

    The list keeps the gates alive even if one is removed from networkx's graph by hand, so that no id is reused.
    """
    owned.update(map(id, gates))
    weakref.finalize(graph, _release, gates).atexit = False


def _release(gates: list[Any]) -> None:
    """Release the gates of a graph that no longer exists, so that another graph may have them."""
    owned.difference_update(map(id, gates))


def check_gate(gate: Any) -> tuple[str, tuple[int, float]]:
    """Return a gate's kind and how many inputs it takes, or raise if it cannot be added to a graph."""
    if id(gate) in owned:
        raise ValueError(f"this {type(gate).__name__} is already in a graph; make a new gate for each place")
    if isinstance(gate, Gate) and gate.takes is not None:
        return gate.kind, gate.takes
    require_gate(gate)
    return kind_of(gate), input_counts(gate.forward)


def check_labels(graph: Structure, labelled: Mapping[str, str], gate: Any, name: str, wires: Sequence[Any]) -> None:
    """Raise unless a new gate reads labels straight from inputs or constants that no gate reads as numbers.

    `labelled` maps each entry that is read as labels so far to a gate that does so. Arguments that are not wires of
    the graph are left to other checks.
    """
    for port, wire in enumerate(wires):
        if not isinstance(wire, Wire) or wire.graph is not graph or wire.node not in graph:
            continue
        if port not in labels_of(gate):
            if wire.node in labelled:
                raise ValueError(_read_as_both(labelled[wire.node], name, wire))
            continue
        if not isinstance(wire.gate, (Input, Constant)):
            who = f"{name} ({type(gate).__name__})"
            raise ValueError(f"{who} reads labels straight from an input or a constant, got the wire {wire}")
        for reader, ports in graph.graph.adj[wire.node].items():
            if not set(ports) <= set(labels_of(graph.gate(reader))):
                raise ValueError(_read_as_both(name, reader, wire))


def _read_as_both(reader_of_labels: str, reader_of_numbers: str, wire: Wire) -> str:
    """Return the message about a wire that is read both as labels and as numbers."""
    return f"{reader_of_labels} reads {wire} as labels and {reader_of_numbers} as numbers: make an input for each"
