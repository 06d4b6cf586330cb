"""The guard: stop at the first gate that makes an inf or a nan from finite numbers, and say why.

`ComputationalGraph(guard=True)` runs each gate's formulas through it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gates import Divide, Exp, Log, Power, Reciprocal, Sqrt

#: Checked in this order: a gate, a test of its first and last input and of what it made, and the cause it shows.
_CAUSES: list[tuple[type, Callable[[float, float, float], bool], str]] = [
    (Divide, lambda x, y, made: y == 0, "a division by 0"),
    (Reciprocal, lambda x, y, made: x == 0, "a division by 0"),
    (Log, lambda x, y, made: x == 0, "the logarithm of 0"),
    (Log, lambda x, y, made: x < 0, "the logarithm of a negative number"),
    (Sqrt, lambda x, y, made: x == 0, "the slope of the square root at 0"),
    (Sqrt, lambda x, y, made: x < 0, "the square root of a negative number"),
    (Power, lambda x, y, made: x == 0, "0 to a negative power"),
    (Power, lambda x, y, made: x < 0 and made != made, "a negative number to a fractional power"),
    (Exp, lambda x, y, made: True, "overflow: e**x is finite up to x = 709.78 in float64, 88.72 in float32"),
]


def guarded(
    node: str, gate: Any, forward: Callable[..., Any], backward: Callable[..., Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return both formulas of a gate, each followed by a check of its results."""
    inputs: tuple[Any, ...] = ()

    def guarded_forward(owner: Any, *values: Any) -> Any:
        nonlocal inputs
        inputs = values
        with np.errstate(all="ignore"):
            result = forward(owner, *values)
        if _finite(values):
            _check("forward", result if isinstance(result, (list, tuple)) else [result], "made", values)
        return result

    def guarded_backward(owner: Any, *upstream: Any) -> Any:
        with np.errstate(all="ignore"):
            result = backward(owner, *upstream)
        if _finite(inputs) and _finite(upstream):
            wanted = [gradient for gradient, is_wanted in zip(result, owner.wanted) if is_wanted]
            _check("backward", wanted, "returned the gradient", inputs, upstream)
        return result

    def _check(phase: str, results: Any, verb: str, values: tuple[Any, ...], upstream: tuple[Any, ...] = ()) -> None:
        for result in results:
            if result is None or _finite((result,)):
                continue
            bad = ~np.isfinite(np.asarray(result))
            place = tuple(int(i) for i in np.argwhere(bad)[0])
            number = float(np.asarray(result)[place])
            at = [_at(gate, value, result, place) for value in values]
            text = f"{phase}: {node} ({type(gate).__name__}) {verb} {number}"
            text += f" at {place[0] if len(place) == 1 else place}" if place else ""
            text += f" from {_listed(at, values)}"
            up = [_at(gate, value, result, place) for value in upstream]
            text += f" and the upstream gradient {_listed(up, upstream)}" if upstream else ""
            error = FloatingPointError(f"{text}: {_cause(gate, at, number)}")
            vars(error)["node"] = node  # for a check, which names it
            raise error

    return guarded_forward, guarded_backward


def _finite(values: Any) -> bool:
    """Return whether all numbers in all values are finite."""
    return all(bool(np.all(np.isfinite(np.asarray(value)))) for value in values)


def _at(gate: Any, value: Any, result: Any, place: tuple[int, ...]) -> float | None:
    """Return the element of an input that an element of the result depends on, or None if there are several."""
    try:
        if np.shape(value):
            return float(np.broadcast_to(np.asarray(value), np.shape(result))[place]) if gate.elementwise else None
        return float(value)
    except (ValueError, AttributeError):
        return None


def _listed(numbers: list[float | None], values: tuple[Any, ...]) -> str:
    """Return inputs as text: the numbers that are known, otherwise shapes."""
    return ", ".join(
        f"an array of shape {np.shape(value)}" if number is None else f"{number:.6g}"
        for number, value in zip(numbers, values)
    )


def _cause(gate: Any, inputs: list[float | None], number: float) -> str:
    """Return the likely cause of an inf or nan."""
    known = [x for x in inputs if x is not None]
    if known and len(known) == len(inputs):
        first, last = known[0], known[-1]
        for gate_class, applies, cause in _CAUSES:
            if isinstance(gate, gate_class) and applies(first, last, number):
                return cause
    return "an undefined operation, such as inf - inf or 0 * inf, on the way" if number != number else "overflow"
