"""Both passes in a terminal: printed gate by gate, or stepped through, a key for each gate."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from gates.formatting import aligned, gate_text, short, text_of
from gates.values import Value
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.watching.notation import notation_of
from graph.watching.step import Step
from graph.watching.stepper import Stepper

_KEY = re.compile(r"\x1b[\[O].|.", re.DOTALL)  # an arrow key is an escape sequence
_BACK = ("b", "\x1b[d", "\x1bod", "\x7f", "\b")  # the left arrow and backspace too, in lower case
_QUIT = ("q", "\x04")
_HELP = """any key, such as Enter, space or the right arrow: the next gate
b, backspace or the left arrow: a gate back
q or Ctrl-D: quit
?: this list"""
_AROUND = 8  # gates before and after the active one
_COLUMNS, _FORMULA = 80, 48  # characters of a line, and of its first column


def walkthrough(graph: TwoPasses, steps: Sequence[Step], gradients: dict[str, Value]) -> Iterator[str]:
    """Yield the lines that describe both passes, after they ran."""
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
    """Return a gate with its inputs: Add(x, y), Power(p=3.0)(x), or the class of an entry."""
    gate = graph.gate(node)
    if isinstance(gate, Entry):
        return type(gate).__name__
    return f"{gate_text(gate)}({', '.join(map(str, graph.reads(node)))})"


def _downstream(step: Step) -> Iterator[str]:
    """Yield a line for each input of a gate: the gradient that the gate gives it."""
    width = max(map(len, step.notation.inputs), default=0)
    for port, (name, gradient) in enumerate(zip(step.notation.inputs, step.downstream.values())):
        if gradient is None:
            text = "no gradient wanted"
        else:
            text = " = ".join([part for part in (step.numbers(port), text_of(gradient)) if part])
        yield f"    {name.ljust(width)}  {text}"


def circuit(graph: TwoPasses, active: str) -> Iterator[str]:
    """Yield the lines of a table of the gates around the active one, which is marked, in at most 80 columns."""
    order = graph.nodes_topologically_sorted()
    place = order.index(active)
    first = max(0, min(place - _AROUND, len(order) - 2 * _AROUND - 1))
    shown = order[first : first + 2 * _AROUND + 1]
    rows: list[tuple[str, ...]] = [("  gate", "value", "gradient")]
    for node in shown:
        gate, mark = graph.gate(node), "> " if node == active else "  "
        wires = graph.wires_of(node)
        names = list(map(str, graph.reads(node))), list(map(str, wires))
        formula = node if isinstance(gate, Entry) else notation_of(gate, *names).equation
        for number, wire in enumerate(wires):
            name = (mark + formula) if not number else f"  {wire}"
            rows.append((name[:_FORMULA], short(wire.value), short(wire.grad)))
    if first:
        rows.insert(1, (f"  ... {first:,} before", "", ""))
    if after := len(order) - first - len(shown):
        rows.append((f"  ... {after:,} after", "", ""))
    for line in aligned(rows):
        yield line[:_COLUMNS].rstrip()


def step_through(graph: TwoPasses, stepper: Stepper) -> None:
    """Print the circuit and a step at each key; `?` lists the keys. At the end of the input, go on to the end.

    If the standard input is not a terminal, each of its lines counts as a key.
    """
    with _keys(sys.stdin or io.StringIO()) as keys:
        print("any key: the next gate; b: back; q: quit; ?: the keys", flush=True)
        for key in keys:
            if key in _QUIT:
                return
            if key == "?":
                print(_HELP, flush=True)
            elif key in _BACK:
                _go_back(graph, stepper)
            elif stepper.where[1] is None:
                return
            else:
                _show(graph, stepper.next())
                if stepper.where[1] is None:
                    _show_gradients(stepper)
                    print("this is the end; b: back; any other key: quit", flush=True)
    while stepper.where[1] is not None:
        _show(graph, stepper.next())
        if stepper.where[1] is None:
            _show_gradients(stepper)


def _show(graph: TwoPasses, step: Step) -> None:
    """Print the circuit with the gate of a step marked, and the step."""
    print("", *circuit(graph, step.node), "", step, sep="\n", flush=True)


def _go_back(graph: TwoPasses, stepper: Stepper) -> None:
    """Take the last step back, and print what is left."""
    if stepper.at_start:
        print("this is the start", flush=True)
        return
    step = stepper.back()
    print("", *circuit(graph, step.node), "", f"back, before {step.phase} of {step.node}", sep="\n", flush=True)


def _show_gradients(stepper: Stepper) -> None:
    """Print the gradients at the end of both passes."""
    for name, gradient in stepper.finish().items():
        print(f"gradient of {name}: {text_of(gradient)}")


@contextmanager
def _keys(source: TextIO) -> Iterator[Iterator[str]]:
    """Yield the keys that are pressed in a terminal, or the lines of any other input."""
    if not source.isatty():
        yield (line.strip().lower() or "\n" for line in source)
        return
    try:
        import termios
        import tty
    except ImportError:  # Windows has none: a line is a key
        yield (line.strip().lower() or "\n" for line in source)
        return
    terminal = source.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        read = iter(lambda: os.read(terminal, 1024).decode(errors="replace"), "")
        yield (key.lower() for typed in read for key in _KEY.findall(typed))  # a key that is held gives several at once
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
