"""The gates that come with gategraph, by class name, for expressions and saved files."""

import gates
import losses
from gates import Gate

GATES: dict[str, type[Gate]] = {
    gate.__name__: gate
    for package in (gates, losses)
    for gate in map(vars(package).get, package.__all__)
    if isinstance(gate, type) and issubclass(gate, Gate) and gate is not Gate
}


def is_library_gate(gate: Gate) -> bool:
    """Return whether a gate is of one of these classes, and not of a user's class with the same name."""
    return GATES.get(type(gate).__name__) is type(gate)
