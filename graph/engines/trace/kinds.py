"""Kinds of gates: those of one class, with the same settings and wanted gradients, do the same operations on numbers.

So it is enough to record one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gates.gate import OF_A_PASS, Gate, fresh
from gates.values import Value
from graph.engines.program import Row
from graph.engines.trace.literals import Untraceable
from graph.engines.trace.recording import Recording, recorded
from graph.engines.trace.verification import reason, require_same, why_untraceable
from graph.passes.run import run_alone, run_forward
from graph.passes.schedule import make_call
from graph.structure.library import is_library_gate

#: Where a kind is recorded: inside the domain of most formulas, and another number for each input.
_FIRST, _STEP = 0.5, 0.0625


class Kind(NamedTuple):
    """What gates of one kind do, or why that cannot be written.

    Attributes
    ----------
    gate_class : type
        The class of its gates.
    recording : Recording or None
        Both formulas of one such gate, on numbers.
    gives : tuple of bool
        For each input, whether backward gives a gradient that is wanted.
    reason : str
        Why there is no recording.
    """

    gate_class: type
    recording: Recording | None
    gives: tuple[bool, ...] = ()
    reason: str = ""


def key_of(row: Row) -> Any:
    """Return what gates of one kind have in common."""
    gate = row.gate
    own = gate.__dict__ if isinstance(gate, Gate) else None
    if own is not None and own.keys() <= OF_A_PASS:
        return type(gate), row.wanted
    settings = gate.__getstate__() if own is not None else getattr(gate, "__dict__", {"": id(gate)})
    return type(gate), row.wanted, row.is_needed, repr(sorted(settings.items()))


def kind_of(row: Row, inputs: Sequence[float] | None = None, has_hints: bool = False) -> Kind:
    """Record the kind of a gate.

    Parameters
    ----------
    row : Row
        The gate.
    inputs : sequence of float, optional
        Numbers that it takes.
    has_hints : bool
        Whether to note what the formulas call their variables.
    """
    gate, count = row.gate, len(row.sources)
    if row.outputs > 1 or getattr(gate, "has_parameters", False) or getattr(gate, "labels", ()):
        return Kind(type(gate), None, reason="it has several outputs, labels or parameters of its own")
    values: list[Value] = list(inputs or [_FIRST + _STEP * port for port in range(count)])
    call = make_call(row.node, fresh(gate), tuple(range(count)), count, 1, row.wanted)
    try:
        with np.errstate(all="ignore"):
            around = [*values, None]
            run_forward([call], around)
            if type(around[-1]) is not float:
                return Kind(type(gate), None, reason="it gives an array")
            gradients = run_alone(call, around, [1.0]) if row.runs_backward else []
            if why := "" if is_library_gate(gate) else why_untraceable(call, values):
                return Kind(type(gate), None, reason=why)
            recording = recorded(call, values, [1.0], has_hints)
            require_same([*recording.outputs, *recording.gradients], [around[-1], *gradients])
    except (Exception, Untraceable) as error:
        return Kind(type(gate), None, reason=reason(error))
    gives = [want and gradient is not None for want, gradient in zip(row.wanted, recording.gradients)]
    return Kind(type(gate), recording, tuple(gives or [False] * count))
