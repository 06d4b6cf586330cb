"""Tracers: values that record what is done to them.

Running a gate's formula on tracers leaves the list of its operations. A tracer carries a number or an array, so that
shapes and dtypes are known, and formulas that ask for them work as usual. A formula that asks for the numbers
themselves (`if x > 0`, `float(x)`) cannot be traced, and raises `Untraceable`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gates import scalar_math
from gates.values import as_value
from graph.engines.trace.literals import Untraceable, literal

_FLOAT64 = np.dtype(np.float64)
_IDENTITIES = ("np.asarray", *[f"number.{name}" for name in ("asarray", "permute_dims", "reshape", "sum", "mean")])


@dataclass(slots=True, eq=False, repr=False)
class Tracer:
    """A value, and the operation that it comes from.

    Attributes
    ----------
    tape : list of Tracer
        Where operations are recorded, in order.
    operation : str
        An operator such as "+", the name of a function such as "np.exp", a method's such as ".sum()", or one of the
        operations that only a trace has: "variable", "literal", "output", "gradient", "forward of", "backward of".
    operands : tuple
        Tracers, the text of literals, and tuples, lists and slices of them.
    options : dict
        Operands by name.
    value : float or array
        The result.
    """

    tape: list[Tracer]
    operation: str
    operands: tuple[Any, ...]
    options: dict[str, Any]
    value: Any
    reads: list[Tracer] = field(init=False)  # the tracers among the operands
    hint: str = ""  # what the formula calls it
    section: int = -1  # which gate in which pass it belongs to
    uses: int = 0  # how many operations that are needed read it
    crosses: bool = False  # whether another gate reads it
    name: str = ""  # the variable that holds it, where it has one
    text: str = ""  # its text in generated code
    level: int = 0  # how tightly that binds

    def __post_init__(self) -> None:
        self.reads = _tracers_in(self.operands) + (_tracers_in(self.options.values()) if self.options else [])
        self.tape.append(self)

    def repeated(self, tape: list[Tracer], known: dict[int, Tracer]) -> Tracer:
        """Record the operation again, on the tracers that are known by the ids of its operands."""

        def other(part: Any) -> Any:
            return known.get(id(part), part)

        options = _by_name(other, self.options) if self.options else {}
        return Tracer(tape, self.operation, mapped(other, self.operands), options, self.value)

    def __repr__(self) -> str:
        return f"Tracer({self.operation}, {self.value!r})"

    def __array_namespace__(self, api_version: str | None = None) -> Functions:
        return Functions(self.tape, np if isinstance(self.value, (np.ndarray, np.generic)) else scalar_math)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or getattr(np, ufunc.__name__, None) is not ufunc:
            raise Untraceable(f"{ufunc.__name__}.{method}() cannot be traced")
        return traced(self.tape, f"np.{ufunc.__name__}", ufunc, inputs, options)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        name = getattr(function, "__name__", "")
        if getattr(np, name, None) is not function:
            raise Untraceable(f"{name}() cannot be traced")
        return traced(self.tape, f"np.{name}", function, args, kwargs)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return () if type(self.value) is float else np.shape(self.value)

    @property
    def ndim(self) -> int:
        """How many axes the value has."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many numbers the value has."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> Any:
        """The dtype of the value; float64 for a number."""
        return _FLOAT64 if type(self.value) is float else np.asarray(self.value).dtype

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.value, name, None) if name.isidentifier() and not name.startswith("__") else None
        if found is None or type(self.value) is float:
            raise AttributeError(f"a tracer has no {name!r}")
        if not callable(found):
            return traced(self.tape, f".{name}", lambda x: getattr(x, name), (self,), {})
        return lambda *args, **options: traced(
            self.tape, f".{name}()", lambda x, *rest, **more: getattr(x, name)(*rest, **more), (self, *args), options
        )

    def __getitem__(self, index: Any) -> Any:
        return traced(self.tape, "[]", lambda x, at: x[at], (self, index), {})

    def _refuse(self, *_: Any) -> Any:
        raise Untraceable("it asks for the value of a number, as in `if x > 0` or `float(x)`")

    def __deepcopy__(self, memo: Any) -> Tracer:
        return self

    __bool__ = __float__ = __int__ = __index__ = __iter__ = __len__ = __array__ = __contains__ = _refuse


class Functions:
    """A namespace of functions that record what they are called with.

    Parameters
    ----------
    tape : list of Tracer
        Where they record it.
    functions : module
        The functions themselves.
    """

    def __init__(self, tape: list[Tracer], functions: Any) -> None:
        self._tape = tape
        self._functions = functions
        self.of_numbers = functions is scalar_math

    def __getattr__(self, name: str) -> Any:
        if self.of_numbers and name in ("isdtype", "finfo", "float64", "float32"):
            return getattr(np, name)
        function = getattr(self._functions, name)
        if not callable(function) or isinstance(function, type):
            return function
        kind = "number." if self.of_numbers else "np."
        return lambda *args, **options: traced(self._tape, kind + name, function, args, options)

    def as_value(self, tracer: Tracer) -> Tracer:
        """Record how a formula's result becomes a value, as by `gates.values.as_value`."""
        value = as_value(tracer.value)
        if value is tracer.value:
            return tracer
        if type(value) is float:
            return Tracer(self._tape, "float", (tracer,), {}, value)
        if isinstance(value, np.ndarray):
            return Tracer(self._tape, ".astype()", (tracer, operand(value.dtype)), {}, value)
        return Tracer(self._tape, "[]", (tracer, ()), {}, value)


def traced(tape: list[Tracer], operation: str, function: Callable[..., Any], args: Any, options: dict[str, Any]) -> Any:
    """Return a tracer of a function's result, or the result itself if it is neither a number nor an array."""
    if "out" in options:
        raise Untraceable("it writes into an array")
    if operation == "**" and not _stays_real(*args):
        raise Untraceable("x**p of numbers can be complex")
    has_tracers = bool(_tracers_in(args) or (options and _tracers_in(options.values())))
    values = mapped(value_of, tuple(args))
    result = function(*values, **_by_name(value_of, options))
    if operation in _IDENTITIES and isinstance(args[0], Tracer) and result is args[0].value:
        return args[0]
    if operation == "np.astype" and isinstance(args[0], Tracer) and result.dtype == args[0].dtype:
        return args[0]
    if operation in ("number.zeros_like", "number.ones_like"):
        return Tracer(tape, "literal", (literal(result),), {}, result)
    if isinstance(result, (np.ndarray, np.generic)) or (has_tracers and type(result) in (float, bool)):
        if isinstance(result, np.ndarray) and not any(result is given for given in [*args, *values]):
            result.flags.writeable = False  # what writes into it raises, and cannot be traced
        return Tracer(tape, operation, mapped(operand, tuple(args)), _by_name(operand, options), result)
    if has_tracers and not isinstance(result, np.dtype):
        raise Untraceable(f"{operation} gives a {type(result).__name__}")
    return result


def _stays_real(x: Any, p: Any, modulus: Any = None) -> bool:
    """Return whether x**p is real for every number x; for arrays it always is."""
    if (type(p) in (int, float) and float(p).is_integer()) or (type(x) in (int, float) and x > 0):
        return True
    return any(isinstance(side.value, (np.ndarray, np.generic)) for side in _tracers_in((x, p)))


def mapped(function: Callable[[Any], Any], thing: Any) -> Any:
    """Return a thing with a function applied to it, or to each element of nested tuples, lists and slices."""
    if type(thing) in (tuple, list):
        return type(thing)([mapped(function, part) for part in thing])
    if type(thing) is slice:
        return slice(*[mapped(function, part) for part in (thing.start, thing.stop, thing.step)])
    return function(thing)


def operand(thing: Any) -> Any:
    """Return a tracer as it is, and anything else as the text of a literal."""
    return thing if isinstance(thing, Tracer) else literal(thing)


def value_of(thing: Any) -> Any:
    """Return the value of a tracer, and anything else as it is."""
    return thing.value if type(thing) is Tracer else thing


def _by_name(function: Callable[[Any], Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return options with a function applied to them."""
    return {name: mapped(function, option) for name, option in options.items()}


def _tracers_in(things: Any) -> list[Tracer]:
    """Return the tracers among things, also within tuples, lists and slices."""
    found: list[Tracer] = []
    for thing in things:
        if type(thing) is Tracer:
            found.append(thing)
        elif type(thing) in (tuple, list, slice):
            mapped(lambda part: found.append(part) if type(part) is Tracer else None, thing)
    return found


def _define(name: str, operation: str, function: Callable[..., Any], is_reflected: bool) -> None:
    """Give tracers an operator."""

    def method(self: Tracer, *others: Any) -> Any:
        if operation != "**" and others and type(others[0]) is Tracer:
            other = others[0]
            if type(self.value) is type(other.value) is float:
                return Tracer(self.tape, operation, (self, other), {}, function(self.value, other.value))
        return traced(self.tape, operation, function, (self, *others), {})

    def reflected(self: Tracer, other: Any) -> Any:
        return traced(self.tape, operation, function, (other, self), {})

    setattr(Tracer, f"__{name}__", method)
    if is_reflected:
        setattr(Tracer, f"__r{name}__", reflected)


_UNARY = {"neg": "negative", "pos": "positive", "invert": "~", "abs": "abs"}
_COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "matmul": "@"}
_REFLECTED = _ARITHMETIC | {"pow": "**", "and": "&", "or": "|", "xor": "^"}
for _name, _sign in (_UNARY | _COMPARISONS | _REFLECTED).items():
    _define(_name, _sign, getattr(operator, f"__{_name}__"), _name in _REFLECTED)
