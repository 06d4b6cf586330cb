"""Whether a gate's formulas are the same operations whatever numbers flow in, so that they can be written down once."""

from __future__ import annotations

from random import Random, getstate
from typing import Any

import numpy as np

from gates.bare import Foreign, bare_backward, bare_copy, bare_forward
from gates.validation import gradient_of
from gates.values import Value, as_value, shape_of
from graph.engines.trace.literals import Untraceable, literal
from graph.engines.trace.tracers import Tracer
from graph.passes.passes import run_alone, run_forward
from graph.passes.schedule import Call
from graph.structure.library import GATES

_RANDOM = (np.random.Generator, np.random.RandomState, Random)
_ASKS = 3  # how many times a formula is tried with other numbers


def is_own(gate: Any) -> bool:
    """Return whether a gate is one of gategraph's own, whose formulas are known to be the same for all numbers."""
    return GATES.get(type(gate).__name__) is type(gate)


def why_untraceable(call: Call, inputs: list[Value]) -> str:
    """Return why a gate cannot be written down: what it does, or gives, depends on the numbers, or on the moment.

    Its formulas are run on these inputs and on others of the same shapes, on values and on tracers. Numbers at which
    they raise are left out.

    Parameters
    ----------
    call : Call
        The gate, which stays as it is.
    inputs : list of float or array
        Inputs.

    Returns
    -------
    str
        The reason; "" if there is none.
    """
    if draws(call.gate):
        return "it draws random numbers"
    random = np.random.default_rng(0)
    operations: list[Any] = []
    for attempt in range(1 + _ASKS):
        given = inputs if not attempt else [_other(value, attempt, random) for value in inputs]
        given = [inputs[port] if port in call.gate.labels else value for port, value in enumerate(given)]
        real = call.copied().alone()
        before = random_state()
        try:
            outputs, upstream, gradients = _on_values(real, given, random)
            again = _on_values(real, given, random, upstream)
        except Exception:
            continue
        if random_state() != before or not _same(outputs + gradients, again[0] + again[2]):
            return "it gives something else each time"
        try:
            tape, found = on_tracers(call, given, upstream)
        except (Exception, Untraceable) as error:
            return reason(error)
        if not _same(found, outputs + gradients):
            return "it gives something else on tracers than on values"
        operations.append(_structure(tape))
    if any(structure != operations[0] for structure in operations):
        return "what it does depends on the values of numbers"
    return ""


def draws(gate: Any) -> bool:
    """Return whether a gate has a generator of random numbers."""
    owner = gate.gate if isinstance(gate, Foreign) else gate
    return any(isinstance(value, _RANDOM) for value in getattr(owner, "__dict__", {}).values())


def random_state() -> Any:
    """Return the state of the generators of random numbers that NumPy and Python have for all."""
    name, keys, *rest = np.random.get_state(legacy=True)
    return name, np.asarray(keys).tobytes(), rest, getstate()


def reason(error: BaseException) -> str:
    """Return in words why a formula does not run on tracers."""
    return str(error) if isinstance(error, Untraceable) else f"{type(error).__name__}: {error}"


def on_tracers(call: Call, inputs: list[Value], upstream: list[Value]) -> tuple[list[Tracer], list[Any]]:
    """Return what a gate's formulas write down, and the values of its outputs and gradients."""
    tape: list[Tracer] = []
    gate = bare_copy(call.gate, call.gate.wanted)
    given = [Tracer(tape, "variable", (), {}, value) for value in inputs]
    outputs = bare_forward(gate, given)
    gradients: list[Any] = []
    if call.backward is not None:
        found = bare_backward(gate, [Tracer(tape, "variable", (), {}, dz) for dz in upstream])
        gradients = traced_gradients(found, given)
    for result in outputs + gradients:
        if result is not None and not isinstance(result, Tracer):
            Tracer(tape, "literal", (literal(result),), {}, result)
    return tape, [result.value if isinstance(result, Tracer) else result for result in outputs + gradients]


def traced_gradients(found: Any, inputs: list[Tracer]) -> list[Any]:
    """Return what backward gave for tracers as gradients in the shapes of the inputs; None stays None."""
    if not isinstance(found, (list, tuple)) or len(found) != len(inputs):
        raise Untraceable("it gives no list of gradients")
    return [
        gradient if gradient is None else gradient_of(as_value(gradient), value, port)
        for port, (gradient, value) in enumerate(zip(found, inputs))
    ]


def _on_values(call: Call, inputs: list[Value], random: Any, upstream: Any = None) -> tuple[Any, Any, Any]:
    """Return a gate's outputs, upstream gradients drawn for them, and its gradients."""
    values = [*inputs, *[None] * call.outputs]
    run_forward([call], values)
    outputs = values[call.out :]
    if upstream is None:
        upstream = [_drawn(value, random) for value in outputs]
    return outputs, upstream, run_alone(call, values, upstream) if call.backward is not None else []


def _other(value: Value, attempt: int, random: Any) -> Value:
    """Return another value of the same shape and dtype: of the other sign first."""
    return -value if attempt == 1 else _drawn(value, random)


def _drawn(value: Value, random: Any) -> Value:
    """Return a value of the same shape and dtype with random numbers."""
    if type(value) is float:
        return float(random.normal())
    return np.asarray(random.normal(size=shape_of(value)), dtype=value.dtype)[()]


def _same(found: list[Any], wanted: list[Any]) -> bool:
    """Return whether values are the same, to the bit."""
    return len(found) == len(wanted) and all(map(same, found, wanted))


def same(found: Any, wanted: Any) -> bool:
    """Return whether two values are the same, to the bit, or both None."""
    if type(found) is not type(wanted) or getattr(found, "dtype", None) != getattr(wanted, "dtype", None):
        return False
    if found is None or (type(found) is float and found == wanted):
        return True
    return bool(np.array_equal(found, wanted, equal_nan=True))


def _structure(tape: list[Tracer]) -> list[Any]:
    """Return the operations on a tape without the numbers that flowed: a tracer is its place."""
    places = {id(tracer): place for place, tracer in enumerate(tape)}

    def shown(thing: Any) -> Any:
        if isinstance(thing, Tracer):
            return places.get(id(thing))
        if isinstance(thing, slice):
            return "slice", shown(thing.start), shown(thing.stop), shown(thing.step)
        if isinstance(thing, (tuple, list)):
            return type(thing).__name__, *map(shown, thing)
        return thing

    return [(s.operation, shown(s.operands), sorted((n, shown(x)) for n, x in s.options.items())) for s in tape]
