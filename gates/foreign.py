"""Gates of classes that do not derive from Gate."""

from typing import Any

from gates.gate import Gate, labels_of


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


def gate_of(given: Any, who: str) -> Any:
    """Return what was given if it is a gate: an object with the two methods, of any class.

    Raises
    ------
    TypeError
        If it is anything else. The message begins with `who`.
    """
    if isinstance(given, type):
        raise TypeError(
            f"{who}: a gate must be an object, got the class {given.__name__}; did you mean {given.__name__}()?"
        )
    if not callable(getattr(given, "forward", None)) or not callable(getattr(given, "backward", None)):
        raise TypeError(f"{who}: a gate must have the methods forward() and backward(), got {given!r}")
    return given
