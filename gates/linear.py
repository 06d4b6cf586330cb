"""The matrix product."""

from collections.abc import Iterator
from typing import Any

from gates.gate import Gate
from gates.sum_to import sum_to
from gates.values import Value, namespace, shape_of

_GRADIENTS = {  # by the numbers of axes of x and y
    (1, 1): ("y", "x"),
    (1, 2): ("y @ dz", "outer(x, dz)"),
    (2, 1): ("outer(dz, y)", "x.T @ dz"),
    (2, 2): ("dz @ y.T", "x.T @ dz"),
}


class MatMul(Gate):
    """z = x @ y: the matrix product. Backward: dx = dz @ y.T, dy = x.T @ dz.

    Shapes combine as in NumPy's `@`. x (..., n, k) and y (..., k, m) give (..., n, m), and leading axes broadcast.
    A 1-d x is a row and a 1-d y a column, and that axis is dropped from the product: two vectors of k give a number.

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

    @property
    def notation(self) -> tuple[str, ...]:  # type: ignore[override]  # it depends on the shapes in the last forward pass
        """The formula and the gradients, which are different for vectors."""
        x, y = vars(self).get("kept", (0.0, 0.0))
        return "z = x @ y", *_GRADIENTS.get((len(shape_of(x)), len(shape_of(y))), ())

    def forward(self, x: Value, y: Value) -> Value:
        self.kept = x, y
        try:
            return x @ y
        except (TypeError, ValueError):
            check_product(x, y, "MatMul", "x", "y")  # with a clearer message
            raise

    def backward(self, dz: Value) -> list[Value]:
        x, y = self.kept
        return product_gradients(x, y, dz, *self.wanted)

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield matrices, vectors and stacks of matrices that can be multiplied."""
        for x, y in (
            ((3, 3), (3, 3)),
            ((2, 3), (3, 4)),
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((3,), (3, 2)),
            ((1, 1), (1, 1)),
            ((5, 2, 3), (3, 4)),
            ((2, 3), (5, 3, 4)),
        ):
            yield random.normal(size=x), random.normal(size=y)


def check_product(x: Value, y: Value, who: str, name_of_x: str, name_of_y: str) -> None:
    """Raise ValueError unless the shapes of x and y allow x @ y."""
    x_shape, y_shape = shape_of(x), shape_of(y)
    if not x_shape or not y_shape:
        raise ValueError(f"{who} takes arrays of 1 or more axes, got the shapes {x_shape} and {y_shape}") from None
    columns, rows = x_shape[-1], y_shape[-2:][0]
    if columns != rows:
        why = f"{name_of_x} has {columns} columns, {name_of_y} has {rows} rows"
        raise ValueError(f"{who} cannot multiply the shapes {x_shape} and {y_shape}: {why}") from None


def product_gradients(x: Value, y: Value, dz: Value, want_x: bool, want_y: bool) -> list[Value]:
    """Return the gradients of x and y in z = x @ y; an unwanted one is None, and its product is not computed."""
    if x.ndim == 2 and y.ndim == 2:  # nothing to promote or to sum, which saves 3 microseconds
        return [dz @ y.mT if want_x else None, x.mT @ dz if want_y else None]
    xp = namespace(x)
    rows = x if x.ndim > 1 else xp.expand_dims(x, axis=0)
    columns = y if y.ndim > 1 else xp.expand_dims(y, axis=1)
    if y.ndim == 1:
        dz = xp.expand_dims(xp.asarray(dz), axis=-1)
    if x.ndim == 1:
        dz = xp.expand_dims(dz, axis=-2)
    return [
        xp.reshape(sum_to(dz @ columns.mT, rows), x.shape) if want_x else None,
        xp.reshape(sum_to(rows.mT @ dz, columns), y.shape) if want_y else None,
    ]
