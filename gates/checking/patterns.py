"""Patterns of wrong gradients, such as a factor or a sign. A pattern must hold in every resample, not at one point."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gates.checking import structures
from gates.checking.blocks import block_of, how_off
from gates.checking.factors import activation_of, factor_of
from gates.checking.jacobians import Jacobians
from gates.checking.points import Point, other_inputs
from gates.checking.report import index_of
from gates.checking.resamples import Resample, places_of
from gates.checking.stopwatch import Stopwatch
from gates.values import Value, shape_of

_SHOWN = 5  # indices in a sentence
_SECONDS = 2.5  # for the whole search
_SMALL = 2.0**-12  # of upstream gradients, so that what is clipped is not, and of inputs, where all is nearly linear
_NOISE = 1e-10  # of forward, as a part of its outputs, that is no reason to leave a resample out
_JACOBIANS = 3  # resamples at which they are measured

#: The causes that show in Jacobians, with what recognizes each.
STRUCTURES: dict[str, Callable[[Sequence[Jacobians], int], str | None]] = {
    "regions": structures.regions,
    "permuted": structures.permuted,
    "couples": structures.couples,
    "missing term": structures.missing_term,
    "misses": structures.misses,
    "unmasked": structures.unmasked,
    "overwrites": structures.overwrites,
    "scale": structures.scale,
    "linear": structures.nonlinear,
}


def patterns_at(
    point: Point, wrong: dict[int, list[int]], parts: dict[int, float], sampled: Sequence[int], seconds: float
) -> Patterns | None:
    """Return the patterns to look for, given what is wrong at a point; None if nothing can be compared there.

    Parameters
    ----------
    point : Point
        The point.
    wrong : dict of int to list of int
        For each input that was checked, the places of its wrong elements.
    parts : dict of int to float
        Which part of the elements of each wrong input that is.
    sampled : sequence of int
        The inputs of which only some elements were checked.
    seconds : float
        How long a run of forward takes.
    """
    watch = Stopwatch()
    places = places_of(point.inputs, list(wrong), point.random, wrong, seconds)
    try:
        resamples = [Resample(point, places)]
    except Exception:  # forward is not finite everywhere, say
        return None
    for other in other_inputs(point.inputs, point.function.labels, point.random):
        try:
            resamples.append(Resample(point.moved_to(other, resamples[0].outputs), places))
        except Exception:  # out of forward's domain
            continue
        if watch.seconds > _SECONDS / 4.0:
            break
    if len(resamples) == 1:
        resamples.append(Resample(point.moved_to(point.inputs, resamples[0].outputs), places))
    # Where forward is much less exact than elsewhere, slopes mean little.
    resamples = [one for one in resamples if not one.is_stepped] or resamples
    noisiest = max(_NOISE, 1e4 * min(one.noise for one in resamples))
    resamples = [one for one in resamples if one.noise <= noisiest]
    certain = {port: part for port, part in parts.items() if any(one.wrong(port).any() for one in resamples)}
    parts = certain or parts  # without those that forward's own rounding made look wrong
    return Patterns(resamples, parts, wrong, sampled, watch)


class Patterns:
    """The patterns that a wrong gradient follows in all of several resamples.

    Parameters
    ----------
    resamples : list of Resample
        The first is where it failed.
    wrong : dict of int to float
        The inputs whose gradient is wrong there, with the part of their elements that is.
    places : dict of int to list of int
        The wrong elements of each input there.
    sampled : sequence of int
        The inputs of which only some elements were checked.
    watch : Stopwatch
        How long the search takes.
    """

    def __init__(
        self,
        resamples: Sequence[Resample],
        wrong: dict[int, float],
        places: dict[int, list[int]],
        sampled: Sequence[int],
        watch: Stopwatch,
    ) -> None:
        self.resamples, self.wrong, self.places = resamples, wrong, places
        self.sampled, self.watch = sampled, watch
        self.first, self.inputs, self.outputs = resamples[0], resamples[0].inputs, resamples[0].outputs
        function = self.first.point.function
        self.precision, self.tolerance = function.precision, function.precision.tolerance
        self.close = min(100 * self.tolerance, 0.05)
        self.names = function.names(len(self.inputs))
        self.upstream_name = function.upstream_names(len(self.outputs))[0]

    def find(self, kind: str, port: int) -> str | None:
        """Return what is wrong with an input's gradient, "" if the kind cannot apply, None if it does not hold."""
        if self.watch.seconds > _SECONDS and kind != "index":
            return None
        if kind in STRUCTURES:
            points = [point for point in self.jacobians if port in point.numeric]
            if len(points) < 2:
                return ""
            is_right = all(point.agrees(port, point.numeric[port]) for point in points)
            is_linear = all(point.is_linear(port) for point in points)
            is_possible = not is_linear if kind == "linear" else is_linear and not is_right
            return STRUCTURES[kind](points, port) if is_possible else None
        finder: Callable[[int], str | None] = getattr(self, f"_{kind.replace('-', '_')}")
        return finder(port)

    @functools.cached_property
    def jacobians(self) -> list[Jacobians]:
        """The Jacobians at a few of the resamples."""
        found: list[Jacobians] = []
        for resample in self.resamples:
            try:
                found.append(Jacobians(resample.point, list(self.wrong)))
            except Exception:  # backward wants another upstream gradient than one of zeros and a 1
                continue
            if len(found) == _JACOBIANS:
                break
        return found

    @functools.cached_property
    def small(self) -> list[Resample]:
        """Resamples at small inputs, where an activation such as tanh is nearly linear."""
        labels, found = self.first.point.function.labels, []
        for resample in self.resamples[:_JACOBIANS]:
            inputs = [x if port in labels else x * _SMALL for port, x in enumerate(resample.inputs)]
            with contextlib.suppress(Exception):  # out of forward's domain
                found.append(Resample(replace(resample.point, inputs=inputs), resample.places))
        return found

    def _straight_through(self, port: int) -> str | None:
        if len(self.outputs) != 1 or self._shape(port) != shape_of(self.outputs[0]):
            return ""
        for resample in self.resamples:
            upstream = resample.upstream_at(port)
            near = np.abs(resample.analytic[port] - upstream) <= 8.0 * self.precision.relative * np.abs(upstream)
            passed = near | (resample.analytic[port] == 0.0)
            if resample.numeric[port].any() or not passed.all() or not resample.analytic[port].any():
                return None
        through = "is the upstream gradient passed straight through, although the slope of forward is 0"
        return f'{through}; if that is meant, let the gate have intended = "straight-through"'

    def _clipped(self, port: int) -> str | None:
        small, full = ([r.is_right_for(port, times) for r in self.resamples] for times in (_SMALL, 1.0))
        if not all(small) or all(full):
            return None
        clipped = "is right for small upstream gradients only: it is clipped"
        return f'{clipped}; if that is meant, let the gate have intended = "clipped"'

    def _swapped(self, port: int) -> str | None:
        if not any(q != port and self._shape(q) == self._shape(port) for q in self.wrong):
            return ""
        path = [port]
        while True:  # from each input to the one whose gradient it has, until that leads back to the first
            here = path[-1]
            to = [q for q in self.wrong if q != here and self._has_gradient_of(here, q)]
            onward = [q for q in to if q == port] or [q for q in to if q not in path]
            if not onward or onward[0] == port:
                return "swapped" if onward else None
            path.append(onward[0])

    def _has_gradient_of(self, p: int, q: int) -> bool:
        """Return whether the gradient of one input is that of another."""
        return self._shape(p) == self._shape(q) and all(r.agrees(p, r.numeric[q], r.errors[q]) for r in self.resamples)

    def _zero(self, port: int) -> str | None:
        is_all_zero = not any(r.analytic[port].any() for r in self.resamples)
        if not self.first.wrong(port).any() or (not is_all_zero and self.wrong[port] < 0.3):
            return None
        is_zero = not any(r.analytic[port][r.wrong(port)].any() for r in self.resamples)
        return "is zero where it should not be" if is_zero else None

    def _mask(self, port: int) -> str | None:
        if any(self._shape(port) != shape_of(output) for output in self.outputs):
            return ""
        passes = [np.abs(r.numeric[port]) > 10 * r.errors[port] for r in self.resamples]
        pairs = [(r.analytic[port] != 0.0, here) for r, here in zip(self.resamples, passes)]
        is_fixed = all(np.array_equal(pair, pairs[0]) for pair in pairs)  # whatever the inputs, as in a dropout
        kept, through = pairs[0]
        is_another = (kept & ~through).any() and (through & ~kept).any()
        if is_fixed and is_another and not any((r.wrong(port) & kept & through).any() for r in self.resamples):
            return "has another mask than forward: it is 0 in other places"
        live = np.concatenate([r.known[port] & here for r, here in zip(self.resamples, passes)])
        dead = np.concatenate([r.known[port] & ~here for r, here in zip(self.resamples, passes)])
        wrong = [r.wrong(port) for r in self.resamples]
        analytic, all_wrong = np.concatenate([r.analytic[port] for r in self.resamples]), np.concatenate(wrong)
        if not live.any() or not (dead & all_wrong).any() or sum(one.any() for one in wrong) < 2:
            return None
        if not (live & all_wrong).any():
            return "is missing its mask: it is not 0 where forward lets nothing through"
        if not analytic[live].any():
            return "has its mask inverted: it is 0 where forward lets something through, and only there"
        return None

    def _sign(self, port: int) -> str | None:
        return "has the wrong sign" if self._is_everywhere(port, lambda r: -r.numeric[port]) else None

    def _upstream(self, port: int) -> str | None:
        if self._grows(port, 0) and self._is_everywhere(port, lambda r: r.with_upstream(_ones)[port]):
            return "is the local gradient alone: the upstream gradient is not multiplied in"
        if self._grows(port, 2) and self._is_everywhere(port, lambda r: r.with_upstream(lambda dz: dz * dz)[port]):
            return "has the upstream gradient multiplied in twice"
        return None

    def _added(self, port: int) -> str | None:
        if len(self.outputs) != 1 or self._shape(port) != shape_of(self.outputs[0]):
            return ""

        for resample in self.resamples:
            upstream = resample.upstream_at(port)
            if not resample.agrees(port, resample.analytic_for(port, 2.0) - upstream):
                return None
            local = resample.with_upstream(_ones)[port]
            if np.max(np.abs(local)) < 1e-6 or not resample.agrees(port, upstream + local):
                return None
        return "has the upstream gradient added to the local one, where it should be multiplied"

    def _factor(self, port: int) -> str | None:
        ratios = np.concatenate(
            [(r.analytic[port] / r.numeric[port])[r.known[port] & (r.numeric[port] != 0)] for r in self.resamples]
        )
        ratio = float(np.median(ratios)) if ratios.size else 0.0
        if ratio and all(r.agrees(port, round(ratio) * r.numeric[port]) for r in self.resamples):
            ratio = float(round(ratio))
        if (
            not ratio
            or abs(ratio - 1) < 10 * self.tolerance
            or not all(r.agrees(port, ratio * r.numeric[port], abs(ratio) * r.errors[port]) for r in self.resamples)
        ):
            return None
        whole = round(1 / ratio)
        inverse = f" (1/{whole})" if abs(1 / ratio) >= 1.5 and abs(1 / ratio - whole) < 10 * self.close else ""
        told = self.precision.told(ratio)
        return f"is off by a factor of {told if abs(ratio - 1) > 1e-5 else f'{ratio:.12g}'}{inverse}"

    def _transposed(self, port: int) -> str | None:
        squares = [p for p in self.first.places if _is_square(self._shape(p))]
        if port in squares and all(r.agrees(port, *r.transposed(port)) for r in self.resamples):
            return "is transposed"
        for square in squares:
            small = [r for r in self.small if not r.agrees(port, r.numeric[port])]
            if all(r.agrees_at(port, _with_transposed(r, square)) for r in self.resamples) or _hold(
                r.explains(port, _with_transposed(r, square)) for r in small
            ):
                return f"takes {self.names[square]} transposed"
        for square in squares:
            if _hold(r.explains(port, r.with_input(square, _symmetric(r.inputs[square]))) for r in self.resamples):
                return f"is right only where {self.names[square]} is symmetric"
        if any(_is_square(shape_of(output)) for output in self.outputs):
            if _hold(r.explains(port, upstream=[_transpose(dz) for dz in r.point.upstream]) for r in self.resamples):
                return f"takes {self.upstream_name} transposed"
        elif not squares:
            return ""
        return None

    def _output(self, port: int) -> str | None:
        count = len(self.outputs)
        if count == 1:
            return ""
        for output in range(count):

            def expected(resample: Resample, output: int = output) -> Any:
                return resample.of_output(output)[port]

            if self._is_everywhere(port, expected):
                return f"counts output {output} only, of {count}"
        return None

    def _local(self, port: int) -> str | None:
        return factor_of(self.resamples, port, self.names)

    def _activation(self, port: int) -> str | None:
        is_layer = len(self.outputs) == 1 and any(self._shape(p) != shape_of(self.outputs[0]) for p in self.wrong)
        return activation_of(self.resamples, port) if is_layer else ""

    def _negated(self, port: int) -> str | None:
        for other in self.first.places:
            if _hold(r.explains(port, r.with_input(other, -r.inputs[other])) for r in self.resamples):
                return f"is that at -{self.names[other]}, in place of {self.names[other]}"
        return None

    def _itself(self, port: int) -> str | None:
        if self._is_everywhere(port, lambda r: r.upstream_at(port)):
            return "is the upstream gradient itself: the local gradient is not multiplied in"
        return None

    def _exchanged(self, port: int) -> str | None:
        shape = shape_of(self.outputs[0])
        fitting = [p for p in self.first.places if self._shape(p) == shape] if len(self.outputs) == 1 else []
        for other in fitting:
            exchanged = [(r, r.with_input(other, r.outputs[0])) for r in self.resamples]
            if _hold(r.explains(port, inputs) for r, inputs in exchanged):
                return f"uses the input {self.names[other]} where the output belongs"
            if _hold(r.agrees_at(port, inputs) for r, inputs in exchanged):
                return f"uses the output where the input {self.names[other]} belongs"
        return None if fitting else ""

    def _index(self, port: int) -> str | None:
        shape = self._shape(port)
        if math.prod(shape) < 2:
            return ""
        wrong = self.first.wrong(port)
        if not wrong.any() or any((r.wrong(port) & ~wrong).any() for r in self.resamples):
            return None
        if port not in self.sampled and (block := block_of(self.places.get(port, ()), shape)):
            how = how_off(self.resamples, port, wrong)
            return block.told(how, len(shape)) if how != "wrong" or self.wrong[port] <= 1 / 2 else None
        if self.wrong[port] > (1 / 3 if math.prod(shape) > 2 else 1 / 2) or not all(
            np.array_equal(wrong, r.wrong(port)) for r in self.resamples
        ):
            return None
        compared = self.first.places[port]
        indices = [index_of(place, shape) for place in sorted(np.asarray(compared)[wrong].tolist())]
        shown = ", ".join(indices[:_SHOWN] + ["..."] * (len(indices) > _SHOWN))
        return f"is wrong only at index {shown}" + (
            f" of the {len(compared)} looked at" if port in self.sampled else ""
        )

    def _weights(self, port: int) -> str | None:
        ratios = np.array([np.where(r.known[port], r.analytic[port] / r.numeric[port], np.nan) for r in self.resamples])
        ratios = ratios[:, np.isfinite(ratios).sum(axis=0) > 1]
        if not ratios.shape[1] > 1:
            return ""
        # Where the slope is 0 and the gradient not, there is no such factor.
        if any((r.known[port] & (r.numeric[port] == 0.0) & (r.analytic[port] != 0.0)).any() for r in self.resamples):
            return None
        lowest, highest = np.nanmin(ratios, axis=0), np.nanmax(ratios, axis=0)
        if not np.max(highest - lowest) <= 1e-3 * np.max(np.abs(lowest - 1.0)):
            return None
        if np.all((np.abs(highest) < 1e-9) | (np.abs(highest - 1.0) < 1e-3)):
            return "is zero at some elements where it should not be, and right at the others"
        return "is off by a factor of its own for each element, the same at all inputs, such as a weight left out"

    def _is_everywhere(self, port: int, expected: Callable[[Resample], Any]) -> bool:
        """Return whether an input's gradient is the expected one in all resamples."""
        return all(resample.agrees(port, expected(resample)) for resample in self.resamples)

    def _grows(self, port: int, power: int) -> bool:
        """Return whether an upstream gradient twice as large makes the gradient 2**power times as large."""
        return all(r.agrees(port, r.analytic_for(port, 2.0) * 2.0**-power) for r in self.resamples)

    def _shape(self, port: int) -> tuple[int, ...]:
        return shape_of(self.inputs[port])


def _hold(answers: Iterable[bool | None]) -> bool:
    """Return whether at least two answers are True and none is False; None means unknown."""
    given = [answer for answer in answers if answer is not None]
    return len(given) >= 2 and all(given)


def _is_square(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 2 and shape[-1] == shape[-2] > 1


def _ones(value: Value) -> Value:
    return value * 0.0 + 1.0


def _with_transposed(resample: Resample, port: int) -> list[Value]:
    """Return the inputs with a square matrix transposed."""
    return resample.with_input(port, _transpose(resample.inputs[port]))


def _symmetric(value: Value) -> Value:
    return 0.5 * (np.asarray(value) + _transpose(value))


def _transpose(value: Value) -> Value:
    return np.swapaxes(value, -1, -2) if _is_square(shape_of(value)) else value
