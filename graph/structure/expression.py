"""Build graphs from expressions, which are parsed and never evaluated as code."""

from __future__ import annotations

import inspect
import math
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from gates import Concatenate, Copy, Gate, Index, Max, Min, Reshape, Stack, Variance
from graph.structure.grammar import Statement, Text, parse
from graph.structure.library import GATES
from graph.structure.wire import OPERATORS, Wire

if TYPE_CHECKING:
    from graph.structure.structure import Structure

_NO_FUNCTIONS = (Copy, Reshape, Index, Concatenate, Stack)  # several outputs or inputs, or settings that are no numbers
FUNCTIONS: dict[str, type[Gate]] = {gate.kind: gate for gate in GATES.values() if gate not in _NO_FUNCTIONS}
FUNCTIONS["var"] = Variance
_OF_MANY = (Max, Min)  # gates of two inputs that functions of more consist of
_CONSTANTS = {"pi": math.pi, "π": math.pi}
#: What to write for functions that have no gate, or another name; an empty text where there is nothing like them.
INSTEAD = {
    "ln": "log(x)",
    "log2": "log(x) / log(2)",
    "log10": "log(x) / log(10)",
    "tan": "sin(x) / cos(x)",
    "sinh": "(exp(x) - exp(-x)) / 2",
    "cosh": "(exp(x) + exp(-x)) / 2",
    **dict.fromkeys(("logistic", "expit", "σ"), "sigmoid(x)"),
    **dict.fromkeys(("silu", "swish"), "x * sigmoid(x)"),
    "maximum": "max(x, y)",
    "minimum": "min(x, y)",
    "dot": "x @ y",
    "norm": "sqrt(squared_norm(x))",
    "std": "sqrt(var(x))",
    "mse": "mean_squared_error_loss(x, y)",
    **dict.fromkeys(("arctan", "atan", "arcsin", "asin", "arccos", "acos", "sign", "round", "gelu", "relu6"), ""),
}


def build(graph: Structure, source: str) -> Wire:
    """Add an expression's gates to a graph and return the wire of its value, that of its last statement."""
    if not isinstance(source, str):
        raise TypeError(f"an expression must be a string, got {source!r}")
    statements, text = parse(source), Text(source)
    known: dict[str, Any] = dict(_CONSTANTS)
    for name in _inputs_of(statements, text):
        known[name] = graph.input(name)
    value: Any = None
    for statement in statements:
        value = _value_of(statement, known, graph, text)
        known[statement.name] = value
    return value if isinstance(value, Wire) else graph.constant(value, statements[-1].name or None)


def _inputs_of(statements: list[Statement], text: Text) -> list[str]:
    """Return the names of the inputs in order of appearance, after a check that the statements fit together."""
    read: dict[str, None] = {}
    assigned: set[str] = set()
    for statement in statements:
        for kind, name, _, _ in statement.operations:
            if kind == "name" and name not in assigned and name not in _CONSTANTS:
                read[name] = None
        if statement.name in _CONSTANTS:
            text.fail(f"{statement.name} is a constant", statement.token)
        if statement.name in assigned:
            text.fail(f"{statement.name} is assigned twice", statement.token)
        if statement.name in read:
            text.fail(f"{statement.name} is assigned here, but read before or in its own value", statement.token)
        if not statement.name and statement is not statements[-1]:
            text.fail("nothing can read this value: give it a name, as in q = x + y", statement.token)
        assigned.add(statement.name)
    return list(read)


def _value_of(statement: Statement, known: dict[str, Any], graph: Structure, text: Text) -> Any:
    """Return the value of a statement, a wire or a number; its last gate has the statement's name."""
    values: list[Any] = []
    last = len(statement.operations) - 1
    for place, (kind, name, count, token) in enumerate(statement.operations):
        if kind == "number":
            values.append(float(name))
        elif kind == "name":
            values.append(known[name])
        else:
            before = len(values) - count
            function = _operate if kind == "operator" else _call
            try:
                given = (statement.name or None) if place == last else None
                values[before:] = [function(graph, name, values[before:], given)]
            except (TypeError, ValueError, OverflowError) as error:
                text.fail(str(error), token)
    return values[0]


def _operate(graph: Structure, sign: str, operands: list[Any], name: str | None) -> Any:
    """Apply an operator."""
    gate, inputs = OPERATORS[sign if len(operands) == 2 else f"{sign}x"](*operands)
    return _applied(graph, gate, inputs, name)


def _call(graph: Structure, function: str, arguments: list[Any], name: str | None) -> Any:
    """Call a function: the inputs of its gate come first, then the arguments of the gate's constructor."""
    if function not in FUNCTIONS:
        raise ValueError(f"unknown function {function!r}; {_hint(graph, function)}")
    gate = FUNCTIONS[function]
    inputs, settings = _arguments(function)
    least = inputs + sum(setting.default is setting.empty for setting in settings)
    most = math.inf if gate in _OF_MANY else inputs + len(settings)
    if not least <= len(arguments) <= most:
        takes = f"{least}" if least == most else f"{least} or more" if most == math.inf else f"{least} to {most}"
        raise ValueError(f"{function} takes {takes} argument{'s' * (most != 1)}, got {len(arguments)}")
    if gate in _OF_MANY:
        value, *others, last = arguments
        for other in others:
            value = _applied(graph, gate(), [value, other], None)
        return _applied(graph, gate(), [value, last], name)
    operands, numbers = arguments[:inputs], arguments[inputs:]
    for setting, number in zip(settings, numbers):
        if isinstance(number, Wire):
            raise ValueError(f"{function}: {setting.name} must be a number, got the wire {number}")
    built = gate(*[int(number) if number.is_integer() else number for number in numbers])
    return _applied(graph, built, operands, name)


def _hint(graph: Structure, function: str) -> str:
    """Return what to write instead of an unknown function."""
    if function in graph:
        return f"for a product write {function} * (...)"
    if INSTEAD.get(function):
        return f"write {INSTEAD[function]}"
    near = [] if function in INSTEAD else get_close_matches(function.lower(), FUNCTIONS, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(FUNCTIONS))}"


def _applied(graph: Structure, gate: Gate | None, inputs: Any, name: str | None) -> Any:
    """Add a gate to the graph, or compute its value where all inputs are numbers; without a gate, the input is it."""
    if gate is None:
        return inputs[0]
    has_wires = any(isinstance(operand, Wire) for operand in inputs)
    return graph.add(gate, *inputs, name=name) if has_wires else gate.forward(*inputs)


@cache
def _arguments(name: str) -> tuple[int, list[inspect.Parameter]]:
    """Return how many inputs the gate of a function takes, and the parameters of its constructor."""
    gate = FUNCTIONS[name]
    inputs = len(inspect.signature(gate.forward).parameters) - 1
    return inputs, list(inspect.signature(gate).parameters.values())
