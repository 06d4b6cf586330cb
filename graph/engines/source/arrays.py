"""Generated code for arrays, written to be run: the same operations on the same numbers, in less time.

What makes it faster changes no bit of the results:

- An operation that occurs twice is done once.
- What depends on nothing that is given is computed once, before the function.
- A new array that nothing reads any more takes the result of the operation that read it last.
- Sums, means and extremes are those of the ufuncs, without the functions of NumPy around them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graph.engines.source.source import Source, Writer
from graph.engines.source.writing import ATOM, PRODUCT, SIGNS, Writing
from graph.engines.trace.trace import Trace
from graph.engines.trace.tracers import Tracer, mapped

_INTO = {"+": "np.add", "-": "np.subtract", "*": "np.multiply", "/": "np.divide"}
_REDUCTIONS = {"np.sum": "np.add", "np.max": "np.maximum", "np.min": "np.minimum"}
#: Operations whose result is a new array, besides the ufuncs; what others give may be a view.
_MAKE_ARRAYS = {*SIGNS, *_REDUCTIONS, "negative", "~", "np.where", "np.mean", "np.argmax", "np.take_along_axis"}
_MANY = 2000  # numbers, from which on choosing by bits is faster than by branches
_OPTIONS = {"axis", "keepdims"}
_BITS = {np.dtype(np.float64): "np.int64", np.dtype(np.float32): "np.int32"}  # integers of the same size
_NAMES = ("output", "gradient")  # operations that only name what they read


def fast_source_of(trace: Trace) -> Source:
    """Write the code of a trace that runs fastest; gates in it that are called as objects would be in the way."""
    has_arrays = any(isinstance(tracer.value, np.ndarray) for tracer in trace.tape)
    return (ArrayWriter(trace) if has_arrays else Writer(trace, fast=True)).source()


class ArrayWriter(Writer):
    """Writes the fast code of a trace with arrays."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace, fast=True)
        self.writing = _OfArrays(fast=True)
        self._same: dict[int, Tracer] = {}  # by id: the first tracer that is the same
        self._last: dict[int, int] = {}  # by id: the place on the tape that is the last to read it, or a view of it
        self._places: dict[int, int] = {}
        self._constant: set[int] = set()  # ids of what depends on nothing that is given
        self._masks: dict[Any, str] = {}  # the variables of masks as integers
        self._merge()
        self._find_last_uses()

    def _merge(self) -> None:
        """Find operations that are done twice, and those on nothing that is given."""
        kept = {id(self._named(tracer)) for tracer in self._returned}  # each is an array of its own
        known: dict[Any, Tracer] = {}
        for tracer in self.trace.tape:
            if not tracer.uses or tracer.operation == "variable":
                continue
            first = self._first(self._named(tracer))
            if first is tracer and id(tracer) not in kept:
                operands = mapped(self._identity, (tracer.operands, *tracer.options.items()))
                first = known.setdefault((tracer.operation, repr(operands)), tracer)
                if all(id(self._first(operand)) in self._constant for operand in tracer.reads):
                    self._constant.add(id(tracer))
            if first is not tracer:
                self._same[id(tracer)] = first
                first.uses += tracer.uses

    def _find_last_uses(self) -> None:
        """Find out for each new array which operation is the last that may read it, through views of it too."""
        behind: dict[int, set[int]] = {}  # by id of a tracer: the ids of the new arrays that it may show
        for place, tracer in enumerate(self.trace.tape):
            if not tracer.uses or self._first(tracer) is not tracer:
                continue
            self._places[id(tracer)] = place
            shown: set[int] = set().union(*[behind.get(id(self._first(operand)), ()) for operand in tracer.reads])
            for one in shown:
                self._last[one] = place
            behind[id(tracer)] = {id(tracer)} if self._makes_array(tracer) else shown
        for tracer in self._returned:
            for one in behind.get(id(self._first(tracer)), ()):
                self._last[one] = len(self.trace.tape)

    @property
    def _returned(self) -> list[Tracer]:
        """What the function returns."""
        return [self.trace.output, *self.trace.gradients.values()]

    def _named(self, tracer: Tracer) -> Tracer:
        """Return what an operation names, if it only names something."""
        while tracer.operation in _NAMES:
            tracer = tracer.operands[0]
        return tracer

    def _first(self, tracer: Tracer) -> Tracer:
        """Return the first of the tracers that are the same as this one."""
        return self._same.get(id(tracer), tracer)

    def _identity(self, part: Any) -> Any:
        """Return what tells tracers apart; anything else as it is."""
        return id(self._first(part)) if isinstance(part, Tracer) else part

    def _makes_array(self, tracer: Tracer) -> bool:
        """Return whether the result is a new array, which is no view of another."""
        if not isinstance(tracer.value, np.ndarray) or not tracer.value.ndim or id(tracer) in self._constant:
            return False
        return tracer.operation in _MAKE_ARRAYS or _is_ufunc(tracer.operation)

    def _shapes(self) -> list[str]:
        return []  # the code runs for these shapes alone

    def _operations(self, operations: list[Tracer]) -> None:
        """Write operations, each as a statement unless it is a view or a number."""
        for tracer in operations:
            first = self._first(tracer)
            if not tracer.uses or tracer.operation == "variable":
                continue
            if first is not tracer:  # which has been written before
                tracer.text, tracer.level = first.text, first.level
                continue
            into = next((operand for operand in tracer.reads if self._is_free(operand, tracer)), None)
            if into is not None:
                self._write_into(into, tracer)
                continue
            tracer.text, tracer.level = self._text(tracer)
            if id(tracer) in self._constant and (tracer.operation != "literal" or isinstance(tracer.value, np.ndarray)):
                tracer.text, tracer.level = self._constant_of(tracer.text), ATOM
            elif not (self._is_cheap(tracer) or tracer.text.isidentifier()):
                self._hold(tracer)

    def _text(self, tracer: Tracer) -> tuple[str, int]:
        """Return the text of an operation, and how tightly it binds."""
        if tracer.operation == "np.take_along_axis" and list(tracer.options) == ["axis"]:
            x, columns = tracer.reads
            if x.ndim == columns.ndim == 2 and tracer.options["axis"] in ("1", "-1"):
                rows = self._constant_of(f"np.arange({len(x.value)})[:, None]")
                return f"{x.text}[{rows}, {self.writing.part(columns)}]", ATOM
        return self.writing.of(tracer)

    def _constant_of(self, text: str) -> str:
        """Return the variable of something that is computed once, before the function."""
        if text not in self.fixed:
            self.fixed[text] = self.names.new("")
        return self.fixed[text]

    def _is_free(self, operand: Tracer, tracer: Tracer) -> bool:
        """Return whether an operand's array may take the result: a new one of the same form, not read again."""
        if self._last.get(id(self._first(operand))) != self._places[id(tracer)] or tracer.options:
            return False
        if not isinstance(tracer.value, np.ndarray) or _form(operand.value) != _form(tracer.value):
            return False
        if tracer.operation == "np.where":
            where, number, other = tracer.operands
            is_zero = isinstance(number, str) and number == "0.0"  # tracers can be compared, too
            is_like = isinstance(where, Tracer) and where.shape == operand.shape and operand.dtype in _BITS
            return is_zero and is_like and other is operand and operand.size >= _MANY
        return tracer.operation in _INTO or _is_ufunc(tracer.operation)

    def _write_into(self, operand: Tracer, tracer: Tracer) -> None:
        """Write an operation whose result takes the place of an operand."""
        sign, operands = tracer.operation, tracer.operands
        if sign == "np.where":
            # Of a float, all bits or none: np.where branches, which takes four times as long where signs are random.
            integers = _BITS[operand.dtype]
            bits, mask = self.names.new(""), (id(self._first(operands[0])), integers)
            if mask not in self._masks:
                self._masks[mask] = self.names.new("")
                self.lines.append(
                    f"    {self._masks[mask]} = ({operands[0].text}.view(np.int8) - 1).astype({integers})"
                )
            self.lines.append(f"    {bits} = {operand.text}.view({integers})")
            self.lines.append(f"    {bits} &= {self._masks[mask]}")
        elif sign in _INTO and (operands[0] is operand or sign in "+*"):
            other = operands[operands[0] is operand]
            self.lines.append(f"    {operand.text} {sign}= {self.writing.part(other)}")
        else:
            given = ", ".join(map(self.writing.part, operands))
            self.lines.append(f"    {_INTO.get(sign, sign)}({given}, out={operand.text})")
        tracer.text, tracer.level = operand.text, ATOM

    def _is_cheap(self, tracer: Tracer) -> bool:
        """Return whether an operation reads no array, or only shows it in another form."""
        if not isinstance(tracer.value, np.ndarray):
            return not any(isinstance(operand.value, np.ndarray) for operand in tracer.reads) and tracer.uses == 1
        return tracer.operation in (".mT", ".T", "literal")


class _OfArrays(Writing):
    """Writes operations on arrays as NumPy does them fastest."""

    def of(self, tracer: Tracer) -> tuple[str, int]:
        x = tracer.operands[0] if len(tracer.operands) == len(tracer.reads) == 1 else None
        if (
            not isinstance(x, Tracer)
            or type(x.value) is not np.ndarray
            or not set(tracer.options) <= {"axis", "keepdims"}
        ):
            return super().of(tracer)
        if tracer.operation == "np.expand_dims" and x.ndim and str(tracer.options.get("axis")).lstrip("-").isdigit():
            axis = int(tracer.options["axis"]) % (x.ndim + 1)
            return f"{self.part(x)}[{':, ' * axis}None]", ATOM
        if tracer.operation in ("np.argmax", "np.argmin"):
            options = [f"{name}={self.part(option)}" for name, option in tracer.options.items()]
            return f"{self.part(x)}.{tracer.operation.removeprefix('np.')}({', '.join(options)})", ATOM
        if tracer.operation in _REDUCTIONS:
            return self._reduced(_REDUCTIONS[tracer.operation], tracer), ATOM
        if tracer.operation == "np.mean" and x.dtype == np.float64 and tracer.value.size:
            return f"{self._reduced('np.add', tracer)} / {x.size // tracer.value.size}", PRODUCT
        return super().of(tracer)

    def _reduced(self, ufunc: str, tracer: Tracer) -> str:
        """Return the text of a reduction, whose default is one axis alone where NumPy's functions take all."""
        options = [f"{name}={self.part(option)}" for name, option in ({"axis": "None"} | tracer.options).items()]
        return f"{ufunc}.reduce({self.part(tracer.operands[0])}, {', '.join(options)})"


def _is_ufunc(operation: str) -> bool:
    """Return whether an operation is one of NumPy's elementwise functions, with one result."""
    function = getattr(np, operation.removeprefix("np."), None) if operation.startswith("np.") else None
    return isinstance(function, np.ufunc) and function.nout == 1


def _form(array: Any) -> Any:
    """Return the dtype, the shape and the memory layout of an array."""
    return array.dtype, array.shape, array.strides
