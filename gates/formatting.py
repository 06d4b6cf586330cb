"""Values as text, at a readable length."""

from typing import Any

import numpy as np

from gates.values import Value, shape_of

_ELEMENTS = 8  # a longer array shows its shape and range only


def short(value: Value) -> str:
    """Return a value as text: 6 digits of a number, a small array on one line, shape and range of a large one.

    Examples
    --------
    >>> short(-12.0), short(0.7310585786300049)
    ('-12.0', '0.731059')
    >>> short(np.eye(2)), short(np.arange(100.0))
    ('[[1 0] [0 1]]', '(100,) from 0 to 99')
    """
    if value is None:
        return "-"
    shape = shape_of(value)
    if not shape:
        return repr(float(f"{float(value):.6g}"))
    if value.size == 0:
        return f"{shape} empty"
    if value.size > _ELEMENTS:
        array = np.asarray(value)
        return f"{shape} from {array.min():.4g} to {array.max():.4g}"
    text = np.array2string(np.asarray(value), formatter={"float": lambda x: f"{x:.4g}"}, max_line_width=10_000)
    return " ".join(text.split())


def plain(value: Value) -> str:
    """Return a value as text, whole numbers without a decimal point, as on a blackboard.

    Examples
    --------
    >>> plain(-12.0), plain(0.5)
    ('-12', '0.5')
    """
    return short(value).removesuffix(".0")


def gate_text(gate: Any) -> str:
    """Return a gate as text: its class, and its settings where they are not the default."""
    if repr(gate) == object.__repr__(gate):
        return type(gate).__name__
    return repr(gate).removesuffix("()")
