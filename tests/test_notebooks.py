"""What a notebook shows, through IPython's own formatter."""

from typing import Any
from xml.etree import ElementTree

import pytest
from IPython.core.formatters import DisplayFormatter

from gates import Exp, Multiply, check_gate
from graph import ComputationalGraph
from tests.circuits import CIRCUIT_1, circuit_1
from tests.pictures import SVG


@pytest.fixture(scope="module")
def formatter() -> Any:
    return DisplayFormatter()


class Doubled(Exp):
    """An exponential whose backward is off by a factor of 2."""

    def backward(self, dy: Any) -> list[Any]:
        return [2 * gradient for gradient in super().backward(dy)]


def cells(html: str) -> list[list[str]]:
    """Return the texts of all rows of the tables in some HTML."""
    root = ElementTree.fromstring(f"<div>{html}</div>")
    return [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]


def test_a_graph_shows_its_picture(formatter: Any) -> None:
    graph = circuit_1()
    graph.forward(CIRCUIT_1)
    shown, _ = formatter.format(graph)
    assert shown["text/plain"] == repr(graph)
    root = ElementTree.fromstring(shown["image/svg+xml"])
    assert {group.get("data-wire") for group in root.iter(f"{SVG}g")} >= set("xyzqf")
    assert shown["image/svg+xml"] in shown["text/html"]
    assert graph._repr_html_() == shown["text/html"]


@pytest.mark.parametrize("ink", ["rgb(20, 20, 20)", "rgb(235, 235, 235)"])
def test_a_picture_follows_the_text_of_the_notebook_and_not_the_screen(ink: str, page: Any) -> None:
    page.emulate_media(color_scheme="dark")  # a notebook may be light on a dark screen
    page.set_content(f"<body style='color: {ink}'>{circuit_1()._repr_html_()}</body>")
    assert page.evaluate("() => getComputedStyle(document.querySelector('.symbol')).fill") == ink


def test_a_graph_without_gates_shows_something(formatter: Any) -> None:
    assert "<svg" in formatter.format(ComputationalGraph())[0]["text/html"]


def test_a_stepper_shows_the_picture_with_the_gate_at_work_and_its_step(formatter: Any) -> None:
    stepper = circuit_1().stepper(**CIRCUIT_1)
    assert " lit" not in formatter.format(stepper)[0]["text/html"]
    stepper.next()
    html = formatter.format(stepper)[0]["text/html"]
    root = ElementTree.fromstring(f"<div>{html}</div>")
    assert [group.get("data-gate") for group in root.iter(f"{SVG}g") if "gate lit" in group.get("class", "")] == ["q"]
    assert "forward: q = x + y = -2 + 5 = 3" in html


def test_a_step_shows_its_table(formatter: Any) -> None:
    forward, _, backward, _ = circuit_1().stepper(**CIRCUIT_1)
    assert cells(formatter.format(forward)[0]["text/html"]) == [["wire", "value"], ["x", "-2"], ["y", "5"], ["q", "3"]]
    shown, _ = formatter.format(backward)
    assert shown["text/plain"] == str(backward)
    assert cells(shown["text/html"]) == [
        ["wire", "value", "local gradient", "upstream gradient", "local × upstream"],
        ["q", "3", "-4", "1", "-4"],
        ["z", "-4", "3", "1", "3"],
    ]


def test_a_report_shows_its_table(formatter: Any) -> None:
    shown, _ = formatter.format(check_gate(Doubled(), 0.0, upstream=1.0))
    head, row = cells(shown["text/html"])
    assert head[:4] == ["input", "index", "analytic", "numeric"]
    assert row[:4] == ["x", "", "2", "1"]
    assert "off by a factor of 2" in shown["text/html"]


def test_a_report_on_a_graph_shows_both_tables(formatter: Any) -> None:
    graph = ComputationalGraph()
    graph.output = graph.add(Doubled(), graph.input("x"), name="wrong") * 2
    rows = cells(formatter.format(graph.check(x=0))[0]["text/html"])
    assert [row[0] for row in rows] == ["input", "x", "gate", "wrong"]


def test_an_explanation_shows_its_table(formatter: Any) -> None:
    graph = ComputationalGraph.from_expression("x * x")
    graph.forward(x=3)
    graph.backward()
    rows = cells(formatter.format(graph.explain("x"))[0]["text/html"])
    assert [row[0] for row in rows] == ["read by", *["multiply_1 = x * x"] * 2, "sum"]
    assert rows[-1][1] == "3 + 3 = 6"


def test_names_are_escaped(formatter: Any) -> None:
    graph = ComputationalGraph()
    graph.add(Multiply(), *graph.inputs("<b>", "</td>"), name="<script>")
    for step in graph.stepper({"<b>": 1, "</td>": 2}):
        html = formatter.format(step)[0]["text/html"]
        assert "<b>" not in html
        assert "<script>" not in html
        assert ["<b>", "1"] in [row[:2] for row in cells(html)]
    assert "<script>" not in formatter.format(graph.explain("<b>"))[0]["text/html"]
