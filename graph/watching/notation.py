"""Gates written as formulas, with the names of their wires or with numbers."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from gates import Gate
from gates.formatting import gate_text, text_of
from gates.gate import parameter_names, settings_of

_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*(?:\[\d+\])?")
_OPERATOR = re.compile(r"(\w+) (\S+) (\w+)")
_CALL = re.compile(r"(\w+)\((.*)\)")
_BRACKETS = re.compile(r"\([^()]*\)")
_LOOSE = re.compile(r" (?:[-+<>]|<=|>=|==|if) ")  # binds less than ×
_SIGNS = {"*": "×", "/": "÷", "-": "−"}


class Notation(NamedTuple):
    """A gate in a graph, written with the names of its wires.

    Attributes
    ----------
    inputs, outputs : list of str
        The wires.
    pieces : list of str and int
        The formula; a number stands for the input at that port.
    gradients : list of str
        For each input, how its gradient is computed: `z × df`.
    """

    inputs: list[str]
    outputs: list[str]
    pieces: list[str | int]
    gradients: list[str]

    @property
    def equation(self) -> str:
        """The gate as an equation: `f = q * z`."""
        return f"{self.result} = {self.with_names}"

    @property
    def result(self) -> str:
        """The left side of the equation."""
        return ", ".join(self.outputs)

    @property
    def with_names(self) -> str:
        """The right side of the equation."""
        return "".join([self.inputs[piece] if isinstance(piece, int) else piece for piece in self.pieces])

    def with_numbers(self, numbers: Sequence[str]) -> str:
        """Return the right side with numbers in place of names, negative ones in brackets where they must be."""
        text = ""
        for place, piece in enumerate(self.pieces):
            if isinstance(piece, str):
                text += piece
                continue
            following = self.pieces[place + 1] if place + 1 < len(self.pieces) else ""
            is_base = isinstance(following, str) and following.startswith(" **")
            follows = text != "" and not text.endswith(("(", ", "))
            number = numbers[piece]
            text += f"({number})" if number.startswith("-") and (is_base or follows) else number
        return text


def notation_of(gate: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Notation:
    """Return a gate written with the names of its wires: by its class's notation, or in a general form without one.

    Examples
    --------
    >>> from gates import Multiply
    >>> notation = notation_of(Multiply(), ["q", "z"], ["f"])
    >>> notation.equation, notation.gradients
    ('f = q * z', ['z × df', 'q × df'])
    """
    inputs, outputs = list(inputs), list(outputs)
    formula, *slopes = _checked(gate)
    ports = {name: port for port, name in enumerate(parameter_names(gate.forward, len(inputs)))}
    settings = {name: text_of(value) for name, value in settings_of(gate).items() if isinstance(value, float)}
    result, _, expression = formula.partition(" = ")
    if expression:
        pieces = _pieces(expression, ports, settings)
    else:
        separated = [piece for port in range(len(inputs)) for piece in (", ", port)][1:]
        pieces = [f"{gate_text(gate)}(", *separated, ")"]
    results = dict(zip(result.split(", "), outputs))
    upstream = {f"d{name}": f"d{output}" for name, output in results.items()}
    names = {name: inputs[port] for name, port in ports.items()} | results | upstream | settings
    gradients = []
    for port, name in enumerate(inputs):
        slope = slopes[port] if port < len(slopes) else ""
        is_whole = not upstream.keys().isdisjoint(_NAME.findall(slope))
        if not slope or (len(outputs) > 1 and not is_whole):
            gradients.append(" + ".join([f"∂{output}/∂{name} × d{output}" for output in outputs]))
            continue
        text = "".join(map(str, _pieces(slope, {}, names)))
        gradients.append(text if is_whole else f"{_bracketed(text)} × d{outputs[0]}")
    return Notation(inputs, outputs, pieces, gradients)


def symbol_of(gate: Any) -> str:
    """Return the symbol of a gate for pictures: `+`, `max`, or `1 / ·`, with · for the one input.

    Examples
    --------
    >>> from gates import Add, Max, Power
    >>> symbol_of(Add()), symbol_of(Max()), symbol_of(Power(3))
    ('+', 'max', '· ** 3')
    """
    expression = _checked(gate)[0].partition(" = ")[2]
    settings = {name: text_of(value) for name, value in settings_of(gate).items() if isinstance(value, float)}
    names = parameter_names(gate.forward, 2)
    operator, call = _OPERATOR.fullmatch(expression), _CALL.fullmatch(expression)
    if operator and [operator[1], operator[3]] == names:
        return _SIGNS.get(operator[2], operator[2])
    if call and set(call[2].split(", ")) <= set(names):
        return call[1]
    if not expression or len(expression) > 20:
        return getattr(gate, "kind", None) or type(gate).__name__
    return "".join(map(str, _pieces(expression, {}, dict.fromkeys(names, "·") | settings)))


def pattern_of(gate: Any) -> str:
    """Return the lecture's name for what a gate does with gradients; "" if its class gives none."""
    pattern = getattr(gate, "pattern", "")
    return pattern if isinstance(pattern, str) else ""


def _checked(gate: Any) -> tuple[str, ...]:
    """Return a gate's notation: the formula, "" if there is none, and the local gradients."""
    given = getattr(gate, "notation", ())
    notation = (given,) if isinstance(given, str) else given
    if not isinstance(notation, tuple) or not all(isinstance(text, str) for text in notation):
        if not isinstance(gate, Gate):
            return ("",)  # the class means something else by that name
        raise TypeError(
            f"{type(gate).__name__}: notation must be a formula, and a text for each input's local gradient, such as "
            f'("z = x * y", "y", "x"), got {given!r}'
        )
    return notation or ("",)


def _pieces(text: str, ports: dict[str, int], texts: dict[str, str]) -> list[str | int]:
    """Split a text into pieces, with ports in place of the names of inputs, and other names replaced."""
    pieces: list[str | int] = [""]
    end = 0
    for match in _NAME.finditer(text):
        before, name = text[end : match.start()], match[0]
        pieces[-1] = f"{pieces[-1]}{before}"
        if name in ports:
            pieces += [ports[name], ""]
        else:
            pieces[-1] = f"{pieces[-1]}{texts.get(name, name)}".replace("+ -", "- ")
        end = match.end()
    pieces[-1] = f"{pieces[-1]}{text[end:]}"
    return [piece for piece in pieces if piece != ""]


def _bracketed(text: str) -> str:
    """Return a factor of a product, in parentheses if it needs them."""
    outside = text
    while outside != (outside := _BRACKETS.sub("", outside)):
        pass
    return f"({text})" if _LOOSE.search(outside) else text
