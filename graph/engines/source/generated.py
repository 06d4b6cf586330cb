"""The engine of generated code: it traces the gates at the first call, and from then on runs the code written then.

There is a specialization of the code for each set of shapes and dtypes.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from gates.validation import check_inputs
from gates.values import Value
from graph.engines.engine import Engine, Plain, no_garbage_collection, placeholder
from graph.engines.program import Program
from graph.engines.source.fast_call import FastCall
from graph.engines.source.source import FUNCTION, Source, source_of
from graph.engines.source.writing import is_keyword_argument
from graph.engines.trace.trace import Trace
from graph.passes.arguments import upstream_gradient
from graph.passes.passes import run_alone, run_forward
from graph.passes.schedule import Call
from graph.structure.entries import Input

_KEPT = 16  # specializations
_FEW = 64  # entries for which a call by keywords is worth a function of its own
_MOST_WRITTEN_TWICE = 10_000  # gates whose code is also written without calls for numbers


class Generated(Engine):
    """Runs the code that `graph.to_source()` shows, written at the first call, and again for other shapes or dtypes."""

    name = "source"

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._specializations: dict[Any, Specialization] = {}
        self.count = 0  # how many specializations there have been
        self._fast_call: FastCall | None = None

    def function(self, engine: Engine | None = None) -> Any:
        """Return the engine as a function that takes the inputs as keywords of its own, which Python passes on faster.

        It may be the function of another `engine`, which has this one run.
        """
        engine = engine or self
        inputs = ["".join(name) for name, gate, _ in self.program.entries if isinstance(gate, Input)]
        if len(self.program.entries) > _FEW or not inputs or not all(map(is_keyword_argument, inputs)):
            return engine.__call__
        self._fast_call = FastCall(engine, inputs)
        return self._fast_call.function

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        entries = values[: len(self.program.entries)]
        key = tuple([float if type(x) is float else (type(x), x.dtype, x.shape, _layout(x)) for x in entries])
        specialization = self._specializations.get(key)
        if specialization is None:
            with no_garbage_collection():
                specialization = Specialization(self.program, entries)
            if len(self._specializations) == _KEPT:
                del self._specializations[next(iter(self._specializations))]
            self._specializations[key] = specialization
            self.count += 1
            if self._fast_call is not None and specialization.can_be_inlined:
                self._fast_call.inline(specialization.fast, self.program.entries)
        return specialization.run(entries, upstream)


def _layout(array: Any) -> Any:
    """Return how an array lies in memory, which sums depend on in the last digits."""
    return None if not isinstance(array, np.ndarray) or array.flags.c_contiguous else array.strides


class Specialization:
    """The code for entries of certain shapes and dtypes.

    Parameters
    ----------
    program : Program
        The program.
    entries : list of float or array
        Such entries.
    """

    def __init__(self, program: Program, entries: list[Value]) -> None:
        self.program = program
        for (name, _, _), value in zip(program.entries, entries):
            if type(value) is not float and not isinstance(value, (np.ndarray, np.generic)):
                raise TypeError(
                    f"the source engine computes with numbers and NumPy arrays, got {type(value).__name__} for "
                    f"{name!r}; graph.compile('jax') computes with those of JAX"
                )
        trace = Trace(program, entries)
        output = trace.output.value
        self.of_numbers = all(type(value) is float for value in [*entries, output])
        self.like = output if type(output) is float else np.zeros_like(output)  # laid out alike, as upstream will be
        self.checks = [
            (call, [placeholder(values.value) for values in trace.inputs_of(call)])
            for call in program.label_checks
            if call.node not in trace.objects
        ]
        self.exact = source_of(trace)
        few = len(program.rows) <= _MOST_WRITTEN_TWICE and not self.exact.objects  # objects are to run but once
        self.fast = source_of(trace, fast=True) if few else self.exact
        self._gate_by_gate = Plain(program)
        self.slots = [slot for _, slot in self.exact.arguments]
        calls = {call.node: call for call in program.calls}
        self._objects = {argument: _Called(calls[node]) for node, argument in self.exact.objects.items()}
        self._constants = {slot: entries[slot] for _, slot in self.exact.constants}
        self.function = self._function(self.fast)

    @property
    def can_be_inlined(self) -> bool:
        """Whether the code is of numbers, has names that no input has, and can run without anything around it."""
        inputs = [name for name, gate, _ in self.program.entries if isinstance(gate, Input)]
        has_own_names = self.fast is not self.exact and set(inputs).isdisjoint(self.fast.functions)
        return self.of_numbers and has_own_names and not self.checks

    @functools.cached_property
    def _exact_function(self) -> Any:
        return self._function(self.exact)

    def _function(self, source: Source) -> Any:
        """Return the function of generated code, with the constants and the gates that are its arguments filled in."""
        space: dict[str, Any] = {}
        exec(compile(source.text, "<both passes, generated>", "exec"), space)
        function = space[FUNCTION]
        constants = {argument: self._constants[slot] for argument, slot in source.constants}
        function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), **constants, **self._objects}
        return function

    def run(self, entries: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        """Run the code."""
        for call, inputs in self.checks:
            for port in call.gate.labels:
                inputs[port] = entries[call.sources[port]]
            check_inputs(call.gate, inputs, f"{call.node} ({type(call.gate).__name__})")
        arguments = [entries[slot] for slot in self.slots]
        fast, exact = {}, {}
        if upstream is not None or type(self.like) is not float:
            dz = upstream_gradient(upstream, self.like, self.program)
            fast, exact = {self.fast.upstream: dz}, {self.exact.upstream: dz}
        found: tuple[Value, dict[str, Value]]
        try:
            found = self.function(*arguments, **fast)
        except (ArithmeticError, ValueError):
            try:
                if self.fast is self.exact:
                    raise
                found = self._exact_function(*arguments, **exact)
            except Exception:
                found = self._run_gate_by_gate(entries, upstream)
        except Exception:
            found = self._run_gate_by_gate(entries, upstream)
        return found

    def _run_gate_by_gate(self, entries: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        """Run both passes as the graph does: an error has the name of its gate then."""
        empty = [None] * (self.program.size - len(entries))
        return self._gate_by_gate.run([*entries, *empty], upstream)


class _OtherGradients(Exception):
    """A gate gives no gradient where it gave one when the code was written, or the other way round."""


class _Called:
    """A gate that generated code calls as an object, in the same way as the passes do."""

    def __init__(self, call: Call) -> None:
        self.gives: list[bool] | None = None  # for each input, whether it gives a gradient
        self.call = call.alone()
        self.values: list[Value] = []

    def forward(self, *inputs: Value) -> Any:
        """Return the output, or a list of the outputs."""
        self.values = [*inputs, *[None] * self.call.outputs]
        run_forward([self.call], self.values)
        return self.values[-1] if self.call.outputs == 1 else self.values[self.call.out :]

    def backward(self, *upstream: Value) -> list[Any]:
        """Return the gradients."""
        gradients = run_alone(self.call, self.values, list(upstream))
        gives = [gradient is not None for gradient in gradients]
        if self.gives is None:
            self.gives = gives
        if gives != self.gives:
            raise _OtherGradients
        return gradients
