"""What training changes in gates besides parameters: running statistics, and the numbers of their passes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gates.gate import Gate, learns
from graph.passes.nested import GraphGate
from graph.passes.two_passes import TwoPasses


class LearningGates:
    """The gates of a graph, and of the graphs nested in it, with settings that training changes.

    Parameters
    ----------
    graph : TwoPasses
        The graph.
    """

    def __init__(self, graph: TwoPasses) -> None:
        self._gates: dict[str, Gate] = {}
        graphs = [("", graph)]
        while graphs:
            prefix, inner = graphs.pop()
            for name, gate in inner.graph.nodes(data="gate"):
                if isinstance(gate, GraphGate):
                    graphs.append((f"{prefix}{name}.", gate.graph))
                elif learns(gate):
                    self._gates[prefix + name] = gate

    def count_pass(self) -> None:
        """Move all of them on to the next pass."""
        for gate in self._gates.values():
            gate.count_pass()

    def read(self) -> dict[str, Any]:
        """Return the settings, by names such as "batch_norm_1.running_mean". Arrays among them never change."""
        return {
            f"{name}.{setting}": getattr(gate, setting)
            for name, gate in self._gates.items()
            for setting in gate.training_state
        }

    def write(self, settings: Mapping[str, Any]) -> None:
        """Assign settings by these names."""
        for name, gate in self._gates.items():
            for setting in gate.training_state:
                setattr(gate, setting, settings[f"{name}.{setting}"])

    def write_saved(self, arrays: Mapping[str, Any]) -> None:
        """Assign settings from arrays, as a checkpoint has them: those that were None are not among them."""
        numbers = {name: array if array.ndim else array.item() for name, array in arrays.items()}
        self.write({name: numbers.get(name) for name in self.read()})

    def may_be(self, described: Mapping[str, str]) -> bool:
        """Return whether arrays with these descriptions may be settings of these gates."""
        settings = self.read()
        wanted = {
            name: r"int64 of shape \(\)" if type(value) is int else r"float\d+ of shape \(\d+,\)"
            for name, value in settings.items()
        }
        counts = {name for name, value in settings.items() if type(value) is int}
        return counts <= described.keys() <= wanted.keys() and all(
            re.fullmatch(wanted[name], text) for name, text in described.items()
        )
