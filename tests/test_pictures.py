"""Pictures of graphs: what stands where, that nothing overlaps, and the languages of other tools."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pydot
import pytest

from gates import Add, Copy, Exp
from graph import ComputationalGraph
from graph.drawing.boxes import layers_of
from graph.drawing.texts import escaped, lines_of, shortened, width_of
from tests.circuits import (
    CIRCUIT_1,
    CIRCUIT_2,
    EXAMPLES,
    WIRES_1,
    WIRES_2,
    after_both,
    circuit_1,
    circuit_2,
    network,
    random_circuit,
)
from tests.pictures import CIRCUIT, SVG, circuit, numbers

ODD_NAMES = [
    "<script>alert(1)</script>",
    'a"b',
    "a\\b",
    "a&amp;b",
    "a name that is very much longer than the others",
    "日本",
]
ODD_NAMES += ["]]>", "line\nbreak", "null\x00", "1. x", "end", "%%", "`x`", "$x$"]


def odd() -> ComputationalGraph:
    """Return a graph whose wires have odd names, after both passes."""
    graph = ComputationalGraph()
    total, *others = graph.inputs(*ODD_NAMES)
    for wire in others:
        total = total + wire
    graph.add(Exp(), total * total, name='<b onclick="x">')
    return after_both(graph, dict.fromkeys(ODD_NAMES, 0.01))


def large_arrays() -> ComputationalGraph:
    """Return a graph of arrays, small and large, after both passes."""
    graph = ComputationalGraph()
    x, small = graph.inputs("x", "small")
    graph.output = (np.exp(x) * x).sum() * (small * 2).mean() + graph.parameter("w", np.full(3, 1e-10)).sum()
    return after_both(graph, {"x": np.linspace(-1e5, 1e-3, 60).reshape(3, 4, 5), "small": [1, 2]})


GRAPHS: dict[str, Callable[[], ComputationalGraph]] = {
    **{name: lambda make=make: after_both(*make()) for name, make in EXAMPLES.items()},
    "circuit 1 before": circuit_1,
    "odd names": odd,
    "large arrays": large_arrays,
    "random 300": lambda: after_both(*random_circuit(300, 1)),
}
every_graph = pytest.mark.parametrize("make", GRAPHS.values(), ids=list(GRAPHS))


class TestNumbers:
    @pytest.mark.parametrize(
        ("make", "inputs", "wires"), [(circuit_1, CIRCUIT_1, WIRES_1), (circuit_2, CIRCUIT_2, WIRES_2)]
    )
    def test_the_lectures_circuits_on_every_wire(self, make: Any, inputs: Any, wires: Any) -> None:
        found = numbers(after_both(make(), inputs).to_svg())
        assert found.keys() == wires.keys()
        for name, pair in wires.items():
            assert [float(text) for text in found[name]] == pytest.approx(pair, abs=2e-6)

    def test_a_dash_for_what_is_not_computed(self) -> None:
        graph = circuit_1()
        assert set(numbers(graph.to_svg()).values()) == {("–", "–")}
        graph.forward(CIRCUIT_1)
        assert numbers(graph.to_svg())["q"] == ("3", "–")
        stepper = graph.stepper(**CIRCUIT_1)
        stepper.next()
        assert numbers(graph.to_svg()) == {name: (f"{graph[name].value:g}", "–") for name in "xyzq"} | {"f": ("–", "–")}

    def test_each_output_of_a_gate_shows_its_own_numbers(self) -> None:
        graph = ComputationalGraph()
        one, other = graph.add(Copy(2), graph.input("x"), name="fork")
        graph.output = one * 2 + other * 9
        after_both(graph, {"x": 3})
        shown = numbers(graph.to_svg())
        assert (shown["fork[0]"], shown["fork[1]"]) == (("3", "2"), ("3", "9"))

    def test_large_arrays_show_shape_and_range(self) -> None:
        found = numbers(large_arrays().to_svg())
        assert found["x"][0] == "3 × 4 × 5 -1e+05 … -5e+04 … 0.001"
        assert found["small"][0] == "[1 2]"

    @pytest.mark.parametrize(
        ("value", "lines"),
        [
            (np.ones((0, 3)), ["(0, 3) empty"]),
            (np.array([np.nan] * 20), ["20 numbers", "nan … nan … nan"]),
            (np.arange(4.0).reshape(2, 2), ["[[0 1] [2 3]]"]),
            (np.arange(20), ["20 numbers", "0 … 9.5 … 19"]),
            (1 / 3, ["0.333333"]),
        ],
        ids=str,
    )
    def test_lines(self, value: Any, lines: list[str]) -> None:
        assert lines_of(value) == lines


class TestTheDrawing:
    @every_graph
    def test_it_is_well_formed_and_says_what_it_is(self, make: Callable[[], ComputationalGraph]) -> None:
        graph = make()
        root = ElementTree.fromstring(graph.to_svg())
        assert root.get("role") == "img"
        assert root.get("aria-label", "").startswith("ComputationalGraph(")
        for group in root.iter(f"{SVG}g"):
            if "data-wire" in group.attrib or "data-gate" in group.attrib:
                assert group[0].tag == f"{SVG}title"
                assert group[0].text
        assert "legend" in [group.get("class") for group in root.iter(f"{SVG}g")]

    def test_a_wire_that_is_read_twice_is_drawn_twice(self) -> None:
        root = ElementTree.fromstring(ComputationalGraph.from_expression("x * x").to_svg())
        (wire,) = [group for group in root.iter(f"{SVG}g") if group.get("data-wire") == "x"]
        ends = {path.get("d", "").split()[-1] for path in wire.iter(f"{SVG}path") if path.get("class") == "line"}
        assert len(ends) == 2

    @every_graph
    def test_nothing_overlaps_on_the_screen(self, make: Callable[[], ComputationalGraph], page: Any) -> None:
        page.set_content(f"<body style='margin: 0'>{make().to_svg()}</body>")
        found = page.evaluate(
            """() => {
                const rectangle = (element) => {
                    const { left, top, right, bottom } = element.getBoundingClientRect();
                    return [left, top, right, bottom];
                };
                const all = (selector) => [...document.querySelectorAll(selector)];
                const points = (path) => {
                    const [length, from] = [path.getTotalLength(), path.getCTM()];
                    return Array.from({ length: 60 }, (_, at) => {
                        const point = path.getPointAtLength((length * at) / 59).matrixTransform(from);
                        return [point.x, point.y];
                    });
                };
                return {
                    svg: rectangle(document.querySelector("svg")),
                    texts: all(".wire text, .legend text").map(rectangle),
                    boxes: all(".box").map(rectangle),
                    names: all("[data-gate]").map((gate) => [gate, ...gate.querySelectorAll("text")].map(rectangle)),
                    wires: all(".wire .line").map(points),
                };
            }"""
        )
        boxes, texts = found["boxes"], found["texts"]
        assert len(texts) >= 2 * len(boxes)
        for text in texts:
            assert inside(text, found["svg"])
        for at, text in enumerate(texts):
            assert not any(overlap(text, other) for other in texts[:at] + boxes)
        for at, box in enumerate(boxes):
            assert not any(overlap(box, other) for other in boxes[:at])
        for box, *names in found["names"]:
            assert all(inside(name, box) for name in names)
        for points in found["wires"]:
            for x, y in points[1:-1]:  # at its ends a wire touches boxes
                assert not any(
                    left + 1 < x < right - 1 and top + 1 < y < bottom - 1 for left, top, right, bottom in boxes
                )
                assert not any(left < x < right and top + 4 < y < bottom - 4 for left, top, right, bottom in texts)

    def test_values_stand_above_in_green_and_gradients_below_in_red(self, page: Any) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.set_content(GRAPHS["circuit 2"]().to_svg())
            wires = page.evaluate(
                """() => [...document.querySelectorAll(".wire")].map((wire) => {
                    const [value, gradient, line] = [".value", ".gradient", ".line"].map((c) => wire.querySelector(c));
                    const y = new DOMPoint(0, line.getPointAtLength(0).y).matrixTransform(line.getScreenCTM()).y;
                    const boxes = [value, gradient].map((text) => text.getBoundingClientRect());
                    const fills = [value, gradient].map((text) => getComputedStyle(text).fill);
                    return [boxes[0].bottom, y, boxes[1].top, ...fills];
                })"""
            )
            assert len(wires) == len(WIRES_2)
            for bottom, y, top, green, red in wires:
                assert bottom - 4 < y < top + 4
                (r, g, b), (r2, g2, b2) = ([int(c) for c in re.findall(r"\d+", colour)] for colour in (green, red))
                assert g > max(r, b)
                assert r2 > max(g2, b2)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_texts_stand_out_from_their_background(self, scheme: str, page: Any) -> None:
        page.emulate_media(color_scheme=scheme)
        page.set_content(GRAPHS["network"]().to_svg())
        colours = page.evaluate(
            """(selectors) => Object.fromEntries(selectors.map(
                (selector) => [selector, getComputedStyle(document.querySelector(selector)).fill]))""",
            [".paper", ".gate .box", ".value", ".gradient", ".name", ".symbol", ".note"],
        )
        for text in (".value", ".gradient", ".name", ".note"):
            assert contrast(colours[text], colours[".paper"]) >= 4.5, text
        for text in (".symbol", ".name"):
            assert contrast(colours[text], colours[".gate .box"]) >= 4.5, text
        assert (colours[".paper"] == "rgb(255, 255, 255)") == (scheme == "light")

    def test_inputs_stand_left_and_the_output_right(self) -> None:
        graph = network()
        layers = layers_of(graph.graph, graph.nodes_topologically_sorted())
        assert layers["X"] == layers["y"] == layers["W1"] == 0
        assert layers["b2"] == layers[graph["b2"].node] == layers["add_2"] - 1
        assert max(layers, key=layers.__getitem__) == graph.output.node
        for source, reader in graph.graph.edges():
            assert layers[source] < layers[reader]

    def test_it_can_be_written_into_a_file(self, tmp_path: Path) -> None:
        graph = circuit_1()
        svg = graph.to_svg(tmp_path / "circuit.svg")
        assert (tmp_path / "circuit.svg").read_text(encoding="utf-8") == svg == graph.to_svg()

    def test_the_output_is_marked(self) -> None:
        root = ElementTree.fromstring(GRAPHS["staged"]().to_svg())
        marked = [g.get("data-gate") for g in root.iter(f"{SVG}g") if "result" in g.get("class", "").split()]
        assert marked == ["divide_1"]

    def test_a_gates_kind_is_escaped(self) -> None:
        graph = ComputationalGraph()
        graph.add(type("Odd", (Exp,), {"kind": "<b>", "notation": ()})(), graph.input("x"))
        texts = [text.text for text in ElementTree.fromstring(graph.to_svg()).iter(f"{SVG}text")]
        assert "<b>" in texts

    def test_before_any_gate(self) -> None:
        assert numbers(ComputationalGraph().to_svg()) == {}
        graph = ComputationalGraph()
        graph.input("x")
        assert numbers(graph.to_svg()) == {"x": ("–", "–")}
        assert "x" in graph.to_mermaid()


def inside(inner: list[float], outer: list[float]) -> bool:
    """Return whether a rectangle lies in another."""
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def overlap(one: list[float], other: list[float]) -> bool:
    """Return whether two rectangles have more than 1 px in common, or 4 px of the empty top or bottom of a line."""
    return min(one[2], other[2]) - max(one[0], other[0]) > 1 and min(one[3], other[3]) - max(one[1], other[1]) > 4


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, as the Web Content Accessibility Guidelines define it."""

    def luminance(colour: str) -> float:
        channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


class TestTheOverview:
    def test_counts_by_layer_and_kind(self) -> None:
        graph = ComputationalGraph()
        wires = list(graph.inputs("a", "b", "c", "d"))
        while len(wires) > 1:
            wires = [left * right for left, right in zip(wires[::2], wires[1::2])]
        np.exp(wires[0])
        texts = [text.text for text in ElementTree.fromstring(graph.to_svg(max_gates=3)).iter(f"{SVG}text")]
        assert texts[1:] == [
            *("layer", "0", "1", "2", "3"),
            *("Input 4", "4", "Multiply 3", "2", "1", "Exp 1", "1"),
            *("largest |value|", "–", "–", "–", "–", "largest |gradient|", "–", "–", "–", "–"),
        ]

    def test_only_graphs_with_more_gates_get_one(self) -> None:
        assert numbers(circuit_1().to_svg(max_gates=2)).keys() == set("xyzqf")
        assert numbers(circuit_1().to_svg(max_gates=1)) == {}

    def test_the_largest_is_without_its_sign_in_arrays_too(self) -> None:
        graph = after_both(ComputationalGraph.from_expression("x * 2"), {"x": [-3, 1]}, 1)
        texts = [text.text for text in ElementTree.fromstring(graph.to_svg(max_gates=0)).iter(f"{SVG}text")]
        assert texts[texts.index("largest |value|") + 1 :][:2] == ["3", "6"]

    def test_it_shows_where_numbers_explode(self) -> None:
        graph = ComputationalGraph()
        wire = graph.input("x")
        for _ in range(500):
            wire = wire * 10
        after_both(graph, {"x": -1})
        texts = [text.text for text in ElementTree.fromstring(graph.to_svg()).iter(f"{SVG}text")]
        values = texts[texts.index("largest |value|") + 1 : texts.index("largest |gradient|")]
        # 501 layers in 16 columns: the first ends with layer 31, the last begins with layer 470
        assert values[:2] == ["1e+31", "1e+62"]
        assert values[-1] == "inf"
        assert texts[-1] == "1e+30"

    def test_kinds_that_are_rare_share_a_row(self) -> None:
        graph = ComputationalGraph()
        wire = graph.input("x")
        for place in range(30):
            kind = type(f"Kind{place}", (Exp,), {})
            wire = graph.add(kind(), wire)
        texts = [text.text for text in ElementTree.fromstring(graph.to_svg(max_gates=1)).iter(f"{SVG}text")]
        assert "other kinds 7" in texts


class TestOtherTools:
    def test_mermaid(self) -> None:
        assert GRAPHS["circuit 1"]().to_mermaid() == (
            "flowchart LR\n"
            '    n0(["x"])\n'
            '    n1(["y"])\n'
            '    n2(["z"])\n'
            '    n3["#43;<br/>q"]\n'
            '    n4["×<br/>f"]\n'
            '    output(["output"])\n'
            '    n0 -->|"x = -2<br/>dx = -4"| n3\n'
            '    n1 -->|"y = 5<br/>dy = -4"| n3\n'
            '    n3 -->|"q = 3<br/>dq = -4"| n4\n'
            '    n2 -->|"z = -4<br/>dz = 3"| n4\n'
            '    n4 -->|"f = -12<br/>df = 1"| output\n'
        )

    def test_nothing_in_mermaid_ends_a_label(self) -> None:
        for line in odd().to_mermaid().splitlines()[1:]:
            (label,) = re.findall(r'"(.*)"', line)
            assert not re.search(r'["`<>&\\$%\[\]]', label.replace("<br/>", ""))

    @pytest.mark.filterwarnings("ignore::DeprecationWarning:pydot")  # which calls an old name of pyparsing's
    @every_graph
    def test_dot_is_read_back(self, make: Callable[[], ComputationalGraph]) -> None:
        graph = make()
        (read,) = pydot.graph_from_dot_data(graph.to_dot())
        assert len(read.get_edges()) == graph.graph.number_of_edges() + 1
        nodes = [node for node in read.get_nodes() if node.get_name() not in ("node", "edge", "output")]
        assert len(nodes) == len(graph)
        for node, name in zip(nodes, graph):
            text = (
                " ".join(name.replace("\0", "�").split())
                .replace("\\", "\\\\")
                .replace('"', '\\"')
                .replace("&", "&amp;")
            )
            assert node.get("label").strip('"').removesuffix("\\n").endswith(text)

    @every_graph
    def test_networkx_draws_it(self, make: Callable[[], ComputationalGraph]) -> None:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        graph = make()
        figure, axes = plt.subplots()
        nx.draw(graph.graph, ax=axes, pos=nx.circular_layout(graph.graph), with_labels=False)
        assert len(axes.collections[0].get_offsets()) == len(graph)
        plt.close(figure)


def test_texts() -> None:
    assert escaped('<a b="c">&\x00\ud800') == "&lt;a b=&quot;c&quot;&gt;&amp;��"
    assert width_of("日本", 10) == width_of("abcd", 10) == pytest.approx(24.4)
    assert shortened("x" * 24) == "x" * 24
    assert len(shortened("x" * 25)) == 24


def test_the_picture_in_readme_is_up_to_date() -> None:
    assert CIRCUIT.read_text(encoding="utf-8") == circuit(), "python -m tests.pictures draws it anew"


def test_a_gate_added_changes_the_picture() -> None:
    graph = circuit_1()
    before = graph.to_svg()
    graph.add(Add(), graph["f"], 1)
    assert graph.to_svg() != before
