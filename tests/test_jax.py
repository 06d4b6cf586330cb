"""JAX: gates on its arrays, what is special of its engine, and training with it, on one device and on many."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import Gate, Square
from graph import ComputationalGraph, fully_connected, train
from graph.digits import split_digits
from losses import SoftmaxLoss
from tests.cases import ROWS, Case, upstream_like
from tests.own_gates import Clip
from tests.training_example import Stream, bits, data, line, network
from tests.two_hosts import SETTINGS
from tests.two_hosts import network as hosts_network

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install jax")
jnp = jax.numpy

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    """Let JAX compute in float64 in these tests, and in no others."""
    with jax.enable_x64(True):
        yield


def both_passes(case: Case, inputs: list[Any], upstream: Any) -> tuple[Any, list[Any]]:
    """Return the output of a gate alone, and its gradients but those of labels."""
    gate = case.make()
    output = gate.forward(*inputs)
    return output, [gradient for gradient in gate.backward(upstream) if gradient is not None]


# Gates on JAX's arrays


@pytest.mark.parametrize("case", ROWS)
def test_gates_run_on_jax_arrays(case: Case) -> None:
    shapes = max(case.shapes, key=lambda shapes: sum(map(len, shapes)))
    inputs = case.each(case.inputs(shapes), lambda x: np.asarray(x, dtype=np.float32))
    upstream = np.asarray(upstream_like(case.make().forward(*inputs)), dtype=np.float32)
    output, gradients = both_passes(case, inputs, upstream)
    there, found = both_passes(case, list(map(jnp.asarray, inputs)), jnp.asarray(upstream))
    for value, wanted in zip([there, *found], [output, *gradients], strict=True):
        assert isinstance(value, jax.Array)
        assert value.dtype == np.float32
        assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", ROWS)
def test_gates_can_be_traced(case: Case) -> None:
    for shapes in case.shapes[::2]:
        inputs = case.inputs(shapes)
        labels = {port: inputs[port] for port in case.labels}
        upstream = upstream_like(case.make().forward(*inputs))

        def traced(inputs: Any, upstream: Any, labels: Any = labels) -> Any:
            return both_passes(case, [labels.get(port, x) for port, x in enumerate(inputs)], upstream)

        output, gradients = both_passes(case, inputs, upstream)
        there, found = jax.jit(traced)(list(map(jnp.asarray, inputs)), jnp.asarray(upstream))
        for value, wanted in zip([there, *found], [output, *gradients], strict=True):
            assert_allclose(value, wanted, rtol=1e-12, atol=1e-14)


def test_the_passes_of_a_graph_on_jax_arrays() -> None:
    given = data()
    graph, there = network(), network()
    for name, value in graph.parameters.items():
        there.parameters[name] = jnp.asarray(value)
    value, found = graph.forward(given), there.forward(X=jnp.asarray(given["X"]), y=jnp.asarray(given["y"]))
    assert isinstance(found, jax.Array)
    assert float(found) == pytest.approx(value, rel=1e-12)
    wanted = graph.backward()
    for name, gradient in there.backward().items():
        assert isinstance(gradient, jax.Array)
        assert_allclose(gradient, wanted[name], rtol=1e-12, atol=1e-14)


# The engine


def test_results_are_arrays_of_jax_in_float32_without_64_bits() -> None:
    with jax.enable_x64(False):
        value, gradients = ComputationalGraph.from_expression("x * y").compile("jax")(x=3.0, y=np.float64(2.0))
        for found in (value, *gradients.values()):
            assert isinstance(found, jax.Array)
            assert found.shape == ()
            assert found.dtype == np.float32
        run = network().compile("jax")
        assert {gradient.dtype for gradient in run(data())[1].values()} == {np.dtype(np.float32)}


def test_a_call_within_a_function_that_jax_compiles() -> None:
    graph = network()
    run, given = graph.compile("jax"), data()
    wanted = run(given)[0]
    compiled = jax.jit(lambda X, y: run(X=X, y=y)[0])
    assert float(compiled(given["X"], given["y"])) == pytest.approx(float(wanted), rel=1e-12)
    assert float(run(given)[0]) == float(wanted)


def test_integers_of_jax_become_floats() -> None:
    run = ComputationalGraph.from_expression("x * y").compile("jax")
    for _ in range(2):  # the second call takes arrays of JAX as they are
        value, gradients = run(x=jnp.asarray(3), y=jnp.asarray(2))
        assert {found.dtype for found in (value, *gradients.values())} == {np.dtype(np.float64)}


def test_arrays_of_jax_beside_a_constant_of_numpy() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    graph.output = ((x * np.array([1.0, 2.0]) - np.array([3.0, 1.0])) ** 2).sum()
    graph.forward(x=jnp.array([1.0, 3.0]))
    assert graph.backward()["x"].tolist() == [-4.0, 20.0]  # by hand: 2 * (1 - 3) * 1, 2 * (6 - 1) * 2


def test_labels_of_jax_stay_integers() -> None:
    graph = fully_connected([2, 3])
    run = graph.compile("jax")
    X, y = np.array([[1, 2], [3, 4]]), np.array([2, 0])
    wanted = graph.forward(X=X, y=y)
    for _ in range(2):  # the second call takes arrays of JAX as they are
        assert float(run(X=jnp.asarray(X), y=jnp.asarray(y))[0]) == pytest.approx(wanted)
        for name, value in graph.parameters.items():
            graph.parameters[name] = jnp.asarray(value)


class Counting(SoftmaxLoss):
    """A loss that counts how often it checks labels."""

    checks = 0

    def check(self, scores: Any, labels: Any) -> None:
        type(self).checks += 1
        super().check(scores, labels)


def test_arrays_of_jax_that_do_not_change_are_checked_once() -> None:
    graph = fully_connected([4, 3], loss=Counting)
    run, given = graph.compile("jax"), data()
    X, y = given["X"], jnp.asarray(given["y"])
    Counting.checks = 0
    for _ in range(3):
        run(X=X, y=y)
    assert Counting.checks == 1
    run(X=X, y=jnp.asarray(given["y"]))
    assert Counting.checks == 2
    for _ in range(2):
        with pytest.raises(ValueError, match=r"loss \(Counting\): labels must be 50 integers in \[0, 3\), got 4 at"):
            run(X=X, y=y + 2)
    with pytest.raises(ValueError, match=r"labels must be 20 integers in \[0, 3\), got 50 of them"):
        run(X=X[:20], y=y)
    for _ in range(2):  # arrays of NumPy may have been written into
        run(X=X, y=given["y"])
    assert Counting.checks == 7


def test_constants_are_compiled_in_and_parameters_are_not() -> None:
    graph = ComputationalGraph()
    x = graph.input("x") * graph.constant([1.0, 2.0]) + graph.parameter("b", [0.5, 0.5])
    graph.output = x.sum() * 3
    run = graph.compile("jax")
    signature = run.__self__.lower(x=1.0).as_text().split("main(")[1].split(")")[0]
    assert signature.count("%arg") == 2
    assert float(run(x=1.0)[0]) == 12.0
    graph.parameters["b"] = [1.5, 0.5]
    assert float(run(x=1.0)[0]) == 15.0


class WithNumpy(Gate):
    """A gate that computes with NumPy."""

    def forward(self, x: Any) -> Any:
        return np.sin(x)

    def backward(self, dy: Any) -> list[Any]:
        return [dy]


@pytest.mark.parametrize("gate", [Clip, WithNumpy])
def test_a_gate_that_jax_cannot_trace(gate: type[Gate]) -> None:
    graph = ComputationalGraph()
    graph.add(gate(), graph.input("x"), name="odd")
    run = graph.compile("jax")
    with pytest.raises(TypeError) as caught:
        run(x=1.0)
    notes = "\n".join(caught.value.__notes__)
    assert f"in gate 'odd' ({gate.__name__})" in notes
    assert "functions of namespace(x), and with where() instead of `if`; or compile with another engine" in notes


def test_a_gate_with_parameters_of_its_own() -> None:
    class Own(Square):
        has_parameters = True

    graph = ComputationalGraph()
    graph.add(Own(), graph.input("x"), name="own")
    with pytest.raises(TypeError, match=r"own \(Own\) keeps parameters of its own, .*: make them parameters of the"):
        graph.compile("jax")


def test_nothing_is_left_in_the_gates() -> None:
    run = network().compile("jax")
    run(data())
    assert not any({"kept", "output"} & vars(call.gate).keys() for call in run.__self__.program.calls)


def test_jax_is_imported_only_when_asked_for_and_may_be_missing() -> None:
    program = (
        "import sys\n"
        "from graph import ComputationalGraph, train\n"
        "assert 'jax' not in sys.modules\n"
        "sys.modules['jax'] = None\n"
        "graph = ComputationalGraph.from_expression('x * 2')\n"
        "try:\n"
        "    graph.compile('jax')\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    assert run_python(["-c", program]) == 'compile("jax") needs JAX: pip install jax\n'


# Training


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_training_with_jax(momentum: float) -> None:
    settings: dict[str, Any] = {"momentum": momentum, "batch_size": 16, "epochs": 3, "progress": False}
    graph, there = network(), network()
    wanted = train(graph, data(), **settings)
    history = train(there, data(), engine="jax", **settings)
    assert {type(loss) for loss in history.loss} == {float}
    assert_allclose(history.loss, wanted.loss, rtol=1e-12)
    for name, value in there.parameters.items():
        assert isinstance(value, jax.Array)
        assert_allclose(value, graph.parameters[name], rtol=1e-12)
    scores = there.evaluate("scores", X=data()["X"])
    assert_allclose(scores, graph.evaluate("scores", X=data()["X"]), rtol=1e-10)


@pytest.mark.parametrize("engine", ["source", "auto"])
def test_training_with_other_engines_gives_the_same_bits(engine: str) -> None:
    graph, there = network(), network()
    wanted = train(graph, Stream(), epochs=3, momentum=0.5, progress=False)
    assert train(there, Stream(), epochs=3, momentum=0.5, progress=False, engine=engine).loss == wanted.loss
    assert bits(there) == bits(graph)


def test_numbers_as_parameters_become_arrays() -> None:
    graph = line()
    train(graph, {"x": [0.0, 2.0], "y": [1.0, 3.0]}, epochs=1, engine="jax", progress=False)
    assert isinstance(graph.parameters["w"], jax.Array)
    assert float(graph.parameters["w"]) == pytest.approx(1.2)


@pytest.mark.parametrize("epochs_before", [0, 2])
def test_resuming_with_jax_comes_to_the_same_bits(tmp_path: Path, epochs_before: int) -> None:
    settings: dict[str, Any] = {"momentum": 0.9, "batch_size": 16, "engine": "jax", "progress": False}
    unbroken, broken, on = network(), network(), network()
    history = train(unbroken, data(), epochs=4, **settings)
    path = tmp_path / "run.npz"
    train(broken, data(), epochs=epochs_before, checkpoint=path, **settings)
    assert path.exists() == bool(epochs_before)
    assert train(on, data(), epochs=4, resume=path if epochs_before else None, **settings).loss == history.loss
    assert bits(on) == bits(unbroken)


def test_what_is_not_finite_names_the_gate() -> None:
    given = data()
    given["X"][37, 2] = np.nan
    with pytest.raises(FloatingPointError, match=r"the loss is nan at step .*: the input 'X' is nan at .*, row 37 of"):
        train(network(), given, batch_size=16, engine="jax", progress=False)
    graph = line(1.0, 1.0)
    with pytest.raises(FloatingPointError, match=r"at step \d+ \(epoch \d+\): (forward|backward): \w+ \(\w+\)"):
        train(graph, {"x": [3.0, 5.0], "y": [1.0, 3.0]}, learning_rate=1e3, epochs=1000, engine="jax", progress=False)
    assert np.isfinite(float(graph.parameters["w"]))


def test_what_is_not_finite_in_float32_alone_names_the_gate() -> None:
    graph = ComputationalGraph()
    graph.output = (graph.input("x", grad=False) ** 2 * graph.parameter("w", 1e-30)).sum()
    with (
        jax.enable_x64(False),
        pytest.raises(FloatingPointError, match=r"the loss is inf at step 1 .*: forward: power_1 \(Power\) made inf"),
    ):
        train(graph, {"x": [1.0, 1e30]}, engine="jax", progress=False)


def test_what_train_refuses() -> None:
    with pytest.raises(ValueError, match=r"train\(\): a mesh is for engine='jax', got engine='auto'"):
        train(network(), data(), mesh=jax.sharding.Mesh(jax.devices()[:1], ("data",)), progress=False)
    with pytest.raises(TypeError, match=r"mesh must be a jax.sharding.Mesh, got list"):
        train(network(), data(), engine="jax", mesh=jax.devices(), progress=False)
    with pytest.raises(ValueError, match=r"engine must be one of 'source', .*, got 'fast'"):
        train(network(), data(), engine="fast", progress=False)
    graph = network()
    graph.output = graph["scores"]
    with pytest.raises(ValueError, match=r"the output scores has the shape \(50, 3\): the loss must be a number"):
        train(graph, data(), engine="jax", progress=False)


# Many devices, and many processes


def run_python(arguments: list[str], **environment: str) -> str:
    """Run Python in a process of its own, with JAX on CPUs, and return its output."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=_environment(**environment),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _environment(**more: str) -> dict[str, str]:
    """Return an environment for a process with JAX on CPUs."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", **more}


def test_eight_devices_in_one_process() -> None:
    output = run_python(
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/eight_devices.py"],
        XLA_FLAGS="--xla_force_host_platform_device_count=8",
    )
    assert re.search(r"^\d\d? passed", output, flags=re.MULTILINE), output


def program_of_readme() -> str:
    """Return the program for several hosts that README shows."""
    text = (ROOT / "graph" / "README.md").read_text()
    section = text.split("## When one machine is not enough\n")[1].split("\n## ")[0]
    return section.split("```python\n")[1].split("```")[0]


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


def run_on_hosts(tmp_path: Path, program: Path, hosts: int = 2, seconds: float = 120) -> list[str]:
    """Run a program in processes that are joined by loopback, and return what each printed; none outlives the call."""
    address = f"127.0.0.1:{free_port()}"
    environment = _environment(XLA_FLAGS="--xla_force_host_platform_device_count=2")
    started, texts = [], []
    try:
        for host in range(hosts):
            files = [(tmp_path / f"{name}{host}").open("w+") for name in ("out", "err")]
            command = [sys.executable, str(program), address, str(hosts), str(host), str(tmp_path)]
            started.append((subprocess.Popen(command, stdout=files[0], stderr=files[1], env=environment), files))
        end = time.monotonic() + seconds
        codes: list[int | None] = [None]
        while None in codes and not any(codes) and time.monotonic() < end:
            time.sleep(0.05)
            codes = [process.poll() for process, _ in started]
    finally:
        for process, files in started:
            process.kill()
            process.wait()
            for file in files:
                file.seek(0)
                texts.append(file.read())
                file.close()
    assert codes == [0] * hosts, f"exit statuses {codes}\n" + "\n".join(texts)
    return texts[::2]


def test_the_program_of_readme_on_two_hosts(tmp_path: Path) -> None:
    program = program_of_readme()
    settings = dict(re.findall(r"(batch_size|epochs|learning_rate)=([\d.]+)", program))
    graph = fully_connected([64, 100, 10])
    wanted = train(
        graph,
        split_digits()[0],
        learning_rate=float(settings["learning_rate"]),
        batch_size=int(settings["batch_size"]),
        epochs=int(settings["epochs"]),
        progress=False,
    )
    path = tmp_path / "program.py"
    path.write_text(program)
    printed = run_on_hosts(tmp_path, path)
    for host, text in enumerate(printed):
        (losses,) = re.findall(rf"^host {host}: (\[.*\])$", text, flags=re.MULTILINE)
        assert_allclose(json.loads(losses), wanted.loss, rtol=1e-9)


def test_what_else_two_hosts_do(tmp_path: Path) -> None:
    wanted = train(hosts_network(), data(), **SETTINGS)
    batches = [{name: array[start : start + 16] for name, array in data().items()} for start in range(0, 48, 16)]
    wanted_of_batches = train(hosts_network(), batches, **SETTINGS)
    for host, text in enumerate(run_on_hosts(tmp_path, ROOT / "tests" / "two_hosts.py")):
        found = json.loads(text.splitlines()[-1])
        assert_allclose(found["model"], wanted.loss, rtol=1e-9)
        assert found["spread"]
        assert "the parameter 'W1' is sharded over several processes: checkpoint and resume need" in found["refused"]
        assert_allclose(found["own rows"], wanted_of_batches.loss, rtol=1e-9)
        assert found["files"] == (["run.npz"] if host == 0 else [])
        assert found["resumed"]
        assert re.search(r"data_loss \(SoftmaxLoss\): labels must be 16 integers in \[0, 3\), got 3", found["label"])
        assert re.search(rf"labels must be 16 .*, got 3 at position {2 + 8 * host}$", found["own label"])
        assert re.search(r"the loss is nan at step .* the input 'X' is inf at .*, row 7 of data", found["infinite"])
        assert "processes start with different parameters" in found["seeds"]


def test_a_check_of_shapes_is_made_in_the_trace() -> None:
    class Long(Square):
        def check(self, x: Any) -> None:
            if x.shape[0] < 3:
                raise ValueError("x must have 3 rows")

    graph = ComputationalGraph()
    graph.add(Long(), graph.input("x"), name="long")
    run = graph.compile("jax")
    assert run({"x": jnp.ones(4)}, 1.0)[1]["x"].tolist() == [2.0] * 4
    with pytest.raises(ValueError, match=r"long \(Long\): x must have 3 rows"):
        run({"x": jnp.ones(2)}, 1.0)


def test_random_gates_are_refused() -> None:
    class Has(Square):
        def __init__(self) -> None:
            self.random = np.random.default_rng(0)

    class Uses(Square):
        def forward(self, x: Any) -> Any:
            self.kept = (x,)
            return x * x + np.random.normal()

    for gate in (Has(), Uses()):
        graph = ComputationalGraph()
        graph.add(gate, graph.input("x"))
        with pytest.raises(TypeError, match=r"draws random numbers, which JAX would take for constants"):
            graph.compile("jax")(x=1.0)


def test_labels_of_the_last_call_with_other_scores() -> None:
    run = fully_connected([4, 3], seed=0).compile("jax")
    labels = jnp.zeros(8, int)
    run(X=jnp.ones((8, 4)), y=labels)
    with pytest.raises(ValueError, match="labels must be 5 integers"):
        run(X=jnp.ones((5, 4)), y=labels)
