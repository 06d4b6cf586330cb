"""Write shapes as SVG, with the colors of a theme."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from itertools import pairwise
from string import Template
from typing import Literal

from gates.formatting import escaped
from graph.drawing.heat import png_of
from graph.drawing.shapes import Dot, Group, Map, Path, Point, Rectangle, Shape, Text, Tip
from graph.drawing.texts import LINE

Theme = Literal["auto", "light", "dark"]
MARGIN = 12.0  # px around a picture
_CORNER = 6.0  # px
THEMES = {
    "light": {
        "ink": "#1f2328",
        "wire": "#57606a",
        "box": "#ffffff",
        "frame": "#f6f8fa",
        "value": "#116329",
        "gradient": "#b42318",
        "local": "#6639ba",
        "sign": "#953800",
        "lit": "#b35900",
    },
    "dark": {
        "ink": "#e6edf3",
        "wire": "#9da7b3",
        "box": "#161b22",
        "frame": "#14191f",
        "value": "#56d364",
        "gradient": "#ff8f87",
        "local": "#c4a7ff",
        "sign": "#ffb366",
        "lit": "#ffb366",
    },
    # The ink of the page around it, and colors mixed with it, which are dark on a light page and light on a dark one.
    "auto": {
        "ink": "currentColor",
        "wire": "color-mix(in srgb, currentColor 70%, gray)",
        "box": "color-mix(in srgb, currentColor 5%, transparent)",
        "frame": "color-mix(in srgb, currentColor 3%, transparent)",
        "value": "color-mix(in srgb, currentColor 48%, #0ca030)",
        "gradient": "color-mix(in srgb, currentColor 42%, #f03020)",
        "local": "color-mix(in srgb, currentColor 42%, #8a5cf0)",
        "sign": "color-mix(in srgb, currentColor 42%, #d06a00)",
        "lit": "color-mix(in srgb, currentColor 20%, #d97706)",
    },
}
_ALONE = """:root$scope { color: #1f2328; }
@media (prefers-color-scheme: dark) { :root$scope { color: #e6edf3; } }
"""  # as a file of its own, "auto" follows the screen


class Picture(str):
    """An SVG as text, which a notebook shows as a picture.

    Examples
    --------
    >>> picture = Picture('<svg xmlns="http://www.w3.org/2000/svg"/>')
    >>> picture.startswith("<svg")
    True
    """

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x: auto">{self}</div>'


def sheet(
    title: str,
    description: str,
    width: float,
    height: float,
    body: Iterable[str],
    theme: Theme = "auto",
    background: str | None = None,
) -> Picture:
    """Return an SVG document with a title, a description, a style and the given body.

    Parameters
    ----------
    title, description : str
        What the picture shows, in short, and in full for those who do not see it.
    width, height : float
        The size of the body in px.
    body : iterable of str
        The SVG of its parts.
    theme : "auto", "light" or "dark"
        The colors: "auto" follows the text of the page around it.
    background : str, optional
        The color behind all; by default none.
    """
    style = files("graph.drawing").joinpath("style.css").read_text(encoding="utf-8")
    style = (style + _ALONE * (theme == "auto")).replace("$scope", f".gategraph.{theme}")
    width, height = width + 2 * MARGIN, height + 2 * MARGIN
    paper = f'<rect class="paper" width="100%" height="100%" fill="{escaped(background)}"/>' if background else ""
    return Picture(
        "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" class="gategraph {theme}" role="img" '
                f'aria-label="{escaped(title)}" width="{width:.0f}" height="{height:.0f}" '
                f'viewBox="0 0 {width:.0f} {height:.0f}">',
                f"<title>{escaped(title)}</title>",
                *([f"<desc>{escaped(description)}</desc>"] if description else []),
                f"<style>\n{Template(style).substitute(THEMES[theme])}</style>{paper}",
                f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">',
                *body,
                "</g>",
                "</svg>",
                "",
            ]
        )
    )


def group_svg(group: Group) -> str:
    """Return the SVG of a group."""
    kind, name = group.name
    data = f' data-{kind}="{escaped(name)}"' if kind else ""
    inner = "".join(map(_shape, group.shapes))
    return f'<g class="{group.kind}"{data}><title>{escaped(group.title)}</title>{inner}</g>'


def _shape(shape: Shape) -> str:
    """Return the SVG of a shape."""
    match shape:
        case Path():
            return f'<path class="{shape.kind}" d="{_path(shape)}"/>'
        case Tip(x, y, (across, down)):
            back = f"{-7 * across - 3.5 * down:.4g} {-7 * down - 3.5 * across:.4g}"
            return f'<path class="tip" d="M{x:.1f} {y:.1f}l{back}l{7 * down:.4g} {7 * across:.4g}z"/>'
        case Dot(x, y):
            return f'<circle class="tip" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
        case Rectangle(x, y, width, height, radius, kind):
            return (
                f'<rect class="{kind}" x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" '
                f'height="{height:.1f}" rx="{radius:.0f}"/>'
            )
        case Text():
            return _text(shape)
        case Map(x, y, width, height, colors, kind):
            place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
            return (
                f'<image {place} preserveAspectRatio="none" style="image-rendering:pixelated" href="{png_of(colors)}"/>'
                f'<rect class="frame {kind}" {place}/>'
            )


def _text(text: Text) -> str:
    """Return the SVG of a text."""
    below = f'<tspan dy="3" font-size="0.7em">{escaped(text.subscript)}</tspan>' if text.subscript else ""
    more = "".join([f' <tspan x="{text.x:.1f}" dy="{LINE:.0f}">{escaped(line)}</tspan>' for line in text.more])
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    return (
        f'<text class="{text.kind}" x="{text.x:.1f}" y="{text.y:.1f}"{anchor}>{escaped(text.text)}{below}{more}</text>'
    )


def _path(path: Path) -> str:
    """Return the path data of a line: straight runs, round corners, and curves where it turns in a gap."""
    points = [path.points[0], *(point for before, point in pairwise(path.points) if point != before)]
    data = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for place, ((x, y), (to_x, to_y)) in enumerate(pairwise(points)):
        after = points[place + 2] if place + 2 < len(points) else None
        if x != to_x and abs(y - to_y) > 0.05 and y != to_y and abs(x - to_x) > 0.05:
            data += _curve(x, y, to_x, to_y, path.axis)
        elif after is not None and _is_corner((x, y), (to_x, to_y), after):
            near, far = _toward((to_x, to_y), (x, y)), _toward((to_x, to_y), after)
            data += f"L{near[0]:.1f} {near[1]:.1f}Q{to_x:.1f} {to_y:.1f} {far[0]:.1f} {far[1]:.1f}"
        else:
            data += f"L{to_x:.1f} {to_y:.1f}"
    return data


def _curve(x: float, y: float, to_x: float, to_y: float, axis: int) -> str:
    if axis == 0:
        turn = (x + to_x) / 2
        return f"C{turn:.1f} {y:.1f} {turn:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    turn = (y + to_y) / 2
    return f"C{x:.1f} {turn:.1f} {to_x:.1f} {turn:.1f} {to_x:.1f} {to_y:.1f}"


def _is_corner(start: Point, corner: Point, end: Point) -> bool:
    """Return whether a horizontal and a vertical run meet."""
    return (start[1] == corner[1] and corner[0] == end[0]) or (start[0] == corner[0] and corner[1] == end[1])


def _toward(corner: Point, other: Point) -> Point:
    """Return the point on the way from a corner where its rounding ends."""
    x, y = other[0] - corner[0], other[1] - corner[1]
    length = abs(x) + abs(y)
    step = min(_CORNER, length / 2) / length
    return corner[0] + x * step, corner[1] + y * step
