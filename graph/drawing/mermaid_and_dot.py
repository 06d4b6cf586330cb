"""A graph in the languages of other drawing tools: Mermaid, and the DOT of Graphviz."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gates.formatting import text_of
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.structure.wire import Wire
from graph.structure.wiring import all_sources
from graph.watching.notation import symbol_of

_UNSAFE = re.compile(r"[^\w ,.=()/×÷−-]|(?<=\d)\.(?= )|^-(?= )", re.ASCII)


def mermaid(graph: TwoPasses) -> str:
    """Return a graph as a flowchart in Mermaid's language."""
    ids = {node: f"n{place}" for place, (node, _) in enumerate(all_sources(graph.graph))}
    lines = ["flowchart LR"]
    for node, name in ids.items():
        gate = graph.gate(node)
        if isinstance(gate, Entry):
            lines.append(f'    {name}(["{_in_mermaid(node)}"])')
        else:
            lines.append(f'    {name}["{_in_mermaid(symbol_of(gate))}<br/>{_in_mermaid(node)}"]')
    if graph.output_if_any is not None:
        lines.append('    output(["output"])')
    for source, target, texts in _wires(graph, ids):
        label = "<br/>".join(map(_in_mermaid, texts))
        lines.append(f'    {source} -->|"{label}"| {target}')
    return "\n".join(lines) + "\n"


def dot(graph: TwoPasses) -> str:
    """Return a graph in DOT, the language of Graphviz."""
    ids = {node: f"n{place}" for place, (node, _) in enumerate(all_sources(graph.graph))}
    lines = ["digraph {", "    rankdir=LR;", '    node [fontname="monospace"];', '    edge [fontname="monospace"];']
    for node, name in ids.items():
        gate = graph.gate(node)
        if isinstance(gate, Entry):
            lines.append(f'    {name} [label="{_in_dot(node)}", shape=ellipse];')
        else:
            lines.append(f'    {name} [label="{_in_dot(symbol_of(gate))}\\n{_in_dot(node)}", shape=box];')
    if graph.output_if_any is not None:
        lines.append('    output [label="output", shape=plaintext];')
    for source, target, texts in _wires(graph, ids):
        label = "\\n".join(map(_in_dot, texts))
        lines.append(f'    {source} -> {target} [label="{label}"];')
    return "\n".join([*lines, "}"]) + "\n"


def _wires(graph: TwoPasses, ids: dict[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each branch of each wire: where it comes from and goes to, and what stands on it."""
    for node, sources in all_sources(graph.graph):
        for source, port in sources:
            yield ids[source], ids[node], _texts(graph.wire(source, port))
    output = graph.output_if_any
    if output is not None:
        yield ids[output.node], "output", _texts(output)


def _texts(wire: Wire) -> list[str]:
    """Return what stands on a wire: its name, with its value and its gradient where they are computed."""
    value = str(wire) if wire.value is None else f"{wire} = {text_of(wire.value)}"
    return [value] if wire.grad is None else [value, f"d{wire} = {text_of(wire.grad)}"]


def _in_mermaid(text: str) -> str:
    """Return a text for a quoted label: Mermaid reads #35; as the character of that number."""
    return _UNSAFE.sub(lambda match: f"#{ord(match[0])};", " ".join(text.split()))


def _in_dot(text: str) -> str:
    """Return a text for a quoted label, in which Graphviz reads backslashes, quotes and HTML's entities."""
    text = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("&", "&amp;")
