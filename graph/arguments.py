"""What the two passes are given and what they give back: inputs by name, upstream gradients, gradients by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from gates.doors import fit
from gates.namespaces import namespace
from gates.values import Value, as_labels, as_value, shape_of
from graph.entries import Input, has_gradient
from graph.schedule import Schedule
from graph.wire import Wire


def values_of_entries(
    schedule: Schedule, inputs: Mapping[str, Any] | None, named: Mapping[str, Any], used: Collection[int] | None = None
) -> list[Any]:
    """Return a list of values where inputs, parameters and constants are filled in; all, or those in `used`."""
    if inputs is not None and not isinstance(inputs, Mapping):
        raise TypeError(f"inputs must be given as a mapping or by keyword, got {type(inputs).__name__}")
    given = {**(inputs or {}), **named}
    if inputs and len(given) < len(inputs) + len(named):
        raise TypeError(f"input {', '.join(sorted(map(repr, set(inputs) & set(named))))} is given twice")
    values: list[Any] = [None] * schedule.size
    names, missing = [], []
    for name, gate, slot in schedule.entries:
        read = as_labels if slot in schedule.labels else as_value
        if not isinstance(gate, Input):
            values[slot] = gate.value if type(gate.value) is float else read(gate.value)
            continue
        if used is None or slot in used:
            names.append(name)
        if name in given:
            try:
                values[slot] = read(given.pop(name))
            except (TypeError, ValueError) as error:
                raise type(error)(f"input {name!r}: {error}") from None
        elif used is None or slot in used:
            missing.append(name)
    wanted = f"wanted are {', '.join(names)}" if names else "none is wanted"
    if given:
        raise ValueError(f"unknown input {', '.join(map(repr, given))}: {wanted}")
    if missing:
        raise ValueError(f"missing input {', '.join(map(repr, missing))}: {wanted}")
    return values


def upstream_gradient(given: Any, value: Value, output: Wire) -> Value:
    """Return the gradient with respect to the output, in its shape."""
    if given is None:
        if shape_of(value):
            raise ValueError(
                f"the output {output} has the shape {shape_of(value)}: backward() needs an upstream gradient of that "
                "shape, or a number for all of it"
            )
        given = 1.0
    who = f"backward(): the upstream gradient of {output}"
    try:
        return fit(as_value(given), value, who)
    except TypeError as error:
        raise TypeError(f"{who}: {error}") from None


def owned_gradients(schedule: Schedule, values: list[Any], grads: list[Any]) -> dict[str, Value]:
    """Return the gradients by name. An array that stands in another place too, or is a view of one, is copied."""
    gradients = {}
    places: Counter[int] = Counter()  # counted when the first array is met: scalars need none
    for name, gate, slot in schedule.entries:
        if not has_gradient(gate) or slot in schedule.labels:
            continue
        gradient = grads[slot]
        if gradient is None:
            gradient = namespace(values[slot]).zeros_like(values[slot])
        elif isinstance(gradient, np.ndarray):
            places = places or Counter(map(id, grads))
            if places[id(gradient)] > 1 or gradient.base is not None:
                gradient = gradient.copy()
        gradients[name] = grads[slot] = gradient
    return gradients
