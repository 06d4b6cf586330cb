"""Verification of traces: whether a gate's formulas are the same operations whatever numbers flow in."""

from __future__ import annotations

from random import Random, getstate
from typing import Any

import numpy as np

from gates.bare import Foreign
from gates.values import Value, shape_of
from graph.engines.trace.literals import Untraceable
from graph.engines.trace.recording import recorded
from graph.engines.trace.tracers import Tracer, mapped, value_of
from graph.passes.run import run_alone, run_forward
from graph.passes.schedule import Call

_RANDOM = (np.random.Generator, np.random.RandomState, Random)
_RANDOM_INPUTS = 3  # how many times a formula is run on random inputs


def why_untraceable(call: Call, inputs: list[Value]) -> str:
    """Return why a gate cannot be traced, or "" if it can.

    Its formulas are run on these inputs and on random ones of the same shapes, on values and on tracers. The operations
    must be the same each time, and the results the same to the bit. Inputs at which a formula raises are left out.

    Parameters
    ----------
    call : Call
        The call of the gate; copies of it run.
    inputs : list of float or array
        Its inputs.
    """
    if draws(call.gate):
        return "it draws random numbers"
    random = np.random.default_rng(0)
    operations: list[Any] = []
    for attempt in range(1 + _RANDOM_INPUTS):
        given = inputs if not attempt else [_other(value, attempt, random) for value in inputs]
        given = [inputs[port] if port in call.gate.labels else value for port, value in enumerate(given)]
        alone = call.copied().alone()
        before = random_state()
        try:
            outputs, upstream, gradients = _on_values(alone, given, random)
            again = _on_values(alone, given, random, upstream)
        except Exception:
            continue
        if random_state() != before or not _same(outputs + gradients, again[0] + again[2]):
            return "it gives something else each time"
        try:
            recording = recorded(call, given, upstream)
            require_same(recording.outputs + recording.gradients, outputs + gradients)
        except (Exception, Untraceable) as error:
            return reason(error)
        operations.append(_without_numbers(recording.tape))
    if any(others != operations[0] for others in operations):
        return "what it does depends on the values of numbers"
    return ""


def draws(gate: Any) -> bool:
    """Return whether a gate has a random number generator."""
    owner = gate.gate if isinstance(gate, Foreign) else gate
    return any(isinstance(value, _RANDOM) for value in getattr(owner, "__dict__", {}).values())


def random_state() -> Any:
    """Return the state of the global random number generators of NumPy and Python."""
    name, keys, *rest = np.random.get_state(legacy=True)
    return name, np.asarray(keys).tobytes(), rest, getstate()


def reason(error: BaseException) -> str:
    """Return in words why a formula does not run on tracers, as its error tells."""
    return str(error) if isinstance(error, Untraceable) else f"{type(error).__name__}: {error}"


def _on_values(call: Call, inputs: list[Value], random: Any, upstream: Any = None) -> tuple[Any, Any, Any]:
    """Return a gate's outputs, upstream gradients drawn for them, and its gradients."""
    values = [*inputs, *[None] * call.outputs]
    run_forward([call], values)
    outputs = values[call.out :]
    if upstream is None:
        upstream = [_drawn(value, random) for value in outputs]
    return outputs, upstream, run_alone(call, values, upstream) if call.backward is not None else []


def _other(value: Value, attempt: int, random: Any) -> Value:
    """Return another value of the same shape and dtype: the negated one first, then random ones."""
    return -value if attempt == 1 else _drawn(value, random)


def _drawn(value: Value, random: Any) -> Value:
    """Return random numbers of the same shape and dtype."""
    if type(value) is float:
        return float(random.normal())
    return np.asarray(random.normal(size=shape_of(value)), dtype=value.dtype)[()]


def require_same(traced: list[Any], values: list[Any]) -> None:
    """Raise Untraceable unless tracers, or what they hold, have these values, to the bit."""
    if not _same(list(map(value_of, traced)), values):
        raise Untraceable("it gives something else on tracers than on values")


def _same(found: list[Any], wanted: list[Any]) -> bool:
    """Return whether two lists hold the same values, to the bit, or None in the same places."""
    return len(found) == len(wanted) and all(map(_are_same, found, wanted))


def _are_same(found: Any, wanted: Any) -> bool:
    """Return whether two values are the same, to the bit, or both None."""
    if type(found) is not type(wanted) or getattr(found, "dtype", None) != getattr(wanted, "dtype", None):
        return False
    if found is None or (type(found) is float and found == wanted):
        return True
    return bool(np.array_equal(found, wanted, equal_nan=True))


def _without_numbers(tape: list[Tracer]) -> list[Any]:
    """Return the operations on a tape without the values of tracers, which become their places on it."""
    places = {id(tracer): place for place, tracer in enumerate(tape)}

    def place(thing: Any) -> Any:
        return mapped(lambda part: places.get(id(part)) if isinstance(part, Tracer) else part, thing)

    return [(t.operation, place(t.operands), sorted((n, place(x)) for n, x in t.options.items())) for t in tape]
