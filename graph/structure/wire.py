"""A wire: one output of one gate, with the operators and NumPy functions that add gates which read it."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gates import (
    Add,
    Divide,
    Gate,
    MatMul,
    Mean,
    Multiply,
    Negative,
    Power,
    Reciprocal,
    Reshape,
    Scale,
    Shift,
    Subtract,
    Sum,
    Transpose,
)
from gates.formatting import short
from gates.values import Value, as_number
from graph.structure import numpy_functions

if TYPE_CHECKING:
    from graph.structure.structure import Structure


WithNumber = Callable[[Any], Gate | None]


def _operator(
    gate: type[Gate], with_number: WithNumber = lambda y: None, reflected_with_number: WithNumber = lambda x: None
) -> tuple[Callable[[Wire, Any], Wire], Callable[[Wire, Any], Wire]]:
    """Return an operator and its reflected twin: each adds a gate, or the one that there is for it with a number."""

    def operator(self: Wire, other: Any) -> Wire:
        unary = with_number(other) if _is_number(other) else None
        return self._add(gate(), self, other) if unary is None else self._add(unary, self)

    def reflected(self: Wire, other: Any) -> Wire:
        unary = reflected_with_number(other) if _is_number(other) else None
        return self._add(gate(), other, self) if unary is None else self._add(unary, self)

    return operator, reflected


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Wire:
    """One output of a gate in a graph. Its operators and NumPy's functions add one gate each.

    With a number, `x + 1` and `x - 1` are `Shift`, `2 * x` is `Scale`, `x ** 3` is `Power` and `1 / x` is
    `Reciprocal`; in every other operation a number or an array becomes a constant. What has no gate is a
    TypeError. Two wires are equal, `x == y`, if they are the same output of the same gate.

    Parameters
    ----------
    graph : Structure
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
        """The value of the last forward pass, or None before it."""
        return self.graph.value_of(self)

    @property
    def grad(self) -> Value:
        """The gradient of the output with respect to this wire, or None before backward or where there is none."""
        return self.graph.gradient_of(self)

    def __str__(self) -> str:
        """Return the wire's name: that of its gate, with the port if the gate has several."""
        return self.graph.name_of(self)

    def __repr__(self) -> str:
        if self.node not in self.graph:
            return f"Wire({self.node}: not in the graph any more)"
        gate = type(self.gate).__name__
        value = "" if self.value is None else f", value={short(self.value)}"
        grad = "" if self.grad is None else f", grad={short(self.grad)}"
        return f"Wire({self}: {gate}{value}{grad})"

    __add__, __radd__ = _operator(Add, Shift, Shift)
    __sub__, __rsub__ = _operator(Subtract, lambda y: Shift(-as_number(y, "x - y: y")))
    __mul__, __rmul__ = _operator(Multiply, Scale, Scale)
    __truediv__, __rtruediv__ = _operator(Divide, reflected_with_number=lambda x: Reciprocal() if x == 1 else None)
    __matmul__, __rmatmul__ = _operator(MatMul)

    def __pow__(self, exponent: Any) -> Wire:
        if not _is_number(exponent):
            raise TypeError(f"no gate for x ** y: the exponent must be a number, got {_name(exponent)}")
        return self._add(Power(exponent), self)

    def __neg__(self) -> Wire:
        return self._add(Negative(), self)

    def __pos__(self) -> Wire:
        return self

    @property
    def T(self) -> Wire:
        """The transpose: all axes reversed."""
        return self._add(Transpose(), self)

    def transpose(self, *axes: Any) -> Wire:
        """Return the wire with its axes in another order; reversed if none is given."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return self._add(Transpose(order), self)

    def reshape(self, *shape: Any) -> Wire:
        """Return the wire in another shape: `x.reshape(2, 3)` or `x.reshape((2, 3))`."""
        return self._add(Reshape(shape[0] if len(shape) == 1 else shape), self)

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> Wire:
        """Return the sum over some axes; over all if none is given."""
        return self._add(Sum(axis, keepdims), self)

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> Wire:
        """Return the mean over some axes; over all if none is given."""
        return self._add(Mean(axis, keepdims), self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Wire:
        return cast(Wire, numpy_functions.apply_ufunc(self, ufunc, method, inputs, options))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Wire:
        return cast(Wire, numpy_functions.apply_function(function, args, kwargs))

    def _add(self, gate: Gate, *inputs: Any) -> Wire:
        """Return the wire of a gate with one output."""
        wire = self.graph.add(gate, *inputs)
        assert isinstance(wire, Wire)
        return wire


# A frozen dataclass sets its fields by object.__setattr__, which takes three times as long as its slots do.
_set_graph, _set_node, _set_port = (vars(Wire)[field].__set__ for field in ("graph", "node", "port"))


def _frozen(self: Wire, name: str, *value: Any) -> None:
    """Say where what a wire shows is changed."""
    hint = "; assign graph.parameters[name], or give forward() another input" if name == "value" else ""
    raise AttributeError(f"a wire's {name} cannot be assigned{hint}")


# In place of the dataclass's own, whose error in a class with slots speaks of super().
Wire.__setattr__ = _frozen  # type: ignore[assignment,method-assign]  # a method may be replaced
Wire.__delattr__ = _frozen  # type: ignore[assignment,method-assign]  # as above


def _refuse(sign: str) -> Callable[..., Any]:
    """Return a method that says that an operation has no gate."""

    def method(self: Wire, *others: Any) -> Any:
        raise TypeError(f"no gate for {sign} on wires; a wire's value is wire.value")

    return method


for _names, _sign in {
    "rpow": "a number ** x",
    "mod rmod": "%",
    "floordiv rfloordiv": "//",
    "divmod rdivmod": "divmod()",
    "lt gt": "x > y (np.maximum(x, y) is the larger)",
    "le ge": "x >= y (np.maximum(x, y) is the larger)",
    "abs": "abs()",
    "getitem": "x[i]",
    "bool": "true or false",
    "float": "float()",
    "and rand": "&",
    "or ror": "|",
    "invert": "~",
}.items():
    for _name_ in _names.split():
        setattr(Wire, f"__{_name_}__", _refuse(_sign))


def _is_number(other: Any) -> bool:
    """Return whether it is one real number."""
    return isinstance(other, numbers.Real) or (isinstance(other, np.ndarray) and other.ndim == 0)


def _name(thing: Any) -> str:
    """Return what came, for a message."""
    return f"the wire {thing}" if isinstance(thing, Wire) else f"{thing!r} ({type(thing).__name__})"
