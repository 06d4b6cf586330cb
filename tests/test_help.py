"""What a REPL shows: names, help, completion, and Python's own errors of wrong calls."""

import inspect
import pydoc
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

import pytest

import gates
import graph
import losses
from gates import Add, Gate, Multiply
from graph import ComputationalGraph
from tests.cases import CASES, Case

GATES = [pytest.param(case, id=case.name) for case in CASES]


def public(thing: Any) -> set[str]:
    """Return the names that completion offers."""
    return {name for name in dir(thing) if not name.startswith("_")}


@pytest.mark.parametrize("package", [gates, graph, losses])
def test_a_package_shows_the_names_of_its_all(package: ModuleType) -> None:
    assert public(package) == set(package.__all__)
    assert package.__all__[0] in pydoc.plain(pydoc.render_doc(package))


def test_the_packages_have_the_version_of_the_distribution() -> None:
    assert gates.__version__ == graph.__version__ == losses.__version__
    try:
        assert gates.__version__ == version("gategraph")
    except PackageNotFoundError:  # run from a folder without installing it
        assert gates.__version__.count(".") == 2


def test_a_graph_shows_what_users_call() -> None:
    shown = public(ComputationalGraph())
    assert {"add", "backward", "check", "copy", "evaluate", "forward", "graph", "guard", "input", "output"} <= shown
    assert {
        "inputs",
        "parameter",
        "parameters",
        "constant",
        "stepper",
        "compile",
        "nodes_topologically_sorted",
    } <= shown
    assert shown.isdisjoint({"schedule", "recording", "wires_of", "output_place", "state", "restore"})
    for name in shown - {"graph", "guard"}:
        assert inspect.getdoc(getattr(ComputationalGraph, name)), name


def test_ipython_completes_the_names_of_gates() -> None:
    assert ComputationalGraph.from_expression("x + y")._ipython_key_completions_() == ["x", "y", "add_1"]


@pytest.mark.parametrize("case", GATES)
@pytest.mark.parametrize("method", ["forward", "backward"])
def test_both_methods_of_a_gate_have_help(case: Case, method: str) -> None:
    gate = case.make()
    text = inspect.getdoc(getattr(type(gate), method))
    assert text is not None
    summary = inspect.cleandoc(type(gate).__doc__ or "").splitlines()[0]
    assert summary in text
    assert ">>>" not in text  # the examples are run where they stand, once
    if isinstance(type(gate).notation, tuple) and type(gate).notation:
        formula, *gradients = type(gate).notation
        assert all(part in text for part in ([formula] if method == "forward" else gradients))


def test_help_of_one_method_in_full() -> None:
    assert inspect.getdoc(Multiply.backward) == (
        "Return a list with the gradient of each input. Local gradients: y; x.\n\n"
        "z = x * y, elementwise. Backward switches the inputs: each is scaled by the other."
    )


def test_a_docstring_of_ones_own_stays() -> None:
    class Twice(Gate):
        def forward(self, x: Any) -> Any:
            """Double."""
            return 2 * x

        def backward(self, dy: Any) -> list[Any]:
            return [2 * dy]

    assert Twice.forward.__doc__ == "Double."
    assert Twice.backward.__doc__ == "Return a list with the gradient of each input."


@pytest.mark.parametrize("call", ["forward(1, 2)", "backward(1, 2)", "input()", "add()", "evaluate()"])
def test_python_names_the_class_that_users_know(call: str) -> None:
    name = call.partition("(")[0]
    circuit = ComputationalGraph()
    circuit.add(Add(), *circuit.inputs("x", "y"))
    with pytest.raises(TypeError, match=rf"^ComputationalGraph\.{name}\(\) "):
        eval(f"circuit.{call}", {"circuit": circuit})
