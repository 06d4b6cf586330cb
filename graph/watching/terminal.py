"""Both passes in a terminal: printed gate by gate, or stepped through, a key for each gate."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from gates.formatting import gate_text, text_of
from gates.values import Value
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.watching.step import Step
from graph.watching.stepper import Stepper

_KEY = re.compile(r"\x1b[\[O].|.", re.DOTALL)  # an arrow key is an escape sequence
_BACK = ("b", "\x1b[d", "\x1bod", "\x7f", "\b")  # the left arrow and backspace too, in lower case
_QUIT = ("q", "\x04")


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


def step_through(stepper: Stepper) -> None:
    """Print a step at each key: b goes back, q quits, any other key goes on. At the end of the input, go on to the end.

    If the standard input is not a terminal, each of its lines counts as a key.
    """
    with _keys(sys.stdin or io.StringIO()) as keys:
        print("any key: the next gate; b: back; q: quit", flush=True)
        while stepper.where[1] is not None:
            key = next(keys, "")
            if key in _QUIT:
                return
            if key not in _BACK:
                print(stepper.next(), flush=True)
            elif stepper.at_start:
                print("this is the start", flush=True)
            else:
                step = stepper.back()
                print(f"back, before {step.phase} of {step.node}", flush=True)
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
