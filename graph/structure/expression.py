"""Build graphs from arithmetic expressions, which are parsed here and never evaluated as code.

Operators bind as in Python: `-x ** 2` is -(x ** 2), and `**` groups from the right. The parser uses an explicit
stack instead of recursion, so that an expression may be nested or long without limit.
"""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from gates import Add, Copy, Divide, Gate, MatMul, Multiply, Power, Reshape, Subtract
from graph.structure.library import GATES
from graph.structure.wire import Wire

if TYPE_CHECKING:
    from graph.structure.structure import Structure


class _Operator(NamedTuple):
    """An operator: its precedence, its number of operands, and what it computes for wires and for plain numbers."""

    precedence: int
    operands: int
    on_wires: Callable[..., Any]
    on_numbers: Callable[..., Any]
    from_right: bool = False


_BINARY = {
    "+": _Operator(1, 2, operator.add, lambda x, y: Add().forward(x, y)),
    "-": _Operator(1, 2, operator.sub, lambda x, y: Subtract().forward(x, y)),
    "*": _Operator(2, 2, operator.mul, lambda x, y: Multiply().forward(x, y)),
    "/": _Operator(2, 2, operator.truediv, lambda x, y: Divide().forward(x, y)),
    "@": _Operator(2, 2, operator.matmul, lambda x, y: MatMul().forward(x, y)),
    "**": _Operator(4, 2, operator.pow, lambda x, p: Power(p).forward(x), from_right=True),
}
_PREFIX = {
    "-": _Operator(3, 1, operator.neg, operator.neg),
    "+": _Operator(3, 1, operator.pos, operator.pos),
}

#: A gate for each function name. Expressions have no syntax for the outputs of `Copy` and the shape of `Reshape`.
FUNCTIONS: dict[str, type[Gate]] = {gate.kind: gate for gate in GATES.values() if gate not in (Copy, Reshape)}

_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>\*\*|[-+*/@(),])"
    r"|(?P<unknown>\S)"
)


class _Token(NamedTuple):
    kind: str  # number, name, sign, unknown or end
    text: str
    place: int


class _Open(NamedTuple):
    """An open parenthesis: the function that it belongs to, if any, and the number of operands before it."""

    function: str | None
    before: int


def build(graph: Structure, source: str) -> Wire:
    """Add an expression's gates to a graph and return the wire of its value."""
    if not isinstance(source, str):
        raise TypeError(f"an expression must be a string, got {source!r}")
    return _Parser(graph, source).parse()


class _Parser:
    """A shunting-yard parser: operands and operators wait on two stacks until they can be combined."""

    def __init__(self, graph: Structure, source: str) -> None:
        self.graph = graph
        self.source = source
        self.tokens = [_Token(str(m.lastgroup), m.group(), m.start()) for m in _TOKEN.finditer(source)]
        self.tokens.append(_Token("end", "the end", len(source)))
        self.operands: list[Any] = []  # wires and plain numbers
        self.waiting: list[tuple[_Operator | _Open, _Token]] = []

    def parse(self) -> Wire:
        """Parse the whole expression and return the wire of its value."""
        pairs = zip(self.tokens, self.tokens[1:])
        names = dict.fromkeys(name.text for name, after in pairs if name.kind == "name" and after.text != "(")
        inputs = {name: self.graph.input(name) for name in names}
        tokens = iter(zip(self.tokens, [*self.tokens[1:], self.tokens[-1]]))
        for token, after in tokens:
            if token.kind == "name" and after.text == "(":
                if token.text not in FUNCTIONS:
                    self._fail(f"unknown function {token.text!r}; there are {', '.join(sorted(FUNCTIONS))}", token)
                self.waiting.append((_Open(token.text, len(self.operands)), token))
                next(tokens)
            elif token.text == "(":
                self.waiting.append((_Open(None, len(self.operands)), token))
            elif token.text in _PREFIX:
                self.waiting.append((_PREFIX[token.text], token))
            else:
                self._operand(token, inputs)
                token, _ = next(tokens)
                while token.text == ")":
                    self._close(token)
                    token, _ = next(tokens)
                if token.kind == "end":
                    break
                self._operator(token)
        self._combine(0)
        if self.waiting:
            self._fail("this parenthesis is never closed", self.waiting[-1][1])
        (value,) = self.operands
        return value if isinstance(value, Wire) else self.graph.constant(value)

    def _operand(self, token: _Token, inputs: dict[str, Wire]) -> None:
        """Read a number or a name."""
        if token.kind == "name":
            self.operands.append(inputs[token.text])
        elif token.kind == "number":
            number = float(token.text)
            if number == float("inf"):
                self._fail(f"the number {token.text} is too large", token)
            self.operands.append(number)
        else:
            got = token.text if token.kind == "end" else repr(token.text)
            self._fail(f"a number, a name or '(' was wanted, got {got}", token)

    def _operator(self, token: _Token) -> None:
        """Read a binary operator or a comma, which follows an operand."""
        if token.text in _BINARY:
            binary = _BINARY[token.text]
            self._combine(binary.precedence + binary.from_right)
            self.waiting.append((binary, token))
            return
        if token.text != ",":
            hint = "; a function's settings are given by position" if token.text == "=" and self.waiting else ""
            hint = "; use ** for powers" if token.text == "^" else hint
            self._fail(f"an operator was wanted, got {token.text!r}{hint}", token)
        self._combine(0)
        opened = self.waiting[-1][0] if self.waiting else None
        if not isinstance(opened, _Open) or opened.function is None:
            self._fail("a comma may only separate the arguments of a function", token)

    def _close(self, token: _Token) -> None:
        """Read a closing parenthesis, and call the function whose arguments it ends."""
        self._combine(0)
        if not self.waiting:
            self._fail("this parenthesis was never opened", token)
        opened, place = self.waiting.pop()
        assert isinstance(opened, _Open)
        if opened.function is not None:
            self._replace(opened.before, place, partial(self._call, opened.function))

    def _combine(self, precedence: int) -> None:
        """Apply the waiting operators of at least this precedence, back to the last open parenthesis."""
        while self.waiting:
            waiting, token = self.waiting[-1]
            if isinstance(waiting, _Open) or waiting.precedence < precedence:
                return
            self.waiting.pop()
            before = len(self.operands) - waiting.operands
            has_wires = any(isinstance(operand, Wire) for operand in self.operands[before:])
            self._replace(before, token, waiting.on_wires if has_wires else waiting.on_numbers)

    def _call(self, name: str, *arguments: Any) -> Any:
        """Call a function: the inputs of its gate come first, then the arguments of the gate's constructor."""
        gate = FUNCTIONS[name]
        inputs, settings = _arguments(name)
        least = inputs + sum(setting.default is setting.empty for setting in settings)
        most = inputs + len(settings)
        if not least <= len(arguments) <= most:
            takes = f"{least}" if least == most else f"{least} to {most}"
            raise ValueError(f"{name} takes {takes} argument{'s' * (most != 1)}, got {len(arguments)}")
        operands, numbers = arguments[:inputs], arguments[inputs:]
        for setting, number in zip(settings, numbers):
            if isinstance(number, Wire):
                raise ValueError(f"{name}: {setting.name} must be a number, got the wire {number}")
        built = gate(*[int(number) if number.is_integer() else number for number in numbers])
        has_wires = any(isinstance(operand, Wire) for operand in operands)
        return self.graph.add(built, *operands) if has_wires else built.forward(*operands)

    def _replace(self, before: int, token: _Token, function: Callable[..., Any]) -> None:
        """Replace the operands after the first `before` by a function of them; its errors show the token's place."""
        try:
            self.operands[before:] = [function(*self.operands[before:])]
        except (TypeError, ValueError, OverflowError) as error:
            self._fail(str(error), token)

    def _fail(self, message: str, token: _Token) -> NoReturn:
        """Raise a ValueError that shows the token's place in the expression."""
        before, after = self.source[: token.place], self.source[token.place :]
        before = before if len(before) <= 30 else "..." + before[-27:]
        after = after if len(after) <= 30 else after[:27] + "..."
        raise ValueError(f"{message}, at position {token.place + 1}: {before}-->{after}") from None


@cache
def _arguments(name: str) -> tuple[int, list[inspect.Parameter]]:
    """Return how many inputs the gate of a function takes, and the parameters of its constructor."""
    gate = FUNCTIONS[name]
    inputs = len(inspect.signature(gate.forward).parameters) - 1
    return inputs, list(inspect.signature(gate).parameters.values())
