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
