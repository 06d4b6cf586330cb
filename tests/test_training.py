"""Training: steps by hand, the same bits from the same seed, and what is said when something goes wrong."""

import sys
from collections.abc import Iterator
from typing import Any

import array_api_strict as xp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from threadpoolctl import threadpool_info, threadpool_limits

from gates import Exp, Gate, LeakyReLU, Log, MatMul, SquaredNorm, Sum
from graph import ComputationalGraph, History, train
from losses import SquaredErrorLoss
from tests.training_example import Stream, bits, data, line, network


class Seen(Gate):
    """Passes on what it is given, and writes down its first column."""

    def __init__(self) -> None:
        self.batches: list[Any] = []

    def forward(self, x: Any) -> Any:
        self.batches.append(np.asarray(x)[:, 0].tolist())
        return x

    def backward(self, dy: Any) -> Any:
        return [dy]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_by_hand(momentum: float) -> None:
    # loss = (b - 1)**2 + (2 w + b - 3)**2, for x = 0 and 2, y = 1 and 3
    graph = line()
    history = train(
        graph, {"x": [0.0, 2.0], "y": [1.0, 3.0]}, learning_rate=0.1, momentum=momentum, epochs=2, progress=False
    )
    # at w = b = 0: loss 1 + 9 = 10, dw = 2 (0 - 3) 2 = -12, db = 2 (-1) + 2 (-3) = -8, so w = 1.2, b = 0.8
    # then: errors -0.2 and 0.2, loss 0.08, dw = 2 (0.2) 2 = 0.8, db = 0
    assert history.loss == pytest.approx([10.0, 0.08])
    w = 1.2 - 0.1 * (0.8 + momentum * -12)
    b = 0.8 - 0.1 * (0.0 + momentum * -8)
    assert graph.parameters["w"] == pytest.approx(w)
    assert graph.parameters["b"] == pytest.approx(b)
    assert type(graph.parameters["w"]) is float


def test_each_epoch_deals_out_every_example_once_in_a_new_order() -> None:
    graph = ComputationalGraph()
    seen = Seen()
    graph.add(SquaredNorm(), graph.add(seen, graph.input("X")) @ graph.parameter("w", [1e-3]))
    train(graph, {"X": np.arange(10.0)[:, None]}, batch_size=4, epochs=3, learning_rate=1e-9, progress=False)
    assert [len(batch) for batch in seen.batches] == [4, 4, 2] * 3
    epochs = [[*a, *b, *c] for a, b, c in zip(*[iter(seen.batches)] * 3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(10))] * 3
    assert len(set(map(tuple, epochs))) == 3


def test_the_same_seed_gives_the_same_bits() -> None:
    results = []
    for seed in (7, 7, 8):
        graph = network()
        history = train(graph, data(), batch_size=16, epochs=3, momentum=0.5, seed=seed, progress=False)
        results.append((history.loss, bits(graph)))
    assert results[0] == results[1]
    assert results[0][0] != results[2][0]


def test_it_learns() -> None:
    graph, given = network(), data(200)
    history = train(graph, given, learning_rate=0.3, momentum=0.9, epochs=60, progress=False)
    assert history.loss[-1] < history.loss[0] / 5
    assert np.mean(np.argmax(graph.evaluate("scores", X=given["X"]), axis=1) == given["y"]) > 0.95


def test_the_history() -> None:
    history = train(network(), data(), batch_size=16, epochs=3, progress=False)
    assert isinstance(history, History)
    assert len(history) == len(history.loss) == len(history.time) == 12
    assert history.time == sorted(history.time)
    assert not history.interrupted
    assert repr(history).startswith("History(12 steps, loss ")
    assert repr(train(network(), data(), epochs=0, progress=False)) == "History(0 steps)"
    assert repr(History(interrupted=True)) == "History(0 steps, interrupted)"


def test_the_first_loss_is_that_of_the_graph_before_training() -> None:
    graph, given = network(), data()
    before = graph.forward(given)
    history = train(graph, given, batch_size=50, epochs=1, progress=False)
    assert history.loss == pytest.approx([before])


def test_graphs_within_are_trained_too() -> None:
    flat, nested = ComputationalGraph(), ComputationalGraph()
    layer = ComputationalGraph()
    layer.output = np.tanh(layer.input("x") @ layer.parameter("W", np.eye(4) / 2))
    h = nested.add(layer.as_gate(), nested.input("X", grad=False))
    scores = nested.add(layer.as_gate(), h) @ nested.parameter("V", np.ones(4))
    nested.add(SquaredErrorLoss(), scores, nested.input("y", grad=False))
    W = flat.parameter("W", np.eye(4) / 2)
    scores = np.tanh(np.tanh(flat.input("X", grad=False) @ W) @ W) @ flat.parameter("V", np.ones(4))
    flat.add(SquaredErrorLoss(), scores, flat.input("y", grad=False))
    histories = [train(graph, data(), learning_rate=1e-3, epochs=5, progress=False) for graph in (flat, nested)]
    assert_allclose(histories[1].loss, histories[0].loss, rtol=1e-12)
    assert_allclose(nested.parameters["graph_1.W"], flat.parameters["W"], rtol=1e-12)
    assert not np.array_equal(flat.parameters["W"], np.eye(4) / 2)


def test_float32_and_other_libraries_arrays_stay_what_they_are() -> None:
    graph = ComputationalGraph()
    w = graph.parameter("w", np.ones(2, dtype=np.float32))
    graph.add(SquaredNorm(), graph.input("X") @ w)
    train(graph, {"X": np.ones((4, 2), dtype=np.float32)}, epochs=2, momentum=0.5, learning_rate=0.01, progress=False)
    assert graph.parameters["w"].dtype == np.float32
    graph = ComputationalGraph()
    graph.add(SquaredNorm(), graph.add(MatMul(), graph.input("X"), graph.parameter("w", xp.asarray([1.0, 1.0]))))
    batches = [{"X": xp.asarray([[1.0, 2.0]])}] * 2
    history = train(graph, batches, epochs=2, momentum=0.5, learning_rate=0.01, progress=False)
    assert type(graph.parameters["w"]) is type(xp.asarray(1.0))
    assert history.loss[-1] < history.loss[0]


# Minibatches from an iterable


def test_any_iterable_of_minibatches_will_do() -> None:
    results = []
    for batches in (Stream(), list(Stream()), tuple(Stream())):
        graph = network()
        results.append((train(graph, batches, epochs=2, progress=False).loss, bits(graph)))
    assert results[0] == results[1] == results[2]
    assert len(results[0][0]) == 6
    assert len(train(network(), iter(Stream()), epochs=1, progress=False)) == 3


def test_a_generator_function_is_called_once_an_epoch() -> None:
    graph, same = network(), network()
    calls = []

    def batches() -> Iterator[dict[str, Any]]:
        calls.append(1)
        yield from Stream()

    history = train(graph, batches, epochs=3, progress=False)
    assert history.loss == train(same, Stream(), epochs=3, progress=False).loss
    assert len(calls) == 3


def test_an_iterator_cannot_be_gone_through_twice() -> None:
    message = "data is an iterator, which runs only once, and epochs is 2: pass a list, or a function"
    with pytest.raises(ValueError, match=message):
        train(network(), iter(Stream()), epochs=2, progress=False)


# What is refused


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X": np.ones((5, 4)), "y": [0] * 4}, "same number of examples, at least 1, got: X has 5, y has 4"),
        ({"X": np.ones((0, 4)), "y": []}, "at least 1, got: X has 0, y has 0"),
        ({}, "at least 1, got: no array"),
        ({"X": 3.0, "y": [0]}, "data: 'X' must be an array with one example per row, got 3.0"),
        ({"X": np.ones((5, 4))}, "give a value to y"),
        ({"X": np.ones((5, 4)), "y": [0] * 5, "z": [0] * 5}, "unknown input 'z'"),
        ({"X": np.ones((5, 4)), "y": [0, 1, 2, 3, 0]}, r"data_loss \(SoftmaxLoss\): labels must be .* got 3"),
        ([], r"train\(\): data has no minibatch for epoch 1"),
        (
            [(np.ones((5, 4)), [0] * 5)],
            r"train\(\): a minibatch must be a mapping of input names to arrays, \{.*, got tuple",
        ),
        (
            np.ones((5, 4)),
            "data must be a mapping of input names to arrays, or an iterable of such minibatches, got ndarray",
        ),
        (None, "or an iterable of such minibatches, got NoneType"),
    ],
)
def test_data_that_does_not_fit(given: Any, message: str) -> None:
    graph = network()
    before = bits(graph)
    with pytest.raises((ValueError, TypeError), match=message):
        train(graph, given, progress=False)
    assert bits(graph) == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"learning_rate": -1}, r"train\(\): learning_rate must be at least 0 and finite, got -1"),
        ({"learning_rate": float("nan")}, "learning_rate must be at least 0 and finite, got nan"),
        ({"learning_rate": "fast"}, r"train\(\): learning_rate must be a number, got 'fast'"),
        ({"momentum": 1}, "momentum must be from 0 to less than 1, got 1"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"batch_size": 2.5}, "batch_size must be a whole number of at least 1, got 2.5"),
        ({"epochs": -1}, "epochs must be a whole number of at least 0, got -1"),
        ({"seed": None}, "seed must be a whole number of at least 0, got None"),
    ],
)
def test_settings_out_of_their_range(setting: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        train(network(), data(), progress=False, **setting)


@pytest.mark.parametrize("setting", [{"resume": True}, {"checkpoint": 5}])
def test_a_path_must_be_a_path(setting: Any) -> None:
    with pytest.raises(TypeError, match=r"train\(\): (resume|checkpoint) must be a path, got (True|5)"):
        train(network(), data(), progress=False, **setting)


def test_a_graph_that_cannot_be_trained() -> None:
    with pytest.raises(TypeError, match=r"train\(\): graph must be a ComputationalGraph, got dict"):
        train(data(), network(), progress=False)
    with pytest.raises(ValueError, match=r"train\(\): the graph has no parameters"):
        train(ComputationalGraph.from_expression("x ** 2"), {"x": [1.0]}, progress=False)
    graph = network()
    graph.output = graph["scores"]
    with pytest.raises(ValueError, match=r"the output scores has the shape \(50, 3\): the loss must be a number"):
        train(graph, data(), progress=False)


# Numbers that are not finite


def test_nan_in_the_data_stops_before_the_step() -> None:
    given = list(Stream())
    given[2]["X"][4, 1] = np.nan
    graph, reference = network(), network()
    train(reference, given[:2], epochs=1, progress=False)
    message = (
        r"the loss is nan at step 3 \(epoch 1\): the input 'X' is nan at \(4, 1\)\nin train\(\), step 3 \(epoch 1\);"
    )
    with pytest.raises(FloatingPointError, match=message):
        train(graph, given, epochs=1, progress=False)
    assert bits(graph) == bits(reference)


def test_the_rows_of_the_data_are_named() -> None:
    for place, value, name in (("X", np.nan, FloatingPointError), ("y", 7, ValueError)):
        given = data()
        given[place][(37, 2) if place == "X" else 37] = value
        order = np.random.default_rng(0).permutation(50)
        step, position = divmod(order.tolist().index(37), 16)
        with pytest.raises(name) as caught:
            train(network(), given, batch_size=16, progress=False)
        assert f"at ({position}, 2), row 37 of data" in str(caught.value) or f"got 7 at position {position}" in str(
            caught.value
        )
        (note,) = caught.value.__notes__
        rows = np.array2string(order[16 * step : 16 * step + 16], separator=", ")
        assert note.startswith(
            f"in train(), step {step + 1} (epoch 1), on the rows {rows} of data; the parameters are as"
        )


def test_a_guarded_graph_says_the_step_too() -> None:
    graph = ComputationalGraph(guard=True)
    graph.add(Sum(), graph.add(Log(), graph.parameter("w", 1.0) * graph.input("x", grad=False)))
    with pytest.raises(FloatingPointError, match=r"log_1 \(Log\) made -inf at 0 from 0") as caught:
        train(graph, [{"x": [0.0]}], epochs=1, progress=False)
    assert caught.value.__notes__ == ["in train(), step 1 (epoch 1); the parameters are as they were before it"]


def test_an_input_that_is_infinite_for_good_reason_is_not_blamed() -> None:
    graph = ComputationalGraph()
    wild = graph.add(Exp(), graph.input("x", grad=False) * graph.parameter("w", 1.0), name="wild")
    graph.add(Sum(), graph.add(Exp(), graph.input("mask", grad=False)) + wild)
    batches = [{"x": [1.0], "mask": [-np.inf]}, {"x": [1e5], "mask": [-np.inf]}]
    with pytest.raises(FloatingPointError, match=r"forward: wild \(Exp\) made inf"):
        train(graph, batches, epochs=1, learning_rate=1e-3, progress=False)


def test_the_gate_within_a_nested_graph_is_named() -> None:
    inner = ComputationalGraph()
    inner.add(Log(), inner.input("x"), name="deep")
    graph = ComputationalGraph()
    h = graph.add(inner.as_gate(), graph.parameter("w", 1.0) * graph.input("x", grad=False))
    graph.add(Sum(), h)
    with pytest.raises(FloatingPointError, match=r"forward: deep \(Log\) made -inf from 0: the logarithm of 0"):
        train(graph, [{"x": 0.0}], epochs=1, progress=False)


def test_an_infinite_constant_is_named() -> None:
    graph = ComputationalGraph()
    graph.add(Sum(), graph.parameter("w", 1.0) * graph.constant([1.0, np.inf], name="limits"))
    with pytest.raises(FloatingPointError, match="the constant 'limits' is inf at 1"):
        train(graph, [{}], epochs=1, progress=False)


def test_the_gate_that_made_it_is_named() -> None:
    graph = ComputationalGraph()
    x = graph.input("x", grad=False)
    h = graph.add(Exp(), x * graph.parameter("w", 1.0), name="grow")
    graph.add(Sum(), h)
    message = r"the loss is inf at step 2 \(epoch 1\): forward: grow \(Exp\) made inf at 0 from [\d.]+: overflow: e\*"
    with pytest.raises(FloatingPointError, match=message):
        train(graph, [{"x": [1.0]}, {"x": [1e5]}], epochs=1, learning_rate=1e-3, progress=False)
    assert graph.parameters["w"] == pytest.approx(1 - 1e-3 * np.e)


def test_an_infinite_gradient_of_a_finite_loss_stops_too() -> None:
    graph = ComputationalGraph()
    graph.add(Sum(), graph.add(Log(), graph.parameter("w", 1.0) * graph.input("x", grad=False)) ** 0.5)
    message = (
        r"the parameter 'w' would not be finite at step 1 \(epoch 1\): backward: power_1 \(Power\) returned the grad"
    )
    with pytest.raises(FloatingPointError, match=message):
        train(graph, [{"x": [1.0]}], epochs=1, progress=False)
    assert graph.parameters["w"] == 1.0


def test_a_step_that_is_too_long_leaves_the_last_good_parameters() -> None:
    graph = line(1.0, 1.0)
    with pytest.raises(FloatingPointError, match=r"at step \d+ \(epoch \d+\)"):
        train(graph, {"x": [3.0, 5.0], "y": [1.0, 3.0]}, learning_rate=1e3, epochs=1000, progress=False)
    assert np.isfinite(graph.parameters["w"])
    assert np.isfinite(graph.parameters["b"])


# Progress


def test_a_bar_with_tqdm(capsys: Any) -> None:
    train(network(), data(), batch_size=16, epochs=3)
    shown = capsys.readouterr()
    assert "12/12" in shown.err
    train(network(), list(Stream()), epochs=2)
    assert "6/6" in capsys.readouterr().err
    assert "epoch 3/3" in shown.err
    assert "loss " in shown.err


def test_a_line_an_epoch_without_tqdm(capsys: Any, monkeypatch: Any) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "tqdm"] + ["tqdm"]:
        monkeypatch.setitem(sys.modules, name, None)
    history = train(network(), data(), batch_size=16, epochs=2)
    shown = capsys.readouterr()
    assert [text.split(": ")[0] for text in shown.out.splitlines()] == ["epoch 1/2", "epoch 2/2"]
    assert f"mean loss {np.mean(history.loss[4:]):.6g}" in shown.out.splitlines()[1]
    assert not shown.err


def test_silence(capsys: Any) -> None:
    train(network(), data(), epochs=2, progress=False)
    assert capsys.readouterr() == ("", "")


def test_an_array_of_ones_own_is_never_written_to() -> None:
    w = np.ones(4)
    w.flags.writeable = False
    given = data()
    for array in given.values():
        array.flags.writeable = False
    graph = ComputationalGraph()
    graph.add(SquaredErrorLoss(), graph.input("X", grad=False) @ graph.parameter("w", w), graph.input("y", grad=False))
    train(graph, given, learning_rate=1e-3, epochs=1, progress=False)
    assert_allclose(w, 1)
    assert not np.array_equal(graph.parameters["w"], w)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_engine_is_chosen_and_has_the_bits_of_the_passes(momentum: float) -> None:
    found = []
    for engine in ("auto", "plain", "source"):
        graph = network()
        history = train(graph, data(), batch_size=16, epochs=4, momentum=momentum, engine=engine, progress=False)
        found.append((history.loss, bits(graph)))
        assert history.engine == ("plain" if engine == "plain" else "source")
        assert f"{history.engine} engine" in repr(history)
    assert found[0] == found[1] == found[2]


def test_what_may_keep_something_from_pass_to_pass_runs_itself() -> None:
    graph, seen = ComputationalGraph(), Seen()
    graph.add(SquaredNorm(), graph.add(seen, graph.input("X")) @ graph.parameter("w", [1e-3]))
    assert train(graph, {"X": np.ones((4, 1))}, epochs=1, learning_rate=1e-9, progress=False).engine == "plain"
    assert len(seen.batches) == 1
    guarded = network()
    guarded.guard = True
    assert train(guarded, data(), epochs=1, progress=False).engine == "plain"


def test_numbers_and_arrays_of_other_libraries_choose_their_engines() -> None:
    graph = ComputationalGraph()
    x, w = graph.input("x", grad=False), graph.parameter("w", 1.0)
    graph.output = w * x * w * x
    assert train(graph, [{"x": 0.5}], epochs=2, learning_rate=0.1, progress=False).engine == "source"
    assert graph.parameters["w"] == pytest.approx(0.95 - 0.1 * 0.5 * 0.95)
    there = network()
    for name, value in there.parameters.items():
        there.parameters[name] = xp.asarray(value)
    given = {name: xp.asarray(array) for name, array in data().items()}
    assert train(there, given, epochs=1, progress=False).engine == "plain"


def test_code_is_kept_between_calls_until_a_setting_changes() -> None:
    graph = ComputationalGraph()
    gate = LeakyReLU(0.5)
    graph.output = graph.add(gate, graph.parameter("w", [-1.0]) * graph.input("x", grad=False))
    graph.output = graph.add(Sum(), graph.output)
    for slope in (0.5, 0.5, 0.25):
        gate.slope = slope
        graph.parameters["w"] = np.array([-1.0])
        train(graph, [{"x": np.array([1.0])}], epochs=1, learning_rate=1.0, progress=False)
        assert graph.parameters["w"].tolist() == [-1.0 - slope]
    graph.output = graph.output * 2.0
    train(graph, [{"x": np.array([1.0])}], epochs=1, learning_rate=1.0, progress=False)
    assert graph.parameters["w"].tolist() == [-1.25 - 2 * 0.25]


class Threads(Seen):
    """Passes on what it is given, and writes down how many threads BLAS has."""

    def forward(self, x: Any) -> Any:
        self.batches.append(threads_of_numpy())
        return x


def threads_of_numpy() -> list[int]:
    """Return how many threads NumPy's BLAS has; SciPy has one of its own, maybe loaded after the first training."""
    pools = threadpool_info()
    return [pool["num_threads"] for pool in pools if pool["user_api"] == "blas" and "numpy" in pool["filepath"]]


@pytest.mark.parametrize(("columns", "is_small"), [(10, True), (2**16, False)])
def test_blas_has_one_thread_while_matrices_are_small(columns: int, is_small: bool) -> None:
    graph, gate = ComputationalGraph(), Threads()
    graph.add(SquaredNorm(), graph.add(gate, graph.input("X")) @ graph.parameter("w", np.zeros(columns)))
    batch = {"X": np.ones((65, columns))}  # 65 rows: more multiplications than are few
    with threadpool_limits(2, "blas"):
        before = threads_of_numpy()
        train(graph, [batch], epochs=2, learning_rate=1e-9, progress=False)
        after = threads_of_numpy()
    assert after == before == [2]
    assert gate.batches == [[1] * len(before) if is_small else before] * 2


def blobs(seed: int) -> dict[str, Any]:
    """Return points of two classes that a line separates but for a few."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, 60)
    return {"X": random.normal(size=(60, 4)) + 2.0 * y[:, None], "y": y}


def test_validation_is_measured_after_each_epoch(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    graph, unseen = network(), blobs(1)
    history = train(graph, blobs(0), epochs=3, batch_size=20, learning_rate=0.2, validation=unseen)
    assert len(history.validation_loss) == len(history.accuracy) == 3
    right = graph.evaluate("scores", X=unseen["X"]).argmax(axis=1) == unseen["y"]
    assert history.accuracy[-1] == np.mean(right)
    assert history.validation_loss[-1] == graph.forward(unseen)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("epoch 3/3: mean loss ")
    assert f", validation loss {history.validation_loss[-1]:.6g}, accuracy {np.mean(right):.1%}, " in last
    assert train(network(), blobs(0), epochs=2, progress=False).validation_loss == []


def test_validation_without_labels_has_no_accuracy() -> None:
    graph = line()
    given = {"x": [0.0, 2.0], "y": [1.0, 3.0]}
    history = train(graph, given, epochs=2, learning_rate=0.1, validation={"x": [1.0], "y": [2.0]}, progress=False)
    assert history.validation_loss[-1] == graph.forward(x=[1.0], y=[2.0])
    assert all(map(np.isnan, history.accuracy))
    with pytest.raises(TypeError, match="validation must be a mapping of input names to arrays, got list"):
        train(graph, given, validation=[given], progress=False)
    with pytest.raises(ValueError, match="give a value to y"):
        train(graph, given, validation={"x": [1.0]}, epochs=3, progress=False)


class Halved(Gate):
    """Halves what it is given in training, and passes it on after it."""

    def __init__(self) -> None:
        self.training = True

    def forward(self, x: Any) -> Any:
        return x * (0.5 if self.training else 1.0)

    def backward(self, dy: Any) -> Any:
        return [dy * (0.5 if self.training else 1.0)]


def test_gates_that_do_otherwise_in_training_are_told() -> None:
    graph, gate = ComputationalGraph(), Halved()
    graph.add(SquaredNorm(), graph.add(gate, graph.input("X", grad=False) * graph.parameter("w", 1.0)))
    history = train(graph, [{"X": 2.0}], epochs=1, learning_rate=0.0, validation={"X": 2.0}, progress=False)
    assert (history.loss, history.validation_loss, gate.training) == ([1.0], [4.0], True)


def test_a_learning_rate_that_depends_on_the_step(tmp_path: Any) -> None:
    steps: list[int] = []

    def rate(step: int) -> float:
        steps.append(step)
        return 0.1 / (1 + step)

    graph, given = line(), {"x": [0.0, 2.0], "y": [1.0, 3.0]}
    train(graph, given, learning_rate=rate, epochs=2, progress=False)
    assert steps == [0, 1]
    assert graph.parameters["w"] == pytest.approx(1.2 - 0.05 * 0.8)  # the steps by hand are above
    for wrong, error in ((lambda step: -1.0, ValueError), (lambda step: "fast", TypeError)):
        with pytest.raises(error, match="learning_rate"):
            train(line(), given, learning_rate=wrong, progress=False)  # type: ignore[arg-type]  # on purpose


def test_checkpoints_keep_what_validation_measured(tmp_path: Any) -> None:
    def rate(step: int) -> float:
        return 0.2 / (1 + step)

    whole, parts = network(), network()
    options: dict[str, Any] = {"batch_size": 20, "momentum": 0.5, "learning_rate": rate, "validation": blobs(1)}
    history = train(whole, blobs(0), epochs=4, progress=False, **options)
    path = tmp_path / "run.npz"
    train(parts, blobs(0), epochs=2, checkpoint=path, progress=False, **options)
    resumed = train(parts, blobs(0), epochs=4, resume=path, progress=False, **options)
    assert bits(whole) == bits(parts)
    assert resumed.loss == history.loss
    assert resumed.validation_loss == history.validation_loss
    assert resumed.accuracy == history.accuracy


def test_the_history_draws_itself() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    history = train(network(), blobs(0), epochs=3, batch_size=20, validation=blobs(1), progress=False)
    ax = history.plot()
    assert [curve.get_label() for curve in ax.get_lines()] == ["loss", "validation loss"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["loss", "validation loss", "accuracy"]
    assert ax.get_lines()[0].get_ydata().tolist() == history.loss
    assert ax.get_lines()[1].get_xdata() == pytest.approx([3.0, 6.0, 9.0])
    _, other = plt.subplots()
    assert train(network(), blobs(0), epochs=1, progress=False).plot(other) is other
    plt.close("all")
