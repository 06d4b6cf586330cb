"""Elementwise gates against mpmath at 50 digits: within 4 ulp wherever the exact result is a normal number."""

import math
import sys
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.cases import CASES, STEEP, Case, mp

TINY, HUGE = sys.float_info.min, sys.float_info.max
ULPS = 4

EDGES = [0.0, 5e-324, 1e-310, TINY, 1e-300, 1e-162, 1e-160, 1e-154, 1e-20, 2.0**-53, 1e-8, 0.1, 0.5, 1 - 2.0**-53, 1.0]
EDGES += [1 + 2.0**-52, 1.5, 2.0, 3.0, math.pi, 10.0, 18.7, 19.1, 36.7, 37.0, 100.0, 353.9, 354.4, 700.0, 708.39, 709.7]
EDGES += [710.0, 745.1, 746.0, 1e3, 1e8, 1e16, 1e20, 1e76, 1e154, 1.3e154, 1e160, 1e300, 1e308, HUGE]


def one_number() -> list[float]:
    """Return a dense grid of single inputs: all magnitudes, the range where exponentials live, and edges."""
    sizes = [*EDGES, *np.logspace(-323, 308, 641), *np.linspace(0, 750, 1501), *np.linspace(0, 3, 301)]
    return sorted({float(sign * size) for size in sizes for sign in (1, -1)})


def two_numbers() -> list[tuple[float, float]]:
    """Return pairs of inputs: all pairs of edges with all signs, and random magnitudes."""
    random = np.random.default_rng(0)
    edges = [sign * edge for edge in EDGES for sign in (1.0, -1.0)]
    sizes = 10 ** random.uniform(-320, 308, (3000, 2)) * random.choice([-1, 1], (3000, 2))
    return [*product(edges, edges), *map(tuple, sizes.tolist())]


def three_numbers() -> list[tuple[float, float, float]]:
    """Return triples of inputs: all of a few."""
    few = [0.0, -0.0, 1e-300, -1.0, 0.1, 3.0, -1e300]
    return [(x, y, z) for x in few for y in few for z in few]


def exactly(formula: Any, inputs: tuple[float, ...]) -> Any:
    """Return a formula's exact result where it is a normal number or 0, else None."""
    try:
        exact = formula(*map(mp.mpf, inputs))
    except ZeroDivisionError:
        return None
    if mp.im(exact) != 0 or not mp.isfinite(exact):
        return None
    return exact if exact == 0 or TINY <= abs(exact) <= HUGE else None


def ulps(got: float, exact: Any) -> float:
    """Return the distance from the exact result in units of the last place."""
    return float(abs(mp.mpf(got) - exact) / math.ulp(float(exact))) if math.isfinite(got) else math.inf


def check(pairs: list[tuple[Any, float, Any]]) -> None:
    """Assert that no result is further from its exact one than it may be: (inputs, got, exact) triples."""
    worst = max(pairs, key=lambda pair: ulps(pair[1], pair[2]))
    distance = ulps(worst[1], worst[2])
    assert distance <= ULPS, f"{distance:.1f} ulp at {worst[0]}: got {worst[1]!r}, exactly {mp.nstr(worst[2], 20)}"


ELEMENTWISE = [pytest.param(case, id=case.name) for case in [*CASES, *STEEP] if case.value is not None]


@pytest.mark.parametrize("case", ELEMENTWISE)
def test_forward_and_gradients_within_4_ulp(case: Case) -> None:
    grids = {1: lambda: [(x,) for x in one_number()], 2: two_numbers, 3: three_numbers}
    grid: Any = grids[len(case.slopes)]()
    gate = case.make()
    forward, backward = [], [[] for _ in case.slopes]
    for inputs in grid:
        got = gate.forward(*inputs)
        gradients = gate.backward(1.0)
        if (exact := exactly(case.value, inputs)) is not None:
            forward.append((inputs, got, exact))
        for rows, slope, gradient in zip(backward, case.slopes, gradients):
            if (exact := exactly(slope, inputs)) is not None:
                rows.append((inputs, gradient, exact))
    assert len(forward) > 100
    check(forward)
    for rows in backward:
        assert len(rows) > 100
        check(rows)
    # The same on arrays, with every warning an error: none where the exact result is finite.
    columns = [np.array(column) for column in zip(*[inputs for inputs, _, _ in forward])]
    array = case.make().forward(*columns)
    check([(inputs, float(got), exact) for (inputs, _, exact), got in zip(forward, array)])
    for place, rows in enumerate(backward):
        columns = [np.array(column) for column in zip(*[inputs for inputs, _, _ in rows])]
        gate = case.make()
        with np.errstate(all="ignore"):  # forward may overflow where this gradient is finite
            gate.forward(*columns)
        gate.wanted = tuple(number == place for number in range(len(backward)))
        gradient = gate.backward(1.0)[place]
        check([(inputs, float(got), exact) for (inputs, _, exact), got in zip(rows, gradient)])
