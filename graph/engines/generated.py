"""The engine of generated code: traces the gates at the first call, and runs what it has written from then on."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any

import numpy as np

from gates.doors import check_inputs
from gates.gate import Gate
from gates.values import Value, shape_of
from graph.arguments import upstream_gradient
from graph.engines.engine import Engine
from graph.engines.names import Names
from graph.engines.source import FUNCTION, source_of
from graph.engines.tracing import Trace
from graph.entries import Input, Parameter
from graph.passes import run_alone, run_forward
from graph.schedule import Call

if TYPE_CHECKING:
    from graph.two_passes import TwoPasses

_KEPT = 16  # how many versions, for other shapes or dtypes, are kept
_FEW = 64  # entries for which a call by keywords is worth a function of its own


class Generated(Engine):
    """Runs the code that `graph.to_source()` shows, written at the first call, and again for other shapes or dtypes."""

    name = "source"

    def __init__(self, graph: TwoPasses) -> None:
        super().__init__(graph)
        self._versions: dict[Any, Version] = {}
        self.on_numbers: Any = None  # the code for Python floats, once it is there

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        entries = values[: len(self.program.entries)]
        key = tuple([float if type(x) is float else (type(x), x.dtype, x.shape) for x in entries])
        version = self._versions.get(key)
        if version is None:
            version = Version(self, entries)
            if len(self._versions) == _KEPT:
                del self._versions[next(iter(self._versions))]
            self._versions[key] = version
            if all(kind is float for kind in key) and not version.checks and version.like == 0.0:
                self.on_numbers = version.plain
        return version.run(entries, upstream)


class Version:
    """The code for entries of certain shapes and dtypes.

    Parameters
    ----------
    engine : Engine
        The engine.
    entries : list of float or array
        Such entries.
    """

    def __init__(self, engine: Engine, entries: list[Value]) -> None:
        self.program = program = engine.program
        for (name, _, _), value in zip(program.entries, entries):
            if type(value) is not float and not isinstance(value, (np.ndarray, np.generic)):
                raise TypeError(
                    f"the source engine computes with numbers and NumPy arrays, got {type(value).__name__} for "
                    f"{name!r}; graph.compile('jax') computes with those of JAX"
                )
        trace = Trace(program, entries)
        self.like = _stand_in(trace.output.value)
        self.checks = [
            (call, [_stand_in(values.value) for values in trace.inputs_of(call)])
            for call in program.calls
            if call.gate.labels and type(call.gate).check is not Gate.check and call.node not in trace.objects
        ]
        exact, plain = source_of(trace), source_of(trace, plain=True)
        slots = {name: slot for name, _, slot in program.entries}
        self.slots = [slots[name] for _, name in exact.arguments]
        self.upstream = exact.upstream
        calls = {call.node: call for call in program.calls}
        objects = {argument: _Called(calls[node]) for node, argument in exact.objects.items()}
        self.exact = _function(exact.text, objects)
        self.plain = self.exact if plain.text == exact.text else _function(plain.text, objects)

    def run(self, entries: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        """Run the code."""
        for call, inputs in self.checks:
            for port in call.gate.labels:
                inputs[port] = entries[call.sources[port]]
            check_inputs(call.gate, inputs, f"{call.node} ({type(call.gate).__name__})")
        arguments = [entries[slot] for slot in self.slots]
        options = {}
        if upstream is not None or type(self.like) is not float:
            options[self.upstream] = upstream_gradient(upstream, self.like, self.program)
        try:
            found: tuple[Value, dict[str, Value]] = self.plain(*arguments, **options)
        except (ArithmeticError, ValueError):
            found = self.exact(*arguments, **options)
        return found


class _Called:
    """A gate that generated code calls as an object, as the plain passes call it."""

    def __init__(self, call: Call) -> None:
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
        return run_alone(self.call, self.values, list(upstream))


def generated(graph: TwoPasses) -> Engine:
    """Return the engine of generated code, with a short way for numbers that are given by keyword."""
    engine = Generated(graph)
    entries = [(name, gate) for name, gate, _ in engine.program.entries]
    inputs = [name for name, gate in entries if isinstance(gate, Input)]
    if not inputs or len(entries) > _FEW or not all(name.isascii() and name.isidentifier() for name in inputs):
        return engine
    if any(map(keyword.iskeyword, inputs)):
        return engine
    names = Names(set(inputs))
    me, given, upstream, others, slow = map(names.new, ("self", "inputs", "upstream", "others", "slow"))
    held = {names.new(f"p{place}"): gate for place, (_, gate) in enumerate(entries) if isinstance(gate, Parameter)}
    kept = {name: [argument for argument, gate in held.items() if gate is one] for name, one in entries}
    numbers = [f"{kept[name][0]}.value" if kept[name] else name for name, gate in entries if not _is_constant(gate)]
    code = f"""
def __call__({me}, {given}=None, {upstream}=None, /, *, {", ".join(f"{name}=None" for name in inputs)}, **{others}):
    if {given} is None and {upstream} is None and {" and ".join(f"type({x}) is float" for x in numbers)}:
        if {me}.on_numbers is not None and not {others}:
            try:
                return {me}.on_numbers({", ".join(numbers)})
            except (ArithmeticError, ValueError):
                pass
    for name, value in zip({inputs!r}, ({", ".join(inputs)},)):
        if value is not None:
            {others}[name] = value
    return {slow}({me}, {given}, {upstream}, **{others})
"""
    space: dict[str, Any] = {slow: Engine.__call__, **held}
    exec(code, space)  # all names in it are identifiers
    engine.__class__ = type("Generated", (Generated,), {"__call__": space["__call__"]})
    return engine


def _is_constant(gate: Any) -> bool:
    """Return whether an entry is a constant, whose number stands in the code."""
    return not isinstance(gate, (Input, Parameter))


def _function(text: str, objects: dict[str, Any]) -> Any:
    """Return the function of a text that `graph.engines.source` has written."""
    space: dict[str, Any] = {}
    exec(compile(text, "<both passes, generated>", "exec"), space)
    function = space[FUNCTION]
    if objects:
        function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), **objects}
    return function


def _stand_in(value: Value) -> Value:
    """Return what has the shape and the dtype of a value, without its numbers."""
    return 0.0 if type(value) is float else np.broadcast_to(np.zeros((), value.dtype), shape_of(value))
