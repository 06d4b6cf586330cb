"""Random graphs obey the laws of `tests/fuzz`, and failures are printed as programs that fail."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from graph.structure.library import GATES
from tests.fuzz import fuzzer, laws
from tests.fuzz.program import HEAD, build, text_of
from tests.fuzz.recipes import GATE_KINDS, Recipe, recipes

ROOT = Path(__file__).parent.parent

bounded = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), max_examples=100)


@pytest.mark.parametrize("numbers", [True, False], ids=["numbers", "arrays"])
@pytest.mark.parametrize("special", [True, False], ids=["special", "ordinary"])
def test_random_graphs_obey_the_laws(numbers: bool, special: bool) -> None:
    tried = fuzzer.Fuzzer(until=time.monotonic())

    @bounded
    @given(recipes(numbers=numbers, special=special))
    def each(recipe: Recipe) -> None:
        tried.try_graph(recipe, fuzzer.WAYS)

    each()


def test_random_graphs_on_jax() -> None:
    pytest.importorskip("jax")
    tried = fuzzer.Fuzzer(until=time.monotonic())

    @settings(bounded, max_examples=15)
    @given(recipes(special=False))
    def each(recipe: Recipe) -> None:
        tried.try_graph(recipe, [laws.on_jax])

    each()


def test_every_gate_and_loss_is_drawn() -> None:
    assert {name for name, _, _ in GATE_KINDS} == set(GATES)
