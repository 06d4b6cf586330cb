"""What the two passes of a graph have computed, and what is asked of it: values and gradients, wire by wire."""

from dataclasses import dataclass
from typing import Any

from gates.values import Value
from graph.passes.schedule import Schedule


@dataclass(slots=True, eq=False)
class Recording:
    """The value of each output of each gate, and after backward its gradient, in lists by slot.

    Attributes
    ----------
    schedule : Schedule
        The order in which the gates ran, to which the slots belong.
    values : list
        The values; None for what a stepper has not come to.
    grads : list, optional
        The gradients; None before backward.
    output : tuple of (str, int), optional
        The gate and the output port that the gradients are of.
    midway : str
        Where a stepper stands that has not come to the end of both passes, in words.
    assigned : str, optional
        A parameter that was assigned after forward.
    """

    schedule: Schedule
    values: list[Any]
    grads: list[Any] | None = None
    output: tuple[str, int] | None = None
    midway: str = ""
    assigned: str | None = None

    def value(self, node: str, port: int) -> Value:
        """Return the value of an output of a gate."""
        return self.values[self.schedule.slot(node, port)]

    def gradient(self, node: str, port: int) -> Value:
        """Return the gradient of an output of a gate; None before backward, or where there is none."""
        return None if self.grads is None else self.grads[self.schedule.slot(node, port)]
