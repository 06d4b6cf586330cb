"""The page's formulas, in a browser, against those of the Python gates; its numbers against Python's text."""

import itertools
import json
import math
import random
from collections.abc import Sequence
from importlib import resources
from typing import Any

import pytest

from gates import ELU, Clip, Copy, Gate, LeakyReLU, Mean, Power, Reshape, Scale, Shift, Sum, Transpose, Variance
from gates.formatting import text_of
from gates.gate import settings_of
from graph.structure.library import GATES
from losses import L2Regularization
from tests.cases import CASES

inf, nan = math.inf, math.nan

TRIED: list[Gate] = [
    *(case.make() for case in CASES if any(set(shapes) == {()} for shapes in case.shapes)),
    *(Scale(a) for a in (3, -0.1, 0, -0.0, 1e300, inf, nan)),
    *(Shift(c) for c in (7.5, -1e-3, 0, -1e300, -inf, nan)),
    *(Power(p) for p in (3, 2, 2.5, 1.5, 1, 0.5, 0.1, 1e-20, 0, -0.0, -1, -2, -2.5, 10, inf, -inf, nan)),
    *(Copy(n) for n in (1, 2, 3)),
    *(LeakyReLU(slope) for slope in (0.25, 0, 1, -2, 3)),
    *(ELU(alpha) for alpha in (0.3, 2.5, 1e10, 0, -1.5)),
    *(L2Regularization(strength) for strength in (0.5, 1e-3, 0, 1e300)),
    *(gate(axis, keepdims) for gate in (Sum, Mean) for axis in (None, ()) for keepdims in (False, True)),
    *(Transpose(axes) for axes in (None, ())),
    Reshape(()),
    *(Variance(axis) for axis in (None, ())),
    *(Clip(low, high) for low, high in ((0, 1), (None, 0.5), (-0.0, None), (None, None), (-inf, inf), (2, 2))),
]

#: The gates that are not in the page's table, for they refuse numbers.
ARRAYS_ONLY = {
    *("Affine", "BatchNorm", "Concatenate", "Conv2d", "Dropout", "Embedding", "Index", "LayerNorm", "MatMul"),
    *("MaxPool2d", "Maxout", "SVMLoss", "Softmax", "SoftmaxLoss", "Stack"),
}

EXTREMES = [0.0, -0.0, 5e-324, -5e-324, 1e-300, -1e-300, 1e-160, 1e160, -1e160, 1e300, -1e300, inf, -inf, nan]
ORDINARY = [1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 1 / 3, -0.7310585786300049, 1e-9, -1e-9, 12.345]
TAILS = [sign * x for x in (19.5, 36.5, 40.0, 350.0, 372.0, 700.0, 708.5, 720.0, 745.0, 746.0, 1e4) for sign in (1, -1)]
UPSTREAM = [1.0, -2.5, 0.0, -0.0, 1e-200, 5e-324, 1.5e308, inf, nan]

# A browser's exp, expm1, log, tanh and pow may round the last digit otherwise than C's, subnormal results too; a
# formula takes one or two of these and a few products.
RELATIVE, ABSOLUTE = 8 * 2.0**-52, 8 * 5e-324

# Playwright's own way of carrying nested lists takes seconds. Here what Python's json writes, NaN and Infinity and -0.0
# too, goes out as JavaScript, and numbers come back as text.
BOTH_PASSES = """((gate, tried) => {
    const text = (key, x) => typeof x === "number" ? (Object.is(x, -0) ? "-0" : String(x)) : x;
    const passes = ([settings, inputs, upstream]) => {
        [settings, inputs, upstream].forEach(Object.freeze); // whoever writes into them raises
        const gradients = gate.backward(inputs, upstream, settings); // first: nothing is kept from forward
        return [gate.forward(inputs, settings), gradients];
    };
    return JSON.stringify(tried.map(passes), text);
})"""


@pytest.fixture
def script(page: Any) -> Any:
    """Return a page that has the formulas and the numbers."""
    folder = resources.files("graph.page")
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in ("gates.js", "numbers.js")]
    page.add_script_tag(content="\n".join(['"use strict";', *texts]))
    return page


def values(count: int) -> list[float]:
    """Return the values to try where so many inputs or upstream gradients are combined: fewer of more."""
    if count == 3:
        return [0.0, -0.0, 1.0, -2.0, 0.7, 20.0, -37.5, 1e-300, 1e300, inf, -inf, nan]
    drawn = random.Random(count)
    spread = [drawn.choice((1, -1)) * 10 ** drawn.uniform(-5, 5) for _ in range(40 if count == 1 else 4)]
    return EXTREMES + ORDINARY + spread + (TAILS if count == 1 else [])


def points(gate: Gate) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Return pairs of inputs and upstream gradients."""
    least, most = gate.takes
    assert least == most
    inputs = itertools.product(values(max(least, gate.outputs)), repeat=least)
    return list(itertools.product(inputs, itertools.product(UPSTREAM, repeat=gate.outputs)))


def by_python(gate: Gate, inputs: Sequence[float], upstream: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return a gate's outputs and gradients."""
    output = gate.forward(*inputs)
    return output if gate.outputs > 1 else [output], gate.backward(*upstream)


def agree(ours: float, wanted: float) -> bool:
    """Return whether two numbers are the same but for rounding; nan is nan, and 0 is not -0."""
    if math.isnan(wanted) or math.isinf(wanted):
        return ours == wanted or (math.isnan(ours) and math.isnan(wanted))
    if not ours and not wanted:
        return math.copysign(1.0, ours) == math.copysign(1.0, wanted)
    return math.isclose(ours, wanted, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def test_the_table_holds_every_gate_that_takes_numbers(script: Any) -> None:
    """A new gate is in the table, or in ARRAYS_ONLY if its row of cases has no numbers, and it is tried here."""
    held = set(script.evaluate("Object.keys(GATES)"))
    assert held == set(GATES) - ARRAYS_ONLY
    assert held == {type(gate).__name__ for gate in TRIED}
    of_numbers = {type(case.make()).__name__ for case in CASES if any(not any(shapes) for shapes in case.shapes)}
    assert of_numbers <= held


@pytest.mark.parametrize("name", sorted(ARRAYS_ONLY - {"Index", "Stack"}))  # Stack makes an array of numbers
def test_what_is_not_in_the_table_refuses_numbers(name: str) -> None:
    """Of numbers alone these gates make nothing."""
    gate = GATES[name]()
    with pytest.raises((TypeError, ValueError), match=r"axes|shape"):
        gate.forward(*[1.0] * gate.takes[0])


@pytest.mark.parametrize("name", sorted(set(GATES) - ARRAYS_ONLY))
def test_a_gate_in_the_browser_is_the_gate_in_python(script: Any, name: str) -> None:
    """Outputs and gradients agree: at ordinary numbers, at ties, at kinks, in the tails, and at inf and nan."""
    tried = [(gate, *point) for gate in TRIED if type(gate).__name__ == name for point in points(gate)]
    literal = json.dumps([(settings_of(gate), inputs, upstream) for gate, inputs, upstream in tried])
    found = json.loads(script.evaluate(f"{BOTH_PASSES}(GATES.{name}, {literal})"))
    wrong = []
    for (gate, inputs, upstream), ours in zip(tried, found, strict=True):
        wanted = by_python(gate, inputs, upstream)
        for part, in_browser, in_python in zip(("forward", "backward"), ours, wanted, strict=True):
            in_browser = [float(text) for text in in_browser]
            if name in ("Max", "Min"):  # which of 0 and -0 is larger NumPy leaves to the machine
                in_browser, in_python = [x + 0.0 for x in in_browser], [x + 0.0 for x in in_python]
            if len(in_browser) != len(in_python) or not all(map(agree, in_browser, in_python)):
                wrong.append(f"{gate!r} {part} at {inputs}, {upstream}: {in_browser}, but {in_python} in Python")
    assert not wrong, "\n".join([f"{len(wrong)} of {len(tried)} points:", *wrong[:10]])


def numbers() -> list[float]:
    """Return numbers of all sizes, halves that six digits cut in a tie, and those where the way of writing changes."""
    drawn = random.Random(0)
    found = [0.0, -0.0, inf, -inf, nan, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308]
    for border in (1.0, 1e-4, 1e-5, 1e-6, 1e-7, 1e-10, 1e-100, 1e5, 1e6, 1e15, 1e16, 1e17, 1e21, 1e22, 1e100, 999999.5):
        found += [border, math.nextafter(border, inf), math.nextafter(border, 0.0), border * 0.9999996, -border]
    found += [drawn.choice((1, -1)) * 10 ** drawn.uniform(-322, 308) for _ in range(800)]
    found += [float(drawn.randrange(-(10**size), 10**size)) for size in range(1, 19) for _ in range(20)]
    found += [drawn.randrange(-(10**size), 10**size) + 0.5 for size in range(1, 10) for _ in range(30)]
    found += [drawn.randrange(10**5, 10**6) * 10.0 + 5.0 for _ in range(100)]
    found += [drawn.randrange(10**4, 10**5) + drawn.choice((0.25, 0.75)) for _ in range(100)]
    found += [k * 2.0**-power for power in range(1, 40) for k in (1, 3, 5, 7)]
    found += [drawn.randrange(1, 10**4) / 10 ** drawn.randrange(1, 9) for _ in range(300)]
    return found


def test_text_of_is_the_text_that_python_prints(script: Any) -> None:
    """To the last character, ties of the sixth digit included."""
    given = numbers()
    texts = script.evaluate("numbers => numbers.map(textOf)", given)
    assert len(given) > 2000
    assert [pair for pair in zip(given, texts, strict=True) if pair[1] != text_of(pair[0])] == []


def test_read_is_the_inverse_of_repr(script: Any) -> None:
    """To the last bit; of what `text_of` wrote, to its digits."""
    given = numbers()
    for written in (repr, text_of):
        texts = [written(number) for number in given]
        found = script.evaluate("texts => texts.map(read)", texts)
        wrong = [(text, x) for text, x in zip(texts, found, strict=True) if repr(float(x)) != repr(float(text))]
        assert wrong == []


READINGS = {
    "3": 3.0,
    " -2.5e3\n": -2500.0,
    ".5": 0.5,
    "5.": 5.0,
    "+1E-05": 1e-5,
    "007": 7.0,
    "−2": -2.0,
    "1e−3": 1e-3,
    "-0": -0.0,
    "1e400": inf,
    "inf": inf,
    "+inf": inf,
    "−inf": -inf,
    "nan": nan,
    **dict.fromkeys(["", " ", ".", "-", "e5", "1e", ".e1", "1 2", "- 1", "--1", "1,5", "1.2.3", "1_000", "٣"]),
    **dict.fromkeys(["0x10", "0b1", "1n", "abc", "1a", "infinite", "Infinity", "null", "true", "[]"]),
}


def test_read_takes_numbers_and_nothing_else(script: Any) -> None:
    """What is no number is undefined, never 0 or nan."""
    found = script.evaluate("texts => texts.map((text) => [read(text), read(text) === undefined])", list(READINGS))
    for (text, number), (read, undefined) in zip(READINGS.items(), found, strict=True):
        assert undefined is (number is None), text
        assert number is None or repr(float(read)) == repr(number), text
