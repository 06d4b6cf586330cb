"""Both passes of a graph in words and numbers, gate by gate: what the command line prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gates.values import Value, shape_of
from graph.entries import Entry
from graph.formatting import gate_text, plain
from graph.table import reads

if TYPE_CHECKING:
    from graph.computational_graph import ComputationalGraph


def lines(graph: ComputationalGraph, gradients: dict[str, Value]) -> Iterator[str]:
    """Yield the lines that tell both passes, after they ran."""
    order = graph.nodes_topologically_sorted()
    gates = graph.graph.nodes
    calls = {node: _call(graph, node) for node in order}
    name_width, call_width = max(map(len, order)), max(map(len, calls.values()))
    yield "forward"
    for node in order:
        yield f"  {node.ljust(name_width)}  {calls[node].ljust(call_width)}  {plain(graph._wire(node).value)}"
    if gradients:
        yield ""
        yield "backward: local × upstream = downstream"
    for node in reversed(order):
        upstream = graph._wire(node).grad
        if isinstance(gates[node]["gate"], Entry) or upstream is None:
            continue
        yield f"  {node} = {calls[node]}, upstream {plain(upstream)}"
        yield from _downstream(graph, node, upstream)
    if gradients:
        yield ""
        yield "gradients"
    width = max(map(len, gradients), default=0)
    for name, gradient in gradients.items():
        yield f"  {name.ljust(width)}  {plain(gradient)}"


def _call(graph: ComputationalGraph, node: str) -> str:
    """Return a gate with what it reads: Add(x, y), Power(p=3.0)(x), or the kind of an entry."""
    gate = graph.graph.nodes[node]["gate"]
    if isinstance(gate, Entry):
        return type(gate).__name__
    return f"{gate_text(gate)}({', '.join(map(str, reads(graph, node)))})"


def _downstream(graph: ComputationalGraph, node: str, upstream: Value) -> Iterator[str]:
    """Yield a line for each input of a gate: the gradient that the gate sends there."""
    gate: Any = graph.graph.nodes[node]["gate"]
    sources = reads(graph, node)
    gradients = gate.backward(upstream)
    scalar = not shape_of(upstream) and not any(shape_of(wire.value) for wire in sources)
    locals_ = gate.backward(1.0) if scalar else [None] * len(sources)
    width = max(map(len, map(str, sources)), default=0)
    for wire, local, gradient in zip(sources, locals_, gradients):
        if gradient is None:
            yield f"    {str(wire).ljust(width)}  no gradient wanted"
        elif local is None:
            yield f"    {str(wire).ljust(width)}  {plain(gradient)}"
        else:
            yield f"    {str(wire).ljust(width)}  {plain(local)} × {plain(upstream)} = {plain(gradient)}"
