"""Minibatches: shares of arrays in a random order, or whatever an iterable gives. They know nothing of graphs."""

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
        Arrays with an example a row, which are dealt out in a new random order each epoch; or the minibatches
        themselves, which come as they are; or what is called for them once an epoch.
    batch_size : int
        How many examples a minibatch has; the last of an epoch has what is left.
    epochs : int
        How often the data is to be gone through.

    Attributes
    ----------
    examples : int or None
        How many examples the arrays have; None for an iterable.
    rows : numpy.ndarray or None
        The rows that the last minibatch has of the arrays; None for an iterable.

    Raises
    ------
    ValueError, TypeError
        If it is none of these, the arrays differ in length or are empty, or an iterator is to be gone through twice.
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
                raise ValueError(
                    f"train(): data: the arrays must have the same number of examples, at least 1, got: {got}"
                )
            self.examples = next(iter(lengths.values()))
            return
        if isinstance(data, (str, np.ndarray)) or not (isinstance(data, Iterable) or callable(data)):
            raise TypeError(
                "train(): data must be a mapping of input names to arrays, or an iterable of such minibatches, got "
                f"{type(data).__name__}"
            )
        if isinstance(data, Iterator) and epochs > 1:
            raise ValueError(
                f"train(): data is an iterator, which can be gone through once, and epochs is {epochs}: give an "
                "iterable that begins anew each time, such as a list, or a function that returns one"
            )
        self._batches = data

    def steps_per_epoch(self) -> int:
        """Return how many minibatches an epoch has, or 0 where that cannot be known."""
        if self.examples is not None:
            return -(-self.examples // self.batch_size)
        return int(operator.length_hint(self._batches))

    def epoch(self, random: np.random.Generator) -> Iterator[Batch]:
        """Yield the minibatches of one epoch; arrays are dealt out in the generator's next random order."""
        if self._arrays is None or self.examples is None:
            for batch in self._batches() if callable(self._batches) else self._batches:
                if not isinstance(batch, Mapping):
                    raise TypeError(
                        'train(): a minibatch must be a mapping of input names to arrays, {"X": ..., "y": ...}, got '
                        f"{type(batch).__name__}"
                    )
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
        raise ValueError(f"train(): data: {name!r} must be an array with an example a row, got {array}")
    return array
