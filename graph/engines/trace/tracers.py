"""Tracers: values that write down what is done to them.

A gate's formula that is run on tracers leaves the operations that it is made of. A tracer carries the number or the
array that it stands for, so that shapes and dtypes are known, and formulas that ask for them go on as ever. What
asks for the numbers themselves (`if x > 0`, `float(x)`) cannot be written down as operations, and is `Untraceable`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gates import scalar_math
from gates.values import as_value
from graph.engines.trace.literals import Untraceable, literal

_FLOAT64 = np.dtype(np.float64)


class Tracer:
    """A value, and the operation that it comes from.

    Parameters
    ----------
    tape : list of Tracer
        Where operations are written down, in their order.
    operation : str
        A sign such as "+", the name of a function such as "np.exp", a method's such as ".sum", or what stands in
        `graph.engines.source.writing`.
    operands : tuple
        Tracers, the text of literals, and tuples and lists of them.
    options : dict
        Operands by name.
    value : float or array
        The result.
    """

    __slots__ = (
        "crosses",
        "hint",
        "level",
        "name",
        "operands",
        "operation",
        "options",
        "reads",
        "section",
        "tape",
        "text",
        "uses",
        "value",
    )

    def __init__(
        self, tape: list[Tracer], operation: str, operands: tuple[Any, ...], options: dict[str, Any], value: Any
    ) -> None:
        self.tape = tape
        self.operation = operation
        self.operands = operands
        self.options = options
        self.value = value
        self.reads = _tracers_in(operands) + (_tracers_in(options.values()) if options else [])
        tape.append(self)
        self.hint = ""  # what the formula calls it
        self.section = -1  # which gate in which pass it belongs to
        self.uses = 0  # by operations that are needed
        self.crosses = False  # whether another gate uses it
        self.name = ""  # the variable that holds it, where it has one
        self.text, self.level = "", 0  # how it is written, and how tightly that binds

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
    """A namespace of functions which write down what they are given.

    Parameters
    ----------
    tape : list of Tracer
        Where.
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
        """Write down how what a formula gave becomes a value, as `gates.values.as_value` makes it one."""
        value = as_value(tracer.value)
        if value is tracer.value:
            return tracer
        if type(value) is float:
            return Tracer(self._tape, "float", (tracer,), {}, value)
        if isinstance(value, np.ndarray):
            return Tracer(self._tape, ".astype()", (tracer, operand(value.dtype)), {}, value)
        return Tracer(self._tape, "[]", (tracer, ()), {}, value)


def traced(tape: list[Tracer], operation: str, function: Callable[..., Any], args: Any, options: dict[str, Any]) -> Any:
    """Return a tracer of what a function gives, or the thing itself where it is no number and no array."""
    if "out" in options or (operation == "**" and not _stays_real(*args)):
        raise Untraceable("it writes into an array" if "out" in options else "x**p of numbers can be complex")
    has_tracers = bool(_tracers_in(args) or (options and _tracers_in(options.values())))
    result = function(*_values(args), **_values(options))
    if operation in _IDENTITIES and isinstance(args[0], Tracer) and result is args[0].value:
        return args[0]
    if operation in ("number.zeros_like", "number.ones_like"):
        return Tracer(tape, "literal", (operand(result),), {}, result)
    if isinstance(result, (np.ndarray, np.generic)) or (has_tracers and type(result) in (float, bool)):
        if isinstance(result, np.ndarray) and not any(result is given for given in [*args, *_values(list(args))]):
            result.flags.writeable = False  # what writes into it raises, and cannot be traced
        return Tracer(tape, operation, tuple(map(operand, args)), {n: operand(x) for n, x in options.items()}, result)
    if has_tracers and not isinstance(result, np.dtype):
        raise Untraceable(f"{operation} gives a {type(result).__name__}")
    return result


def _stays_real(x: Any, p: Any, modulus: Any = None) -> bool:
    """Return whether x**p of numbers is a number for every x, as that of arrays is."""
    if (type(p) in (int, float) and float(p).is_integer()) or (type(x) in (int, float) and x > 0):
        return True
    return any(isinstance(side.value, (np.ndarray, np.generic)) for side in _tracers_in((x, p)))


def operand(thing: Any) -> Any:
    """Return a tracer as it is, the text of a literal, or a tuple, list or slice with these in it."""
    if isinstance(thing, Tracer):
        return thing
    if type(thing) in (tuple, list):
        return type(thing)([operand(part) for part in thing])
    if type(thing) is slice:
        return slice(*[None if part is None else operand(part) for part in (thing.start, thing.stop, thing.step)])
    return literal(thing)


def _values(thing: Any) -> Any:
    """Return the values that tracers stand for, also within tuples, lists and dicts."""
    if type(thing) is Tracer:
        return thing.value
    if type(thing) in (tuple, list):
        return type(thing)([_values(part) for part in thing])
    if type(thing) is dict:
        return {key: _values(part) for key, part in thing.items()}
    return slice(*map(_values, (thing.start, thing.stop, thing.step))) if type(thing) is slice else thing


def _tracers_in(things: Any) -> list[Tracer]:
    """Return the tracers among things, also within tuples, lists and slices."""
    found = []
    for thing in things:
        if type(thing) is Tracer:
            found.append(thing)
        elif type(thing) in (tuple, list):
            found += _tracers_in(thing)
        elif type(thing) is slice:
            found += _tracers_in((thing.start, thing.stop, thing.step))
    return found


def _define(name: str, operation: str, function: Callable[..., Any]) -> None:
    """Give tracers an operator."""

    def method(self: Tracer, *others: Any) -> Any:
        if (
            operation != "**"
            and others
            and type(others[0]) is Tracer
            and type(self.value) is type(others[0].value) is float
        ):
            return Tracer(self.tape, operation, (self, *others), {}, function(self.value, others[0].value))
        return traced(self.tape, operation, function, (self, *others), {})

    def reflected(self: Tracer, other: Any) -> Any:
        return traced(self.tape, operation, function, (other, self), {})

    setattr(Tracer, f"__{name}__", method)
    if name not in ("neg", "pos", "abs", "invert", "lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Tracer, f"__r{name}__", reflected)


for _name, _sign in {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "matmul": "@",
    "pow": "**",
    "and": "&",
    "or": "|",
    "xor": "^",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "neg": "negative",
    "pos": "positive",
    "invert": "~",
    "abs": "abs",
}.items():
    _define(_name, _sign, abs if _name == "abs" else getattr(operator, f"__{_name}__"))
Tracer.__hash__ = object.__hash__  # type: ignore[method-assign]  # an == of its own takes it away

_IDENTITIES = ("np.asarray", *[f"number.{name}" for name in ("asarray", "permute_dims", "reshape", "sum", "mean")])
