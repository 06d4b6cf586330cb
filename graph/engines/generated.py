"""The engine of generated code: traces the gates at the first call, and runs what it has written from then on."""

from __future__ import annotations

import functools
import keyword
from types import MethodType
from typing import Any

import numpy as np

from gates.doors import check_inputs
from gates.values import Value
from graph.arguments import upstream_gradient
from graph.engines.engine import Engine, no_garbage_collection, stand_in
from graph.engines.plain import Plain
from graph.engines.program import Program
from graph.engines.source import FUNCTION, source_of
from graph.engines.tracing import Trace
from graph.entries import Input, Parameter
from graph.passes import run_alone, run_forward
from graph.schedule import Call

_KEPT = 16  # how many versions, for other shapes or dtypes, are kept
_PLAIN = 10_000  # the largest number of gates whose code is written a second time, without calls for numbers
_RESERVED = {"both_passes", "math", "np", "abs", "float", "type", "ArithmeticError", "ValueError"}
_FEW = 64  # entries for which a call by keywords is worth a function of its own


class Generated(Engine):
    """Runs the code that `graph.to_source()` shows, written at the first call, and again for other shapes or dtypes."""

    name = "source"

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._versions: dict[Any, Version] = {}
        self._space: dict[str, Any] = {}  # what the function that is handed out sees

    def function(self, engine: Engine | None = None) -> Any:
        """Return the engine as a function, with keywords of its own for the inputs, which Python passes on faster.

        It may be the function of another `engine`, which has this one run.
        """
        engine = engine or self
        inputs = ["".join(name) for name, gate, _ in self.program.entries if isinstance(gate, Input)]
        if len(self.program.entries) > _FEW or not inputs or not all(map(_is_keyword, inputs)):
            return engine.__call__
        self._space = {"_run": type(engine).__call__, "_not_given": _NotGiven(), "_owner": engine}
        exec(_with_keywords(inputs, "    pass"), self._space)
        self._space["__call__"].__doc__ = Engine.__call__.__doc__
        return MethodType(self._space["__call__"], engine)

    def _shorten(self, version: Version) -> None:
        """Put the code for Python floats into the function that was handed out: a call less."""
        function = self._space["__call__"]
        inputs, numbers, lines = [], [], [f"{version.plain.upstream} = 1.0"]
        for variable, slot in version.plain.arguments:
            name, gate, _ = self.program.entries[slot]
            if isinstance(gate, Parameter):
                self._space[f"_p{slot}"] = gate
                number = f"_p{slot}.value"
            else:
                number = "".join(name)
                inputs.append(number)
            numbers.append(f"type({number})")
            lines.append(f"{variable} = {number}")
        body = [f"            {line}" for line in lines] + [f"        {line}" for line in version.plain.body]
        of_floats = f"{' is '.join(numbers)} is float"
        short = [
            f"    if {of_floats} and _inputs is _upstream is None and not _others and _self is _owner:",
            "        try:",
            *body,
            "        except (ArithmeticError, ValueError):",
            "            pass",
        ]
        exec(version.plain.text, self._space)  # the functions that the body calls
        exec(_with_keywords(inputs, "\n".join(short)), self._space)
        function.__code__ = self._space["__call__"].__code__

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        entries = values[: len(self.program.entries)]
        key = tuple([float if type(x) is float else (type(x), x.dtype, x.shape, _layout(x)) for x in entries])
        version = self._versions.get(key)
        if version is None:
            with no_garbage_collection():
                version = Version(self.program, entries)
            if len(self._versions) == _KEPT:
                del self._versions[next(iter(self._versions))]
            self._versions[key] = version
            if "__call__" in self._space and version.can_be_shortened:
                self._shorten(version)
        return version.run(entries, upstream)


class Version:
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
            (call, [stand_in(values.value) for values in trace.inputs_of(call)])
            for call in program.label_checks
            if call.node not in trace.objects
        ]
        self.exact = source_of(trace)
        few = len(program.rows) <= _PLAIN and not self.exact.objects  # objects are to run but once
        self.plain = source_of(trace, plain=True) if few else self.exact
        self._gate_by_gate = Plain(program)
        self.slots = [slot for _, slot in self.exact.arguments]
        calls = {call.node: call for call in program.calls}
        self.objects: dict[str, Any] = {argument: _Called(calls[node]) for node, argument in self.exact.objects.items()}
        self.objects.update({argument: entries[slot] for argument, slot in self.exact.constants})
        self.function = _function(self.plain.text, self.objects)

    @property
    def can_be_shortened(self) -> bool:
        """Whether the code is of numbers, has names that no input has, and can run without anything around it."""
        inputs = [name for name, gate, _ in self.program.entries if isinstance(gate, Input)]
        has_own_names = self.plain is not self.exact and set(inputs).isdisjoint(self.plain.functions)
        return self.of_numbers and has_own_names and not self.checks

    @functools.cached_property
    def _exact_function(self) -> Any:
        return _function(self.exact.text, self.objects)

    def run(self, entries: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        """Run the code."""
        for call, inputs in self.checks:
            for port in call.gate.labels:
                inputs[port] = entries[call.sources[port]]
            check_inputs(call.gate, inputs, f"{call.node} ({type(call.gate).__name__})")
        arguments = [entries[slot] for slot in self.slots]
        plain, exact = {}, {}
        if upstream is not None or type(self.like) is not float:
            dz = upstream_gradient(upstream, self.like, self.program)
            plain, exact = {self.plain.upstream: dz}, {self.exact.upstream: dz}
        found: tuple[Value, dict[str, Value]]
        try:
            found = self.function(*arguments, **plain)
        except (ArithmeticError, ValueError):
            try:
                if self.plain is self.exact:
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


class _NotGiven:
    """Stands for an argument that is not given."""

    def __repr__(self) -> str:
        return "..."


class _OtherGradients(Exception):
    """A gate gives no gradient where it gave one when the code was written, or the other way round."""


class _Called:
    """A gate that generated code calls as an object, as the plain passes call it."""

    def __init__(self, call: Call) -> None:
        self.gives: list[bool] | None = None  # for each input, whether it gives a gradient
        count = len(call.sources)
        self.call = call._replace(sources=tuple(range(count)), out=count)
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


def _is_keyword(name: str) -> bool:
    """Return whether a function can have a keyword of that name, which means nothing else in it.

    All other names in it begin with an underscore.
    """
    plain = name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
    return plain and not name.startswith("_") and name not in _RESERVED


def _with_keywords(inputs: list[str], short: str) -> str:
    """Return the text of a function that takes some inputs by keyword, with a short way for some of their values."""
    keywords = ", ".join([f"{name}=_not_given" for name in inputs])
    return f"""
def __call__(_self, _inputs=None, _upstream=None, /, *, {keywords}, **_others):
{short}
    _named = [{", ".join([f"({name!r}, {name})" for name in inputs])}]
    _others.update([_pair for _pair in _named if _pair[1] is not _not_given])
    return _run(_self, _inputs, _upstream, **_others)
"""


def _layout(array: Any) -> Any:
    """Return how an array lies in memory, which sums depend on in the last digits."""
    return None if not isinstance(array, np.ndarray) or array.flags.c_contiguous else array.strides


def _function(text: str, objects: dict[str, Any]) -> Any:
    """Return the function of a text that `graph.engines.source` has written."""
    space: dict[str, Any] = {}
    exec(compile(text, "<both passes, generated>", "exec"), space)
    function = space[FUNCTION]
    if objects:
        function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), **objects}
    return function
