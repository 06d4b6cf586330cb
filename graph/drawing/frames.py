"""What stands around the gates of a diagram: frames of groups, and the legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from graph.drawing.look import Look
from graph.drawing.shapes import Group, Path, Rectangle, Shape, Text, Tip
from graph.drawing.sizes import CAPTION, LOCAL_SIGN, NOTE, PADDING
from graph.drawing.texts import DASH, LINE, shortened, width_of, wrapped

_NEAR = 0.01  # px
_START = 86.0  # px, where the notes of the legend begin


class Area(NamedTuple):
    """Where a part stands: its open groups, its line, and the rectangle around its box and its texts."""

    group: tuple[str, ...]
    line: int
    left: float
    top: float
    right: float
    floor: float


def frames_of(areas: Sequence[Area]) -> Iterator[Group]:
    """Yield the frames around open groups, the outermost first, one in each line: those that hold nothing else."""
    groups = {area.group[:depth] for area in areas for depth in range(1, len(area.group) + 1)}
    for group in sorted(groups, key=lambda group: (len(group), group)):
        inside = [area for area in areas if area.group[: len(group)] == group]
        others = [area for area in areas if area.group[: len(group)] != group]
        frames = [_around([area for area in inside if area.line == line]) for line in sorted({a.line for a in inside})]
        if any(_overlap(frame, other[2:]) for frame in frames for other in others):
            continue
        padding, captions = PADDING * (len(group) - 1), CAPTION * (len(group) - 1)
        shapes: list[Shape] = []
        for left, top, right, floor in frames:
            left, top, right, floor = left + padding + 2, top + captions + 1, right - padding - 2, floor - padding - 1
            middle = ((left + right) / 2, (top + floor) / 2)
            shapes.append(Rectangle(*middle, right - left, floor - top, 8.0, "group"))
            shapes.append(Text(left + 7, top + 13, "note", _fitted(group[-1], right - left - 14), "start"))
        yield Group("around", ("group", " / ".join(group)), " / ".join(group), shapes)


def _around(areas: Sequence[Area]) -> tuple[float, float, float, float]:
    """Return the rectangle around some."""
    _, _, lefts, tops, rights, floors = zip(*areas)
    return min(lefts), min(tops), max(rights), max(floors)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Return whether two rectangles overlap, each given by its least and its greatest coordinates; rounding aside."""
    (left, top, right, floor), (left_2, top_2, right_2, floor_2) = one, other
    return min(right, right_2) - max(left, left_2) > _NEAR and min(floor, floor_2) - max(top, top_2) > _NEAR


def _fitted(name: str, width: float) -> str:
    """Return a caption shortened so that it has at most a width, if it can be."""
    text = shortened(name)
    while len(text) > 1 and width_of(text, NOTE) > width:
        text = shortened(name, len(text) - 1)
    return text


def legend_of(output: str, look: Look, has_maps: bool, y: float) -> tuple[Group, float, float]:
    """Return the legend, its width and its height.

    Parameters
    ----------
    output : str
        The wire that the gradients are of; "" if there is none.
    look : Look
        How the diagram is drawn.
    has_maps : bool
        Whether there are heat maps in it.
    y : float
        Where the legend begins, in px.
    """
    of_output = f" of {shortened(output)}" if output else ""
    notes = [f"the value, forward, and the gradient{of_output}, backward; {DASH}: not computed, or none"]
    if look.local:
        notes.append(f"{LOCAL_SIGN}: the local gradient, by which a gate multiplies the gradient from the right")
    if has_maps:
        notes.append("arrays: orange is negative, blue positive, ± the largest; !: look here")
    if look.width is not None and look.direction == "right":
        notes = [line for note in notes for line in wrapped(note, look.width - _START, NOTE)]
    shapes: list[Shape] = [Path([(0, y + 4), (70, y + 4)], 0), Tip(76, y + 4, (1.0, 0.0))]
    shapes += [Text(38, y - 2, "value", "value"), Text(38, y + 19, "gradient", "gradient")]
    shapes.append(Text(_START, y, "note", notes[0], "start", more=tuple(notes[1:])))
    width = _START + max(width_of(note, NOTE) for note in notes)
    return Group("legend", ("", ""), "Legend", shapes), width, max(36.0, LINE * len(notes) + 6)
