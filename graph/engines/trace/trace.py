"""Traces: running both passes of a program on tracers records the operations that they consist of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gates.bare import bare_backward, bare_copy, bare_forward
from gates.gate import fresh
from gates.validation import formula
from gates.values import Value, namespace, shape_of
from graph.engines.program import Program
from graph.engines.trace.literals import Untraceable, literal
from graph.engines.trace.tracers import Tracer, value_of
from graph.engines.trace.verification import reason, require_same, traced_gradients, why_untraceable
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
        with np.errstate(all="ignore"):
            run_forward(program.calls, self._values)
            self._verify_user_defined_gates()
            known = -1
            while known < len(self.objects):
                known = len(self.objects)
                self._trace()

    def inputs_of(self, call: Call) -> list[Tracer]:
        """Return what a gate reads."""
        return [self._tracers[slot] for slot in call.sources]

    def _verify_user_defined_gates(self) -> None:
        """Add user-defined gates that cannot be traced to `objects`; each class is verified once for equal settings."""
        reasons: dict[Any, str] = {}
        for call in self.program.calls:
            if is_library_gate(call.gate) or call.node in self.objects:
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
        gates = [self._trace_forward(call) for call in program.calls]
        self.output = self._tracers[program.output_slot]
        like = values[program.output_slot]
        self.upstream = self._variable("", namespace(like).ones_like(like))
        self._grads: list[Any] = [None] * program.size
        self._grads[program.output_slot] = self.upstream
        for call, gate in zip(reversed(program.calls), reversed(gates)):
            self._trace_backward(call, gate)
        self.gradients = self._returned()

    def _trace_forward(self, call: Call) -> Any:
        """Trace a gate's forward, and return the copy of the gate that ran."""
        start, inputs = len(self.tape), self.inputs_of(call)
        outputs = slice(call.out, call.out + call.outputs)
        gate = None if call.node in self.objects else bare_copy(call.gate, call.gate.wanted)

        def run() -> Any:
            call.gate.check(*[x.value if port in call.gate.labels else x for port, x in enumerate(inputs)])
            return self._hinted(call.gate.forward, bare_forward, gate, inputs)

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
            found = self._hinted(call.gate.backward, bare_backward, gate, upstream)
            return traced_gradients(found, self.inputs_of(call))

        values = run_alone(call, self._values, list(map(value_of, upstream)))
        gradients = self._traced("backward of", call, run, upstream, values)
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
                tracers = [found if found is None else self._tracer(found) for found in run()]
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
        tracers = {name: self._tracer(total) for name, total in totals.items()}
        held = [tracer.value for tracer in self._grads if tracer is not None] + self._values
        copies = unshared({name: tracer.value for name, tracer in tracers.items()}, held)
        return {
            name: tracer if copies[name] is tracer.value else self._operation(".copy()", tracer, value=copies[name])
            for name, tracer in tracers.items()
        }

    def _hinted(self, method: Any, run: Any, gate: Any, values: Any) -> Any:
        """Run the formula of a method, and note the names of its variables that hold tracers."""
        if len(self.program.calls) > _READ:
            return run(gate, values)
        before, code = sys.getprofile(), formula(method).__code__

        def watch(frame: Any, event: str, _: Any) -> None:
            if event == "return" and frame.f_code is code:
                for name, value in frame.f_locals.items():
                    if isinstance(value, Tracer) and not value.hint:
                        value.hint = name

        sys.setprofile(watch)
        try:
            return run(gate, values)
        finally:
            sys.setprofile(before)

    def _variable(self, name: str, value: Value) -> Tracer:
        """Return a tracer for a value that is given."""
        return self._operation("variable", name, value=value)

    def _operation(self, operation: str, *operands: Any, value: Any = None) -> Tracer:
        """Record an operation."""
        return Tracer(self.tape, operation, operands, {}, value)

    def _tracer(self, found: Any) -> Tracer:
        """Return a tracer as it is, and another value as a literal."""
        return found if isinstance(found, Tracer) else self._operation("literal", literal(found), value=found)
