"""Backward in float32, beside what it gives in float64 for the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gates.checking.contract import Conduct
from gates.checking.copies import plain
from gates.checking.faults import Fault
from gates.checking.points import Point, flat
from gates.values import Value

_EPS = 2.0**-24
_LEAST, _LARGEST = 2.0**-126, 3e38  # between which a number is a normal float32


def faults_of_float32(point: Point, inputs: Sequence[Value]) -> list[Fault]:
    """Return what is wrong in float32, where an input is, beyond the rounding of a few operations."""
    if not any(getattr(value, "dtype", None) == np.float32 for value in inputs):
        return []
    single = [
        value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
        for value in inputs
    ]
    upstream = [np.asarray(dz, dtype=np.float32)[()] for dz in point.upstream]
    conduct = Conduct(point.subject, single, lambda outputs: upstream)
    if conduct.faults or conduct.gradients is None:
        return conduct.faults
    if not np.isfinite(flat(conduct.outputs)).all():
        return []  # out of float32's range, or out of forward's domain
    exact = replace(point, upstream=[plain(np.asarray(dz, dtype=np.float64)) for dz in upstream])
    wanted, moved = exact.gradients(), [exact.jittered(_EPS).gradients() for _ in range(4)]
    faults = []
    for port, (name, gradient) in enumerate(zip(point.subject.names(len(inputs)), conduct.gradients)):
        if gradient is None or not np.size(gradient):
            continue
        right, got = np.asarray(wanted[port], dtype=float), np.asarray(gradient, dtype=float)
        spread = np.max([np.abs(np.asarray(there[port], dtype=float) - right) for there in moved], axis=0)
        # What is rounded on the way may be as large as the upstream gradient, however small the gradient is.
        allowed = 64 * spread + 64 * _EPS * np.abs(right) + 2048 * _EPS * np.max(np.abs(flat(upstream)))
        normal = (np.abs(right) >= _LEAST) & (np.abs(right) < _LARGEST)
        off = normal & ~(np.abs(got - right) <= allowed)
        if off.any():
            place = int(np.argmax(off))
            pair = f"{float(got.flat[place]):.6g} instead of {float(right.flat[place]):.6g}"
            sentence = f"in float32 the gradient of {name} is {pair}: more than float32's rounding explains"
            faults.append(Fault("float32", sentence, port))
    return faults
