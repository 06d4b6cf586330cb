"""How backward behaves, whatever numbers it gives: what it raises, returns and writes into, and what it remembers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates.checking.subject import GateSubject, Run, Subject
from gates.values import Value, as_value, shape_of

#: The kinds of faults, the most specific first: where several fit, the first speaks.
KINDS = (
    "raises",
    "list",
    "count",
    "none",
    "shape",
    "modifies",
    "not finite",
    "second call",
    "stale",
    "swapped",
    "zero",
    "mask",
    "sign",
    "upstream",
    "factor",
    "transposed",
    "output",
    "exchanged",
    "index",
    "float32",
    "kink",
    "no pattern",
)


@dataclass(frozen=True)
class Fault:
    """Something that is wrong: its kind, one of `KINDS`, a sentence, and the input that it is about, if about one."""

    kind: str
    sentence: str
    port: int | None = None

    @property
    def rank(self) -> int:
        """The lower, the more specific."""
        return KINDS.index(self.kind)


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
    raised : Fault or None
        The arithmetic error that backward raised. It is a fault where the slope is finite; the gradients are nan.
    """

    def __init__(self, subject: Subject, inputs: Sequence[Value], upstream: Sequence[Value]) -> None:
        self.faults: list[Fault] = []
        self.gradients: list[Any] | None = None
        self.missing: list[int] = []
        self.raised: Fault | None = None
        self._subject = subject
        self._names = subject.names(len(inputs))
        given, dz = copy_of(inputs), copy_of(upstream)
        try:
            self.run = subject.start(given)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            self._add("modifies", f"forward modifies its inputs: {error}")
            return
        self._compare(given, inputs, "forward")
        try:
            answer = self.run.backward(dz)
        except ArithmeticError as error:  # a division by 0 is an inf that does not come out
            self.raised = Fault("raises", f"backward raises {type(error).__name__}: {_first_line(error)}")
            self.gradients = [None if port in subject.labels else value * math.nan for port, value in enumerate(inputs)]
            return
        except Exception as error:
            if isinstance(error, ValueError) and "read-only" in str(error):
                self._add("modifies", f"backward modifies what it was given: {error}")
            else:
                self._add("raises", f"backward raises {type(error).__name__}: {_first_line(error)}")
            return
        self.gradients = copy_of(self._gradients(answer, inputs))
        if self.gradients is not None and not self.faults:
            self._compare(given, inputs, "backward")
            self._compare(dz, upstream, "backward", subject.upstream_names(len(dz)))
        if self.gradients is not None and not self.faults:
            self._call_again(self.run, upstream, inputs)

    def remember(self, inputs: Sequence[Value], upstream: Sequence[Value], others: Sequence[Sequence[Value]]) -> None:
        """Look whether passes at other inputs change what the gate answers at these."""
        if not isinstance(self._subject, GateSubject) or self.gradients is None:
            return
        for other in others:
            run = self._subject.start_anew(copy_of(other))
            try:
                run.backward(copy_of(upstream))
                run.forward(copy_of(inputs))
                answer = self._gradients(run.backward(copy_of(upstream)), inputs, quietly=True)
            except Exception:  # it does not even run: judged by what it does at these inputs alone
                continue
            outputs_agree = all(_same(a, b) for a, b in zip(run.outputs, self.run.outputs))
            self._subject.remembers = not outputs_agree
            if answer is None or not outputs_agree:
                continue
            names = self._differing(answer)
            if names:
                self._add("stale", f"{_of(names)} {_is(names)} stale: backward uses what an earlier forward kept")
                return

    def _call_again(self, run: Run, upstream: Sequence[Value], inputs: Sequence[Value]) -> None:
        """Call backward a second time."""
        try:
            answer = self._gradients(run.backward(copy_of(upstream)), inputs, quietly=True)
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
        return [name for name, a, b in zip(self._names, answer, self.gradients) if not _same(a, b)]

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
                faults.append(self._wrong_shape(port, name, shape, got))
                gradient = None
            gradients.append(gradient)
        return gradients

    def _wrong_shape(self, port: int, name: str, shape: tuple[int, ...], got: tuple[int, ...]) -> Fault:
        """Return what is wrong with a gradient of another shape than its input."""
        outputs = [shape_of(output) for output in self.run.outputs]
        if got in outputs and _broadcasts(shape, got):
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
        changed = [name for name, a, b in zip(names, now, before) if not _same(a, b)]
        if changed and names is self._names:
            self._add("modifies", f"{who} modifies its inputs: {_listed(changed)} changed")
        elif changed:
            self._add("modifies", f"{who} modifies {_listed(changed)}, the gradient that it was given")

    def _add(self, kind: str, sentence: str) -> None:
        self.faults.append(Fault(kind, sentence))


def copy_of(values: Sequence[Any] | None) -> Any:
    """Return values with every array copied, in its own layout, and read-only where it was."""
    return None if values is None else [_copied(value) if isinstance(value, np.ndarray) else value for value in values]


def _copied(array: Any) -> Any:
    """Return a copy of an array that is laid out in memory as it is."""
    if array.flags.c_contiguous and array.flags.writeable:
        return array.copy()
    twin = np.empty([2 * length for length in array.shape], dtype=array.dtype)[
        tuple([slice(None, None, 2)] * array.ndim)
    ]
    twin = array.copy() if array.flags.c_contiguous else twin
    twin[...] = array
    twin.flags.writeable = array.flags.writeable
    return twin


def _same(a: Any, b: Any) -> bool:
    """Return whether two values are the same up to the rounding of sums in another order."""
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    return bool(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        or (a.dtype.kind == "f" and np.allclose(a, b, 1e-9, 0.0, True))
    )


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Return whether an array of a shape can be broadcast to another shape."""
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(reversed(shape), reversed(to)))


def _kind_of(answer: Any) -> str:
    """Return what an answer is, in a word."""
    return "array" if isinstance(answer, np.ndarray) and answer.ndim else type(answer).__name__


def _inputs(count: int) -> str:
    return f"{count} input{'s' * (count != 1)}"


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
