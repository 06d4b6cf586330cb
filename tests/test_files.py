"""Saving and loading: what comes back is the same to the last bit, and no file does harm."""

import json
import os
import re
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gates import Copy, Exp, Gate, LeakyReLU, Multiply
from graph import ComputationalGraph, train
from losses import SoftmaxLoss
from tests.cases import ROWS
from tests.fuzz import mutated_files
from tests.training_example import line

FILES = Path(__file__).parent / "files"


def rich_graph() -> ComputationalGraph:
    """Return a graph with everything in it that a file must hold."""
    inner = ComputationalGraph.from_expression("leaky_relu(u * v, 0.3) + 1")
    graph = ComputationalGraph()
    x = graph.input("x")
    label = graph.input("ein Name / <b>", grad=False)
    W = graph.parameter("W", np.array([[0.1, 1 / 3], [5e-324, 1e308]]))
    b = graph.parameter("b", np.array([0.1, 2.0], dtype=np.float32))
    c = graph.parameter("c", 0.1 + 0.2)
    limits = graph.constant([np.inf, -np.inf, np.nan, -0.0])
    empty = graph.constant(np.zeros((0, 3)))
    left, right = graph.add(Copy(2), x @ W + b, name="fork")
    f = graph.add(inner.as_gate(), left * c, right) - label
    graph.add(Exp(), limits, name="limits")
    graph.add(Exp(), empty)
    graph.output = f.sum(axis=(0,), keepdims=True)
    return graph


def test_a_round_trip_keeps_everything(tmp_path: Path) -> None:
    graph = rich_graph()
    inputs = {"x": [1e-3, 1e-320], "ein Name / <b>": 3}
    graph.save(tmp_path / "graph.json")
    again = ComputationalGraph.load(tmp_path / "graph.json")
    assert list(again.graph.edges(keys=True, data=True)) == list(graph.graph.edges(keys=True, data=True))
    assert [(name, repr(gate)) for name, gate in again.graph.nodes(data="gate") if name != "graph_1"] == [
        (name, repr(gate)) for name, gate in graph.graph.nodes(data="gate") if name != "graph_1"
    ]
    assert np.array_equal(again.forward(inputs), graph.forward(inputs))
    wanted = graph.backward(1)
    gradients = again.backward(1)
    assert list(gradients) == list(wanted) == ["x", "W", "b", "c"]
    for name, gradient in gradients.items():
        assert np.array_equal(gradient, wanted[name])
        assert np.asarray(gradient).dtype == np.asarray(wanted[name]).dtype
    for name, value in again.parameters.items():
        assert np.asarray(value).tobytes() == np.asarray(graph.parameters[name]).tobytes()
    assert np.asarray(again["constant_1"].value).tobytes() == np.asarray(graph["constant_1"].value).tobytes()
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "graph.json").read_text()


@pytest.mark.parametrize("case", ROWS)
def test_every_gate_comes_back(case: Any, tmp_path: Path) -> None:
    graph = ComputationalGraph()
    shapes = case.shapes[-1]
    names = [f"x{place}" for place in range(len(shapes))]
    graph.add(case.make(), *graph.inputs(*names), name="gate")
    graph.save(tmp_path / "g")
    again = ComputationalGraph.load(tmp_path / "g")
    assert repr(again.graph.nodes["gate"]["gate"]) == case.name
    inputs = dict(zip(names, case.inputs(shapes)))
    assert np.array_equal(again.forward(inputs), graph.forward(inputs))


def test_a_guarded_graph_without_output_stays_one(tmp_path: Path) -> None:
    graph = ComputationalGraph(guard=True)
    graph.input("x")
    graph.save(tmp_path / "g")
    again = ComputationalGraph.load(tmp_path / "g")
    assert again.guard
    again.add(Exp(), again["x"])
    assert again.output.node == "exp_1"


class Cube(Gate):
    """A gate of one's own, with a setting."""

    def __init__(self, factor: float, note: str = "") -> None:
        self.factor, self.note = factor, note

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return self.factor * x**3

    def backward(self, dz: Any) -> list[Any]:
        (x,) = self.kept
        return [dz * self.factor * 3 * x**2]


class Negative:
    """A class of one's own that is called as one of gategraph's."""

    def forward(self, x: float) -> float:
        return x * 100

    def backward(self, dz: float) -> list[float]:
        return [dz * 100]


def test_a_class_of_ones_own_is_never_taken_for_gategraphs(tmp_path: Path) -> None:
    graph = ComputationalGraph()
    graph.add(Negative(), graph.input("x"))
    graph.save(tmp_path / "g")
    with pytest.raises(ValueError, match="unknown gate 'Negative'; pass your own classes"):
        ComputationalGraph.load(tmp_path / "g")
    assert ComputationalGraph.load(tmp_path / "g", gates=[Negative]).forward(x=1) == 100.0
    graph = ComputationalGraph.from_expression("-x")
    graph.save(tmp_path / "g")
    assert ComputationalGraph.load(tmp_path / "g", gates=[Negative]).forward(x=1) == -1.0


class Forgetful(Cube):
    """A gate whose setting cannot be read from it."""

    def __init__(self, secret: float) -> None:
        super().__init__(secret)


def test_gates_of_ones_own(tmp_path: Path) -> None:
    graph = ComputationalGraph()
    graph.add(Cube(2, note="hi"), graph.input("x"), name="c")
    graph.save(tmp_path / "g")
    with pytest.raises(ValueError, match=r"unknown gate 'Cube'; pass your own classes with load\(path, gates="):
        ComputationalGraph.load(tmp_path / "g")
    again = ComputationalGraph.load(tmp_path / "g", gates=[Cube])
    assert again.forward(x=2) == 16.0
    assert repr(again.graph.nodes["c"]["gate"]) == "Cube(factor=2, note='hi')"


def test_what_json_cannot_hold_is_said_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "g"
    ComputationalGraph.from_expression("x * 2").save(path)
    before = path.read_bytes()
    graph = ComputationalGraph()
    graph.add(Cube(object()), graph.input("x"), name="c")
    with pytest.raises(TypeError, match=r"c \(Cube\) cannot be saved: JSON cannot hold its 'factor', <object"):
        graph.save(path)
    forgetful = ComputationalGraph()
    forgetful.add(Forgetful(1), forgetful.input("x"), name="f")
    with pytest.raises(
        TypeError, match=r"f \(Forgetful\) cannot be saved: its class has no attribute for the constructor's 'secret'"
    ):
        forgetful.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["g"]


def document(**changes: Any) -> dict[str, Any]:
    """Return what a small saved graph holds, with changes."""
    gates = [
        {"name": "x", "gate": "Input", "settings": {"grad": True}},
        {"name": "f", "gate": "Multiply", "reads": [["x", 0], ["x", 0]]},
    ]
    return {"format": "gategraph", "version": 1, "guard": False, "output": ["f", 0], "gates": gates, **changes}


def gates(**changes: Any) -> dict[str, Any]:
    """Return a document whose gate f is changed."""
    whole = document()
    whole["gates"][1].update(changes)
    return whole


X = {"name": "x", "gate": "Input"}


def constant(value: Any) -> dict[str, Any]:
    """Return a document with a constant."""
    return document(gates=[{"name": "c", "gate": "Constant", "settings": {"value": value}}], output=["c", 0])


HOSTILE = [
    (b"", "Expecting value"),
    (b"\xff\xfe\x00", "codec|Expecting|decode"),
    (b"{", "Expecting property name"),
    (b"[" * 100_000, "recursion|Expecting|nested"),
    (b'{"format": "gategraph", "version": 1' + b"0" * 5000 + b"}", "its version must be 1, 2 or 3|limit"),
    ([], 'it must be an object with "format": "gategraph"'),
    ({"nodes": [], "links": []}, 'it must be an object with "format": "gategraph"'),
    (document(version=4), "its version must be 1, 2 or 3, got 4"),
    (document(version=None), "its version must be 1, 2 or 3, got None"),
    (document(gates={}), '"gates" must be a list of objects'),
    (document(gates=[3]), '"gates" must be a list of objects'),
    (document(guard="yes"), '"guard" true or false'),
    (document(output=["nope", 0]), "it reads 'nope', which is not the name of a gate"),
    (document(output=["f", 1]), "it reads output 1 of 'f', which has 1"),
    (document(output=3), "a wire must be a pair of a gate's name and an output port, got 3"),
    (gates(gate="os.system"), r"gate 1 \('f'\): unknown gate 'os.system'"),
    (gates(gate="Gate"), "unknown gate 'Gate'"),
    (gates(gate="namespace"), "unknown gate 'namespace'"),
    (gates(gate=["Add"]), r"unknown gate \['Add'\]"),
    (gates(gate="Input"), r"f \(Input\) takes 0 inputs, got 2"),
    (gates(reads=[["x", 0]]), r"f \(Multiply\) takes 2 inputs, got 1"),
    (gates(reads=[["f", 0], ["x", 0]]), "it reads 'f', which comes later: a cycle, or gates out of order"),
    (gates(reads=[["x", 0], ["y", 0]]), "it reads 'y', which is not the name of a gate"),
    (gates(reads=[["x", -1], ["x", 0]]), "it reads output -1 of 'x', which has 1"),
    (gates(reads=[["x", True], ["x", 0]]), "a wire must be a pair"),
    (gates(reads=[["x"], ["x", 0]]), "a wire must be a pair"),
    (gates(reads=[[["x"], 0], ["x", 0]]), "a wire must be a pair"),
    (gates(reads=3), 'must have a "name" and a "gate", may have "settings", "reads" and "group", and no more'),
    (gates(code="import os"), 'must have a "name" and a "gate", may have "settings", "reads" and "group", and no more'),
    (gates(name="x"), "the name 'x' is taken"),
    (gates(name=["f"]), 'must have a "name"'),
    (gates(name=""), "a name must be a string that is not empty"),
    (gates(settings=[]), '"settings" must be an object'),
    (gates(settings={"p": 1}), "Multiply() takes no arguments|unexpected keyword|takes no arguments"),
    (gates(gate="Power", reads=[["x", 0]]), "missing 1 required positional argument: 'p'"),
    (gates(gate="Power", reads=[["x", 0]], settings={"p": "3 + 4"}), "Power: p must be a number, got '3 \\+ 4'"),
    (gates(gate="Copy", reads=[["x", 0]], settings={"n": -1}), "n must be a whole number of at least 1"),
    (
        gates(gate="Copy", reads=[["x", 0]], settings={"n": {"number": "__import__"}}),
        "is not a number, an array or a graph",
    ),
    (constant("import os"), "a number or an array of numbers was wanted, got 'import os'"),
    (constant(None), "a number or an array of numbers was wanted, got None"),
    (constant({"array": [1, 2], "shape": [3], "dtype": "float64"}), "must have 3 numbers, got 2"),
    (constant({"array": [1, 2], "shape": [-1], "dtype": "float64"}), "is not a number, an array or a graph"),
    (constant({"array": [1, "2"], "shape": [2], "dtype": "float64"}), "is not a number, an array or a graph"),
    (constant({"array": [], "shape": [10**30, 0], "dtype": "float64"}), "array|too (big|large)|dimension"),
    (constant({"array": [1], "shape": [1], "dtype": "object"}), "is not a number, an array or a graph"),
    (constant({"array": [1], "shape": [1], "dtype": "O,O"}), "is not a number, an array or a graph"),
    (gates(gate="Power", reads=[["x", 0]], settings={"p": 10**400}), "Power: p: the number 1000.* is too large"),
    (gates(gate="GraphGate", settings={"graph": None}), "GraphGate: graph must be a graph, got None"),
    (gates(gate="GraphGate", settings={"graph": {"graph": 5}}), 'it must be an object with "format"'),
    (constant(10**400), "is too large for a float"),
    (constant({"array": [10**400], "shape": [1], "dtype": "float64"}), "too large"),
    (constant({"graph": {"format": "other"}}), 'it must be an object with "format"'),
    (constant({"graph": document()}), "a number or an array of numbers was wanted"),
    (b'{"format": "gategraph", "version": 1, "version": 1}', "an object has a name twice"),
    (json.dumps(constant(float("nan"))).encode(), "NaN is not JSON"),
    (document(version=True), "its version must be 1, 2 or 3, got True"),
    (constant({"array": [], "shape": [0, 10**15], "dtype": "float64"}), "more than 268435456 bytes in an array; load"),
    (gates(gate="Copy", reads=[["x", 0]], settings={"n": 10**8}), r"100000 outputs .*; load\(path, max_outputs=...\)"),
    (gates(gate="Reshape", reads=[["x", 0]], settings={"shape": [-1, -1]}), "Reshape: shape must have lengths"),
    (gates(gate="Sum", reads=[["x", 0]], settings={"keepdims": "no"}), "Sum: keepdims must be True or False"),
    (document(gates=[{**X, "settings": {"grad": "no"}}]), "Input: grad must be True or False, got 'no'"),
    (gates(own="no"), 'must have a "name" and a "gate"'),
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_damaged_foreign_or_hostile_file_is_a_value_error(number: int, tmp_path: Path) -> None:
    content, message = HOSTILE[number]
    path = tmp_path / "graph.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(ValueError, match=f"graph.json is not a graph that can be loaded: .*({message})"):
        ComputationalGraph.load(path)


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.999])
def test_half_a_file_is_a_value_error(cut: float, tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    rich_graph().save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(cut * len(content))])
    with pytest.raises(ValueError, match="is not a graph that can be loaded"):
        ComputationalGraph.load(path)


def nested(depth: int) -> ComputationalGraph:
    """Return a graph that holds so many graphs within one another."""
    graph = ComputationalGraph.from_expression("x * 2")
    for _ in range(depth):
        inner, graph = graph.as_gate(), ComputationalGraph()
        graph.add(inner, graph.input("x"))
    return graph


def test_limits_can_be_raised_and_lowered(tmp_path: Path) -> None:
    path = tmp_path / "g"
    nested(33).save(path)
    with pytest.raises(ValueError, match=r"more than 32 graphs within one another; load\(path, max_nesting=...\)"):
        ComputationalGraph.load(path)
    assert ComputationalGraph.load(path, max_nesting=33).forward(x=3) == 6.0
    size = path.stat().st_size
    assert ComputationalGraph.load(path, max_nesting=33, max_bytes=size).forward(x=3) == 6.0
    with pytest.raises(ValueError, match=f"more than {size - 1} bytes; load"):
        ComputationalGraph.load(path, max_bytes=size - 1)
    os.truncate(path, 10**8)
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 10 bytes; load"):
        ComputationalGraph.load(path, max_bytes=10)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()
    with pytest.raises(ValueError, match=r"load\(\): max_bytes must be a whole number of at least 0, got -1"):
        ComputationalGraph.load(path, max_bytes=-1)
    graph = ComputationalGraph()
    copies = graph.add(Copy(7), graph.input("x"))
    graph.output = copies[0] + copies[6]
    graph.save(path)
    assert ComputationalGraph.load(path, max_outputs=5).forward(x=2) == 4.0
    with pytest.raises(ValueError, match="more than 4 outputs"):
        ComputationalGraph.load(path, max_outputs=4)


class Fragile(Gate):
    """A class of one's own whose constructor fails as it likes."""

    def __init__(self, key: str) -> None:
        self.key = {"right": "right"}[key]

    def forward(self, x: Any) -> Any:
        return x

    def backward(self, dz: Any) -> list[Any]:
        return [dz]


def test_settings_that_a_class_of_ones_own_cannot_take_are_a_value_error(tmp_path: Path) -> None:
    path = tmp_path / "g"
    path.write_text(json.dumps(gates(gate="Fragile", own=True, reads=[["x", 0]], settings={"key": "wrong"})))
    with pytest.raises(ValueError, match="Fragile cannot be made of its settings: KeyError: 'wrong'"):
        ComputationalGraph.load(path, gates=[Fragile])


def test_a_file_of_version_1_is_loaded_for_ever() -> None:
    graph = ComputationalGraph.load(FILES / "graph-1.json")
    # x * w = [6, -3]; relu(u) * v of two copies = [36, 0]
    assert graph.forward(x=[3, 1]).tolist() == [36.0]
    gradients = graph.backward(1.0)
    assert {name: gradient.tolist() for name, gradient in gradients.items()} == {"x": [24.0, 0.0], "w": [36.0, 0.0]}
    assert gradients["w"].dtype == np.float32
    assert graph["c"].value.tolist() == [np.inf, 1.0]


def test_a_file_of_version_2_says_which_parameters_are_shared() -> None:
    graph = ComputationalGraph.load(FILES / "graph-2.json")
    # a * w, twice: x * w * w
    assert dict(graph.parameters) == {"graph_1.w": 3.0}
    assert graph.forward(x=2) == 18.0
    assert graph.backward() == {"x": 9.0, "graph_1.w": 12.0}


def test_a_graph_keeps_its_expression_and_its_groups(tmp_path: Path) -> None:
    graph = ComputationalGraph.from_expression("q = x + y; f = q * z")
    graph.save(tmp_path / "g")
    again = ComputationalGraph.load(tmp_path / "g")
    assert again.expression == "q = x + y; f = q * z"
    again.add(Exp(), again["f"])
    again.save(tmp_path / "g")
    assert ComputationalGraph.load(tmp_path / "g").expression is None
    graph = ComputationalGraph()
    with graph.group("a"), graph.group("b"):
        graph.add(Exp(), graph.input("x"))
    graph.save(tmp_path / "g")
    assert ComputationalGraph.load(tmp_path / "g").graph.nodes["exp_1"]["group"] == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expression": 3}, '"expression" must be a text, got 3'),
        ({"expression": "x +"}, "its expression is none: "),
        ({"expression": "x * x"}, "its expression 'x [*] x' is that of another graph"),
        ({"expression": "exp(__import__)"}, "is that of another graph"),
    ],
)
def test_an_expression_that_is_not_the_graphs(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    graph = ComputationalGraph.from_expression("exp(x)")
    graph.save(tmp_path / "g")
    (tmp_path / "g").write_text(json.dumps(json.loads((tmp_path / "g").read_text()) | changes))
    with pytest.raises(ValueError, match=message):
        ComputationalGraph.load(tmp_path / "g")


@pytest.mark.parametrize("group", ["a", [1], [""], [["a"]], {"a": 1}])
def test_a_group_that_is_none(group: Any, tmp_path: Path) -> None:
    (tmp_path / "g").write_text(json.dumps(gates(reads=[["x", 0]], gate="Exp", group=group)))
    with pytest.raises(ValueError, match='"group" must be a list of names, got'):
        ComputationalGraph.load(tmp_path / "g")


def test_shared_parameters_stay_shared(tmp_path: Path) -> None:
    graph = ComputationalGraph()
    graph.output = graph.input("a") * graph.parameter("w", 3.0)
    graph.output = graph.add(graph.as_gate(), graph.output)
    outer = ComputationalGraph()
    outer.add(graph.as_gate(), outer.add(graph.as_gate(), outer.input("x")))
    outer.save(tmp_path / "g")
    again = ComputationalGraph.load(tmp_path / "g")
    assert again.forward(x=1) == outer.forward(x=1) == 81.0
    assert again.backward() == outer.backward() == {"x": 81.0, "graph_1.w": 108.0}
    again.parameters["graph_1.w"] = 2.0
    assert again.forward(x=1) == 16.0


def parameters(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return a document with parameters."""
    return {
        **document(),
        "output": None,
        "gates": [{"name": f"p{i}", "gate": "Parameter", **row} for i, row in enumerate(rows)],
    }


@pytest.mark.parametrize(
    "rows",
    [
        [{"same": 0}],
        [{"settings": {"value": 1}}, {"same": 0}],
        [{"settings": {"value": 1}}, {"same": 1}],
        [{"settings": {"value": 1}}, {"same": -1}],
        [{"settings": {"value": 1}}, {"same": True}],
        [{"settings": {"value": 1}}, {"same": 0.0}],
        [{"settings": {"value": 1}}, {"same": None}],
        [{"settings": {"value": 1}}, {"same": 0, "settings": {"value": 1}}],
        [{"settings": {"value": 1}}, {"same": 0, "gate": "Input"}],
    ],
)
def test_what_is_the_same_as_no_other_parameter(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "g").write_text(json.dumps(parameters(*rows)))
    with pytest.raises(ValueError, match='is not a graph that can be loaded: gate . .*: .*(same|"same")'):
        ComputationalGraph.load(tmp_path / "g")


def test_an_input_that_is_read_as_labels_and_as_numbers_is_refused(tmp_path: Path) -> None:
    graph = ComputationalGraph()
    graph.add(SoftmaxLoss(), graph.input("scores"), graph.input("labels", grad=False))
    graph.save(tmp_path / "g")
    saved = json.loads((tmp_path / "g").read_text())
    saved["gates"].append({"name": "n", "gate": "Negative", "reads": [["labels", 0]]})
    (tmp_path / "g").write_text(json.dumps(saved))
    with pytest.raises(ValueError, match="softmax_loss_1 reads labels as labels and n as numbers"):
        ComputationalGraph.load(tmp_path / "g")


@pytest.mark.parametrize("name", ["", "new/", "new/."])
def test_a_path_without_a_name_is_never_taken_for_its_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "parent" / "here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    graph = ComputationalGraph.from_expression("x * 2")
    for write in (graph.save, graph.to_svg, lambda path: graph.to_html(path, x=1)):
        with pytest.raises(FileNotFoundError) as raised:
            write(name)
        assert raised.value.filename == name
    for settings in ({"checkpoint": name}, {"resume": name}):
        with pytest.raises(FileNotFoundError, match=re.escape(repr(name))):
            train(line(), {"x": [1.0], "y": [1.0]}, progress=False, **settings)
    with pytest.raises(FileNotFoundError):
        ComputationalGraph.load(name)
    ends = os.pipe()
    with pytest.raises(TypeError, match="expected str, bytes or os.PathLike object, not int"):
        graph.save(ends[1])  # type: ignore[arg-type]
    for end in ends:
        os.close(end)
    assert list(tmp_path.rglob("*")) == [here.parent, here]


WRITER = """
import sys
from graph.saving.atomic_file import write_atomically
def write(file):
    file.write(b"half")
    print("writes", flush=True)
    sys.stdin.readline()
write_atomically(sys.argv[1], write)
"""


def writer(path: Path) -> Any:
    """Start a process that writes a file, and wait until it is in the middle of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writes\n"
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks by flock")
def test_what_a_killed_writer_left_is_removed_and_the_file_of_a_living_one_stays(tmp_path: Path) -> None:
    path, others = tmp_path / "g", [tmp_path / ".g.20261126", tmp_path / ".gg.01234567.tmp", tmp_path / ".g.txt.tmp"]
    for other in others:
        other.write_text("a user's")
    dead, living = writer(path), writer(path)
    dead.kill()
    dead.communicate()
    assert len(list(tmp_path.iterdir())) == 3 + 2
    ComputationalGraph.from_expression("x * 2").save(path)
    assert len(list(tmp_path.iterdir())) == 3 + 2  # the new file, and the living writer's
    assert ComputationalGraph.load(path).forward(x=1) == 2.0
    living.communicate("\n")
    assert living.returncode == 0
    assert path.read_bytes() == b"half"
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


@pytest.mark.parametrize("part", range(10))
def test_mutated_files_are_refused_or_run(part: int) -> None:
    outcomes = [mutated_files.try_seed(seed)[1] for seed in range(30 * part, 30 * part + 30)]
    assert {"refused", "runs"} <= set(outcomes)


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ComputationalGraph.load(tmp_path / "nope")
    with pytest.raises(FileNotFoundError, match=r"nope.graph\.json"):
        rich_graph().save(tmp_path / "nope" / "graph.json")
    with pytest.raises(TypeError, match=r"load\(\): gates must be a list of classes, got \['Cube'\]"):
        ComputationalGraph.load(tmp_path / "nope", gates={"Cube": Cube})


def test_the_file_is_json_that_people_can_read(tmp_path: Path) -> None:
    graph = ComputationalGraph()
    graph.add(Multiply(), graph.add(LeakyReLU(0.2), graph.input("x"), name="r"), graph.parameter("w", 2), name="f")
    graph.save(tmp_path / "g")
    assert json.loads((tmp_path / "g").read_text()) == {
        "format": "gategraph",
        "version": 3,
        "guard": False,
        "output": None,
        "gates": [
            {"name": "x", "gate": "Input", "settings": {"grad": True}},
            {"name": "r", "gate": "LeakyReLU", "settings": {"slope": 0.2}, "reads": [["x", 0]]},
            {"name": "w", "gate": "Parameter", "settings": {"value": 2.0}},
            {"name": "f", "gate": "Multiply", "reads": [["r", 0], ["w", 0]]},
        ],
    }


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "graph.json", tmp_path / "link.json"
    link.symlink_to(file)
    for expression in ("x + y", "x * y"):
        ComputationalGraph.from_expression(expression).save(link)
        assert link.is_symlink()
        assert ComputationalGraph.load(file).forward(x=2, y=5) == {"x + y": 7.0, "x * y": 10.0}[expression]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph.json", "link.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of Unix")
def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    ComputationalGraph.from_expression("x + y").save(pipe)
    reader.join(10)
    assert pipe.is_fifo()
    assert '"Add"' in read[0]
