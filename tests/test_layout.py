"""Laws of the layout: nothing overlaps, wires keep clear of boxes and texts, planar graphs have no crossings."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations, pairwise

import numpy as np
import pytest

from graph.drawing.boxes import Box, Edge
from graph.drawing.crossings import count_crossings
from graph.drawing.layout import Layout, arrange

_NEAR = 1e-6  # px
_WIRE = 14.0  # px kept free for a wire that passes a column


def _circuit(gates: dict[str, str], order: list[str] | None = None) -> tuple[list[Box], list[Edge]]:
    """Return boxes and edges of gates given with the names that they read, inputs as late as possible."""
    layers = dict.fromkeys(gates, 0)
    for name, reads in gates.items():
        layers[name] = 1 + max((layers[read] for read in reads.split()), default=-1)
    for name, reads in gates.items():
        if not reads:
            layers[name] = min(layers[other] - 1 for other in gates if name in gates[other].split())
    order = order or list(gates)
    boxes = [
        Box(layers[name], 40.0, 14.0 + 14.0 * len(gates[name].split()), 8.0, 50.0, (0.0,), 30.0, 30.0) for name in order
    ]
    edges = [
        Edge(order.index(read), 0, order.index(name), port)
        for name in order
        for port, read in enumerate(gates[name].split())
    ]
    return boxes, edges


def _random(seed: int, size: int, count: int, layers: int, span: int) -> tuple[list[Box], list[Edge]]:
    """Return a random layered graph whose edges span at most `span` layers."""
    rng = np.random.default_rng(seed)
    at = [*range(layers), *rng.integers(0, layers, size - layers).tolist()]
    rng.shuffle(at)
    pairs = [(a, b) for a in range(size) for b in range(size) if 0 < at[b] - at[a] <= span]
    chosen = [pairs[k] for k in rng.integers(0, len(pairs), count)]
    boxes = []
    for layer in at:
        height = float(rng.integers(20, 80))
        outputs = ((0.0,), (-5.0, 5.0), (-8.0, 0.0, 8.0))[rng.integers(3)]
        width, lead, room, above, below = map(float, rng.integers([20, 0, 0, 0, 0], [90, 20, 70, 20, 20]))
        in_order, at_end = map(bool, rng.integers(0, 2, 2))
        sides = (height / 2 + above, height / 2 + below)
        boxes.append(Box(layer, width, height, lead, room, outputs, *sides, in_order, at_end))
    reads = defaultdict(list)
    for source, target in chosen:
        reads[target].append((source, int(rng.integers(len(boxes[source].outputs)))))
    return boxes, [
        Edge(source, source_port, target, port)
        for target, sources in reads.items()
        for port, (source, source_port) in enumerate(sources)
    ]


_LECTURE = {"x": "", "y": "", "z": "", "q": "x y", "f": "q z"}
_NEURON = {
    **dict.fromkeys(["w0", "x0", "w1", "x1", "w2"], ""),
    **{"a": "w0 x0", "b": "w1 x1", "c": "a b", "d": "c w2", "e": "d", "f": "e", "g": "f", "h": "g"},
}
_NETWORK = {
    **dict.fromkeys(["x", "w1", "b1", "w2", "b2", "w3", "b3", "labels"], ""),
    **{"m1": "x w1", "a1": "m1 b1", "r1": "a1", "m2": "r1 w2", "a2": "m2 b2", "r2": "a2"},
    **{"m3": "r2 w3", "a3": "m3 b3", "loss": "a3 labels"},
}
_TREE_IN = {**{f"n{k}": f"n{2 * k + 1} n{2 * k + 2}" if k < 31 else "" for k in reversed(range(63))}}
_TREE_OUT = {f"n{k}": f"n{(k - 1) // 2}" if k else "" for k in range(63)}
_PASSING = {"x": "", "y": "", "a": "x", "b": "a", "c": "b", "f": "c y x"}  # y late, x past three columns
_PLANAR = {
    "lecture": _LECTURE,
    "neuron": _NEURON,
    "network": _NETWORK,
    "tree in": _TREE_IN,
    "tree out": _TREE_OUT,
    "passing": _PASSING,
}
_PLAIN = Box(0, 30.0, 20.0, 0.0, 5.0, (0.0,), 15.0, 15.0)
_GRAPHS = {
    **{name: _circuit(gates) for name, gates in _PLANAR.items()},
    **{f"random {seed}": _random(seed, size=30, count=50, layers=7, span=6) for seed in range(6)},
    "random, wide": _random(10, size=60, count=90, layers=3, span=2),
    "random, deep": _random(11, size=60, count=100, layers=40, span=39),
    "no wires": ([_PLAIN] * 3 + [_PLAIN._replace(layer=4)], []),
}
every_graph = pytest.mark.parametrize(("boxes", "edges"), _GRAPHS.values(), ids=_GRAPHS)


def _columns(boxes: list[Box], layout: Layout) -> dict[int, tuple[float, float]]:
    """Return where the boxes and texts of each layer begin and end."""
    ends: dict[int, list[float]] = defaultdict(list)
    for box, (left, _) in zip(boxes, layout.places):
        ends[box.layer] += [left - box.lead, left + box.width + box.room]
    return {layer: (min(xs), max(xs)) for layer, xs in ends.items()}


def _turns(layout: Layout) -> dict[float, set[tuple[float, float]]]:
    """Return the turns in each gap, by the x where they begin: y before and after."""
    turns = defaultdict(set)
    for route in layout.routes:
        for (x, y), (_, next_y) in zip(route[1::2], route[2::2]):
            turns[x].add((y, next_y))
    return turns


def _crossings(layout: Layout) -> int:
    """Return how many times wires cross."""
    return sum(count_crossings(turns) for turns in _turns(layout).values())


def _crossings_in_order(boxes: list[Box], edges: list[Edge], ranks: list[int]) -> int:
    """Return how many times wires between neighbouring layers cross when boxes stand in the order of their ranks."""
    gaps = defaultdict(list)
    ports = Counter(edge.target for edge in edges)
    for edge in edges:
        start = ranks[edge.source] + (edge.source_port + 1) / (len(boxes[edge.source].outputs) + 1)
        within = (edge.target_port + 1) / (ports[edge.target] + 1) if boxes[edge.target].in_order else 0.5
        end = ranks[edge.target] + within
        gaps[boxes[edge.source].layer].append((start, end))
    return sum(map(count_crossings, gaps.values()))


@every_graph
def test_slots_in_a_column_do_not_overlap(boxes: list[Box], edges: list[Edge]) -> None:
    layout = arrange(boxes, edges)
    for layer in {box.layer for box in boxes}:
        slots = sorted(
            (y - box.above, y + box.below) for box, (_, y) in zip(boxes, layout.places) if box.layer == layer
        )
        assert all(next_top >= bottom - _NEAR for (_, bottom), (next_top, _) in pairwise(slots))


@every_graph
def test_boxes_are_centred_or_at_the_end_in_columns_that_do_not_overlap(boxes: list[Box], edges: list[Edge]) -> None:
    layout = arrange(boxes, edges)
    for layer in {box.layer for box in boxes}:
        column = [(box, left) for box, (left, _) in zip(boxes, layout.places) if box.layer == layer]
        widest = max(box.width for box, _ in column)
        middles = [left + box.width - widest / 2 if box.at_end else left + box.width / 2 for box, left in column]
        assert max(middles) - min(middles) < _NEAR
    columns = [ends for _, ends in sorted(_columns(boxes, layout).items())]
    assert all(begin - end >= -_NEAR for (_, end), (begin, _) in pairwise(columns))


@every_graph
def test_everything_is_inside_and_touches_the_top(boxes: list[Box], edges: list[Edge]) -> None:
    layout = arrange(boxes, edges)
    points = [point for route in layout.routes for point in route]
    tops = [y - box.above for box, (_, y) in zip(boxes, layout.places)]
    assert min(tops + [y - _WIRE / 2 for _, y in points]) == pytest.approx(0, abs=_NEAR)
    assert min(left - box.lead for box, (left, _) in zip(boxes, layout.places)) == pytest.approx(0, abs=_NEAR)
    rights = [left + box.width + box.room for box, (left, _) in zip(boxes, layout.places)]
    assert max(rights) == pytest.approx(layout.width)
    bottoms = [y + box.below for box, (_, y) in zip(boxes, layout.places)]
    assert max(bottoms + [y for _, y in points]) <= layout.height + _NEAR


@every_graph
def test_routes_begin_and_end_at_their_ports(boxes: list[Box], edges: list[Edge]) -> None:
    layout = arrange(boxes, edges)
    for edge, route in zip(edges, layout.routes, strict=True):
        source, target = boxes[edge.source], boxes[edge.target]
        left, y = layout.places[edge.source]
        assert route[0] == pytest.approx((left + source.width, y + source.outputs[edge.source_port]))
        left, y = layout.places[edge.target]
        assert route[-1][0] == pytest.approx(left)
        assert abs(route[-1][1] - y) < target.height / 2


@every_graph
def test_ports_are_in_order_and_the_longest_way_enters_in_the_middle(boxes: list[Box], edges: list[Edge]) -> None:
    layout = arrange(boxes, edges)
    depth = _depths(boxes, edges)
    for node, box in enumerate(boxes):
        into = [(edge, route[-1][1]) for edge, route in zip(edges, layout.routes) if edge.target == node]
        ends = (
            [y for _, y in sorted(into)] if not box.in_order else [y for edge, y in sorted(into, key=lambda i: i[0][3])]
        )
        assert len(set(ends)) == len(ends)
        if box.in_order:
            assert ends == sorted(ends)
        longest = [y for edge, y in into if depth[edge.source] == depth[node] - 1]
        if len(longest) == 1:
            assert longest[0] == pytest.approx(layout.places[node][1])


@pytest.mark.parametrize("name", ["lecture", "neuron", "network", "passing"])
def test_the_longest_way_is_straight(name: str) -> None:
    boxes, edges = _GRAPHS[name]
    layout = arrange(boxes, edges)
    depth = _depths(boxes, edges)
    alone = Counter(edge.target for edge in edges if depth[edge.source] == depth[edge.target] - 1)
    main = [
        route
        for edge, route in zip(edges, layout.routes)
        if depth[edge.source] == depth[edge.target] - 1 and alone[edge.target] == 1
    ]
    assert main
    for route in main:
        assert max(y for _, y in route) - min(y for _, y in route) < 0.1


def _depths(boxes: list[Box], edges: list[Edge]) -> list[int]:
    """Return how many wires the longest way to each box has."""
    depth = [0] * len(boxes)
    for node in sorted(range(len(boxes)), key=lambda node: boxes[node].layer):
        depth[node] = max([depth[edge.source] + 1 for edge in edges if edge.target == node], default=0)
    return depth


@every_graph
def test_routes_run_straight_in_columns_and_turn_in_gaps(boxes: list[Box], edges: list[Edge]) -> None:
    layout = arrange(boxes, edges)
    columns = _columns(boxes, layout)
    layers = sorted(columns)
    for edge, route in zip(edges, layout.routes):
        passed = [k for k in layers if boxes[edge.source].layer <= k <= boxes[edge.target].layer]
        assert len(route) == 2 * len(passed)
        for layer, (x, y), (next_x, next_y) in zip(passed, route[::2], route[1::2]):
            begin, end = columns[layer]
            assert y == next_y
            assert x <= next_x + _NEAR
            assert layer == passed[0] or x <= begin + _NEAR  # the wire is level before it meets the column
            assert layer == passed[-1] or next_x >= end - _NEAR  # and until it is past it
        for layer, next_layer, (x, _), (next_x, _) in zip(passed, passed[1:], route[1::2], route[2::2]):
            assert columns[layer][1] - _NEAR <= x <= next_x <= columns[next_layer][0] + _NEAR
        for (x, y), (next_x, next_y) in zip(route[1::2], route[2::2]):
            assert abs(next_y - y) <= 1 or next_x - x >= 12


@every_graph
def test_wires_keep_clear_of_boxes_and_texts(boxes: list[Box], edges: list[Edge]) -> None:
    layout = arrange(boxes, edges)
    for edge, route in zip(edges, layout.routes):
        for at, ((x, y), (next_x, _)) in enumerate(zip(route[::2], route[1::2])):
            for node, (box, (left, middle)) in enumerate(zip(boxes, layout.places)):
                beside = next_x <= left - box.lead + _NEAR or x >= left + box.width + box.room - _NEAR
                if not beside and node not in (edge.source, edge.target):
                    spare = _WIRE / 2 if 0 < at < len(route) // 2 - 1 else 0.0
                    assert y <= middle - box.above - spare + _NEAR or y >= middle + box.below + spare - _NEAR


@every_graph
def test_passing_wires_keep_clear_of_each_other_and_share_their_way(boxes: list[Box], edges: list[Edge]) -> None:
    layout = arrange(boxes, edges)
    passing = defaultdict(set)
    ways = defaultdict(list)
    for edge, route in zip(edges, layout.routes):
        for x, y in route[2:-2:2]:
            passing[x].add(y)
        ways[edge.source, edge.source_port].append(route[:-2])
    for heights in passing.values():
        assert all(lower - upper >= _WIRE - _NEAR for upper, lower in pairwise(sorted(heights)))
    for routes in ways.values():
        longest = max(routes, key=len)
        assert all(route == longest[: len(route)] for route in routes)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("gates", _PLANAR.values(), ids=_PLANAR)
def test_a_planar_graph_in_any_order_has_no_crossings(gates: dict[str, str], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(list(gates)).tolist()
    assert _crossings(arrange(*_circuit(gates, order))) == 0


@pytest.mark.parametrize("name", ["lecture", "neuron", "network", "tree in"])
def test_inputs_stand_in_port_order(name: str) -> None:
    boxes, edges = _circuit(_PLANAR[name], sorted(_PLANAR[name], reverse=True))
    places = arrange(boxes, edges).places
    for one, two in combinations(edges, 2):
        if one.target == two.target and boxes[one.source].layer == boxes[two.source].layer:
            assert (places[one.source][1] < places[two.source][1]) == (one.target_port < two.target_port)


@pytest.mark.parametrize("seed", range(20))
def test_crossings_are_never_more_than_in_the_given_order(seed: int) -> None:
    boxes, edges = _random(seed, size=12, count=12 + seed, layers=4, span=1)
    assert _crossings(arrange(boxes, edges)) <= _crossings_in_order(boxes, edges, list(range(12)))


@pytest.mark.parametrize("seed", range(20))
def test_no_exchange_of_two_neighbours_saves_a_crossing(seed: int) -> None:
    boxes, edges = _random(seed, size=12, count=12 + seed, layers=3, span=1)
    layout = arrange(boxes, edges)
    order = [layout.places[node][1] for node in range(12)]
    crossings = _crossings(layout)
    assert crossings == _crossings_in_order(boxes, edges, np.argsort(np.argsort(order)).tolist())
    for layer in range(3):
        column = sorted((y, node) for node, y in enumerate(order) if boxes[node].layer == layer)
        for (y, node), (other_y, other) in pairwise(column):
            exchanged = list(order)
            exchanged[node], exchanged[other] = other_y, y
            assert _crossings_in_order(boxes, edges, np.argsort(np.argsort(exchanged)).tolist()) >= crossings


@pytest.mark.parametrize("seed", range(20))
def test_crossings_are_counted_as_by_hand(seed: int) -> None:
    ends = np.random.default_rng(seed).integers(0, 6, (15, 2)).tolist()
    crossings = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(ends, 2))
    assert crossings > 0
    assert count_crossings(map(tuple, ends)) == crossings


def test_a_pair_that_must_cross_crosses_once() -> None:
    boxes, edges = _circuit({"x": "", "y": "", "p": "x y", "q": "x y"})
    assert _crossings(arrange(boxes, edges)) == 1


def test_a_long_wire_is_straight_where_nothing_is_in_its_way() -> None:
    boxes, edges = _circuit({"x": "", "a": "x", "b": "a", "c": "b", "d": "c", "f": "d x"})
    route = arrange(boxes, edges).routes[-1]
    assert len(route) == 12
    assert len({round(y, 3) for _, y in route[2:-2]}) == 1


def test_a_wire_between_ports_away_from_the_middle_is_straight() -> None:
    boxes = [_PLAIN._replace(outputs=(-8.0, 8.0)), _PLAIN._replace(layer=1)]
    (route,) = arrange(boxes, [Edge(0, 1, 1, 0)]).routes
    assert len({round(y, 6) for _, y in route}) == 1


def test_a_gate_of_one_input_stands_level_with_what_it_reads() -> None:
    squares = {"s1": "w1", "s2": "w2", "s3": "w3", "r": "s1 s2 s3"}
    gates = {"scale": "", **_NETWORK, **squares, "penalty": "scale r", "total": "loss penalty"}
    places = dict(zip(gates, arrange(*_circuit(gates)).places))
    for name in ("r1", "r2"):
        assert places[name][1] == pytest.approx(places[gates[name]][1], abs=0.1)


def test_gaps_grow_with_the_wires_that_turn_in_them() -> None:
    few = arrange(*_circuit({"a": "", "b": "a"}))
    many = arrange(*_circuit({"a": "", **{f"b{k}": "a" for k in range(12)}}))
    assert few.width < many.width


@pytest.mark.parametrize("seed", range(3))
def test_the_same_graph_gives_the_same_layout(seed: int) -> None:
    boxes, edges = _random(seed, size=30, count=50, layers=7, span=6)
    assert arrange(boxes, edges) == arrange(tuple(boxes), tuple(edges))


def test_a_long_chain_is_a_straight_line() -> None:
    boxes = [_PLAIN._replace(layer=k) for k in range(2_000)]
    edges = [Edge(k, 0, k + 1, 0) for k in range(1_999)]
    layout = arrange(boxes, edges)
    assert {y for _, y in layout.places} == {15.0}
    assert layout.height == 30.0
    assert [left for left, _ in layout.places] == sorted({left for left, _ in layout.places})


def test_nothing_takes_no_room() -> None:
    assert arrange([], []) == Layout([], [], 0.0, 0.0, [])


def test_one_box_stands_in_the_corner() -> None:
    assert arrange([_PLAIN._replace(layer=3)], []) == Layout([(0.0, 15.0)], [], 35.0, 30.0, [0])


@every_graph
def test_no_height_is_left_empty(boxes: list[Box], edges: list[Edge]) -> None:
    layout = arrange(boxes, edges)
    kept = [(y - box.above, y + box.below) for box, (_, y) in zip(boxes, layout.places)]
    kept += [(y - _WIRE / 2, y + _WIRE / 2) for route in layout.routes for _, y in route[2:-2]]
    floor = 0.0
    for top, bottom in sorted(kept):
        assert top - floor <= 12 + _NEAR
        floor = max(floor, bottom)


@pytest.mark.parametrize("line", [1.0, 300.0, 700.0])
@pytest.mark.parametrize("name", _GRAPHS)
def test_lines_are_no_longer_than_asked_for_and_do_not_overlap(name: str, line: float) -> None:
    boxes, edges = _GRAPHS[name]
    layout = arrange(boxes, edges, line)
    together = arrange(boxes, edges)
    widest = max(end - begin for begin, end in _columns(boxes, together).values())
    rectangles = [
        (left - box.lead, y - box.above, left + box.width + box.room, y + box.below)
        for box, (left, y) in zip(boxes, layout.places)
    ]
    for (left, top, right, bottom), (other_left, other_top, other_right, other_bottom) in combinations(rectangles, 2):
        apart = right <= other_left + _NEAR or other_right <= left + _NEAR
        assert apart or bottom <= other_top + _NEAR or other_bottom <= top + _NEAR
    for left, top, right, bottom in rectangles:
        assert left + _NEAR >= 0
        assert top + _NEAR >= 0
        assert right <= layout.width + _NEAR
        assert bottom <= layout.height + _NEAR
    lanes = 9.0 * 2 * len(edges)
    assert layout.width <= max(line, widest + 72) + lanes
    for route in layout.routes:
        for (x, y), (next_x, next_y) in pairwise(route):
            for left, top, right, bottom in rectangles:
                if x == next_x:  # between the lines and beside them
                    inside = left + _NEAR < x < right - _NEAR
                    assert not inside or max(y, next_y) <= top + _NEAR or min(y, next_y) >= bottom - _NEAR


def test_a_chain_goes_on_in_the_next_line_like_text() -> None:
    boxes = [_PLAIN._replace(layer=k) for k in range(10)]
    layout = arrange(boxes, [Edge(k, 0, k + 1, 0) for k in range(9)], line=150.0)
    lines = sorted({y for _, y in layout.places})
    assert len(lines) >= 3
    assert [y for _, y in layout.places] == sorted(y for _, y in layout.places)
    for y in lines:
        lefts = [left for left, other in layout.places if other == y]
        assert lefts == sorted(lefts)
        assert lefts[0] == layout.places[0][0]
    assert layout.width <= 150.0


def test_wires_to_the_next_line_do_not_cross() -> None:
    boxes = [_PLAIN] * 4 + [_PLAIN._replace(layer=1)] * 4
    layout = arrange(boxes, [Edge(k, 0, 4 + k, 0) for k in range(4)], line=20.0)
    runs = [[(a, b) for a, b in pairwise(route) if a != b] for route in layout.routes]
    for one, other in combinations(runs, 2):
        for (a, b), (c, d) in ((first, second) for first in one for second in other):
            if a[0] == b[0] and c[1] == d[1]:
                a, b, c, d = c, d, a, b
            if a[1] == b[1] and c[0] == d[0]:
                meets_x = min(a[0], b[0]) <= c[0] <= max(a[0], b[0])
                assert not (meets_x and min(c[1], d[1]) <= a[1] <= max(c[1], d[1]))
