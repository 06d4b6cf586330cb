"""The function under test: a gate, copied anew for every question, so that no answer depends on an earlier one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gates.bare import bare, bare_backward, bare_forward
from gates.checking.copies import copy_of, flat
from gates.checking.own_parameters import OwnParameter, Place, candidates, found_in
from gates.checking.precision import Precision
from gates.formatting import listed
from gates.gate import Gate, fresh, input_counts, labels_of, learns, parameter_names, parameters_of, settings_of
from gates.validation import check_inputs, counted
from gates.values import Value, as_labels, as_value, holds_integers, prefixed

#: Calls a backward with an upstream gradient, and returns its gradients with a deliberate error.
Mutation = Callable[[Callable[[Sequence[Value]], list[Any]], Sequence[Value]], Any]


class Refusal(Exception):
    """Raised where forward does not accept some inputs; its cause is the error that says why."""


class FunctionUnderTest:
    """A function whose forward is taken to be right, and whose backward is checked against it.

    Attributes
    ----------
    title : str
        What it is called in a report.
    labels : tuple of int
        The ports without a gradient.
    is_stateful : bool
        Whether forward may depend on earlier passes: assumed until it is shown not to.
    precision : Precision
        How forward rounds.
    own : sequence of OwnParameter
        The parameters that it keeps itself: they come after its inputs.
    reference : FunctionUnderTest or None
        One that is right, to compare with.
    """

    title: str
    labels: tuple[int, ...] = ()
    is_stateful: bool = True
    precision: Precision = Precision()
    own: Sequence[OwnParameter] = ()
    reference: FunctionUnderTest | None = None

    def start(self, inputs: Sequence[Value]) -> Run:
        """Run forward on a fresh copy, and return the run, of which backward can be asked."""
        raise NotImplementedError

    def outputs(self, inputs: Sequence[Value]) -> Any:
        """Return all outputs of forward as one vector."""
        return flat(self.start(inputs).outputs)

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
    """A forward pass that was run: its outputs, and the backward that belongs to it."""

    outputs: list[Value]

    def backward(self, upstream: Sequence[Value]) -> Any:
        """Return what backward returns, unchanged."""
        raise NotImplementedError

    def noticed(self) -> Sequence[str]:
        """Return what is wrong with the last pass, in sentences, where that shows to the function alone."""
        return ()


class GateUnderTest(FunctionUnderTest):
    """A gate under test. Copies of it run, never the gate itself.

    Parameters
    ----------
    gate : object
        The gate, of any class with the two methods.
    wanted : sequence of bool, optional
        For each input, whether its gradient is checked; all by default.
    mutation : Mutation, optional
        A deliberate error in backward.
    """

    def __init__(self, gate: Any, wanted: Sequence[bool] | None = None, mutation: Mutation | None = None) -> None:
        self.gate = gate
        self.title = _title(gate)
        try:
            fresh(gate)
        except Exception as error:
            raise TypeError(
                f"{self.title}: a check runs copies, and this gate cannot be copied: {error}; if it calls a "
                "function of another library, give that to check_gate() itself"
            ) from error
        self.labels = labels_of(gate)
        self.wanted = None if wanted is None else tuple(wanted)
        self.mutation = mutation
        self.is_searched, self.unseen = False, list[str]()
        self._worker: GateRun | None = None

    def start(self, inputs: Sequence[Value], anew: bool = False, wanted: Sequence[bool] | None = None) -> GateRun:
        # A copy of a gate that has run may hold stale state; one that is constructed anew does not.
        twin = _constructed_anew(self.gate) if anew else fresh(self.gate)
        run = GateRun(twin, self.ready(twin, len(inputs) - len(self.own), wanted), self.own, self.mutation)
        run.forward(inputs)
        return run

    def outputs(self, inputs: Sequence[Value]) -> Any:
        if self._worker is None or self.is_stateful or learns(self.gate):
            self._worker = self.start(inputs)
        else:
            self._worker.forward(inputs)
        return flat(self._worker.outputs)

    def names(self, count: int) -> list[str]:
        count -= len(self.own)
        names = getattr(self.gate, "input_names", None)
        names = list(names) if names and len(names) == count else parameter_names(self.gate.forward, count)
        return names + [str(parameter.value) for parameter in self.own]

    def upstream_names(self, count: int) -> list[str]:
        return parameter_names(self.gate.backward, count)

    def is_wanted(self, port: int) -> bool:
        return self.wanted is None or port >= len(self.wanted) or self.wanted[port]

    @property
    def remarks(self) -> list[str]:
        """What is worth a note in a report."""
        remarks = [*self.gate.remarks] if isinstance(self.gate, Gate) else []
        if self.unseen:
            remarks.append(f"not looked at: {listed(self.unseen)}, without a gradient such as self.dW beside self.W")
        return remarks

    @property
    def counts(self) -> tuple[int, float]:
        """The least and the largest number of inputs that forward takes."""
        if isinstance(self.gate, Gate) and self.gate.takes is not None:
            return self.gate.takes
        return input_counts(self.gate.forward)

    def values(self, given: Sequence[Any]) -> list[Value]:
        """Return inputs as NumPy arrays or floats, float32 as it is; labels remain integers.

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
        check_inputs(self.ready(fresh(self.gate), len(values)), values, self.title)
        if not self.is_searched:
            self.own, self.is_searched = self._own(values), True
        return values + [_as_numpy(as_value(parameter.value.get(self.gate))) for parameter in self.own]

    def _own(self, values: Sequence[Value]) -> list[OwnParameter]:
        """Return the parameters that the gate keeps itself, as far as a forward and a backward pass show them."""
        before = candidates(fresh(self.gate))  # without what an earlier pass left
        if not before:
            return []
        try:
            run = self.start(copy_of(values))
            between = candidates(run.layer)
            run.backward([output * 0.0 + 1.5 for output in run.outputs])
        except Exception:  # the check itself will report what is wrong
            return []
        found, others = found_in(run.layer, before, between)
        self.unseen = [str(place) for place in others if self._moves(place, values, run.outputs)]
        return found

    def _moves(self, place: Place, values: Sequence[Value], outputs: Sequence[Value]) -> bool:
        """Return whether another value of an array that the gate keeps changes what forward gives."""
        twin = fresh(self.gate)
        place.put(twin, place.get(twin) * 1.25 + 0.125)
        try:
            there = bare_forward(self.ready(twin, len(values)), copy_of(values))
        except Exception:  # forward does not take it
            return True
        return not np.array_equal(flat(there), flat(outputs), equal_nan=True)

    def _labels_found(self, given: Sequence[Any]) -> tuple[int, ...]:
        """Return the ports that take integers and have no gradient, where the class does not say which are labels."""
        integers = [port for port, one in enumerate(given) if holds_integers(as_labels(one))]
        if not integers:
            return ()
        self.labels = tuple(integers)
        try:
            values = [as_labels(one) if port in integers else as_value(one) for port, one in enumerate(given)]
            run = self.start(copy_of(values))
            answer = run.backward([np.ones_like(output) for output in run.outputs])
            return tuple([port for port in integers if answer[port] is None])
        except Exception:  # the check itself will report what is wrong
            return ()
        finally:
            self.labels = ()

    def ready(self, twin: Any, inputs: int, wanted: Sequence[bool] | None = None) -> Gate:
        """Return a copy of the gate, ready to run, with all gradients wanted that are checked, or some."""
        gate = bare(twin, tuple(wanted or self.wanted or (True,) * inputs))
        gate.labels = self.labels or gate.labels
        return gate


class GateRun(Run):
    """A gate, ready to run.

    Parameters
    ----------
    layer : object
        The gate as its class made it.
    gate : Gate
        What runs its bare formulas.
    own : sequence of OwnParameter
        Its own parameters: their values come after the inputs, and their gradients after those of the inputs.
    mutation : Mutation or None
        A deliberate error in backward.
    """

    def __init__(self, layer: Any, gate: Gate, own: Sequence[OwnParameter], mutation: Mutation | None) -> None:
        self.layer, self.gate, self.own, self.mutation = layer, gate, own, mutation

    def forward(self, inputs: Sequence[Value]) -> None:
        """Run forward."""
        count = len(inputs) - len(self.own)
        for parameter, value in zip(self.own, inputs[count:]):
            parameter.value.put(self.layer, value)
            if (gradient := parameter.gradient.get(self.layer)) is not None:
                parameter.gradient.put(self.layer, gradient * 0.0)  # in case backward adds to it
        self.outputs = bare_forward(self.gate, inputs[:count])

    def noticed(self) -> Sequence[str]:
        return self.gate.faults

    def backward(self, upstream: Sequence[Value]) -> Any:
        if self.mutation is None:
            answer = bare_backward(self.gate, upstream)
        else:
            answer = self.mutation(lambda dz: list(bare_backward(self.gate, dz)), upstream)
        if not self.own or not isinstance(answer, (list, tuple)):
            return answer
        return [*answer, *[copy.copy(parameter.gradient.get(self.layer)) for parameter in self.own]]


def _constructed_anew(gate: Any) -> Any:
    """Return a gate of the same class and settings; a copy if it does not keep its settings, or copies itself."""
    if hasattr(gate, "__copy__"):
        return fresh(gate)
    settings = settings_of(gate)
    is_possible = settings.keys() == parameters_of(gate).keys() and not {"forward", "backward"} & vars(gate).keys()
    try:
        return type(gate)(**settings) if is_possible else fresh(gate)
    except Exception:  # its constructor wants something else
        return fresh(gate)


def _as_numpy(value: Value) -> Value:
    """Return a value as a float or a NumPy array."""
    if type(value) is float or isinstance(value, (np.ndarray, np.generic)):
        return value
    return as_value(np.asarray(value))


def _title(gate: Any) -> str:
    """Return the call that makes a gate, if its repr tells; else its class."""
    text = repr(gate)
    return text if isinstance(gate, Gate) and len(text) <= 60 else type(gate).__name__
