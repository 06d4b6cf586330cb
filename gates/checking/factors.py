"""Factors that a gradient misses, or has too much: inputs, and what local gradients are made of, such as 1 - z**2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from gates.checking.resamples import Resample
from gates.values import shape_of

#: What local gradients of an output z are made of, as text and as a function of z.
_OF_OUTPUT: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("z", lambda z: z),
    ("1 - z", lambda z: 1.0 - z),
    ("1 + z", lambda z: 1.0 + z),
    ("1 - z**2", lambda z: 1.0 - z * z),
    ("z * (1 - z)", lambda z: z * (1.0 - z)),
    ("z**2", lambda z: z * z),
)


def factor_of(resamples: Sequence[Resample], port: int, names: Sequence[str]) -> str | None:
    """Say which factor a gradient misses or has too much, at all of several points; "" if it cannot apply."""
    outputs = resamples[0].outputs
    if len(outputs) != 1 or shape_of(outputs[0]) != shape_of(resamples[0].inputs[port]):
        return ""
    if all(
        one.agrees(port, one.upstream_at(port) * _at(one, port, one.outputs[0] / one.inputs[port])) for one in resamples
    ):
        return f"is z / {names[port]}, with z the output: of the product rule a term is missing"
    for text, factor in _factors(resamples[0], port, names):
        factors = [_at(one, port, factor(one)) for one in resamples]
        if not all(np.isfinite(one).all() and one.all() for one in factors) or _is_one(factors):
            continue
        for how, powers in (("misses", -1), ("has", 1)):
            expected = [
                (one.numeric[port] * by**powers, one.errors[port] * np.abs(by**powers))
                for one, by in zip(resamples, factors)
            ]
            if all(one.agrees(port, *pair) for one, pair in zip(resamples, expected)):
                return f"{how} the factor {text}" + " too much" * (how == "has")
    return None


def activation_of(resamples: Sequence[Resample], port: int) -> str | None:
    """Say which function of the output a layer has to multiply the upstream gradient by, before all else."""
    for text, factor in (*_OF_OUTPUT, ("the mask z > 0", lambda z: 1.0 * (np.asarray(z) > 0.0))):
        factors = [factor(one.outputs[0]) for one in resamples]
        if _is_one([np.ravel(one) for one in factors]):
            continue
        if all(one.explains(port, upstream=[one.point.upstream[0] * by]) for one, by in zip(resamples, factors)):
            return f"misses the factor {text}, with z the output: the upstream gradient has to be multiplied by it"
    return None


def _factors(resample: Resample, port: int, names: Sequence[str]) -> Iterator[tuple[str, Callable[[Resample], Any]]]:
    """Yield factors: powers of inputs that have the shape of this one, and functions of the output z."""
    for other, value in enumerate(resample.inputs):
        if shape_of(value) == shape_of(resample.inputs[port]) and other not in resample.point.function.labels:
            yield names[other], partial(_of_input, other, 1)
            yield f"{names[other]}**2", partial(_of_input, other, 2)
    for text, of_output in _OF_OUTPUT:
        yield f"{text}, with z the output", partial(_of_output, of_output)


def _at(resample: Resample, port: int, values: Any) -> Any:
    """Return the values of an array, of the shape of an input, at those of its elements that are compared."""
    return np.ravel(values)[resample.places[port]]


def _of_input(port: int, power: int, resample: Resample) -> Any:
    return np.asarray(resample.inputs[port]) ** power


def _of_output(function: Callable[[Any], Any], resample: Resample) -> Any:
    return function(resample.outputs[0])


def _is_one(factors: Sequence[Any]) -> bool:
    """Return whether factors are the same number everywhere, which another pattern tells."""
    return bool(np.ptp(np.concatenate(factors)) <= 1e-3)
