"""The order of the nodes in each column of a layered drawing, chosen so that few wires cross."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from graph.drawing.boxes import Link, Nodes

_IDLE = 4  # rounds without fewer crossings, after which no more are tried


def count_crossings(ends: Iterable[tuple[float, float]]) -> int:
    """Return how many pairs of lines between two columns cross, given each line's positions on the left and right.

    Lines that share an end do not cross there.

    Examples
    --------
    >>> count_crossings([(0, 1), (1, 0), (2, 2)])
    1
    """
    crossings = 0
    passed: list[float] = []
    for _, right in sorted(ends):
        crossings += len(passed) - bisect_right(passed, right)
        insort(passed, right)
    return crossings


def ordered(nodes: Nodes) -> list[list[int]]:
    """Return the layers in the order with the fewest crossings found by sweeps in both directions."""
    before, after = nodes.before, nodes.after
    rounds = nodes.rounds()
    place = [0] * len(nodes.column)
    best, fewest = nodes.layers, _crossings(nodes.layers, before, place)
    layers = [list(layer) for layer in best]
    idle = 0
    for turn in range(rounds):
        if fewest == 0 or idle == _IDLE:
            break
        rightwards = [(layer, before) for layer in layers]
        leftwards = [(layer, after) for layer in reversed(layers)]
        for layer, links in leftwards + rightwards if turn % 2 else rightwards + leftwards:
            _sort(layer, links, place)
        for _ in range(rounds):
            if not sum(_exchange(layer, before, after, place) for layer in layers):
                break
        crossings = _crossings(layers, before, place)
        idle += 1
        if crossings < fewest:
            best, fewest, idle = [list(layer) for layer in layers], crossings, 0
    return best


def _crossings(layers: list[list[int]], before: list[list[Link]], place: list[int]) -> int:
    """Update `place`, each node's position in its layer, and return the number of crossings."""
    for layer in layers:
        for index, node in enumerate(layer):
            place[node] = index
    crossings = 0
    for layer in layers:
        links = ((link, node) for node in layer for link in before[node])
        crossings += count_crossings((place[link.other] + link.there, place[node] + link.here) for link, node in links)
    return crossings


def _sort(layer: list[int], links: list[list[Link]], place: list[int]) -> None:
    """Sort a layer by the mean position of its nodes' neighbors on one side; nodes without any stay where they are."""
    with_links = [node for node in layer if links[node]]
    means = {n: sum(place[link.other] + link.there for link in links[n]) / len(links[n]) for n in with_links}
    in_order = iter(sorted(means, key=means.__getitem__))
    layer[:] = [next(in_order) if node in means else node for node in layer]
    for index, node in enumerate(layer):
        place[node] = index


def _exchange(layer: list[int], before: list[list[Link]], after: list[list[Link]], place: list[int]) -> int:
    """Swap adjacent nodes of a layer where that saves crossings, and return how many it saves."""
    ends = [
        [sorted(place[link.other] + link.there for link in links[node]) for links in (before, after)] for node in layer
    ]
    saved = 0
    for low in range(1, len(layer)):
        gain = 0
        for above, below in zip(ends[low - 1], ends[low]):
            for end in above:
                gain += bisect_left(below, end) + bisect_right(below, end) - len(below)
        if gain > 0:
            saved += gain
            ends[low - 1], ends[low] = ends[low], ends[low - 1]
            layer[low - 1], layer[low] = layer[low], layer[low - 1]
    for index, node in enumerate(layer):
        place[node] = index
    return saved
