"""Stacking: one gate that does what many gates of its kind do, on vectors with an element for each of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gates import Gate
from gates.bare import bare_backward, bare_forward
from gates.gate import OF_A_PASS, fresh
from gates.validation import formula
from graph.structure.library import is_library_gate

_SIMPLE = (float, int, str, tuple, type(None))  # kinds of settings that can be compared
_COMPARED, _COMPARED_USER_DEFINED = 16, 1000  # gates to compare the stacked gate with


def can_be_stacked(gate: Any) -> bool:
    """Return whether a gate may be stacked: each element of the output depends on that of the inputs alone."""
    if not isinstance(gate, Gate):
        return False
    if gate.__dict__.keys() <= OF_A_PASS:
        gate_class: Any = type(gate)
        return _is_elementwise_class(gate_class)
    return _is_elementwise(gate) and all(isinstance(setting, _SIMPLE) for setting in gate.__getstate__().values())


def _is_elementwise(gate: Gate | type[Gate]) -> bool:
    """Return whether a gate, or a class of gates, may be stacked as far as its formulas tell."""
    return (
        gate.elementwise
        and not gate.labels
        and not gate.has_parameters
        and getattr(gate.check, "__func__", gate.check) is Gate.check
        and formula(gate.forward) is not None
        and formula(gate.backward) is not None
    )


@functools.cache
def _is_elementwise_class(gate_class: Any) -> bool:
    """Return the same of a class, remembered."""
    return _is_elementwise(gate_class)


def stacked(gates: Sequence[Gate], count: int) -> Gate | None:
    """Return a gate with the settings of many in vectors, or None if these cannot be stacked.

    Parameters
    ----------
    gates : sequence of Gate
        Gates of one class.
    count : int
        How many inputs each reads.
    """
    gate: Gate = fresh(gates[0])
    states = [gate.__getstate__() for gate in gates]
    differ = False
    for name, first in states[0].items():
        settings = [state.get(name) for state in states]
        if len(set(map(repr, settings))) == 1:  # repr tells 0.0 from -0.0
            continue
        if not all(type(setting) is type(first) is float for setting in settings):
            return None
        setattr(gate, name, np.array(settings))
        differ = True
    if is_library_gate(gate) and not differ:
        return gate
    try:
        with np.errstate(all="ignore"):
            return gate if _does_the_same(gate, gates, count) else None
    except Exception:  # whatever a formula raises that was written for numbers
        return None


def _does_the_same(gate: Gate, gates: Sequence[Gate], count: int) -> bool:
    """Return whether a gate on vectors computes what the single gates do on numbers, at random ones."""
    random = np.random.default_rng(0)
    inputs = [random.normal(size=len(gates)) for _ in range(count)]
    upstream = [random.normal(size=len(gates)) for _ in range(gate.outputs)]
    results = _both_passes(gate, inputs, upstream)
    tried = min(_COMPARED if is_library_gate(gate) else _COMPARED_USER_DEFINED, len(gates))
    for place in np.linspace(0, len(gates) - 1, tried, dtype=int).tolist():
        numbers = [[float(vector[place]) for vector in vectors] for vectors in (inputs, upstream)]
        single = _both_passes(fresh(gates[place]), *numbers)
        found = [np.broadcast_to(result, len(gates))[place] for result in results]
        if not np.allclose(found, single, rtol=1e-14, atol=0.0, equal_nan=True):
            return False
    return True


def _both_passes(gate: Gate, inputs: list[Any], upstream: list[Any]) -> list[Any]:
    """Return the outputs and the gradients of a gate."""
    gate.wanted = (True,) * len(inputs)
    return [*bare_forward(gate, inputs), *bare_backward(gate, upstream)]
