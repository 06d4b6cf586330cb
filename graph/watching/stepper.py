"""The stepper: goes through both passes of a graph, one gate at a time, and can go back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import get_ident
from typing import Any, NamedTuple

from gates.formatting import numbered, printable
from gates.values import Value
from graph.passes.arguments import values_of_entries
from graph.passes.run import run_forward, upstream_of
from graph.passes.schedule import Call
from graph.passes.state import BACKWARD, STEPPING, Recording
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry
from graph.structure.wire import Wire
from graph.watching.step import Step, backward_step, forward_step


class _Change(NamedTuple):
    """A step, and the values or gradients in the graph's lists that it changed."""

    step: Step
    slots: Sequence[int]
    before: Sequence[Value]
    after: Sequence[Value]


class Stepper:
    """Goes through both passes of a graph, one gate at a time: a loop over it yields each `Step`.

    The graph shows what has been computed so far: `wire.value` and `wire.grad` are None until then. At the end they
    are those of `forward` and `backward`. Each gate runs forward once, and backward once more for its local gradient;
    going back and forth shows the same results again. A copy or a pickle of a stepper has a copy of its graph, in which
    the gates run again up to the same place.

    Examples
    --------
    >>> from graph import ComputationalGraph
    >>> graph = ComputationalGraph.from_expression("(x + y) * z")
    >>> stepper = graph.stepper(x=-2, y=5, z=-4)
    >>> stepper.next()
    add_1 = x + y = -2 + 5 = 3
    >>> stepper.where
    ('forward', 'multiply_1')
    >>> graph["add_1"].value, graph["multiply_1"].value
    (3.0, None)
    >>> stepper.run_to("add_1"), graph["add_1"].grad
    (('backward', 'add_1'), -4.0)
    >>> stepper.finish()
    {'x': -4.0, 'y': -4.0, 'z': 3.0}
    >>> stepper.back()
    add_1 = x + y   dx = 1 × dadd_1 = 1 × -4 = -4
                    dy = 1 × dadd_1 = 1 × -4 = -4
    >>> graph["x"].grad
    """

    def __init__(
        self,
        graph: TwoPasses,
        inputs: Mapping[str, Any],
        upstream: Any = None,
        picture: Callable[[str | None], str] | None = None,
        page: Callable[[Mapping[str, Any], Any, int], str] | None = None,
    ) -> None:
        self._graph = graph
        self._inputs = dict(inputs)
        self._picture = picture  # the HTML of a picture in which a gate is highlighted
        self._page = page  # the page for inputs and an upstream gradient, at a step
        self._schedule = graph.schedule
        self._output = graph.output_place
        self._upstream = upstream
        values = values_of_entries(self._schedule, inputs, {})
        self._recording = Recording(self._schedule, values, get_ident(), None, self._output)
        self._grads: list[Any] | None = None  # from the first step of the backward phase on
        self._final: list[Any] | None = None  # the gradients as backward() leaves them, after both passes
        self._shown: list[Any] | None = None  # the gradients that the graph shows
        self._gradients: dict[str, Value] = {}
        self._changes: list[_Change] = []  # one for each gate that ran in each pass
        self._place = 0  # how many of them are shown
        self._behind = len(self._schedule.calls)  # how many gates have neither run backward nor been skipped
        self._stop: int | None = None  # where run_to() stopped last
        self._close_at_the_end()
        graph.recording = self._recording
        self._show()

    @property
    def where(self) -> tuple[str, str | None]:
        """The phase, "forward" or "backward", and the gate that is about to run; at the end "done" and None."""
        if self._place < len(self._changes):
            step = self._changes[self._place].step
            return step.phase, step.node
        call = self._next_call()
        if call is None:
            return "done", None
        return ("forward" if self._is_forward else "backward"), call.node

    @property
    def at_start(self) -> bool:
        """Whether there is no step to take back."""
        return self._place == 0

    def __getstate__(self) -> dict[str, Any]:
        self._require_graph()
        names = ("_graph", "_inputs", "_upstream", "_picture", "_page", "_place")
        return {name: vars(self)[name] for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        made_of = [state[name] for name in ("_graph", "_inputs", "_upstream", "_picture", "_page")]
        self.__init__(*made_of)  # type: ignore[misc]  # made anew
        while self._place < state["_place"]:
            self.next()

    def __copy__(self) -> Stepper:
        return copy.deepcopy(self)

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        """Run the next gate, and return the step.

        Raises
        ------
        StopIteration
            If both passes are done.
        ValueError
            If the output is an array, no upstream gradient was given, and backward is about to begin.
        RuntimeError
            If the graph has run another pass since, or runs one, or was changed.
        Exception
            What the gate raised, with a note that names it. The stepper stays where it is.
        """
        self._require_graph()
        self._stop = None
        if self._place == len(self._changes):
            call = self._next_call()
            if call is None:
                raise StopIteration("both passes are done; back() goes back")
            run = self._forward if self._is_forward else self._backward
            self._changes.append(self._graph.one_at_a_time("the stepper", lambda: run(call)))
            self._place += 1
            try:
                self._close_at_the_end()
            except ValueError:
                self._place -= 1
                change = self._changes.pop()
                self._set(change, change.before)
                raise
        else:
            self._set(self._changes[self._place], self._changes[self._place].after)
            self._place += 1
        self._show()
        return self._changes[self._place - 1].step

    next = __next__

    def back(self) -> Step:
        """Take the last step back, and return it.

        Raises
        ------
        RuntimeError
            If there is none, or the graph has run another pass since, or was changed.
        """
        self._require_graph()
        if self.at_start:
            raise RuntimeError("back() needs a step to take back: the stepper is at the start")
        self._place -= 1
        self._set(self._changes[self._place], self._changes[self._place].before)
        self._show()
        return self._changes[self._place].step

    def run_to(self, gate: str | Wire) -> tuple[str, str | None]:
        """Run until the given gate is next: forward, or, if called again there, backward.

        Parameters
        ----------
        gate : str or Wire
            The gate.

        Returns
        -------
        tuple of str
            The phase and the gate: `where`.

        Raises
        ------
        KeyError
            If no gate has that name.
        ValueError
            If it does not run any more. The stepper stays where it is then.
        Exception
            What a gate on the way raised. The stepper stays in front of that gate.
        """
        node = gate if isinstance(gate, str) else self._graph.require_wire(gate, "run_to()").node
        self._graph[node]
        if isinstance(self._graph.gate(node), Entry):
            raise ValueError(f"run_to() takes a gate that runs, got {node!r}, which only holds a value")
        start = self._place
        if self._stop == start and self.where[1] == node:
            self.next()
        while self.where[1] != node:
            if self.where[1] is None:
                while self._place > start:
                    self.back()
                raise ValueError(f"run_to(): {node!r} does not run any more; {self._progress}")
            self.next()
        self._stop = self._place
        return self.where

    def finish(self) -> dict[str, Value]:
        """Go on to the end, and return the gradients as `backward` does."""
        while self.where[1] is not None:
            self.next()
        return dict(self._gradients)

    def show(self) -> str:
        """Return the page of the circuit at the step that the stepper has reached, which a notebook shows in its cell.

        The page runs the steps anew, and the stepper stays where it is.

        Raises
        ------
        ValueError
            If the graph has more than 400 gates, or the stepper is not one of `graph.stepper`.

        Examples
        --------
        >>> from graph import ComputationalGraph
        >>> stepper = ComputationalGraph.from_expression("x * y").stepper(x=3, y=-4)
        >>> stepper.show().startswith("<!DOCTYPE html>")
        True
        """
        if self._page is None:
            raise ValueError("show() needs a stepper that graph.stepper() made")
        return self._page(self._inputs, self._upstream, self._place)

    def __repr__(self) -> str:
        return f"<Stepper: {numbered(self._place, 'step')} done; {printable(self._progress)}>"

    def _repr_html_(self) -> str:
        last = self._changes[self._place - 1].step if self._place else None
        picture = self._picture(last.node if last else None) if self._picture else ""
        return picture + (last._repr_html_() if last else "")

    @property
    def _progress(self) -> str:
        """How far the stepper has come, in words."""
        phase, node = self.where
        return "both passes are done" if node is None else f"the stepper is about to run {node} {phase}"

    @property
    def _is_forward(self) -> bool:
        return self._place < len(self._schedule.calls)

    def _next_call(self) -> Call | None:
        """Return the next gate that has not run yet; None at the end."""
        calls = self._schedule.calls
        if self._is_forward:
            return calls[self._place]
        while self._behind:
            call = calls[self._behind - 1]
            if call.backward is not None and self._is_reached(call):
                return call
            self._behind -= 1
        return None

    def _is_reached(self, call: Call) -> bool:
        """Return whether a gate has an upstream gradient."""
        slots = range(call.out, call.out + call.outputs)
        if self._grads is None:
            return self._schedule.slot(*self._output) in slots
        return any(self._grads[slot] is not None for slot in slots)

    def _forward(self, call: Call) -> _Change:
        """Run a gate forward."""
        run_forward([call], self._recording.values)
        slots = range(call.out, call.out + call.outputs)
        return _Change(
            forward_step(self._graph, call, self._recording.values),
            slots,
            [None] * len(slots),
            [self._recording.values[slot] for slot in slots],
        )

    def _backward(self, call: Call) -> _Change:
        """Run a gate backward, and add its gradients to those that are there."""
        grads = self._seeded()
        upstream = upstream_of(call, self._recording.values, grads)
        assert upstream is not None
        step = backward_step(self._graph, call, self._recording.values, upstream, grads)
        slots = list(dict.fromkeys(call.sources))
        before = [grads[slot] for slot in slots]
        for slot, gradient in zip(call.sources, step.downstream.values()):
            if gradient is not None:
                grads[slot] = gradient if grads[slot] is None else grads[slot] + gradient
        self._behind -= 1
        return _Change(step, slots, before, [grads[slot] for slot in slots])

    def _seeded(self) -> list[Any]:
        """Return the gradients, begun with that of the output."""
        if self._grads is None:
            self._grads = self._graph.seeded(self._recording, self._output, self._upstream)
        return self._grads

    def _close_at_the_end(self) -> None:
        """After the last step, compute the gradients as backward() returns them."""
        if self._next_call() is None:
            self._final = list(self._seeded())
            self._gradients = self._graph.gradients_by_name(self._recording, self._final)

    def _set(self, change: _Change, values: Sequence[Value]) -> None:
        """Put the values or gradients before or after a step into the graph's lists."""
        held = self._recording.values if change.step.phase == "forward" else self._seeded()
        for slot, value in zip(change.slots, values):
            held[slot] = value

    def _show(self) -> None:
        """Let the graph show what has been computed so far."""
        recording, is_done = self._recording, self.where[1] is None
        recording.state = BACKWARD if is_done else STEPPING
        recording.detail, recording.thread = "" if is_done else self._progress, get_ident()
        is_backward = self._place > len(self._schedule.calls)
        recording.grads = self._shown = self._final if is_done else self._grads if is_backward else None

    def _require_graph(self) -> None:
        """Raise RuntimeError if the graph has run another pass or was changed."""
        graph = self._graph
        is_shown = graph.recording is self._recording and self._recording.grads is self._shown
        if not is_shown or "step" not in graph.state.allowed or graph.output_place != self._output:
            raise RuntimeError(
                "the graph has run another pass since the stepper was made, or was changed: make a new stepper"
            )
