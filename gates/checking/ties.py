"""Ties: what stands at a kink together has to be right when it moves together, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gates.checking.comparison import Element, judged
from gates.checking.finite_differences import Direction, Ground


def with_ties_moved(
    ground: Ground, elements: Sequence[Element], names: Sequence[str]
) -> tuple[list[Element], list[str]]:
    """Move the elements of each tie by the same amount: their gradients must add up to the slope of that.

    Returns
    -------
    list of Element, list of str
        All elements, those of a tie that is wrong without a pass; and a sentence about each such tie.
    """
    elements, sentences = list(elements), []
    kinks = [place for place, element in enumerate(elements) if element.verdict == "kink" and element.is_passed]
    for group in _tied([elements[kink] for kink in kinks]):
        members = [elements[kinks[place]] for place in group]
        if len(members) < 2:
            continue
        ports = sorted({element.port for element in members})
        parts: list[tuple[int, Any, Any]] = []
        for port in ports:
            places = np.array([element.place for element in members if element.port == port])
            parts.append((port, places, np.ones(places.size)) if np.ndim(ground.inputs[port]) else (port, 0, 1.0))
        total = sum(element.analytic for element in members)
        slope = ground.slope(Direction(tuple(parts)))
        together = judged(ports[0], members[0].place, total, slope)
        apart = abs(slope.left.value - slope.right.value)
        unsure = not slope.is_kink and not apart <= 1e-3 * max(
            abs(slope.left.value), abs(slope.right.value), abs(total)
        )
        if together.verdict not in ("fail", "kink") or together.is_passed or unsure:
            continue
        for place in group:
            elements[kinks[place]] = elements[kinks[place]].rejected()
        who = " and ".join([names[port] for port in ports])
        sentences.append(
            f"{who} {'stands' if len(ports) == 1 else 'stand'} at a tie, which is a kink: the gradients of what is "
            f"tied add up to {total:.6g}, but the slope is {together.numeric:.6g} where all of it moves together"
        )
    return elements, sentences


def _tied(elements: Sequence[Element]) -> list[list[int]]:
    """Return groups of elements that move an output together."""
    groups: list[tuple[set[int], Any]] = []
    for place, element in enumerate(elements):
        members, moved = {place}, element.slope.moved
        apart = []
        for others, touched in groups:
            if np.any(touched & moved):
                members |= others
                moved = moved | touched
            else:
                apart.append((others, touched))
        groups = [*apart, (members, moved)]
    return [sorted(members) for members, _ in groups]
