"""Checks of labels, which look at numbers: they come before JAX runs the formulas, whose traces have no numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gates.values import Value, shape_of
from graph.engines.engine import check_labels, placeholder
from graph.engines.program import Program
from graph.passes.run import run_forward
from graph.passes.schedule import Call
from graph.structure.entries import Constant

_KEPT = 16  # sets of shapes that are remembered


class LabelChecks:
    """Lets gates check the labels that they read. Those of the last call are known, since arrays of JAX never change.

    Parameters
    ----------
    program : Program
        The program.
    slots : list of int
        The slots of the arguments of each call.
    in_trace : callable
        `in_trace(run, arguments)` calls `run(calls, values)` in a trace of JAX, with the calls of the gates and the
        values by slot; labels among the arguments are replaced by placeholders.
    """

    def __init__(self, program: Program, slots: list[int], in_trace: Callable[..., None]) -> None:
        self._program = program
        self._slots = slots
        self._in_trace = in_trace
        self._last: list[Any] = []  # the shapes and the labels of the last call
        self._inputs: dict[Any, dict[str, list[Value]]] = {}  # by shapes of arguments: placeholders for gates' inputs

    def run(self, arguments: list[Value]) -> None:
        """Check the labels among the arguments of the engine's function.

        Raises
        ------
        ValueError, TypeError
            What a gate says of its labels, with its name.
        """
        program = self._program
        if not program.label_checks:
            return
        shapes = tuple(map(shape_of, arguments))
        given = {slot: value for slot, value in zip(self._slots, arguments) if slot in program.label_slots}
        last, self._last = self._last, []
        if last and last[0] == shapes and all(map(operator.is_, given.values(), last[1:])):
            self._last = last
            return
        labels: list[Any] = [None] * program.size
        for _, gate, slot in program.entries:
            labels[slot] = gate.value if isinstance(gate, Constant) else None
        for slot, value in given.items():
            labels[slot] = _on_this_host(value)
        if shapes not in self._inputs:
            if len(self._inputs) == _KEPT:
                del self._inputs[next(iter(self._inputs))]
            self._inputs[shapes] = self._checked_in_trace(arguments, labels)
        else:
            for call in program.label_checks:
                _check(call, self._inputs[shapes][call.node], labels)
        if not any(labels[slot] is None or isinstance(labels[slot], np.ndarray) for slot in given):
            self._last = [shapes, *given.values()]

    def _checked_in_trace(self, arguments: list[Value], labels: list[Any]) -> dict[str, list[Value]]:
        """Trace forward with checks; return placeholders for the inputs of the gates that have checks."""
        checking = {call.node for call in self._program.label_checks}
        found: dict[str, list[Value]] = {}

        def with_check(call: Call) -> Call:
            def forward(gate: Any, *inputs: Value) -> Any:
                found[call.node] = list(map(placeholder, inputs))
                _check(call, found[call.node], labels)
                return call.forward(gate, *inputs)

            return call._replace(forward=forward) if call.node in checking else call

        self._in_trace(lambda calls, values: run_forward(list(map(with_check, calls)), values), arguments)
        return found


def _check(call: Call, inputs: list[Value], labels: list[Any]) -> None:
    """Let a gate check its labels, unless the caller is tracing, where labels have no values."""
    if all(labels[call.sources[port]] is not None for port in call.gate.labels):
        check_labels(call, inputs, labels)


def _on_this_host(labels: Any) -> Any:
    """Return labels as they are; if they are spread over hosts, this host's part, 0 elsewhere; None if traced."""
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
