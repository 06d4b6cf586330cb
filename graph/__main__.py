"""The command line: `gategraph EXPRESSION name=number ...` runs both passes and prints them gate by gate.

`python -m graph` is the same.

Options check the gradients, step through the passes, or draw the graph instead.
"""

import argparse
import io
import json
import os
import re
import sys
import warnings
from typing import Any, NoReturn

import numpy as np

from gates.values import shape_of
from graph import ComputationalGraph, __version__
from graph.watching.terminal import step_through, walkthrough
from graph.watching.titles import title_of

_NEURON = "1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))", ["w0=2", "x0=-1", "w1=-3", "x1=-2", "w2=-3"]

_SHADOWED = "gates", "graph", "losses"


class _Parser(argparse.ArgumentParser):
    """A parser whose errors have no usage in front."""

    def error(self, message: str) -> NoReturn:
        if re.match("unrecognized arguments: -(?!-)", message):
            message += "; write -- in front of an expression that begins with a minus"
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 if a check fails, or 2 for an error in the arguments."""
    is_command = os.path.basename(sys.argv[0]).startswith("gategraph")
    parser = _Parser(
        prog="gategraph" if is_command else "python -m graph",
        description="Run an expression's computational graph forward and backward, and print both passes gate by gate.",
        epilog='example: %(prog)s "q = x + y; f = q * z" x=-2 y=5 z=-4',
    )
    parser.add_argument(
        "expression",
        nargs="?",
        help="numbers, names, + - * / ** @, parentheses and functions such as exp, log, sqrt, sigmoid, tanh, relu, "
        "max, min; a name for each part of it, as in q = x + y; f = q * z. Write -- in front of one that begins with a "
        "minus. Default: the lecture's sigmoid neuron",
    )
    form = "a number, or an array such as x=[0.2,0.4], for each name"
    parser.add_argument("inputs", nargs="*", metavar="name=value", help=form)
    parser.add_argument("--check", action="store_true", help="check all gradients; exit status 1 unless they pass")
    parser.add_argument("--step", action="store_true", help="step through both passes, with a key or Enter per gate")
    parser.add_argument(
        "--picture", "--svg", metavar="FILE", help="write a picture with the numbers of both passes: .svg, .png or .pdf"
    )
    parser.add_argument("--html", metavar="FILE", help="write a page in which to step through both passes")
    parser.add_argument("--mermaid", action="store_true", help="print the graph in Mermaid's language")
    parser.add_argument("--version", action="version", version=f"gategraph {__version__}")
    parser.add_argument("--source", action="store_true", help="print both passes as Python code")
    arguments = sys.argv[1:] if arguments is None else arguments
    # Parsing intermixed arguments allows options between an expression and its inputs, but does not understand --.
    given = parser.parse_args(arguments) if "--" in arguments else parser.parse_intermixed_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show × shows a ?
    if sys.stdout is None:
        parser.error("standard output is closed")
    for name in _SHADOWED if is_command else ():
        if os.path.exists(f"{name}.py"):
            hint = f"Python imports it here instead of gategraph's package {name!r}; give it another name"
            print(f"{parser.prog}: note: there is a file {name}.py: {hint}", file=sys.stderr)
    status = 0
    expression, texts = (given.expression, given.inputs) if given.expression is not None else _NEURON
    if re.fullmatch(r"\s*\w+\s*=\s*(\[.*\]|[-+.\d][-+.\deE]*)\s*", expression):
        parser.error(f"the expression comes first, then its inputs, got {expression!r}")
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            status = _run(given, expression, _inputs(texts))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130  # the convention of shells
    except BrokenPipeError:  # the reader, such as head, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (TypeError, ValueError, OverflowError, OSError) as error:
        first, *place = str(error).split("\n")  # an error in an expression shows the place in lines of its own
        notes = "".join(f", {note}" for note in getattr(error, "__notes__", []))
        parser.error("\n".join([" ".join(f"{first}{notes}".split()), *place]))
    return status


def _run(given: argparse.Namespace, expression: str, inputs: dict[str, Any]) -> int:
    """Build the graph, carry out the options, and return the exit status."""
    graph = ComputationalGraph.from_expression(expression)
    if given.html is not None:
        graph.to_html(given.html, inputs, 1.0)
        print(f"wrote {given.html}", file=sys.stderr)
    if given.step:
        step_through(graph, graph.stepper(inputs, 1.0))
    if given.picture is not None or given.mermaid:
        graph.forward(inputs)
        graph.backward(1.0)
    if given.picture is not None:
        graph.to_svg(given.picture)
        print(f"wrote {given.picture}", file=sys.stderr)
    if given.mermaid:
        print(graph.to_mermaid(), end="")
    if given.source:
        print(graph.to_source(inputs), end="")
    if given.check:
        report = graph.check(inputs)
        print(report)
        return 0 if report.passed else 1
    if not (given.step or given.mermaid or given.source or given.picture is not None or given.html is not None):
        _print_passes(graph, inputs)
    return 0


def _print_passes(graph: ComputationalGraph, inputs: dict[str, Any]) -> None:
    """Run both passes and print them, gate by gate."""
    stepper = graph.stepper(inputs, 1.0)
    steps = list(stepper)
    title = title_of(graph)
    print(title if f"{graph.output} = " in title else f"{graph.output} = {title}", end="\n\n")
    for line in walkthrough(graph, steps, stepper.finish()):
        print(line)
    if shape := shape_of(graph.output.value):
        print(f"\nThe output has the shape {shape}: these are the gradients of the sum of its elements.")


def _inputs(texts: list[str]) -> dict[str, Any]:
    """Parse texts of the form `name=value` into numbers and arrays by name."""
    inputs: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise ValueError(f"an input must have the form name=number, got {text!r}")
        if name in inputs:
            raise ValueError(f"input {name!r} is given twice")
        try:
            inputs[name] = json.loads(value) if value.startswith("[") else float(value)
        except (ValueError, RecursionError):
            got = value if len(value) <= 40 else value[:37] + "..."
            raise ValueError(f"input {name!r} must be a number or an array such as [1, 2], got {got!r}") from None
    return inputs


if __name__ == "__main__":
    sys.exit(main())
