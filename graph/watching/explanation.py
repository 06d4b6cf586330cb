"""Where a gradient comes from, in numbers: one part from each gate that reads the wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gates.formatting import aligned, as_html, printable, text_of
from gates.values import Value
from graph.passes.run import upstream_of
from graph.passes.state import Recording
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Constant, Input
from graph.structure.wire import Wire
from graph.watching.notation import pattern_of
from graph.watching.step import Step, backward_step


@dataclass(frozen=True, eq=False)
class Part:
    """The gradient that one gate gives a wire that it reads: upstream gradient × local gradient.

    Attributes
    ----------
    step : Step
        The gate's step in the backward phase.
    port : int
        The input port at which the gate reads the wire.
    """

    step: Step
    port: int

    @property
    def node(self) -> str:
        """The gate's name."""
        return self.step.node

    @property
    def gate(self) -> Any:
        """The gate."""
        return self.step.gate

    @property
    def pattern(self) -> str:
        """The lecture's name for what the gate does with gradients: "gradient distributor"; "" if it has none."""
        return pattern_of(self.gate)

    @property
    def upstream(self) -> Value:
        """The gradient of the gate's output."""
        return self.step.upstream

    @property
    def local(self) -> Any:
        """The gate's local gradient, as in a `Step`."""
        return list(self.step.local.values())[self.port]

    @property
    def gradient(self) -> Value:
        """The part: upstream gradient × local gradient."""
        return list(self.step.downstream.values())[self.port]

    @property
    def _cells(self) -> tuple[str, str, str]:
        return self.step.notation.equation, self.step.products[self.port], self.pattern


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Where a wire's gradient comes from. It prints as a line for each branch, and their sum.

    Attributes
    ----------
    name : str
        The wire.
    gradient : float or array
        Its gradient; None if it has none.
    parts : list of Part
        The part that comes back from each gate that reads the wire.
    remark : str
        Anything else, such as why there is no gradient.
    """

    name: str
    gradient: Value
    parts: list[Part]
    remark: str = ""

    def __str__(self) -> str:
        lines = [printable(self._headline)]
        lines += [f"  {line}" for line in aligned([part._cells for part in self.parts])]
        if len(self.parts) > 1:
            lines.append(f"  sum: {self._sum}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [part._cells for part in self.parts]
        rows += [("sum", self._sum, "gradient adder")] if len(self.parts) > 1 else []
        return as_html([("read by", "part", "pattern"), *rows], self._headline)

    @property
    def _headline(self) -> str:
        if self.gradient is None:
            return f"{self.name} has no gradient: {self.remark}"
        count = len(self.parts)
        came = {0: "", 1: ", from the one gate that reads it"}.get(
            count, f", the sum of what comes back from {count} branches (gradient adder)"
        )
        remark = f"; {self.remark}" if self.remark else ""
        return f"{self.name} has the gradient {text_of(self.gradient)}{came}{remark}"

    @property
    def _sum(self) -> str:
        parts = " + ".join([text_of(part.gradient) for part in self.parts])
        return f"{parts.replace('+ -', '- ')} = {text_of(self.gradient)}"


def explained(graph: TwoPasses, name: str | Wire) -> Explanation:
    """Return where the gradient of a wire comes from, after both passes."""
    wire = graph[name] if isinstance(name, str) else graph.require_wire(name, "explain()")
    if isinstance(wire, tuple):
        raise ValueError(f"explain(): {name!r} has {len(wire)} outputs: give one of them, such as graph[{name!r}][0]")
    recording = graph.require("explain")
    gradient = wire.grad
    parts = []
    if gradient is not None:
        parts = graph.one_at_a_time("explain()", lambda: list(_parts(graph, recording, wire)))
    return Explanation(str(wire), gradient, parts, _remark(graph, wire, parts))


def _parts(graph: TwoPasses, recording: Recording, wire: Wire) -> Iterator[Part]:
    """Yield the part that each gate sends back along a wire."""
    schedule, values, grads = recording.schedule, recording.values, recording.grads
    assert grads is not None
    slot = schedule.slot(wire.node, wire.port)
    readers = {node for _, node, port in graph.graph.out_edges(wire.node, data="source_port") if port == wire.port}
    for call in schedule.calls:
        if call.node not in readers or call.backward is None:
            continue
        upstream = upstream_of(call, values, grads)
        if upstream is None:
            continue
        step = backward_step(graph, call, values, upstream)
        for port, (source, gradient) in enumerate(zip(call.sources, step.downstream.values())):
            if source == slot and gradient is not None:
                yield Part(step, port)


def _remark(graph: TwoPasses, wire: Wire, parts: list[Part]) -> str:
    """Return a remark on a gradient, or why there is none."""
    gate = wire.gate
    slot = graph.schedule.slot(wire.node, wire.port)
    if wire == graph.output and wire.grad is not None:
        return "it is the output, whose gradient is given"
    if wire.grad is not None:
        return "" if parts else "no gate sends one back to it"
    if isinstance(gate, Constant):
        return "it is a constant"
    if slot in graph.schedule.label_slots:
        return "it holds labels"
    if isinstance(gate, Input) and not gate.grad:
        return "it was made with grad=False"
    if slot in graph.schedule.unneeded:
        return "it is computed from nothing that has one"
    return "the output does not depend on it"
