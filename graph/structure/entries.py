"""The gates where values enter a graph: inputs, parameters and constants. They read no wire."""

from typing import Any

from gates import Gate
from gates.values import Value, as_labels, as_value, holds_integers


class Entry(Gate):
    """A gate without inputs, whose output is its value."""

    value: Value = None

    def forward(self) -> Value:
        return self.value

    def backward(self, dz: Value) -> list[Value]:
        return []


class Input(Entry):
    """Hands on what each forward pass is given under its name.

    Parameters
    ----------
    grad : bool
        Whether backward computes its gradient.
    """

    def __init__(self, grad: bool = True) -> None:
        self.grad = grad


class Parameter(Entry):
    """Hands on a value that is kept between passes, held by reference.

    Parameters
    ----------
    value : float or array
        The value; assign it, or update an array in place, between passes.
    """

    has_parameters = True

    def __init__(self, value: Any) -> None:
        self.value = value


class Constant(Entry):
    """Hands on a value that never changes and has no gradient.

    Parameters
    ----------
    value : number or array
        The value. An array of integers is kept as it is: a gate may read it as labels.
    """

    def __init__(self, value: Any) -> None:
        value, labels = as_value(value), as_labels(value)
        self.value = labels if holds_integers(labels) else value


def has_gradient(gate: Any) -> bool:
    """Return whether a gate is an entry whose gradient backward returns."""
    return isinstance(gate, Parameter) or (isinstance(gate, Input) and gate.grad)
