"""Traces: running both passes of a program on tracers records the operations that they consist of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gates.bare import bare_backward, bare_copy, bare_forward
from gates.gate import fresh
from gates.values import Value, namespace, shape_of
from graph.engines.program import Program
from graph.engines.trace.kinds import Kind, key_of, kind_of
from graph.engines.trace.literals import Untraceable
from graph.engines.trace.recording import Recording, as_tracer, hinted, traced_gradients
from graph.engines.trace.tracers import Tracer, value_of
from graph.engines.trace.verification import reason, require_same, why_untraceable
from graph.passes.arguments import summed, unshared
from graph.passes.run import run_alone, run_forward, upstream_of
from graph.passes.schedule import Call
from graph.structure.library import is_library_gate

_READ = 1000  # gates: nobody reads the code of more, so that hints for its variables are not worth their time


class Section(NamedTuple):
    """What one gate does in one pass: a part of the tape."""

    call: Call
    start: int
    stop: int


class Trace:
    """Both passes of a program as operations, for values of certain shapes and dtypes.

    A gate that cannot be traced, or gives something else on tracers than on values, is called as an object.

    Parameters
    ----------
    program : Program
        The program.
    entries : list of float or array
        The values of its entries.

    Attributes
    ----------
    tape : list of Tracer
        All operations.
    entries : list of Tracer
        The entries.
    forward, backward : list of Section
        What each gate does, in the order in which they run.
    output, upstream : Tracer
        The value of the output, and the gradient with respect to it.
    gradients : dict of str to Tracer
        The gradients that are returned.
    objects : dict of str to str
        The names of the gates that are called as objects, each with the reason.

    Raises
    ------
    Exception
        What a gate raises at these values, with a note that names it.
    """

    def __init__(self, program: Program, entries: list[Value]) -> None:
        self.program = program
        self.objects = {call.node: "it has parameters of its own" for call in program.calls if call.gate.has_parameters}
        self._values = entries + [None] * (program.size - len(entries))
        self._is_read = len(program.rows) <= _READ
        with np.errstate(all="ignore"):
            run_forward(program.calls, self._values)
            self._recordings = self._record_kinds()
            self._verify_user_defined_gates()
            known = -1
            while known < len(self.objects):
                known = len(self.objects)
                self._trace()

    def inputs_of(self, call: Call) -> list[Tracer]:
        """Return what a gate reads."""
        return [self._tracers[slot] for slot in call.sources]

    def _record_kinds(self) -> list[Recording | None]:
        """Return the recordings of gates of numbers, of which those of one kind share one; None for other gates."""
        is_number = [type(value) is float for value in self._values]
        kinds: dict[Any, Kind] = {}
        found: list[Recording | None] = []
        for row in self.program.rows:
            kind = None
            if is_number[row.out] and False not in [is_number[slot] for slot in row.sources]:
                key = key_of(row)
                kind = kinds.get(key)
                if kind is None:
                    kind = kinds[key] = kind_of(row, [self._values[slot] for slot in row.sources], self._is_read)
            found.append(None if kind is None else kind.recording)
        return found

    def _verify_user_defined_gates(self) -> None:
        """Add other user-defined gates that cannot be traced to `objects`; each kind of them is verified once."""
        reasons: dict[Any, str] = {}
        for call, recording in zip(self.program.calls, self._recordings):
            if recording is not None or is_library_gate(call.gate) or call.node in self.objects:
                continue
            inputs = [self._values[slot] for slot in call.sources]
            shapes = [(type(value), getattr(value, "dtype", None), shape_of(value)) for value in inputs]
            settings = repr(sorted(fresh(call.gate).__dict__.items()))
            key = type(call.gate), call.gate.wanted, settings, *shapes
            if key not in reasons:
                reasons[key] = why_untraceable(call, inputs)
            if reasons[key]:
                self.objects[call.node] = reasons[key]

    def _trace(self) -> None:
        """Trace both passes once. Gates that turn out to be untraceable are added to `objects`."""
        program, values = self.program, self._values
        self.tape: list[Tracer] = []
        self.forward: list[Section] = []
        self.backward: list[Section] = []
        self.entries = [self._variable(name, value) for (name, _, _), value in zip(program.entries, values)]
        self._tracers: list[Any] = [*self.entries, *[None] * (program.size - len(self.entries))]
        traced = [
            self._trace_forward(call) if recording is None else self._replay_forward(call, recording)
            for call, recording in zip(program.calls, self._recordings)
        ]
        self.output = self._tracers[program.output_slot]
        like = values[program.output_slot]
        self.upstream = self._variable("", namespace(like).ones_like(like))
        self._grads: list[Any] = [None] * program.size
        self._grads[program.output_slot] = self.upstream
        for call, recording, how in zip(reversed(program.calls), reversed(self._recordings), reversed(traced)):
            if recording is None:
                self._trace_backward(call, how)
            else:
                self._replay_backward(call, recording, how)
        self.gradients = self._returned()

    def _trace_forward(self, call: Call) -> Any:
        """Trace a gate's forward, and return the copy of the gate that ran."""
        start, inputs = len(self.tape), self.inputs_of(call)
        outputs = slice(call.out, call.out + call.outputs)
        gate = None if call.node in self.objects else bare_copy(call.gate, call.gate.wanted)

        def run() -> Any:
            call.gate.check(*[x.value if port in call.gate.labels else x for port, x in enumerate(inputs)])
            return hinted(call.gate.forward, bare_forward, gate, inputs, self._is_read)

        values = self._values[outputs]
        tracers = self._traced("forward of", call, run, inputs, values)
        self._tracers[outputs] = [
            self._operation("output", tracer, call.out + port, value=value)
            for port, (tracer, value) in enumerate(zip(tracers, values))
        ]
        self.forward.append(Section(call, start, len(self.tape)))
        return gate

    def _trace_backward(self, call: Call, gate: Any) -> None:
        """Trace a gate's backward, and how its gradients add to those from other branches."""
        start = len(self.tape)
        upstream = upstream_of(call, self._tracers, self._grads)
        if upstream is None or call.backward is None:
            return

        def run() -> list[Any]:
            found = hinted(call.gate.backward, bare_backward, gate, upstream, self._is_read)
            return traced_gradients(found, self.inputs_of(call))

        values = run_alone(call, self._values, list(map(value_of, upstream)))
        self._add_gradients(call, start, self._traced("backward of", call, run, upstream, values))

    def _replay_forward(self, call: Call, recording: Recording) -> dict[int, Tracer]:
        """Repeat the recorded forward of a gate's kind, and return its tracers by the ids of the recorded ones."""
        start = len(self.tape)
        known = dict(zip(map(id, recording.inputs), self.inputs_of(call)))
        self._replay(recording.tape[len(recording.inputs) : recording.middle], known)
        output = known[id(recording.outputs[0])]
        self._tracers[call.out] = self._operation("output", output, call.out, value=self._values[call.out])
        self.forward.append(Section(call, start, len(self.tape)))
        return known

    def _replay_backward(self, call: Call, recording: Recording, known: dict[int, Tracer]) -> None:
        """Repeat the recorded backward of a gate's kind."""
        start, upstream = len(self.tape), self._grads[call.out]
        if upstream is None or call.backward is None:
            return
        known[id(recording.upstream[0])] = upstream
        self._replay(recording.tape[recording.middle + 1 :], known)
        gradients = [None if gradient is None else known[id(gradient)] for gradient in recording.gradients]
        self._add_gradients(call, start, gradients)

    def _replay(self, operations: list[Tracer], known: dict[int, Tracer]) -> None:
        """Repeat recorded operations on other tracers."""
        for one in operations:
            known[id(one)] = repeated = one.repeated(self.tape, known)
            repeated.hint = one.hint

    def _add_gradients(self, call: Call, start: int, gradients: list[Any]) -> None:
        """Add a gate's gradients to those from other branches, which ends its section that began at `start`."""
        for slot, gradient in zip(call.sources, gradients):
            if gradient is None or slot in self.program.unneeded:
                continue
            before = self._grads[slot]
            total = gradient if before is None else before + gradient
            self._grads[slot] = self._operation("gradient", total, slot, value=total.value)
        self.backward.append(Section(call, start, len(self.tape)))

    def _traced(
        self, operation: str, call: Call, run: Callable[[], Any], given: list[Any], values: list[Value]
    ) -> list[Any]:
        """Return tracers of these values from a gate's formula, or from calling the gate as an object."""
        start = len(self.tape)
        if call.node not in self.objects:
            try:
                tracers = [found if found is None else as_tracer(self.tape, found) for found in run()]
                require_same(tracers, values)
                return tracers
            except (Exception, Untraceable) as error:
                self.objects[call.node] = reason(error)
                del self.tape[start:]
        result = self._operation(operation, call, *given)
        if operation == "forward of" and call.outputs == 1:
            return [result]
        return [
            value if value is None else self._operation("[]", result, str(port), value=value)
            for port, value in enumerate(values)
        ]

    def _returned(self) -> dict[str, Tracer]:
        """Return the gradients by name; arrays that other gradients or values share are copied."""
        totals = summed(self.program.differentiated, self._tracers, self._grads)
        tracers = {name: as_tracer(self.tape, total) for name, total in totals.items()}
        held = [tracer.value for tracer in self._grads if tracer is not None] + self._values
        copies = unshared({name: tracer.value for name, tracer in tracers.items()}, held)
        return {
            name: tracer if copies[name] is tracer.value else self._operation(".copy()", tracer, value=copies[name])
            for name, tracer in tracers.items()
        }

    def _variable(self, name: str, value: Value) -> Tracer:
        """Return a tracer for a value that is given."""
        return self._operation("variable", name, value=value)

    def _operation(self, operation: str, *operands: Any, value: Any = None) -> Tracer:
        """Record an operation."""
        return Tracer(self.tape, operation, operands, {}, value)
