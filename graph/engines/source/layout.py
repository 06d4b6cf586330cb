"""Statements of generated code as lines, which are broken where they are too long."""

from __future__ import annotations

import re

from graph.engines.source.writing import Names

_WIDTH = 88


def assignment(name: str, text: str) -> list[str]:
    """Return an assignment; one that is too long is broken inside its brackets, or gets parentheses."""
    line = f"    {name} = {text}"
    if len(line) <= _WIDTH:
        return [line]
    if not line.endswith(")"):
        return [f"    {name} = (", f"        {text}", "    )"]
    opening = line.find("(") + 1
    inside = line[opening:-1]
    is_one_line = len(inside) + 8 <= _WIDTH or re.search(r"""[][(){}"']""", inside)
    parts = [f"        {inside}"] if is_one_line else [f"        {part}," for part in inside.split(", ")]
    return [line[:opening], *parts, "    )"]


def def_statement(name: str, parameters: list[str]) -> list[str]:
    """Return the first lines of a function: in one line, with the parameters in a line, or with a line for each."""
    signature = ", ".join(parameters)
    lines = [f"def {name}({signature}):"]
    if len(lines[0]) > _WIDTH:
        lines = [f"def {name}(", f"    {signature}", "):"]
    if max(map(len, lines)) > _WIDTH:
        lines = [f"def {name}(", *[f"    {parameter}," for parameter in parameters], "):"]
    return lines


def return_statement(output: str, pairs: list[str], names: Names) -> list[str]:
    """Return the last statement; where it is too long, a variable holds the gradients."""
    line = f"    return {output}, {{{', '.join(pairs)}}}"
    if len(line) <= _WIDTH:
        return [line]
    gradients = names.new("gradients")
    return [
        f"    {gradients} = {{",
        *[f"        {pair}," for pair in pairs],
        "    }",
        f"    return {output}, {gradients}",
    ]
