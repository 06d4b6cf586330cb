"""The picture of a graph: a diagram, or an overview of a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.drawing.overview import overview
from graph.drawing.svg import diagram
from graph.entries import Entry

if TYPE_CHECKING:
    from graph.computational_graph import ComputationalGraph


def picture(graph: ComputationalGraph, max_gates: int) -> str:
    """Return the SVG of a graph: of one with more gates than `max_gates` an overview."""
    gates = sum(not isinstance(gate, Entry) for _, gate in graph.graph.nodes(data="gate"))
    return diagram(graph) if gates <= max_gates else overview(graph)
