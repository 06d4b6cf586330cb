"""Tries graphs and counts them, until a law fails or the time is up."""

from __future__ import annotations

import importlib.util
import itertools
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from graph.structure.library import GATES
from tests.fuzz import laws
from tests.fuzz.mutated_files import try_seed
from tests.fuzz.recipes import Recipe, recipes

EXAMPLES = 200  # in a round, which has a seed of its own
OF_JAX = 100  # one graph in so many also runs on JAX, which takes a second to compile it

HAS_JAX = importlib.util.find_spec("jax") is not None

#: Those for which there is a library.
WAYS = laws.EXACT + [
    way
    for way, library in ((laws.by_complex_steps, "numpy"), (laws.batched, "numpy"), (laws.by_torch, "torch"))
    if importlib.util.find_spec(library)
]


class Fuzzer:
    """Tries graphs, and counts them.

    Attributes
    ----------
    counts : Counter of str
        How many graphs were tried, of which kinds, and how often in which way.
    gates : Counter of str
        The gates in them, by class name.
    """

    def __init__(self, until: float) -> None:
        self.until = until
        self.counts: Counter[str] = Counter()
        self.gates: Counter[str] = Counter()
        self.failed: list[Callable[..., Any]] = []

    def run(self, seed: int) -> str | None:
        """Try graphs until the time is up; return the program of the smallest failure, if any."""
        for each in itertools.count(seed):
            if time.monotonic() > self.until:
                return None
            try:
                self.round(each)
                self.files(each)
            except AssertionError as failure:
                return str(failure)
        return None

    def round(self, seed: int) -> None:
        """Try some graphs; the error of the smallest failure has its program as its message."""

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @seeded(seed)
        @given(recipes(), st.integers(1, OF_JAX))
        def each(recipe: Recipe, number: int) -> None:
            if time.monotonic() < self.until or self.failed:  # the smallest failure takes the time that it takes
                self.try_graph(recipe, WAYS + [laws.on_jax] * (number == OF_JAX and HAS_JAX))

        each()

    def files(self, seed: int) -> None:
        """Load or resume some mutated files."""
        for number in range(seed * EXAMPLES, (seed + 1) * EXAMPLES):
            if time.monotonic() < self.until:
                _, outcome = try_seed(number)
                self.counts[f"mutated files: {outcome}"] += 1

    def try_graph(self, recipe: Recipe, ways: list[Callable[..., Any]]) -> None:
        """Try a graph, and raise AssertionError if it breaks a law."""
        steps = list(recipe.steps())
        self.gates.update(step[1] for step in steps if step[0] == "gate")
        self.counts["graphs"] += 1
        self.counts["nested"] += any(step[0] == "nested" for step in steps)
        self.counts["with special values"] += recipe.special
        found = laws.broken(recipe, self.failed or ways, self.counts)
        if found:
            self.failed = [found.way]  # the others would only take time while hypothesis looks for a smaller graph
            raise AssertionError(found.program)

    def table(self) -> str:
        """Return the counts as text."""
        lines = [f"{count:>9,}  {what}" for what, count in self.counts.items()]
        return "\n".join([*lines, f"{len(self.gates):>9,}  of {len(GATES)} gates"])
