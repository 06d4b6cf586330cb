"""What gates learn besides parameters, running statistics and masks: in passes, engines, files and training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gates import Affine, BatchNorm, Conv2d, Dropout, MaxPool2d, ReLU, check_gate
from graph import ComputationalGraph, train
from graph.training.descent import Descent
from losses import SoftmaxLoss

ENGINES = ["plain", "source", "jax", "auto"]


def network(seed: int = 0) -> ComputationalGraph:
    """Return a small convolutional network with batch normalization and dropout."""
    random = np.random.default_rng(seed)
    graph = ComputationalGraph()
    X, y = graph.input("X", grad=False), graph.input("y", grad=False)

    def weights(name: str, *shape: int) -> Any:
        return graph.parameter(name, random.normal(scale=0.5, size=shape))

    z = graph.add(Conv2d(padding=1), X, weights("K", 7, 2, 3, 3), weights("k", 7), name="conv")
    z = graph.add(BatchNorm(), z, weights("gamma", 7), weights("beta", 7), name="norm")
    z = graph.add(MaxPool2d(), graph.add(ReLU(), z))
    z = graph.add(Dropout(0.25, seed=5), z.reshape(-1, 28), name="drop")
    scores = graph.add(Affine(), z, weights("W", 28, 3), weights("b", 3), name="scores")
    graph.add(SoftmaxLoss(), scores, y, name="loss")
    return graph


def data(examples: int = 24) -> dict[str, Any]:
    """Return images with classes."""
    random = np.random.default_rng(1)
    return {"X": random.normal(size=(examples, 2, 4, 4)), "y": random.integers(0, 3, examples)}


def learnt(graph: ComputationalGraph) -> list[Any]:
    """Return what the gates of a network have learnt."""
    norm, drop = graph.gate("norm"), graph.gate("drop")
    return [norm.running_mean, norm.running_var, drop.passes]


def assert_equal(found: list[Any], wanted: list[Any]) -> None:
    """Compare what gates have learnt, to the bit."""
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def in_evaluation(graph: ComputationalGraph) -> ComputationalGraph:
    """Set a network's gates to evaluation, and return it."""
    graph.gate("norm").training = graph.gate("drop").training = False
    return graph


def test_forward_updates_running_statistics_and_nothing_else_does() -> None:
    graph = network()
    assert learnt(graph) == [None, None, 0]
    for other in (
        lambda: graph.evaluate("loss", data()),
        lambda: graph.copy().forward(data()),
        lambda: graph.check(data()),
    ):
        other()
        assert learnt(graph) == [None, None, 0]
    graph.forward(data())
    mean, variance, passes = learnt(graph)
    z = graph.evaluate("conv", X=data()["X"])
    np.testing.assert_allclose(mean, 0.1 * z.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * z.var(axis=(0, 2, 3), ddof=1), rtol=1e-12)
    assert passes == 0
    kept = mean.copy(), variance.copy(), passes
    graph.backward()
    graph.evaluate("loss", data())
    check_gate(graph.gate("norm"))
    assert_equal(learnt(graph), kept)
    assert_equal(learnt(graph.copy()), kept)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("engine", ENGINES)
def test_engines_give_what_the_passes_give_and_leave_the_gates_alone(engine: str, training: bool) -> None:
    jax = pytest.importorskip("jax") if engine == "jax" else None
    graph = network()
    for _ in range(3):
        graph.forward(data())
    if not training:
        in_evaluation(graph)
    before = learnt(graph)
    with jax.enable_x64(True) if jax else np.errstate():
        run = graph.compile(engine)
        found = [run(data(size)) for size in (24, 24, 10)]
    assert_equal(learnt(graph), before)
    for size, (value, gradients) in zip((24, 24, 10), found):
        np.testing.assert_allclose(value, graph.forward(data(size)), rtol=1e-12)
        for name, gradient in graph.backward().items():
            np.testing.assert_allclose(gradients[name], gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("training", [True, False])
def test_files_keep_what_was_learnt(tmp_path: Path, training: bool) -> None:
    graph = network()
    train(graph, data(), batch_size=8, epochs=2, progress=False)
    if not training:
        in_evaluation(graph)
    graph.save(tmp_path / "graph.json")
    again = ComputationalGraph.load(tmp_path / "graph.json")
    assert_equal(learnt(again), learnt(graph))
    assert again.forward(data()) == graph.forward(data())
    assert again.gate("norm").training is again.gate("drop").training is training


def test_training_counts_the_passes_and_resumes_with_the_same_bits(tmp_path: Path) -> None:
    settings: Any = {"batch_size": 8, "momentum": 0.9, "progress": False}
    whole, first, second = network(), network(), network()
    wanted = train(whole, data(), epochs=4, **settings)
    assert wanted.engine == "plain"
    assert whole.gate("drop").passes == 12
    train(first, data(), epochs=2, checkpoint=tmp_path / "checkpoint", **settings)
    found = train(second, data(), epochs=4, resume=tmp_path / "checkpoint", **settings)
    assert found.loss == wanted.loss
    assert_equal(learnt(second), learnt(whole))
    for name, value in whole.parameters.items():
        np.testing.assert_array_equal(second.parameters[name], value)


def test_a_step_that_fails_changes_nothing() -> None:
    graph = network()
    train(graph, data(), batch_size=8, epochs=1, progress=False)
    before = learnt(graph)
    bad = data()
    bad["X"][0, 0, 0, 0] = np.inf
    with pytest.raises(FloatingPointError):
        train(graph, bad, batch_size=24, epochs=1, progress=False)
    assert_equal(learnt(graph), before)


def test_ctrl_c_after_forward_leaves_the_last_whole_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: Any = {"batch_size": 8, "progress": False}
    whole, graph, again = network(), network(), network()
    wanted = train(whole, data(), epochs=2, **settings)
    gradients = Descent.gradients

    def interrupted(descent: Descent) -> Any:
        if graph.gate("drop").passes == 4:
            raise KeyboardInterrupt
        return gradients(descent)

    monkeypatch.setattr(Descent, "gradients", interrupted)
    history = train(graph, data(), epochs=2, checkpoint=tmp_path / "checkpoint", **settings)
    assert history.interrupted
    assert len(history) == graph.gate("drop").passes == 4
    monkeypatch.undo()
    assert train(again, data(), epochs=2, resume=tmp_path / "checkpoint", **settings).loss == wanted.loss
    assert_equal(learnt(again), learnt(whole))


def test_in_evaluation_training_runs_an_engine_with_the_statistics_of_now() -> None:
    settings: Any = {"epochs": 1, "batch_size": 24, "learning_rate": 1e-9, "progress": False}
    graph = in_evaluation(network())
    first = train(graph, data(), **settings)
    assert (first.engine, learnt(graph)) == ("source", [None, None, 0])
    for mean in (np.full(7, 3.0), np.full(7, -3.0)):
        graph.gate("norm").running_mean = mean
        (loss,) = train(graph, data(), **settings).loss
        assert loss == pytest.approx(graph.forward(data()), rel=1e-6)
        assert loss != pytest.approx(first.loss[0], rel=1e-3)


@pytest.mark.parametrize("engine", ["source", "jax", "batched"])
def test_engines_that_would_lose_it_are_refused(engine: str) -> None:
    message = "engine must be 'auto' or 'plain' for a graph that learns 'norm.running_mean', which the copies"
    with pytest.raises(ValueError, match=message):
        train(network(), data(), engine=engine, progress=False)


def test_a_graph_evaluates_within_a_context_and_not_after_it() -> None:
    inner = ComputationalGraph()
    inner.add(Dropout(0.5, seed=0), inner.input("x"), name="inside")
    graph = ComputationalGraph()
    graph.output = graph.add(
        Dropout(0.9, seed=0), graph.add(inner.as_gate(), graph.input("x"), name="nested"), name="drop"
    )
    still = graph.add(Dropout(0.5), graph["x"], name="still")
    still.gate.training = False
    x = np.ones(100)
    with graph.evaluating():
        assert np.array_equal(graph.forward(x=x), x)
    with pytest.raises(KeyError), graph.evaluating():
        raise KeyError
    assert (graph.forward(x=x) == 0).sum() > 50
    assert [graph.gate("drop").training, graph.gate("nested").graph.gate("inside").training] == [True, True]
    assert graph.gate("still").training is False
