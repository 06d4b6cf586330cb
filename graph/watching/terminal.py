"""Stepping through both passes in a terminal, a key for each gate."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from gates.formatting import text_of
from graph.watching.stepper import Stepper

_KEY = re.compile(r"\x1b[\[O].|.", re.DOTALL)  # an arrow key is an escape sequence
_BACK = ("b", "\x1b[d", "\x1bod", "\x7f", "\b")  # the left arrow and backspace too, in lower case
_QUIT = ("q", "\x04")


def step_through(stepper: Stepper) -> None:
    """Print a step at each key: any key goes on, b back, q ends. Where no key can come any more, go on to the end.

    Without a terminal each line of the standard input stands for a key.
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
    """Give the keys that are pressed in a terminal, or the lines of what is no terminal."""
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
