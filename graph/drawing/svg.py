"""The diagram of a graph: an SVG with a box for each gate, and the value and the gradient on each wire."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

from gates.formatting import escaped, gate_text, text_of
from graph.drawing.boxes import Box, Edge, layers_of
from graph.drawing.layout import Layout, arrange
from graph.drawing.texts import DASH, LINE, lines_of, lines_of_gradient, shortened, text_at, width_of
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Constant, Entry, Input, Parameter
from graph.structure.wire import Wire
from graph.structure.wiring import sources_of
from graph.watching.notation import symbol_of
from graph.watching.titles import title_of

_MARGIN = 16.0
_NUMBERS, _SYMBOL, _NAME, _ENTRY, _NOTE = 13.0, 15.0, 11.0, 14.0, 12.0  # font sizes, as in style.css
_LEGEND = 58.0  # px
_STUB = 34.0  # least room for the texts on a wire
_SHAPES = {Input: "round: input", Parameter: "square: parameter", Constant: "dashed: constant"}


class _Drawn(NamedTuple):
    """A gate with its texts and its box."""

    node: str
    gate: Any
    wires: list[Wire]
    numbers: list[tuple[list[str], list[str]]]  # for each wire, the lines of its value and those of its gradient
    box: Box


def diagram(graph: TwoPasses, room: float = 0.0, active: str | None = None, dark: bool = True) -> str:
    """Return the SVG of a graph: each gate is a box, with the inputs on the left and the output on the right.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    room : float
        The least width in px to keep free for the numbers on each wire.
    active : str, optional
        The gate to highlight.
    dark : bool
        Whether the picture has other colors on a dark screen.
    """
    order = graph.nodes_topologically_sorted()
    layers = layers_of(graph.graph, order)
    drawn = [_drawn(graph, node, layers[node], room) for node in order]
    index = {node: place for place, node in enumerate(order)}
    edges = [edge for node in order for edge in _edges(graph, node, index)]
    layout = arrange([gate.box for gate in drawn], edges)
    legend, legend_width = _legend(graph, drawn)
    width = max(layout.width, legend_width) + 2 * _MARGIN
    height = layout.height + _LEGEND + 2 * _MARGIN
    body = [
        *_wires(drawn, edges, layout),
        *(_gate(graph, gate, place, gate.node == active) for gate, place in zip(drawn, layout.places)),
        f'<g class="legend" transform="translate(0 {layout.height + 24:.0f})">{legend}</g>',
    ]
    return sheet(title_of(graph), _described(graph), width, height, body, dark)


def sheet(title: str, description: str, width: float, height: float, body: list[str], dark: bool) -> str:
    """Return an SVG document with a title, a style, a background and the given body."""
    source = files("graph.drawing")
    style = source.joinpath("style.css").read_text(encoding="utf-8")
    if dark:
        rules = source.joinpath("dark.css").read_text(encoding="utf-8")
        style += f"@media (prefers-color-scheme: dark) {{\n{rules}}}\n"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="gategraph" role="img" aria-label="{escaped(description)}" '
            f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">',
            f"<title>{escaped(title)}</title>",
            f"<style>\n{style}</style>",
            '<rect class="paper" width="100%" height="100%"/>',
            f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">',
            *body,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _drawn(graph: TwoPasses, node: str, layer: int, room: float) -> _Drawn:
    """Return a gate with its texts and its box."""
    gate = graph.gate(node)
    wires = graph.wires_of(node)
    numbers = [(lines_of(wire.value), lines_of_gradient(wire.grad, wire.value)) for wire in wires]
    if isinstance(gate, Entry):
        width, height = width_of(shortened(node), _ENTRY) + 22, 28.0
    else:
        width = max(width_of(symbol_of(gate), _SYMBOL) + 24, width_of(shortened(node), _NAME) + 14, 44.0)
        height = 44.0
    each = 2 * LINE * max(len(lines) for pair in numbers for lines in pair) + 12
    height = max(height, each * len(wires) if len(wires) > 1 else 0)
    slot = max(height + 12, each * len(wires))
    texts = [text for pair in numbers for lines in pair for text in lines]
    widest = max(room, *(width_of(text, _NUMBERS) for text in texts), _STUB)
    offsets = tuple([(port - (len(wires) - 1) / 2) * each for port in range(len(wires))])
    return _Drawn(node, gate, wires, numbers, Box(layer, width, height, widest + 14, offsets, slot))


def _edges(graph: TwoPasses, node: str, index: dict[str, int]) -> Iterator[Edge]:
    """Yield the edges that enter a gate's box."""
    sources = sources_of(node, graph.graph.pred[node])
    for port, (source, source_port) in enumerate(sources):
        yield Edge(index[source], source_port, index[node], port, len(sources))


def _wires(drawn: list[_Drawn], edges: list[Edge], layout: Layout) -> Iterator[str]:
    """Yield the SVG of each wire, with its branches, arrowheads and numbers."""
    routes: dict[tuple[int, int], list[list[tuple[float, float]]]] = {}
    for edge, route in zip(edges, layout.routes):
        routes.setdefault((edge.source, edge.source_port), []).append(route)
    for place, gate in enumerate(drawn):
        left, middle = layout.places[place]
        for port, wire in enumerate(gate.wires):
            value, gradient = gate.numbers[port]
            start, y = left + gate.box.width, middle + gate.box.outputs[port]
            branches = routes.get((place, port), [[(start, y), (start + gate.box.room, y)]])
            lines = "".join([f'<path class="line" d="{_path(route)}"/>{_tip(*route[-1])}' for route in branches])
            if len(branches) > 1:
                lines += f'<circle class="tip" cx="{branches[0][1][0]:.1f}" cy="{y:.1f}" r="3"/>'
            said = f"{wire}: value {' '.join(value)}, gradient {' '.join(gradient)}"
            numbers = text_at(start + 6, y - 6 - LINE * (len(value) - 1), "value", *value)
            numbers += text_at(start + 6, y + 16, "gradient", *gradient)
            head = f'<g class="wire" data-wire="{escaped(str(wire))}"><title>{escaped(said)}</title>'
            yield f"{head}{lines}{numbers}</g>"


def _path(route: list[tuple[float, float]]) -> str:
    """Return the path data of a route: straight runs joined by curves."""
    (x, y), *rest = route
    path = f"M{x:.1f} {y:.1f}"
    for place, (to_x, to_y) in enumerate(rest):
        if place % 2 == 0 or abs(to_y - y) < 0.05:
            path += f"H{to_x:.1f}"
        else:
            turn = (x + to_x) / 2
            path += f"C{turn:.1f} {y:.1f} {turn:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return path


def _tip(x: float, y: float) -> str:
    return f'<path class="tip" d="M{x:.1f} {y:.1f}l-7 -3.5v7z"/>'


def _gate(graph: TwoPasses, drawn: _Drawn, place: tuple[float, float], is_active: bool) -> str:
    """Return the SVG of a gate's box, with its symbol and its name."""
    (x, y), (node, gate, box) = place, (drawn.node, drawn.gate, drawn.box)
    middle, is_entry, output = x + box.width / 2, isinstance(gate, Entry), graph.output_if_any
    is_output = output is not None and output.node == node
    kind = type(gate).__name__.lower() if is_entry else "gate"
    classes = f"{'entry ' * is_entry}{kind}{' result' * is_output}{' active' * is_active}"
    radius = {"input": 14, "parameter": 2, "constant": 2}.get(kind, 9)
    title = f"{kind} {node}" if is_entry else f"{node}: {gate_text(gate)}"
    texts = "" if is_entry else text_at(middle, y - 1, "symbol", symbol_of(gate))
    texts += text_at(middle, y + (5 if is_entry else 15), "name", shortened(node))
    return (
        f'<g class="{classes}" data-gate="{escaped(node)}"><title>{escaped(title)}</title>'
        f'<rect class="box" x="{x:.1f}" y="{y - box.height / 2:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{radius}"/>{texts}</g>'
    )


def _legend(graph: TwoPasses, drawn: list[_Drawn]) -> tuple[str, float]:
    """Return the SVG of the legend and its width."""
    output = graph.output_if_any
    of_output = "" if output is None else f" of {shortened(str(output))}"
    notes = [f"above a wire: its value, forward; below: the gradient{of_output}, backward"]
    kinds = {type(gate.gate) for gate in drawn}
    shapes = ", ".join([text for kind, text in _SHAPES.items() if kind in kinds])
    notes.append(f"{shapes}{'; ' * bool(shapes)}{DASH}: not computed, or none")
    if any(len(value) > 1 for gate in drawn for value, _ in gate.numbers):
        notes[-1] += "; arrays: shape, and min … mean … max"
    sample = f'<path class="line" d="M0 18H70"/>{_tip(76, 18)}'
    sample += text_at(4, 12, "value", "value") + text_at(4, 34, "gradient", "gradient")
    texts = "".join([text_at(86, 14 + 18 * row, "note", note) for row, note in enumerate(notes)])
    return sample + texts, 86 + max(width_of(note, _NOTE) for note in notes)


def _described(graph: TwoPasses) -> str:
    """Return a description of the picture for screen readers."""
    output = graph.output_if_any
    value = "" if output is None or output.value is None else f", value {text_of(output.value)}"
    return f"{graph!r}" + ("" if output is None else f"; the output is {output}{value}")
