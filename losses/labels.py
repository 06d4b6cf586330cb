"""Labels: the check that they fit the scores, the mask of the true classes, and the slopes that balance there."""

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
        bad = (array < 0) | (array >= classes)
    else:
        bad = np.array([not _is_label(label, classes) for label in array.tolist()])
    if bad.any():
        place = int(bad.argmax())
        raise ValueError(f"{wanted}, got {array.tolist()[place]!r} at position {place}")


def is_true_class(scores: Value, labels: Any) -> Any:
    """Return a mask in the shape of the scores: whether a score is that of its row's true class."""
    xp = namespace(scores)
    classes = xp.arange(scores.shape[1])
    return classes == xp.expand_dims(xp.astype(xp.asarray(labels), classes.dtype), axis=1)


def balanced(slopes: Value, true: Any) -> Value:
    """Return slopes for all scores from those of the other classes: the true class gets minus their sum."""
    xp = namespace(slopes)
    others = xp.where(true, 0.0, slopes)
    return xp.where(true, 0.0 - xp.sum(others, axis=1, keepdims=True), others)  # not -0.0 for a class alone


def _is_label(label: Any, classes: int) -> bool:
    """Return whether something is the number of a class."""
    return isinstance(label, numbers.Integral) and not isinstance(label, bool) and 0 <= int(label) < classes
