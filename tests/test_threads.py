"""One graph belongs to one pass at a time: a second is refused, compiled runs wait for each other, nothing is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from gates import Gate, Square
from graph import ComputationalGraph
from graph.passes import two_passes
from tests.interrupts import interrupted_at

EXPRESSION = "sigmoid(w * x) * exp(w) / (1 + x ** 2)"
UNDER_WAY = "cannot run: a pass of this graph is under way"


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Let threads take turns as often as Python can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


class Calls(Gate):
    """z = x. Forward and backward call a function on the way."""

    def __init__(self, function: Callable[[], Any] = lambda: None) -> None:
        self.function = function

    def forward(self, x: float) -> float:
        self.function()
        return x

    def backward(self, dz: float) -> list[float]:
        self.function()
        return [dz]


class Weighted(Calls):
    """z = w * x, with a parameter of its own."""

    has_parameters = True
    w, dw = 3.0, 0.0

    def forward(self, x: float) -> float:
        self.kept = x
        self.function()
        return self.w * x

    def backward(self, dz: float) -> list[float]:
        self.dw = dz * self.kept
        return [dz * self.w]


def in_another_thread(function: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def watched(nested: bool = False) -> tuple[ComputationalGraph, Calls]:
    """Return the graph of x ** 2 whose gates call a function on the way, and the gate that does."""
    graph = ComputationalGraph()
    calls = Calls()
    graph.add(calls, graph.add(Square(), graph.input("x")), name="calls")
    if nested:
        around = ComputationalGraph()
        inner = graph.as_gate()
        around.add(inner, around.input("x"))
        return around, inner.graph.gate("calls")
    return graph, calls


@pytest.mark.parametrize("call", [lambda function: function(), in_another_thread], ids=["within", "thread"])
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_a_second_pass_is_refused_and_the_first_goes_on(nested: bool, call: Callable[..., Any]) -> None:
    graph, gate = watched(nested)
    refused = []

    def disturb() -> None:
        for action in (lambda: graph.forward(x=100), graph.backward):
            with pytest.raises(RuntimeError, match=UNDER_WAY):
                call(action)
            refused.append(action)

    gate.function = disturb
    assert graph.forward(x=3) == 9.0
    assert graph.backward() == {"x": 6.0}
    assert len(refused) == 4


def test_what_leaves_the_passes_alone_may_run_during_one() -> None:
    graph, gate = watched()
    run = graph.compile("plain")
    seen: list[Any] = []

    def look() -> None:
        gate.function = lambda: None
        seen.append((graph.evaluate("square_1", x=5), run(x=5), graph.copy().forward(x=5), graph.check(x=5).passed))

    gate.function = look
    assert graph.forward(x=3) == 9.0
    assert graph.backward() == {"x": 6.0}
    assert seen == [(25.0, (25.0, {"x": 10.0}), 25.0, True)]


def test_backward_belongs_to_the_thread_of_its_forward() -> None:
    graph = ComputationalGraph.from_expression("x ** 2")
    in_another_thread(lambda: graph.forward(x=3))
    with pytest.raises(
        RuntimeError, match=r"backward\(\) needs a forward pass first: the last one was made by another"
    ):
        graph.backward()
    assert graph["power_1"].value == 9.0
    graph.forward(x=4)
    assert graph.backward() == {"x": 8.0}


def test_a_stepper_and_an_explanation_wait_for_no_pass() -> None:
    graph, gate = watched()
    stepper = graph.stepper(x=3)
    stepper.next()
    gate.function = lambda: stepper.next()
    with pytest.raises(RuntimeError, match=UNDER_WAY):
        stepper.next()
    gate.function = lambda: None
    assert stepper.finish() == {"x": 6.0}
    gate.function = lambda: graph.explain("x")
    with pytest.raises(RuntimeError, match=UNDER_WAY):
        graph.backward()
    gate.function = lambda: None
    assert graph.backward() == {"x": 6.0}


@pytest.mark.usefixtures("busy_threads")
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_passes_of_several_threads_are_right_or_refused(nested: bool) -> None:
    graph = ComputationalGraph.from_expression(EXPRESSION)
    if nested:
        inner, graph = graph.as_gate(), ComputationalGraph()
        graph.add(inner, *graph.inputs("w", "x"))
    inputs = [{"w": 0.5 * number, "x": 2.0 - number} for number in range(3)]
    wanted = [(graph.forward(given), graph.backward()) for given in inputs]
    refused = right = 0

    def work(number: int) -> list[Any]:
        found = []
        for _ in range(2000):
            try:
                found.append((graph.forward(inputs[number]), graph.backward()))
            except RuntimeError as error:
                found.append(error)
        return found

    with ThreadPoolExecutor(3) as pool:
        for number, results in enumerate(pool.map(work, range(3))):
            errors = [result for result in results if isinstance(result, RuntimeError)]
            assert all(result == wanted[number] for result in results if not isinstance(result, RuntimeError))
            refused, right = refused + len(errors), right + len(results) - len(errors)
    assert refused
    assert right
    assert (graph.forward(inputs[1]), graph.backward()) == wanted[1]


@pytest.mark.usefixtures("busy_threads")
@pytest.mark.parametrize("engine", ["plain", "source", "batched", "auto"])
@pytest.mark.parametrize("gate", [Square, Calls, Weighted])
def test_threads_share_a_compiled_run(engine: str, gate: type[Gate]) -> None:
    graph = ComputationalGraph()
    graph.output = graph.add(gate(), graph.input("x")) * graph.input("y")
    run = graph.compile(engine)
    inputs = [{"x": 1.0 + number, "y": 2.0 - number} for number in range(3)]
    wanted = [run(given) for given in inputs]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda number: [run(inputs[number]) for _ in range(500)], range(3)))
    assert found == [[result] * 500 for result in wanted]


@pytest.mark.parametrize("engine", ["plain", "source"])
def test_a_gate_cannot_run_the_compiled_run_that_it_is_in(engine: str) -> None:
    graph, gate = watched()
    run = graph.compile(engine)
    gate.function = lambda: run(x=100)
    with pytest.raises(RuntimeError, match=f"a compiled run {UNDER_WAY}"):
        run(x=3)


def test_a_gate_with_parameters_of_its_own_belongs_to_one_run_at_a_time() -> None:
    graph = ComputationalGraph()
    gate = Weighted()
    graph.add(gate, graph.input("x"))
    run, other = graph.compile("plain"), graph.compile("source")
    for first, second in ((run, other), (run, graph.forward), (graph.forward, run)):
        gate.function = lambda second=second: in_another_thread(lambda: second(x=100))
        with pytest.raises(RuntimeError, match=UNDER_WAY):
            first(x=2)
        gate.function = lambda: None
        assert run(x=2) == (6.0, {"x": 3.0})
        assert gate.dw == 2.0


def test_threads_that_begin_at_once_make_one_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, _ = watched()

    class Slow(two_passes.Schedule):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            monkeypatch.undo()
            first.append(graph.schedule)  # as if by another thread

    first: list[Any] = []
    monkeypatch.setattr(two_passes, "Schedule", Slow)
    assert graph.schedule is first[0] is graph.schedule


def test_an_interrupt_at_any_moment_of_a_compiled_run_leaves_it_usable() -> None:
    run = ComputationalGraph.from_expression("(x + 1) * x").compile("plain")
    run(x=3)
    moments = 0
    while interrupted_at(moments, lambda: run(x=2)):
        assert run(x=3) == (12.0, {"x": 7.0})
        moments += 1
    assert moments > 10


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_an_interrupt_at_any_moment_of_a_pass_leaves_the_graph_usable(nested: bool) -> None:
    graph = ComputationalGraph.from_expression("(x + 1) * x")
    if nested:
        inner, graph = graph.as_gate(), ComputationalGraph()
        graph.add(inner, graph.input("x"))
    graph.forward(x=3)
    moments = 0
    while interrupted_at(moments, lambda: (graph.forward(x=2), graph.backward())):
        assert graph.forward(x=3) == 12.0
        assert graph.backward() == {"x": 7.0}
        moments += 1
    assert moments > 40


def test_an_interrupt_when_a_nested_graph_learns_what_is_wanted_leaves_it_usable() -> None:
    moments = 0
    interrupted = True
    while interrupted:
        inner, graph = ComputationalGraph(), ComputationalGraph()
        x = inner.input("x", grad=False)
        inner.output = (x + 1) * x
        graph.add(inner.as_gate(), graph.input("x"))
        interrupted = interrupted_at(moments, partial(graph.forward, x=2))
        assert graph.forward(x=3) == 12.0
        assert graph.backward() == {"x": 7.0}
        moments += 1
    assert moments > 40
