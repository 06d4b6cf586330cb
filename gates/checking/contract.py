"""How backward behaves, whatever numbers it gives: what it raises, returns and writes into, and what it remembers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gates.checking.copies import copy_of, same
from gates.checking.faults import Fault
from gates.checking.function_under_test import GateSubject, Refusal, Run, Subject
from gates.values import Value, as_value, shape_of

#: Makes the upstream gradients for outputs.
Upstream = Callable[[Sequence[Value]], list[Value]]


class Conduct:
    """What was seen of one forward and some calls of backward.

    Attributes
    ----------
    faults : list of Fault
        What is wrong with it, apart from the numbers.
    gradients : list of float or numpy.ndarray, or None
        The answer, None for a port without a gradient; None altogether if it is no list of gradients.
    missing : list of int
        The ports that have a gradient, and for which the answer is None.
    outputs, upstream : list of float or numpy.ndarray
        What forward gave, and the upstream gradients for that.
    raised : Fault or None
        The arithmetic error that backward raised. It is a fault where the slope is finite; the gradients are nan.
    """

    def __init__(self, subject: Subject, inputs: Sequence[Value], upstream_for: Upstream) -> None:
        self.faults: list[Fault] = []
        self.gradients: list[Any] | None = None
        self.missing: list[int] = []
        self.raised: Fault | None = None
        self.outputs: list[Value] = []
        self.upstream: list[Value] = []
        self._subject = subject
        self._names = subject.names(len(inputs))
        given = copy_of(inputs)
        try:
            run = subject.start(given)
        except Exception as error:
            if not _is_read_only(error):
                raise Refusal from error
            self._add("modifies", f"forward modifies its inputs: {error}")
            return
        self.outputs = copy_of(run.outputs)
        self._compare(given, inputs, "forward")
        self.upstream = upstream_for(self.outputs)
        if not self.faults:
            self._answer(run, given, inputs)

    def _answer(self, run: Run, given: Sequence[Value], inputs: Sequence[Value]) -> None:
        """Call backward, and once more."""
        dz = copy_of(self.upstream)
        try:
            answer = run.backward(dz)
        except ArithmeticError as error:  # a division by 0 is an inf that does not come out
            self.raised = Fault("raises", f"backward raises {type(error).__name__}: {_first_line(error)}")
            self.gradients = [None if port in self._subject.labels else x * math.nan for port, x in enumerate(inputs)]
            return
        except Exception as error:
            if _is_read_only(error):
                self._add("modifies", f"backward modifies what it was given: {error}")
            else:
                self._add("raises", f"backward raises {type(error).__name__}: {_first_line(error)}")
            return
        gradients = self._gradients(answer, inputs)
        self.gradients = None if gradients is None else copy_of(gradients)
        if self.gradients is not None and not self.faults:
            self._compare(given, inputs, "backward")
            self._compare(dz, self.upstream, "backward", self._subject.upstream_names(len(dz)))
        if self.gradients is not None and not self.faults:
            self._call_again(run, inputs)

    def remember(self, inputs: Sequence[Value], others: Sequence[Sequence[Value]]) -> bool:
        """Look whether passes at other inputs change what the gate answers at these, and return whether they may."""
        if not isinstance(self._subject, GateSubject) or self.gradients is None:
            return True
        remembers = not others
        for other in others:
            try:
                run = self._subject.start_anew(copy_of(other))
                run.backward(copy_of(self.upstream))
                run.forward(copy_of(inputs))
                outputs = copy_of(run.outputs)
                answer = self._gradients(run.backward(copy_of(self.upstream)), inputs, quietly=True)
            except Exception:  # it does not even run: judged by what it does at these inputs alone
                continue
            if not all(same(a, b) for a, b in zip(outputs, self.outputs)):
                remembers = True
            elif answer is not None and (names := self._differing(answer)):
                self._add("stale", f"{_of(names)} {_is(names)} stale: backward uses what an earlier forward kept")
                break
        return remembers

    def _call_again(self, run: Run, inputs: Sequence[Value]) -> None:
        """Call backward a second time."""
        try:
            answer = self._gradients(run.backward(copy_of(self.upstream)), inputs, quietly=True)
        except Exception as error:
            self._add(
                "second call", f"a second call of backward fails with {type(error).__name__}: {_first_line(error)}"
            )
            return
        names = self._names if answer is None else self._differing(answer)
        if names:
            self._add(
                "second call", f"a second call of backward gives another result: {_of(names)} {_is(names)} not the same"
            )

    def _differing(self, answer: Sequence[Any]) -> list[str]:
        """Return the names of the inputs whose gradient is not what it was."""
        assert self.gradients is not None
        return [name for name, a, b in zip(self._names, answer, self.gradients) if not same(a, b)]

    def _gradients(self, answer: Any, inputs: Sequence[Value], quietly: bool = False) -> list[Any] | None:
        """Return an answer as gradients if it is a list of gradients of the right shapes."""
        faults = [] if quietly else self.faults
        if not isinstance(answer, (list, tuple)):
            what = "None" if answer is None else f"a bare {_kind_of(answer)}"
            faults.append(Fault("list", f"backward returned {what} where a list of gradients belongs"))
            return None
        if len(answer) != len(inputs):
            faults.append(Fault("count", f"backward returned {len(answer)} gradients for {_inputs(len(inputs))}"))
            return None
        gradients: list[Any] = []
        shapes = [shape_of(value) for port, value in enumerate(inputs) if port not in self._subject.labels]
        for port, (name, gradient, value) in enumerate(zip(self._names, answer, inputs)):
            if gradient is None or port in self._subject.labels:
                gradients.append(None)
                if gradient is None and port not in self._subject.labels and not quietly:
                    self.missing.append(port)
                continue
            try:
                gradient = as_value(gradient)
            except (TypeError, ValueError) as error:
                faults.append(Fault("list", f"backward returned for {name} what is no gradient: {error}"))
                return None
            shape, got = shape_of(value), shape_of(gradient)
            if got != shape:
                faults.append(self._wrong_shape(port, name, shapes, shape, got))
                gradient = None
            gradients.append(gradient)
        return gradients

    def _wrong_shape(
        self, port: int, name: str, shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...], got: tuple[int, ...]
    ) -> Fault:
        """Return what is wrong with a gradient of another shape than its input."""
        if len(shapes) > 1 and got != () and got == _broadcast_shape(shapes):
            return Fault(
                "shape",
                f"the gradient of {name} is not summed over the axes along which {name} was broadcast: "
                f"expected {shape}, got {got}",
                port,
            )
        return Fault("shape", f"the gradient of {name} has the wrong shape: expected {shape}, got {got}", port)

    def _compare(self, now: Sequence[Any], before: Sequence[Any], who: str, names: Sequence[str] = ()) -> None:
        """Add a fault if something was written into."""
        names = names or self._names
        changed = [name for name, a, b in zip(names, now, before) if not same(a, b)]
        if changed and names is self._names:
            self._add("modifies", f"{who} modifies its inputs: {_listed(changed)} changed")
        elif changed:
            self._add("modifies", f"{who} modifies {_listed(changed)}, the gradient that it was given")

    def _add(self, kind: str, sentence: str) -> None:
        self.faults.append(Fault(kind, sentence))


def _broadcast_shape(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """Return the shape to which arrays of some shapes are broadcast; None if they are not."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


def _kind_of(answer: Any) -> str:
    """Return what an answer is, in a word."""
    return "array" if isinstance(answer, np.ndarray) and answer.ndim else type(answer).__name__


def _inputs(count: int) -> str:
    return f"{count} input{'s' * (count != 1)}"


def _is_read_only(error: Exception) -> bool:
    """Return whether an error is NumPy's refusal to write into a read-only array."""
    return isinstance(error, ValueError) and "read-only" in str(error)


def _first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return (str(error) or "without a message").splitlines()[0]


def _listed(names: Sequence[str]) -> str:
    """Return names as x, y and z."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _of(names: Sequence[str]) -> str:
    return f"the gradient{'s' * (len(names) > 1)} of {_listed(names)}"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
