"""The contract of backward, apart from its numbers: what it returns and raises, what it writes into, what it keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gates.checking.copies import copy_of, same
from gates.checking.function_under_test import FunctionUnderTest, GateUnderTest, Refusal, Run
from gates.checking.report import Fault
from gates.formatting import listed, numbered
from gates.values import Value, as_value, shape_of


class Contract:
    """One forward pass and a few calls of backward, and how they break the contract.

    Parameters
    ----------
    function : FunctionUnderTest
        The function whose backward is called.
    inputs : sequence of float or numpy.ndarray
        The point at which it is called.
    upstream_for : callable
        Makes the upstream gradients for a list of outputs.

    Attributes
    ----------
    faults : list of Fault
        What is wrong.
    gradients : list of float or numpy.ndarray, or None
        The gradients, None for a port without one; None altogether if backward did not return a list of gradients.
    missing : list of int
        The ports for which backward returned None although they have a gradient.
    outputs, upstream : list of float or numpy.ndarray
        What forward returned, and the upstream gradients for that.
    is_random : bool
        Whether backward returns something else each time it runs.
    raised : Fault or None
        An arithmetic error that backward raised; the gradients are then nan. It is a fault only where the slope is
        finite.

    Raises
    ------
    Refusal
        If forward does not accept the inputs.
    """

    def __init__(
        self,
        function: FunctionUnderTest,
        inputs: Sequence[Value],
        upstream_for: Callable[[Sequence[Value]], list[Value]],
    ) -> None:
        self.faults: list[Fault] = []
        self.gradients: list[Any] | None = None
        self.missing: list[int] = []
        self.raised: Fault | None = None
        self.is_random = False
        self.outputs: list[Value] = []
        self.upstream: list[Value] = []
        self.function, self._names = function, function.names(len(inputs))
        given = copy_of(inputs)
        try:
            run = function.start(given)
        except Exception as error:
            if not _is_read_only(error):
                raise Refusal from error
            self._add("modifies", f"forward modifies its inputs: {error}")
            return
        self.outputs = copy_of(run.outputs)
        self._check_unchanged("forward", given, inputs)
        self._add_noticed(run)
        self.upstream = upstream_for(self.outputs)
        if not self.faults:
            self._check_backward(run, given, inputs)

    def check_state(self, inputs: Sequence[Value], others: Sequence[Sequence[Value]]) -> bool:
        """Look whether passes at other inputs change the gradients at these; return whether forward may be stateful."""
        if not isinstance(self.function, GateUnderTest) or self.gradients is None:
            return True
        is_stateful = not others
        for other in others:
            try:
                run = self.function.start(copy_of(other), anew=True)
                run.backward(copy_of(self.upstream))
                run.forward(copy_of(inputs))
                outputs = copy_of(run.outputs)
                gradients, _ = self._gradients(run.backward(copy_of(self.upstream)), inputs)
            except Exception:  # it does not even run: judged by what it does at these inputs alone
                continue
            if not all(map(self.function.precision.same, outputs, self.outputs)):
                is_stateful = True
            elif gradients is not None and (names := self._differing(gradients, self.gradients)):
                self._add("stale", f"{_gradients_are(names)} stale: backward uses what an earlier forward kept")
                break
        if not is_stateful:
            self._check_other_instances(self.function, inputs, others[0])
        return is_stateful

    def wrong_if_wanted_alone(self, inputs: Sequence[Value]) -> list[Fault]:
        """Return what is wrong with the first gradient that changes where it is the only one that is wanted."""
        function, count = self.function, len(inputs) - len(self.function.own)
        if not isinstance(function, GateUnderTest) or function.wanted is not None or count < 2:
            return []
        for port in range(count):
            alone, name = [place == port for place in range(count)], self._names[port]
            try:
                answer = function.start(copy_of(inputs), wanted=alone).backward(copy_of(self.upstream))
            except Exception as error:
                raises = f"backward raises {_told(error)}"
                return [Fault("only some", f"where only the gradient of {name} is wanted, {raises}", port)]
            gradients, _ = self._gradients(answer, inputs)
            one, of_all = (gradients or [None] * count)[port], (self.gradients or [None] * count)[port]
            if _differing([name], [one], [of_all], self._is_same):
                return [Fault("only some", f"the gradient of {name} is wrong where it is the only one wanted", port)]
        return []

    def _check_other_instances(self, function: GateUnderTest, inputs: Sequence[Value], other: Sequence[Value]) -> None:
        """Look whether a forward pass of another instance changes a gradient."""
        try:
            run = function.start(copy_of(inputs))
            function.start(copy_of(other))
            gradients, _ = self._gradients(run.backward(copy_of(self.upstream)), inputs)
        except Exception:  # it does not even run
            return
        if gradients is not None and (names := self._differing(gradients, self.gradients or ())):
            why = "backward uses what all instances share, on the class or in the module"
            self._add("another instance", f"{_gradients_are(names)} that of another instance: {why}")

    def _check_backward(self, run: Run, given: Sequence[Value], inputs: Sequence[Value]) -> None:
        """Call backward, twice if nothing is wrong the first time."""
        dz, labels = copy_of(self.upstream), self.function.labels
        try:
            answer = run.backward(dz)
        except Exception as error:
            fault = Fault("raises", f"backward raises {_told(error)}")
            if isinstance(error, ArithmeticError):  # on floats, a division by 0 raises where arrays would hold inf
                self.raised = fault
                self.gradients = [None if port in labels else x * math.nan for port, x in enumerate(inputs)]
            elif _is_read_only(error):
                self._add("modifies", f"backward modifies what it was given: {error}")
            else:
                self.faults.append(fault)
            return
        self._add_noticed(run)
        gradients, faults = self._gradients(answer, inputs)
        self.faults += faults
        if gradients is None:
            return
        self.gradients = copy_of(gradients)
        self.missing = [port for port, gradient in enumerate(answer) if gradient is None and port not in labels]
        if not self.faults:
            self._check_unchanged("backward", given, inputs)
            if changed := _differing(self.function.upstream_names(len(dz)), dz, self.upstream):
                self._add("modifies", f"backward modifies {listed(changed)}, the gradient that it was given")
        if not self.faults:
            self._check_second_call(run, inputs)

    def _add_noticed(self, run: Run) -> None:
        """Add what the gate itself noticed, in its attribute `faults`."""
        self.faults += [Fault("noticed", sentence) for sentence in run.noticed()]

    def _check_second_call(self, run: Run, inputs: Sequence[Value]) -> None:
        """Call backward again: it must return the same."""
        try:
            gradients, _ = self._gradients(run.backward(copy_of(self.upstream)), inputs)
        except Exception as error:
            self._add("second call", f"a second call of backward fails with {_told(error)}")
            return
        inputs_only = len(inputs) - len(self.function.own)  # a layer may add to the gradients of its own
        names = self._names if gradients is None else self._differing(gradients[:inputs_only], self.gradients or ())
        if names:
            self.is_random = self._gives_something_else(inputs)
            self._add(
                "second call", f"a second call of backward gives another result: {_gradients_are(names)} not the same"
            )

    def _gives_something_else(self, inputs: Sequence[Value]) -> bool:
        """Return whether the first backward after a forward pass gives something else each time."""
        run = self.function.start(copy_of(inputs))
        gradients, _ = self._gradients(run.backward(copy_of(self.upstream)), inputs)
        return gradients is None or bool(self._differing(gradients, self.gradients or ()))

    def _gradients(self, answer: Any, inputs: Sequence[Value]) -> tuple[list[Any] | None, list[Fault]]:
        """Return what backward returned as gradients, None if that is no list of gradients; and what is wrong."""
        if not isinstance(answer, (list, tuple)):
            what = "None" if answer is None else f"a bare {_kind_of(answer)}"
            return None, [Fault("list", f"backward returned {what} where a list of gradients belongs")]
        if len(answer) != len(inputs):
            given, wanted = (len(one) - len(self.function.own) for one in (answer, inputs))
            sentence = f"backward returned {numbered(given, 'gradient')} for {numbered(wanted, 'input')}"
            return None, [Fault("count", sentence)]
        gradients: list[Any] = []
        faults: list[Fault] = []
        labels = self.function.labels
        summed = _broadcast_shape([shape_of(value) for port, value in enumerate(inputs) if port not in labels])
        for port, (name, gradient, value) in enumerate(zip(self._names, answer, inputs)):
            gradients.append(None)
            if gradient is None or port in labels:
                continue
            try:
                gradient = as_value(gradient)
            except (TypeError, ValueError) as error:
                return None, [*faults, Fault("list", f"what backward returned for {name} is not a gradient: {error}")]
            shape, actual = shape_of(value), shape_of(gradient)
            if actual == shape:
                gradients[port] = gradient
                continue
            why = "has the wrong shape"
            if actual != () and (actual == summed or _is_broadcast(shape, actual, self.outputs)):
                why = f"is not summed over the axes along which {name} was broadcast"
            faults.append(Fault("shape", f"the gradient of {name} {why}: expected {shape}, got {actual}", port))
        ports = [fault.port for fault in faults if fault.port is not None]
        got = [shape_of(as_value(answer[port])) for port in ports]
        if len(ports) == 2 and got == [shape_of(inputs[port]) for port in reversed(ports)]:
            which = listed([self._names[port] for port in ports])
            faults = [
                Fault("shape", f"the gradients of {which} are swapped: each has the shape of the other", ports[0])
            ]
        return gradients, faults

    def _check_unchanged(self, who: str, given: Sequence[Value], inputs: Sequence[Value]) -> None:
        """Add a fault if inputs were written into."""
        if changed := _differing(self._names, given, inputs):
            self._add("modifies", f"{who} modifies its inputs: {listed(changed)} changed")

    def _differing(self, now: Sequence[Any], before: Sequence[Any]) -> list[str]:
        """Return the names of the inputs whose gradients are not what they were."""
        return _differing(self._names, now, before, self._is_same)

    def _is_same(self, a: Any, b: Any) -> bool:
        """Return whether two gradients are the same, up to the rounding of sums whose terms cancel."""
        known = [one for one in (*self.upstream, *(self.gradients or ())) if one is not None]
        largest = max((float(np.max(np.abs(one), initial=0.0)) for one in known), default=0.0)
        floor = 64.0 * self.function.precision.relative * largest if math.isfinite(largest) else 0.0
        return self.function.precision.same(a, b, floor)

    def _add(self, kind: str, sentence: str) -> None:
        self.faults.append(Fault(kind, sentence))


def _differing(
    names: Sequence[str], now: Sequence[Any], before: Sequence[Any], same: Callable[[Any, Any], bool] = same
) -> list[str]:
    """Return the names of the values that are not what they were."""
    return [name for name, a, b in zip(names, now, before) if not same(a, b)]


def _broadcast_shape(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """Return the shape to which arrays of several shapes are broadcast; None if they are not."""
    try:
        return np.broadcast_shapes(*shapes) if len(shapes) > 1 else None
    except ValueError:
        return None


def _is_broadcast(shape: tuple[int, ...], actual: tuple[int, ...], outputs: Sequence[Value]) -> bool:
    """Return whether a shape is that of an output, to which an input of another shape can be broadcast."""
    return actual in [shape_of(output) for output in outputs] and _broadcast_shape([shape, actual]) == actual


def _kind_of(answer: Any) -> str:
    """Return what backward returned, in a word."""
    return "array" if isinstance(answer, np.ndarray) and answer.ndim else type(answer).__name__


def _is_read_only(error: Exception) -> bool:
    """Return whether an error is NumPy's refusal to write into a read-only array."""
    return isinstance(error, ValueError) and "read-only" in str(error)


def _told(error: Exception) -> str:
    """Return an error's class and the first line of its message."""
    return f"{type(error).__name__}: {(str(error) or 'without a message').splitlines()[0]}"


def _gradients_are(names: Sequence[str]) -> str:
    return f"the gradient of {names[0]} is" if len(names) == 1 else f"the gradients of {listed(names)} are"
