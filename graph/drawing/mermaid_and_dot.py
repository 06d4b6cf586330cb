"""Write a graph in the languages of other drawing tools: Mermaid, and Graphviz's DOT."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gates.formatting import printable, text_of
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.structure.wire import Wire
from graph.structure.wiring import all_sources
from graph.watching.notation import symbol_of

_UNSAFE = re.compile(r"[^\w ,.=()/×÷−-]|(?<=\d)\.(?= )|^-(?= )", re.ASCII)


def mermaid(graph: TwoPasses) -> str:
    """Return a graph as a flowchart in Mermaid's language."""
    lines = ["flowchart LR"]
    for name, label, is_gate in _nodes(graph):
        text = "<br/>".join(map(_in_mermaid, label))
        lines.append(f'    {name}["{text}"]' if is_gate else f'    {name}(["{text}"])')
    for source, target, texts in _wires(graph):
        lines.append(f'    {source} -->|"{"<br/>".join(map(_in_mermaid, texts))}"| {target}')
    return "\n".join(lines) + "\n"


def dot(graph: TwoPasses) -> str:
    """Return a graph in DOT, the language of Graphviz."""
    lines = ["digraph {", "    rankdir=LR;", '    node [fontname="monospace"];', '    edge [fontname="monospace"];']
    for name, label, is_gate in _nodes(graph):
        shape = "box" if is_gate else "plaintext" if name == "output" else "ellipse"
        lines.append(f'    {name} [label="{_in_dot(label)}", shape={shape}];')
    for source, target, texts in _wires(graph):
        lines.append(f'    {source} -> {target} [label="{_in_dot(texts)}"];')
    return "\n".join([*lines, "}"]) + "\n"


def _nodes(graph: TwoPasses) -> Iterator[tuple[str, list[str], bool]]:
    """Yield the identifier of each node, the lines of its label, and whether it is a gate other than an entry."""
    for place, (node, gate) in enumerate(graph.graph.nodes(data="gate")):
        is_gate = not isinstance(gate, Entry)
        yield f"n{place}", [symbol_of(gate), node] if is_gate else [node], is_gate
    if graph.output_if_any is not None:
        yield "output", ["output"], False


def _wires(graph: TwoPasses) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the source, the target and the label of each branch of each wire."""
    names = {node: f"n{place}" for place, node in enumerate(graph)}
    for node, sources in all_sources(graph.graph):
        for source, port in sources:
            yield names[source], names[node], _texts(graph.wire(source, port))
    output = graph.output_if_any
    if output is not None:
        yield names[output.node], "output", _texts(output)


def _texts(wire: Wire) -> list[str]:
    """Return the label of a wire: its name, with its value and its gradient if they have been computed."""
    value = str(wire) if wire.value is None else f"{wire} = {text_of(wire.value)}"
    return [value] if wire.grad is None else [value, f"d{wire} = {text_of(wire.grad)}"]


def _in_mermaid(text: str) -> str:
    """Escape a text for a quoted label: Mermaid reads #35; as the character with that number."""
    return _UNSAFE.sub(lambda match: f"#{ord(match[0])};", " ".join(printable(text).split()))


def _in_dot(lines: list[str]) -> str:
    """Escape lines for a quoted label, in which Graphviz interprets backslashes, quotes and HTML entities."""
    text = "\n".join([" ".join(printable(line).split()) for line in lines])
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;").replace("\n", "\\n")
