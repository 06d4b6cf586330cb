"""Kinds of gates: those of one class, with the same settings and the same wanted gradients, do the same operations."""

from __future__ import annotations

from typing import Any, NamedTuple

from gates.gate import OF_A_PASS, Gate
from graph.engines.program import Program, Row
from graph.engines.trace.trace import Trace
from graph.passes.schedule import Differentiated
from graph.structure.entries import Input

#: Where a kind is traced: inside the domain of most formulas, and another number for each input.
_FIRST, _STEP = 0.5, 0.0625


class Kind(NamedTuple):
    """What gates of one kind do, or why that cannot be written.

    Attributes
    ----------
    trace : Trace or None
        Both passes of one such gate, on numbers.
    gives : tuple of bool
        For each input, whether backward gives a gradient for it.
    reason : str
        Why there is no trace.
    """

    trace: Trace | None
    gives: tuple[bool, ...] = ()
    reason: str = ""

    @property
    def gate_class(self) -> type:
        """The class of its gates."""
        assert self.trace is not None
        return type(self.trace.program.rows[0].gate)


def key_of(row: Row) -> Any:
    """Return what gates of one kind have in common."""
    gate = row.gate
    own = gate.__dict__ if isinstance(gate, Gate) else None
    if own is not None and own.keys() <= OF_A_PASS:
        return type(gate), row.wanted
    settings = gate.__getstate__() if own is not None else getattr(gate, "__dict__", {"": id(gate)})
    return type(gate), row.wanted, row.is_needed, repr(sorted(settings.items()))


def kind_of(row: Row) -> Kind:
    """Trace the kind of a gate."""
    gate, count = row.gate, len(row.sources)
    if row.outputs > 1 or getattr(gate, "has_parameters", False) or getattr(gate, "labels", ()):
        return Kind(None, reason="it has several outputs, labels or parameters of its own")
    names = [f"x{port}" for port in range(count)]
    ports = [port for port in range(count) if row.runs_backward and row.wanted[port]]
    program = Program(
        entries=[(name, Input(), port) for port, name in enumerate(names)],
        label_slots=set(),
        rows=[row._replace(sources=tuple(range(count)), out=count)],
        output=row.node,
        output_slot=count,
        differentiated=[Differentiated(names[port], port) for port in ports],
        unneeded={port for port in range(count) if port not in ports},
        size=count + 1,
    )
    try:
        trace = Trace(program, [_FIRST + _STEP * port for port in range(count)])
    except Exception as error:
        return Kind(None, reason=f"{type(error).__name__}: {error}")
    if trace.objects:
        return Kind(None, reason=next(iter(trace.objects.values())))
    if type(trace.output.value) is not float:
        return Kind(None, reason="it gives an array")
    given = {tracer.operands[-1] for tracer in trace.tape if tracer.operation == "gradient"}
    return Kind(trace, tuple([port in given for port in range(count)]))
