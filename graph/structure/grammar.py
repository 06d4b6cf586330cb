"""The grammar of expressions: a text becomes statements, each a list of operations in postfix order.

Operators bind as in Python: `-x ** 2` is -(x ** 2), and `**` groups from the right. The parser uses an explicit
stack instead of recursion, so that an expression may be nested or long without limit. It knows nothing of gates.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>\*\*|[-+*/@(),;=\n])"
    r"|(?P<unknown>\S)"
)
BINARY = {"+": 1, "-": 1, "*": 2, "/": 2, "@": 2, "**": 4}  # how tightly each binds
_PREFIX = 3
_WHOLE = 60  # characters of a line that an error shows

#: What to write instead of signs that are not in the grammar.
_INSTEAD = {
    "^": "powers are written **, as in x ** 2",
    "×": "products are written *",
    "·": "products are written *",
    "⋅": "products are written *",
    "÷": "quotients are written /",
    "−": "a minus is written -",
    "–": "a minus is written -",
    "√": "roots are written sqrt(x)",
    "∑": "sums are written sum(x)",
    "[": "there are no brackets here; a wire has them, as in x[0]",
    **dict.fromkeys(("<", ">", "=="), "there are no comparisons; where(c, x, y) is x where c > 0"),
    **dict.fromkeys(("if", "and", "or", "not"), "there are no conditions; where(c, x, y) is x where c > 0"),
    "lambda": "there are no functions here; write what it returns",
    ".": "names have no dots; functions are written alone, as in exp(x)",
    "|": "absolute values are written abs(x)",
}
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ"


class Token(NamedTuple):
    """A number, a name, a sign, an unknown character, or the end, and where it begins."""

    kind: str
    text: str
    place: int


class Operation(NamedTuple):
    """A number or a name to take, or an operator or a function to apply to the last operands."""

    kind: str  # number, name, operator or function
    text: str
    operands: int
    token: Token


class Statement(NamedTuple):
    """A name, which may be empty, and the operations of its value."""

    name: str
    token: Token  # where it begins
    operations: list[Operation]


class Text(str):
    """An expression, whose errors show their place."""

    def fail(self, message: str, token: Token) -> NoReturn:
        """Raise a ValueError that shows a token's line, with a caret below it."""
        start = self.rfind("\n", 0, token.place) + 1
        line = self[start:].partition("\n")[0]
        place = token.place - start
        cut = max(0, place - _WHOLE // 2)
        shown = ("..." if cut else "") + line[cut : cut + _WHOLE] + ("..." if len(line) > cut + _WHOLE else "")
        shown = "".join([c if c.isprintable() else "?" for c in shown.replace("\t", " ")])
        caret = " " * (place - cut + 3 * bool(cut)) + "^"
        raise ValueError(f"{message}, at position {token.place + 1}:\n    {shown}\n    {caret}") from None


def parse(source: str) -> list[Statement]:
    """Return the statements of an expression, at least one.

    Statements are separated by `;` or by the end of a line, unless that is inside parentheses or after an operator.

    Raises
    ------
    ValueError
        If the text is anything else. The message shows the place.
    """
    return _Parser(Text(source), tokens_of(source)).statements()


def tokens_of(source: str) -> list[Token]:
    """Return the tokens of a text, of which the last one is the end."""
    tokens = [Token(str(m.lastgroup), m.group(), m.start()) for m in _TOKEN.finditer(source)]
    return [*tokens, Token("end", "", len(source))]


class _Waiting(NamedTuple):
    """What waits for its operands: an operator, or an open parenthesis."""

    kind: str  # prefix, binary, call or parenthesis
    token: Token
    precedence: int = 0
    arguments: int = 1  # of a call, so far


class _Parser:
    """A shunting-yard parser: operators and open parentheses wait on a stack until their operands are complete."""

    def __init__(self, text: Text, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.at = 0  # the next token
        self.waiting: list[_Waiting] = []
        self.open = 0  # parentheses
        self.done: list[Operation] = []

    def statements(self) -> list[Statement]:
        """Parse all statements."""
        found: list[Statement] = []
        while True:
            while self.tokens[self.at].text in ("\n", ";"):
                self.at += 1
            if found and self.tokens[self.at].kind == "end":
                return found
            found.append(self._statement())

    def _statement(self) -> Statement:
        """Parse a statement, up to what ends it."""
        first, *after = self.tokens[self.at : self.at + 3]
        name = ""
        if first.kind == "name" and [token.text == "=" for token in after] == [True, False]:
            name = first.text
            self.at += 2
        self.done = []
        while not self._operand():
            pass
        return Statement(name, first, self.done)

    def _operand(self) -> bool:
        """Read a prefix, an open parenthesis, or an operand with what follows it; return whether the statement ends."""
        token = self._next(skips_lines=True)
        if token.kind == "name" and self.tokens[self.at].text == "(":
            self.at += 1
            self._push(_Waiting("call", token))
        elif token.text == "(":
            self._push(_Waiting("parenthesis", token))
        elif token.text in ("+", "-"):
            self._push(_Waiting("prefix", token, _PREFIX))
        else:
            self._take(token)
            return self._after_operand()
        return False

    def _take(self, token: Token) -> None:
        """Read a number or a name."""
        if token.kind == "number" and float(token.text) == float("inf"):
            self.text.fail(f"the number {token.text} is too large", token)
        if token.kind not in ("number", "name"):
            got = repr(token.text) if token.text.strip() else "the end"
            wanted = _INSTEAD.get(token.text, f"a number, a name or '(' was wanted, got {got}")
            is_array = token.text == "["
            self.text.fail(
                "there are no arrays here; forward() takes them, as in x=[1, 2]" if is_array else wanted, token
            )
        if not (token.kind == "number" or token.text.isidentifier()):
            is_power = token.text[-1] in _SUPERSCRIPTS
            self.text.fail(_INSTEAD["^"] if is_power else f"{token.text!r} cannot be a name", token)
        self.done.append(Operation(token.kind, token.text, 0, token))

    def _after_operand(self) -> bool:
        """Read closing parentheses, and then an operator, a comma or an end; return whether the statement ends."""
        token = self._next(skips_lines=self.open > 0)
        while token.text == ")":
            self._complete(0)
            if not self.waiting:
                self.text.fail("this parenthesis was never opened", token)
            opened = self.waiting.pop()
            self.open -= 1
            if opened.kind == "call":
                self.done.append(Operation("function", opened.token.text, opened.arguments, opened.token))
            token = self._next(skips_lines=self.open > 0)
        if token.text in BINARY:
            self._complete(BINARY[token.text] + (token.text == "**"))
            self._push(_Waiting("binary", token, BINARY[token.text]))
            return False
        if token.text == ",":
            self._complete(0)
            if not self.waiting or self.waiting[-1].kind != "call":
                self.text.fail("a comma may only separate the arguments of a function", token)
            opened = self.waiting.pop()
            self.waiting.append(opened._replace(arguments=opened.arguments + 1))
            return False
        if token.kind != "end" and token.text not in (";", "\n"):
            self._refuse(token)
        self._complete(0)
        if self.waiting:
            self.text.fail("this parenthesis is never closed", self.waiting[-1].token)
        return True

    def _refuse(self, token: Token) -> NoReturn:
        """Raise the error for what cannot follow an operand."""
        before, last = self.done[-1], next(one for one in self.tokens[self.at - 2 :: -1] if one.text != "\n")
        sign = "==" if token.text == self.tokens[self.at].text == "=" else token.text
        if sign in _INSTEAD or sign[0] in _SUPERSCRIPTS:
            self.text.fail(_INSTEAD.get(sign, _INSTEAD["^"]), token)
        if sign == "=" and self.waiting:
            self.text.fail("a function's settings are given by position", token)
        if before.text in _INSTEAD and before.token is last and token.kind == "name":
            self.text.fail(_INSTEAD[before.text], last)
        is_factor = sign == "(" or token.kind in ("name", "number")
        if is_factor and (last.text == ")" or "name" in (before.kind, token.kind) or sign == "("):
            factors = ["(...)" if one in "()" else one for one in (last.text, sign)]
            function = f", for a function {last.text}({sign})" if last.kind == "name" else ""
            self.text.fail(f"an operator was wanted; for a product write {' * '.join(factors)}{function}", token)
        hint = "; one name may stand before it, as in q = x + y" if sign == "=" else ""
        self.text.fail(f"an operator was wanted, got {sign!r}{hint}", token)

    def _push(self, waiting: _Waiting) -> None:
        """Let something wait for its operands."""
        self.waiting.append(waiting)
        self.open += waiting.kind in ("call", "parenthesis")

    def _complete(self, precedence: int) -> None:
        """Write the waiting operators of at least this precedence, back to the last open parenthesis."""
        while self.waiting and self.waiting[-1].precedence >= max(precedence, 1):
            kind, token, _, _ = self.waiting.pop()
            self.done.append(Operation("operator", token.text, 1 + (kind == "binary"), token))

    def _next(self, skips_lines: bool) -> Token:
        """Return the next token and move on; the ends of lines may be no more than space."""
        while skips_lines and self.tokens[self.at].text == "\n":
            self.at += 1
        token = self.tokens[self.at]
        self.at += token.kind != "end"
        return token
