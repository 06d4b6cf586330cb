"""Who may stand in a graph: objects that are gates, and stand nowhere else."""

import weakref
from typing import Any

from gates import Gate
from gates.bare import require_gate
from gates.gate import input_counts, kind_of

#: The ids of all gates that stand in a graph.
standing: set[int] = set()


def stand(graph: Any, gates: list[Any]) -> None:
    """Mark gates, and those that join the list and `standing` later, as standing in a graph while it lives.

    The list keeps them alive, also those that are taken out of networkx's graph by hand: an id is theirs alone.
    """
    standing.update(map(id, gates))
    weakref.finalize(graph, _release, gates).atexit = False


def check(gate: Any) -> tuple[str, tuple[int, float]]:
    """Return a gate's kind and how many inputs it takes, or raise if it cannot be added to a graph."""
    if id(gate) in standing:
        raise ValueError(f"this {type(gate).__name__} stands in a graph already: a gate object has one place only")
    if isinstance(gate, Gate) and gate.takes is not None:
        return gate.kind, gate.takes
    require_gate(gate)
    return kind_of(gate), input_counts(gate.forward)


def _release(gates: list[Any]) -> None:
    """Let the gates of a graph that is gone stand in another."""
    standing.difference_update(map(id, gates))
