"""A graph's parameters by name: a mapping onto the values that its parameter gates hold."""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from gates.values import Value, as_value, prefixed
from graph.structure.entries import Parameter


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

    def __setitem__(self, name: str, value: Any) -> None:
        gate = self._gate(name)
        try:
            gate.value = as_value(value)
        except (TypeError, ValueError) as error:
            raise prefixed(error, f"parameter {name!r}") from None
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
