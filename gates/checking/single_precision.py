"""Backward in float32, beside what it gives in float64 for the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gates.checking.conduct import Conduct, Fault, copy_of
from gates.checking.subject import Subject
from gates.values import Value

_EPS = 2.0**-24


def fault_of_float32(
    subject: Subject, inputs: Sequence[Value], exact: Sequence[Value], upstream: Sequence[Value], random: Any
) -> list[Fault]:
    """Return what is wrong in float32 where an input is, beyond the rounding of its inputs and a few operations."""
    if not any(getattr(value, "dtype", None) == np.float32 for value in inputs):
        return []
    single = [
        value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
        for value in inputs
    ]
    dz = [np.asarray(one, dtype=np.float32)[()] for one in upstream]
    conduct = Conduct(subject, single, dz)
    if conduct.faults or conduct.gradients is None:
        return conduct.faults
    outputs = [np.asarray(output, dtype=float) for output in conduct.run.outputs]
    if not all(np.isfinite(output).all() for output in outputs):
        return []  # out of float32's range, or out of forward's domain
    upstream = [np.asarray(one, dtype=np.float64)[()] for one in dz]
    wanted = subject.start(copy_of(exact)).backward(copy_of([_plain(one) for one in upstream]))
    moved = [_moved(subject, exact, upstream, random) for _ in range(4)]
    faults = []
    for port, (name, gradient) in enumerate(zip(subject.names(len(inputs)), conduct.gradients)):
        if gradient is None:
            continue
        right, got = np.asarray(wanted[port], dtype=float), np.asarray(gradient, dtype=float)
        spread = np.max([np.abs(np.asarray(there[port], dtype=float) - right) for there in moved], axis=0, initial=0.0)
        largest = float(np.max(np.abs(right), initial=0.0))
        allowed = 64 * spread + 64 * _EPS * np.abs(right) + 4 * _EPS * largest
        off = np.isfinite(right) & (np.abs(right) < 3e38) & ~(np.abs(got - right) <= allowed)
        if off.any():
            place = int(np.argmax(off))
            pair = f"{float(got.flat[place]):.6g} instead of {float(right.flat[place]):.6g}"
            faults.append(Fault("float32", f"in float32 the gradient of {name} is {pair}, beyond what float32 rounds"))
    return faults


def _moved(subject: Subject, inputs: Sequence[Value], upstream: Sequence[Value], random: Any) -> Any:
    """Return the gradients after every number has moved by float32's rounding."""

    def moved(value: Value) -> Value:
        return _plain(np.asarray(value) * (1.0 + _EPS * random.uniform(-1.0, 1.0, np.shape(value))))

    there = [value if port in subject.labels else moved(value) for port, value in enumerate(inputs)]
    return subject.start(there).backward([moved(dz) for dz in upstream])


def _plain(value: Any) -> Value:
    """Return a number as a float."""
    return value if np.ndim(value) else float(value)
