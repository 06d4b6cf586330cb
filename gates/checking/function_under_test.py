"""What is on trial: a gate, run anew for every question, so that no answer depends on the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gates.bare import bare
from gates.checking.copies import copy_of
from gates.gate import Gate, fresh, input_counts, labels_of, parameter_names, parameters_of, settings_of
from gates.validation import as_output, as_outputs, check_inputs, counted, formula
from gates.values import Value, as_labels, as_value, holds_integers, prefixed


class Refusal(Exception):
    """That a gate does not take some inputs; its cause is the error that says so."""


class Subject:
    """Something with a forward that is believed and a backward that is not.

    Attributes
    ----------
    title : str
        What it is called in a report.
    labels : tuple of int
        The ports without a gradient.
    remembers : bool
        Whether forward may depend on the passes before, as long as nothing shows that it does not.
    """

    title: str
    labels: tuple[int, ...] = ()
    remembers: bool = True

    def start(self, inputs: Sequence[Value]) -> Run:
        """Run forward on something fresh, and return what can be asked of it then."""
        raise NotImplementedError

    def outputs(self, inputs: Sequence[Value]) -> Any:
        """Return all numbers that forward gives, as one vector."""
        return _vector(self.start(inputs).outputs)

    def names(self, count: int) -> list[str]:
        """Return the names of that many inputs."""
        raise NotImplementedError

    def is_wanted(self, port: int) -> bool:
        """Return whether the gradient of an input is to be checked."""
        return True

    def upstream_names(self, count: int) -> list[str]:
        """Return the names of that many upstream gradients."""
        return [f"dz[{place}]" for place in range(count)]


class Run:
    """A forward pass that was run: its outputs, and a backward to be called."""

    outputs: list[Value]

    def backward(self, upstream: Sequence[Value]) -> Any:
        """Return what backward answers, as it is."""
        raise NotImplementedError


class GateSubject(Subject):
    """A gate on trial. It is copied, and never run itself.

    Parameters
    ----------
    gate : object
        The gate, of any class with the two methods.
    wanted : sequence of bool, optional
        For each input, whether its gradient is checked; all by default.
    """

    def __init__(self, gate: Any, wanted: Sequence[bool] | None = None) -> None:
        self.gate = gate
        self.title = _title(gate)
        try:
            fresh(gate)
        except Exception as error:
            raise TypeError(f"{self.title}: a check runs copies, and this gate cannot be copied: {error}") from error
        self.labels = labels_of(gate)
        self.wanted = None if wanted is None else tuple(wanted)
        self._worker: Gate | None = None

    def start(self, inputs: Sequence[Value]) -> GateRun:
        return self._run(fresh(self.gate), inputs)

    def start_anew(self, inputs: Sequence[Value]) -> GateRun:
        """Run forward on a gate that is made anew, if it can be: one that has run may keep something of that."""
        return self._run(_made_anew(self.gate), inputs)

    def _run(self, gate: Any, inputs: Sequence[Value]) -> GateRun:
        """Run forward on a gate of this subject's own."""
        ready = self._ready(gate, len(inputs))
        return GateRun(ready, _forward(ready, inputs))

    def outputs(self, inputs: Sequence[Value]) -> Any:
        if self._worker is None or self.remembers:
            self._worker = self._ready(fresh(self.gate), len(inputs))
        return _vector(_forward(self._worker, inputs))

    def names(self, count: int) -> list[str]:
        own = getattr(self.gate, "input_names", None)
        return list(own) if own and len(own) == count else parameter_names(self.gate.forward, count)

    def upstream_names(self, count: int) -> list[str]:
        return parameter_names(self.gate.backward, count)

    def is_wanted(self, port: int) -> bool:
        return self.wanted is None or self.wanted[port]

    @property
    def counts(self) -> tuple[int, float]:
        """The least and the largest number of inputs that forward takes."""
        if isinstance(self.gate, Gate) and self.gate.takes is not None:
            return self.gate.takes
        return input_counts(self.gate.forward)

    def values(self, given: Sequence[Any]) -> list[Value]:
        """Return inputs as values that can be moved: all but labels as float64, or float32 where they are.

        Raises
        ------
        Refusal
            If the gate does not take them.
        """
        try:
            return self._values(given)
        except (TypeError, ValueError) as error:
            raise Refusal from error

    def _values(self, given: Sequence[Any]) -> list[Value]:
        """Return inputs as values, or raise what is wrong with them."""
        least, most = self.counts
        if not least <= len(given) <= most:
            raise TypeError(f"{self.title} takes {counted(least, most)}, got {len(given)}")
        if not self.labels:
            self.labels = self._labels_found(given)
        values = []
        for port, (name, one) in enumerate(zip(self.names(len(given)), given)):
            try:
                values.append(as_labels(one) if port in self.labels else _as_numpy(as_value(one)))
            except (TypeError, ValueError) as error:
                raise prefixed(error, f"{self.title}: {name}") from None
        check_inputs(self._ready(fresh(self.gate), len(values)), values, self.title)
        return values

    def _labels_found(self, given: Sequence[Any]) -> tuple[int, ...]:
        """Return the ports whose integers backward has no gradient for: a class may not say which are labels."""
        integers = [port for port, one in enumerate(given) if holds_integers(as_labels(one))]
        if not integers:
            return ()
        self.labels = tuple(integers)
        try:
            values = [as_labels(one) if port in integers else as_value(one) for port, one in enumerate(given)]
            run = self.start(copy_of(values))
            answer = run.backward([np.ones_like(output) for output in run.outputs])
            return tuple([port for port in integers if answer[port] is None])
        except Exception:  # what is wrong comes to light when the gate is checked
            return ()
        finally:
            self.labels = ()

    def _ready(self, twin: Any, inputs: int) -> Gate:
        """Return a twin of the gate ready to run, with all gradients wanted that are checked."""
        gate = bare(twin)
        gate.labels = self.labels or gate.labels
        gate.wanted = self.wanted or (True,) * inputs
        return gate


class GateRun(Run):
    """A gate after its forward."""

    def __init__(self, gate: Gate, outputs: list[Value]) -> None:
        self.gate = gate
        self.outputs = outputs

    def forward(self, inputs: Sequence[Value]) -> None:
        """Run forward again, on the same gate."""
        self.outputs = _forward(self.gate, inputs)

    def backward(self, upstream: Sequence[Value]) -> Any:
        return formula(self.gate.backward)(self.gate, *upstream)


def _vector(values: Sequence[Value]) -> Any:
    """Return all numbers of several values as one new vector."""
    if len(values) == 1:  # the usual case, in half the time
        return np.array(values[0], dtype=np.float64).reshape(-1)
    return np.concatenate([np.asarray(value, dtype=np.float64).reshape(-1) for value in values])


def _made_anew(gate: Any) -> Any:
    """Return a gate of the same class and settings; a copy, where it does not keep its settings."""
    settings = settings_of(gate)
    can_be = settings.keys() == parameters_of(gate).keys() and not {"forward", "backward"} & vars(gate).keys()
    try:
        return type(gate)(**settings) if can_be else fresh(gate)
    except Exception:  # its constructor wants something else
        return fresh(gate)


def _forward(gate: Gate, inputs: Sequence[Value]) -> list[Value]:
    """Run a gate's formula as a graph does."""
    output = formula(gate.forward)(gate, *inputs)
    if gate.outputs == 1:
        gate.output = as_output(output)
        return [gate.output]
    gate.output = as_outputs(output, gate.outputs)
    return list(gate.output)


def _as_numpy(value: Value) -> Value:
    """Return a value as a float or a NumPy array."""
    if type(value) is float or isinstance(value, (np.ndarray, np.generic)):
        return value
    return as_value(np.asarray(value))


def _title(gate: Any) -> str:
    """Return a gate as it was made, where it says so."""
    text = repr(gate)
    return text if isinstance(gate, Gate) and len(text) <= 60 else type(gate).__name__
