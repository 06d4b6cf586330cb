"""Gradients that nobody wants are not computed, although the formulas of elementwise gates are written without it."""

import inspect
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gates import Add, Divide, Gate, Max, Min, Multiply, Subtract
from gates.validation import formula
from graph import ComputationalGraph
from losses import SquaredErrorLoss

PAIRS = [Add, Subtract, Multiply, Divide, Max, Min]


class Recorder:
    """A number that counts the operations on it."""

    def __init__(self) -> None:
        self.count = 0

    def __rmul__(self, other: Any) -> Any:
        self.count += 1
        return other


@pytest.mark.parametrize("gate", PAIRS)
@pytest.mark.parametrize("wanted", [(True, False), (False, True), (False, False)])
def test_only_what_is_wanted_is_returned(gate: type[Gate], wanted: tuple[bool, bool]) -> None:
    made = gate()
    made.forward(3.0, 2.0)
    every = made.backward(5.0)
    made.wanted = wanted
    assert made.backward(5.0) == [gradient if want else None for gradient, want in zip(every, wanted)]


def test_what_is_not_wanted_is_not_computed() -> None:
    gate, x, y = Multiply(), Recorder(), Recorder()
    gate.kept, gate.wanted = (x, y), (True, False)
    with pytest.raises(AttributeError):  # a recorder has no shape to sum to
        formula(gate.backward)(gate, 2.0)
    assert (x.count, y.count) == (0, 1)


@pytest.mark.parametrize("gate", [Multiply, Divide, Max, Min, Add, Subtract, SquaredErrorLoss])
def test_no_warning_comes_from_a_gradient_that_is_not_wanted(gate: type[Gate]) -> None:
    graph = ComputationalGraph()
    fixed = graph.input("fixed", grad=False)  # in float32, where 1e200 overflows
    graph.output = graph.add(gate(), graph.input("x"), fixed)
    given = {"x": np.array([2.0, 3.0]), "fixed": np.array([1.0, 2.0], dtype=np.float32)}
    with np.errstate(all="raise"):
        graph.forward(given)
        assert graph.backward(1e200).keys() == {"x"}


def test_the_self_test_of_a_graph_with_an_input_without_gradient() -> None:
    graph = ComputationalGraph()
    graph.output = graph.input("x") * graph.input("y", grad=False)
    assert graph.check(x=2.0, y=3.0).self_test().all_caught


class Halves(Gate):
    """z = x / 2 + y / 2, elementwise, in a class of a user's."""

    elementwise = True

    def forward(self, x: Any, y: Any) -> Any:
        self.__half = 0.5
        return 0.5 * x + 0.5 * y

    def backward(self, dz: Any) -> list[Any]:
        return [self.__half * dz, self.__half * dz]


def test_private_names_and_enclosing_variables_keep_their_meaning() -> None:
    assert [Halves().forward(2.0, 4.0)] == [3.0]
    gate = Halves()
    gate.forward(2.0, 4.0)
    assert gate.backward(1.0) == [0.5, 0.5]
    factor = 3.0

    class Thrice(Gate):
        elementwise = True

        def forward(self, x: Any, y: Any) -> Any:
            return factor * (x + y)

        def backward(self, dz: Any) -> list[Any]:
            return [factor * dz, factor * dz]

    thrice = Thrice()
    thrice.forward(1.0, 1.0)
    assert thrice.backward(1.0) == [3.0, 3.0]


_FACTOR = 7.0


class Scaled(Gate):
    """z = x + y, elementwise, whose backward has a default that only the class's body knows, and a comprehension."""

    elementwise = True
    local = 2.0

    def forward(self, x: Any, y: Any) -> Any:
        return x + y

    def backward(self, dz: Any, factor: float = local, *, shift: float = _FACTOR - 7.0) -> list[Any]:
        (both,) = [factor * one + shift for one in (dz,)]
        return [both, both]


def test_defaults_are_those_of_the_class() -> None:
    gate = Scaled()
    gate.forward(1.0, 2.0)
    assert gate.backward(3.0) == [6.0, 6.0]
    gate.wanted = (False, True)
    assert gate.backward(3.0) == [None, 6.0]


def test_a_source_file_that_has_changed_since_is_not_taken_for_the_formula(tmp_path: Path) -> None:
    text = (
        "from gates import Gate\n"
        "def make():\n"
        "    class Plus(Gate):\n"
        "        elementwise = True\n"
        "        def forward(self, x, y):\n            return x + y\n"
        "        def backward(self, dz):\n            return [dz, dz]\n"
        "    return Plus()\n"
    )
    space: dict[str, Any] = {}
    file = tmp_path / "plus.py"
    file.write_text(text)
    exec(compile(text, str(file), "exec"), space)
    file.write_text(text.replace("[dz, dz]", "[dz, -dz]"))
    gate = space["make"]()
    gate.forward(1.0, 2.0)
    assert gate.backward(3.0) == [3.0, 3.0]


def test_a_class_without_source_text_works() -> None:
    space: dict[str, Any] = {"Gate": Gate}
    exec(
        "class Plus(Gate):\n"
        "    elementwise = True\n"
        "    def forward(self, x, y):\n        return x + y\n"
        "    def backward(self, dz):\n        return [dz, dz]\n",
        space,
    )
    graph = ComputationalGraph()
    graph.add(space["Plus"](), graph.input("x"), graph.input("y", grad=False))
    graph.forward(x=1.0, y=2.0)
    assert graph.backward() == {"x": 1.0}


def test_errors_and_inspection_show_the_formula_as_it_is_written() -> None:
    assert "return [sum_to(dz * y, x), sum_to(dz * x, y)]" in inspect.getsource(Multiply.backward)
    gate = Multiply()
    gate.forward(2.0, 3.0)
    gate.kept = (2.0, "three")
    with pytest.raises(TypeError) as caught:
        gate.backward(1.0)
    (frame,) = [
        frame for frame in traceback.extract_tb(caught.tb) if frame.name == "backward" and "dz * y" in str(frame.line)
    ]
    assert frame.filename == inspect.getsourcefile(Multiply)
