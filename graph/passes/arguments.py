"""Arguments and results of the two passes: inputs by name, upstream gradients, gradients by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from gates.formatting import listed
from gates.validation import fit
from gates.values import Value, as_labels, as_value, namespace, prefixed, shape_of
from graph.passes.schedule import Differentiated
from graph.structure.entries import Entry, Input


class Entries(Protocol):
    """Anything that has a slot for each value that enters a graph."""

    entries: list[tuple[str, Entry, int]]
    label_slots: set[int]
    size: int


def values_of_entries(
    schedule: Entries, inputs: Mapping[str, Any] | None, named: Mapping[str, Any], used: Collection[int] | None = None
) -> list[Any]:
    """Return a list of values by slot with the inputs, parameters and constants filled in: all, or those in `used`."""
    given = merged(inputs, named)
    values: list[Any] = [None] * schedule.size
    missing = []
    labels = schedule.label_slots
    for name, gate, slot in schedule.entries:
        if not isinstance(gate, Input):
            value = gate.value
            values[slot] = value if type(value) is float else as_labels(value) if slot in labels else as_value(value)
        elif name in given:
            value = given.pop(name)
            if type(value) is not float or slot in labels:
                try:
                    value = as_labels(value) if slot in labels else as_value(value)
                except (TypeError, ValueError) as error:
                    raise prefixed(error, f"input {name!r}") from None
            values[slot] = value
        elif used is None or slot in used:
            missing.append(name)
    if given:
        names = [
            name for name, gate, slot in schedule.entries if isinstance(gate, Input) and (used is None or slot in used)
        ]
        wanted = f"wanted are {', '.join(names)}" if names else "none is wanted"
        raise ValueError(f"unknown input {', '.join(map(repr, given))}: {wanted}")
    if missing:
        form = ", ".join([f"{name}=..." for name in missing[:4]] + ["..."] * (len(missing) > 4))
        raise ValueError(f"give a value to {listed(missing)}: {form}")
    return values


def merged(inputs: Mapping[str, Any] | None, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs given as a mapping and by keyword as one dict, or raise TypeError."""
    if inputs is not None and not isinstance(inputs, Mapping):
        raise TypeError(f"inputs must be given as a mapping or by keyword, got {type(inputs).__name__}")
    given = {**(inputs or {}), **named}
    if inputs and len(given) < len(inputs) + len(named):
        raise TypeError(f"input {', '.join(sorted(map(repr, set(inputs) & set(named))))} is given twice")
    return given


def upstream_gradient(given: Any, value: Value, graph: Any) -> Value:
    """Return the upstream gradient in the shape of the output's value; `graph.output` names the output."""
    if type(value) is float and (given is None or type(given) is float):
        return 1.0 if given is None else given
    call = getattr(graph, "call", "backward()")
    if given is None:
        if shape_of(value):
            raise ValueError(
                f"the output {graph.output} has the shape {shape_of(value)}: {call} needs an upstream gradient of that "
                "shape, or a number for all of it"
            )
        given = 1.0
    who = f"{call}: the upstream gradient of {graph.output}"
    try:
        upstream = fit(as_value(given), value, who)
        return upstream.copy() if upstream is given and isinstance(given, np.ndarray) else upstream
    except TypeError as error:
        raise prefixed(error, who) from None


def summed(
    differentiated: Iterable[Differentiated], values: list[Any], grads: Any, absent: list[str] | None = None
) -> dict[str, Value]:
    """Return the gradients by name: sums over several slots, 0 where the output does not depend on a value.

    The names of the latter are appended to `absent`.
    """
    gradients = {}
    for name, slot, others in differentiated:
        total = grads[slot]
        for other in others:
            if grads[other] is not None:
                total = grads[other] if total is None else total + grads[other]
        if total is None:
            total = no_gradient(values[slot])
            if absent is not None:
                absent.append(name)
        gradients[name] = total
    return gradients


def no_gradient(value: Value) -> Value:
    """Return the gradient of a value that the output does not depend on: 0, in the value's shape and dtype."""
    return as_value(namespace(value).zeros_like(value))


def unshared(gradients: dict[str, Value], held: list[Any]) -> dict[str, Value]:
    """Return gradients with each array copied that is a view, or that a list of held arrays holds more than once."""
    shared: set[int] | None = None  # looked for when the first array is met: scalars need none
    for name, gradient in gradients.items():
        if type(gradient) is not float and isinstance(gradient, np.ndarray):
            if shared is None:
                shared = _ids_of_shared(held)
            if id(gradient) in shared or gradient.base is not None:
                gradients[name] = gradient.copy()
    return gradients


def _ids_of_shared(values: list[Any]) -> set[int]:
    """Return the ids of the objects that a list holds several times."""
    ids = [id(value) for value in values if value is not None]
    if len(set(ids)) == len(ids):
        return set()
    return {key for key, count in Counter(ids).items() if count > 1}
