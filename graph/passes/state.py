"""What the passes of a graph have computed, wire by wire, and how far they have come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from gates.values import Value
from graph.passes.schedule import Schedule

_T = TypeVar("_T")


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

#: Why backward cannot follow another thread's forward.
ELSEWHERE = (
    "the last one was made by another thread; run both passes in one thread, or share the function that "
    "graph.compile() returns"
)

#: What a call needs.
NEEDS = {"backward": "a forward pass first", "explain": "both passes first, forward() and backward()"}


@dataclass(slots=True)
class OneAtATime:
    """Lets one pass at a time run gates, which keep what one pass needs.

    Whoever runs gates sets `is_running` as `__call__` does. Nothing is called between the test and the assignment, nor
    in `finally`: there another thread could take over, or an interrupt come.
    """

    is_running: bool = False

    def __call__(self, who: str, run: Callable[[], _T]) -> _T:
        """Return what `run` returns, or raise RuntimeError if a pass is under way."""
        if self.is_running:
            raise self.refusal(who)
        self.is_running = True
        try:
            return run()
        finally:
            self.is_running = False

    def refusal(self, who: str) -> RuntimeError:
        """Return the error for a pass that begins while another is under way."""
        return RuntimeError(
            f"{who} cannot run: a pass of this graph is under way, in another thread or around this call, and each "
            "gate keeps what one pass needs; threads can share the function that graph.compile() returns, unless one "
            "has parameters of its own"
        )


@dataclass(slots=True, eq=False)
class Recording:
    """The value of each output of each gate, and after backward its gradient, in lists by slot.

    Attributes
    ----------
    schedule : Schedule
        The order in which the gates ran, to which the slots belong.
    values : list
        The values; None for gates that a stepper has not reached.
    thread : int
        The thread that ran the forward pass, to which the values that gates keep for backward belong.
    grads : list, optional
        The gradients; None before backward.
    output : tuple of (str, int), optional
        The gate and the output port that the gradients are of.
    state : State
        How far the passes have come.
    detail : str
        What the state's reason mentions: a parameter, or the progress of a stepper.
    absent : sequence of str
        The inputs and parameters on which the output does not depend; known after backward.
    """

    schedule: Schedule
    values: list[Any]
    thread: int
    grads: list[Any] | None = None
    output: tuple[str, int] | None = None
    state: State = FORWARD
    detail: str = ""
    absent: Sequence[str] = ()

    def value(self, node: str, port: int) -> Value:
        """Return the value of an output of a gate."""
        return self.values[self.schedule.slot(node, port)]

    def gradient(self, node: str, port: int) -> Value:
        """Return the gradient of an output of a gate; None before backward, or where there is none."""
        return None if self.grads is None else self.grads[self.schedule.slot(node, port)]
