"""Pictures of graphs: what stands where, that nothing overlaps, their files, and the languages of other tools."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pydot
import pytest

from gates import Add, Affine, Copy, Exp, LayerNorm, ReLU, Sigmoid
from graph import ComputationalGraph
from graph.drawing.heat import color_of, heat_of, is_dark
from graph.drawing.layers import layers_of, satellites_of
from graph.drawing.parts import parts_of
from graph.drawing.texts import lines_of, number_text, shortened, width_of
from tests.circuits import (
    CIRCUIT_1,
    CIRCUIT_2,
    EXAMPLES,
    STAGED,
    WIRES_1,
    WIRES_2,
    after_both,
    circuit_1,
    circuit_2,
    network,
    random_circuit,
    staged,
)
from tests.pictures import FOLDER, KEPT, SVG, numbers, small_network, structure, texts

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


def layers() -> ComputationalGraph:
    """Return a graph whose gates read up to three parameters, after both passes."""
    graph = ComputationalGraph()
    x, scale = graph.input("x"), graph.parameter("scale", 2.0)
    w, b = graph.parameter("w", [[1.0, -2.0], [0.5, 3.0]]), graph.parameter("b", [0.1, 0.2])
    hidden = graph.add(Affine(), x, w, b, name="hidden")
    normed = graph.add(LayerNorm(), hidden, graph.parameter("gamma", [1.0, 1.0]), graph.parameter("beta", [0.0, 1.0]))
    graph.output = (np.maximum(normed, graph.constant(0.5)) * scale - 1).sum()
    return after_both(graph, {"x": np.arange(8.0).reshape(4, 2)})


def signs() -> ComputationalGraph:
    """Return a graph with numbers that deserve attention, after forward."""
    graph = ComputationalGraph()
    x = graph.input("x")
    graph.add(ReLU(), x - 40, name="dead")
    graph.add(Sigmoid(), x * 100, name="saturated")
    graph.output = (np.log(x - 1) * 1e200 * 1e200).sum()
    with np.errstate(all="ignore"):
        graph.forward(x=np.linspace(0.0, 3.0, 12).reshape(4, 3))
    return graph


def groups() -> ComputationalGraph:
    """Return a graph of groups within groups, of which two begin at the same gate, after both passes."""
    graph = ComputationalGraph()
    x = graph.input("x")
    with graph.group("the outermost group"):
        with graph.group("within"):
            with graph.group("core"):
                y = np.exp(x * graph.parameter("w", 0.5))
            z = np.sin(y)
        z = z + y
    with graph.group("after"):
        graph.output = np.tanh(z * graph.parameter("v", -0.5)) + x
    return after_both(graph, {"x": 0.5})


def many_inputs() -> ComputationalGraph:
    """Return a graph of gates with 5 inputs, of which the first is on the longest way, after both passes.

    Groups of a single gate have names that are wider than it.
    """
    graph = ComputationalGraph()
    wires = graph.inputs(*CIRCUIT_2)
    with graph.group("the first of the two"):
        first = graph.add(circuit_2().as_gate(), *wires, name="first")
    second = graph.add(circuit_2().as_gate(), 5 - first, *wires[1:], name="second")
    with graph.group("the last of all gates"):
        graph.output = np.exp(second)
    return after_both(graph, CIRCUIT_2)


GRAPHS: dict[str, Callable[[], ComputationalGraph]] = {
    **{name: lambda make=make: after_both(*make()) for name, make in EXAMPLES.items()},
    "circuit 1 before": circuit_1,
    "odd names": odd,
    "large arrays": large_arrays,
    "network of 20 points": small_network,
    "layers": lambda: layers(),
    "signs": lambda: signs(),
    "groups": lambda: groups(),
    "many inputs": lambda: many_inputs(),
    "random 60": lambda: after_both(*random_circuit(60, 1)),
    "network of numbers": lambda: scalar_network([3, 16, 16, 1]),
}
every_graph = pytest.mark.parametrize("make", GRAPHS.values(), ids=list(GRAPHS))
#: Ways to draw them.
LOOKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "with everything": {"local": True, "names": "all", "digits": 5, "legend": True},
    "down": {"direction": "down", "local": True, "names": "all"},
    "in lines": {"width": 420},
}


class TestNumbers:
    @pytest.mark.parametrize(
        ("make", "inputs", "wires"), [(circuit_1, CIRCUIT_1, WIRES_1), (circuit_2, CIRCUIT_2, WIRES_2)]
    )
    @pytest.mark.parametrize("digits", [2, 6, 17])
    def test_the_lectures_circuits_on_every_wire(self, make: Any, inputs: Any, wires: Any, digits: int) -> None:
        found = numbers(after_both(make(), inputs).to_svg(digits=digits))
        assert found.keys() == wires.keys()
        for name, pair in wires.items():
            assert [float(text) for text in found[name]] == pytest.approx(pair, abs=max(0.51 * 10**-digits, 2e-7))

    def test_two_digits_as_the_lecture_has_them(self) -> None:
        assert numbers(after_both(circuit_2(), CIRCUIT_2).to_svg())["exp_1"] == ("0.37", "-0.53")
        assert numbers(after_both(circuit_2(), CIRCUIT_2).to_svg())["add_1"] == ("4.00", "0.20")
        assert numbers(after_both(circuit_1(), CIRCUIT_1).to_svg())["f"] == ("-12", "1")

    @pytest.mark.parametrize(
        ("number", "digits", "text"),
        [
            (0.0, 2, "0.00"),
            (-0.0, 2, "-0.00"),
            (0.999, 2, "1.00"),
            (9.999, 2, "10.00"),
            (99.996, 2, "100.0"),
            (123.456, 2, "123.5"),
            (-123456.7, 2, "-123457"),
            (1234567.0, 2, "1.2e6"),
            (0.0123, 2, "0.01"),
            (0.00999, 2, "0.01"),
            (0.00123, 2, "1.2e-3"),
            (5e-324, 2, "4.9e-324"),
            (float("nan"), 2, "nan"),
            (float("-inf"), 2, "-inf"),
            (2.5, 0, "2"),
            (0.5, 0, "5e-1"),
            (0.1, 17, "0.1"),
            (1 / 3, 17, "0.3333333333333333"),
            (3.0, 17, "3"),
        ],
    )
    def test_texts_of_numbers(self, number: float, digits: int, text: str) -> None:
        assert number_text(number, digits) == text

    def test_seventeen_digits_read_back_exactly(self) -> None:
        for number in np.random.default_rng(0).normal(size=100) * 10.0 ** np.arange(-50, 50):
            assert float(number_text(float(number), 17)) == number

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


class TestLocalGradients:
    def test_they_stand_at_the_inputs_with_a_sign_of_their_own(self) -> None:
        root = ElementTree.fromstring(after_both(circuit_2(), CIRCUIT_2).to_svg(local=True, digits=4))
        found = {
            group.get("data-gate"): [
                "".join(text.itertext()) for text in group.iter(f"{SVG}text") if text.get("class") == "local"
            ]
            for group in root.iter(f"{SVG}g")
            if "data-gate" in group.attrib
        }
        # by hand: of w0 * x0 with w0 = 2 and x0 = -1; of exp at -1; of 1 / x at 1 + exp(-1)
        assert found["multiply_1"] == ["×-1", "×2"]
        assert found["add_1"] == ["×1", "×1"]
        assert found["exp_1"] == ["×0.3679"]
        assert found["reciprocal_1"] == ["×-0.5344"]
        assert found["w0"] == []

    @pytest.mark.parametrize(
        ("make", "inputs", "count"), [(circuit_2, CIRCUIT_2, 4), (staged, STAGED, 1)], ids=["neuron", "staged"]
    )
    def test_local_times_upstream_can_be_read_off(self, make: Any, inputs: Any, count: int) -> None:
        graph = after_both(make(), inputs)
        root = ElementTree.fromstring(graph.to_svg(local=True, digits=17))
        shown = numbers(graph.to_svg(digits=17))
        read_off = 0
        for group in root.iter(f"{SVG}g"):
            local = [(text.text or "")[1:] for text in group.iter(f"{SVG}text") if text.get("class") == "local"]
            if len(local) == 1:  # the gate has one input
                (source,) = map(str, graph.reads(group.get("data-gate", "")))
                readers = [node for node in graph if source in map(str, graph.reads(node))]
                if len(readers) == 1:
                    assert float(local[0]) * float(shown[group.get("data-gate", "")][1]) == float(shown[source][1])
                    read_off += 1
        assert read_off == count

    def test_none_before_forward_and_none_of_arrays(self) -> None:
        for graph in (
            circuit_2(),
            after_both(ComputationalGraph.from_expression("exp(x)"), {"x": np.ones(20)}, np.ones(20)),
        ):
            root = ElementTree.fromstring(graph.to_svg(local=True))
            assert "local" not in [text.get("class") for text in root.iter(f"{SVG}text")]


class TestNames:
    def test_given_ones_stand_and_automatic_ones_do_not(self) -> None:
        graph = ComputationalGraph.from_expression("q = x + y; f = q * z; f + 1")
        plain, named = texts(graph.to_svg()), texts(graph.to_svg(names="all"))
        assert "q" in plain
        assert "shift1" not in plain
        assert "shift1" in named  # with 1 as a subscript
        assert {"x", "y", "z", "f", "+1"} <= set(plain)

    def test_they_stand_close_to_their_gates_however_large_the_arrays_are(self) -> None:
        graph = ComputationalGraph()
        x = graph.input("x")
        biased = graph.add(Add(), x, graph.parameter("b", 1.0), name="scores")  # whose name is above
        graph.add(Add(), biased, x, name="hidden")  # whose name is below
        after_both(graph, {"x": np.zeros((20, 20))}, np.ones((20, 20)))
        for group in ElementTree.fromstring(graph.to_svg()).iter(f"{SVG}g"):
            box, text = group.find(f"{SVG}rect"), group[-1]
            if "data-gate" in group.attrib and box is not None:
                top, height, y = (float(e.get(a, "")) for e, a in ((box, "y"), (box, "height"), (text, "y")))
                assert top - 8 <= y <= top + height + 14

    def test_a_name_that_only_looks_automatic_stands(self) -> None:
        graph = ComputationalGraph()
        graph.add(Exp(), graph.input("x"), name="add_1")
        assert "add1" in texts(graph.to_svg())


class TestArrays:
    def test_a_map_has_a_cell_for_each_number_in_its_color(self) -> None:
        heat = heat_of(np.array([[1.0, -2.0], [0.0, 0.5]]))
        assert heat is not None
        assert heat.scale == 2.0
        assert heat.colors == [[color_of(0.5), color_of(-1.0)], [color_of(0.0), color_of(0.25)]]
        assert heat.numbers == [[1.0, -2.0], [0.0, 0.5]]

    def test_a_large_one_is_averaged_by_blocks(self) -> None:
        heat = heat_of(np.arange(96.0 * 3).reshape(96, 3))
        assert heat is not None
        assert (len(heat.colors), len(heat.colors[0])) == (48, 3)
        # rows 0 and 1 have 0, 1, 2 and 3, 4, 5
        assert heat.colors[0] == [color_of(mean / 287) for mean in (1.5, 2.5, 3.5)]
        assert heat.numbers is None

    def test_images_are_side_by_side(self) -> None:
        images = np.zeros((2, 4, 4, 5))
        images[1, 3] = 1.0
        heat = heat_of(images)
        assert heat is not None
        table = np.array([[cell == color_of(1.0) for cell in row] for row in heat.colors])
        assert table.shape == (8, 20)
        assert table[4:, 15:].all()
        assert table.sum() == 20

    def test_images_are_images(self) -> None:
        red = np.zeros((1, 3, 2, 2))
        red[0, 0, 0, 1] = 8.0
        heat = heat_of(red)
        assert heat is not None
        assert heat.colors == [[(0, 0, 0), (255, 0, 0)], [(0, 0, 0), (0, 0, 0)]]
        grey = heat_of(np.array([0.0, 0.5, 1.0, 0.25]).reshape(2, 1, 1, 2))
        assert grey is not None
        assert grey.colors == [[(0, 0, 0), (128, 128, 128)], [(255, 255, 255), (64, 64, 64)]]
        black, white = (0, 0, 0), (255, 255, 255)
        batch = np.ones((20, 1, 3, 3))
        batch[2] = 0.0
        four = heat_of(batch)
        assert four is not None
        assert four.colors == [[white] * 6] * 3 + [[black] * 3 + [white] * 3] * 3
        assert four.shape == (20, 1, 3, 3)
        three = heat_of(batch[:3] * 0.0 + np.arange(9.0).reshape(3, 3))
        assert three is not None
        assert [row[3:] for row in three.colors[3:]] == [[white] * 3] * 3  # no fourth image
        signed = heat_of(-red)
        assert signed is not None
        assert signed.colors[0][1] == color_of(-1.0)

    def test_numbers_in_cells_stand_out(self) -> None:
        for share in np.linspace(-1.0, 1.0, 201):
            color = color_of(float(share))
            ink = "rgb(255, 255, 255)" if is_dark(color) else "rgb(0, 0, 0)"
            assert contrast(ink, f"rgb{color}") >= 4.5

    @pytest.mark.parametrize(
        "value", [None, 2.0, np.ones((0, 3)), np.arange(5)], ids=["none", "number", "empty", "labels"]
    )
    def test_no_map(self, value: Any) -> None:
        assert heat_of(value) is None

    def test_what_deserves_attention_is_said(self) -> None:
        svg = signs().to_svg()
        assert {"! 3 units dead", "! 4 nan", "! 8 inf"} <= set(texts(svg))
        assert any(re.fullmatch(r"! \d+% saturated", text) for text in texts(svg))

    def test_a_channel_of_images_is_dead_if_all_of_it_is(self) -> None:
        images = np.ones((6, 4, 5, 5))
        images[:, 2] = 0.0
        images[..., 0] = 0.0  # a border of each
        assert "1 channel dead" in heat_of(images, "relu").signs  # type: ignore[union-attr]
        assert heat_of(np.maximum(images, images[:, ::-1]), "relu").signs == []  # type: ignore[union-attr]
        assert heat_of(np.zeros((1, 3)), "relu").signs == []  # type: ignore[union-attr]
        rows = np.ones((2, 3, 4))
        rows[..., 1] = 0.0
        assert heat_of(rows, "relu").signs == ["1 unit dead"]  # type: ignore[union-attr]

    def test_no_scale_where_no_number_is_finite(self) -> None:
        graph = ComputationalGraph.from_expression("x * 2")
        graph.forward(x=np.full((4, 4), np.nan))
        assert {"4×4", "! 16 nan"} <= set(texts(graph.to_svg()))
        assert "±0" not in texts(graph.to_svg())

    def test_the_shape_and_the_scale_are_said(self) -> None:
        graph = small_network()
        largest = np.abs(graph.parameters["W1"]).max()
        assert {"2×8", f"±{largest:.2g}"} <= set(texts(graph.to_svg()))
        root = ElementTree.fromstring(graph.to_svg())
        (title,) = [g[0].text for g in root.iter(f"{SVG}g") if g.get("data-wire") == "W1"]
        steepest = np.abs(graph["W1"].grad).max()
        assert title == f"W1: value 2 × 8, the largest is {largest:.4g}; gradient 2 × 8, the largest is {steepest:.4g}"

    def test_small_ones_have_their_numbers(self) -> None:
        graph = ComputationalGraph.from_expression("x * 2")
        graph.forward(x=[[1, -2.5], [3, 4]])
        cells = [
            text
            for text in ElementTree.fromstring(graph.to_svg()).iter(f"{SVG}text")
            if "cell" in text.get("class", "")
        ]
        assert [cell.text for cell in cells] == ["1.00", "-2.50", "3.00", "4.00", "2", "-5", "6", "8"]

    def test_colors_are_told_apart_without_red_and_green(self) -> None:
        """Orange and blue differ in their blue, and grow darker from the middle."""
        for share in (0.3, 0.6, 1.0):
            (r, g, b), (r2, g2, b2) = color_of(-share), color_of(share)
            assert b2 - b > 100 * share
            assert r + g + b < sum(color_of(0.0))
            assert r2 + g2 + b2 < sum(color_of(0.0))


class TestTheDrawing:
    @every_graph
    def test_it_is_well_formed_and_says_what_it_is(self, make: Callable[[], ComputationalGraph]) -> None:
        graph = make()
        root = ElementTree.fromstring(graph.to_svg())
        assert root.get("role") == "img"
        assert root.get("aria-label") == root[0].text
        assert root[1].tag == f"{SVG}desc"
        said = root[1].text or ""
        for node in graph.nodes_topologically_sorted()[:50]:  # a long table leaves out the middle
            assert " ".join(node.replace("\0", "�").split()) in " ".join(said.split())
        for group in root.iter(f"{SVG}g"):
            if "data-wire" in group.attrib or "data-gate" in group.attrib:
                assert group[0].tag == f"{SVG}title"
                assert group[0].text
        kinds = [group.get("class") for group in root.iter(f"{SVG}g")]
        assert "legend" not in kinds
        drawn = ElementTree.fromstring(graph.to_svg(legend=True))
        assert "legend" in [group.get("class") for group in drawn.iter(f"{SVG}g")]

    def test_a_wire_that_is_read_twice_is_drawn_twice(self) -> None:
        root = ElementTree.fromstring(ComputationalGraph.from_expression("x * x").to_svg())
        (wire,) = [group for group in root.iter(f"{SVG}g") if group.get("data-wire") == "x"]
        ends = {path.get("d", "").split()[-1] for path in wire.iter(f"{SVG}path") if path.get("class") == "line"}
        assert len(ends) == 2

    @pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
    @every_graph
    def test_nothing_overlaps_on_the_screen(
        self, make: Callable[[], ComputationalGraph], look: dict[str, Any], page: Any
    ) -> None:
        page.set_content(f"<body style='margin: 0'>{make().to_svg(**look)}</body>")
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
                    texts: all("text:not(.symbol):not(.cell)").map(rectangle),
                    solid: all(".box, .frame").map(rectangle),
                    inside: all(".gate").map((g) => [".box", ".symbol"].map((c) => rectangle(g.querySelector(c)))),
                    wires: all(".wire .line").map(points),
                };
            }"""
        )
        solid, shown = found["solid"], found["texts"]
        assert len(shown) >= 2
        for thing in shown + solid:
            assert inside(thing, found["svg"])
        for at, text in enumerate(shown):
            assert not any(overlap(text, other) for other in shown[:at] + solid)
        for at, thing in enumerate(solid):
            assert not any(overlap(thing, other) for other in solid[:at])
        for box, symbol in found["inside"]:
            assert inside(symbol, box)
        for points in found["wires"]:
            for x, y in points[1:-1]:
                for left, top, right, bottom in solid:  # a wire ends at a round box, within its corners
                    at_end = min(abs(x - a) + abs(y - b) for a, b in (points[0], points[-1])) < 12
                    assert at_end or not (left + 1 < x < right - 1 and top + 1 < y < bottom - 1)
                for left, top, right, bottom in shown:
                    assert not (left + 1 < x < right - 1 and top + 5 < y < bottom - 5)

    def test_values_stand_above_in_green_and_gradients_below_in_red(self, page: Any) -> None:
        for theme in ("light", "dark"):
            page.set_content(GRAPHS["circuit 2"]().to_svg(theme=theme))
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

    @pytest.mark.parametrize(
        ("theme", "ink", "paper"),
        [
            ("light", "rgb(0, 0, 0)", "rgb(255, 255, 255)"),
            ("dark", "rgb(0, 0, 0)", "rgb(13, 17, 23)"),
            ("auto", "rgb(31, 35, 40)", "rgb(255, 255, 255)"),
            ("auto", "rgb(230, 237, 243)", "rgb(13, 17, 23)"),
            ("auto", "rgb(0, 0, 0)", "rgb(255, 255, 255)"),
            ("auto", "rgb(255, 255, 255)", "rgb(17, 17, 17)"),
        ],
    )
    def test_texts_stand_out_from_their_background(self, theme: Any, ink: str, paper: str, page: Any) -> None:
        graph = circuit_2()
        graph.add(ReLU(), graph.constant(np.zeros((4, 3))) - 1, name="dead")
        graph.output = graph["reciprocal_1"]
        after_both(graph, CIRCUIT_2)
        svg = graph.to_svg(theme=theme, local=True, legend=True, names="all")
        page.set_content(f"<body style='color: {ink}; background: {paper}'>{svg}</body>")
        colours = page.evaluate(
            """(selectors) => {
                const canvas = document.createElement("canvas").getContext("2d");
                const shown = (colour) => {  // as the screen has it
                    canvas.clearRect(0, 0, 1, 1);
                    canvas.fillStyle = colour;
                    canvas.fillRect(0, 0, 1, 1);
                    return `rgb(${[...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).join(", ")})`;
                };
                return selectors.map((selector) => shown(getComputedStyle(document.querySelector(selector)).fill));
            }""",
            texts_ := [".value", ".gradient", ".local", ".name", ".note", ".symbol", ".sign", ".caption"],
        )
        for selector, colour in zip(texts_, colours, strict=True):
            assert contrast(colour, paper) >= 4.5, (selector, colour)

    def test_inputs_stand_left_and_parameters_beside_their_reader(self) -> None:
        graph = network()
        parts = parts_of(graph, None, 400)
        layers = layers_of(parts)
        assert layers["X"] == layers["y"] == layers["W1"] == 0
        assert layers["W2"] == layers["matmul_2"] - 1
        assert max(layers, key=layers.__getitem__) == graph.output.node
        for source, reader in graph.graph.edges():
            assert layers[source] < layers[reader]
        beside = satellites_of(parts)
        assert beside["add_1"] == ["b1"]
        assert "matmul_1" not in beside  # the penalty reads W1, too

    def test_a_gate_is_late_where_that_makes_wires_shorter(self) -> None:
        graph = ComputationalGraph.from_expression("exp(exp(exp(exp(x)))) * (y + 1)")
        layers = layers_of(parts_of(graph, None, 400))
        assert layers["shift_1"] == 1  # y is on the left in any case
        graph = ComputationalGraph.from_expression("s = sin(x); exp(exp(exp(x))) * (abs(s) + cos(s))")
        layers = layers_of(parts_of(graph, None, 400))
        assert layers["abs_1"] == layers["cos_1"] == layers["add_1"] - 1

    def test_circuits_fit_a_slide(self) -> None:
        def width(svg: str) -> float:
            return float(ElementTree.fromstring(svg).get("width", ""))

        assert width(after_both(circuit_2(), CIRCUIT_2).to_svg()) <= 900
        assert width(small_network().to_svg()) <= 1200
        for most in (300, 366, 400, 600, np.float32(500.0)):
            assert width(after_both(circuit_2(), CIRCUIT_2).to_svg(width=most)) <= most
            assert width(small_network().to_svg(width=most)) <= most
            assert width(after_both(circuit_2(), CIRCUIT_2).to_svg(width=most, steps=[9, 12, 16])) <= most
            assert width(small_network().to_svg(width=most, legend=True, steps=[8, 18])) <= most
            down = ElementTree.fromstring(small_network().to_svg(width=most, direction="down"))
            assert float(down.get("height", "")) <= most

    @pytest.mark.parametrize("name", ["circuit 1", "circuit 2", "staged", "network of 20 points", "layers"])
    def test_the_longest_chain_is_a_straight_line(self, name: str) -> None:
        graph = GRAPHS[name]()
        middles = {}
        for group in ElementTree.fromstring(graph.to_svg()).iter(f"{SVG}g"):
            box = group.find(f"{SVG}rect")
            if "data-gate" in group.attrib and box is not None:
                middles[group.get("data-gate")] = float(box.get("y", "")) + float(box.get("height", "")) / 2
        depth: dict[str, int] = {}
        for node in graph.nodes_topologically_sorted():
            depth[node] = max([depth[wire.node] + 1 for wire in graph.reads(node)], default=0)
        node, levels = graph.output.node, set()
        while True:
            levels.add(round(middles[node], 1))
            deepest = [wire.node for wire in graph.reads(node) if depth[wire.node] == depth[node] - 1]
            if len(deepest) != 1 or depth[node] == 1:
                break
            (node,) = deepest
        assert len(levels) == 1

    def test_the_output_is_marked(self) -> None:
        root = ElementTree.fromstring(GRAPHS["staged"]().to_svg())
        marked = [g.get("data-gate") for g in root.iter(f"{SVG}g") if "result" in g.get("class", "").split()]
        assert marked == ["divide_1"]

    def test_a_gates_kind_is_escaped(self) -> None:
        graph = ComputationalGraph()
        graph.add(type("Odd", (Exp,), {"kind": "<b>", "notation": ()})(), graph.input("x"))
        assert "<b>" in texts(graph.to_svg())

    def test_before_any_gate(self) -> None:
        assert numbers(ComputationalGraph().to_svg()) == {}
        graph = ComputationalGraph()
        graph.input("x")
        assert numbers(graph.to_svg()) == {"x": ("–", "–")}
        assert "x" in graph.to_mermaid()

    @pytest.mark.parametrize("name", KEPT)
    def test_it_is_as_it_was_when_it_was_looked_at(self, name: str) -> None:
        kept = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        assert list(structure(KEPT[name]())) == list(structure(kept)), "look at what `python -m tests.pictures` draws"


class TestSteps:
    def test_each_has_what_it_computes_and_what_is_known_by_then(self) -> None:
        graph = after_both(circuit_1(), CIRCUIT_1)
        shown = texts(graph.to_svg(steps=[0, 2, 3]))
        assert shown[0] == "Start: the inputs"
        assert "2 of 4, forward: f = q * z = 3 * (-4) = -12" in shown
        assert "3 of 4, backward: dq = z × df = -4 × 1 = -4,  dz = q × df = 3 × 1 = 3" in shown
        drawn = ElementTree.fromstring(graph.to_svg(steps=[0, 2, 3]))
        of_q = [g for g in drawn.iter(f"{SVG}g") if g.get("data-wire") == "q"]
        assert [["".join(t.itertext()) for t in g.iter(f"{SVG}text")] for g in of_q] == [
            ["–", "–"],
            ["3", "–"],
            ["3", "-4"],
        ]

    def test_the_gate_at_work_and_its_wires_are_lit(self) -> None:
        drawn = ElementTree.fromstring(after_both(circuit_1(), CIRCUIT_1).to_svg(steps=[1]))
        lit = [g for g in drawn.iter(f"{SVG}g") if "lit" in g.get("class", "").split()]
        assert {g.get("data-gate") or g.get("data-wire") for g in lit} == {"q", "x", "y"}
        assert len(lit) == 4  # the gate q and the wire q

    def test_the_legend_stands_below_the_last(self) -> None:
        drawn = ElementTree.fromstring(after_both(circuit_1(), CIRCUIT_1).to_svg(steps=[3, 0], legend=True))
        kinds = [group.get("class") for group in drawn.iter(f"{SVG}g")]
        assert kinds.count("legend") == 1
        assert kinds[-1] == "legend"

    def test_all_steps_have_the_same_layout(self) -> None:
        drawn = ElementTree.fromstring(after_both(circuit_2(), CIRCUIT_2).to_svg(steps=range(17)))
        boxes: dict[Any, set[str]] = {}
        for group in drawn.iter(f"{SVG}g"):
            if (box := group.find(f"{SVG}rect")) is not None:
                boxes.setdefault(group.get("data-gate"), set()).add(f"{box.get('x')} {box.get('y')} {box.get('width')}")
        assert {len(places) for places in boxes.values()} == {1}

    def test_the_graph_stays_as_it_is(self) -> None:
        graph = circuit_1()
        graph.forward(CIRCUIT_1)
        graph.to_svg(steps=[4])
        assert graph["q"].value == 3.0
        assert graph["q"].grad is None

    def test_an_output_that_is_an_array_has_its_upstream_gradient(self) -> None:
        graph = after_both(ComputationalGraph.from_expression("x * 2"), {"x": [1.0, 2.0]}, [3.0, 4.0])
        assert {"6", "8"} <= set(texts(graph.to_svg(steps=[2])))

    @pytest.mark.parametrize("steps", [[5], [-1], [], ["1"], [1.0], [True]])
    def test_steps_that_are_none(self, steps: Any) -> None:
        with pytest.raises(ValueError, match=r"steps must be numbers from 0, the start, to 4, the end, got \["):
            after_both(circuit_1(), CIRCUIT_1).to_svg(steps=steps)

    def test_before_forward(self) -> None:
        with pytest.raises(ValueError, match="give a value to x, y and z"):
            circuit_1().to_svg(steps=[1])


class TestFiles:
    def test_an_svg_is_light_in_a_file_and_follows_the_text_elsewhere(self, tmp_path: Path) -> None:
        graph = circuit_1()
        svg = graph.to_svg(tmp_path / "circuit.svg")
        assert (tmp_path / "circuit.svg").read_text(encoding="utf-8") == svg == graph.to_svg(theme="light")
        assert svg != graph.to_svg() == graph.to_svg(theme="auto")
        assert graph.to_svg(tmp_path / "circuit") == svg

    def test_what_it_returns_shows_itself_in_a_notebook(self) -> None:
        svg = circuit_1().to_svg()
        assert isinstance(svg, str)
        assert svg._repr_svg_() == svg
        assert svg in svg._repr_html_()

    def test_a_png_has_its_scale_and_a_pdf_its_texts(self, tmp_path: Path) -> None:
        graph = after_both(circuit_2(), CIRCUIT_2)
        size = [float(ElementTree.fromstring(graph.to_svg()).get(side, "")) for side in ("width", "height")]
        for scale in (1.0, 2.5):
            graph.to_svg(tmp_path / "circuit.PNG", scale=scale)
            data = (tmp_path / "circuit.PNG").read_bytes()
            assert data.startswith(b"\x89PNG")
            wide, high = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
            assert [wide, high] == pytest.approx([side * scale for side in size], abs=1)
        graph.to_svg(tmp_path / "circuit.pdf")
        assert (tmp_path / "circuit.pdf").read_bytes().startswith(b"%PDF")

    def test_a_png_looks_as_the_browser_has_it(self, tmp_path: Path, page: Any) -> None:
        graph = after_both(circuit_2(), CIRCUIT_2)
        graph.to_svg(tmp_path / "circuit.png", scale=1, background="white")
        page.set_content(f"<body style='margin: 0'>{graph.to_svg(theme='light', background='white')}</body>")
        page.locator("svg").screenshot(path=tmp_path / "screen.png")
        one, other = (matplotlib_image(tmp_path / name) for name in ("circuit.png", "screen.png"))
        assert one.shape[:2] == other.shape[:2]
        assert np.abs(one[..., :3] - other[..., :3]).mean() < 0.01  # letters are drawn a little otherwise
        assert (one[..., :3].min(axis=2) < 0.5).sum() > 2_000  # there is something

    def test_a_file_without_a_theme_is_transparent(self, tmp_path: Path) -> None:
        circuit_1().to_svg(tmp_path / "circuit.png")
        assert matplotlib_image(tmp_path / "circuit.png")[0, 0, 3] == 0
        circuit_1().to_svg(tmp_path / "circuit.png", background="#ff0000")
        assert matplotlib_image(tmp_path / "circuit.png")[0, 0].tolist() == [1, 0, 0, 1]

    def test_an_unknown_suffix_writes_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(
            ValueError, match=r"a picture goes into a file that ends in .svg, .png or .pdf, got '.*gif'"
        ):
            circuit_1().to_svg(tmp_path / "circuit.gif")
        assert list(tmp_path.iterdir()) == []

    def test_without_typst_it_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "typst", None)
        with pytest.raises(ImportError, match="a PDF needs typst, which is not installed: pip install typst"):
            circuit_1().to_svg(tmp_path / "circuit.pdf")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ({"theme": "pink"}, "theme must be 'auto', 'light' or 'dark', got 'pink'"),
            ({"names": "some"}, "names must be 'given' or 'all', got 'some'"),
            ({"direction": "up"}, "direction must be 'right' or 'down', got 'up'"),
            ({"digits": 18}, "digits must be a whole number from 0 to 17, got 18"),
            ({"digits": 2.0}, "digits must be a whole number from 0 to 17, got 2.0"),
            ({"width": 0}, "width must be a number of px above 0, got 0"),
            ({"width": "wide"}, "width must be a number of px above 0, got 'wide'"),
            ({"width": True}, "width must be a number of px above 0, got True"),
            ({"width": float("nan")}, "width must be a number of px above 0, got nan"),
            ({"theme": ""}, "theme must be 'auto', 'light' or 'dark', got ''"),
            ({"max_gates": -1}, "max_gates must be a whole number from 0 on, got -1"),
            ({"max_gates": "all"}, "max_gates must be a whole number from 0 on, got 'all'"),
        ],
    )
    def test_options_that_cannot_be(self, option: Any, message: str) -> None:
        with pytest.raises(ValueError, match=re.escape(message)):
            after_both(circuit_1(), CIRCUIT_1).to_svg(**option)

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ({"background": 3}, "background must be the text of a color, such as 'white', got 3"),
            ({"steps": 3}, "steps must be numbers of steps, such as [1, 2], got 3"),
        ],
    )
    def test_options_of_another_type(self, option: Any, message: str) -> None:
        with pytest.raises(TypeError, match=re.escape(message)):
            after_both(circuit_1(), CIRCUIT_1).to_svg(**option)

    @pytest.mark.parametrize("scale", [0, -1, float("nan"), "2", None, True])
    def test_a_scale_that_cannot_be(self, scale: Any, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=re.escape(f"scale must be a number above 0, got {scale!r}")):
            circuit_1().to_svg(tmp_path / "circuit.png", scale=scale)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("scale", [1e4, float("inf")])
    def test_a_png_for_which_no_memory_is_left(self, scale: float, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"a PNG of .* × .* pixels is too large: give a smaller scale, or a width"):
            circuit_1().to_svg(tmp_path / "circuit.png", scale=scale)
        assert list(tmp_path.iterdir()) == []

    def test_numbers_of_numpy_as_options(self) -> None:
        graph = after_both(circuit_2(), CIRCUIT_2)
        numpy = {"digits": np.int64(3), "width": np.float32(400), "depth": np.int8(1), "max_gates": np.uint8(100)}
        plain = {"digits": 3, "width": 400, "depth": 1, "max_gates": 100}
        assert graph.to_svg(**numpy, steps=np.arange(2)) == graph.to_svg(**plain, steps=[0, 1])

    def test_a_background_cannot_end_its_attribute(self) -> None:
        root = ElementTree.fromstring(circuit_1().to_svg(background='"/><script>alert(1)</script>'))
        assert not list(root.iter(f"{SVG}script"))


def matplotlib_image(path: Path) -> Any:
    """Return the pixels of a PNG, from 0 to 1."""
    from matplotlib.image import imread

    return imread(path)


class TestTikz:
    @every_graph
    def test_everything_that_the_picture_has_is_there(self, make: Callable[[], ComputationalGraph]) -> None:
        graph = make()
        root = ElementTree.fromstring(graph.to_svg(local=True))
        tikz = graph.to_tikz(local=True)
        assert tikz.count(r"\node") == sum(1 + len(t.findall(f"{SVG}tspan[@x]")) for t in root.iter(f"{SVG}text"))
        frames = [r for r in root.iter(f"{SVG}rect") if r.get("class") in ("box", "group")]
        assert tikz.count("rounded corners") == len(frames)
        assert tikz.count("{") - tikz.count(r"\{") == tikz.count("}") - tikz.count(r"\}")

    def test_large_arrays_have_so_few_cells_that_tex_has_room_for_them(self) -> None:
        graph = ComputationalGraph()
        graph.output = graph.parameter("w", np.arange(10_000.0).reshape(100, 100) - 5_000) * graph.constant(2.0)
        graph.forward()
        fills = re.findall(r"fill=\{rgb,255:red,(\d+);green,\d+;blue,(\d+)\}", graph.to_tikz())
        assert len(fills) == 2 * 16 * 16
        assert [int(red) > int(blue) for red, blue in fills[:256]] == [True] * 128 + [False] * 128

    @pytest.mark.skipif(shutil.which("pdflatex") is None, reason="LaTeX is not installed")
    def test_latex_compiles_it_as_it_is(self, tmp_path: Path) -> None:
        names = [name for name in GRAPHS if name != "odd names"]
        body = "\n\n".join(GRAPHS[name]().to_tikz(local=True, width=600) for name in names)
        body += after_both(circuit_1(), CIRCUIT_1).to_tikz(steps=[0, 3], names="all", direction="down")
        graph = ComputationalGraph()
        graph.add(Exp(), graph.input("a_b%#$&{}~^\\c"), name="100 %")
        body += graph.to_tikz()
        document = rf"\documentclass{{article}}\usepackage{{tikz}}\begin{{document}}{body}\end{{document}}"
        (tmp_path / "t.tex").write_text(document, encoding="utf-8")
        result = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stdout[-2000:]


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


def scalar_network(sizes: list[int]) -> ComputationalGraph:
    """Return a network of gates that compute with numbers, after both passes."""
    graph, random = ComputationalGraph(), np.random.default_rng(0)
    row = [graph.input(f"x{place}") for place in range(sizes[0])]
    for layer, size in enumerate(sizes[1:]):
        following = []
        for neuron in range(size):
            total = graph.parameter(f"b_{layer}_{neuron}", random.normal())
            for place, wire in enumerate(row):
                total = total + wire * graph.parameter(f"w_{layer}_{neuron}_{place}", random.normal())
            following.append(np.tanh(total))
        row = following
    graph.output = row[0]
    return after_both(graph, {f"x{place}": random.normal() for place in range(sizes[0])})


def boxes(svg: str) -> list[tuple[str, str]]:
    """Return the sign and the name in each box of a picture."""
    groups = [g for g in ElementTree.fromstring(svg).iter(f"{SVG}g") if "gate" in g.get("class", "").split()]
    return [("".join(g[2].itertext()), "".join(g[3].itertext()) if len(g) > 3 else "") for g in groups]


class TestGroups:
    def test_open_ones_have_a_frame_and_closed_ones_are_a_box(self) -> None:
        graph = small_network()
        frames = [
            g.get("data-group") for g in ElementTree.fromstring(graph.to_svg()).iter(f"{SVG}g") if g.get("data-group")
        ]
        assert frames == ["layer 1", "layer 2", "layer 3"]
        svg = graph.to_svg(depth=0)
        assert boxes(svg) == [
            ("layer 1", "3 gates"),
            ("layer 2", "3 gates"),
            ("layer 3", "2 gates"),
            ("softmax loss", "loss"),
        ]
        assert list(numbers_of_wires(svg)) == ["X", "y", "h1", "h2", "scores", "loss"]

    def test_within_one_another(self) -> None:
        graph = ComputationalGraph()
        x = graph.input("x")
        with graph.group("outer"):
            y = np.exp(x)
            with graph.group("inner"):
                z = np.sin(np.cos(y))
        graph.output = z + 1
        assert [sign for sign, _ in boxes(graph.to_svg(depth=0))] == ["outer", "+1"]
        assert [sign for sign, _ in boxes(graph.to_svg(depth=1))] == ["exp", "inner", "+1"]
        assert [sign for sign, _ in boxes(graph.to_svg(depth=2))] == ["exp", "cos", "sin", "+1"]
        assert graph.to_svg(depth=2) == graph.to_svg() == graph.to_svg(depth=9)

    def test_one_that_reads_its_own_results_stays_open(self) -> None:
        graph = ComputationalGraph()
        x = graph.input("x")
        with graph.group("a"):
            y = np.exp(x)
        z = np.sin(y)
        with graph.group("a"):
            np.cos(z)
        assert [sign for sign, _ in boxes(graph.to_svg(depth=0))] == ["exp", "sin", "cos"]

    def test_a_frame_has_nothing_else_in_it(self) -> None:
        graph = ComputationalGraph()
        x = graph.input("x")
        with graph.group("a"):
            y = np.exp(x)
        z = np.sin(y)
        with graph.group("a"):
            np.cos(z)
        assert not [g for g in ElementTree.fromstring(graph.to_svg()).iter(f"{SVG}g") if g.get("data-group")]

    def test_a_caption_is_not_wider_than_its_frame(self) -> None:
        around = {
            g.get("data-group"): g
            for g in ElementTree.fromstring(many_inputs().to_svg()).iter(f"{SVG}g")
            if "data-group" in g.attrib
        }
        _, frame, caption = around["the last of all gates"]
        assert re.fullmatch("the.*…gates", caption.text or "")
        assert width_of(caption.text or "", 12) < float(frame.get("width", ""))

    @pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
    def test_a_frame_is_around_all_that_is_in_it_in_every_line(self, look: dict[str, Any], page: Any) -> None:
        graph = groups()
        page.set_content(f"<body style='margin: 0'>{graph.to_svg(**look)}</body>")
        frames, boxes, texts = page.evaluate(
            """() => {
                const rectangle = (element) => {
                    const { left, top, right, bottom } = element.getBoundingClientRect();
                    return [left, top, right, bottom];
                };
                const all = (selector) => [...document.querySelectorAll(selector)];
                const named = (group, name, selector) => group.querySelectorAll(selector).values()
                    .map((element) => [group.dataset[name], rectangle(element)]).toArray();
                return [
                    all(".around").flatMap((group) => named(group, "group", "rect")),
                    all("g.gate").flatMap((group) => named(group, "gate", ".box")),
                    all(".wire").flatMap((group) => named(group, "wire", "text")),
                ];
            }"""
        )
        within: dict[str, list[list[float]]] = {}
        for name, frame in frames:
            within.setdefault(name, []).append(frame)
        assert list(within) == [
            *("after", "the outermost group", "the outermost group / within", "the outermost group / within / core")
        ]
        assert (len(frames) > len(within)) == ("width" in look)
        for name, thing in boxes + texts:
            group = graph.graph.nodes[name].get("group", ())
            for depth in range(1, len(group) + 1):
                around = within[" / ".join(group[:depth])]
                assert any(inside(thing, frame) for frame in around)
                if depth > 1:
                    outer = within[" / ".join(group[: depth - 1])]
                    assert all(any(inside(frame, larger) for larger in outer) for frame in around)

    def test_a_copy_a_file_and_the_gate_at_work(self, tmp_path: Path) -> None:
        graph = small_network()
        graph.save(tmp_path / "graph.json")
        for again in (graph.copy(), ComputationalGraph.load(tmp_path / "graph.json")):
            assert boxes(again.to_svg(depth=0)) == boxes(graph.to_svg(depth=0))
        drawn = ElementTree.fromstring(graph.to_svg(depth=0, steps=[1]))
        lit = [g for g in drawn.iter(f"{SVG}g") if "lit" in g.get("class", "").split()]
        assert [g.get("data-gate") or g.get("data-wire") for g in lit] == ["X", "layer 1"]

    @pytest.mark.parametrize("depth", [-1, 1.0, True, "all"])
    def test_a_depth_that_cannot_be(self, depth: Any) -> None:
        with pytest.raises(ValueError, match=f"depth must be a whole number from 0 on, got {depth!r}"):
            circuit_1().to_svg(depth=depth)

    @pytest.mark.parametrize("name", ["", 3, None])
    def test_a_name_that_cannot_be(self, name: Any) -> None:
        graph = ComputationalGraph()
        message = re.escape(f"group(): the name must be a string that is not empty, got {name!r}")
        with pytest.raises(TypeError, match=message), graph.group(name):
            pass

    def test_an_error_within_ends_the_group(self) -> None:
        graph = ComputationalGraph()
        with pytest.raises(KeyError), graph.group("a"):
            raise KeyError
        x = graph.input("x")
        assert "group" not in graph.graph.nodes[x.node]


class TestNestedGraphs:
    def test_a_depth_opens_them(self) -> None:
        outer = ComputationalGraph()
        neuron = circuit_2().as_gate()
        wires = outer.inputs(*CIRCUIT_2)
        first = outer.add(neuron, *wires, name="neuron")
        outer.output = first * 2
        after_both(outer, CIRCUIT_2)
        assert [sign for sign, _ in boxes(outer.to_svg())] == ["graph", "×2"]
        assert [sign for sign, _ in boxes(outer.to_svg(depth=0))] == ["graph", "×2"]
        opened = outer.to_svg(depth=1)
        assert [sign for sign, _ in boxes(opened)] == ["×", "×", "+", "+", "×−1", "exp", "+1", "1/x", "×2"]
        shown = numbers(opened)
        for name, (value, gradient) in WIRES_2.items():
            wire = name if name in CIRCUIT_2 else f"neuron.{name}"
            assert float(shown[wire][0]) == pytest.approx(value, abs=0.006)
            assert float(shown[wire][1]) == pytest.approx(2 * gradient, abs=0.006)
        assert "w0" in texts(opened)
        assert "neuron" in [g.get("data-group") for g in ElementTree.fromstring(opened).iter(f"{SVG}g")]
        assert outer.to_svg(depth=1) == opened  # and the graph is as before
        assert [sign for sign, _ in boxes(outer.to_svg(depth=1, steps=[3]))] == [sign for sign, _ in boxes(opened)]

    def test_within_one_another(self) -> None:
        inner, middle, outer = ComputationalGraph(), ComputationalGraph(), ComputationalGraph()
        np.exp(inner.input("x"))
        middle.output = middle.add(inner.as_gate(), middle.input("x"), name="inner") * middle.parameter("w", 3.0)
        outer.output = np.sin(outer.add(middle.as_gate(), outer.input("x"), name="middle"))
        after_both(outer, {"x": 0.5})
        assert [sign for sign, _ in boxes(outer.to_svg(depth=1))] == ["graph", "×", "sin"]
        assert [sign for sign, _ in boxes(outer.to_svg(depth=2))] == ["exp", "×", "sin"]
        shown = numbers(outer.to_svg(depth=2, digits=17))
        assert float(shown["middle.inner.exp_1"][0]) == np.exp(0.5)
        assert float(shown["middle.w"][1]) == outer.gate("middle").gradients["w"]


class TestLargeGraphs:
    def test_a_network_of_numbers_reads_as_its_layers(self) -> None:
        graph = scalar_network([3, 16, 16, 1])
        svg = graph.to_svg(max_gates=100)
        assert boxes(svg) == [
            ("×", "48 gates"),
            ("+", "48 gates"),
            ("tanh", "16 gates"),
            ("×", "256 gates"),
            ("+", "256 gates"),
            ("tanh", "16 gates"),
            ("×", "16 gates"),
            ("+", "16 gates"),
            ("tanh", ""),
        ]
        assert {"48 parameters", "16 parameters", "256 parameters"} <= set(texts(svg))

    def test_a_bundle_is_a_heat_map_of_its_numbers(self) -> None:
        graph = scalar_network([2, 4, 1])
        svg = graph.to_svg(max_gates=4)
        weights = [graph.parameters[f"w_0_{neuron}_{place}"] for neuron in range(4) for place in range(2)]
        largest = max(map(abs, weights))
        titles = [g[0].text or "" for g in ElementTree.fromstring(svg).iter(f"{SVG}g") if "data-wire" in g.attrib]
        assert any(f"8 wires: value 8 numbers, the largest is {largest:.4g}" in title for title in titles)

    def test_a_bundle_has_the_gradients_that_there_are(self) -> None:
        graph = ComputationalGraph()
        x = graph.input("x")
        row = [np.exp(x * place) for place in range(1, 6)]
        total = row[0] + row[1] + row[2] + row[3]
        np.sin(row[4])
        graph.output = total
        after_both(graph, {"x": 0.5})
        root = ElementTree.fromstring(graph.to_svg(max_gates=3))
        titles = [g[0].text or "" for g in root.iter(f"{SVG}g") if "data-wire" in g.attrib]
        assert (
            "exp_1 to exp_5, 5 wires: value 5 numbers, the largest is 12.18; gradient 5 numbers, the largest is 1"
            in titles
        )

    def test_only_graphs_with_more_gates_get_boxes(self) -> None:
        assert numbers(circuit_1().to_svg(max_gates=2)).keys() == set("xyzqf")
        graph = ComputationalGraph.from_expression("exp(x) + exp(y)")
        assert boxes(graph.to_svg(max_gates=3)) == [("exp", ""), ("exp", ""), ("+", "")]
        assert boxes(graph.to_svg(max_gates=2)) == [("exp", "2 gates"), ("+", "")]

    def test_groups_are_closed_before_gates_are_put_together(self) -> None:
        assert [sign for sign, _ in boxes(small_network().to_svg(max_gates=8))] == [
            *("layer 1", "layer 2", "layer 3", "softmax loss")
        ]

    def test_where_numbers_vanish_or_explode_is_said_and_coloured(self) -> None:
        graph = ComputationalGraph()
        wire = graph.input("x")
        for _ in range(30):
            wire = wire * 10
        after_both(graph, {"x": -1})
        drawn = ElementTree.fromstring(graph.to_svg())
        signs = [t.text for t in drawn.iter(f"{SVG}text") if "sign" in t.get("class", "").split()]
        # 22 values from 1e9 to 1e30 stand above the wires, 22 gradients from 1e30 to 1e9 below them
        assert len(signs) == 44
        after_both(graph, {"x": 1e-52})  # to 1e-22
        drawn = ElementTree.fromstring(graph.to_svg())
        signs = [t.text for t in drawn.iter(f"{SVG}text") if "value sign" in t.get("class", "")]
        assert len(signs) == 31
        graph = scalar_network([2, 3, 1])
        for name in graph.parameters:
            graph.parameters[name] *= 1e-10
        graph.forward(x0=1, x1=1)
        assert "! vanishes" in texts(graph.to_svg(max_gates=2))

    def test_more_stages_than_fit_are_put_into_bands(self) -> None:
        graph = ComputationalGraph()
        wire = graph.input("x")
        for _ in range(500):
            wire = np.sin(wire * 3)
        found = boxes(graph.to_svg())
        assert len(found) == 12
        assert {sign for sign, _ in found} <= {"×3 sin", "sin ×3"}
        assert sum(int(name.split()[0]) for _, name in found) == 1000

    def test_kinds_that_are_rare_are_left_out(self) -> None:
        graph = ComputationalGraph()
        wire = graph.input("x")
        for place in range(500):
            wire = graph.add(type(f"Kind{place}", (Exp,), {"notation": ()})(), wire)
        assert all(sign.count("kind") == 3 and sign.endswith("…") for sign, _ in boxes(graph.to_svg()))

    @pytest.mark.parametrize("seed", range(5))
    def test_boxes_read_what_their_gates_read(self, seed: int) -> None:
        graph = after_both(*random_circuit(120, seed))
        for parts in (parts_of(graph, None, 20), parts_of(graph, None, 400)):
            inside = {node: part.name for part in parts for node in part.members}
            assert sorted(inside) == sorted(graph)
            places = {part.name: place for place, part in enumerate(parts)}
            for part in parts:
                wanted = {inside[w.node] for node in part.members for w in graph.reads(node)} - {part.name}
                assert {source for source, _ in part.sources} == wanted
                assert all(places[source] < places[part.name] for source in wanted)
                for source, port in part.sources:
                    read = {str(w) for node in part.members for w in graph.reads(node)}
                    assert read & set(map(str, parts[places[source]].outputs[port]))


def numbers_of_wires(svg: str) -> list[str]:
    """Return the names of the wires in a picture."""
    return [g.attrib["data-wire"] for g in ElementTree.fromstring(svg).iter(f"{SVG}g") if "data-wire" in g.attrib]


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
    assert width_of("日本", 10) == pytest.approx(24.4)
    assert width_of("iiii", 10) < width_of("0000", 10) < width_of("mmmm", 10)
    assert shortened("x" * 24) == "x" * 24
    assert len(shortened("x" * 25)) == 24


def test_a_gate_added_changes_the_picture() -> None:
    graph = circuit_1()
    before = graph.to_svg()
    graph.add(Add(), graph["f"], 1)
    assert graph.to_svg() != before
