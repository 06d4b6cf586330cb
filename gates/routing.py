"""Gates that route gradients: to the larger input, to the smaller, or from several copies to one input."""

from gates.gate import Gate
from gates.sum_to import sum_to
from gates.values import Value, namespace


class Max(Gate):
    """z = max(x, y), elementwise. Backward routes the gradient to the larger; a tie goes to x.

    Examples
    --------
    >>> gate = Max()
    >>> gate.forward(2.0, -1.0)
    2.0
    >>> gate.backward(3.0)
    [3.0, 0.0]
    """

    elementwise = True
    pattern = "gradient router"
    notation = "z = max(x, y)", "x >= y", "y > x"

    def forward(self, x: Value, y: Value) -> Value:
        self.kept = x, y
        return namespace(x, y).maximum(x, y)

    def backward(self, dz: Value) -> list[Value]:
        x, y = self.kept
        where, to_x = namespace(dz).where, x >= y
        return [sum_to(where(to_x, dz, 0.0), x), sum_to(where(to_x, 0.0, dz), y)]


class Min(Gate):
    """z = min(x, y), elementwise. Backward routes the gradient to the smaller; a tie goes to x.

    Examples
    --------
    >>> gate = Min()
    >>> gate.forward(2.0, -1.0)
    -1.0
    >>> gate.backward(3.0)
    [0.0, 3.0]
    """

    elementwise = True
    pattern = "gradient router"
    notation = "z = min(x, y)", "x <= y", "y < x"

    def forward(self, x: Value, y: Value) -> Value:
        self.kept = x, y
        return namespace(x, y).minimum(x, y)

    def backward(self, dz: Value) -> list[Value]:
        x, y = self.kept
        where, to_x = namespace(dz).where, x <= y
        return [sum_to(where(to_x, dz, 0.0), x), sum_to(where(to_x, 0.0, dz), y)]


class Copy(Gate):
    """n copies of x, as a list. Backward adds up the gradients of the copies.

    Parameters
    ----------
    n : int
        How many copies, at least 1. A single copy is not in a list, like the output of any gate with one output.

    Raises
    ------
    ValueError
        If n is not a whole number of at least 1.

    Examples
    --------
    >>> fork = Copy(2)
    >>> fork.forward(5.0)
    [5.0, 5.0]
    >>> fork.backward(1.0, 2.0)
    [3.0]
    """

    elementwise = True
    pattern = "gradient adder"

    def __init__(self, n: int) -> None:
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise ValueError(f"Copy: n must be a whole number of at least 1, got {n!r}")
        self.n = n
        self.outputs = n

    @property
    def notation(self) -> tuple[str, ...]:  # type: ignore[override]  # it depends on n
        """The formula and the gradient."""
        copies = [f"z{port}" for port in range(self.n)]
        return f"{', '.join(copies)} = copy(x)", " + ".join([f"d{z}" for z in copies])

    def forward(self, x: Value) -> Value:
        return [x] * self.n if self.n > 1 else x

    def backward(self, *dz: Value) -> list[Value]:
        total = dz[0]
        for gradient in dz[1:]:
            total = total + gradient
        return [total]
