"""The coordinates of the nodes across the wires, chosen so that the main way is straight, and then most other wires."""

from __future__ import annotations

from itertools import pairwise
from math import inf

from graph.drawing.boxes import Link, Nodes

_NEAR = 0.01  # px
_TINY = 1e-6
_PATIENCE = 4
_GAP = 12.0  # px at most over the whole width without a node
_MUCH = 10.0  # a node that weighs so many times as much as another one is not moved by it


def coordinates(nodes: Nodes) -> list[float]:
    """Return the y of each node: as close as the room between nodes allows to where its wires are straight."""
    wishes = [_Wishes(before, after) for before, after in zip(nodes.before, nodes.after)]
    stacked = [0.0] * len(nodes.column)  # y if each layer is packed without gaps
    for layer in nodes.layers:
        for upper, lower in pairwise(layer):
            stacked[lower] = stacked[upper] + nodes.below[upper] + nodes.above[lower]
    y = [top - stacked[nodes.layers[column][-1]] / 2 for top, column in zip(stacked, nodes.column)]
    rounds = nodes.rounds()
    best, least = y, inf
    for turn in range(2 * rounds):
        for layer in nodes.layers:
            _settle(layer, wishes, "left" if turn < rounds else "both", stacked, y)
        for layer in reversed(nodes.layers):
            _settle(layer, wishes, "right" if turn < rounds else "both", stacked, y)
        cost = max(y) - min(y) + sum(wish.bends(node, y) for node, wish in enumerate(wishes))
        if cost < least:
            best, least = list(y), cost
    for _ in range(rounds):
        for layer in nodes.layers:
            _settle(layer, wishes, "firm", stacked, best)
        _straighten(nodes, wishes, stacked, best)
    return _without_gaps(nodes, best)


class _Wishes:
    """Where a node's wires want it to be.

    A box with several ways in that are equally long wants to be in the middle between them; one with a single longest
    way in wants that way straight. The ways that are not the longest do not matter to it: they come to it as they can.
    """

    def __init__(self, before: list[Link], after: list[Link]) -> None:
        self.mains = [link for link in before if link.is_main]
        self.sides = [link for link in before if not link.is_main]
        self.after = after

    def left(self, y: list[float]) -> list[tuple[float, float]]:
        """Return the wishes of the wires on the left, each a y and its weight."""
        if not self.mains:
            return []
        wish = sum(y[link.other] + link.shift for link in self.mains) / len(self.mains)
        return [(wish, self.mains[0].weight)]

    def right(self, y: list[float]) -> list[tuple[float, float]]:
        """Return the wishes of the wires on the right."""
        return [(y[link.other] + link.shift, link.weight) for link in self.after]

    def both(self, y: list[float]) -> list[tuple[float, float]]:
        """Return all wishes."""
        return self.left(y) + self.right(y)

    def firm(self, y: list[float]) -> list[tuple[float, float]]:
        """Return the wish of the main way, if there is one, otherwise all wishes."""
        return self.left(y) if len(self.mains) == 1 else self.both(y)

    def bends(self, node: int, y: list[float]) -> float:
        """Return the cost of the bends of the wires on the left."""
        cost = sum(link.weight * abs(y[node] - y[link.other] - link.shift) for link in self.sides)
        return cost + sum(weight * abs(y[node] - wish) for wish, weight in self.left(y))


def _settle(layer: list[int], wishes: list[_Wishes], side: str, stacked: list[float], y: list[float]) -> None:
    """Move the nodes of a layer toward the median of the y that their wires want, keeping their order and distance."""
    blocks: list[tuple[float, float, int]] = []  # weight, wanted y less the stacked one, nodes
    for node in layer:
        weight, wanted, count = 0.1, 0.9 * y[node], 1  # a node without wishes drifts toward the middle
        if found := getattr(wishes[node], side)(y):
            weight, wanted = _median(found)
        wanted -= stacked[node]
        while blocks and blocks[-1][1] >= wanted:  # blocks that would overlap are merged
            its_weight, its_wanted, its_count = blocks.pop()
            if its_weight > _MUCH * weight:
                wanted = its_wanted
            elif weight < _MUCH * its_weight:
                wanted = (wanted * weight + its_wanted * its_weight) / (weight + its_weight)
            weight, count = weight + its_weight, count + its_count
        blocks.append((weight, wanted, count))
    starts = (wanted for _, wanted, count in blocks for _ in range(count))
    for node, start in zip(layer, starts):
        y[node] = start + stacked[node]


def _straighten(nodes: Nodes, wishes: list[_Wishes], stacked: list[float], y: list[float]) -> None:
    """Move each group of nodes joined by straight wires, with those in its way, if that makes wires straighter."""
    seen: set[int] = set()
    for first in range(len(y)):
        if first in seen:
            continue
        members = _joined(nodes, first, y)
        seen |= members
        moves = []
        for node in members:
            wish = wishes[node]
            if not any(link.other in members for link in wish.mains):
                moves += [(where - y[node], 1.01 * weight) for where, weight in wish.left(y)]  # a tie goes to the left
            links = [link for link in wish.after if link.other not in members]
            moves += [(y[link.other] + link.shift - y[node], link.weight) for link in links]
        move = _median(moves)[1] if moves else 0.0
        if abs(move) < _NEAR:
            continue
        moved = _pushed(nodes, members, move, stacked, y)
        concerned = sorted({*moved, *(link.other for node in moved for link in nodes.after[node])})
        before = sum(wishes[node].bends(node, y) for node in concerned)
        for node, way in moved.items():
            y[node] += way
        if sum(wishes[node].bends(node, y) for node in concerned) > before - _NEAR:
            for node, way in moved.items():
                y[node] -= way


def _joined(nodes: Nodes, first: int, y: list[float]) -> set[int]:
    """Return the nodes that are joined to one by straight wires, and itself."""
    found, waiting = {first}, [first]
    for node in waiting:
        for link in nodes.before[node] + nodes.after[node]:
            if link.other not in found and abs(y[link.other] + link.shift - y[node]) < _NEAR:
                found.add(link.other)
                waiting.append(link.other)
    return found


def _pushed(nodes: Nodes, members: set[int], move: float, stacked: list[float], y: list[float]) -> dict[int, float]:
    """Return how far each node moves if some do: those in the way are pushed, with all that are joined to them.

    Nothing moves if pushing would not end.
    """
    side = 1 if move > 0 else -1
    moved = dict.fromkeys(sorted(members), move)
    waiting = list(moved)
    for count, node in enumerate(waiting):
        other = nodes.neighbor(node, side)
        if other is None:
            continue
        way = y[node] + moved[node] + stacked[other] - stacked[node] - y[other]
        if side * way <= side * moved.get(other, 0.0) + _TINY:
            continue
        if count > _PATIENCE * len(y):
            return {}
        for pushed in sorted(_joined(nodes, other, y)):
            if side * way > side * moved.get(pushed, 0.0):
                moved[pushed] = way
                waiting.append(pushed)
    return moved


def _without_gaps(nodes: Nodes, y: list[float]) -> list[float]:
    """Return the y of each node without heights at which there is no node in any layer, but for a few px."""
    order = sorted(range(len(y)), key=lambda node: y[node] - nodes.above[node])
    closed, moved = list(y), 0.0
    floor = y[order[0]] - nodes.above[order[0]]
    for node in order:
        moved += max(0.0, y[node] - nodes.above[node] - floor - _GAP)
        closed[node] = y[node] - moved
        floor = max(floor, y[node] + nodes.below[node])
    return closed


def _median(wishes: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the total weight and the weighted median of some wishes, each a number and its weight."""
    wishes.sort()
    total = sum(weight for _, weight in wishes)
    passed = 0.0
    for (wish, weight), (next_wish, _) in pairwise(wishes):
        passed += weight
        if 2 * passed > total:
            return total, wish
        if 2 * passed == total:
            return total, (wish + next_wish) / 2
    return total, wishes[-1][0]
