"""Recipes made of recipes: the same with numbers that are a little off."""

from __future__ import annotations

import numpy as np

from graph.structure.library import GATES
from tests.fuzz.recipes import Recipe, Step


def wires_made(step: Step) -> int:
    """Return how many wires a step makes."""
    return GATES[step[1]](**step[2]).outputs if step[0] == "gate" else int(step[0] != "output")


def is_label(step: Step) -> bool:
    """Return whether a step is an entry of labels."""
    labels = step[0] == "input" and step[3][:1] == ("labels",)
    return labels or (step[0] == "constant" and np.asarray(step[1]).dtype.kind == "i")


def noisy(recipe: Recipe, size: float) -> Recipe:
    """Return the recipe with every wire scaled by 1 plus a random number times a size."""
    random = np.random.default_rng(0)
    graphs = []
    for steps in recipe.graphs:
        changed: list[Step] = []
        moved: list[int] = []  # for each wire, the scaled one
        made = 0
        for step in steps:
            if step[0] in ("gate", "nested"):
                step = (*step[:-1], [moved[wire] for wire in step[-1]])
            elif step[0] == "output":
                step = ("output", moved[step[1]])
            changed.append(step)
            count = wires_made(step)
            moved += range(made, made + count) if is_label(step) else range(made + count, made + 2 * count)
            if not is_label(step):
                scales = 1.0 + size * random.normal(size=count)
                changed += [("gate", "Scale", {"a": float(a)}, [made + port]) for port, a in enumerate(scales)]
            made += count * (2 - is_label(step))
        graphs.append(changed)
    return Recipe(graphs, recipe.inputs, recipe.upstream, recipe.special)
