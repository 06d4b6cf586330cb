"""Whether backward is consistent with itself: under a scaled upstream gradient, and in float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gates.checking.contract import Contract
from gates.checking.copies import flat, float_or_array
from gates.checking.points import Point
from gates.checking.report import Fault
from gates.values import Value

_EPS = 2.0**-24  # float32's
_LEAST, _LARGEST = 2.0**-126, 3e38  # between which a number is a normal float32


def not_proportional(point: Point, gradients: Sequence[Any], names: Sequence[str]) -> Iterator[Fault]:
    """Yield the first input whose gradient is not proportional to the upstream gradient."""
    precision = point.function.precision
    limits = np.finfo(precision.dtype or np.float64)
    least, most = float(limits.tiny) * 2.0**52, float(limits.max) * 2.0**-13
    for factor in (2.0**-7, 2.0**7):
        try:
            scaled = replace(point, upstream=[factor * dz for dz in point.upstream]).gradients()
        except Exception:  # an overflow, say
            continue
        for port, (name, one, other) in enumerate(zip(names, gradients, scaled)):
            if one is None or other is None:
                continue
            wanted, got = factor * np.asarray(one, dtype=float), np.asarray(other, dtype=float)
            normal = (np.abs(wanted) < most) & ((np.abs(wanted) > least) | (wanted == 0.0))
            if not np.all(np.abs(got - wanted)[normal] <= 10.0 * precision.tolerance * np.abs(wanted)[normal]):
                yield Fault("upstream", f"the gradient of {name} is not proportional to the upstream gradient", port)
                return


def wrong_in_float32(point: Point, inputs: Sequence[Value]) -> Iterator[Fault]:
    """Yield what is wrong in float32, if an input is that: more than the rounding of a few operations explains."""
    if not any(getattr(value, "dtype", None) == np.float32 for value in inputs):
        return
    eps = max(_EPS, point.function.precision.relative)
    single = [
        value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
        for value in inputs
    ]
    upstream = [np.asarray(dz, dtype=np.float32)[()] for dz in point.upstream]
    contract = Contract(point.function, single, lambda outputs: upstream)
    yield from contract.faults
    if contract.faults or contract.gradients is None or not np.isfinite(flat(contract.outputs)).all():
        return  # among these: out of float32's range, or out of forward's domain
    double = replace(point, upstream=[float_or_array(np.asarray(dz, dtype=np.float64)) for dz in upstream])
    wanted, moved = double.gradients(), [double.jittered(eps).gradients() for _ in range(4)]
    for port, (name, gradient) in enumerate(zip(point.function.names(len(inputs)), contract.gradients)):
        if gradient is None or not np.size(gradient):
            continue
        right, got = np.asarray(wanted[port], dtype=float), np.asarray(gradient, dtype=float)
        spread = np.max([np.abs(np.asarray(there[port], dtype=float) - right) for there in moved], axis=0)
        # What is rounded on the way may be as large as the upstream gradient, however small the gradient is.
        allowed = 64 * spread + 64 * eps * np.abs(right) + 2048 * eps * np.max(np.abs(flat(upstream)))
        normal = (np.abs(right) >= _LEAST) & (np.abs(right) < _LARGEST)
        off = normal & ~(np.abs(got - right) <= allowed)
        if off.any():
            place = int(np.argmax(off))
            pair = f"{float(got.flat[place]):.6g} instead of {float(right.flat[place]):.6g}"
            sentence = f"in float32 the gradient of {name} is {pair}: more than float32's rounding explains"
            yield Fault("float32", sentence, port)
