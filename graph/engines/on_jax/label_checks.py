"""The checks of labels, which look at their numbers: made before JAX runs the formulas, which it traces without any."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from gates.validation import check_inputs
from gates.values import Value, shape_of
from graph.engines.engine import placeholder
from graph.passes.passes import run_forward
from graph.passes.schedule import Call
from graph.structure.entries import Constant

if TYPE_CHECKING:
    from graph.engines.on_jax.jitted import Jitted


_KEPT = 16  # sets of shapes that are remembered


class LabelChecks:
    """Lets gates check the labels that they read. Arrays of JAX never change: those of the last call are known.

    Parameters
    ----------
    engine : Jitted
        The engine that runs the gates.
    """

    def __init__(self, engine: Jitted) -> None:
        self._engine = engine
        self._slots = engine.program.label_slots
        self._constants = {slot: gate.value for _, gate, slot in engine.program.entries if isinstance(gate, Constant)}
        self._last: list[Any] = []  # the shapes and the labels of the last call
        self._inputs: dict[Any, dict[str, list[Value]]] = {}  # by shapes of arguments: what the gates look at

    @functools.cached_property
    def _calls(self) -> dict[str, Call]:
        """The calls of gates that check labels, by name."""
        return {call.node: call for call in self._engine.program.label_checks}

    def run(self, arguments: list[Value]) -> None:
        """Check the labels among the arguments of the engine's function.

        Raises
        ------
        ValueError, TypeError
            What a gate says of its labels, with its name.
        """
        if not self._calls:
            return
        shapes = tuple(map(shape_of, arguments))
        given = {slot: value for slot, value in zip(self._engine.slots, arguments) if slot in self._slots}
        last, self._last = self._last, []
        if last and last[0] == shapes and all(map(operator.is_, given.values(), last[1:])):
            self._last = last
            return
        labels = {**self._constants, **{slot: _on_this_host(value) for slot, value in given.items()}}
        if shapes not in self._inputs:
            if len(self._inputs) == _KEPT:
                del self._inputs[next(iter(self._inputs))]
            self._inputs[shapes] = self._checked_on_the_way(arguments, labels)
        else:
            for call in self._calls.values():
                _check(call, self._inputs[shapes][call.node], labels)
        if not any(value is None or isinstance(value, np.ndarray) for value in labels.values()):
            self._last = [shapes, *given.values()]

    def _checked_on_the_way(self, arguments: list[Value], labels: dict[int, Any]) -> dict[str, list[Value]]:
        """Run forward without numbers, with checks; return what has the shapes of the inputs of gates with checks."""
        engine, found = self._engine, {}

        def with_check(call: Call) -> Call:
            def forward(gate: Any, *inputs: Value) -> Any:
                found[call.node] = list(map(placeholder, inputs))
                _check(call, found[call.node], labels)
                return call.forward(gate, *inputs)

            return call._replace(forward=forward) if call.node in self._calls else call

        def pass_forward(arguments: list[Value]) -> None:
            run_forward(list(map(with_check, engine.calls())), engine.filled_in(arguments))

        shapes = [
            np.zeros(shape_of(value), int) if slot in labels else engine.devices.described(value)
            for slot, value in zip(engine.slots, arguments)
        ]
        engine.traced_by(engine.jax.eval_shape, pass_forward, shapes)
        return found


def _check(call: Call, inputs: list[Value], labels: dict[int, Any]) -> None:
    """Let a gate check its labels; what is known of its other inputs is shapes and dtypes."""
    inputs = list(inputs)
    for port in call.gate.labels:
        if labels.get(call.sources[port]) is None:  # in a trace of the caller's, or no input or constant
            return
        inputs[port] = labels[call.sources[port]]
    check_inputs(call.gate, inputs, f"{call.node} ({type(call.gate).__name__})")


def _on_this_host(labels: Any) -> Any:
    """Return labels as they are; what this host has of those on several, with 0 elsewhere; None for traced ones."""
    if isinstance(labels, (float, np.ndarray)):
        return labels
    try:
        if labels.is_fully_addressable:
            return labels
    except TypeError:
        return None
    ours = np.zeros(labels.shape, labels.dtype)
    for shard in labels.addressable_shards:
        ours[shard.index] = shard.data
    return ours
