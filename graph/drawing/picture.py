"""The picture of a graph: a diagram, or an overview of a large one."""

from __future__ import annotations

from graph.drawing.overview import overview
from graph.drawing.svg import diagram
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry

MAX_GATES = 400  # of a graph with more a diagram would be a hairball


def picture(graph: TwoPasses, max_gates: int = MAX_GATES, active: str | None = None, dark: bool = True) -> str:
    """Return the SVG of a graph: of one with more gates than `max_gates` an overview.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    max_gates : int
        Of how many gates a diagram is drawn at most.
    active : str, optional
        The gate to highlight.
    dark : bool
        Whether the picture has other colours on a dark screen. A notebook may be light on one: for it, no.
    """
    return diagram(graph, active=active, dark=dark) if gates_of(graph) <= max_gates else overview(graph, dark)


def scrolled(svg: str) -> str:
    """Return a picture as HTML that scrolls where the picture is too wide."""
    return f'<div style="overflow-x: auto">{svg}</div>'


def gates_of(graph: TwoPasses) -> int:
    """Return how many gates a graph has, without those that hold its inputs, parameters and constants."""
    return sum(not isinstance(gate, Entry) for _, gate in graph.graph.nodes(data="gate"))
