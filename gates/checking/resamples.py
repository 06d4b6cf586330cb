"""Resamples: analytic beside numeric gradients at several inputs and upstream gradients, to tell patterns apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gates.checking.copies import copy_of, flat
from gates.checking.finite_differences import Direction, FiniteDifferences
from gates.checking.points import Point
from gates.checking.slopes import SAFETY
from gates.values import Value, shape_of

_PLACES, _FEWEST = 24, 3  # elements of an input, about, that are compared, and how many at least
_FEW = 100_000  # outputs; of more, the noise is not measured
_SECONDS = 0.2  # for the differences of one input


class Resample:
    """Analytic and numeric gradients at some inputs and some upstream gradient.

    Parameters
    ----------
    point : Point
        The inputs and the upstream gradient.
    places : dict of int to list of int
        For each input whose gradient is compared, the elements to compare.

    Attributes
    ----------
    analytic, numeric, errors : dict of int to numpy.ndarray
        By input: the elements from backward, those from finite differences, and the errors of these.
    known : dict of int to numpy.ndarray of bool
        By input: which elements have a numeric value that is sharp enough to compare.
    noise : float
        How far rounding moves the outputs, as a part of the largest.
    is_stepped : bool
        Whether an output has steps that are higher than its noise: slopes mean little there.

    Raises
    ------
    ValueError
        If nothing can be compared there.
    """

    def __init__(self, point: Point, places: dict[int, list[int]]) -> None:
        self.point, self.inputs, self.places = point, point.inputs, places
        run = point.run()
        self.outputs = copy_of(run.outputs)
        self.analytic = self._elements(run.backward(copy_of(point.upstream)))
        differences = self._differences(self.inputs, point.upstream)
        self.is_stepped = differences.base.size <= _FEW and bool(differences.is_stepped.any())
        largest = np.max(np.abs(differences.base), initial=0.0)
        self.noise = float(np.max(differences.noise, initial=0.0) / largest) if largest else 0.0
        self.numeric, self.errors = self._measured(differences)
        self.known = {}
        for port in places:
            largest = np.maximum(np.abs(self.numeric[port]), np.abs(self.analytic[port]))
            self.known[port] = np.isfinite(self.analytic[port]) & (self.errors[port] <= 1e-2 * largest)

    def wrong(self, port: int) -> Any:
        """Return which elements of an input's gradient are wrong."""
        return self.known[port] & ~self._near(self.analytic[port], self.numeric[port], self.errors[port], 10.0)

    def agrees(self, port: int, expected: Any, errors: Any = None) -> bool:
        """Return whether the analytic gradient is the expected one, as far as that is known."""
        near = self._near(self.analytic[port], expected, self.errors[port] if errors is None else errors)
        return bool(near[self.known[port]].all())

    def is_right_for(self, port: int, times: float) -> bool:
        """Return whether the analytic gradient is the numeric one for an upstream gradient some times as large."""
        analytic = self.analytic_for(port, times) / times
        return bool(self._near(analytic, self.numeric[port], self.errors[port])[self.known[port]].all())

    def analytic_for(self, port: int, times: float) -> Any:
        """Return the analytic gradient for an upstream gradient some times as large."""
        there = replace(self.point, upstream=[times * dz for dz in self.point.upstream])
        return self._elements(there.gradients())[port]

    def agrees_at(self, port: int, inputs: Sequence[Value]) -> bool | None:
        """Return whether the analytic gradient is the numeric one at other inputs; None if there is none there."""
        try:
            numeric, errors = self._slopes(inputs, self.point.upstream)
        except Exception:  # out of forward's domain
            return None
        known = self.known[port] & np.isfinite(numeric[port]) & np.isfinite(errors[port])
        return bool(self._near(self.analytic[port], numeric[port], errors[port])[known].all()) if known.any() else None

    def explains(
        self, port: int, inputs: Sequence[Value] | None = None, upstream: Sequence[Value] | None = None
    ) -> bool | None:
        """Return whether the analytic gradient for other inputs, or another upstream gradient, is the numeric one here.

        None if there is none there.
        """
        there = replace(self.point, inputs=list(inputs or self.inputs), upstream=list(upstream or self.point.upstream))
        try:
            analytic = self._elements(there.gradients())[port]
        except Exception:  # out of forward's domain
            return None
        known = self.known[port] & np.isfinite(analytic)
        return bool(self._near(analytic, self.numeric[port], self.errors[port])[known].all()) if known.any() else None

    def with_upstream(self, change: Callable[[Value], Value]) -> dict[int, Any]:
        """Return the numeric gradients for another upstream gradient."""
        return self._slopes(self.inputs, [change(dz) for dz in self.point.upstream])[0]

    def upstream_at(self, port: int) -> Any:
        """Return the upstream gradient where elements of an input are compared, nan if it has another shape."""
        upstream = self.point.upstream[0]
        if len(self.outputs) != 1 or shape_of(upstream) != shape_of(self.inputs[port]):
            return math.nan
        return np.ravel(upstream)[self.places[port]]

    def of_output(self, chosen: int) -> dict[int, Any]:
        """Return the numeric gradients of one of several outputs."""
        upstream = [dz if place == chosen else dz * 0.0 for place, dz in enumerate(self.point.upstream)]
        return self._slopes(self.inputs, upstream)[0]

    def with_input(self, port: int, value: Value) -> list[Value]:
        """Return the inputs with another one in a port."""
        return [value if place == port else given for place, given in enumerate(self.inputs)]

    def transposed(self, port: int) -> tuple[Any, Any]:
        """Return the numeric gradient of an input with its last two axes exchanged, and its errors."""
        places = self.places[port]
        order = [places.index(place) for place in mirrored(places, shape_of(self.inputs[port]))]
        return self.numeric[port][order], self.errors[port][order]

    def _near(self, a: Any, b: Any, errors: Any, times: float = 100.0) -> Any:
        """Return where two gradients agree, up to the errors of one: patterns are much coarser than a check."""
        tolerance = min(times * self.point.function.precision.tolerance, 0.05)
        with np.errstate(all="ignore"):
            return np.abs(a - b) <= SAFETY * errors + tolerance * np.maximum(np.abs(a), np.abs(b))

    def _elements(self, gradients: Any) -> dict[int, Any]:
        """Return the elements to compare of what backward returned."""
        found = {}
        for port, places in self.places.items():
            gradient = np.asarray(gradients[port], dtype=float)
            if gradient.shape != shape_of(self.inputs[port]):
                raise ValueError("a gradient has another shape there")
            found[port] = gradient.reshape(-1)[places]
        return found

    def _slopes(self, inputs: Sequence[Value], upstream: Sequence[Value]) -> tuple[dict[int, Any], dict[int, Any]]:
        """Return the numeric gradients and their errors."""
        return self._measured(self._differences(inputs, upstream))

    def _differences(self, inputs: Sequence[Value], upstream: Sequence[Value]) -> FiniteDifferences:
        """Return the differences of forward at some inputs."""
        function, random = self.point.function, self.point.random
        differences = FiniteDifferences(
            function.outputs, inputs, list(self.places), flat(upstream), random, function.precision
        )
        if not differences.finite.all():
            raise ValueError("forward is not finite there")
        return differences

    def _measured(self, differences: FiniteDifferences) -> tuple[dict[int, Any], dict[int, Any]]:
        """Return numeric gradients and their errors."""
        if differences.base.size <= _FEW:
            differences.measure_noise()
        tolerance = differences.precision.tolerance
        values: dict[int, Any] = {}
        errors: dict[int, Any] = {}
        for port, places in self.places.items():
            slopes = []
            for place in places:
                slope = differences.slope(Direction.along(port, place), exhaustive=False)
                if slope.is_kink or not slope.central.error <= tolerance * abs(slope.central.value):
                    slope = differences.slope(Direction.along(port, place))
                slopes.append(slope)
            values[port] = np.array([slope.best.value for slope in slopes])
            errors[port] = np.array([math.inf if slope.is_kink else slope.best.error for slope in slopes])
        return values, errors


def places_of(
    inputs: Sequence[Value], ports: Sequence[int], random: Any, wrong: dict[int, list[int]], seconds: float
) -> dict[int, list[int]]:
    """Return elements of each input to compare: `wrong` ones, then others; inputs of one shape share them.

    `seconds` is how long a run of forward takes.
    """
    most = min(max(int(_SECONDS / max(6.0 * seconds, 1e-9)), _FEWEST), _PLACES)
    found: dict[tuple[int, ...], list[int]] = {}
    for port in ports:
        chosen = found.setdefault(shape_of(inputs[port]), [])
        chosen += [place for place in wrong.get(port, [])[: (most + 1) // 2] if place not in chosen]
    for shape, chosen in found.items():
        size = math.prod(shape)
        rest = range(size) if size <= most else random.choice(size, most, replace=False).tolist()
        chosen += [place for place in rest if place not in chosen][: max(most - len(chosen), 0)]
        if len(shape) >= 2 and shape[-1] == shape[-2]:
            chosen += [place for place in mirrored(chosen, shape) if place not in chosen]
    return {port: found[shape_of(inputs[port])] for port in ports}


def mirrored(places: Sequence[int], shape: tuple[int, ...]) -> list[int]:
    """Return the places with their last two indices exchanged, in a shape whose last two lengths are equal."""
    index = list(np.unravel_index(np.asarray(places, dtype=int), shape))
    index[-1], index[-2] = index[-2], index[-1]
    return [int(place) for place in np.ravel_multi_index(tuple(index), shape)]
