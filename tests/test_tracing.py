"""What cannot be written down as operations is found out, whatever a user's formula does, and called as an object."""

from __future__ import annotations

import copy
import math
import pickle
import random
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gates import Copy, Exp, Gate, Multiply, Square, namespace
from graph import ComputationalGraph
from losses import SoftmaxLoss
from tests.test_engines import assert_same_passes

Formula = Callable[..., Any]


def gate_of(forward: Formula, backward: Formula) -> Any:
    """Return a class of gates with these formulas."""
    return type("Users", (Gate,), {"forward": forward, "backward": backward})


def graph_of(gate: Any, count: int) -> ComputationalGraph:
    """Return a graph with one gate, and another after it."""
    graph = ComputationalGraph()
    wires = graph.inputs(*"xy"[:count])
    graph.add(Multiply(), graph.add(gate(), *wires, name="users"), 2.0)
    return graph


class OfThree(Gate):
    """A gate that sums three numbers up in some way, whose gradient is that of a plain sum."""

    def backward(self, dy: Any) -> list[Any]:
        return [dy * np.ones(3)]


class WritesInto(OfThree):
    def forward(self, x: Any) -> Any:
        both = np.zeros_like(x)
        np.add(x, 1.0, out=both)
        return both.sum()


class WritesIntoWhatItHas(OfThree):
    def __init__(self) -> None:
        self.room = np.zeros(3)

    def forward(self, x: Any) -> Any:
        np.add(x, 1.0, out=self.room)
        return (self.room * 1.0).sum()


class Mends(OfThree):
    def forward(self, x: Any) -> Any:
        z = x * 1.0
        np.nan_to_num(z, copy=False)
        return z.sum()


class AddsInPlace(Gate):
    def forward(self, x: Any) -> Any:
        z = x * 2.0
        self.z = z
        z += x * x
        return z.sum()

    def backward(self, dy: Any) -> list[Any]:
        return [dy * (self.z > 3.0)]


class Chooses(Gate):
    """The mean of the positive numbers: how many they are depends on them."""

    def forward(self, x: Any) -> Any:
        self.m = x > 0
        chosen = x[self.m]
        self.n = max(chosen.size, 1)
        return chosen.sum() / self.n

    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.m / self.n]


class Swallows(Gate):
    def forward(self, x: Any) -> Any:
        self.x = x
        try:
            return math.sqrt(x.sum())
        except Exception:
            return -1.0

    def backward(self, dy: Any) -> list[Any]:
        try:
            return [dy * np.ones(3) / math.sqrt(self.x.sum())]
        except Exception:
            return [np.zeros(3)]


class LooksAtTheType(Gate):
    def forward(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            self.m = x > 0
            return np.where(self.m, x, 0.0).sum()
        self.m = 1.0
        return x.sum()

    def backward(self, dy: Any) -> list[Any]:
        return [dy * self.m * np.ones(3)]


class Draws(OfThree):
    def __init__(self) -> None:
        self.random = np.random.default_rng(1)

    def forward(self, x: Any) -> Any:
        return x.sum() * float(self.random.random() > 0.01)


class NoneAtTimes(Gate):
    def forward(self, x: Any) -> Any:
        self.is_positive = bool(x.sum() > 0)
        return x.sum() if self.is_positive else 0.0

    def backward(self, dy: Any) -> list[Any]:
        return [dy * np.ones(3)] if self.is_positive else [None]


VALUES = [
    np.array(x) for x in ([1.0, 2.0, 3.0], [-1.0, -2.0, -4.0], [np.nan, 2.0, 0.5], [0.0, 0.0, 0.0], [5.0, -1.0, 9.0])
]


@pytest.mark.parametrize("first", range(len(VALUES)))
@pytest.mark.parametrize(
    "gate",
    [WritesInto, WritesIntoWhatItHas, Mends, AddsInPlace, Chooses, Swallows, LooksAtTheType, NoneAtTimes],
)
def test_formulas_that_are_not_the_same_operations_for_all_numbers(gate: Any, first: int) -> None:
    run = graph_of(gate, 1).compile()
    with np.errstate(all="ignore"):
        for x in [VALUES[first], *VALUES]:
            graph = graph_of(gate, 1)
            value = graph.forward(x=x)
            assert_same_passes("source", run(x=x), (value, graph.backward()))


def test_a_random_gate_is_called_as_an_object() -> None:
    assert "users_gate" in graph_of(Draws, 1).to_source(x=VALUES[0])
    for draw in (np.random.random, random.random):
        drops = gate_of(lambda self, x, draw=draw: x * float(draw() < 2.0), lambda self, dy: [dy])
        assert "users_gate" in graph_of(drops, 1).to_source(x=1.0)


def test_powers_of_numbers_that_may_be_complex() -> None:
    root = gate_of(lambda self, x: vars(self).update(x=x) or x**0.5, lambda self, dy: [dy * 0.5 * self.x**-0.5])
    run = graph_of(root, 1).compile()
    assert run(x=4.0) == (4.0, {"x": 0.5})
    with pytest.raises(TypeError, match="a number or an array of numbers was wanted"):
        run(x=-4.0)
    square = gate_of(lambda self, x: vars(self).update(x=x) or (-x) ** 2, lambda self, dy: [dy * 2 * self.x])
    assert "    users = (-x) ** 2\n" in graph_of(square, 1).to_source()
    assert graph_of(square, 1).compile()(x=3.0) == (18.0, {"x": 12.0})


@pytest.mark.parametrize("operation", ["x + (-x) % 3.0", "x + (-x) // 2.0", "x + (-x) * 3.0", "x + -(x % 3.0)"])
def test_a_minus_in_front_of_a_product_that_is_added(operation: str) -> None:
    computes = eval(f"lambda self, x: {operation}")
    for x in (1.0, -2.5, 4.0):
        graph = graph_of(gate_of(computes, lambda self, dy: [dy]), 1)
        assert graph.compile()(x=x)[0] == graph.forward(x=x)


def test_indices_in_indices() -> None:
    picked = gate_of(
        lambda self, x: vars(self).update(x=x) or x[(0, 1), (1, 0)].sum(),
        lambda self, dy: [dy * np.ones_like(self.x)],
    )
    x = np.arange(16.0).reshape(2, 2, 2, 2)
    assert graph_of(picked, 1).compile()(x=x)[0] == graph_of(picked, 1).forward(x=x)


def test_symbols_can_be_copied() -> None:
    kept = gate_of(
        lambda self, x: vars(self).update(x=copy.deepcopy(x)) or copy.copy(x) * 3.0, lambda self, dy: [dy * self.x]
    )
    assert graph_of(kept, 1).compile()(x=2.0) == (12.0, {"x": 4.0})


def test_nan_and_infinity_as_literals() -> None:
    odd = gate_of(
        lambda self, x: namespace(x).where(x > 0, x, math.nan) + namespace(x).where(x > 5, math.inf, 0.0),
        lambda self, dy: [dy * 1.0],
    )
    run = graph_of(odd, 1).compile()
    assert "called as an object" not in graph_of(odd, 1).to_source(x=-1.0)
    for x in (1.0, -1.0, 6.0):
        graph = graph_of(odd, 1)
        value = graph.forward(x=x)
        np.testing.assert_equal(run(x=x), (value, graph.backward()))


def test_memory_that_is_laid_out_otherwise() -> None:
    generator = np.random.default_rng(0)
    graph = ComputationalGraph.from_expression("x * y + b")
    run = graph.compile()
    for make in (np.asfortranarray, np.ascontiguousarray, lambda x: x[::-1], lambda x: x.T.copy().T):
        inputs = {"x": make(generator.normal(size=(1000, 2))), "y": generator.normal(size=2), "b": np.ones(2)}
        value = graph.forward(inputs)
        assert_same_passes("source", run(inputs, 0.1), (value, graph.backward(0.1)))


def test_other_dtypes_at_other_calls() -> None:
    graph = ComputationalGraph.from_expression("exp(x) * y")
    run = graph.compile()
    for dtype in (np.float64, np.float32, ">f8", np.float16):
        inputs = {"x": np.array([0.5, 2.0], dtype), "y": np.array([1.0, 3.0], dtype)}
        value = graph.forward(inputs)
        assert_same_passes("source", run(inputs, 1.0), (value, graph.backward(1.0)))


def specializations(run: Any) -> int:
    """Return for how many shapes and dtypes a function has code."""
    return len(run.__self__._specializations)


def test_other_shapes_get_code_when_they_have_come_often() -> None:
    run = ComputationalGraph.from_expression("sum(exp(x))").compile()
    for times in range(1, 12):
        assert run(x=np.zeros(3))[0] == 3.0
        assert run(x=np.zeros(5))[0] == 5.0
        assert specializations(run) == (1 if times < 8 else 2)


def test_there_is_code_for_sixteen_shapes_at_most() -> None:
    run = ComputationalGraph.from_expression("sum(x)").compile()
    for length in [*range(1, 40)] * 10:
        assert run(x=np.ones(length))[0] == length
    assert specializations(run) == 16


@pytest.mark.parametrize("engine", ["source", "plain", "auto"])
def test_a_gate_that_hands_on_what_came_in(engine: str) -> None:
    graph = ComputationalGraph()
    graph.output = graph.add(Copy(1), graph.input("x"))
    x, dz = np.ones(3), np.ones(3)
    run = graph.compile(engine)
    for _ in range(2):
        _, gradients = run({"x": x}, dz)
        gradients["x"][:] = 7.0
        assert dz.tolist() == x.tolist() == [1.0, 1.0, 1.0]


def test_labels_within_a_graph_within() -> None:
    inner = ComputationalGraph()
    scores, labels = inner.inputs("scores", "labels")
    inner.add(SoftmaxLoss(), scores, labels)
    graph = ComputationalGraph()
    s, y = graph.inputs("s", "y")
    graph.add(inner.as_gate(), s * 2.0, y)
    inputs = {"s": np.array([[1.0, 2.0], [0.5, -1.0]]), "y": np.array([1, 0])}
    value = graph.forward(inputs)
    for engine in ("source", "plain", "auto"):
        assert_same_passes("source", graph.compile(engine)(inputs), (value, graph.backward()))
    with pytest.raises(ValueError, match="labels must be 2 integers"):
        graph.compile()({**inputs, "y": np.array([1, 2])})


def test_a_users_check_is_made_at_every_call() -> None:
    class Positive(Square):
        def check(self, x: Any) -> None:
            if np.any(x < 0):
                raise ValueError("x must be positive")

    graph = ComputationalGraph()
    graph.add(Positive(), graph.input("x"), name="root")
    for engine in ("source", "plain", "batched", "auto"):
        run = graph.compile(engine)
        assert run(x=2.0)[0] == 4.0
        with pytest.raises(ValueError, match=r"root \(Positive\): x must be positive"):
            run(x=-2.0)


def test_errors_name_the_gate() -> None:
    division = gate_of(lambda self, x: vars(self).update(x=x) or 1.0 / x, lambda self, dy: [-dy / self.x / self.x])
    run = graph_of(division, 1).compile()
    assert run(x=4.0)[0] == 0.5
    with pytest.raises(ZeroDivisionError) as caught:
        run(x=0.0)
    assert "in gate 'users' (Users)" in caught.value.__notes__
    assert run(x=4.0)[0] == 0.5


NAMES = [
    ("x_", "x"),
    ("exp", "exp_1"),
    ("math", "y"),
    ("maximum", "type"),
    ("abs", "ValueError"),
    ("sin", "np"),
    ("x\u0bf0", "x"),
    ("both_passes", "float"),
    ("_1", "_2"),
    ("dx", "x"),
]


class Asks(Gate):
    """y = |x|, by a question; at 0 it gives no gradient."""

    def forward(self, x: Any) -> Any:
        self.x = x
        return x if x > 0 else -x

    def backward(self, dy: Any) -> list[Any]:
        return [None if self.x == 0 else dy if self.x > 0 else -dy]


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("names", NAMES)
def test_inputs_and_gates_may_have_any_names(names: tuple[str, str], asks: bool) -> None:
    sine = gate_of(lambda self, x: vars(self).update(x=x) or namespace(x).sin(x), lambda self, dy: [dy * self.x])
    graph = ComputationalGraph()
    a, b = graph.inputs(*names)
    free = [name for name in ("sin", "type", "ValueError", "maximum", "math", "exp") if name not in names]
    wire = graph.add(Exp(), np.maximum(a, b), name=free[0])
    wire = graph.add(sine(), wire, name=free[1]) * 3.0 + np.tanh(a)
    if asks:
        wire = graph.add(Asks(), wire, name=free[3])
    graph.output = graph.add(Multiply(), wire, b, name=free[2])
    run = graph.compile()
    for one, other in ((1.0, 2.0), (2.0, 1.0), (2000.0, 1.0), (0.5, 0.25)):
        given = dict(zip(names, (one, other)))
        value = graph.forward(given)
        for found in (run(**given), run(given)):
            np.testing.assert_equal(found, (value, graph.backward()))


def test_long_calls_with_strings_and_lists() -> None:
    product = gate_of(
        lambda self, x, y: vars(self).update(x=x) or np.einsum("ab, bc, cd, de, ef -> af", x, y, x, y, x),
        lambda self, dz: [dz * 1.0, self.x.T @ dz @ self.x.T],
    )
    graph = ComputationalGraph()
    x, y = graph.inputs("a_rather_long_name_of_x", "a_rather_long_name_of_y")
    graph.output = graph.add(product(), x, y, name="a_rather_long_name_of_a_gate")
    inputs = {"a_rather_long_name_of_x": np.ones((2, 2)), "a_rather_long_name_of_y": np.ones((2, 2))}
    value = graph.forward(inputs)
    assert_same_passes("source", graph.compile()(inputs, 1.0), (value, graph.backward(1.0)))
    compile(graph.to_source(inputs), "text", "exec")


def test_an_empty_array_in_a_formula() -> None:
    joined = gate_of(
        lambda self, x: np.concatenate([np.zeros((0, 2)), x * 2.0]).sum(), lambda self, dy: [np.full((3, 2), 2.0) * dy]
    )
    x = np.ones((3, 2))
    assert graph_of(joined, 1).compile()(x=x)[0] == graph_of(joined, 1).forward(x=x)


@pytest.mark.parametrize("engine", ["source", "plain", "batched", "auto"])
def test_one_function_in_several_threads(engine: str) -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    odd = gate_of(lambda self, x: vars(self).update(x=x) or (x if x > 0 else -x), lambda self, dy: [dy * self.x])
    graph.output = graph.add(odd(), np.exp(x) * x) * x
    run = graph.compile(engine)
    wanted = {}
    for number in (1.0, -2.0, 3.0):
        value = graph.forward(x=number)
        wanted[number] = value, graph.backward()
    wrong = []

    def work(number: float) -> None:
        wrong.extend([found for found in [run(x=number) for _ in range(300)] if found != wanted[number]])

    threads = [threading.Thread(target=work, args=(number,)) for number in wanted]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


def test_a_gate_that_gives_no_gradient_at_times_in_the_short_way() -> None:
    graph = ComputationalGraph()
    graph.add(Multiply(), graph.add(Asks(), graph.input("x")), 3.0)
    run = graph.compile()
    for x in (1.0, 0.0, -2.0, 0.0, 1.0):
        value = graph.forward(x=x)
        assert run(x=x) == run({"x": x}) == (value, graph.backward())


def test_names_within_and_outside_that_are_the_same() -> None:
    inner = ComputationalGraph()
    inner.add(Asks(), inner.input("a"), name="o")
    graph = ComputationalGraph()
    first = graph.add(inner.as_gate(), graph.input("x"), name="inner")
    graph.add(Branch(), first, name="inner.o")
    for engine in ("plain", "source", "batched", "auto"):
        assert graph.compile(engine)(x=-2.0) == (20.0, {"x": -10.0})


class Branch(Gate):
    """y = 10 x, by a question."""

    def forward(self, x: Any) -> Any:
        return 10.0 * x if x != 0 else 0.0

    def backward(self, dy: Any) -> list[Any]:
        return [10.0 * dy]


@pytest.mark.parametrize("engine", ["graph", "source", "plain", "auto"])
def test_the_upstream_gradient_stays_the_callers(engine: str) -> None:
    graph = ComputationalGraph()
    graph.output = graph.input("x")
    x, dz = np.ones(3), np.ones(3)
    if engine == "graph":
        graph.forward(x=x)
        gradients = graph.backward(dz)
    else:
        gradients = graph.compile(engine)({"x": x}, dz)[1]
    gradients["x"] += 5.0
    assert dz.tolist() == [1.0, 1.0, 1.0]


def test_a_copy_of_a_function_has_its_nested_parameters() -> None:
    graph = ComputationalGraph()
    graph.output = graph.input("x") * graph.parameter("w", 2.0)
    run = graph.compile()
    run(x=1.0)
    other = copy.deepcopy(run)
    graph.parameters["w"] = 7.0
    assert other(x=1.0)[0] == other({"x": 1.0})[0] == 2.0
    assert run(x=1.0)[0] == 7.0


def test_a_failing_gate_is_not_called_again_and_again() -> None:
    calls = []

    class Fails(Gate):
        def forward(self, x: Any) -> Any:
            calls.append(x)
            if x < 0:
                raise ValueError("negative")
            return x

        def backward(self, dy: Any) -> list[Any]:
            return [dy]

    graph = ComputationalGraph()
    graph.add(Fails(), graph.input("x"))
    run = graph.compile()
    run(x=1.0)
    run(x=1.0)
    calls.clear()
    with pytest.raises(ValueError, match="negative"):
        run(x=-1.0)
    assert calls == [-1.0, -1.0]  # once more for the error to have the gate's name


def test_generated_code_refuses_other_shapes() -> None:
    graph = ComputationalGraph.from_expression("mean(x * y)")
    space: dict[str, Any] = {}
    exec(graph.to_source(x=np.ones((3, 2)), y=np.ones(2)), space)
    assert space["both_passes"](np.ones((3, 2)), np.ones(2))[0] == 1.0
    with pytest.raises(AssertionError):
        space["both_passes"](np.ones((5, 2)), np.ones(2))


def test_the_code_leaves_gates_with_parameters_as_they_are() -> None:
    class Own(Square):
        has_parameters = True

    graph = ComputationalGraph()
    graph.add(Own(), graph.input("x"))
    graph.forward(x=3.0)
    graph.to_source(x=50.0)
    assert graph.backward() == {"x": 6.0}


def test_arrays_of_other_libraries_are_refused_by_name() -> None:
    import array_api_strict

    run = ComputationalGraph.from_expression("x * y").compile()
    with pytest.raises(TypeError, match="computes with numbers and NumPy arrays, got Array for 'x'"):
        run({"x": array_api_strict.asarray([1.0]), "y": np.ones(1)}, 1.0)


@pytest.mark.parametrize("engine", ["source", "plain", "batched", "auto"])
def test_functions_can_be_pickled(engine: str) -> None:
    graph = ComputationalGraph.from_expression("exp(x) * y")
    graph.output = graph.output * graph.parameter("w", 2.0)
    run = graph.compile(engine)
    for _ in range(2):
        again = pickle.loads(pickle.dumps(run))
        assert again(x=0.5, y=2.0) == run(x=0.5, y=2.0)


def test_auto_chooses_by_what_flows_in() -> None:
    run = ComputationalGraph.from_expression("exp(x) * y").compile("auto")
    assert "chooses at the first call" in repr(run)
    run(x=1.0, y=2.0)
    assert "source, since 2 gates of numbers are few enough" in repr(run)
    run({"x": np.ones(3), "y": 2.0}, 1.0)
    assert "source, since 2 gates of arrays are few enough" in repr(run)
    assert "2 gates of numbers" in repr(run)


def test_auto_takes_vectors_for_what_is_wide_and_a_loop_for_what_is_long(monkeypatch: Any) -> None:
    from graph.engines import registry as auto
    from tests.engine_circuits import moons

    graph = moons(400)
    run = graph.compile("auto")
    value = graph.forward()
    assert run()[0] == pytest.approx(value, rel=1e-12)
    assert "batched, since" in repr(run)
    assert "vector operations" in repr(run)
    chain = ComputationalGraph()
    x = chain.input("x")
    for _ in range(2000):
        x = x * 1.0001
    run = chain.compile("auto")
    assert run(x=1.0) == (chain.forward(x=1.0), chain.backward())
    assert "numba, since 2,000 gates of numbers, too few of which are independent of each other" in repr(run)
    monkeypatch.setattr(auto, "is_installed", lambda: False)
    run = chain.compile("auto")
    assert run(x=1.0) == (chain.forward(x=1.0), chain.backward())
    assert "source, since 2,000 gates of numbers, too few of which are independent of each other" in repr(run)
    monkeypatch.setattr(auto, "MOST_GENERATED", 1500)
    run = chain.compile("auto")
    assert run(x=1.0) == (chain.forward(x=1.0), chain.backward())
    assert "loop, since 2,000 gates of numbers" in repr(run)
    assert "too many to be written as code; numba is not installed" in repr(run)
