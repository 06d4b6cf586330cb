"""All that a user is handed can be copied and pickled, and goes to another process and back."""

import copy
import pickle
import types
import typing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
import torch

import gates
import graph as package
import losses
from gates import Gate, Jacobian, Multiply, check_gate, check_model
from gates.checking.adapters.check_model import ModelReport
from gates.checking.convergence import Convergence
from gates.checking.mutants import Mutant, SelfTest
from gates.checking.report import Report, Row
from graph import ComputationalGraph, History, Wire, fully_connected, train
from graph.drawing.look import Direction, Names
from graph.drawing.svg import Picture, Theme
from graph.engines.engine import Run
from graph.gradient_check import GraphReport
from graph.page.page import Page, PageFile
from graph.passes.nested import GraphGate
from graph.structure.entries import Parameters
from graph.watching.explanation import Explanation, Part
from graph.watching.notation import Notation
from graph.watching.step import Step
from graph.watching.stepper import Stepper
from tests.circuits import CIRCUIT_1, after_both, circuit_1


class Cubed(Gate):
    """A gate of the user's, with a mistake."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return x * x * x

    def backward(self, dz: Any) -> list[Any]:
        (x,) = self.kept
        return [dz * 2 * x * x]


class Doubled(torch.autograd.Function):
    """A function of PyTorch's, with a mistake."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, dz: Any) -> Any:
        return 3 * dz


def watched() -> ComputationalGraph:
    """Return the lecture's first circuit with a parameter, after both passes."""
    graph = circuit_1()
    graph.output = graph["f"] * graph.parameter("w", 2.0)
    return after_both(graph, CIRCUIT_1)


def stepped() -> Stepper:
    """Return a stepper in the backward pass."""
    stepper = watched().stepper(CIRCUIT_1)
    stepper.run_to("f")
    stepper.run_to("f")
    stepper.next()
    return stepper


def checked_model() -> ModelReport:
    """Return the report on a model with a faulty function."""
    return check_model(Doubled.apply, torch.tensor([0.5, 1.5]))


def trained() -> History:
    """Return the history of a short training."""
    xs = np.linspace(-1.0, 1.0, 8).reshape(4, 2)
    return train(fully_connected([2, 2], seed=0), {"X": xs, "y": [0, 1, 0, 1]}, epochs=2, progress=False)


MAKE: dict[type, Callable[[], Any]] = {
    ComputationalGraph: watched,
    Wire: lambda: watched()["q"],
    Parameters: lambda: watched().parameters,
    Gate: Cubed,
    GraphGate: lambda: watched().as_gate(),
    Jacobian: lambda: gates.jacobian(gates.Exp(), [1.0, 2.0])[0],
    Report: lambda: check_gate(Cubed(), 2.0),
    Row: lambda: check_gate(Cubed(), 2.0).rows[0],
    ModelReport: checked_model,
    GraphReport: lambda: watched().check(CIRCUIT_1),
    SelfTest: lambda: check_gate(Multiply()).self_test(),
    Convergence: lambda: check_gate(Multiply(), 2.0, 3.0).convergence(),
    Mutant: lambda: next(iter(check_gate(Multiply()).self_test())),
    Explanation: lambda: watched().explain("q"),
    Part: lambda: watched().explain("q").parts[0],
    Stepper: stepped,
    Step: lambda: stepped().back(),
    Notation: lambda: stepped().back().notation,
    History: trained,
    Picture: lambda: watched().to_svg(),
    Page: lambda: watched().show(),
    PageFile: lambda: PageFile("circuit.html"),
}
ALIASES = {"Run": Run, "Direction": Direction, "Names": Names, "Theme": Theme}
NAMES = ALIASES | {base.__name__: base for kind in MAKE for base in kind.__mro__}  # as annotations write them
COPIES = [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]


def handed_out() -> Iterator[type]:
    """Yield the project's classes that public functions, and methods of what they return, are annotated to return."""
    public = [getattr(module, name) for module in (gates, package, losses) for name in module.__all__]
    todo, seen = [one for one in public if isinstance(one, types.FunctionType)] + [ComputationalGraph], set[Any]()
    while todo:
        one = todo.pop()
        if isinstance(one, list):  # the arguments of a Callable
            todo += one
            continue
        if one in seen:
            continue
        seen.add(one)
        if isinstance(one, type):
            if one.__module__.partition(".")[0] not in ("gates", "graph", "losses"):
                continue
            yield one
            offered = {name for name in dir(MAKE[one]() if one in MAKE else one) if name[0] != "_"}
            for name in [*offered, "__getitem__", "__next__"]:
                member = getattr(one, name, None)
                member = member.fget if isinstance(member, property) else member
                todo += [member] if isinstance(member, types.FunctionType) else []
            todo += [hint for name, hint in typing.get_type_hints(one, localns=NAMES).items() if name in offered]
        elif isinstance(one, types.FunctionType):
            todo.append(typing.get_type_hints(one, localns=NAMES).get("return"))
        else:
            todo += typing.get_args(one)
            todo += [one.__origin__] if hasattr(one, "__origin__") else []


def test_no_class_of_results_is_forgotten() -> None:
    found = set(handed_out()) - {Run}  # compiled functions have a test of their own
    assert {ComputationalGraph, Wire, Report, Stepper, Step, History} <= found
    assert not [kind for kind in found if not any(issubclass(made, kind) for made in MAKE)]


@pytest.mark.parametrize("kind", MAKE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_copies_are_alike(kind: type, copied: Callable[[Any], Any]) -> None:
    one = MAKE[kind]()
    again = copied(one)
    assert type(one) is type(again)
    assert isinstance(one, kind)
    assert again is not one
    if kind not in (ComputationalGraph, Wire):  # a copied graph has no values yet
        assert str(again) == str(one)


def test_a_process_pool_hands_reports_back() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for report, here in ((pool.submit(check_gate, Cubed(), 2.0).result(), check_gate(Cubed(), 2.0)),):
            assert str(report) == str(here)
            assert report.diagnosis == here.diagnosis != ""


def test_a_copied_report_can_test_itself_and_a_pickled_one_says_why_not() -> None:
    for report in (check_gate(Multiply()), watched().check(CIRCUIT_1)):
        for copied in (copy.copy, copy.deepcopy):
            assert copied(report).self_test().all_caught
        again = pickle.loads(pickle.dumps(report))
        assert again == report
        with pytest.raises(RuntimeError, match="a pickled report leaves behind"):
            again.self_test()


@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_a_copied_stepper_goes_on_by_itself(copied: Callable[[Any], Any]) -> None:
    stepper = stepped()
    where = stepper.where
    again = copied(stepper)
    assert again.where == where
    assert again.finish() == {"x": -8.0, "y": -8.0, "z": 6.0, "w": -12.0}
    assert stepper.where == where
    assert stepper.finish() == again.finish()
    while not again.at_start:
        again.back()
    assert stepper.where == ("done", None)


def test_a_stepper_whose_graph_went_on_cannot_be_copied() -> None:
    graph = watched()
    stepper = graph.stepper(CIRCUIT_1)
    graph.forward(CIRCUIT_1)
    for copied in COPIES:
        with pytest.raises(RuntimeError, match="make a new stepper"):
            copied(stepper)


@pytest.mark.parametrize("engine", ["source", "batched", "plain", "auto", "jax"])
@pytest.mark.parametrize("copied", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_compiled_functions(engine: str, copied: Callable[[Any], Any]) -> None:
    run = watched().compile(engine)
    wanted = {"x": -8.0, "y": -8.0, "z": 6.0, "w": -12.0}
    assert copied(run)(**CIRCUIT_1) == (-24.0, wanted)
    run(**CIRCUIT_1)
    assert copied(run)(**CIRCUIT_1) == (-24.0, wanted)
