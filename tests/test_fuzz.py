"""Random graphs obey the laws of `tests/fuzz`, and failures are printed as programs that fail."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from graph.structure.library import GATES
from tests.fuzz import fuzzer, laws
from tests.fuzz.laws import passes
from tests.fuzz.program import build
from tests.fuzz.recipes import GATE_KINDS, Recipe, recipes

ROOT = Path(__file__).parent.parent

bounded = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), max_examples=40)


@pytest.mark.parametrize("numbers", [True, False], ids=["numbers", "arrays"])
@pytest.mark.parametrize("special", [True, False], ids=["special", "ordinary"])
def test_random_graphs_obey_the_laws(numbers: bool, special: bool) -> None:
    tried = fuzzer.Fuzzer(until=time.monotonic())

    @bounded
    @given(recipes(numbers=numbers, special=special))
    def each(recipe: Recipe) -> None:
        tried.try_graph(recipe, fuzzer.WAYS)

    each()


def test_many_random_graphs_agree_with_their_gates_run_one_by_one() -> None:
    tried = fuzzer.Fuzzer(until=time.monotonic())

    @settings(bounded, max_examples=1000)
    @given(recipes(special=True))
    def each(recipe: Recipe) -> None:
        tried.try_graph(recipe, [laws.plain])

    each()


@pytest.mark.parametrize("way", [pytest.param(laws.on_jax, id="jax"), pytest.param(laws.numba, id="numba")])
def test_random_graphs_on_another_library(way: Any, request: Any) -> None:
    name = request.node.callspec.id
    pytest.importorskip(name, reason=f"{name} is not installed: pip install {name}")
    tried = fuzzer.Fuzzer(until=time.monotonic())

    @settings(bounded, max_examples=15)
    @given(recipes(special=False, numbers=True) if way is laws.numba else recipes(special=False))
    def each(recipe: Recipe) -> None:
        tried.try_graph(recipe, [way])

    each()


def test_every_gate_and_loss_is_drawn() -> None:
    assert {name for name, _, _ in GATE_KINDS} == set(GATES)


def recipes_like(seed: int, count: int = 20) -> list[Recipe]:
    """Return some recipes."""
    drawn: list[Recipe] = []

    @settings(bounded, max_examples=count)
    @given(recipes(special=seed % 2 == 1))
    def each(recipe: Recipe) -> None:
        drawn.append(recipe)

    each()
    return drawn


def wrong(graph):  # without types: its text becomes a part of programs
    def run(inputs, upstream):
        value, gradients, _ = passes(graph)(inputs, upstream)
        return -value, gradients

    return run


@pytest.mark.parametrize("seed", [0, 1])
def test_a_printed_program_rebuilds_the_graph_and_fails_where_the_law_fails(seed: int, capsys: Any) -> None:
    for recipe in recipes_like(seed):
        graph, inputs, upstream = build(recipe)
        wanted = laws.outcome(passes(graph), inputs, upstream)
        for way in (laws.stepped, laws.flat, laws.source):
            names: dict[str, Any] = {}
            exec(laws.program(recipe, way), names)  # its assertion holds
            assert laws.same(laws.outcome(passes(names["graph"]), inputs, upstream), wanted)
        if not isinstance(wanted[0], type) and np.any(wanted[0] == wanted[0]):
            found = laws.broken(recipe, [wrong], Counter())
            assert found is not None
            with pytest.raises(AssertionError, match="wrong"):
                exec(found.program, {})
    capsys.readouterr()


def test_the_smallest_failure_is_printed_as_a_program_that_fails(monkeypatch: Any) -> None:
    monkeypatch.setattr(fuzzer, "WAYS", [wrong])
    program = fuzzer.Fuzzer(until=time.monotonic() + 600).run(seed=0)
    assert program is not None
    assert program.count(".add(") + program.count(".input(") + program.count(".parameter(") < 8
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.endswith("AssertionError: wrong\n")


def test_numbers_that_differ_in_their_last_bit_or_their_sign_are_not_the_same() -> None:
    for x, y in (
        (0.0, -0.0),
        (1.0, np.nextafter(1.0, 2.0)),
        (1.0, np.float32(1.0)),
        (1.0, np.array(1.0)),
        (0.0, np.nan),
    ):
        assert laws.same(x, x)
        assert not laws.same(x, y)
    assert laws.same(np.array([np.nan, -0.0]), np.array([-np.nan, -0.0]))
    assert laws.same((ValueError, "a"), (ValueError, "b"))
    assert not laws.same((ValueError, "a"), (TypeError, "a"))
    assert not laws.same({"x": 1.0, "y": 1.0}, {"y": 1.0, "x": 1.0})


def test_the_command() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--minutes", "0.02", "--seed", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "graphs" in done.stdout
