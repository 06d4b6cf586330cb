"""How forward rounds: told by the type of its outputs, or found in their digits, or measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gates.checking.copies import copy_of, float_or_array
from gates.checking.function_under_test import FunctionUnderTest
from gates.checking.noise import measured_noise
from gates.checking.precision import Precision
from gates.values import Value

_FORMATS = ((24, np.float32), (11, np.float16), (8, None))  # significant bits; the last is bfloat16, unknown to NumPy
_DECIMALS = range(10)  # that a forward may round to
_FEWEST_DECIMALS = 4  # a forward that leaves fewer does not round, it has steps
_SCALES = ((1.3719283745612, 1.1392837465193, 0.7310294857261), (0.0613928475612, 0.0519283746512))  # of inputs
_LOOKED_AT = 1000  # outputs, at most
_COARSE = 2.0**-32  # noise above this is rounding to less than float64


def precision_of(function: FunctionUnderTest, inputs: Sequence[Value], random: Any) -> Precision:
    """Return the precision of a forward: that of the type of its outputs, or one that shows in all their digits."""
    outputs = function.start(copy_of(inputs)).outputs
    types = [output.dtype for output in outputs if isinstance(output, (np.ndarray, np.generic))]
    coarsest = max((kind for kind in types if kind.kind == "f"), key=lambda kind: np.finfo(kind).eps, default=None)
    if coarsest is not None and coarsest.itemsize < 8:
        return Precision(float(np.finfo(coarsest).eps) / 2.0, dtype=coarsest)
    return _shown_by_digits(function, inputs) or _measured(function, inputs, random)


def _measured(function: FunctionUnderTest, inputs: Sequence[Value], random: Any) -> Precision:
    """Return the precision of a forward that rounds on the way: coarser than float64 only if it is so everywhere."""
    once, again = [function.outputs(copy_of(inputs)) for _ in range(2)]
    if not np.array_equal(once, again, equal_nan=True):
        return Precision()  # it is random
    near = function.outputs([x if port in function.labels else x * (1.0 + 2.0**-40) for port, x in enumerate(inputs)])
    if not np.array_equal(once, near, equal_nan=True):
        return Precision()  # it follows small steps
    ports = [port for port in range(len(inputs)) if port not in function.labels]
    levels = []
    for scale in (scales[0] for scales in _SCALES):
        there = [x if port in function.labels else float_or_array(x * scale) for port, x in enumerate(inputs)]
        base = function.outputs(there)
        noise, _ = measured_noise(function.outputs, there, ports, base, random, Precision())
        levels.append(float(np.max(noise[base != 0] / np.abs(base[base != 0]), initial=0.0)))
    return Precision(max(levels)) if min(levels) > _COARSE else Precision()


def _shown_by_digits(function: FunctionUnderTest, inputs: Sequence[Value]) -> Precision | None:
    """Return the precision whose grid all outputs lie on, also where the inputs have other sizes; None if none is."""
    found = [
        [row for scale in scales if (row := _outputs_at(function, inputs, scale)) is not None] for scales in _SCALES
    ]
    if not all(found) or len({row.shape for rows in found for row in rows}) > 1:
        return None
    large, small = map(np.array, found)
    moves = np.any(large != small[0], axis=0)
    used = [significant_bits(values[:, moves]).max(initial=0) for values in (large, small)]
    for bits, dtype in _FORMATS:
        # A forward of a few steps, such as floor(8 * x) / 8, has fewer bits where its values are small.
        if all(bits - 4 <= one <= bits for one in used):
            return Precision(2.0**-bits, dtype=dtype)
    for digits in _DECIMALS if moves.any() else ():
        if all(np.array_equal(np.round(values, digits), values) for values in (large, small)):
            is_rounding = digits >= _FEWEST_DECIMALS
            return Precision(absolute=0.5 * 10.0**-digits) if is_rounding else Precision(has_steps=True)
    return None


def _outputs_at(function: FunctionUnderTest, inputs: Sequence[Value], scale: float) -> Any:
    """Return the outputs where all inputs are some times as large; None if there are none, or not all finite."""
    there = [x if port in function.labels else float_or_array(x * scale) for port, x in enumerate(inputs)]
    try:
        outputs = function.outputs(there)[:_LOOKED_AT]
    except Exception:  # out of forward's domain
        return None
    return outputs if outputs.size and np.isfinite(outputs).all() else None


def significant_bits(values: Any) -> Any:
    """Return how many bits lie between the highest and the lowest that is set in each number."""
    whole = (np.frexp(values)[0] * 2.0**53).astype(np.int64)
    return np.where(whole == 0, 0, 54 - np.frexp((whole & -whole).astype(np.float64))[1])
