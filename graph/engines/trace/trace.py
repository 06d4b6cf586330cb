"""Tracing: both passes of a program on tracers, which leaves the operations that they are made of."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

from gates.bare import bare_backward, bare_copy, bare_forward
from gates.gate import fresh
from gates.namespaces import namespace
from gates.validation import formula
from gates.values import Value, shape_of
from graph.engines.program import Program
from graph.engines.trace.literals import Untraceable, literal
from graph.engines.trace.tracers import Tracer
from graph.engines.trace.verification import is_own, reason, same, traced_gradients, why_untraceable
from graph.passes.arguments import summed, unshared
from graph.passes.passes import run_alone, run_forward, upstream_of
from graph.passes.schedule import Call

_READ = 1000  # the code of more gates is hardly read


class Section(NamedTuple):
    """What one gate does in one pass: a part of the tape."""

    call: Call
    start: int
    stop: int


class Trace:
    """Both passes of a program, written down for values of certain shapes and dtypes.

    A gate whose formulas cannot be written down, or give something else on tracers than on the values, is called as an
    object.

    Parameters
    ----------
    program : Program
        The program.
    entries : list of float or array
        The values that enter.

    Attributes
    ----------
    tape : list of Tracer
        All operations.
    entries : list of Tracer
        The values that enter.
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
            self._probe()
            known = -1
            while known < len(self.objects):
                known = len(self.objects)
                self._write_down()

    def _probe(self) -> None:
        """Find out which gates of users cannot be written down; gates of one kind and settings but once."""
        reasons: dict[Any, str] = {}
        for call in self.program.calls:
            if is_own(call.gate) or call.node in self.objects:
                continue
            inputs = [self._values[slot] for slot in call.sources]
            shapes = [(type(value), getattr(value, "dtype", None), shape_of(value)) for value in inputs]
            settings = repr(sorted(fresh(call.gate).__dict__.items()))
            key = type(call.gate), call.gate.wanted, settings, *shapes
            if key not in reasons:
                reasons[key] = why_untraceable(call, inputs)
            if reasons[key]:
                self.objects[call.node] = reasons[key]

    def inputs_of(self, call: Call) -> list[Tracer]:
        """Return what a gate reads."""
        return [self._tracers[slot] for slot in call.sources]

    def _write_down(self) -> None:
        """Go through both passes once. Gates that turn out to be untraceable are added to `objects`."""
        program, values = self.program, self._values
        self.tape: list[Tracer] = []
        self.forward: list[Section] = []
        self.backward: list[Section] = []
        self._tracers: list[Any] = [
            self._variable(name, value) for (name, _, _), value in zip(program.entries, values)
        ] + [None] * (program.size - len(program.entries))
        self.entries = self._tracers[: len(program.entries)]
        gates = [self._run_forward(call) for call in program.calls]
        self.output = self._tracers[program.output_slot]
        like = values[program.output_slot]
        self.upstream = self._variable("", namespace(like).ones_like(like))
        self._grads: list[Any] = [None] * program.size
        self._grads[program.output_slot] = self.upstream
        for call, gate in zip(reversed(program.calls), reversed(gates)):
            self._run_backward(call, gate)
        self.gradients = self._returned()

    def _run_forward(self, call: Call) -> Any:
        """Write down what a gate does forward, and return the gate that has done it."""
        start, gate = len(self.tape), None
        inputs = self.inputs_of(call)
        slots = range(call.out, call.out + call.outputs)
        tracers: list[Any] = []
        if call.node not in self.objects:
            try:
                gate = bare_copy(call.gate, call.gate.wanted)
                call.gate.check(*[x.value if port in gate.labels else x for port, x in enumerate(inputs)])
                tracers = [self._tracer(tracer) for tracer in self._hinted(gate.forward, bare_forward, gate, inputs)]
                _compare(tracers, [self._values[slot] for slot in slots])
            except (Exception, Untraceable) as error:
                self._give_up(call, error, start)
        if call.node in self.objects:
            result = self._operation("forward of", call, *inputs)
            tracers = [self._operation("[]", result, str(port)) for port in range(call.outputs)]
            tracers = [result] if call.outputs == 1 else tracers
        for slot, tracer in zip(slots, tracers):
            self._tracers[slot] = self._operation("output", tracer, slot, value=self._values[slot])
        self.forward.append(Section(call, start, len(self.tape)))
        return gate

    def _run_backward(self, call: Call, gate: Any) -> None:
        """Write down what a gate does backward, and how its gradients add to those from other branches."""
        start = len(self.tape)
        upstream = upstream_of(call, self._tracers, self._grads)
        if upstream is None or call.backward is None:
            return
        values = run_alone(call, self._values, [tracer.value for tracer in upstream])
        gradients: list[Any] = []
        if call.node not in self.objects:
            try:
                found = self._hinted(gate.backward, bare_backward, gate, upstream)
                gradients = [
                    gradient if gradient is None else self._tracer(gradient)
                    for gradient in traced_gradients(found, self.inputs_of(call))
                ]
                _compare(gradients, values)
            except (Exception, Untraceable) as error:
                self._give_up(call, error, start)
        if call.node in self.objects:
            result = self._operation("backward of", call, *upstream)
            gradients = [
                value if value is None else self._operation("[]", result, str(port), value=value)
                for port, value in enumerate(values)
            ]
        for slot, gradient in zip(call.sources, gradients):
            if gradient is None or slot in self.program.unneeded:
                continue
            before = self._grads[slot]
            total = gradient if before is None else before + gradient
            self._grads[slot] = self._operation("gradient", total, slot, value=total.value)
        self.backward.append(Section(call, start, len(self.tape)))

    def _returned(self) -> dict[str, Tracer]:
        """Return the gradients by name; an array that is held elsewhere too, or is a view of one, is copied."""
        totals = summed(self.program.differentiated, self._tracers, self._grads)
        tracers = {name: self._tracer(total) for name, total in totals.items()}
        held = [tracer.value for tracer in self._grads if tracer is not None] + self._values
        copies = unshared({name: tracer.value for name, tracer in tracers.items()}, held)
        return {
            name: tracer if copies[name] is tracer.value else self._operation(".copy()", tracer, value=copies[name])
            for name, tracer in tracers.items()
        }

    def _hinted(self, method: Any, run: Any, gate: Any, values: Any) -> Any:
        """Run the formula of a method, and note what it calls the tracers that it holds in variables."""
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

    def _give_up(self, call: Call, error: BaseException, start: int) -> None:
        """Have a gate called as an object."""
        self.objects[call.node] = reason(error)
        del self.tape[start:]

    def _variable(self, name: str, value: Value) -> Tracer:
        """Return a tracer for what comes from outside."""
        return self._operation("variable", name, value=value)

    def _operation(self, operation: str, *operands: Any, value: Any = None) -> Tracer:
        """Write an operation down."""
        return Tracer(self.tape, operation, operands, {}, value)

    def _tracer(self, found: Any) -> Tracer:
        """Return a tracer as it is, and another value as a literal."""
        return found if isinstance(found, Tracer) else self._operation("literal", literal(found), value=found)


def _compare(tracers: list[Any], values: list[Any]) -> None:
    """Raise Untraceable unless tracers stand for these values, to the bit."""
    if not all(same(None if tracer is None else tracer.value, value) for tracer, value in zip(tracers, values)):
        raise Untraceable("it gives something else on tracers than on values")
