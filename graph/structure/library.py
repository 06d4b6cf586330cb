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
