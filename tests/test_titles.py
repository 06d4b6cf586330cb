"""Titles: the expression of a graph, pretty but recognizable, until the graph changes."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

from graph import ComputationalGraph
from graph.watching.titles import pretty, title_of


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("(x+y)*z", "(x + y) × z"),
        ("q = x + y; f = q * z", "q = x + y; f = q × z"),
        ("q=x+y\nf=q*z\n", "q = x + y; f = q × z"),
        ("1/(1+exp(-(w0*x0+w1)))", "1 / (1 + exp(−(w0 × x0 + w1)))"),
        ("x**2 + y**-1 - 3", "x² + y⁻¹ − 3"),
        ("x ** 2 ** 3", "x ** 2³"),
        ("x**0.5", "x ** 0.5"),
        ("2**x", "2 ** x"),
        ("x ** y", "x ** y"),
        ("max(x,-y)", "max(x, −y)"),
        ("-x*-y", "−x × −y"),
        ("- - x", "−−x"),
        ("2*pi*r", "2 × π × r"),
        ("W @ x", "W @ x"),
        ("x**12", "x¹²"),
        (" ; x ;\n", "x"),
    ],
)
def test_pretty(expression: str, wanted: str) -> None:
    ComputationalGraph.from_expression(expression)
    assert pretty(expression) == wanted


def test_a_graph_knows_its_expression_until_it_changes() -> None:
    text = "q = x + y; f = q * z"
    graph = ComputationalGraph.from_expression(text)
    for one in (graph, copy.copy(graph), copy.deepcopy(graph), pickle.loads(pickle.dumps(graph))):
        assert one.expression == text
        assert title_of(one) == "q = x + y; f = q × z"
    graph.output = graph["q"]
    assert graph.expression is None
    graph.output = graph["f"]
    assert graph.expression == text
    graph["f"] + 1.0
    assert graph.expression is None
    assert title_of(graph) == repr(graph)
    assert ComputationalGraph().expression is None


def test_pictures_and_pages_have_it_as_their_title(tmp_path: Path) -> None:
    graph = ComputationalGraph.from_expression("(x + y) * z")
    assert "<title>(x + y) × z</title>" in graph.to_svg()
    graph.to_html(tmp_path / "page.html", x=-2, y=5, z=-4)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>(x + y) × z</h1>" in page
    long = ComputationalGraph.from_expression(" + ".join(["x"] * 200))
    long.to_html(tmp_path / "long.html", x=1)
    assert "<h1>add_199, gate by gate</h1>" in (tmp_path / "long.html").read_text(encoding="utf-8")


def test_no_name_injects_into_a_title(tmp_path: Path) -> None:
    graph: Any = ComputationalGraph.from_expression("a + b")
    graph._text = ("<script>alert(1)</script>", *graph._text[1:])
    assert "<script>alert" not in graph.to_svg()
    graph.to_html(tmp_path / "page.html", a=1, b=2)
    assert "<script>alert" not in (tmp_path / "page.html").read_text(encoding="utf-8")
