"""What a notebook shows, through IPython's own formatter."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from IPython.core.formatters import DisplayFormatter

from gates import Exp, Multiply, check_gate
from graph import ComputationalGraph
from graph.watching.stepper import Stepper
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


@pytest.fixture
def frame(page: Any, formatter: Any) -> Any:
    """Return a function that puts what a cell shows into a page, and returns the frame in it."""

    def shown(thing: Any) -> Any:
        page.set_content(f"<body>{formatter.format(thing)[0]['text/html']}</body>")
        return page.frame_locator("iframe")

    return shown


def test_a_page_in_a_cell_steps(frame: Any, page: Any) -> None:
    shown = frame(circuit_1().show(CIRCUIT_1))
    assert shown.locator("#count").text_content() == "0 of 4"
    shown.get_by_role("button", name="Step forward").click()
    assert shown.locator("#count").text_content() == "1 of 4"
    shown.get_by_label("x", exact=True).fill("7")
    assert shown.locator('[data-wire="q"] .value').text_content() == "12"
    assert page.locator("iframe").get_attribute("sandbox") == "allow-scripts"


def test_a_page_in_a_cell_cannot_reach_the_notebook(frame: Any, page: Any) -> None:
    graph = ComputationalGraph()
    graph.output = graph.input("</iframe><script>parent.document.title = 'reached'</script>") * 2
    shown = frame(graph.show({next(iter(graph)): 1}))
    assert shown.locator("#count").text_content() == "0 of 2"
    inner = page.frames[1]
    reached = "() => { try { return parent.document.title } catch (error) { return error.name } }"
    assert inner.evaluate(reached) == "SecurityError"
    assert page.title() != "reached"


def test_a_stepper_shows_the_page_at_its_step(frame: Any) -> None:
    stepper = circuit_1().stepper(CIRCUIT_1)
    stepper.run_to("f")
    stepper.run_to("f")
    shown = frame(stepper.show())
    assert shown.locator("#count").text_content() == "2 of 4"
    assert [shown.locator(f'[data-wire="{name}"] .value').text_content() for name in "qf"] == ["3", "-12"]
    assert stepper.where == ("backward", "f")
    with pytest.raises(ValueError, match=r"show\(\) needs a stepper that graph.stepper\(\) made"):
        Stepper(circuit_1(), CIRCUIT_1).show()


def test_a_written_page_is_a_link(tmp_path: Path, formatter: Any, page: Any) -> None:
    path = tmp_path / "a b & c's.html"
    link = circuit_1().to_html(path, **CIRCUIT_1)
    assert link == str(path)
    page.goto(f"file://{tmp_path}")
    page.set_content(formatter.format(link)[0]["text/html"])
    assert page.get_by_role("link").text_content() == str(path)
    with page.expect_popup() as opened:
        page.evaluate(
            "link => { document.querySelector('a').href = 'file://' + link }", page.locator("a").get_attribute("href")
        )
        page.get_by_role("link").click()
    assert opened.value.locator("#count").text_content() == "0 of 4"


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
