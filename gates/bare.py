"""Running a gate's bare formulas, without the validation that direct calls go through.

Graphs, engines and the checker run gates this way: their inputs are known to be floats and arrays of floats.
"""

from collections.abc import Sequence
from typing import Any

from gates.gate import Gate, fresh, labels_of
from gates.validation import as_output, as_outputs, formula
from gates.values import Value

#: Those of whose functions gate_of() makes gates.
_LIBRARIES = ("torch", "jax", "autograd", "mygrad")


class Foreign(Gate):
    """A gate whose formulas are the methods of an object whose class does not derive from Gate.

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
    """Return the gate if it has bare formulas, else a wrapper that does; `wanted` is set on it."""
    has_formulas = isinstance(gate, Gate) and None not in (formula(gate.forward), formula(gate.backward))
    ready: Gate = gate if has_formulas else Foreign(gate)
    if wanted is not None and ready.wanted != wanted:
        ready.wanted = wanted
    return ready


def bare_copy(gate: Any, wanted: tuple[bool, ...]) -> Gate:
    """Return a copy of a gate, as before any pass, that has bare formulas."""
    return bare(fresh(gate), wanted)


def bare_forward(gate: Gate, inputs: Sequence[Value]) -> list[Value]:
    """Run the formula of forward, store its output in the gate, and return its outputs as a list of values."""
    output = formula(gate.forward)(gate, *inputs)
    if gate.outputs == 1:
        gate.output = as_output(output)
        return [gate.output]
    gate.output = as_outputs(output, gate.outputs)
    return list(gate.output)


def bare_backward(gate: Gate, upstream: Sequence[Value]) -> Any:
    """Run the formula of backward and return its result unchecked."""
    return formula(gate.backward)(gate, *upstream)


def require_gate(given: Any, who: str = "") -> None:
    """Raise TypeError unless an object has the methods forward and backward; the message begins with `who`."""
    is_class, name = isinstance(given, type), getattr(given, "__name__", type(given).__name__)
    if hasattr(given, "as_gate") and not is_class:
        raise TypeError(f"{who}{': ' * bool(who)}a gate was wanted, got a graph; graph.as_gate() makes one of it")
    has = {method: not is_class and callable(getattr(given, method, None)) for method in ("forward", "backward")}
    if all(has.values()):
        return
    hint, kind = "", given if is_class else type(given)
    if any(one.__module__.partition(".")[0] in _LIBRARIES for one in kind.__mro__):
        hint = f"; gate_of({name}) makes one"
    elif is_class:
        hint = f"; did you mean {name}()?"
    elif callable(given):
        hint = f"; if it returns (out, cache), gate_of({name}, backward=...) makes one"
    elif any(has.values()):
        hint = f"; {name} has no {'backward' if has['forward'] else 'forward'}()"
    wanted = "be an object" if is_class else "have the methods forward() and backward()"
    raise TypeError(
        f"{who}{': ' * bool(who)}a gate must {wanted}, got {f'the class {name}' if is_class else repr(given)}{hint}"
    )
