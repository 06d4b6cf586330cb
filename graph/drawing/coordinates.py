"""The vertical coordinates of the nodes of a layered drawing, chosen so that wires are straight."""

from __future__ import annotations

from itertools import pairwise
from math import inf

from graph.drawing.boxes import Link, Nodes


def coordinates(nodes: Nodes) -> list[float]:
    """Return the y of each node: as close as the slots allow to where its wires are straight."""
    before, after = nodes.before, nodes.after
    both = [left + right for left, right in zip(before, after)]
    segments = [(node, link) for node, links in enumerate(before) for link in links]
    stacked = [0.0] * len(nodes.slots)  # y if each layer is packed without gaps
    for layer in nodes.layers:
        for upper, lower in pairwise(layer):
            stacked[lower] = stacked[upper] + (nodes.slots[upper] + nodes.slots[lower]) / 2
    y = [top - stacked[nodes.layers[column][-1]] / 2 for top, column in zip(stacked, nodes.column)]
    rounds = nodes.rounds()
    best, least = y, inf
    for turn in range(2 * rounds):
        for layer in nodes.layers:
            _settle(layer, before if turn < rounds else both, stacked, y)
        for layer in reversed(nodes.layers):
            _settle(layer, after if turn < rounds else both, stacked, y)
        bends = sum(link.weight * abs(y[node] - y[link.other] - link.shift) for node, link in segments)
        cost = max(y) - min(y) + bends
        if cost < least:
            best, least = list(y), cost
    for _ in range(rounds):
        _straighten(nodes, stacked, best)
    return best


def _settle(layer: list[int], links: list[list[Link]], stacked: list[float], y: list[float]) -> None:
    """Move the nodes of a layer toward the median of the y that their links want, keeping their order and distance."""
    blocks: list[tuple[float, float, int]] = []  # weight, wanted y less the stacked one, nodes
    for node in layer:
        weight, wanted, count = 0.1, 0.9 * y[node], 1  # a node without links drifts toward the middle
        if links[node]:
            weight, wanted = _median([(y[link.other] + link.shift, link.weight) for link in links[node]])
        wanted -= stacked[node]
        while blocks and blocks[-1][1] >= wanted:  # blocks that would overlap are merged
            its_weight, its_wanted, its_count = blocks.pop()
            wanted = (wanted * weight + its_wanted * its_weight) / (weight + its_weight)
            weight, count = weight + its_weight, count + its_count
        blocks.append((weight, wanted, count))
    starts = (wanted for _, wanted, count in blocks for _ in range(count))
    for node, start in zip(layer, starts):
        y[node] = start + stacked[node]


def _straighten(nodes: Nodes, stacked: list[float], y: list[float]) -> None:
    """Move each group of nodes joined by straight wires, as far as there is room, to where more wires are straight."""
    neighbors: list[list[int]] = [[] for _ in y]
    for upper, lower in (pair for layer in nodes.layers for pair in pairwise(layer)):
        neighbors[upper].append(lower)
        neighbors[lower].append(upper)
    group = [-1] * len(y)
    for first in range(len(y)):
        if group[first] >= 0:
            continue
        members, bends = [first], []
        group[first] = first
        for node in members:
            for links, part in ((nodes.before[node], 1.01), (nodes.after[node], 1.0)):  # a tie goes to the left
                for link in links:
                    bend = y[link.other] + link.shift - y[node]
                    if abs(bend) < 0.01 and group[link.other] < 0:
                        group[link.other] = first
                        members.append(link.other)
                    bends.append((link.other, bend, part * link.weight))
        wishes = [(bend, weight) for other, bend, weight in bends if group[other] != first]
        up, down = -inf, inf
        for node in members:
            for other in neighbors[node]:
                room = y[other] - stacked[other] - y[node] + stacked[node]
                if group[other] != first and stacked[other] < stacked[node]:
                    up = max(up, room)
                elif group[other] != first:
                    down = min(down, room)
        if wishes and up < down:
            move = max(up, min(down, _median(wishes)[1]))
            for node in members:
                y[node] += move


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
