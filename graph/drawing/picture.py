"""The picture of a graph, where it begins: a diagram, or one of several steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from graph.drawing.diagram import Diagram, Drawing
from graph.drawing.look import PLAIN, Look, is_whole, one_of
from graph.drawing.shapes import Group, Text
from graph.drawing.svg import MARGIN, Picture, Theme, group_svg, sheet
from graph.drawing.texts import LINE, width_of, wrapped
from graph.passes.nested import GraphGate, flattened
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.watching.step import Step
from graph.watching.stepper import Stepper
from graph.watching.titles import title_of

_BETWEEN = 30.0  # px between the pictures of a strip
_CAPTION = 14.0  # font size, as in style.css
_LONG = 72  # the most characters of a caption in one line


def picture(
    graph: TwoPasses,
    look: Look = PLAIN,
    *,
    theme: Theme = "auto",
    background: str | None = None,
    active: str | None = None,
    steps: Iterable[int] | None = None,
) -> Picture:
    """Return the SVG of a graph, or of several steps of its passes, one below the other.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    look : Look
        How a diagram is drawn.
    theme : "auto", "light" or "dark"
        The colors.
    background : str, optional
        The color behind all.
    active : str, optional
        The gate to highlight.
    steps : iterable of int, optional
        The steps to draw one below the other.
    """
    one_of("theme", theme, get_args(Theme))
    if background is not None and not isinstance(background, str):
        raise TypeError(f"background must be the text of a color, such as 'white', got {background!r}")
    look = look.checked()
    if look.width is not None:
        look = look._replace(width=max(1.0, look.width - 2 * MARGIN))
    return in_svg(diagram_of(graph, look, active, steps), title_of(graph), theme, background)


def in_svg(drawn: Diagram, title: str, theme: Theme = "auto", background: str | None = None) -> Picture:
    """Return a diagram as an SVG."""
    body = [
        "\n".join([f'<g transform="translate(0 {y:.0f})">', *map(group_svg, groups), "</g>"])
        for y, groups in drawn.panels
    ]
    return sheet(title, drawn.said, drawn.width, drawn.height, body, theme, background)


def diagram_of(graph: TwoPasses, look: Look, active: str | None = None, steps: Iterable[int] | None = None) -> Diagram:
    """Return the diagram of a graph, or of several steps of its passes, one below the other.

    Raises
    ------
    ValueError
        If an option is something else, or a step is not one of the passes.
    TypeError
        If the steps are not iterable.
    """
    look = look.checked()
    if look.depth is not None and any(isinstance(gate, GraphGate) for _, gate in graph.graph.nodes(data="gate")):
        graph = flattened(graph, look.depth)
    if steps is None:
        return Drawing(graph, look).drawn(active)
    if not isinstance(steps, Iterable):
        raise TypeError(f"steps must be numbers of steps, such as [1, 2], got {steps!r}")
    return _strip(graph, list(steps), look)


def _strip(graph: TwoPasses, steps: Sequence[int], look: Look) -> Diagram:
    """Return the diagram of several steps, each with what it computes above it."""
    twin = graph.copy()
    upstream = None if graph.recording is None else graph.output.grad
    stepper = Stepper(twin, graph.last_inputs(), upstream)
    done = list(stepper)
    if not steps or not all(is_whole(step) and 0 <= step <= len(done) for step in steps):
        raise ValueError(f"steps must be numbers from 0, the start, to {len(done)}, the end, got {steps}")
    drawing = Drawing(twin, look)  # with room for all numbers
    while not stepper.at_start:
        stepper.back()
    place = 0
    panels: list[tuple[float, list[Group]]] = []
    said: list[str] = []
    width = y = 0.0
    for number in sorted(set(steps)):
        while place < number:
            stepper.next()
            place += 1
        step = done[number - 1] if number else None
        drawn = drawing.drawn(None if step is None else step.node, is_last=number == max(steps))
        caption = _caption(step, f"{number} of {len(done)}")
        if look.width is not None and look.direction == "right":
            caption = [part for line in caption for part in wrapped(line, look.width, _CAPTION)]
        first, *rest = caption
        text = Text(0.0, 12.0, "step", first, "start", more=tuple(rest))
        panels.append((y, [Group("caption", ("", ""), f"step {number}", [text])]))
        y += LINE * len(caption) + 8
        panels += [(y + moved, groups) for moved, groups in drawn.panels]
        y += drawn.height + _BETWEEN
        width = max(width, drawn.width, *(width_of(line, _CAPTION) for line in caption))
        said += caption
    return Diagram(panels, width, y - _BETWEEN, "\n".join(said))


def _caption(step: Step | None, place: str) -> list[str]:
    """Return the lines above a picture of a strip."""
    if step is None:
        return ["Start: the inputs"]
    parts = [step.computation]
    if step.phase == "backward":
        parts = [*filter(None, step.products), *step.additions.values()] or [step.of_nothing_sent]
    joined = f"{place}, {step.phase}: {',  '.join(parts)}"
    return [joined] if len(joined) <= _LONG else [f"{place}, {step.phase}:", *parts]


def gates_of(graph: TwoPasses) -> int:
    """Return the number of gates of a graph, not counting its inputs, parameters and constants."""
    return sum(not isinstance(gate, Entry) for _, gate in graph.graph.nodes(data="gate"))
