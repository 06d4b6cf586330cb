"""Slopes from differences, beside mpmath: the error that is stated holds what is true."""

from typing import Any

import mpmath
import numpy as np
import pytest

from gates.checking import finite_differences
from gates.checking.finite_differences import Direction, FiniteDifferences
from gates.checking.slopes import SAFETY, Slope, extrapolated

mp = mpmath.mp.clone()
mp.dps = 60

#: A function in NumPy, its slope in mpmath, and the range of points.
FUNCTIONS: dict[str, tuple[Any, Any, tuple[float, float]]] = {
    "exp": (np.exp, mp.exp, (-30.0, 30.0)),
    "sin": (np.sin, mp.cos, (-100.0, 100.0)),
    "log": (np.log, lambda x: 1 / x, (1e-12, 1e12)),
    "tanh": (np.tanh, lambda x: mp.sech(x) ** 2, (-10.0, 10.0)),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2, (1e-9, 1e9)),
    "x**7": (lambda x: x**7, lambda x: 7 * x**6, (-1e6, 1e6)),
    "sqrt": (np.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), (1e-300, 1e-290)),
    "bump": (lambda x: 1 / (1 + 1e6 * x * x), lambda x: -2e6 * x / (1 + mp.mpf(10) ** 6 * x * x) ** 2, (-0.01, 0.01)),
    "cancelling": (lambda x: (x + 1e6) ** 2 - 1e12, lambda x: 2 * (x + 10**6), (-5.0, 5.0)),
    "ripple": (lambda x: x + 1e-6 * np.sin(1e5 * x), lambda x: 1 + mp.cos(10**5 * x) / 10, (-3.0, 3.0)),
}


def differences_of(forward: Any, x: Any, weights: Any = (1.0,)) -> FiniteDifferences:
    """Return the finite differences of a function from one input to the vector of outputs."""
    return FiniteDifferences(lambda inputs: forward(inputs[0]), [x], [0], np.array(weights), np.random.default_rng(0))


def slope_of(function: Any, x: float, exhaustive: bool = True) -> Slope:
    """Return the slope of a function of one number."""
    with np.errstate(all="ignore"):
        return differences_of(lambda x: np.array([function(x)]), x).slope(Direction.along(0, 0), exhaustive)


def points(low: float, high: float, count: int = 40) -> list[float]:
    """Return random points, evenly spread over the magnitudes of a positive range."""
    random = np.random.default_rng(0)
    if low > 0:
        return np.exp(random.uniform(np.log(low), np.log(high), count)).tolist()
    return random.uniform(low, high, count).tolist()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stated_error_holds_the_truth(name: str) -> None:
    function, derivative, (low, high) = FUNCTIONS[name]
    errors = []
    for x in points(low, high):
        slope = slope_of(function, x)
        truth = derivative(mp.mpf(x))
        for estimate in (slope.central, slope.left, slope.right):
            assert estimate.is_known
            assert abs(mp.mpf(estimate.value) - truth) <= SAFETY * estimate.error, (x, estimate)
        assert not slope.is_kink
        errors.append(slope.central.error / max(abs(float(truth)), 1e-300))
    assert np.median(errors) < 1e-5 if name in ("cancelling", "ripple") else np.median(errors) < 1e-8


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "1/x", "x**7", "sqrt"])
def test_so_it_does_from_a_few_steps(name: str) -> None:
    function, derivative, (low, high) = FUNCTIONS[name]
    for x in points(low, high):
        estimate = slope_of(function, x, exhaustive=False).central
        assert abs(mp.mpf(estimate.value) - derivative(mp.mpf(x))) <= SAFETY * estimate.error


@pytest.mark.parametrize("distance", [0.0, 1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("at", [0.0, 1.0, -300.0])
def test_a_kink_is_told_from_a_kink_nearby(distance: float, at: float) -> None:
    distance *= max(abs(at), 1.0)
    slope = slope_of(lambda x: np.maximum(x - at, 0.0) * 3.0, at + distance)
    assert slope.is_kink == (distance == 0.0)
    if slope.is_kink:
        assert slope.left.value == pytest.approx(0.0, abs=1e-6)
        assert slope.right.value == pytest.approx(3.0, rel=1e-6)
    else:
        assert slope.central.value == pytest.approx(3.0, rel=1e-4)


def test_slopes_that_are_not_there() -> None:
    for function in (lambda x: np.sqrt(abs(x)), lambda x: np.sign(x), np.log, lambda x: 1 / x if x else np.inf):
        slope = slope_of(function, 0.0)
        assert not slope.is_kink
        assert not slope.has_converged


def test_a_number_of_several_outputs() -> None:
    differences = differences_of(np.square, np.array([1.0, -2.0, 0.5]), (1.0, 10.0, 100.0))
    for place, truth in enumerate((2.0, -40.0, 100.0)):
        assert differences.slope(Direction.along(0, place)).central.value == pytest.approx(truth, rel=1e-10)
    every = Direction(((0, np.arange(3), np.ones(3)),))
    assert differences.slope(every).central.value == pytest.approx(62.0, rel=1e-10)


@pytest.mark.parametrize("size", [1.0, 1e4, 1e8])
def test_noise_is_that_of_forward(size: float) -> None:
    differences = differences_of(lambda x: np.array([(x + size) - size]), 0.7)
    differences.measure_noise()
    (noise,) = differences.noise
    assert 0.05 * np.spacing(size) < noise < 5 * np.spacing(size)


def test_batches_of_probes_give_the_same_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = differences_of(np.sin, np.array([0.0, 1.0, -2.0]), (1.0, 10.0, 100.0))
    every = Direction(((0, np.arange(3), np.ones(3)),))
    whole = differences.slope(every)
    monkeypatch.setattr(finite_differences, "_BATCH", 12)
    parts = differences.slope(every)
    assert (parts.central, parts.left, parts.right) == (whole.central, whole.left, whole.right)


def test_extrapolation_by_hand() -> None:
    # 3 + h**2 + 2 h**4 in steps of 1, 1/2, 1/4: Neville's scheme in h**2 gives 3 exactly.
    steps = [1.0, 0.5, 0.25]
    found = extrapolated([3 + h**2 + 2 * h**4 for h in steps], steps, [0.0] * 3, 2)
    assert found.value == pytest.approx(3.0, abs=1e-15)
    assert abs(found.value - 3.0) <= found.error
