"""Values as text of Python, and the error of formulas that cannot be traced."""

from __future__ import annotations

from typing import Any

import numpy as np

_FEW = 4  # elements of an array that becomes a literal


class Untraceable(BaseException):
    """Raised where a formula does what cannot be recorded as operations.

    It derives from BaseException, so that a formula's own `except Exception` does not catch it.
    """


def literal(thing: Any) -> str:
    """Return the text of a number, a string, a dtype or a small array.

    Raises
    ------
    Untraceable
        If it is something else.
    """
    if type(thing) in (float, int, bool):
        return repr(thing).replace("inf", "math.inf").replace("nan", "math.nan").replace("e+", "e")
    if thing is None or thing is Ellipsis:
        return "None" if thing is None else "..."
    if type(thing) is str:
        return quoted(thing)
    if isinstance(thing, np.dtype) or (isinstance(thing, type) and issubclass(thing, np.generic)):
        dtype = np.dtype(thing)
        return f"np.{dtype.name}" if dtype.isnative else f"np.dtype({quoted(dtype.str)})"
    if isinstance(thing, np.generic) and thing.dtype.kind in "fiub":
        return f"np.{thing.dtype.name}({literal(thing.item())})"
    if isinstance(thing, np.ndarray) and 1 <= thing.size <= _FEW and thing.dtype.kind in "fiu":
        return f"np.array({_nested(thing.tolist())}, dtype={literal(thing.dtype)})"
    raise Untraceable(f"it computes with a {type(thing).__name__} that is not an input")


def quoted(text: str) -> str:
    """Return a string as a literal, in double quotes unless the other ones need fewer escapes."""
    if text.count('"') > text.count("'"):
        return repr('"' + text)[0] + repr('"' + text)[2:]
    return '"' + "".join(['\\"' if c == '"' else "'" if c == "'" else repr(c)[1:-1] for c in text]) + '"'


def _nested(numbers: Any) -> str:
    """Return nested lists of numbers as a text."""
    return f"[{', '.join(map(_nested, numbers))}]" if isinstance(numbers, list) else literal(numbers)
