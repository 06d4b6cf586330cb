"""Minibatches: rows of arrays in a random order, or the items of an iterable. Knows nothing of graphs."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from gates import namespace

Batch: TypeAlias = Mapping[str, Any]
Data: TypeAlias = Batch | Iterable[Batch] | Callable[[], Iterable[Batch]]


class Minibatches:
    """The minibatches of each epoch.

    Parameters
    ----------
    data : mapping of str to array, or iterable of such mappings, or function that returns one
        Arrays with one example per row, which are shuffled each epoch; or an iterable of the minibatches themselves;
        or a function that is called once per epoch and returns one.
    batch_size : int
        The number of examples in a minibatch; the last one of an epoch may have fewer.
    epochs : int
        The number of passes over the data.

    Attributes
    ----------
    examples : int or None
        The number of examples in the arrays; None for an iterable.
    rows : numpy.ndarray or None
        The rows of the arrays that make up the last minibatch; None for an iterable.

    Raises
    ------
    ValueError, TypeError
        If the data is none of these, the arrays differ in length or are empty, or an iterator is to be used twice.
    """

    def __init__(self, data: Data, batch_size: int, epochs: int) -> None:
        self.batch_size = batch_size
        self._arrays: dict[str, Any] | None = None
        self._batches: Iterable[Batch] | Callable[[], Iterable[Batch]] = ()
        self.examples: int | None = None
        self.rows: Any = None
        if isinstance(data, Mapping):
            self._arrays = {name: _sliceable(array, name) for name, array in data.items()}
            lengths = {name: array.shape[0] for name, array in self._arrays.items()}
            if len(set(lengths.values())) != 1 or 0 in lengths.values():
                got = ", ".join(f"{name} has {length}" for name, length in lengths.items()) or "no array"
                raise ValueError(f"train(): data: arrays must have the same number of examples, at least 1, got: {got}")
            self.examples = next(iter(lengths.values()))
            return
        if isinstance(data, (str, np.ndarray)) or not (isinstance(data, Iterable) or callable(data)):
            wanted = "a mapping of input names to arrays, or an iterable of such minibatches"
            raise TypeError(f"train(): data must be {wanted}, got {type(data).__name__}")
        if isinstance(data, Iterator) and epochs > 1:
            hint = "pass a list, or a function that returns a new iterator each time"
            raise ValueError(f"train(): data is an iterator, which runs only once, and epochs is {epochs}: {hint}")
        self._batches = data

    def steps_per_epoch(self) -> int:
        """Return the number of minibatches in an epoch, or 0 if it is unknown."""
        if self.examples is not None:
            return -(-self.examples // self.batch_size)
        return int(operator.length_hint(self._batches))

    def epoch(self, random: np.random.Generator) -> Iterator[Batch]:
        """Yield the minibatches of one epoch; arrays are shuffled with the generator."""
        if self._arrays is None or self.examples is None:
            for batch in self._batches() if callable(self._batches) else self._batches:
                if not isinstance(batch, Mapping):
                    wanted = 'a mapping of input names to arrays, {"X": ..., "y": ...}'
                    raise TypeError(f"train(): a minibatch must be {wanted}, got {type(batch).__name__}")
                yield batch
            return
        order = random.permutation(self.examples)
        for start in range(0, self.examples, self.batch_size):
            self.rows = order[start : start + self.batch_size]
            yield {name: _rows(array, self.rows) for name, array in self._arrays.items()}


def _rows(array: Any, chosen: Any) -> Any:
    """Return the chosen rows of an array, of any library."""
    if isinstance(array, np.ndarray):
        return array[chosen]
    xp = namespace(array)
    return xp.take(array, xp.asarray(chosen), axis=0)


def _sliceable(array: Any, name: str) -> Any:
    """Return an array whose rows can be chosen."""
    if not hasattr(array, "__array_namespace__"):
        array = np.asarray(array)
    if not array.ndim:
        raise ValueError(f"train(): data: {name!r} must be an array with one example per row, got {array}")
    return array
