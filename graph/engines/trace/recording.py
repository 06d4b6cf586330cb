"""Recordings: the operations of one gate's formulas, on tracers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gates.bare import bare_backward, bare_copy, bare_forward
from gates.validation import formula, gradient_of
from gates.values import Value, as_value
from graph.engines.trace.literals import Untraceable, literal
from graph.engines.trace.tracers import Tracer
from graph.passes.schedule import Call


class Recording(NamedTuple):
    """What both formulas of a gate do.

    Attributes
    ----------
    tape : list of Tracer
        The operations, those of forward first.
    inputs, outputs, upstream : list of Tracer
        What the formulas are given, and what forward returns.
    gradients : list of Tracer or None
        What backward returns; empty if it does not run.
    middle : int
        How many operations are those of forward, its inputs included.
    """

    tape: list[Tracer]
    inputs: list[Tracer]
    outputs: list[Tracer]
    upstream: list[Tracer]
    gradients: list[Tracer | None]
    middle: int


def recorded(call: Call, inputs: Sequence[Value], upstream: Sequence[Value], has_hints: bool = False) -> Recording:
    """Run the formulas of a copy of a gate on tracers.

    Parameters
    ----------
    call : Call
        The call of the gate.
    inputs : sequence of float or array
        Its inputs.
    upstream : sequence of float or array
        The gradients of its outputs.
    has_hints : bool
        Whether to note what the formulas call their variables.

    Raises
    ------
    Untraceable
        If a formula does what cannot be recorded as operations.
    Exception
        What a formula raises.
    """
    tape: list[Tracer] = []
    gate = bare_copy(call.gate, call.gate.wanted)
    given = [Tracer(tape, "variable", (), {}, value) for value in inputs]
    gate.check(*[x.value if port in gate.labels else x for port, x in enumerate(given)])
    outputs = [as_tracer(tape, found) for found in hinted(gate.forward, bare_forward, gate, given, has_hints)]
    middle = len(tape)
    before = [Tracer(tape, "variable", (), {}, dz) for dz in upstream]
    gradients: list[Tracer | None] = []
    if call.backward is not None:
        found = hinted(gate.backward, bare_backward, gate, before, has_hints)
        gradients = [
            None if gradient is None else as_tracer(tape, gradient) for gradient in traced_gradients(found, given)
        ]
    return Recording(tape, given, outputs, before, gradients, middle)


def traced_gradients(found: Any, inputs: list[Tracer]) -> list[Any]:
    """Return what backward returned for tracers as gradients in the shapes of the inputs; None stays None."""
    if not isinstance(found, (list, tuple)) or len(found) != len(inputs):
        raise Untraceable("its backward returns no list of gradients")
    return [
        gradient if gradient is None else gradient_of(as_value(gradient), value, port)
        for port, (gradient, value) in enumerate(zip(found, inputs))
    ]


def as_tracer(tape: list[Tracer], found: Any) -> Tracer:
    """Return a tracer as it is, and another value as a literal."""
    return found if isinstance(found, Tracer) else Tracer(tape, "literal", (literal(found),), {}, found)


def hinted(method: Any, run: Callable[[Any, Any], Any], gate: Any, values: Any, has_hints: bool = True) -> Any:
    """Run the formula of a method, and note the names of its variables that hold tracers, unless there is no need.

    Nor does it where someone profiles, which is how it finds out.
    """
    if not has_hints or sys.getprofile() is not None:
        return run(gate, values)
    code = formula(method).__code__

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is code:
            for name, value in frame.f_locals.items():
                if isinstance(value, Tracer) and not value.hint:
                    value.hint = name

    sys.setprofile(watch)
    try:
        return run(gate, values)
    finally:
        sys.setprofile(None)
