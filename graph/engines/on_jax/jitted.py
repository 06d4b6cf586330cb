"""The engine of JAX: both passes as one function that JAX compiles, for one device or for many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gates.validation import formula
from gates.values import Value, as_value, shape_of
from graph.engines.engine import Engine
from graph.engines.on_jax.label_checks import LabelChecks
from graph.engines.on_jax.meshes import Devices, ExplicitMeshError, imported_jax
from graph.engines.program import Program
from graph.engines.trace.verification import draws, random_state
from graph.passes.arguments import values_of_entries
from graph.passes.schedule import Call
from graph.structure.entries import Constant, Input

_NOT_CONSTANT = "random numbers, which JAX would take for constants"
_ADVICE = (
    "the jax engine runs a gate's formulas on values that JAX traces, which have no numbers: write them with "
    "operators and the functions of namespace(x), and with where() instead of `if`; or compile with another engine"
)


class Jitted(Engine):
    """Runs both passes as one function of inputs and parameters, which JAX compiles for each set of shapes and dtypes.

    Values and gradients are `jax.Array`s, that of a scalar output too. JAX computes in float32, also from arrays of
    float64, unless `jax.config.update("jax_enable_x64", True)` came first. Where arrays are sharded over a mesh, the
    compiled function computes on all of its devices and communicates as needed. Constants are compiled in.

    A gate's `check` looks at labels before the function runs, unless they are the `jax.Array`s of the last call. Of an
    array on several hosts, each host checks its part.

    Parameters
    ----------
    program : Program
        The graph as engines run it.
    mesh : jax.sharding.Mesh, optional
        Over whose first axis to split the rows of inputs that do not lie on its devices yet.

    Raises
    ------
    ImportError
        If JAX is not installed.
    TypeError
        If a gate keeps parameters of its own, or draws random numbers, which JAX would take for constants.
    """

    name = "jax"

    def __init__(self, program: Program, mesh: Any = None) -> None:
        self.jax = imported_jax('compile("jax")')
        super().__init__(program)
        for row in program.rows:
            who = f'compile("jax"): {row.node} ({type(row.gate).__name__})'
            if draws(row.gate):
                raise TypeError(f"{who} draws {_NOT_CONSTANT}: make them an input of the graph")
            if getattr(row.gate, "has_parameters", False):
                raise TypeError(
                    f"{who} keeps parameters of its own, which JAX would take for constants: make them parameters of "
                    "the graph, inputs of the gate"
                )
        self.devices = Devices(mesh)
        self._entries = [entry for entry in self.program.entries if not _is_compiled_in(entry[1])]
        self._slots = [slot for _, _, slot in self._entries]  # of the arguments of the function
        self._are_inputs = [isinstance(gate, Input) for _, gate, _ in self._entries]
        self._inputs = {name for name, gate, _ in self._entries if isinstance(gate, Input)}
        self._names = [part.name for part in self.program.differentiated]
        self._arrays: set[Any] = set()  # the class of JAX's arrays, known once there is one
        self._checks = LabelChecks(program, self._slots, self._in_trace)
        self._function = self.jax.jit(self._both_passes)

    def __call__(
        self, inputs: Mapping[str, Any] | None = None, upstream: Any = None, /, **named: Any
    ) -> tuple[Value, dict[str, Value]]:
        if inputs is upstream is None and named.keys() == self._inputs:
            given = [named.get(name, gate.value) for name, gate, _ in self._entries]
            if {*map(type, given)} == self._arrays:  # need no validation, which takes half of the time
                return self._run(given, None)
        return self.run(values_of_entries(self.program, inputs, named), upstream)

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        return self._run([values[slot] for slot in self._slots], upstream)

    def lower(self, inputs: Mapping[str, Any] | None = None, upstream: Any = None, /, **named: Any) -> Any:
        """Return what `lower` of a jitted function returns, for arguments as those of a call.

        Its `compile().as_text()` is the compiled program, with the collectives by which devices communicate.
        """
        values = values_of_entries(self.program, inputs, named)
        return self._through(self._function.lower, [values[slot] for slot in self._slots], upstream)

    def _run(self, arguments: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        """Run the function."""
        self._checks.run(arguments)
        value, gradients = self._through(self._function, arguments, upstream)
        self._arrays = {type(value)}
        return value, dict(zip(self._names, gradients))

    def _through(self, function: Any, arguments: list[Value], upstream: Any) -> Any:
        """Call the function, or what lowers it, with arguments placed on the devices."""
        upstream = None if upstream is None else as_value(upstream)
        try:
            return self._traced_by(function, self.devices.placed(arguments, self._are_inputs), upstream)
        except ExplicitMeshError:  # raised in a trace, so that calls of the compiled function need no check
            self.devices.are_explicit = True
            return self._traced_by(function, self.devices.placed(arguments, self._are_inputs), upstream)

    def _traced_by(self, transform: Any, *arguments: Any) -> Any:
        """Call a function that may trace the gates, and add advice to the error if a gate cannot be traced."""
        try:
            return transform(*arguments)
        except (self.jax.errors.JAXTypeError, self.jax.errors.JAXIndexError) as error:
            error.add_note(_ADVICE)
            raise

    def _both_passes(self, arguments: list[Value], upstream: Value) -> tuple[Value, list[Value]]:
        """Return the value and the gradients: what JAX traces."""
        self.devices.check_traced(arguments)
        program, values = self.program, self._filled_in(arguments)
        before = random_state()
        grads = program.both_passes(self._calls(), values, upstream)
        if random_state() != before:
            raise TypeError(f"the jax engine: a gate draws {_NOT_CONSTANT}: make them an input of the graph")
        return values[program.output_slot], list(program.gradients(values, grads).values())

    def _in_trace(self, run: Callable[..., None], arguments: list[Value]) -> None:
        """Call `run(calls, values)` in a trace, which computes no numbers; labels become placeholders."""
        described = [
            np.zeros(shape_of(value), int) if slot in self.program.label_slots else self.devices.described(value)
            for slot, value in zip(self._slots, arguments)
        ]
        self._traced_by(self.jax.eval_shape, lambda values: run(self._calls(), self._filled_in(values)), described)

    def _filled_in(self, arguments: list[Value]) -> list[Value]:
        """Return a list of values by slot, with the arguments and the constants in it."""
        program = self.program
        values: list[Any] = [None] * program.size
        for _, gate, slot in program.entries:
            if _is_compiled_in(gate):
                values[slot] = gate.value if type(gate.value) is float else self.jax.numpy.asarray(gate.value)
        for slot, argument in zip(self._slots, arguments):
            values[slot] = argument if slot in program.label_slots else as_value(argument)
        return values

    def _calls(self) -> list[Call]:
        """Return calls of copies of the gates, since traced values stay in them, without the checks of labels."""
        copies = [call.copied() for call in self.program.calls]
        return [call._replace(forward=formula(call.gate.forward)) if call.gate.labels else call for call in copies]


def _is_compiled_in(gate: Any) -> bool:
    """Return whether an entry is a constant that lies on no device yet."""
    return isinstance(gate, Constant) and isinstance(gate.value, (float, np.ndarray, np.generic))
