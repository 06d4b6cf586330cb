"""The embedding: rows of a table, by their indices."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gates.gate import Gate
from gates.values import Value, namespace, shape_of


class Embedding(Gate):
    """The rows of a table, looked up by their indices. Backward adds each row's gradients; unused rows get 0.

    `forward(indices, weight)` takes integers of any shape and a table of shape (V, D), and returns (..., D): a vector
    of D numbers for each index. Indices have no gradient.

    Raises
    ------
    ValueError
        If the table is no matrix, or an index is no integer in [0, V); the first such index is named.

    Notes
    -----
    1. y[n] is weight[indices[n]]: it is a copy of one row.
    2. An index cannot change by a little, so that there is no slope along it.
    3. A row that is read once has the gradient of its only copy: dweight[v] = dy[n].
    4. A row that is read several times is a branch, where gradients add: dweight[v] is the sum of dy[n] over all n with
       indices[n] = v. `dweight[indices] += dy` would keep only the last of them.
    5. A row that is never read has no influence: its gradient is 0.

    Examples
    --------
    >>> gate = Embedding()
    >>> gate.forward([2, 0, 2], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    array([[5., 6.],
           [1., 2.],
           [5., 6.]])
    >>> gate.backward([[1.0, 1.0], [10.0, 10.0], [100.0, 100.0]])
    [None, array([[ 10.,  10.],
           [  0.,   0.],
           [101., 101.]])]
    """

    labels = (0,)
    notation = ("y = embedding(indices, weight)",)

    def check(self, indices: Any, weight: Value) -> None:
        if len(shape_of(weight)) != 2:
            raise ValueError(f"weight must have the shape (V, D), got {shape_of(weight)}")
        count, array = shape_of(weight)[0], np.asarray(indices)
        if array.dtype.kind in "iu" and (not array.size or (array.min() >= 0 and array.max() < count)):
            return
        for place, index in zip(np.ndindex(array.shape), array.ravel().tolist()):
            if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
                at = f" at position {place[0] if len(place) == 1 else place}" if place else ""
                raise ValueError(f"indices must be integers in [0, {count}), got {index!r}{at}")

    def forward(self, indices: Any, weight: Value) -> Value:
        xp = namespace(weight)
        flat = xp.reshape(xp.astype(xp.asarray(indices), xp.arange(0).dtype), (-1,))
        self.kept = flat, weight
        return xp.reshape(xp.take(weight, flat, axis=0), (*shape_of(indices), shape_of(weight)[1]))

    def backward(self, dy: Value) -> list[Value]:
        flat, weight = self.kept
        if not self.wanted[1]:
            return [None, None]
        xp, (rows, columns) = namespace(weight), shape_of(weight)
        dy = xp.reshape(dy, (flat.shape[0], columns))
        if hasattr(dy, "__array_ufunc__"):  # an array of NumPy, which can add in place and needs no matrix for it
            dweight = np.zeros((rows, columns), dy.dtype)
            np.add.at(dweight, flat, dy)
            return [None, dweight]
        is_read = xp.expand_dims(xp.arange(rows), axis=1) == xp.expand_dims(flat, axis=0)
        return [None, xp.astype(is_read, dy.dtype) @ dy]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield indices, some of them equal, with a table."""
        for shape, table in (((5,), (4, 3)), ((3, 4), (5, 2)), ((1,), (1, 1))):
            yield random.integers(0, table[0], shape), random.normal(size=table)
