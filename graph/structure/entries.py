"""Entries, where values enter a graph: the gates Input, Parameter and Constant, and the mapping `graph.parameters`."""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from gates import Gate
from gates.values import Given, Value, as_argument, as_flag, as_labels, as_value, holds_integers


class Entry(Gate):
    """A gate without inputs, whose output is its value."""

    value: Value = None

    def forward(self) -> Value:
        return self.value

    def backward(self, dz: Value) -> list[Value]:
        return []


class Input(Entry):
    """An input of the graph: its value is an argument of each forward pass.

    Parameters
    ----------
    grad : bool
        Whether backward computes its gradient.
    """

    def __init__(self, grad: bool = True) -> None:
        self.grad = as_flag(grad, "Input: grad")


class Parameter(Entry):
    """A parameter of the graph: its value persists between passes.

    Parameters
    ----------
    value : float or array
        The value, not copied. Assign a new one, or update an array in place, between passes.
    """

    has_parameters = True

    def __init__(self, value: Any) -> None:
        self.value = value


class Constant(Entry):
    """A constant of the graph: its value never changes and has no gradient.

    Parameters
    ----------
    value : number or array
        The value. An array of integers is not converted to floats, since a gate may read it as labels.
    """

    def __init__(self, value: Any) -> None:
        value, labels = as_value(value), as_labels(value)
        self.value = labels if holds_integers(labels) else value


def has_gradient(gate: Any) -> bool:
    """Return whether a gate is an entry whose gradient backward returns."""
    return isinstance(gate, Parameter) or (isinstance(gate, Input) and gate.grad)


class Parameters(MutableMapping[str, Value]):
    """The parameters of a graph, by name, in the order they were made; assign to change one.

    Examples
    --------
    >>> from graph import ComputationalGraph
    >>> graph = ComputationalGraph()
    >>> w = graph.parameter("w", 3)
    >>> graph.parameters["w"] -= 0.5
    >>> graph.parameters
    {'w': 2.5}
    """

    def __init__(self, gates: dict[str, Parameter], assigned: Callable[[str], None]) -> None:
        self._gates = gates
        self._assigned = assigned

    def __getitem__(self, name: str) -> Value:
        return self._gate(name).value

    def __setitem__(self, name: str, value: Given) -> None:
        self._gate(name).value = as_argument(value, f"parameter {name!r}")
        self._assigned(name)

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"parameter {name!r} cannot be deleted: gates read it")

    def __iter__(self) -> Iterator[str]:
        return iter(self._gates)

    def __len__(self) -> int:
        return len(self._gates)

    def __repr__(self) -> str:
        return repr(dict(self))

    def _gate(self, name: str) -> Parameter:
        """Return the gate that holds a parameter."""
        try:
            return self._gates[name]
        except KeyError:
            raise KeyError(f"no parameter is called {name!r}; there are {', '.join(self._gates) or 'none'}") from None
