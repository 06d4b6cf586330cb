"""The shapes of which a picture consists, for all languages it can be written in. Lengths are in px, and y is down."""

from __future__ import annotations

from typing import NamedTuple

from graph.drawing.heat import Color

Point = tuple[float, float]


class Path(NamedTuple):
    """A line through points, straight between those with the same x or y, otherwise curves that leave along `axis`."""

    points: list[Point]
    axis: int  # 0: along x, 1: along y
    kind: str = "line"


class Tip(NamedTuple):
    """An arrowhead that ends at a point."""

    x: float
    y: float
    heading: Point  # a unit vector


class Dot(NamedTuple):
    """A small disc where a wire branches."""

    x: float
    y: float


class Rectangle(NamedTuple):
    """A rectangle around a middle, with round corners."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    kind: str = "box"


class Text(NamedTuple):
    """A line of text on a baseline, perhaps with a subscript."""

    x: float
    y: float
    kind: str
    text: str
    anchor: str = "middle"  # "start", "middle" or "end"
    subscript: str = ""
    more: tuple[str, ...] = ()  # more lines, below


class Map(NamedTuple):
    """A heat map, from its upper left corner, with a frame."""

    x: float
    y: float
    width: float
    height: float
    colors: list[list[Color]]
    kind: str


class Group(NamedTuple):
    """Shapes that belong together: a gate, or a wire with its numbers."""

    kind: str
    name: tuple[str, str]  # "gate" or "wire", and its name
    title: str
    shapes: list[Shape]


Shape = Path | Tip | Dot | Rectangle | Text | Map
