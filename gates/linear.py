"""The matrix product."""

from typing import Any

from gates.gate import Gate
from gates.namespaces import namespace
from gates.sum_to import sum_to
from gates.values import Value, shape_of


class MatMul(Gate):
    """z = x @ y: the matrix product. Backward gives x dz @ y.T and y x.T @ dz.

    Takes what `@` takes. x (..., n, k) and y (..., k, m) give (..., n, m), and axes in front broadcast. A 1-d x
    is a row and a 1-d y a column, whose axis is gone from the product: two vectors of k give a number.

    Raises
    ------
    ValueError
        If an input is a number, or the lengths k differ.

    Examples
    --------
    >>> gate = MatMul()
    >>> gate.forward([[1.0, 2.0], [3.0, 4.0]], [10.0, 100.0])
    array([210., 430.])
    >>> gate.backward([1.0, 0.0])
    [array([[ 10., 100.],
           [  0.,   0.]]), array([1., 2.])]
    """

    kind = "matmul"

    def check(self, x: Value, y: Value) -> None:
        shapes = shape_of(x), shape_of(y)
        if () in shapes:
            raise ValueError(f"arrays of 1 or more axes were wanted, got the shapes {shapes[0]} and {shapes[1]}")
        columns, rows = shapes[0][-1], shapes[1][max(len(shapes[1]) - 2, 0)]
        if columns != rows:
            raise ValueError(
                f"shapes {shapes[0]} and {shapes[1]} cannot be multiplied: x has {columns} columns, y has {rows} rows"
            )

    def forward(self, x: Value, y: Value) -> Value:
        self.kept = x, y
        return x @ y

    def backward(self, dz: Value) -> list[Value]:
        x, y = self.kept
        want_x, want_y = self.wanted
        xp = namespace(x)
        rows = x if x.ndim > 1 else xp.expand_dims(x, axis=0)
        columns = y if y.ndim > 1 else xp.expand_dims(y, axis=1)
        if y.ndim == 1:
            dz = xp.expand_dims(xp.asarray(dz), axis=-1)
        if x.ndim == 1:
            dz = xp.expand_dims(dz, axis=-2)
        return [
            _unpromoted(dz @ xp.matrix_transpose(columns), rows, x) if want_x else None,
            _unpromoted(xp.matrix_transpose(rows) @ dz, columns, y) if want_y else None,
        ]


def _unpromoted(gradient: Any, promoted: Any, given: Any) -> Any:
    """Return the gradient of an input from that of its matrix: batches summed, a vector's extra axis dropped."""
    gradient = sum_to(gradient, promoted)
    return gradient if given.ndim > 1 else namespace(given).reshape(gradient, given.shape)
