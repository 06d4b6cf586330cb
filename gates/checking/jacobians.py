"""The Jacobians of forward and of backward at one point: how each output depends on each input, and how it should."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gates.checking.copies import copy_of, flat, float_or_array
from gates.checking.fits import POINTS, Fit, fit
from gates.checking.points import Point
from gates.checking.stopwatch import Stopwatch
from gates.values import Value, shape_of

_ROWS = 64  # outputs, at most, whose dependence is looked at
_ELEMENTS = 400  # elements of an input, at most, on which it is looked at
_SECONDS = 0.5  # for the probes of one point
_SHARP = 1e-2  # errors, at most, as a part of the largest number


class Jacobians:
    """What each output gives to each element of the inputs, by backward and by finite differences.

    Parameters
    ----------
    point : Point
        The inputs.
    ports : sequence of int
        The inputs that are differentiated. Large ones are left out, and those for which there would be no time.

    Attributes
    ----------
    rows : numpy.ndarray
        The outputs that are looked at, as places in the vector of all outputs.
    upstream : numpy.ndarray
        A row for each of these outputs: the upstream gradient that is 1 for it and 0 for all others.
    analytic, numeric, errors : dict of int to numpy.ndarray
        By input: a row for each of these outputs, in the input's shape.

    Raises
    ------
    Exception
        What forward or backward raises, where an upstream gradient is 1 for one output and 0 for all others.
    """

    def __init__(self, point: Point, ports: Sequence[int]) -> None:
        self.point, self.inputs = point, point.inputs
        self.names = point.function.names(len(point.inputs))
        self.outputs = copy_of(point.run().outputs)
        self.base = flat(self.outputs)
        watch = Stopwatch()
        point.function.outputs(copy_of(self.inputs))
        seconds = watch.seconds
        size = self.base.size
        self.rows = np.arange(size) if size <= _ROWS else np.sort(point.random.choice(size, _ROWS, replace=False))
        few = [port for port in ports if np.size(self.inputs[port]) <= _ELEMENTS]
        self.numeric: dict[int, Any] = {}
        self.errors: dict[int, Any] = {}
        for port in sorted(few, key=lambda port: np.size(self.inputs[port])):
            if 4 * np.size(self.inputs[port]) * seconds < _SECONDS:
                numeric, errors = self._differences(port)
                if np.max(errors, initial=0.0) <= _SHARP * np.max(np.abs(numeric), initial=0.0):  # no kink is near
                    self.numeric[port], self.errors[port] = numeric, errors
        self.upstream = np.zeros((self.rows.size, size))
        self.upstream[np.arange(self.rows.size), self.rows] = 1.0
        rows = [self._answer(chosen) for chosen in self.upstream]
        self.analytic = {port: np.stack([np.asarray(row[port], dtype=float) for row in rows]) for port in self.numeric}

    @property
    def only_output(self) -> tuple[int, ...] | None:
        """The shape of the output, if there is one only."""
        return shape_of(self.outputs[0]) if len(self.outputs) == 1 else None

    @property
    def is_whole(self) -> bool:
        """Whether all outputs are looked at."""
        return bool(self.rows.size == self.base.size)

    def is_linear(self, port: int) -> bool:
        """Return whether backward gives for an upstream gradient the sum of what it gives for its parts.

        A term that is added whatever the upstream gradient may be does not count.
        """
        if not self.is_whole:
            return True
        upstream, none = flat(self.point.upstream), np.zeros(self.base.size)
        added = np.asarray(self._answer(none)[port], dtype=float)
        gradient = np.asarray(self.point.gradients()[port], dtype=float)
        rows = self.analytic[port] - added
        sizes = np.abs(added) + np.tensordot(np.abs(upstream), np.abs(rows), 1)
        slack = 1e-6 + 100.0 * self.point.function.precision.relative
        return bool(np.all(np.abs(gradient - added - np.tensordot(upstream, rows, 1)) <= slack * sizes))

    def totals(self, port: int) -> tuple[Any, Any]:
        """Return the gradients for all outputs together, of backward and as they should be."""
        numeric = np.tensordot(flat(self.point.upstream), self.numeric[port], 1)
        return np.asarray(self.point.gradients()[port], dtype=float), numeric

    def shape(self, port: int) -> tuple[int, ...]:
        """Return the shape of an input."""
        return shape_of(self.inputs[port])

    def alike(self, port: int) -> list[int]:
        """Return the inputs that have the shape of one, among them itself."""
        labels = self.point.function.labels
        return [q for q in range(len(self.inputs)) if q not in labels and self.shape(q) == self.shape(port)]

    def near(self, port: int, a: Any, b: Any) -> Any:
        """Return where two Jacobians with respect to an input agree, up to the errors of the numeric one."""
        tolerance = min(100.0 * self.point.function.precision.tolerance, 0.05)
        largest, error = np.max(np.abs(self.numeric[port]), initial=0.0), np.max(self.errors[port], initial=0.0)
        return np.abs(a - b) <= tolerance * (np.maximum(np.abs(a), np.abs(b)) + 1e-2 * largest) + 10.0 * error

    def agrees(self, port: int, expected: Any) -> bool:
        """Return whether backward's Jacobian is the expected one."""
        return bool(self.near(port, self.analytic[port], expected).all())

    def moves(self, port: int) -> Any:
        """Return which elements of an input move which outputs: a row for each output."""
        numeric = self.numeric[port]
        return ~self.near(port, numeric, np.zeros_like(numeric)).reshape(self.rows.size, -1)

    def _answer(self, chosen: Any) -> list[Any]:
        """Return what backward gives for an upstream gradient, the vector for all outputs."""
        upstream, first = [], 0
        for output in self.outputs:
            part = chosen[first : first + np.size(output)].reshape(shape_of(output))
            upstream.append(float_or_array(part))
            first += np.size(output)
        return list(self.point.run().backward(upstream))

    def _differences(self, port: int) -> tuple[Any, Any]:
        """Return the numeric Jacobian with respect to an input, and its errors: central differences, extrapolated."""
        precision = self.point.function.precision
        given = np.asarray(self.inputs[port], dtype=float)
        finest = max(2.0**-11, 2.0 ** round(np.log2(precision.relative) / 5.0))
        sizes = np.where(given == 0.0, 1.0, np.abs(given)).reshape(-1)
        values, errors = np.empty((2, self.rows.size, given.size))
        shape = (self.rows.size, *given.shape)
        if not precision.is_fine:
            for place in range(given.size):
                values[:, place], errors[:, place] = self._fitted(
                    port, place, 0.5 * max(sizes[place], sizes.max() / 4.0)
                )
            return values.reshape(shape), errors.reshape(shape)
        for place, size in enumerate(sizes.tolist()):
            coarse, fine = (self._quotient(port, place, size * finest * times) for times in (8.0, 1.0))
            values[:, place] = fine + (fine - coarse) / 63.0
            noise = precision.noise(self.base[self.rows]) / (size * finest)
            errors[:, place] = np.abs(fine - coarse) / 63.0 + noise
        return values.reshape(shape), errors.reshape(shape)

    def _quotient(self, port: int, place: int, step: float) -> Any:
        """Return a central difference quotient of the outputs."""
        (ahead, right), (behind, left) = self._moved(port, place, step), self._moved(port, place, -step)
        return (right - left) / (ahead - behind)

    def _fitted(self, port: int, place: int, width: float) -> Fit:
        """Return the slopes of polynomials that are fitted to the outputs."""
        moved = [self._moved(port, place, width * point / POINTS) for point in range(-POINTS, POINTS + 1)]
        steps, outputs = np.array([step for step, _ in moved]), np.array([outputs for _, outputs in moved])
        base = self.base[self.rows]
        return fit(steps, outputs - base, 5, 0.5 * self.point.function.precision.noise(base))

    def _moved(self, port: int, place: int, step: float) -> tuple[float, Any]:
        """Return how far an element really moves in a step, and the outputs there."""
        array = np.array(self.inputs[port], dtype=float, order="C")
        vector = array.reshape(-1)
        before = float(vector[place])
        vector[place] = self.point.function.precision.rounded(before + step)
        there: list[Value] = [*self.inputs[:port], float_or_array(array), *self.inputs[port + 1 :]]
        return float(vector[place]) - before, self.point.function.outputs(there)[self.rows]
