"""The NumPy functions that have gates: NumPy calls this module when an argument is a wire."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gates import Abs, Concatenate, Cos, Exp, Gate, Log, Max, Min, Reciprocal, Sin, Sqrt, Square, Stack, Tanh, Where
from graph.structure.advice import advice

_OPERATOR_OF: dict[Any, str] = {
    np.add: "add",
    np.subtract: "sub",
    np.multiply: "mul",
    np.divide: "truediv",
    np.power: "pow",
    np.matmul: "matmul",
    np.negative: "neg",
    np.positive: "pos",
}
_GATE_OF: dict[Any, type[Gate]] = {
    np.exp: Exp,
    np.log: Log,
    np.sqrt: Sqrt,
    np.square: Square,
    np.reciprocal: Reciprocal,
    np.tanh: Tanh,
    np.sin: Sin,
    np.cos: Cos,
    np.absolute: Abs,
    np.maximum: Max,
    np.minimum: Min,
}


def _where(condition: Any, x: Any, y: Any) -> Any:
    """Return x where a condition holds, else y."""
    wires = [one for one in (x, y) if hasattr(one, "graph")]
    if not wires or hasattr(condition, "graph") or np.asarray(condition).dtype != bool:
        raise TypeError("a condition must be an array of booleans; Where() takes x where a wire is > 0")
    return wires[0].graph.add(Where(), np.asarray(condition, dtype=float), x, y)


def _joined(gate: Gate, wires: Any) -> Any:
    """Return wires and arrays joined by a gate."""
    first = next(wire for wire in wires if hasattr(wire, "graph"))
    return first.graph.add(gate, *wires)


_METHOD_OF: dict[Any, Callable[..., Any]] = {
    np.max: lambda x, axis=None, *, keepdims=False: x.max(axis, keepdims=keepdims),
    np.min: lambda x, axis=None, *, keepdims=False: x.min(axis, keepdims=keepdims),
    np.var: lambda x, axis=None, *, keepdims=False: x.var(axis, keepdims=keepdims),
    np.clip: lambda x, a_min=None, a_max=None: x.clip(a_min, a_max),
    np.where: _where,
    np.concatenate: lambda arrays, axis=0: _joined(Concatenate(axis), arrays),
    np.stack: lambda arrays, axis=0: _joined(Stack(axis), arrays),
    np.sum: lambda x, axis=None, *, keepdims=False: x.sum(axis, keepdims=keepdims),
    np.mean: lambda x, axis=None, *, keepdims=False: x.mean(axis, keepdims=keepdims),
    np.transpose: lambda x, axes=None: x.transpose(axes),
    np.reshape: lambda x, shape: x.reshape(shape),
}
_WITH_GATES = "these NumPy functions have gates: " + ", ".join(
    sorted(function.__name__ for function in [*_OPERATOR_OF, *_GATE_OF, *_METHOD_OF])
)
_METHOD_OF |= {np.amax: _METHOD_OF[np.max], np.amin: _METHOD_OF[np.min]}  # other names of the same


def apply_ufunc(wire: Any, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Apply a ufunc to inputs, `wire` among them, by the operator that it equals or by its gate."""
    operator = _OPERATOR_OF.get(ufunc)
    gate = _GATE_OF.get(ufunc)
    if method != "__call__" or options or (operator is None and gate is None):
        extra = "" if method == "__call__" else f".{method}"
        extra += f" with {', '.join(options)}=" if options else ""
        raise TypeError(f"no gate for np.{ufunc.__name__}{extra}; {_WITH_GATES}")
    if gate is not None:
        return wire.graph.add(gate(), *inputs)
    first, *others = inputs
    if type(first) is type(wire):
        return getattr(first, f"__{operator}__")(*others)
    return getattr(others[0], f"__r{operator}__")(first)


def apply_function(function: Any, args: Any, kwargs: Any) -> Any:
    """Apply a NumPy function that is not a ufunc to wires."""
    method = _METHOD_OF.get(function)
    if method is None:
        raise TypeError(f"no gate for np.{function.__name__}{advice(function.__name__)}; {_WITH_GATES}")
    try:
        inspect.signature(method).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"no gate for np.{function.__name__} with these arguments: {error}") from None
    return method(*args, **kwargs)
