"""A wire, one output of a gate: operators and NumPy functions on wires add gates to the graph."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import gates
from gates import Gate
from gates.formatting import short
from gates.values import Given, Value, as_number
from graph.structure import numpy_functions
from graph.structure.advice import advice

if TYPE_CHECKING:
    from graph.structure.structure import Structure


#: What an operator stands for: a gate, or None where it changes nothing, and what the gate reads.
Applied = tuple[Gate | None, tuple[Any, ...]]
OfNumber = Callable[[Any], Gate | None]


def _binary(
    gate: type[Gate], number_right: OfNumber = lambda y: None, number_left: OfNumber = lambda x: None
) -> Callable[[Any, Any], Applied]:
    """Return an operator that stands for `gate`, or for a gate of one input if the other operand is a number."""

    def operator(x: Any, y: Any) -> Applied:
        if _is_number(y) and (unary := number_right(y)) is not None:
            return unary, (x,)
        if _is_number(x) and (unary := number_left(x)) is not None:
            return unary, (y,)
        return gate(), (x, y)

    return operator


#: The operators by sign; those of one operand are written before an x.
OPERATORS: dict[str, Callable[..., Applied]] = {
    "+": _binary(gates.Add, gates.Shift, gates.Shift),
    "-": _binary(gates.Subtract, lambda y: gates.Shift(-as_number(y, "x - y: y"))),
    "*": _binary(gates.Multiply, gates.Scale, gates.Scale),
    "/": _binary(gates.Divide, number_left=lambda x: gates.Reciprocal() if x == 1 else None),
    "@": _binary(gates.MatMul),
    "**": _binary(gates.Pow, gates.Power),
    "-x": lambda x: (gates.Negative(), (x,)),
    "+x": lambda x: (None, (x,)),
}


def _methods(sign: str) -> tuple[Callable[[Wire, Wire | Given], Wire], Callable[[Wire, Given], Wire]]:
    """Return the method of an operator, and that of its reflected form."""
    applied = OPERATORS[sign]

    def operator(self: Wire, other: Wire | Given) -> Wire:
        gate, inputs = applied(self, other)
        return self._add(gate, *inputs)

    def reflected(self: Wire, other: Given) -> Wire:
        gate, inputs = applied(other, self)
        return self._add(gate, *inputs)

    return operator, reflected


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Wire:
    """One output of a gate in a graph. Each operator and each NumPy function of wires adds one gate.

    With a number, `x + 1` and `x - 1` are `Shift`, `2 * x` is `Scale`, `x ** 3` is `Power` and `1 / x` is
    `Reciprocal`; in every other operation a number or an array becomes a constant. An operation without a gate raises
    TypeError. Two wires are equal, `x == y`, if they are the same output of the same gate.

    Parameters
    ----------
    graph : ComputationalGraph
        The graph that the wire belongs to.
    node : str
        The name of the gate.
    port : int
        Which of the gate's outputs it is.

    Examples
    --------
    >>> from graph import ComputationalGraph
    >>> graph = ComputationalGraph()
    >>> x, y = graph.inputs("x", "y")
    >>> f = np.exp(x) * (y + 1)
    >>> graph.forward(x=0, y=2)
    3.0
    >>> f
    Wire(multiply_1: Multiply, value=3.0)
    """

    graph: Structure
    node: str
    port: int

    def __init__(self, graph: Structure, node: str, port: int = 0) -> None:
        _set_graph(self, graph)
        _set_node(self, node)
        _set_port(self, port)

    @property
    def gate(self) -> Any:
        """The gate whose output this is."""
        return self.graph.gate(self.node)

    @property
    def value(self) -> Value:
        """The value from the last forward pass, or None before the first."""
        return self.graph.value_of(self)

    @property
    def grad(self) -> Value:
        """The gradient of the output with respect to this wire, or None before backward or if it has none."""
        return self.graph.gradient_of(self)

    def __str__(self) -> str:
        """Return the wire's name: the name of its gate, with the port if the gate has several outputs."""
        return self.graph.name_of(self)

    def __repr__(self) -> str:
        if self.node not in self.graph:
            return f"Wire({self.node}: no longer in the graph)"
        gate = type(self.gate).__name__
        value = "" if self.value is None else f", value={short(self.value)}"
        grad = "" if self.grad is None else f", grad={short(self.grad)}"
        return f"Wire({self}: {gate}{value}{grad})"

    __add__, __radd__ = _methods("+")
    __sub__, __rsub__ = _methods("-")
    __mul__, __rmul__ = _methods("*")
    __truediv__, __rtruediv__ = _methods("/")
    __matmul__, __rmatmul__ = _methods("@")
    __pow__, __rpow__ = _methods("**")

    def __neg__(self) -> Wire:
        return self._add(gates.Negative(), self)

    def __pos__(self) -> Wire:
        return self

    def __abs__(self) -> Wire:
        return self._add(gates.Abs(), self)

    def __getitem__(self, key: Any) -> Wire:
        """Return some of the elements: `x[0]`, `x[:, 1:3]`, `x[[0, 2, 2]]`."""
        return self._add(gates.Index(key), self)

    @property
    def T(self) -> Wire:
        """The transpose: all axes reversed."""
        return self._add(gates.Transpose(), self)

    def transpose(self, *axes: int | tuple[int, ...] | None) -> Wire:
        """Return the transpose, with the axes in the given order or, by default, reversed."""
        order: Any = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return self._add(gates.Transpose(order), self)

    def reshape(self, *shape: int | tuple[int, ...]) -> Wire:
        """Return the wire in another shape: `x.reshape(2, 3)` or `x.reshape((2, 3))`."""
        lengths: Any = shape[0] if len(shape) == 1 else shape
        return self._add(gates.Reshape(lengths), self)

    def sum(self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False) -> Wire:
        """Return the sum over some axes; by default over all."""
        return self._add(gates.Sum(axis, keepdims), self)

    def mean(self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False) -> Wire:
        """Return the mean over some axes; by default over all."""
        return self._add(gates.Mean(axis, keepdims), self)

    def var(self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False) -> Wire:
        """Return the variance over some axes, the mean squared distance to the mean; by default over all."""
        return self._add(gates.Variance(axis, keepdims), self)

    def max(self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False) -> Wire:
        """Return the largest element over some axes; by default of all."""
        return self._add(gates.ReduceMax(axis, keepdims), self)

    def min(self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False) -> Wire:
        """Return the smallest element over some axes; by default of all."""
        return self._add(gates.ReduceMin(axis, keepdims), self)

    def clip(self, low: float | None = None, high: float | None = None) -> Wire:
        """Return the wire with its elements kept within bounds."""
        return self._add(gates.Clip(low, high), self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return numpy_functions.apply_ufunc(self, ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return numpy_functions.apply_function(function, args, kwargs)

    if not TYPE_CHECKING:  # a type checker would take every attribute for one that exists

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(f"'Wire' object has no attribute {name!r}{advice(name)}", name=name, obj=self)

    def _add(self, gate: Any, *inputs: Any) -> Wire:
        """Add a gate with one output and return its wire."""
        wire: Wire = self.graph.add(gate, *inputs)
        return wire


# A frozen dataclass sets its fields with object.__setattr__, which takes three times as long as the slots' setters.
_set_graph, _set_node, _set_port = (vars(Wire)[field].__set__ for field in ("graph", "node", "port"))


def _frozen(self: Wire, name: str, *value: Any) -> None:
    """Raise an AttributeError that says how to change a value instead."""
    hint = "; assign graph.parameters[name], or give forward() another input" if name == "value" else ""
    raise AttributeError(f"a wire's {name} cannot be assigned{hint}")


# These replace the dataclass's methods, whose error in a class with slots mentions super().
Wire.__setattr__ = _frozen  # type: ignore[assignment,method-assign]  # a method may be replaced
Wire.__delattr__ = _frozen  # type: ignore[assignment,method-assign]  # as above


def _refuse(sign: str) -> Callable[..., Any]:
    """Return a method that raises TypeError: the operation has no gate."""

    def method(self: Wire, *others: Any) -> Any:
        raise TypeError(f"no gate for {sign} on wires; a wire's value is wire.value")

    return method


for _names, _sign in {
    "mod rmod": "%",
    "floordiv rfloordiv": "//",
    "divmod rdivmod": "divmod()",
    "lt gt": "x > y (np.maximum(x, y) is the larger; graph.add(Where(), c, x, y) is x where c > 0)",
    "le ge": "x >= y (np.maximum(x, y) is the larger; graph.add(Where(), c, x, y) is x where c > 0)",
    "iter contains": "a loop",
    "len": "len()",
    "bool": "true or false",
    "float": "float()",
    "and rand": "&",
    "or ror": "|",
    "invert": "~",
}.items():
    for _name_ in _names.split():
        setattr(Wire, f"__{_name_}__", _refuse(_sign))


def _is_number(other: Any) -> bool:
    """Return whether an operand is one real number."""
    return isinstance(other, numbers.Real) or (isinstance(other, np.ndarray) and other.ndim == 0)
