"""Full Jacobians of a gate or a graph, for inputs small enough to look at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from gates.bare import bare, require_gate
from gates.gate import fresh
from gates.values import GateLike, Given, Value, namespace, shape_of


@dataclass(frozen=True, repr=False)
class Jacobian:
    """The derivatives of each element of an output with respect to each element of an input.

    Attributes
    ----------
    matrix : numpy.ndarray
        A row for each element of the output, a column for each element of the input, both in C order. If a gate has
        several outputs, their rows follow one another.
    is_diagonal : bool
        Whether the matrix is square and 0 off its diagonal.
    """

    matrix: Any
    is_diagonal: bool

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.matrix, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        rows, columns = self.matrix.shape
        return f"Jacobian({rows} x {columns}{', diagonal' * self.is_diagonal})\n{self.matrix}"


def jacobian(target: GateLike, *inputs: Given | Mapping[str, Given], limit: int = 1_000_000, **named: Given) -> Any:
    """Return the full Jacobian of a gate or a graph with respect to each of its inputs.

    Backward never forms it, only its product with the upstream gradient. This function runs backward once for each
    element of the output, on a copy of the gate or graph.

    Parameters
    ----------
    target : gate or ComputationalGraph
        The function to differentiate.
    *inputs : number or array
        A gate's inputs, or the mapping of a graph's inputs, as its `forward` takes them.
    limit : int
        The largest number of entries that a Jacobian may have.
    **named : number or array
        A graph's inputs by name.

    Returns
    -------
    list of Jacobian, or dict of str to Jacobian
        For a gate, a list with one for each input, None for an input without a gradient. For a graph, a dict by the
        names of its inputs and parameters.

    Raises
    ------
    ValueError
        If a Jacobian would have more than `limit` entries. The message says how large it would be.

    Examples
    --------
    >>> from gates import MatMul, Sigmoid
    >>> jacobian(Sigmoid(), [0.0, 1.0])
    [Jacobian(2 x 2, diagonal)
    [[0.25       0.        ]
     [0.         0.19661193]]]
    >>> of_W, of_x = jacobian(MatMul(), [[1.0, 2.0], [3.0, 4.0]], [10.0, 100.0])
    >>> of_x.is_diagonal, of_x.matrix
    (False, array([[1., 2.],
           [3., 4.]]))
    >>> jacobian(Sigmoid(), np.zeros((100, 4096)))
    Traceback (most recent call last):
    ValueError: Sigmoid: a Jacobian of 409,600 x 409,600 = 167,772,160,000 entries (1.34 TB) is more than \
limit=1,000,000; it is diagonal, and backward(1) gives its diagonal
    """
    who = type(target).__name__
    if hasattr(target, "as_gate") and not isinstance(target, type):  # a graph, which this package cannot import
        graph = cast(Any, target).copy()
        output = graph.forward(*inputs, **named)
        names = list(graph.backward(1.0))
        return dict(zip(names, _jacobians(who, [output], lambda dz: list(graph.backward(dz).values()), limit)))
    require_gate(target, "jacobian()")
    gate = bare(fresh(target))
    output = gate.forward(*inputs, **named)
    outputs = output if isinstance(output, list) else [output]
    return _jacobians(who, outputs, gate.backward, limit, gate.elementwise)


def _jacobians(
    who: str, outputs: list[Value], backward: Callable[..., list[Any]], limit: int, elementwise: bool = False
) -> list[Jacobian | None]:
    """Return the Jacobian for each input; each row comes from an upstream gradient that is 1 at one element, else 0."""
    shapes = [shape_of(output) for output in outputs]
    sizes = [math.prod(shape) for shape in shapes]
    rows = sum(sizes)
    of_ones = backward(*[1.0 for _ in outputs])
    one_to_one = elementwise and all(shapes == [np.shape(gradient)] for gradient in of_ones)
    matrices: list[Any] = []
    for gradient in of_ones:
        if gradient is not None and rows * np.size(gradient) > limit:
            raise ValueError(f"{who}: {_too_large(rows, np.size(gradient), limit, one_to_one)}")
        matrices.append(None if gradient is None else np.zeros((rows, np.size(gradient))))
    if one_to_one:
        matrices = [np.diag(np.ravel(gradient)) for gradient in of_ones]
    for row in range(0 if one_to_one else rows):
        parts = np.split(np.eye(1, rows, row)[0], np.cumsum(sizes)[:-1])
        upstream = [
            namespace(output).asarray(part.reshape(shape)) if shape else float(part[0])
            for output, part, shape in zip(outputs, parts, shapes)
        ]
        for matrix, gradient in zip(matrices, backward(*upstream)):
            if matrix is not None:
                matrix[row] = np.ravel(gradient)
    return [None if matrix is None else Jacobian(matrix, _is_diagonal(matrix)) for matrix in matrices]


def _is_diagonal(matrix: Any) -> bool:
    """Return whether a matrix is square and 0 off its diagonal."""
    return matrix.shape[0] == matrix.shape[1] and not np.any(matrix[~np.eye(len(matrix), dtype=bool)])


def _too_large(rows: int, columns: int, limit: int, is_diagonal: bool) -> str:
    """Return the message that a Jacobian would be too large."""
    size, units = 8.0 * rows * columns, ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    hint = "; it is diagonal, and backward(1) gives its diagonal" if is_diagonal else ""
    return (
        f"a Jacobian of {rows:,} x {columns:,} = {rows * columns:,} entries ({size:.3g} {units[0]}) is more than "
        f"limit={limit:,}{hint}"
    )
