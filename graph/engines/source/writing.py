"""Operations as text of Python, with parentheses where they are needed, and names for variables."""

from __future__ import annotations

import keyword
import re
import unicodedata
from typing import Any

from graph.engines.trace.tracers import Tracer

#: How tightly operators bind; an operand that binds less tightly gets parentheses.
_CONDITIONAL, _COMPARISON, _OR, _XOR, _AND, _SUM, PRODUCT, _UNARY, _POWER, ATOM = range(10)
SIGNS = {
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "//", "%", "@"), PRODUCT),
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), _COMPARISON),
    **{"&": _AND, "^": _XOR, "|": _OR},
}
_DEFAULTS = [("axis", "None"), ("keepdims", "False")]  # of NumPy's functions
_PREFIXES = {"negative": "-", "positive": "+", "~": "~"}

#: Functions of numbers whose source generated code copies from `gates.scalar_math`.
TAKEN_OVER = ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "pow", "divide", "maximum", "minimum", "sign")
_RAISING = (
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "sin",
    "cos",
    "pow",
)  # those of `math` raise errors instead of returning inf or nan
_PYTHON = {"tanh": "math.tanh", "isinf": "math.isinf", "abs": "abs"}


class Writing:
    """Writes operations, and remembers which functions they call.

    Parameters
    ----------
    fast : bool
        Whether to write `math.exp(x)` and `x / y` for numbers, which raise where IEEE arithmetic has an answer.

    Attributes
    ----------
    called : dict of str to None
        The functions of numbers that the code needs, in the order in which it first calls them.
    """

    def __init__(self, fast: bool) -> None:
        self.fast = fast
        self.called: dict[str, None] = {}

    def of(self, tracer: Tracer) -> tuple[str, int]:
        """Return the text of an operation, and how tightly it binds."""
        operation, operands = tracer.operation, tracer.operands
        if operation in ("output", "gradient"):
            return operands[0].text, operands[0].level
        if operation == "literal":
            return operands[0], _level(operands[0])
        if operation in SIGNS:
            level = SIGNS[operation]
            left, right = self._operand(operands[0], level), self._operand(operands[1], level + 1)
            if level == _COMPARISON:
                left = self._operand(operands[0], level + 1)
            # -y * z is -(y * z) to the bit, but -y % z and -y // z are not.
            if operation == "+" and right.startswith("-") and not re.search("%|//", right):
                return f"{left} - {right[1:]}", level
            return f"{left} {operation} {right}", level
        if operation == "**":
            left, right = self._operand(operands[0], ATOM), self._operand(operands[1], _UNARY)
            simple = all(re.fullmatch(r"-?[\w.]+(e-?\d+)?", text) for text in (left, right))
            return (f"{left}**{right}" if simple else f"{left} ** {right}"), _POWER
        if operation in _PREFIXES:
            return _PREFIXES[operation] + self._operand(operands[0], _UNARY), _UNARY
        if operation.startswith("number."):
            return self._function_of_numbers(tracer, operation.removeprefix("number."))
        if operation == "[]":
            return f"{self._operand(operands[0], ATOM)}[{self._index(operands[1])}]", ATOM
        if operation.startswith("."):
            owner = self._operand(operands[0], ATOM)
            arguments = f"({self._arguments(operands[1:], tracer.options)})"
            return owner + (operation.replace("()", arguments) if "()" in operation else operation), ATOM
        if operation.endswith(" of"):
            arguments = self._arguments(operands[1:], {})
            return f"{operands[0]}.{operation.removesuffix(' of')}({arguments})", ATOM
        return f"{operation}({self._arguments(operands, tracer.options)})", ATOM

    def _function_of_numbers(self, tracer: Tracer, name: str) -> tuple[str, int]:
        """Return a call of one of the functions in `gates.scalar_math`."""
        operands = tracer.operands
        if name == "where":
            condition, x, y = operands
            x, condition = self._operand(x, _COMPARISON), self._operand(condition, _COMPARISON)
            return f"{x} if {condition} else {self._operand(y, _CONDITIONAL)}", _CONDITIONAL
        arguments = self._arguments(operands, tracer.options)
        if name == "reshape":
            return f"np.reshape({arguments})", ATOM
        if name in _PYTHON:
            return f"{_PYTHON[name]}({arguments})", ATOM
        if self.fast and name == "divide":
            return f"{self._operand(operands[0], PRODUCT)} / {self._operand(operands[1], PRODUCT + 1)}", PRODUCT
        if self.fast and name in _RAISING:
            return f"math.{name}({arguments})", ATOM
        self.called[name] = None
        return f"{name}({arguments})", ATOM

    def _operand(self, operand: Any, least: int) -> str:
        """Return an operand's text, in parentheses if it binds less tightly than it must."""
        if isinstance(operand, Tracer):
            return operand.text if operand.level >= least else f"({operand.text})"
        text = self.part(operand)
        return text if _level(text) >= least else f"({text})"

    def part(self, part: Any) -> str:
        """Return the text of a tracer, of a literal, or of a tuple or list of them."""
        if isinstance(part, Tracer):
            return part.text
        if isinstance(part, tuple):
            return f"({', '.join(map(self.part, part))}{',' * (len(part) == 1)})"
        return f"[{', '.join(map(self.part, part))}]" if isinstance(part, list) else str(part)

    def _index(self, index: Any) -> str:
        """Return the text between the brackets of an index."""
        if isinstance(index, tuple) and index:
            parts = [self._index(part) if isinstance(part, slice) else self.part(part) for part in index]
            return ", ".join(parts) + "," * (len(index) == 1)
        if isinstance(index, slice):
            texts = map(self.part, (index.start, index.stop, index.step))
            start, stop, step = ("" if text == "None" else text for text in texts)
            return f"{start}:{stop}" + f":{step}" * bool(step)
        return self.part(index)

    def _arguments(self, operands: Any, options: dict[str, Any]) -> str:
        """Return the text between the parentheses of a call."""
        named = [f"{name}={self.part(x)}" for name, x in options.items() if (name, x) not in _DEFAULTS]
        return ", ".join([*map(self.part, operands), *named])


def _level(literal: str) -> int:
    """Return how tightly a literal binds."""
    return _UNARY if literal.startswith("-") else ATOM


#: What generated code calls by name.
RESERVED = {"both_passes", "math", "np", "abs", "float", "ArithmeticError", "ValueError"}
_LONGEST = 20


def is_keyword_argument(name: str) -> bool:
    """Return whether the function can have a keyword argument of that name, which its code uses for nothing else.

    All other names in fast code begin with an underscore.
    """
    is_simple = name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
    return is_simple and not name.startswith("_") and name not in RESERVED


class Names:
    """Hands out names that are free.

    Parameters
    ----------
    taken : iterable of str
        Names that nothing may have.
    """

    def __init__(self, taken: set[str]) -> None:
        self._taken = set(taken)
        self._counts: dict[str, int] = {}

    def new(self, wanted: str) -> str:
        """Return a free identifier like the name that is wanted: short, not private, with a number if that is taken."""
        name = self.like(wanted)
        if not name.isidentifier() or keyword.iskeyword(name):
            name = f"v_{name}" if name and not keyword.iskeyword(name) else f"{name}_" if name else "v"
        count, free = self._counts.get(name, 0), name
        while free in self._taken or keyword.iskeyword(free):
            count += 1
            free = f"{name.rstrip('_')}_{count}"
        self._counts[name] = count
        self._taken.add(free)
        return free

    @staticmethod
    def like(wanted: str) -> str:
        """Return the name that is wanted with only the characters that an identifier can have."""
        letters = unicodedata.normalize("NFKC", wanted)
        return "".join([c if f"v{c}".isidentifier() else "_" for c in letters]).strip("_")[:_LONGEST]


class Numbers(Names):
    """Hands out numbers after an underscore, as names for code that nobody reads."""

    def __init__(self) -> None:
        super().__init__(set())
        self._count = 0

    def new(self, wanted: str) -> str:
        self._count += 1
        return f"_{self._count}"
