"""A graph as a picture: an SVG with a box for each gate, and on each wire its value and its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

from gates.formatting import gate_text, text_of
from graph.drawing.boxes import Box, Edge, layers_of
from graph.drawing.layout import Layout, arrange
from graph.drawing.texts import DASH, escaped, lines_of, lines_of_gradient, shortened, width_of
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Constant, Entry, Input, Parameter
from graph.structure.wire import Wire
from graph.structure.wiring import sources_of
from graph.watching.notation import symbol_of

_MARGIN = 16.0
_LINE = 15.0  # from one line of numbers to the next
_NUMBERS, _SYMBOL, _NAME, _ENTRY, _NOTE = 13.0, 15.0, 11.0, 14.0, 12.0  # font sizes, those of style.css
_LEGEND = 58.0  # px
_STUB = 34.0  # of a wire without numbers to carry


class _Drawn(NamedTuple):
    """A gate to be drawn."""

    node: str
    gate: Any
    wires: list[Wire]
    numbers: list[tuple[list[str], list[str]]]  # for each wire the lines of its value, and of its gradient
    box: Box


def diagram(graph: TwoPasses, room: float = 0.0, active: str | None = None, dark: bool = True) -> str:
    """Return the SVG of a graph: each gate a box, inputs left, the output right.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    room : float
        The least width in px to keep free for the numbers on each wire.
    active : str, optional
        The gate to highlight.
    dark : bool
        Whether the picture has other colours on a dark screen.
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
    return sheet(f"{graph!r}", _described(graph), width, height, body, dark)


def sheet(title: str, description: str, width: float, height: float, body: list[str], dark: bool) -> str:
    """Return an SVG document with a background, a style and a title around its body."""
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
    """Return a gate with its texts and the size of its box."""
    gate = graph.gate(node)
    wires = graph.wires_of(node)
    numbers = [(lines_of(wire.value), lines_of_gradient(wire.grad, wire.value)) for wire in wires]
    if isinstance(gate, Entry):
        width, height = width_of(shortened(node), _ENTRY) + 22, 28.0
    else:
        width = max(width_of(symbol_of(gate), _SYMBOL) + 24, width_of(shortened(node), _NAME) + 14, 44.0)
        height = 44.0
    above = max(len(value) for value, _ in numbers) * _LINE
    below = max(len(gradient) for _, gradient in numbers) * _LINE
    each = 2 * max(above, below) + 12
    height = max(height, each * len(wires) if len(wires) > 1 else 0)
    slot = max(height + 12, each * len(wires))
    texts = [text for pair in numbers for lines in pair for text in lines]
    widest = max(room, *(width_of(text, _NUMBERS) for text in texts), _STUB)
    offsets = tuple([(port - (len(wires) - 1) / 2) * each for port in range(len(wires))])
    return _Drawn(node, gate, wires, numbers, Box(layer, width, height, widest + 14, offsets, slot))


def _edges(graph: TwoPasses, node: str, index: dict[str, int]) -> Iterator[Edge]:
    """Yield what a gate reads as edges between boxes."""
    sources = sources_of(node, graph.graph.pred[node])
    for port, (source, source_port) in enumerate(sources):
        yield Edge(index[source], source_port, index[node], port, len(sources))


def _wires(drawn: list[_Drawn], edges: list[Edge], layout: Layout) -> Iterator[str]:
    """Yield each wire with its branches, arrow tips and numbers."""
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
            yield (
                f'<g class="wire" data-wire="{escaped(str(wire))}"><title>{escaped(said)}</title>{lines}'
                + _numbers("value", value, start + 6, y - 6 - _LINE * (len(value) - 1))
                + _numbers("gradient", gradient, start + 6, y + 16)
                + "</g>"
            )


def _path(route: list[tuple[float, float]]) -> str:
    """Return a route as the path of an SVG: straight runs, joined by curves."""
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


def _numbers(kind: str, lines: list[str], x: float, y: float) -> str:
    """Return the value or the gradient on a wire, of one or more lines."""
    first, *rest = map(escaped, lines)
    more = "".join([f' <tspan x="{x:.1f}" dy="{_LINE:.0f}">{line}</tspan>' for line in rest])
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{first}{more}</text>'


def _gate(graph: TwoPasses, drawn: _Drawn, place: tuple[float, float], is_active: bool) -> str:
    """Return the box of a gate, with its symbol and its name."""
    (x, y), (node, gate, box) = place, (drawn.node, drawn.gate, drawn.box)
    middle, is_entry = x + box.width / 2, isinstance(gate, Entry)
    output = graph.output_if_any
    kind = type(gate).__name__.lower() if is_entry else "gate"
    classes = (
        f"{'entry ' * is_entry}{kind}{' result' * (output is not None and output.node == node)}{' active' * is_active}"
    )
    radius = {"input": 14, "parameter": 2, "constant": 2}.get(kind, 9)
    title = f"{kind} {node}" if is_entry else f"{node}: {gate_text(gate)}"
    name = escaped(shortened(node))
    texts = (
        f'<text class="name" x="{middle:.1f}" y="{y + 5:.1f}">{name}</text>'
        if is_entry
        else f'<text class="symbol" x="{middle:.1f}" y="{y - 1:.1f}">{escaped(symbol_of(gate))}</text>'
        f'<text class="name" x="{middle:.1f}" y="{y + 15:.1f}">{name}</text>'
    )
    return (
        f'<g class="{classes}" data-gate="{escaped(node)}"><title>{escaped(title)}</title>'
        f'<rect class="box" x="{x:.1f}" y="{y - box.height / 2:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{radius}"/>{texts}</g>'
    )


def _legend(graph: TwoPasses, drawn: list[_Drawn]) -> tuple[str, float]:
    """Return the legend, and its width."""
    output = graph.output_if_any
    of_output = "" if output is None else f" of {shortened(str(output))}"
    notes = [f"above a wire: its value, forward; below: the gradient{of_output}, backward"]
    kinds = {type(gate.gate) for gate in drawn}
    shapes = [
        text
        for kind, text in ((Input, "round: input"), (Parameter, "square: parameter"), (Constant, "dashed: constant"))
        if kind in kinds
    ]
    notes.append("; ".join([*[", ".join(shapes)] * bool(shapes), f"{DASH}: not computed, or none"]))
    if any(len(value) > 1 for gate in drawn for value, _ in gate.numbers):
        notes[-1] += "; arrays: shape, and min … mean … max"
    texts = "".join(
        [f'<text class="note" x="86" y="{14 + 18 * row}">{escaped(note)}</text>' for row, note in enumerate(notes)]
    )
    sample = (
        f'<path class="line" d="M0 18H70"/>{_tip(76, 18)}'
        '<text class="value" x="4" y="12">value</text><text class="gradient" x="4" y="34">gradient</text>'
    )
    return sample + texts, 86 + max(width_of(note, _NOTE) for note in notes)


def _described(graph: TwoPasses) -> str:
    """Return what a picture shows, for those who cannot see it."""
    output = graph.output_if_any
    value = "" if output is None or output.value is None else f", value {text_of(output.value)}"
    return f"{graph!r}" + ("" if output is None else f"; the output is {output}{value}")
