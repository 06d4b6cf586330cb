"""How pictures are laid out: area, bends, crossings and the longest wire of 50 graphs, read from their SVGs.

python -m tests.benchmarks.pictures          # a table
python -m tests.benchmarks.pictures --svg    # the pictures are written into the current folder, too
"""

from __future__ import annotations

import argparse
import re
import time
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from graph import fully_connected
from tests.circuits import EXAMPLES, after_both, random_circuit

_SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d+\.?\d*")
_COMMAND = re.compile(r"([MLHVCQ])([^MLHVCQ]*)")
Point = tuple[float, float]


def graphs() -> dict[str, Any]:
    """Return 50 graphs by name: the lecture's, networks, and random circuits of 5 to 60 gates."""
    found = {name: after_both(*make()) for name, make in EXAMPLES.items()}
    random = np.random.default_rng(0)
    for sizes in ([2, 3], [2, 8, 8, 2], [4, 5, 6, 7, 3]):
        batch = {"X": random.normal(size=(20, sizes[0])), "y": random.integers(0, sizes[-1], 20)}
        for regularization in (0.0, 0.1):
            graph = fully_connected(sizes, seed=0, regularization=regularization)
            found[f"network {sizes}, {regularization}"] = after_both(graph, batch)
    for seed in range(50 - len(found)):
        size = 5 + 55 * seed // (49 - len(EXAMPLES))
        found[f"random {size}, {seed}"] = after_both(*random_circuit(size, seed))
    return found


def measures(svg: str) -> tuple[float, int, int, float]:
    """Return a picture's area in thousands of px, and its wires' bends, crossings and greatest length in px."""
    root = ElementTree.fromstring(svg)
    wires = [_wire(group) for group in root.iter(f"{_SVG}g") if "data-wire" in group.attrib]
    bends = sum(abs(a[1] - b[1]) > 1 and abs(a[0] - b[0]) > 1 for wire in wires for a, b in set().union(*wire))
    crossings = sum(_cross(a, b) for one, other in combinations(wires, 2) for a in one for b in other)
    longest = max([_length(path) for wire in wires for path in wire], default=0.0)
    area = float(root.get("width", "0")) * float(root.get("height", "0")) / 1e3
    return area, bends, crossings, longest


def _wire(group: Any) -> list[list[tuple[Point, Point]]]:
    """Return the branches of a wire, each as segments between the ends of its runs and turns."""
    paths = [path.get("d", "") for path in group.iter(f"{_SVG}path") if path.get("class") == "line"]
    return [list(pairwise(_points(path))) for path in paths]


def _points(data: str) -> list[Point]:
    """Return the points of path data at which runs and turns end."""
    points: list[Point] = []
    for command, text in _COMMAND.findall(data):
        numbers = list(map(float, _NUMBER.findall(text)))
        if command == "H":
            points.append((numbers[0], points[-1][1]))
        elif command == "V":
            points.append((points[-1][0], numbers[0]))
        else:
            points.append((numbers[-2], numbers[-1]))
    return points


def _cross(one: list[tuple[Point, Point]], other: list[tuple[Point, Point]]) -> int:
    """Return how many segments of two branches cross."""
    return sum(
        _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0 for a, b in one for c, d in other
    )


def _side(a: Point, b: Point, c: Point) -> float:
    """Return on which side of the line from a to b a point is: above 0, below 0, or 0."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _length(path: list[tuple[Point, Point]]) -> float:
    return sum(float(np.hypot(b[0] - a[0], b[1] - a[1])) for a, b in path)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--svg", action="store_true", help="write the pictures into the current folder, too")
    given = parser.parse_args()
    rows = []
    print(f"{'graph':32} {'area':>8} {'bends':>6} {'cross':>6} {'longest':>8} {'ms':>7}")
    for name, graph in graphs().items():
        start = time.perf_counter()
        svg = graph.to_svg()
        took = 1e3 * (time.perf_counter() - start)
        rows.append((*measures(svg), took))
        area, bends, crossings, longest, took = rows[-1]
        print(f"{name:32} {area:8.0f} {bends:6} {crossings:6} {longest:8.0f} {took:7.1f}")
        if given.svg:
            Path(f"{name}.svg").write_text(svg, encoding="utf-8")
    area, bends, crossings, longest, took = map(sum, zip(*rows))
    print(f"{'sum':32} {area:8.0f} {bends:6} {crossings:6} {longest:8.0f} {took:7.1f}")


if __name__ == "__main__":
    main()
