"""Every engine obeys the laws of `forward` and `backward`: one table of engines, one of circuits."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gates import Add, Gate
from graph import ComputationalGraph, fully_connected
from losses import SoftmaxLoss
from tests.circuits import CIRCUIT_1, batch, circuit_1
from tests.engine_circuits import CIRCUITS, Circuit

ENGINES = ["plain", "source", "batched", "loop", "numba", "jax", "auto"]
OF_NUMBERS = {"batched", "loop", "numba"}
OF_ARRAYS = [engine for engine in ENGINES if engine not in OF_NUMBERS]
EXACT = {"plain", "source", "loop"}


@pytest.fixture(autouse=True)
def float64(request: Any) -> Iterator[None]:
    """Have JAX compute in float64, where it is asked for."""
    if "jax" not in getattr(request.node, "callspec", request.node).__dict__.get("params", {}).values():
        yield
        return
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        yield


def runs(engine: str, circuit: Circuit) -> bool:
    """Return whether an engine takes a circuit at all."""
    return (circuit.numbers or engine not in OF_NUMBERS) and (circuit.traceable or engine != "jax")


PAIRS = [
    pytest.param(engine, circuit, id=f"{engine}-{name}")
    for engine in ENGINES
    for name, circuit in CIRCUITS.items()
    if runs(engine, circuit)
]


def both_passes(graph: ComputationalGraph, circuit: Circuit) -> tuple[Any, dict[str, Any]]:
    """Return the value and the gradients of the plain passes."""
    with np.errstate(all="ignore"):
        value = graph.forward(circuit.inputs())
        return copy.deepcopy(value), copy.deepcopy(graph.backward(circuit.upstream))


def assert_same(engine: str, found: Any, wanted: Any) -> None:
    """Compare values: to the bit, or to 1e-12, or for float32 to what it can hold."""
    assert np.shape(found) == np.shape(wanted)
    if engine == "jax":
        assert np.asarray(found).dtype == np.asarray(wanted).dtype
    else:
        assert type(found) is type(wanted)
        assert getattr(found, "dtype", None) == getattr(wanted, "dtype", None)
    if engine in EXACT:
        np.testing.assert_array_equal(found, wanted)
        signs = [np.signbit(value)[~np.isnan(value)] for value in map(np.asarray, (found, wanted))]
        np.testing.assert_array_equal(*signs)
    else:
        small = np.asarray(wanted).dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=1e-5 if small else 1e-12, atol=1e-6 if small else 1e-300)


def assert_same_passes(engine: str, found: Any, wanted: Any) -> None:
    """Compare a value and gradients."""
    assert list(found[1]) == list(wanted[1])
    assert_same(engine, found[0], wanted[0])
    for name in wanted[1]:
        assert_same(engine, found[1][name], wanted[1][name])


@pytest.mark.parametrize(("engine", "circuit"), PAIRS)
def test_gives_what_forward_and_backward_give(engine: str, circuit: Circuit) -> None:
    graph = circuit.make()
    wanted = both_passes(graph, circuit)
    run = circuit.make().compile(engine)
    for _ in range(2):
        with np.errstate(all="ignore"):
            assert_same_passes(engine, run(circuit.inputs(), circuit.upstream), wanted)


@pytest.mark.parametrize(("engine", "circuit"), PAIRS)
def test_the_graph_keeps_its_own_passes(engine: str, circuit: Circuit) -> None:
    graph = circuit.make()
    run = graph.compile(engine)
    value, gradients = both_passes(graph, circuit)
    values = {name: copy.deepcopy(wire_value(graph, name)) for name in graph}
    other = {
        name: np.asarray(x) * 0.5 if np.asarray(x).dtype.kind == "f" else x for name, x in circuit.inputs().items()
    }
    with np.errstate(all="ignore"):
        run({name: float(x) if np.ndim(x) == 0 else x for name, x in other.items()}, circuit.upstream)
        again = graph.backward(circuit.upstream)
    for name in graph:
        np.testing.assert_array_equal(wire_value(graph, name), values[name])
    assert_same_passes("plain", (value, again), (value, gradients))


def wire_value(graph: ComputationalGraph, name: str) -> Any:
    """Return the value of a gate's first output."""
    wire = graph[name]
    return (wire[0] if isinstance(wire, tuple) else wire).value


@pytest.mark.parametrize("engine", sorted(EXACT))
def test_gradients_add_in_the_graphs_order_where_a_nested_graph_reads_a_wire_twice(engine: str) -> None:
    random = np.random.default_rng(5)
    inner = ComputationalGraph()
    u, v = inner.inputs("u", "v")
    factor, other = inner.inputs("factor", "other")
    inner.output = u * factor + v * other
    graph = ComputationalGraph()
    x, *factors = graph.inputs("x", "a", "b", "c")
    graph.output = graph.add(inner.as_gate(), x, x, *factors[:2]) + x * factors[2]
    run = graph.compile(engine)
    for _ in range(50):
        inputs = dict(zip("xabc", random.normal(size=4).tolist()))
        assert run(inputs) == (graph.forward(inputs), graph.backward())


@pytest.mark.parametrize("engine", ENGINES)
def test_other_kinds_and_shapes_of_inputs_at_every_call(engine: str) -> None:
    graph = ComputationalGraph.from_expression("sum(tanh(x) * w)")
    run = graph.compile(engine)
    shapes: list[Any] = [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((), (4,)), ((), ()), ((2, 3), (3,))]
    for x, w in shapes if engine not in OF_NUMBERS else [((), ())] * 3:
        random = np.random.default_rng(len(x))
        inputs = {"x": random.normal(size=x) if x else 0.5, "w": random.normal(size=w) if w else -1}
        value = graph.forward(inputs)
        assert_same_passes(engine, run(inputs), (value, graph.backward()))


@pytest.mark.parametrize("engine", ENGINES)
def test_parameters_are_those_of_now(engine: str) -> None:
    inner = ComputationalGraph()
    inner.output = inner.input("u") * inner.parameter("k", 3.0)
    graph = ComputationalGraph()
    w = graph.parameter("w", 2.0)
    graph.add(inner.as_gate(), graph.input("x") * w)
    run = graph.compile(engine)
    kind = "jax" if engine == "jax" else "auto"
    assert_same_passes(kind, run(x=5.0), (30.0, {"w": 15.0, "x": 6.0, "graph_1.k": 10.0}))
    graph.parameters["w"] = 4
    graph.parameters["graph_1.k"] -= 1
    assert_same_passes(kind, run(x=5.0), (40.0, {"w": 10.0, "x": 8.0, "graph_1.k": 20.0}))


@pytest.mark.parametrize("engine", OF_ARRAYS)
def test_arrays_of_parameters_that_are_updated_in_place(engine: str) -> None:
    graph = fully_connected([4, 3], seed=0)
    run = graph.compile(engine)
    run(batch())
    graph.parameters["W1"][:] *= 2.0
    value = graph.forward(batch())
    assert_same_passes("jax" if engine == "jax" else engine, run(batch()), (value, graph.backward()))


@pytest.mark.parametrize("engine", [engine for engine in OF_ARRAYS if engine != "jax"])
def test_arrays_that_come_back_are_the_callers_own(engine: str) -> None:
    graph = ComputationalGraph.from_expression("x + y")
    x, y, upstream = np.ones(3), np.ones(3), np.ones(3)
    run = graph.compile(engine)
    for _ in range(2):
        _, gradients = run({"x": x, "y": y}, upstream)
        gradients["x"] += 5.0
        np.testing.assert_array_equal(gradients["y"], np.ones(3))
        np.testing.assert_array_equal(upstream, np.ones(3))


@pytest.mark.parametrize("engine", OF_ARRAYS)
def test_nothing_that_came_in_is_written_to(engine: str) -> None:
    circuit = CIRCUITS["broadcasts"]
    inputs, upstream = circuit.inputs(), np.array(circuit.upstream)
    before = copy.deepcopy(inputs)
    for value in [*inputs.values(), upstream]:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    run = circuit.make().compile(engine)
    run(inputs, upstream)
    for name, value in before.items():
        np.testing.assert_array_equal(inputs[name], value)


@pytest.mark.parametrize("engine", ENGINES)
def test_bad_input_is_an_error_that_loses_nothing(engine: str) -> None:
    graph = circuit_1()
    run = graph.compile(engine)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"give a value to y: y=\.\.\."):
            run(x=1, z=2)
        with pytest.raises(ValueError, match="unknown input 'q': wanted are x, y, z"):
            run(**CIRCUIT_1, q=1)
        with pytest.raises(TypeError, match="input 'x' is given twice"):
            run({"x": 1}, x=1, y=2, z=3)
        with pytest.raises(TypeError, match="input 'x': a number or an array"):
            run(x="one", y=2, z=3)
        with pytest.raises(TypeError, match="input 'x': a number or an array"):
            run(x=None, y=2, z=3)
        message = r"^run\(inputs, upstream\): the upstream gradient of f must have the shape \(\), got \(2,\)"
        with pytest.raises(ValueError, match=message):
            run(CIRCUIT_1, [1.0, 2.0])
        assert_same_passes(engine, run(CIRCUIT_1), (-12.0, {"x": -4.0, "y": -4.0, "z": 3.0}))


@pytest.mark.parametrize("engine", OF_ARRAYS)
def test_an_array_needs_an_upstream_gradient(engine: str) -> None:
    run = ComputationalGraph.from_expression("x * y").compile(engine)
    inputs = {"x": np.ones(3), "y": np.arange(3.0)}
    with pytest.raises(ValueError, match=r"the output multiply_1 has the shape \(3,\)"):
        run(inputs)
    with pytest.raises(ValueError, match=r"must have the shape \(3,\), got \(2,\)"):
        run(inputs, [1.0, 2.0])
    np.testing.assert_array_equal(run(inputs, 2)[1]["x"], [0.0, 2.0, 4.0])


@pytest.mark.parametrize("engine", OF_ARRAYS)
def test_labels_are_checked_at_every_call(engine: str) -> None:
    run = fully_connected([4, 3], seed=0).compile(engine)
    X = batch()["X"]
    for labels, message in (([0] * 7 + [3], "got 3 at position 7"), ([0] * 7, "got 7 of them")):
        run(X=X, y=[0] * 8)
        with pytest.raises(ValueError, match=rf"\(SoftmaxLoss\): labels must be 8 integers in \[0, 3\), {message}"):
            run(X=X, y=labels)


@pytest.mark.parametrize("engine", OF_ARRAYS)
def test_an_error_of_a_gate_has_its_name(engine: str) -> None:
    run = ComputationalGraph.from_expression("x @ y").compile(engine)
    with pytest.raises(ValueError, match=r"cannot multiply the shapes \(2, 3\) and \(2, 3\)") as caught:
        run({"x": np.ones((2, 3)), "y": np.ones((2, 3))}, 1.0)
    assert "in gate 'matmul_1' (MatMul)" in caught.value.__notes__


class Positive(Gate):
    """z = x, for numbers above 0 alone."""

    def forward(self, x: Any) -> Any:
        if float(x) <= 0:
            raise ArithmeticError("not above 0")
        return x

    def backward(self, dz: Any) -> list[Any]:
        return [dz]


@pytest.mark.parametrize("engine", ENGINES)
def test_gates_that_the_output_does_not_need_raise_what_they_raise_in_forward(engine: str) -> None:
    kind = "jax" if engine == "jax" else "auto"
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    if engine != "jax":
        graph.add(Positive(), y, name="positive")
        graph.output = x * 2
        run = graph.compile(engine)
        for _ in range(2):
            assert_same_passes(kind, run(x=3.0, y=1.0), (6.0, {"x": 2.0, "y": 0.0}))
            for both_passes in (graph.forward, run):
                with pytest.raises(ArithmeticError, match="not above 0") as caught:
                    both_passes(x=3.0, y=-1.0)
                assert caught.value.__notes__ == ["in gate 'positive' (Positive)"]
    if engine not in OF_NUMBERS:
        graph = ComputationalGraph()
        x, y = graph.inputs("x", "y")
        graph.add(Add(), x, y, name="sum")
        graph.add(SoftmaxLoss(), x.reshape(1, -1), graph.input("label", grad=False), name="loss")
        graph.output = x.sum()
        run = graph.compile(engine)
        for _ in range(2):
            wanted = 3.0, {"x": np.ones(2), "y": np.zeros(2)}
            assert_same_passes(kind, run(x=[1.0, 2.0], y=[0.0, 0.0], label=[1]), wanted)
            for both_passes in (graph.forward, run):
                with pytest.raises(ValueError, match=r"^sum \(Add\): the inputs must have .* got \(2,\) and \(3,\)"):
                    both_passes(x=[1.0, 2.0], y=[0.0, 0.0, 0.0], label=[1])
                with pytest.raises(ValueError, match=r"loss \(SoftmaxLoss\): .* got 2 at position 0"):
                    both_passes(x=[1.0, 2.0], y=[0.0, 0.0], label=[2])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_graph_as_it_was(engine: str) -> None:
    graph = circuit_1()
    run = graph.compile(engine)
    graph.add(Add(), graph["f"], 5)
    assert run(CIRCUIT_1)[0] == -12.0
    assert graph.compile(engine)(CIRCUIT_1)[0] == -7.0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_guarded_graph_is_refused(engine: str) -> None:
    with pytest.raises(ValueError, match="guard=True cannot be compiled"):
        ComputationalGraph.from_expression("x * y", guard=True).compile(engine)


def test_an_unknown_engine() -> None:
    with pytest.raises(ValueError, match=r"engine must be one of 'source', .*, got 'fast'"):
        circuit_1().compile("fast")


def test_compiling_leaves_a_graph_that_can_be_copied_and_pickled() -> None:
    graph = circuit_1()
    graph.compile()(CIRCUIT_1)
    assert pickle.loads(pickle.dumps(graph)).forward(CIRCUIT_1) == graph.copy().forward(CIRCUIT_1) == -12.0
