"""The page: one HTML file in which a learner steps through both passes of a circuit and changes its inputs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import quote

from gates.formatting import escaped, gate_text
from gates.gate import settings_of
from gates.values import Value
from graph.drawing import MAX_GATES
from graph.drawing.look import Look
from graph.drawing.picture import diagram_of, gates_of, in_svg
from graph.drawing.texts import lines_of, lines_of_gradient, width_of
from graph.passes.two_passes import TwoPasses
from graph.structure.library import is_library_gate
from graph.structure.wire import Wire
from graph.watching.notation import pattern_of
from graph.watching.step import Step, total
from graph.watching.stepper import Stepper
from graph.watching.titles import title_of

_SCRIPTS = ("numbers.js", "gates.js", "passes.js", "quiz.js", "page.js")
_IN_JAVASCRIPT = re.compile(r"^  (\w+): (?:\{|SAME)", re.MULTILINE)  # the gates in gates.js
_LONG = 300  # the most characters of the formula in the heading
_WIDEST = "-0.1234567"  # few numbers that result from changed inputs are wider


class Page(str):
    """A page as HTML, which a notebook shows in a frame that can do nothing outside of itself.

    Examples
    --------
    >>> Page("<p>3 < 4</p>")._repr_html_().startswith("<iframe sandbox=")
    True
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        style = "width: 100%; height: 40em; border: 0; resize: vertical; overflow: auto"
        return f'<iframe sandbox="allow-scripts" title="A circuit" style="{style}" srcdoc="{escaped(self)}"></iframe>'


class PageFile(str):
    """The path of a page, which a notebook shows as a link.

    Examples
    --------
    >>> PageFile("circuit.html")._repr_html_()
    '<a href="circuit.html" target="_blank">circuit.html</a>'
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f'<a href="{escaped(quote(self))}" target="_blank">{escaped(self)}</a>'


def page_of(graph: TwoPasses, inputs: Mapping[str, Any], upstream: Any, place: int = 0) -> Page:
    """Return the page of a graph at some inputs. It runs a copy of the graph.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    inputs : mapping of str to number or array
        Its inputs.
    upstream : number, array or None
        The gradient with respect to its output.
    place : int
        How many steps are shown at first.

    Raises
    ------
    ValueError
        If the graph has too many gates, or an input is missing or unknown.
    """
    if (count := gates_of(graph)) > MAX_GATES:
        raise ValueError(f"to_html() takes up to {MAX_GATES} gates, got {count:,}; to_svg() puts more together")
    twin = graph.copy()
    stepper = Stepper(twin, inputs, upstream)
    shown = [(step, _shows(twin, _touched(twin, step))) for step in stepper]  # read right after each step
    steps = [step for step, _ in shown]
    if steps:
        shown[-1][1].extend(_unreached(twin, [show for _, shows in shown for show in shows]))
    fixed = _why_fixed(twin, set(_IN_JAVASCRIPT.findall(_text("gates.js"))))
    drawn = diagram_of(twin, Look(digits=None, room=0.0 if fixed else width_of(_WIDEST, 13) + 12))
    circuit = _structure(twin, steps) | {"steps": [_step(twin, step, shows) for step, shows in shown], "fixed": fixed}
    circuit |= {"place": place}
    html = Template(_text("page.html")).substitute(
        title=escaped(_title(twin)),
        formula=escaped(_formulas(steps)),
        style=_text("page.css"),
        svg=in_svg(drawn._replace(said=""), title_of(twin)),  # the numbers are not to be known before their step
        circuit=_in_script(json.dumps(circuit, separators=(",", ":"))),
        script="".join(map(_text, _SCRIPTS)),
    )
    return Page(html)


def _title(graph: TwoPasses) -> str:
    """Return the graph's expression; what it computes if it has none, or a long one."""
    has_title = graph.expression is not None and len(graph.expression) <= _LONG
    return title_of(graph) if has_title else f"{graph.output}, gate by gate"


def _formulas(steps: Sequence[Step]) -> str:
    """Return the formulas of all gates; "" if that would be long."""
    text = "; ".join([step.notation.equation for step in steps if step.phase == "forward"])
    return text if len(text) <= _LONG else ""


def _structure(graph: TwoPasses, steps: Sequence[Step]) -> dict[str, Any]:
    """Return the graph as the scripts read it, with each wire as its slot, a number."""
    schedule = graph.schedule
    last = {step.node: step for step in steps}  # the backward step if there is one
    entries = [
        {"wire": slot, "kind": type(gate).__name__, "value": _exact(graph.wire(name).value), "lines": lines}
        for name, gate, slot in schedule.entries
        for lines in [lines_of(graph.wire(name).value)]
    ]
    places = {node: place for place, node in enumerate(schedule.order)}  # of the boxes in the picture
    gates = []
    for call in schedule.calls:
        step = last[call.node]
        gates.append(
            {
                "node": call.node,
                "box": places[call.node],
                "kind": type(step.gate).__name__,
                "text": gate_text(step.gate),
                "pattern": pattern_of(step.gate),
                "settings": {name: _exact(value) for name, value in settings_of(step.gate).items()},
                "sources": call.sources,
                "out": call.out,
                "outputs": call.outputs,
                "result": step.notation.result,
                "right": step.notation.with_names,
                "pieces": step.notation.pieces,
                "gradients": step.notation.gradients,
                "sends": [gradient is not None for gradient in step.downstream.values()],
            }
        )
    return {
        "wires": [str(wire) for node in schedule.order for wire in graph.wires_of(node)],
        "entries": entries,
        "gates": gates,
        "differentiated": [part.slot for part in schedule.differentiated],
        "output": schedule.slot(graph.output.node, graph.output.port),
        "upstream": _exact(graph.output.grad),
    }


def _step(graph: TwoPasses, step: Step, shows: list[Any]) -> dict[str, Any]:
    """Return a step as the scripts read it: each part is a line of the panel, with the numbers that the quiz needs."""
    parts: list[dict[str, Any]] = [{"line": step.computation}]
    if step.phase == "backward":
        slots = {str(wire): graph.schedule.slot(wire.node, wire.port) for wire in graph.reads(step.node)}
        rows = zip(step.notation.inputs, step.products, step.local.values(), step.downstream.values())
        parts = [
            {
                "line": line,
                "wire": slots[name],
                "port": port,
                "local": _exact(local),
                "upstream": _exact(step.upstream),
                "gradient": _exact(gradient),
            }
            for port, (name, line, local, gradient) in enumerate(rows)
            if gradient is not None
        ]
        parts += [
            {"line": line, "wire": slots[name], "port": f"sum {name}", "gradient": _exact(total(step.sums[name]))}
            for name, line in step.additions.items()
        ]
    return {"phase": step.phase, "node": step.node, "parts": parts or [{"line": step.of_nothing_sent}], "shows": shows}


def _touched(graph: TwoPasses, step: Step) -> Iterator[tuple[Wire, str]]:
    """Yield the wires whose value or gradient the last step has changed."""
    if step.phase == "forward":
        yield from ((wire, "value") for wire in graph.wires_of(step.node))
        return
    if graph.output.node == step.node:
        yield graph.output, "gradient"
    yield from ((wire, "gradient") for wire in graph.reads(step.node))


def _shows(graph: TwoPasses, touched: Iterator[tuple[Wire, str]]) -> list[Any]:
    """Return the changes in the picture that a step makes: wire, kind and lines of text."""
    shown = {}
    for wire, kind in touched:
        lines = lines_of(wire.value) if kind == "value" else lines_of_gradient(wire.grad, wire.value)
        if kind == "value" or wire.grad is not None:
            shown[graph.schedule.slot(wire.node, wire.port)] = kind, lines
    return [[slot, kind, lines] for slot, (kind, lines) in shown.items()]


def _unreached(graph: TwoPasses, shows: Sequence[Any]) -> list[Any]:
    """Return the changes that show the gradients of inputs that backward has not reached."""
    reached = {slot for slot, kind, _ in shows if kind == "gradient"}
    names = [part.name for part in graph.schedule.differentiated if part.slot not in reached]
    return _shows(graph, ((graph.wire(name), "gradient") for name in names))


def _why_fixed(graph: TwoPasses, known: set[str]) -> str:
    """Return the reason why the inputs cannot be changed in the page; "" if they can."""
    why = "The inputs cannot be changed here: "
    for name, _, _ in graph.schedule.entries:
        if type(graph.wire(name).value) is not float:
            return f"{why}{name} is an array, and the page computes with numbers."
    for call in graph.schedule.calls:
        gate = graph.gate(call.node)
        kind = type(gate).__name__
        if kind not in known or not is_library_gate(gate):
            return f"{why}the page does not know the formulas of {call.node} ({kind})."
        if any(type(wire.value) is not float for wire in graph.wires_of(call.node)):
            return f"{why}{call.node} is an array, and the page computes with numbers."
    return ""


def _text(name: str) -> str:
    """Return the text of a file in this folder."""
    return files("graph.page").joinpath(name).read_text(encoding="utf-8")


def _exact(value: Value) -> str | None:
    """Return a number as text that reads back exactly; None for anything else."""
    return repr(float(value)) if isinstance(value, (int, float)) else None


def _in_script(text: str) -> str:
    """Escape JSON so that nothing in it can end the script element around it."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
