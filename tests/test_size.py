"""Large graphs: 1,000,000 gates run, and chains of 100,000 work as small graphs do, without recursion."""

import sys
from pathlib import Path

import pytest

from gates import Add, Scale
from graph import ComputationalGraph


@pytest.fixture
def shallow_stack() -> object:
    """Leave little room for recursion."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(150)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("shallow_stack")
def test_a_chain_of_100_000_gates(tmp_path: Path) -> None:
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    wire = x
    for number in range(50_000):
        wire = graph.add(Scale(1 - 2 * (number % 2)), wire)
        wire = graph.add(Add(), wire, y)
    # Every pair of rounds takes x to -x - y + y = -x.
    assert graph.forward(x=3, y=5) == 3.0
    assert graph.backward() == {"x": 1.0, "y": 0.0}
    assert graph.nodes_topologically_sorted()[-1] == "add_50000"
    assert str(graph).count("\n") == 101
    assert repr(graph) == "ComputationalGraph(2 inputs, 100,000 gates)"
    svg = graph.to_svg()
    assert "100,000 gates" in svg
    assert len(svg) < 100_000
    graph.save(tmp_path / "chain.json")
    again = ComputationalGraph.load(tmp_path / "chain.json")
    assert again.forward(x=3, y=5) == 3.0
    assert again.as_gate().forward(3, 5) == 3.0
    assert again.evaluate("add_2", x=3, y=5) == -3.0


@pytest.mark.usefixtures("shallow_stack")
def test_a_graph_of_1_000_000_gates() -> None:
    columns, rounds = 1000, 333
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    row = [x] * columns
    for _ in range(rounds):
        # each column adds y and its right neighbour, and halves: after a round every column is (2 c + y) / 2
        row = [
            graph.add(Scale(0.5), graph.add(Add(), graph.add(Add(), left, right), y))
            for left, right in zip(row, [*row[1:], row[0]])
        ]
    total = row[0]
    for wire in row[1:]:
        total = graph.add(Add(), total, wire)
    assert len(graph) == 2 + 3 * columns * rounds + columns - 1 >= 1_000_000
    # By hand: a column ends as x + rounds * y / 2, and there are 1,000 of them.
    assert graph.forward(x=3, y=5) == columns * (3 + rounds * 5 / 2)
    assert graph.backward() == {"x": float(columns), "y": columns * rounds / 2}
    assert f"{len(graph) - 100:,} more gates" in str(graph)
