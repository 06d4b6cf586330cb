"""The gate that an adapter makes of a function written for another library."""

from __future__ import annotations

import contextlib
import copy
import math
import numbers
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from gates.checking.copies import same
from gates.gate import Gate, input_counts, parameter_names, snake_case
from gates.sum_to import sum_to
from gates.values import as_value, shape_of

#: Stands for an argument that is an input of the gate, where no example of it is given.
INPUT: Any = type("Input", (), {"__repr__": lambda self: "an input"})()


class Adapter(Gate):
    """A function of another library as a gate: floats and NumPy arrays go in and come out.

    Parameters
    ----------
    function : object
        The function.
    title : str
        What it is called.
    parameters : Parameters
        Its parameters.
    arguments : sequence or None
        All its arguments; None if each is an input of the gate.
    outputs : int or None
        How many outputs it has; None to take as many as it gives.

    Attributes
    ----------
    ports : tuple of int
        The places among the arguments of those that are inputs of the gate. The others are copied for each run.
    remarks : dict of str to None
        What is worth a note, in sentences, with any pass of any copy.
    """

    faults: list[str]
    remarks: dict[str, None]

    def __init__(
        self,
        function: Any,
        title: str,
        parameters: Parameters,
        arguments: Sequence[Any] | None,
        outputs: int | None,
    ) -> None:
        self.function, self.title, self.kind = function, title, snake_case(title.rpartition(".")[2])
        self.intended = getattr(function, "intended", "")
        self.arguments = None if arguments is None else tuple(arguments)
        self.given_outputs, self.outputs = outputs, outputs or 1
        self.faults, self.remarks = [], {}
        self.names = parameters.names
        self.input_names, self.ports = self.names, tuple[int, ...]()
        if arguments is None:
            self.takes = parameters.counts
        else:
            self.ports = self._ports(arguments)
            self.takes = (len(self.ports), len(self.ports))
            self.input_names = [self.name(port) for port in self.ports]

    def _ports(self, arguments: Sequence[Any]) -> tuple[int, ...]:
        """Return the places of the inputs: those said to be, or of floats, or of numbers if there are no arrays."""
        for kinds in ([one is INPUT for one in arguments], map(self.is_input, arguments), map(is_number, arguments)):
            if any(places := list(kinds)):
                return tuple([place for place, is_one in enumerate(places) if is_one])
        return ()

    def is_input(self, argument: Any) -> bool:
        """Return whether an argument has a gradient."""
        return isinstance(argument, (np.ndarray, np.floating)) and argument.dtype.kind == "f"

    def to_library(self, value: Any, like: Any) -> Any:
        """Return a float or NumPy array as the function takes it, of the type of an argument."""
        return value

    def to_numpy(self, value: Any) -> Any:
        """Return what the function takes or gives as a float or a NumPy array."""
        return as_value(value)

    def to_numpy_all(self, upstream: Any) -> Any:
        """Return an upstream gradient, or a list of them, as floats or NumPy arrays."""
        if isinstance(upstream, (list, tuple)):
            return [self.to_numpy_all(one) for one in upstream]
        return self.to_numpy(upstream)

    def filled(self, inputs: Sequence[Any]) -> list[Any]:
        """Return all arguments, with the inputs in their places and copies of the others."""
        if self.arguments is None:
            return [self.to_library(value, INPUT) for value in inputs]
        filled = [one if port in self.ports else copied(one) for port, one in enumerate(self.arguments)]
        for port, value in zip(self.ports, inputs):
            filled[port] = self.to_library(value, filled[port])
        return filled

    def given_as(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        """Return inputs of the gate as the arguments of `check_gate`."""
        return tuple(self.filled(inputs))

    @property
    def inputs(self) -> list[Any]:
        """The inputs of the gate among the arguments."""
        return [self.to_numpy(self.arguments[port]) for port in self.ports] if self.arguments else []

    def returned(self, outputs: Sequence[Any]) -> Any:
        """Return outputs as forward does, one or a list."""
        if self.given_outputs not in (None, len(outputs)):
            raise ValueError(f"{self.title} gives {len(outputs)} outputs: gate_of(..., outputs={len(outputs)})")
        self.outputs = len(outputs)
        values = [self.to_numpy(output) for output in outputs]
        return values[0] if len(values) == 1 else values

    def fault(self, sentence: str) -> None:
        """Note that something is wrong."""
        if sentence not in self.faults:
            self.faults.append(sentence)

    def note_writing(self, who: str, name: str, now: Any, before: Any) -> None:
        """Note a fault if a function wrote into a copy of what it was given; NumPy's arrays are not copied."""
        if not same(self.to_numpy(now), before, 1e-6):
            self.fault(f"{who} writes into {name}, which is not its own")

    def summed(self, gradient: Any, argument: Any, name: str, engine: str) -> Any:
        """Return a gradient summed over the axes along which its argument was broadcast, as an engine does."""
        if gradient is None:
            return None
        gradient, argument = self.to_numpy(gradient), self.to_numpy(argument)
        if shape_of(gradient) != shape_of(argument):
            with contextlib.suppress(ValueError):  # it is no broadcast: a wrong shape
                gradient = sum_to(gradient, argument)
                self.remarks[f"{engine} sums the gradient of {name} over the axes along which {name} was broadcast"] = (
                    None
                )
        return gradient

    def name(self, place: int) -> str:
        """Return the name of an argument."""
        return self.names[place] if place < len(self.names) else f"argument {place}"

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(self.__getstate__(), faults=[])
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copy.copy(self)

    def __repr__(self) -> str:
        return self.title


def copied(argument: Any) -> Any:
    """Return a copy of an argument, or what cannot be copied, such as a generator."""
    try:
        return copy.deepcopy(argument)
    except Exception:
        return argument


def leaves_of(one: Any) -> Iterator[Any]:
    """Yield what lists, tuples and dictionaries hold."""
    if isinstance(one, (list, tuple, dict)):
        for part in one.values() if isinstance(one, dict) else one:
            yield from leaves_of(part)
    else:
        yield one


@contextlib.contextmanager
def drawn_alike() -> Iterator[None]:
    """Let what is drawn from NumPy's global random numbers be so once and for all, and leave them as they are."""
    state = np.random.get_state()
    try:
        np.random.seed(0)
        yield
    finally:
        np.random.set_state(state)


def is_number(argument: Any) -> bool:
    """Return whether an argument is a number: an input where no argument is an array, a setting where one is."""
    return isinstance(argument, numbers.Real) and not isinstance(argument, bool)


class Parameters(NamedTuple):
    """The names of a function's positional parameters, and how many arguments it takes, at least and at most."""

    names: list[str]
    counts: tuple[int, float]


def parameters_of(function: Callable[..., Any], arguments: Sequence[Any] | None) -> Parameters:
    """Return the parameters of a function that is called with some arguments."""
    try:
        counts = input_counts(function)
        count = int(counts[0] if counts[1] == math.inf else counts[1]) if arguments is None else len(arguments)
        return Parameters(parameter_names(function, count), counts)
    except (TypeError, ValueError):  # it has no signature
        return Parameters([f"inputs[{place}]" for place in range(len(arguments or ()))], (0, math.inf))
