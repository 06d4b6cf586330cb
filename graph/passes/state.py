"""What the passes of a graph have computed, wire by wire, and how far they have come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from gates.values import Value
from graph.passes.schedule import Schedule


class State(NamedTuple):
    """How far the passes of a graph have come: which calls are allowed, and why others are not."""

    allowed: tuple[str, ...] = ()
    reason: str = ""


NEW = State()
CHANGED = State((), "the graph has changed since the last pass")
ASSIGNED = State((), "the parameter {detail!r} was assigned since the last pass")
BEFORE_OUTPUT = State(("step",), "{detail}")  # a stepper has not reached the output yet
STEPPING = State(("step", "backward"), "{detail}")
FORWARD = State(("backward",))
BACKWARD = State(("step", "backward", "explain"))

#: What a call needs.
NEEDS = {"backward": "a forward pass first", "explain": "both passes first, forward() and backward()"}


@dataclass(slots=True, eq=False)
class Recording:
    """The value of each output of each gate, and after backward its gradient, in lists by slot.

    Attributes
    ----------
    schedule : Schedule
        The order in which the gates ran, to which the slots belong.
    values : list
        The values; None for gates that a stepper has not reached.
    grads : list, optional
        The gradients; None before backward.
    output : tuple of (str, int), optional
        The gate and the output port that the gradients are of.
    state : State
        How far the passes have come.
    detail : str
        What the state's reason mentions: a parameter, or the progress of a stepper.
    """

    schedule: Schedule
    values: list[Any]
    grads: list[Any] | None = None
    output: tuple[str, int] | None = None
    state: State = FORWARD
    detail: str = ""

    def value(self, node: str, port: int) -> Value:
        """Return the value of an output of a gate."""
        return self.values[self.schedule.slot(node, port)]

    def gradient(self, node: str, port: int) -> Value:
        """Return the gradient of an output of a gate; None before backward, or where there is none."""
        return None if self.grads is None else self.grads[self.schedule.slot(node, port)]
