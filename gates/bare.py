"""Gates made ready to run their bare formulas, without the validation that calls by hand go through.

Graphs, engines and the checker run gates this way: what flows in is known to be values.
"""

from collections.abc import Sequence
from typing import Any

from gates.gate import Gate, fresh, labels_of
from gates.validation import as_output, as_outputs, formula
from gates.values import Value


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


def bare(gate: Any, wanted: tuple[bool, ...] | None = None) -> Gate:
    """Return a gate that has bare formulas, this one or what stands in for it, told which gradients are wanted."""
    is_ready = isinstance(gate, Gate) and formula(gate.forward) is not None and formula(gate.backward) is not None
    ready: Gate = gate if is_ready else Foreign(gate)
    if wanted is not None and ready.wanted != wanted:
        ready.wanted = wanted
    return ready


def bare_copy(gate: Any, wanted: tuple[bool, ...]) -> Gate:
    """Return a copy of a gate that has bare formulas, as before any pass."""
    return bare(fresh(gate), wanted)


def bare_forward(gate: Gate, inputs: Sequence[Value]) -> list[Value]:
    """Run the formula of forward, and return its outputs as values, which the gate keeps."""
    output = formula(gate.forward)(gate, *inputs)
    if gate.outputs == 1:
        gate.output = as_output(output)
        return [gate.output]
    gate.output = as_outputs(output, gate.outputs)
    return list(gate.output)


def bare_backward(gate: Gate, upstream: Sequence[Value]) -> Any:
    """Run the formula of backward, and return its answer as it is."""
    return formula(gate.backward)(gate, *upstream)


def require_gate(given: Any, who: str = "") -> None:
    """Raise TypeError unless something is a gate, an object with the two methods; the message begins with `who`."""
    who = f"{who}: " if who else ""
    if isinstance(given, type):
        name = given.__name__
        raise TypeError(f"{who}a gate must be an object, got the class {name}; did you mean {name}()?")
    if not callable(getattr(given, "forward", None)) or not callable(getattr(given, "backward", None)):
        raise TypeError(f"{who}a gate must have the methods forward() and backward(), got {given!r}")
