"""What a REPL shows: gates, wires, graphs, and the table of a graph."""

import numpy as np

from gates import Copy
from graph import ComputationalGraph
from tests.circuits import circuit_1


def test_the_table_before_and_after_the_passes() -> None:
    graph = circuit_1()
    assert str(graph) == (
        "name  gate      reads  value  gradient\n"
        "x     Input            -      -\n"
        "y     Input            -      -\n"
        "z     Input            -      -\n"
        "q     Add       x, y   -      -\n"
        "f     Multiply  q, z   -      -"
    )
    graph.forward(x=-2, y=5, z=-4)
    graph.backward()
    assert str(graph) == (
        "name  gate      reads  value  gradient\n"
        "x     Input            -2.0   -4.0\n"
        "y     Input            5.0    -4.0\n"
        "z     Input            -4.0   3.0\n"
        "q     Add       x, y   3.0    -4.0\n"
        "f     Multiply  q, z   -12.0  1.0"
    )


def test_the_table_shortens_long_arrays_and_names_outputs() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    w = graph.parameter("w", np.arange(3.0))
    left, right = graph.add(Copy(2), x * 3, name="fork")
    graph.output = ((left * right).reshape(-1) + 1).sum() + w.sum() + graph.constant(1 / 3, name="third") ** 2
    graph.forward(x=np.linspace(0, 1, 100).reshape(10, 10))
    graph.backward()
    rows = {line.split()[0]: line for line in str(graph).splitlines()}
    assert "(10, 10) from 0 to 1" in rows["x"]
    assert "[0 1 2]" in rows["w"]
    assert "[1 1 1]" in rows["w"]
    assert rows["fork[1]"].split()[1:3] == ["Copy(n=2)", "scale_1"]
    assert "fork[0], fork[1]" in rows["multiply_1"]
    assert "0.333333" in rows["third"]
    assert rows["third"].endswith("-")
    assert rows["power_1"].split()[1:3] == ["Power(p=2.0)", "third"]


class Slide:
    """A gate without a repr of its own."""

    def forward(self, x: float) -> float:
        return x

    def backward(self, dz: float) -> list[float]:
        return [dz]


def test_a_gate_of_the_users_own_is_shown_by_its_class() -> None:
    graph = ComputationalGraph()
    graph.add(Slide(), graph.input("x"))
    assert str(graph).splitlines()[-1].split() == ["slide_1", "Slide", "x", "-", "-"]
    assert repr(graph["slide_1"]) == "Wire(slide_1: Slide)"


def test_the_table_of_a_large_graph_shows_its_ends() -> None:
    graph = ComputationalGraph()
    wire = graph.input("x")
    for _ in range(1000):
        wire = wire + 1
    graph.forward(x=0)
    lines = str(graph).splitlines()
    assert len(lines) == 102
    assert lines[51] == "... 901 more gates ..."
    assert lines[-1].split() == ["shift_1000", "Shift(c=1.0)", "shift_999", "1000.0", "-"]


def test_repr_of_a_wire_and_of_a_graph() -> None:
    graph = circuit_1()
    q = graph["q"]
    assert (str(q), repr(q)) == ("q", "Wire(q: Add)")
    graph.forward(x=-2, y=5, z=-4)
    assert repr(q) == "Wire(q: Add, value=3.0)"
    graph.backward()
    assert repr(q) == "Wire(q: Add, value=3.0, grad=-4.0)"
    assert repr(graph) == "ComputationalGraph(3 inputs, 2 gates)"
    graph.parameter("w", 1)
    assert repr(graph) == "ComputationalGraph(3 inputs, 1 parameter, 2 gates)"
    assert str(ComputationalGraph()) == "name  gate  reads  value  gradient"
    assert repr(ComputationalGraph()) == "ComputationalGraph(0 inputs, 0 gates)"
    assert repr(graph.parameters) == "{'w': 1.0}"
