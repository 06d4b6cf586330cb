"""Both passes in words and numbers, gate by gate: what the command line prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gates.formatting import gate_text, text_of
from gates.values import Value
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.watching.step import Step


def lines(graph: TwoPasses, steps: Sequence[Step], gradients: dict[str, Value]) -> Iterator[str]:
    """Yield the lines that tell both passes, after they ran."""
    order = graph.nodes_topologically_sorted()
    calls = {node: _call(graph, node) for node in order}
    name_width, call_width = max(map(len, order)), max(map(len, calls.values()))
    yield "forward"
    for node in order:
        yield f"  {node.ljust(name_width)}  {calls[node].ljust(call_width)}  {text_of(graph.wire(node).value)}"
    if gradients:
        yield ""
        yield "backward: local × upstream = downstream"
    for step in steps:
        if step.phase == "backward":
            yield f"  {step.node} = {calls[step.node]}, upstream {text_of(step.upstream)}"
            yield from _downstream(step)
    if gradients:
        yield ""
        yield "gradients"
    width = max(map(len, gradients), default=0)
    for name, gradient in gradients.items():
        yield f"  {name.ljust(width)}  {text_of(gradient)}"


def _call(graph: TwoPasses, node: str) -> str:
    """Return a gate with what it reads: Add(x, y), Power(p=3.0)(x), or the kind of an entry."""
    gate: Any = graph.gate(node)
    if isinstance(gate, Entry):
        return type(gate).__name__
    return f"{gate_text(gate)}({', '.join(map(str, graph.reads(node)))})"


def _downstream(step: Step) -> Iterator[str]:
    """Yield a line for each input of a gate: the gradient that the gate sends there."""
    width = max(map(len, step.notation.inputs), default=0)
    for port, (name, gradient) in enumerate(zip(step.notation.inputs, step.downstream.values())):
        if gradient is None:
            text = "no gradient wanted"
        else:
            text = " = ".join([part for part in (step.numbers(port), text_of(gradient)) if part])
        yield f"    {name.ljust(width)}  {text}"
