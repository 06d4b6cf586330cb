"""Titles of graphs: the expression that a graph was made from, as it is written in books."""

from __future__ import annotations

from graph.passes.two_passes import TwoPasses
from graph.structure.grammar import BINARY, tokens_of

_SIGNS = {"*": "×", "-": "−", "pi": "π"}
_AROUND = {",": ", ", ";": "; ", "\n": "; ", "=": " = "}
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def title_of(graph: TwoPasses) -> str:
    """Return the expression of a graph, or what the graph is made of if it was not made from one."""
    return repr(graph) if graph.expression is None else pretty(graph.expression)


def pretty(expression: str) -> str:
    """Return an expression with × for products, spaces around operators, and whole exponents as superscripts.

    Examples
    --------
    >>> pretty("q=x+y; f = -2*q**2/exp(-z)")
    'q = x + y; f = −2 × q² / exp(−z)'
    """
    tokens = tokens_of(expression.strip("; \t\n"))
    text, place, after_operand = "", 0, False
    while tokens[place].kind != "end":
        kind, sign, _ = tokens[place]
        place += 1
        exponent, end = tokens[place].text, place + 1
        if exponent == "-":
            exponent, end = f"-{tokens[end].text}", end + 1
        if sign == "**" and exponent.lstrip("-").isdecimal() and tokens[end].text != "**":
            text += superscript(exponent)
            place = end
            continue
        shown = _SIGNS.get(sign, sign)
        text += f" {shown} " if after_operand and sign in BINARY else _AROUND.get(sign, shown)
        after_operand = kind in ("number", "name") or sign == ")"
    return text


def superscript(number: str) -> str:
    """Return a whole number in superscript digits.

    Examples
    --------
    >>> superscript("-12")
    '⁻¹²'
    """
    return number.translate(_SUPERSCRIPTS)
