"""The engine of generated code: it traces the gates at the first call, and runs the code of that trace from then on.

There is a specialization of the code for each set of shapes and dtypes that comes often.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from gates.values import Value
from graph.engines.engine import Engine, Plain, check_labels, placeholder
from graph.engines.program import Program
from graph.engines.source.arrays import fast_source_of
from graph.engines.source.fast_call import FastCall
from graph.engines.source.source import FUNCTION, Source, source_of
from graph.engines.source.writing import is_keyword_argument
from graph.engines.trace.trace import Trace
from graph.passes.arguments import upstream_gradient
from graph.passes.run import run_alone, run_forward
from graph.passes.schedule import Call, no_garbage_collection
from graph.structure.entries import Input

_MOST = 16  # specializations
_RARE = 8  # calls, from which on shapes and dtypes get code of their own, if others have it
_FEW = 64  # entries, up to which a function with keyword parameters is faster
_MOST_INLINED = 1000  # gates, up to which saving a call is worth compiling the code once more


class Generated(Engine):
    """Runs what `graph.to_source()` shows, written to be fast at the first call, and again for other shapes or dtypes.

    These run gate by gate until they have come some times: the last, shorter minibatch of an epoch is not worth code.
    """

    name = "source"

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._specializations: dict[Any, Specialization] = {}
        self._rare: dict[Any, int] = {}  # how often shapes and dtypes have come for which there is no code
        self._fast_call: FastCall | None = None

    def function(self, engine: Engine | None = None) -> Any:
        """Return the engine as a function with a keyword parameter for each input, which Python calls faster.

        It may be the function of another `engine` that lets this one run.
        """
        engine = engine or self
        inputs = ["".join(name) for name, gate, _ in self.program.entries if isinstance(gate, Input)]
        if len(self.program.entries) > _FEW or not inputs or not all(map(is_keyword_argument, inputs)):
            return engine.__call__
        self._fast_call = FastCall(engine, inputs)
        return self._fast_call.function

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        entries = values[: len(self.program.entries)]
        key = tuple([float if type(x) is float else _form(x) for x in entries])
        specialization = self._specializations.get(key)
        if specialization is None:
            self._check_types(entries)
            if self._is_rare(key):
                return Plain(self.program).run(values, upstream)
            with no_garbage_collection():
                specialization = Specialization(self.program, entries)
            self._specializations[key] = specialization
            if self._fast_call is not None and specialization.can_be_inlined:
                self._fast_call.inline(specialization.source, self.program.entries)
        return specialization.run(entries, upstream)

    def _check_types(self, entries: list[Value]) -> None:
        """Raise TypeError for arrays that are not NumPy's."""
        for (name, _, _), value in zip(self.program.entries, entries):
            if type(value) is not float and not isinstance(value, (np.ndarray, np.generic)):
                raise TypeError(
                    f"the source engine computes with numbers and NumPy arrays, got {type(value).__name__} for "
                    f"{name!r}; graph.compile('jax') computes with those of JAX"
                )

    def _is_rare(self, key: Any) -> bool:
        """Return whether these shapes and dtypes are too rare for code of their own, or too many others have it."""
        if not self._specializations:
            return False
        if len(self._specializations) == _MOST:
            return True
        if len(self._rare) == _RARE * _MOST:
            self._rare.clear()
        self._rare[key] = self._rare.get(key, 0) + 1
        return self._rare[key] < _RARE


def _form(array: Any) -> Any:
    """Return what code depends on: the memory layout too, since the last digits of sums depend on it."""
    return type(array), array.dtype, array.shape, getattr(array, "strides", None)


class Specialization:
    """The code for entries of certain shapes and dtypes.

    Parameters
    ----------
    program : Program
        The program.
    entries : list of float or array
        Entries of these shapes and dtypes.
    """

    def __init__(self, program: Program, entries: list[Value]) -> None:
        self.program = program
        trace = Trace(program, entries)
        output = trace.output.value
        self.of_numbers = all(type(value) is float for value in [*entries, output])
        self.like = output if type(output) is float else np.zeros_like(output)  # of the same memory layout
        self.checks = [
            (call, [placeholder(values.value) for values in trace.inputs_of(call)])
            for call in program.label_checks
            if call.node not in trace.objects
        ]
        self.is_fast = not trace.objects  # what raises is run again, and objects may run only once
        self.source = fast_source_of(trace) if self.is_fast else source_of(trace)
        self._slots = [slot for _, slot in self.source.arguments]
        calls = {call.node: call for call in program.calls}
        self._objects = {argument: _GateObject(calls[node]) for node, argument in self.source.objects.items()}
        self._function = self._function_of(self.source, entries)
        self._exact: tuple[Any, Source] | None = None

    @property
    def can_be_inlined(self) -> bool:
        """Whether the code is of numbers, needs no checks, and calls no function that has the name of an input."""
        inputs = [name for name, gate, _ in self.program.entries if isinstance(gate, Input)]
        is_short = self.is_fast and len(self.program.rows) <= _MOST_INLINED
        return self.of_numbers and is_short and not self.checks and set(inputs).isdisjoint(self.source.functions)

    def _function_of(self, source: Source, entries: list[Value]) -> Any:
        """Return the function of generated code, with the constants and the gates that are its arguments filled in."""
        space: dict[str, Any] = {}
        exec(compile(source.text, "<both passes, generated>", "exec"), space)
        function = space[FUNCTION]
        constants = {argument: entries[slot] for argument, slot in source.constants}
        function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), **constants, **self._objects}
        return function

    def _exact_code(self, entries: list[Value]) -> tuple[Any, Source]:
        """Return the function of code that has an answer wherever IEEE arithmetic has one, and that code."""
        if self._exact is None:
            source = source_of(Trace(self.program, entries))
            self._exact = self._function_of(source, entries), source
        return self._exact

    def run(self, entries: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        """Run the code: the fast one, the exact one if that raises an arithmetic error, or else gate by gate."""
        for call, inputs in self.checks:
            check_labels(call, inputs, entries)
        arguments = [entries[slot] for slot in self._slots]
        dz = None
        if upstream is not None or type(self.like) is not float:
            dz = upstream_gradient(upstream, self.like, self.program)
        found: tuple[Value, dict[str, Value]]
        try:
            found = self._function(*arguments, **({} if dz is None else {self.source.upstream: dz}))
            return found
        except Exception as error:
            tries_exact = self.is_fast and isinstance(error, (ArithmeticError, ValueError))
        if tries_exact:
            with suppress(Exception):
                function, source = self._exact_code(entries)
                found = function(*arguments, **({} if dz is None else {source.upstream: dz}))
                return found
        return self._run_gate_by_gate(entries, upstream)

    def _run_gate_by_gate(self, entries: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        """Run both passes as the graph does, so that an error names its gate."""
        empty = [None] * (self.program.size - len(entries))
        return Plain(self.program).run([*entries, *empty], upstream)


class _OtherGradients(Exception):
    """A gate returns None for other gradients than when its code was generated."""


class _GateObject:
    """A gate that generated code calls as an object: it runs as in the passes of the graph."""

    def __init__(self, call: Call) -> None:
        self._call = call.alone()
        self._values: list[Value] = []
        self._missing: list[bool] | None = None  # which gradients are None

    def forward(self, *inputs: Value) -> Any:
        """Return the output, or a list of the outputs."""
        self._values = [*inputs, *[None] * self._call.outputs]
        run_forward([self._call], self._values)
        return self._values[-1] if self._call.outputs == 1 else self._values[self._call.out :]

    def backward(self, *upstream: Value) -> list[Any]:
        """Return the gradients."""
        gradients = run_alone(self._call, self._values, list(upstream))
        missing = [gradient is None for gradient in gradients]
        if self._missing not in (None, missing):
            raise _OtherGradients
        self._missing = missing
        return gradients
