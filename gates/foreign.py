"""Gates of classes that do not derive from Gate."""

from typing import Any

from gates.gate import Gate, labels_of
from gates.validation import formula


class Foreign(Gate):
    """Stands in for an object of a class that does not derive from Gate: its methods are the formulas.

    Parameters
    ----------
    gate : object
        The object.
    """

    def __init__(self, gate: Any) -> None:
        self.gate = gate
        self.outputs = getattr(gate, "outputs", 1)
        self.has_parameters = getattr(gate, "has_parameters", False)
        self.labels = labels_of(gate)

    def forward(self, *inputs: Any) -> Any:
        return self.gate.forward(*inputs)

    def backward(self, *upstream: Any) -> Any:
        return self.gate.backward(*upstream)


def with_formulas(gate: Any) -> Gate:
    """Return a gate whose methods have their bare formulas behind them: this one, or what stands in for it."""
    if isinstance(gate, Gate) and formula(gate.forward) is not None and formula(gate.backward) is not None:
        return gate
    return Foreign(gate)


def require_gate(given: Any, who: str = "") -> None:
    """Raise TypeError unless something is a gate, an object with the two methods; the message begins with `who`."""
    who = f"{who}: " if who else ""
    if isinstance(given, type):
        name = given.__name__
        raise TypeError(f"{who}a gate must be an object, got the class {name}; did you mean {name}()?")
    if not callable(getattr(given, "forward", None)) or not callable(getattr(given, "backward", None)):
        raise TypeError(f"{who}a gate must have the methods forward() and backward(), got {given!r}")
