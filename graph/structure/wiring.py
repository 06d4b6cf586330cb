"""Read the wiring of a graph from networkx, whose edges are the only record of it."""

from collections.abc import Iterator
from typing import Any


def outputs_of(gate: Any) -> int:
    """Return a gate's number of outputs; 1 if its class does not say."""
    outputs: int = getattr(gate, "outputs", 1)
    return outputs


def sources_of(node: str, edges: Any) -> list[tuple[str, int]]:
    """Return what a node reads, by input port: the names of gates and their output ports.

    `edges` is networkx's mapping for the node, `graph.pred[node]`.
    """
    ports = {port: (source, edge["source_port"]) for source, keys in edges.items() for port, edge in keys.items()}
    try:
        return [ports[port] for port in range(len(ports))]
    except KeyError:
        raise ValueError(f"{node} must have its inputs at ports 0 to {len(ports) - 1}, got {sorted(ports)}") from None


def all_sources(graph: Any) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Yield each node of a networkx graph, in the order they were added, with what it reads, as `sources_of` has it."""
    for node, edges in all_edges(graph):
        yield node, sources_of(node, edges)


def all_edges(graph: Any) -> Iterator[tuple[str, Any]]:
    """Yield each node of a networkx graph, in the order they were added, with its edges, as `sources_of` takes them."""
    # networkx returns plain dicts only for successors; for predecessors it returns views, which are 5 times as slow.
    edges: Iterator[tuple[str, Any]] = graph.reverse(copy=False).adjacency()
    return edges
