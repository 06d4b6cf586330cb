"""Any name is a name: whatever is in it, each output is what it should be, and has no control characters."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pydot
import pytest

from gates import Multiply
from graph import ComputationalGraph

NAMES = ["a\0b", "a\x1b[2Jb", "\ud800", "a\u2028b", "\uffff", "]]>", '"', "\\", "&lt;", "</script>", "a\nb", "\x7f\x85"]
UNPRINTABLE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def circuit(name: str) -> ComputationalGraph:
    """Return a circuit in which all names are odd, after both passes."""
    graph = ComputationalGraph()
    graph.add(Multiply(), graph.input(name), graph.parameter(name + "w", 2.0), name=name + "m")
    graph.forward({name: 3.0})
    graph.backward()
    return graph


def page_of(graph: ComputationalGraph, folder: Path) -> str:
    """Return the page of a circuit."""
    graph.to_html(folder / "page.html")
    return (folder / "page.html").read_bytes().decode()


TEXTS: dict[str, Callable[[ComputationalGraph, str, Path], Any]] = {
    "svg": lambda graph, name, folder: graph.to_svg(),
    "overview": lambda graph, name, folder: graph.to_svg(max_gates=0),
    "page": lambda graph, name, folder: page_of(graph, folder),
    "mermaid": lambda graph, name, folder: graph.to_mermaid(),
    "dot": lambda graph, name, folder: graph.to_dot(),
    "source": lambda graph, name, folder: graph.to_source(),
    "table": lambda graph, name, folder: str(graph),
    "explanation": lambda graph, name, folder: str(graph.explain(name)),
    "explanation's HTML": lambda graph, name, folder: graph.explain(name)._repr_html_(),
    "step": lambda graph, name, folder: graph.stepper({name: 3.0}).next(),
    "step's HTML": lambda graph, name, folder: graph.stepper({name: 3.0}).next()._repr_html_(),
    "stepper": lambda graph, name, folder: repr(graph.stepper({name: 3.0})),
    "report": lambda graph, name, folder: str(graph.check({name: 3.0})),
    "report's HTML": lambda graph, name, folder: graph.check({name: 3.0})._repr_html_(),
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_no_control_characters(name: str, kind: str, tmp_path: Path) -> None:
    text = str(TEXTS[kind](circuit(name), name, tmp_path))
    assert UNPRINTABLE.findall(text) == []
    text.encode()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pydot")  # which calls an old name of pyparsing's
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_other_tools_read_the_texts(name: str, tmp_path: Path) -> None:
    graph = circuit(name)
    ElementTree.fromstring(graph.to_svg())
    (read,) = pydot.graph_from_dot_data(graph.to_dot())
    assert len(read.get_edges()) == 3
    exec(compile(graph.to_source(), "source", "exec"), {})
    graph.save(tmp_path / "graph.json")
    json.loads((tmp_path / "graph.json").read_text())
    again = ComputationalGraph.load(tmp_path / "graph.json")
    assert list(again) == list(graph)
    assert again.compile()({name: 3.0}) == (6.0, {name: 2.0, name + "w": 3.0})
