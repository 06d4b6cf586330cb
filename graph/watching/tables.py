"""A graph as a table, which `print(graph)` shows, and as one line, its `repr`."""

from __future__ import annotations

from typing import Any

from gates.formatting import aligned, gate_text, numbered, short
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Constant, Entry, Input, Parameter

_ROWS = 100  # a longer table shows its first and last rows only


def summary(graph: TwoPasses) -> str:
    """Return one line about a graph: how many inputs, parameters and gates it has."""
    gates = [gate for _, gate in graph.graph.nodes(data="gate")]
    counts = [
        (sum(isinstance(gate, Input) for gate in gates), "input"),
        (sum(isinstance(gate, Parameter) for gate in gates), "parameter"),
        (sum(not isinstance(gate, Entry) for gate in gates), "gate"),
    ]
    parts = [numbered(count, noun) for count, noun in counts if count or noun != "parameter"]
    return f"{type(graph).__name__}({', '.join(parts)})"


def table(graph: TwoPasses) -> str:
    """Return a table with a row for each gate in topological order: name, gate, inputs, value, gradient."""
    order = graph.nodes_topologically_sorted()
    hidden = max(len(order) - _ROWS, 0)
    head = order[: _ROWS // 2] if hidden else order
    tail = order[-(_ROWS // 2) :] if hidden else []
    rows: list[tuple[str, ...]] = [("name", "gate", "reads", "value", "gradient")]
    rows += [row for node in head for row in _rows(graph, node)]
    middle = len(rows)
    rows += [row for node in tail for row in _rows(graph, node)]
    lines = aligned(rows)
    if hidden:
        lines.insert(middle, f"... {hidden:,} more gates ...")
    return "\n".join(lines)


def _rows(graph: TwoPasses, node: str) -> list[tuple[str, ...]]:
    """Return the rows of a gate, one for each output."""
    gate: Any = graph.gate(node)
    shown = type(gate).__name__ if isinstance(gate, (Parameter, Constant)) else gate_text(gate)
    return [
        (str(wire), shown, ", ".join(map(str, graph.reads(node))), short(wire.value), short(wire.grad))
        for wire in graph.wires_of(node)
    ]
