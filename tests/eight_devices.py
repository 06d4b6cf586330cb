"""Graphs on arrays that are sharded over devices: run by `test_jax.py` in a process that has eight of them.

XLA_FLAGS=--xla_force_host_platform_device_count=8 JAX_ENABLE_X64=1 python -m pytest tests/eight_devices.py
"""

from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from graph import ComputationalGraph, fully_connected, train
from tests.collectives import collectives

README = Path(__file__).parent.parent / "graph" / "README.md"
SIZES = [64, 96, 10]
REPLICATED: dict[str, tuple[Any, ...]] = {"W1": (), "b1": (), "W2": (), "b2": ()}
BY_COLUMNS_THEN_ROWS: dict[str, tuple[Any, ...]] = {
    "W1": (None, "model"),
    "b1": ("model",),
    "W2": ("model", None),
    "b2": (),
}
LAYOUTS = [
    pytest.param((8,), ("data",), REPLICATED, ["data"], id="data"),
    pytest.param((8,), ("model",), BY_COLUMNS_THEN_ROWS, [], id="model"),
    pytest.param((4, 2), ("data", "model"), BY_COLUMNS_THEN_ROWS, ["data"], id="both"),
]


def mesh_of(shape: tuple[int, ...], names: tuple[str, ...]) -> Any:
    """Return a mesh of the first devices."""
    return jax.sharding.Mesh(np.array(jax.devices()[: np.prod(shape)]).reshape(shape), names)


def put(mesh: Any, array: Any, *spec: Any) -> Any:
    """Return an array that is sharded over a mesh."""
    return jax.device_put(array, jax.NamedSharding(mesh, jax.P(*spec)))


def data(examples: int = 64) -> dict[str, Any]:
    """Return noise, with labels."""
    random = np.random.default_rng(0)
    return {"X": random.normal(size=(examples, 64)), "y": random.integers(0, 10, examples)}


def sharded(mesh: Any, specs: dict[str, tuple[Any, ...]]) -> ComputationalGraph:
    """Return the network with its parameters sharded."""
    graph = fully_connected(SIZES, regularization=1e-3)
    for name, value in graph.parameters.items():
        graph.parameters[name] = put(mesh, value, *specs[name])
    return graph


def assert_spread(array: Any, mesh: Any, spec: tuple[Any, ...]) -> None:
    """Compare an array's sharding, and the size of what each device has of it."""
    assert array.sharding.is_equivalent_to(jax.NamedSharding(mesh, jax.P(*spec)), array.ndim)
    pieces = np.prod([mesh.shape[axis] for axis in spec if axis], dtype=int)
    assert {shard.data.size for shard in array.addressable_shards} == {array.size // pieces}


@pytest.mark.parametrize(("shape", "names", "specs", "rows"), LAYOUTS)
def test_both_passes_on_sharded_arrays(shape: Any, names: Any, specs: Any, rows: Any) -> None:
    plain, given = fully_connected(SIZES, regularization=1e-3), data()
    value = plain.forward(given)
    gradients = plain.backward()
    mesh = mesh_of(shape, names)
    run = sharded(mesh, specs).compile("jax")
    arrays = {name: put(mesh, array, *rows) for name, array in given.items()}
    for _ in range(2):
        found, there = run(arrays)
        assert float(found) == pytest.approx(value, rel=1e-12)
        for name, gradient in there.items():
            assert_allclose(gradient, gradients[name], rtol=1e-9, atol=1e-14)
            assert_spread(gradient, mesh, specs[name])
    assert "all-reduce" in {kind for kind, _ in collectives(run.__self__.lower(arrays).compile().as_text())}


def test_a_mesh_that_wants_every_sharding_stated() -> None:
    mesh = jax.make_mesh((4, 2), ("data", "model"))
    assert "Explicit" in str(mesh.axis_types)
    graph = sharded(mesh, BY_COLUMNS_THEN_ROWS)
    wanted = fully_connected(SIZES, regularization=1e-3).forward(data())
    arrays = {name: put(mesh, array, "data") for name, array in data().items()}
    assert float(graph.compile("jax")(arrays)[0]) == pytest.approx(wanted, rel=1e-12)
    history = train(graph, data(), batch_size=16, epochs=1, engine="jax", mesh=mesh, progress=False)
    same = fully_connected(SIZES, regularization=1e-3)
    assert_allclose(history.loss, train(same, data(), batch_size=16, epochs=1, progress=False).loss, rtol=1e-9)


def test_labels_of_a_sharded_array_are_checked() -> None:
    mesh, given = mesh_of((8,), ("data",)), data()
    given["y"][37] = 10
    run = sharded(mesh, REPLICATED).compile("jax")
    with pytest.raises(ValueError, match=r"labels must be 64 integers in \[0, 10\), got 10 at position 37"):
        run({name: put(mesh, array, "data") for name, array in given.items()})


@pytest.mark.parametrize(("shape", "names", "specs", "rows"), LAYOUTS)
def test_training_on_a_mesh(shape: Any, names: Any, specs: Any, rows: Any) -> None:
    settings: dict[str, Any] = {"batch_size": 48, "epochs": 3, "momentum": 0.9, "progress": False}
    plain, given = fully_connected(SIZES, regularization=1e-3), data(128)  # 48, 48 and 32 examples
    wanted = train(plain, given, **settings)
    mesh = mesh_of(shape, names)
    graph = sharded(mesh, specs) if "model" in names else fully_connected(SIZES, regularization=1e-3)
    history = train(graph, given, engine="jax", mesh=mesh, **settings)
    assert {type(loss) for loss in history.loss} == {float}
    assert_allclose(history.loss, wanted.loss, rtol=1e-9)
    for name, value in graph.parameters.items():
        assert_spread(value, mesh, specs[name])
        assert_allclose(value, plain.parameters[name], rtol=1e-9, atol=1e-12)
    scores = graph.evaluate("scores", X=given["X"][:5])
    assert_allclose(scores, plain.evaluate("scores", X=given["X"][:5]), rtol=1e-9)


def test_parameters_that_are_sharded_over_the_axis_of_the_data_stay_so() -> None:
    mesh = mesh_of((8,), ("data",))
    specs: dict[str, tuple[Any, ...]] = {"W1": ("data",), "b1": ("data",), "W2": ("data",), "b2": ()}
    graph, plain = sharded(mesh, specs), fully_connected(SIZES, regularization=1e-3)
    settings: dict[str, Any] = {"batch_size": 16, "epochs": 2, "momentum": 0.9, "progress": False}
    history = train(graph, data(), engine="jax", mesh=mesh, **settings)
    assert_allclose(history.loss, train(plain, data(), **settings).loss, rtol=1e-9)
    for name, value in graph.parameters.items():
        assert_spread(value, mesh, specs[name])


def test_parameters_that_are_whole_stay_so_where_their_gradients_are_not() -> None:
    mesh = mesh_of((8,), ("data",))
    graph, columns = fully_connected(SIZES), {"X": put(mesh, data()["X"], None, "data"), "y": data()["y"]}
    assert graph.compile("jax")(columns)[1]["W1"].sharding.spec == jax.P("data")
    train(graph, [columns], engine="jax", mesh=mesh, epochs=2, progress=False)
    for value in graph.parameters.values():
        assert_spread(value, mesh, ())


@pytest.mark.parametrize("batch_size", [16, 30])
def test_rows_are_split_where_they_can_be(batch_size: int, monkeypatch: Any) -> None:
    from graph.engines.on_jax import meshes

    seen = []
    placed = meshes.Devices.placed

    def noted(self: Any, *arguments: Any) -> Any:
        arrays = placed(self, *arguments)
        seen.append({array.sharding.spec for array in arrays if array.shape[0] == batch_size})
        return arrays

    monkeypatch.setattr(meshes.Devices, "placed", noted)
    train(
        fully_connected(SIZES), data(60), batch_size=batch_size, engine="jax", mesh=mesh_of((8,), ("data",)), epochs=1
    )
    assert seen[0] == {jax.P("data") if batch_size == 16 else jax.P()}


def test_minibatches_that_are_on_the_mesh_already() -> None:
    mesh = mesh_of((8,), ("data",))
    given = [{name: array[start : start + 16] for name, array in data().items()} for start in range(0, 64, 16)]
    there = [{name: put(mesh, array, "data") for name, array in batch.items()} for batch in given]
    wanted = train(fully_connected(SIZES), given, epochs=2, progress=False)
    history = train(fully_connected(SIZES), there, epochs=2, engine="jax", mesh=mesh, progress=False)
    assert_allclose(history.loss, wanted.loss, rtol=1e-9)


def test_resuming_on_a_mesh(tmp_path: Path) -> None:
    mesh, path = mesh_of((4, 2), ("data", "model")), tmp_path / "run.npz"
    settings: dict[str, Any] = {"momentum": 0.9, "batch_size": 16, "engine": "jax", "mesh": mesh, "progress": False}
    unbroken, broken, on = (sharded(mesh, BY_COLUMNS_THEN_ROWS) for _ in range(3))
    history = train(unbroken, data(), epochs=3, **settings)
    train(broken, data(), epochs=1, checkpoint=path, **settings)
    assert train(on, data(), epochs=3, resume=path, **settings).loss == history.loss
    for name, value in on.parameters.items():
        assert_spread(value, mesh, BY_COLUMNS_THEN_ROWS[name])
        np.testing.assert_array_equal(value, unbroken.parameters[name])


def test_what_is_not_finite_names_the_row_and_the_gate() -> None:
    given = data()
    given["X"][37, 2] = np.nan
    mesh = mesh_of((8,), ("data",))
    with pytest.raises(FloatingPointError, match=r"the input 'X' is nan at .*, row 37 of data"):
        train(fully_connected(SIZES), given, batch_size=16, engine="jax", mesh=mesh, progress=False)
    with pytest.raises(FloatingPointError, match=r"(forward|backward): \w+ \(\w+\) .* overflow|step was too long"):
        train(
            fully_connected(SIZES), data(), batch_size=16, engine="jax", mesh=mesh, learning_rate=1e200, progress=False
        )


# The numbers in README


@cache
def communicated(axis: str, devices: int, examples: int, hidden: int) -> tuple[int, int]:
    """Return how many bytes a step of the network all-reduces in float32, and how many its parameters have."""
    with jax.enable_x64(False):
        mesh = mesh_of((devices,), (axis,))
        graph = fully_connected([64, hidden, 10])
        for name, value in graph.parameters.items():
            graph.parameters[name] = put(mesh, value, *(BY_COLUMNS_THEN_ROWS if axis == "model" else REPLICATED)[name])
        rows = ["data"] if axis == "data" else []
        arrays = {name: put(mesh, array, *rows) for name, array in data(examples).items()}
        run = graph.compile("jax")
        found = collectives(run.__self__.lower(arrays).compile().as_text())
    assert {kind for kind, _ in found} == {"all-reduce"}
    return sum(size for _, size in found), 4 * sum(value.size for value in graph.parameters.values())


def test_how_communication_grows_as_readme_says() -> None:
    section = README.read_text().split("## When one machine is not enough\n")[1].split("\n## ")[0].replace("\n", " ")
    for hidden, examples in ((96, 64), (96, 256), (192, 64)):
        for devices in (2, 4, 8):
            size, parameters = communicated("data", devices, examples, hidden)
            assert size == parameters + 4  # the gradients, and the loss
            assert f"{size:,} bytes" in section
            assert communicated("model", devices, examples, hidden)[0] == 4 * 10 * examples  # the scores
        assert f"{4 * 10 * examples:,} bytes" in section
    in_a_ring = [round(2 * (devices - 1) / devices * communicated("data", devices, 64, 96)[0]) for devices in (2, 4, 8)]
    assert "{:,}, {:,} and {:,} bytes".format(*in_a_ring) in section
