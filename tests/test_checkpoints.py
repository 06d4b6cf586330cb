"""Training that is cut short, at any moment: nothing is lost, and what goes on comes to the same bits."""

import io
import random as randomness
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import array_api_strict as xp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import SquaredNorm, Tanh
from graph import ComputationalGraph, History, fully_connected, train
from graph.saving.atomic_file import write_atomically
from graph.structure.entries import Parameters
from graph.training import state as training_state
from graph.training import train as training
from graph.training.checkpoints import write_checkpoint
from tests.fuzz import mutated_files
from tests.interrupts import interrupted_at as interrupted_in
from tests.training_example import Stream, bits, data, line, network

FILES = Path(__file__).parent / "files"


def after(steps: int) -> dict[str, bytes]:
    """Return the parameters after so many steps without a break."""
    graph = network()
    with pytest.raises(_Stopped):
        train(graph, _Stop(steps), momentum=0.9, epochs=99, progress=False)
    return bits(graph)


class _Stopped(Exception):
    """Raised by data that has given enough minibatches."""


class _Stop:
    """The minibatches that train() deals out of the data with seed 0, in order; then an exception."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __iter__(self) -> Iterator[dict[str, Any]]:
        given, random, count = data(), np.random.default_rng(0), 0
        while True:
            order = random.permutation(50)
            for start in range(0, 50, 16):
                if count == self.steps:
                    raise _Stopped
                count += 1
                yield {name: array[order[start : start + 16]] for name, array in given.items()}


def interrupted_at(line_number: int, **settings: Any) -> tuple[ComputationalGraph, History] | None:
    """Train, with Ctrl-C at the n-th line that runs in graph/training/state.py; None if training was over before it."""
    graph, lines = network(), 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != training_state.__file__ or frame.f_code.co_name not in (
            "step",
            "apply",
            "end_epoch",
        ):
            return trace if event == "call" else None
        if event == "line":
            lines += 1
            if lines == line_number:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        history = train(graph, data(), batch_size=16, momentum=0.9, epochs=2, progress=False, **settings)
    except KeyboardInterrupt:  # after the last step, while train() returns
        return None
    finally:
        sys.settrace(before)
    return (graph, history) if history.interrupted else None


def test_ctrl_c_at_any_line_of_a_step_leaves_a_whole_step(tmp_path: Path) -> None:
    whole = network()
    wanted = train(whole, data(), batch_size=16, momentum=0.9, epochs=2, progress=False)
    path, warned_of = tmp_path / "checkpoint.npz", np.geterr()
    line_number, seen = 1, set()
    while (result := interrupted_at(line_number, checkpoint=path)) is not None:
        graph, history = result
        steps = len(history)
        seen.add(steps)
        assert history.loss == wanted.loss[:steps]
        assert len(history.time) == steps
        assert bits(graph) == after(steps)
        again = network()
        rest = train(again, data(), batch_size=16, momentum=0.9, epochs=2, progress=False, resume=path)
        assert rest.loss == wanted.loss
        assert not rest.interrupted
        assert bits(again) == bits(whole)
        line_number += 7
    assert seen == set(range(9))
    assert np.geterr() == warned_of


def test_ctrl_c_says_where_it_stopped(capsys: Any) -> None:
    class Impatient:
        def __iter__(self) -> Iterator[dict[str, Any]]:
            yield from list(Stream())[:2]
            raise KeyboardInterrupt

    history = train(network(), Impatient())
    assert history.interrupted
    assert repr(history).endswith("interrupted)")
    assert "stopped by Ctrl-C after step 2" in "".join(capsys.readouterr())


SCRIPT = """
import sys
from tests.test_checkpoints import *
signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup leaves it ignored
graph = network()
print("ready", flush=True)
path, resume = sys.argv[1], sys.argv[2] == "resume"
history = train(graph, data(), batch_size=16, momentum=0.9, epochs=400, progress=False,
                checkpoint=path, resume=path if resume else None)
print(history.interrupted, flush=True)
np.savez(path + ".result.npz", loss=history.loss, **graph.parameters)
"""


def start(path: Path, resume: bool) -> Any:
    """Start training in a process of its own, and wait until it has begun."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), "resume" if resume else "anew"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_kills_at_any_moment_leave_a_whole_checkpoint_and_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    whole = network()
    wanted = train(whole, data(), batch_size=16, momentum=0.9, epochs=400, progress=False)
    kills, choose = 0, randomness.Random(0)
    while True:
        process = start(path, resume=path.exists())
        time.sleep(choose.uniform(0.05, 0.4))
        if process.poll() is not None or kills == 6:
            process.communicate()
            break
        process.send_signal(signal.SIGKILL if kills % 2 else signal.SIGINT)
        out, _ = process.communicate()
        if process.returncode == 0 and "True" not in out:
            break
        kills += 1
    assert process.returncode == 0
    assert kills > 0
    with np.load(f"{path}.result.npz") as result:
        assert result["loss"].tolist() == wanted.loss
        assert {name: result[name].tobytes() for name in whole.parameters} == bits(whole)


def test_ctrl_c_at_any_moment_of_a_checkpoint_is_as_at_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Any = {"batch_size": 16, "momentum": 0.9, "progress": False}
    path, whole = tmp_path / "checkpoint.npz", network()
    wanted = train(whole, data(), epochs=2, **settings)
    seen = []
    moments = list(range(0, 10_000, 83))
    for moment, second in zip(moments, [None, *moments]):
        path.unlink(missing_ok=True)
        planned = [None, moment, second]  # of the checkpoints after each epoch, and of that after the first Ctrl-C

        def interrupted(*given: Any, planned: list[int | None] = planned) -> None:
            at = planned.pop(0) if planned else None
            if at is None:
                write_checkpoint(*given)
            elif interrupted_in(at, lambda: write_checkpoint(*given), also=("zipfile", "numpy", "contextlib")):
                raise KeyboardInterrupt

        monkeypatch.setattr(training_state, "write_checkpoint", interrupted)
        graph, again = network(), network()
        try:
            history = train(graph, data(), epochs=2, checkpoint=path, **settings)
            seen.append(history.interrupted)
            assert len(history) == 8
        except KeyboardInterrupt:
            seen.append("second")
        assert bits(graph) == bits(whole)
        assert list(tmp_path.iterdir()) == [path]
        assert train(again, data(), epochs=2, resume=path, **settings).loss == wanted.loss
        assert bits(again) == bits(whole)
        if seen[-1] is False:
            break
    assert seen[0] is True
    assert set(seen[1:-1]) == {"second"}
    assert len(seen) > 10


def test_a_second_ctrl_c_while_a_step_is_completed_leaves_a_whole_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def assigned(self: Parameters, name: str, value: Any) -> None:
        count.append(name)
        if len(count) in (2, 4):
            raise KeyboardInterrupt
        assign(self, name, value)

    assign = Parameters.__setitem__
    graph, wanted, count = network(), after(1), []
    monkeypatch.setattr(Parameters, "__setitem__", assigned)
    with pytest.raises(KeyboardInterrupt):
        train(graph, data(), batch_size=16, momentum=0.9, progress=False)
    assert count == ["W1", "b1", "W1", "b1", "W1", "b1", "W2", "b2"]
    assert bits(graph) == wanted


def test_ctrl_c_while_an_array_is_being_opened_in_a_checkpoint_stays_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = []

    def opened(self: zipfile.ZipFile, *given: Any, **settings: Any) -> Any:
        members.append(zip_open(self, *given, **settings))
        if len(members) == 3:
            raise KeyboardInterrupt  # with an open member, the zip file cannot be closed
        return members[-1]

    zip_open = zipfile.ZipFile.open
    monkeypatch.setattr(zipfile.ZipFile, "open", opened)
    graph, path = network(), tmp_path / "checkpoint"
    history = train(graph, data(), batch_size=16, momentum=0.9, epochs=2, progress=False, checkpoint=path)
    assert history.interrupted
    assert len(history) == 4
    assert bits(graph) == after(4)
    assert list(tmp_path.iterdir()) == [path]
    assert len(train(network(), data(), batch_size=16, epochs=0, progress=False, resume=path)) == 4
    members.clear()


def test_going_on_from_a_finished_run_and_further(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    whole, graph = network(), network()
    wanted = train(whole, data(), epochs=5, momentum=0.9, batch_size=16, progress=False)
    train(graph, data(), epochs=2, momentum=0.9, batch_size=16, progress=False, checkpoint=path)
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint"]
    fresh, left = network(), tmp_path / ".checkpoint.0123abcd.tmp"  # by a killed process
    left.write_bytes(b"half")
    assert len(train(fresh, data(), epochs=2, momentum=0.9, batch_size=16, progress=False, resume=path)) == 8
    assert not left.exists()
    assert bits(fresh) == bits(graph)
    assert train(fresh, data(), epochs=5, momentum=0.9, batch_size=16, progress=False, resume=path).loss == wanted.loss
    assert bits(fresh) == bits(whole)


def test_a_checkpoint_every_minute_and_minibatches_that_were_done_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    path = tmp_path / "checkpoint"
    whole, graph, again = network(), network(), network()
    wanted = train(whole, Stream(), epochs=2, momentum=0.9, progress=False)

    class Broken:
        epochs = 0

        def __iter__(self) -> Iterator[dict[str, Any]]:
            self.epochs += 1
            yield from list(Stream())[: 4 - self.epochs]
            if self.epochs == 2:
                raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        train(graph, Broken(), epochs=2, momentum=0.9, progress=False, checkpoint=path)
    history = train(again, Stream(), epochs=2, momentum=0.9, progress=False, resume=path)
    assert history.loss == wanted.loss
    assert bits(again) == bits(whole)
    assert len(history.time) == 6
    assert history.time == sorted(history.time)


def test_another_librarys_arrays_come_back_from_a_checkpoint(tmp_path: Path) -> None:
    given = {name: xp.asarray(array) for name, array in data().items()}
    results = []
    for epochs in ((3,), (1, 3)):
        graph = network()
        for name, value in graph.parameters.items():
            graph.parameters[name] = xp.asarray(value)
        for count, until in enumerate(epochs):
            resume = tmp_path / "checkpoint" if count else None
            settings: Any = {"checkpoint": tmp_path / "checkpoint", "resume": resume, "progress": False}
            train(graph, given, batch_size=16, momentum=0.9, epochs=until, **settings)
        assert {type(value) for value in graph.parameters.values()} == {type(xp.asarray(0.0))}
        results.append(bits(graph))
    assert results[0] == results[1]
    ours = network()
    train(ours, data(), batch_size=16, momentum=0.9, epochs=3, progress=False)
    assert_allclose(np.asarray(graph.parameters["W1"]), ours.parameters["W1"], rtol=1e-9)


def test_a_bad_place_for_the_checkpoint_is_found_before_anything_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    train(network(), data(), epochs=1, progress=False, checkpoint=path)
    for bad, error in ((tmp_path / "nowhere" / "checkpoint", FileNotFoundError), (tmp_path, IsADirectoryError)):
        graph = network()
        before = bits(graph)
        with pytest.raises(error):
            train(graph, data(), progress=False, resume=path, checkpoint=bad)
        assert bits(graph) == before


def test_a_checkpoint_of_a_number_and_float32(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    results = []
    for pause in (False, True):
        graph = ComputationalGraph()
        w, v = graph.parameter("w", 1.0), graph.parameter("v", np.ones(1, dtype=np.float32))
        graph.add(SquaredNorm(), w * graph.input("x") * v)
        settings: Any = {"learning_rate": 0.01, "momentum": 0.5, "progress": False}
        if pause:
            train(graph, {"x": [1.0, 2.0]}, epochs=2, checkpoint=path, **settings)
            graph.parameters.update({"w": 5.0, "v": np.zeros(1, dtype=np.float32)})
        train(graph, {"x": [1.0, 2.0]}, epochs=4, resume=path if pause else None, **settings)
        assert type(graph.parameters["w"]) is float
        assert graph.parameters["v"].dtype == np.float32
        results.append(bits(graph))
    assert results[0] == results[1]


def test_a_checkpoint_that_does_not_belong_here(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    train(network(), data(), epochs=1, progress=False, checkpoint=path)
    graph = fully_connected([4, 5, 3], regularization=1e-3)
    before = bits(graph)
    with pytest.raises(
        ValueError, match=r"the parameter 'W1' is float64 of shape \(4, 6\) in .*, and float64 of shape \(4, 5\) in"
    ):
        train(graph, data(), progress=False, resume=path)
    assert bits(graph) == before
    other = {name: array[:40] for name, array in data().items()}
    for graph, given, message in (
        (fully_connected([4, 6, 3], activation=Tanh), data(), "was made with another graph: its gates, their settings"),
        (network(), other, "was made with examples=50, got examples=40"),
        (network(), [other], "was made with examples=50, got examples=None"),
    ):
        with pytest.raises(ValueError, match=message):
            train(graph, given, progress=False, resume=path)
    with pytest.raises(ValueError, match="was made with batch_size=64, got batch_size=32"):
        train(network(), data(), batch_size=32, progress=False, resume=path)
    with pytest.raises(ValueError, match="was made with seed=0, got seed=1"):
        train(network(), data(), seed=1, progress=False, resume=path)
    with pytest.raises(FileNotFoundError):
        train(network(), data(), progress=False, resume=tmp_path / "nothing")
    graph = network()
    graph.parameters["b1"] = np.zeros(6, dtype=np.float32)
    with pytest.raises(
        ValueError, match=r"'b1' is float64 of shape \(6,\) in .*, and float32 of shape \(6,\) in the g"
    ):
        train(graph, data(), progress=False, resume=path)
    with pytest.raises(ValueError, match=r"the parameter 'w' is not in .*checkpoint, and float64 of shape \(\) in the"):
        train(line(), data(), progress=False, resume=path)


def test_parameters_of_odd_names_come_back(tmp_path: Path) -> None:
    results = []
    for resume in (None, tmp_path / "checkpoint"):
        graph = ComputationalGraph()
        names = ["W", "W.npy", "../W", "facts", "ein Name / <b>"]
        wires = [graph.parameter(name, float(place)) for place, name in enumerate(names)]
        graph.add(SquaredNorm(), sum(wires[1:], wires[0]) * graph.input("x", grad=False))
        if resume:
            train(graph, {"x": [1.0]}, epochs=1, learning_rate=0.01, progress=False, checkpoint=resume)
            graph.parameters.update(dict.fromkeys(names, 9.0))
        train(graph, {"x": [1.0]}, epochs=2, learning_rate=0.01, progress=False, resume=resume)
        results.append(dict(graph.parameters))
    assert results[0] == results[1]


RANDOM = np.random.default_rng(0).bit_generator.state


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, value) for key in ("epoch", "done") for value in ("a", -1, 2, 1.0, None)),
        *(("random", value) for value in ("a", None, {}, {**RANDOM, "bit_generator": "MT19937"})),
        *(("random", {**RANDOM, "state": {"state": state, "inc": 1}}) for state in (1e308, -1, 2**128, 0.5, "1")),
        *(("random", {**RANDOM, "uinteger": number}) for number in (-1, 2**32, 1.5)),
        *((key, None) for key in ("history", "loss", "velocity")),
    ],
)
def test_a_checkpoint_whose_parts_do_not_fit_changes_nothing(key: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    train(network(), data(), epochs=1, momentum=0.5, progress=False, checkpoint=path)
    groups, facts = training_state.read_checkpoint(path, lambda described, facts: None)
    if key == "history":
        groups["history"]["time"] = groups["history"]["time"][:-1]
    elif key == "loss":
        groups["history"]["loss"][0] = np.nan
    elif key == "velocity":
        groups["velocity"]["W1"] = groups["velocity"]["W1"][0]
    else:
        facts[key] = value
    write_checkpoint(path, groups, facts)
    graph = network()
    before = bits(graph)
    with pytest.raises(ValueError, match="checkpoint is a damaged checkpoint"):
        train(graph, data(), momentum=0.5, progress=False, resume=path)
    assert bits(graph) == before


def test_a_checkpoint_that_cannot_be_written_leaves_no_other_file(tmp_path: Path) -> None:
    def fail(file: Any) -> None:
        file.write(b"half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_atomically(tmp_path / "file", fail)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_version_1_is_read_for_ever() -> None:
    graph = line()
    settings: Any = {"learning_rate": 0.125, "momentum": 0.5, "batch_size": 1, "progress": False}
    history = train(graph, {"x": [1.0, 1.0], "y": [2.0, 2.0]}, epochs=3, resume=FILES / "checkpoint-1.npz", **settings)
    assert history.loss == [4.0, 1.0, 0.0, 0.25, 0.25, 0.0625]
    assert dict(graph.parameters) == {"w": 1.0, "b": 1.0}


def overlapping(members: dict[str, bytes]) -> bytes:
    """Return a zip file whose directory lists the same bytes a hundred times."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.filelist += archive.filelist[-1:] * 100
    return file.getvalue()


def test_the_header_of_each_array_is_compared_with_its_size_and_with_the_graph_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint"
    train(line(), {"x": [1.0], "y": [1.0]}, epochs=1, progress=False, checkpoint=path)
    members = mutated_files.members_of(path.read_bytes())
    scalar = members["parameter_0.npy"]
    large = io.BytesIO()
    np.save(large, np.zeros(10**6))
    resume: Any = {"epochs": 1, "progress": False, "resume": path}
    for content, message in (
        (mutated_files.zipped(members, zipfile.ZIP_DEFLATED), "checkpoint that can be read: it is compressed"),
        (
            mutated_files.zipped(
                members | {"parameter_0.npy": scalar.replace(b"(), }            ", b"(1099511627776,)}")}
            ),
            r"parameter_0.npy has 136 bytes, which do not hold float64 \(1099511627776,\)",
        ),
        (overlapping(members), "its parts are larger than the whole, "),
        (mutated_files.zipped(members | {"parameter_0.npy": scalar[:-1]}), "has 135 bytes, which do not hold float64"),
        (mutated_files.zipped(members | {"facts.npy": scalar}), "it was not written by train"),
        (
            path.read_bytes().replace("checkpoint 1".encode("utf-32-le"), "checkpoint 2".encode("utf-32-le")),
            "Bad CRC-32",
        ),
        (
            mutated_files.zipped(
                members
                | {
                    "facts.npy": members["facts.npy"].replace(
                        "point 1".encode("utf-32-le"), "point 2".encode("utf-32-le")
                    )
                }
            ),
            "its format must be 'gategraph checkpoint 1', got 'gategraph checkpoint 2'",
        ),
        (
            mutated_files.zipped(members | {"parameter_0.npy": large.getvalue()}),
            r"'w' is float64 of shape \(1000000,\) in .*, and float64 of shape \(\) in the graph",
        ),
    ):
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(ValueError, match=message):
            train(line(), {"x": [1.0], "y": [1.0]}, **resume)
        assert tracemalloc.get_traced_memory()[1] < 10**6
        tracemalloc.stop()


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "another"])
def test_a_damaged_checkpoint(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    train(network(), data(), epochs=1, progress=False, checkpoint=path)
    whole = path.read_bytes()
    if damage == "another":
        with path.open("wb") as file:
            np.savez(file, W1=np.ones(3))
    else:
        path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "text": b"hello"}[damage])
    with pytest.raises(ValueError, match="checkpoint is not a checkpoint that can be read"):
        train(network(), data(), progress=False, resume=path)
