"""Labels: the check that they fit the scores, and the mask of the true classes."""

import numbers
from typing import Any

import numpy as np

from gates import namespace
from gates.values import Value, shape_of


def check_labels(scores: Value, labels: Any) -> None:
    """Raise ValueError unless there is an integer in [0, classes) for each row of scores."""
    shape = shape_of(scores)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"scores must have the shape (examples, classes), at least one of each, got {shape}")
    examples, classes = shape
    wanted = f"labels must be {examples} integers in [0, {classes})"
    array = np.asarray(labels)
    if array.shape != (examples,):
        raise ValueError(f"{wanted}, got {f'{array.size} of them' if array.ndim == 1 else f'shape {array.shape}'}")
    if array.dtype.kind in "iu":
        bad = ((array < 0) | (array >= classes)).tolist()
    else:
        bad = [
            not isinstance(label, numbers.Integral) or isinstance(label, bool) or not 0 <= int(label) < classes
            for label in array.tolist()
        ]
    if True in bad:
        place = bad.index(True)
        raise ValueError(f"{wanted}, got {array.tolist()[place]!r} at position {place}")


def is_true_class(scores: Value, labels: Any) -> Any:
    """Return a mask in the shape of the scores: whether a score is that of its row's true class."""
    xp = namespace(scores)
    return xp.arange(scores.shape[1]) == xp.expand_dims(xp.asarray(labels), axis=1)
