"""Generated code: what it looks like, that it runs alone and gives the same bits, and that no name injects code."""

from __future__ import annotations

import ast
import copy
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gates import Add, Dropout, Embedding, Gate, Index, Multiply, ReLU, namespace
from graph import ComputationalGraph, fully_connected
from graph.engines.source.generated import Specialization
from graph.engines.source.writing import Names
from graph.engines.trace.literals import quoted
from tests.cases import CASES
from tests.circuits import CIRCUIT_1, CIRCUIT_2, batch, circuit_1, circuit_2
from tests.engine_circuits import CIRCUITS, Circuit, own_gates
from tests.test_engines import assert_same_passes, both_passes

CIRCUIT_2_WRITTEN = '''
def both_passes(w0, x0, w1, x1, w2, *, dreciprocal_1=1.0):
    """Return the value of the output, and the gradients by name, of numbers."""
    # forward
    multiply_1 = w0 * x0
    multiply_2 = w1 * x1
    add_1 = multiply_1 + multiply_2
    add_2 = add_1 + w2
    negative_1 = -add_2
    exp_1 = exp(negative_1)
    shift_1 = exp_1 + 1.0
    reciprocal_1 = divide(1.0, shift_1)

    # backward
    # reciprocal_1: Reciprocal
    dshift_1 = -divide(divide(dreciprocal_1, shift_1), shift_1)
    # shift_1: Shift
    dexp_1 = dshift_1
    # exp_1: Exp
    dnegative_1 = dexp_1 * exp_1
    # negative_1: Negative
    dadd_2 = -dnegative_1
    # add_2: Add, gradient distributor
    dadd_1 = dadd_2
    dw2 = dadd_2
    # add_1: Add, gradient distributor
    dmultiply_1 = dadd_1
    dmultiply_2 = dadd_1
    # multiply_2: Multiply, gradient switcher
    dw1 = dmultiply_2 * x1
    dx1 = dmultiply_2 * w1
    # multiply_1: Multiply, gradient switcher
    dw0 = dmultiply_1 * x0
    dx0 = dmultiply_1 * w0
    return reciprocal_1, {"w0": dw0, "x0": dx0, "w1": dw1, "x1": dx1, "w2": dw2}
'''


def function_of(text: str) -> Any:
    """Return the function that generated code defines, run as a program of its own."""
    space: dict[str, Any] = {}
    exec(text, space)
    return space["both_passes"]


def run_alone(graph: ComputationalGraph, text: str, inputs: dict[str, Any], upstream: Any) -> Any:
    """Call generated code with what it names: inputs, parameters, constants that are arrays, and gates."""
    function = function_of(text)
    code = function.__code__
    count = code.co_argcount
    arguments = [name for name, gate in graph.graph.nodes(data="gate") if type(gate).__name__ == "Input"]
    values = {**{name: inputs[name] for name in arguments}, **graph.parameters}
    own = [node for node in graph.nodes_topologically_sorted() if node in values]
    positional = [values[name] for name in [*own, *[name for name in graph.parameters if name not in graph]]]
    assert len(positional) == count
    options: dict[str, Any] = {}
    for name in code.co_varnames[count : count + code.co_kwonlyargcount]:
        if name.endswith("_gate"):
            options[name] = copy.deepcopy(graph.graph.nodes[name.removesuffix("_gate")]["gate"])
        elif name in graph:
            options[name] = graph[name].gate.value
        elif upstream is not None:
            options[name] = upstream
    return function(*[float(value) if np.ndim(value) == 0 else value for value in positional], **options)


def test_the_code_of_the_lectures_circuits() -> None:
    assert circuit_2().to_source().endswith("\n\n" + CIRCUIT_2_WRITTEN)
    text = circuit_1().to_source()
    assert "import" not in text
    assert (
        "    q = x + y\n    f = q * z\n\n    # backward\n    # f: Multiply, gradient switcher\n    dq = df * z\n"
        in text
    )
    assert function_of(text)(-2.0, 5.0, -4.0) == (-12.0, {"x": -4.0, "y": -4.0, "z": 3.0})


@pytest.mark.parametrize("name", CIRCUITS)
def test_it_is_the_code_that_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = CIRCUITS[name]
    monkeypatch.setattr(Specialization, "_run_gate_by_gate", None)
    run = circuit.make().compile()
    for _ in range(2):
        with np.errstate(all="ignore"):
            run(circuit.inputs(), circuit.upstream)


def test_gradients_add_at_branches() -> None:
    text = ComputationalGraph.from_expression("x * y + x").to_source()
    assert text.index("    dx = dadd_1\n") < text.index("    dx = dx + dmultiply_1 * y\n")


def test_the_code_of_a_network() -> None:
    graph = fully_connected([4, 3, 2])
    text = graph.to_source(X=np.ones((5, 4)), y=[0, 1, 0, 1, 1])
    for line in (
        "import numpy as np",
        "def both_passes(X, y, W1, b1, W2, b2, *, dloss=1.0):",
        "    assert X.shape == (5, 4)",
        "    assert y.shape == (5,)",
        "    h1 = np.where(add_1 <= 0.0, 0.0, add_1)",
        "    # h1: ReLU",
        "    dadd_1 = np.where(add_1 <= 0.0, 0.0, dh1)",
        "    dW1 = X.mT @ dmatmul_1",
        "    db1 = np.sum(dadd_1, axis=(0,))",
    ):
        assert f"\n{line}\n" in text


@pytest.mark.parametrize("circuit", [pytest.param(circuit, id=name) for name, circuit in CIRCUITS.items()])
def test_it_runs_alone_and_gives_the_same_bits(circuit: Circuit) -> None:
    graph = circuit.make()
    wanted = both_passes(graph, circuit)
    text = graph.to_source(circuit.inputs())
    imported = {line for line in text.splitlines() if line.startswith(("import", "from"))}
    only_math = circuit.numbers and circuit.traceable and circuit is not CIRCUITS["wide"]  # the others use np.multiply
    assert imported <= ({"import math"} if only_math else {"import math", "import numpy as np"})
    with np.errstate(all="ignore"):
        found = run_alone(graph, text, circuit.inputs(), circuit.upstream)
    assert_same_passes("source", found, wanted)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name if hasattr(case, "name") else str(case.make()))
def test_every_gate_is_written_down(case: Any) -> None:
    random = np.random.default_rng(0)
    for inputs in list(_some_inputs(case, random)):
        graph = ComputationalGraph()
        names = [f"x{place}" for place in range(len(inputs))]
        wires = graph.add(case.make(), *graph.inputs(*names))
        graph.output = wires if not isinstance(wires, tuple) else wires[0]
        given = dict(zip(names, inputs))
        text = graph.to_source(given)
        gate = case.make()
        is_object = isinstance(gate, (Index, Embedding))  # which add at places
        assert ("called as an object" in text) == (is_object or (isinstance(gate, Dropout) and gate.training))
        value = graph.forward(given)
        upstream = np.ones_like(value) if np.ndim(value) else None
        wanted = value, graph.backward(upstream)
        assert_same_passes("source", graph.compile()(given, upstream), wanted)


def _some_inputs(case: Any, random: Any) -> Any:
    """Yield inputs of the shapes of a case, arrays and numbers."""
    for shapes in case.shapes:
        inputs = [random.uniform(0.5, 2.0, shape) if shape else 0.75 for shape in shapes]
        for port in case.labels:
            classes = shapes[1][0] if port == 0 else shapes[0][-1]  # the rows of an embedding's table
            inputs[port] = random.integers(0, max(classes, 1), shapes[port])
        if all(np.size(value) for value in inputs):
            yield inputs


def test_code_is_as_ruff_leaves_it(tmp_path: Path) -> None:
    for place, (name, circuit) in enumerate(CIRCUITS.items()):
        text = circuit.make().to_source(circuit.inputs())
        (tmp_path / f"circuit_{place}.py").write_text(f"# {name}\n" + text, encoding="utf-8")
    (tmp_path / "network.py").write_text(fully_connected([4, 5, 6, 3]).to_source(batch()))
    (tmp_path / "maxout.py").write_text(CIRCUITS["several"].make().to_source(CIRCUITS["several"].inputs()))
    for command in (["format", "--check", "--diff"], ["check", "--select=E4,E7,E9,F,I"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", str(tmp_path)]
        done = subprocess.run(ruff, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


class Branching(Gate):
    """y = |x|, by a question."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return x if x > 0 else -x

    def backward(self, dy: Any) -> list[Any]:
        (x,) = self.kept
        return [dy if x > 0 else -dy]


class LateBranching(Multiply):
    """A product whose backward alone asks for a value."""

    def backward(self, dz: Any) -> list[Any]:
        x, y = self.kept
        return [dz * y, dz * x] if dz != 0 else [0.0, 0.0]


class Noisy(Gate):
    """y = x + noise: nothing that can be written down once."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def forward(self, x: Any) -> Any:
        return x + self.random.normal()

    def backward(self, dy: Any) -> list[Any]:
        return [dy]


class ByMath(Gate):
    """y = sin x, of numbers alone."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return math.sin(x)

    def backward(self, dy: Any) -> list[Any]:
        (x,) = self.kept
        return [dy * math.cos(x)]


class Written(Gate):
    """y = sinh(x) sign(x): with functions that gategraph's own gates do not use."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return namespace(x).sinh(x) * namespace(x).sign(x)

    def backward(self, dy: Any) -> list[Any]:
        (x,) = self.kept
        return [dy * namespace(x).cosh(x) * namespace(x).sign(x)]


class Step(Gate):
    """y = whether x is positive, as a user may give it: a truth value, or an array of them."""

    def forward(self, x: Any) -> Any:
        return x > 0

    def backward(self, dy: Any) -> list[Any]:
        return [0 * dy]


class Stacked(Gate):
    """y = x backwards, and moved by one place, and a small array: with lists, indices and keywords."""

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        both = np.stack([x, 2.0 * x], axis=0)
        return both[0, ::-1] + np.concatenate((x[1:], x[:1])) + np.array([1.0, 2.0, 3.0])

    def backward(self, dy: Any) -> list[Any]:
        return [dy[::-1] + np.roll(dy, 1)]


@pytest.mark.parametrize("gate", [Step, Stacked])
def test_what_users_gates_give(gate: type) -> None:
    graph = ComputationalGraph()
    graph.output = graph.add(gate(), graph.input("x")) * graph["x"]
    x = np.array([1.0, -2.0, 0.5])
    text = graph.to_source(x=x)
    assert "called as an object" not in text
    value = graph.forward(x=x)
    wanted = value, graph.backward(1.0)
    assert_same_passes("source", graph.compile()({"x": x}, 1.0), wanted)
    assert_same_passes("source", run_alone(graph, text, {"x": x}, np.ones(3)), wanted)
    if gate is Step:
        assert graph.compile()(x=2.0) == (graph.forward(x=2.0), graph.backward())


@pytest.mark.parametrize("gate", [Branching, LateBranching, ByMath, Noisy])
def test_a_gate_that_cannot_be_written_down_is_called_as_an_object(gate: type) -> None:
    def graph_of() -> ComputationalGraph:
        graph = ComputationalGraph()
        x, y = graph.inputs("x", "y")
        count = 2 if gate is LateBranching else 1
        wire = graph.add(gate(), *(x * y, y)[:count], name="odd")
        graph.add(Add(), wire, x * x)
        return graph

    text = graph_of().to_source(x=0.5, y=-3.0)
    assert "odd_gate):" in text
    assert "    odd = odd_gate.forward(multiply_1" in text
    assert f"# odd: {gate.__name__}, " in text
    assert "called as an object: " in text
    if gate is not Noisy:
        run = graph_of().compile()
        for x, y in ((0.5, -3.0), (2.0, 3.0), (0.0, 1.0)):
            graph = graph_of()
            assert run(x=x, y=y) == (graph.forward(x=x, y=y), graph.backward())


def test_functions_that_users_gates_call() -> None:
    graph = ComputationalGraph()
    graph.add(Written(), graph.input("x"))
    for x in (0.5, -800.0, np.array([[1.0, -2.0]])):
        upstream = None if type(x) is float else 1.0
        with np.errstate(all="ignore"):
            value = graph.forward(x=x)
            wanted = value, graph.backward(upstream)
            text = graph.to_source(x=x)
            assert "called as an object" not in text
            assert_same_passes("source", graph.compile()({"x": x}, upstream), wanted)
            assert_same_passes("source", run_alone(graph, text, {"x": x}, upstream), wanted)


def test_shapes_come_from_the_last_forward_pass_and_are_wanted_where_there_was_none() -> None:
    graph = fully_connected([4, 3], seed=0)
    with pytest.raises(ValueError, match=r"give it arrays of the right shapes, or run forward\(\) first"):
        graph.to_source()
    graph.forward(batch())
    assert graph.to_source() == graph.to_source(batch())


NASTY = [
    "x; import os",
    "a\nimport os\n",
    '"""\nimport os\n"""',
    "'+__import__('os')+'",
    "# \r\x0cimport os",
    "\\",
    "{0}",
    "x\u2028import os",
    "__import__('os').system('true')",
    "\u00aa",
    "\ufb01",
    "fi",
]


def test_no_name_injects_code() -> None:
    graph = ComputationalGraph()
    wires = graph.inputs(*NASTY)
    total = wires[0]
    for place, wire in enumerate(wires[1:]):
        total = graph.add(Multiply(), total, wire, name=f"{NASTY[place]} gate")
    nasty = type("X\nimport os", (Branching,), {})
    graph.output = graph.add(nasty(), total, name="y\nimport os\n#")
    inputs = dict.fromkeys(NASTY, 1.5)
    text = graph.to_source(inputs)
    tree = ast.parse(text)
    assert [type(node).__name__ for node in tree.body] == ["Expr", "FunctionDef"]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert called == {"y_import_os_gate.forward", "y_import_os_gate.backward"}
    assert graph.compile()(inputs) == (graph.forward(inputs), graph.backward())


def test_a_settings_repr_injects_nothing() -> None:
    class Sneaky(float):
        def __repr__(self) -> str:
            return "__import__('os')"

    class Scaled(Gate):
        def __init__(self, a: float) -> None:
            self.a = a

        def forward(self, x: Any) -> Any:
            return self.a * x

        def backward(self, dy: Any) -> list[Any]:
            return [self.a * dy]

    graph = ComputationalGraph()
    graph.add(Scaled(Sneaky(2.0)), graph.input("x"), name="scaled")
    assert "import" not in graph.to_source(x=1.0)
    assert graph.compile()(x=3.0) == (6.0, {"x": 2.0})


def test_names_are_identifiers_each_used_once() -> None:
    names = Names({"math"})
    made = [
        names.new(name) for name in ["x", "x", "math", "class", "None", "", "1", "x" * 50, "x" * 50, "a b", "a_b", "_"]
    ]
    assert len(set(made)) == len(made)
    assert all(name.isidentifier() and len(name) <= 23 for name in made)
    assert made[:4] == ["x", "x_1", "math_1", "class_"]


@pytest.mark.parametrize("text", ["", "a", "it's", 'say "x"', "both ' and \"", "\n\t\\\x00", "\ud800", "\u2028", '"""'])
def test_quoted_strings_are_what_they_were(text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
    assert "\n" not in quoted(text)


def test_long_expressions_stay_within_a_line() -> None:
    class Long(Gate):
        def forward(self, x: Any) -> Any:
            self.kept = (x,)
            total = x
            for _ in range(300):
                total = total * 1.01 + x
            return total

        def backward(self, dy: Any) -> list[Any]:
            slope = 1.0
            for _ in range(300):
                slope = slope * 1.01 + 1.0
            return [dy * slope]

    graph = ComputationalGraph()
    graph.add(Long(), graph.input("a_rather_long_name_of_an_input"), name="an_even_longer_name_of_a_gate")
    text = graph.to_source()
    assert max(map(len, text.splitlines())) <= 88
    assert graph.compile()(a_rather_long_name_of_an_input=0.5)[0] == graph.forward(a_rather_long_name_of_an_input=0.5)


def test_many_inputs_and_a_long_chain() -> None:
    graph = ComputationalGraph()
    wires = graph.inputs(*[f"x{place}" for place in range(300)])
    total = wires[0]
    for place in range(5000):
        total = graph.add((Multiply, Add)[place % 2](), total, wires[place % 300])
    total = graph.add(ReLU(), total)
    inputs = {f"x{place}": 1.0 + place / 3e5 for place in range(300)}
    assert graph.compile()(inputs) == (graph.forward(inputs), graph.backward())


def test_own_gates_are_called_by_name() -> None:
    text = own_gates().to_source(x=0.3, y=-0.8)
    assert "    sine = sine_gate.forward(y)\n" in text
    assert "def both_passes(x, y, *, dadd_1=1.0, clipped_gate, sine_gate):" in text


def test_numbers_of_every_kind_and_parameters_in_the_short_way() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    graph.output = x * graph.parameter("w", 2.0) + np.exp(graph.input("others"))
    run = graph.compile()
    for _ in range(3):
        assert run(x=3.0, others=0.0) == (7.0, {"x": 2.0, "w": 3.0, "others": 1.0})
        assert run(x=3, others=False) == run(x=np.float64(3), others=0.0) == run({"x": 3.0, "others": 0.0})
        assert run(x=3.0, others=1000.0) == (math.inf, {"x": 2.0, "w": 3.0, "others": math.inf})
    graph.parameters["w"] = 5.0
    assert run(x=3.0, others=0.0)[0] == 16.0
    assert run({"x": 3.0, "others": 0.0}, 2.0)[1] == {"x": 10.0, "w": 6.0, "others": 2.0}
    assert run(**CIRCUIT_X)[0] == 11.0


CIRCUIT_X = {"x": 2.0, "others": 0.0}


def test_repr() -> None:
    run = circuit_2().compile()
    assert repr(run.__self__) == "<source engine: 8 gates>"  # type: ignore[attr-defined]  # a bound method has it
    assert run(**CIRCUIT_2)[0] == circuit_2().forward(**CIRCUIT_2)
    assert circuit_1().compile()(**CIRCUIT_1)[0] == -12.0
