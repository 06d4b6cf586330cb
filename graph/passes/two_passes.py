"""The two passes of a graph, what they have computed, and until when that is valid."""

from __future__ import annotations

from collections.abc import Mapping
from threading import get_ident
from typing import Any, Self

from gates.gate import fresh, labels_of
from gates.values import Given, Value, as_flag
from graph.passes.arguments import summed, unshared, upstream_gradient, values_of_entries
from graph.passes.run import run_backward, run_forward
from graph.passes.schedule import Differentiated, Schedule, cached_schedules, make_call, no_garbage_collection
from graph.passes.state import (
    ASSIGNED,
    BACKWARD,
    BEFORE_OUTPUT,
    CHANGED,
    ELSEWHERE,
    FORWARD,
    NEEDS,
    NEW,
    STEPPING,
    OneAtATime,
    Recording,
    State,
)
from graph.structure.entries import Input, Parameter
from graph.structure.structure import Structure
from graph.structure.wire import Wire
from graph.structure.wiring import all_sources


class TwoPasses(Structure):
    """A graph that runs its gates in topological order, then in reverse."""

    def __init__(self, guard: bool = False) -> None:
        super().__init__()
        self.guard = as_flag(guard, "ComputationalGraph: guard")
        self._recording: Recording | None = None  # of the last forward pass, and the backward pass after it
        self.one_at_a_time = OneAtATime()

    def nodes_topologically_sorted(self) -> list[str]:
        """Return the names of all gates, inputs first, each after those that it reads.

        Raises
        ------
        ValueError
            If the graph has a cycle.
        """
        return list(self.schedule.order)

    def forward(self, inputs: Mapping[str, Given] | None = None, /, **named: Given) -> Value:
        """Run every gate, in topological order, those that the output does not need as well.

        Parameters
        ----------
        inputs : mapping of str to number or array, optional
            The inputs by name; they may be given as keywords instead. Arrays are not copied: do not write into them
            before backward, which needs them.

        Returns
        -------
        float or array
            The value of the output. Do not write into an array: it belongs to the graph, and backward needs it.

        Raises
        ------
        ValueError
            If an input is missing or unknown. Values and gradients are as before then.
        RuntimeError
            If another pass of the graph is under way, in another thread or around this call. Neither is affected.
        Exception
            What a gate raised, with a note that names it. Values and gradients are gone then.

        Examples
        --------
        >>> from graph import ComputationalGraph
        >>> graph = ComputationalGraph.from_expression("(x + y) * z")
        >>> graph.forward(x=-2, y=5, z=-4)
        -12.0
        >>> graph.forward({"x": [1, 2], "y": 3, "z": 10})
        array([40., 50.])
        """
        schedule, output = self.schedule, self.output_place
        values = values_of_entries(schedule, inputs, named)
        one_at_a_time = self.one_at_a_time
        if one_at_a_time.is_running:
            raise one_at_a_time.refusal("forward()")
        one_at_a_time.is_running = True  # these lines are OneAtATime's: a call would cost as much as a gate
        try:
            self._recording = None
            run_forward(schedule.calls, values)
            self._recording = Recording(schedule, values, get_ident())
        finally:
            one_at_a_time.is_running = False
        return values[schedule.slot(*output)]

    def backward(self, upstream: Given | None = None) -> dict[str, Value]:
        """Run every gate's backward, in reversed topological order.

        Parameters
        ----------
        upstream : number or array, optional
            The gradient with respect to the output; 1 if left out, which only a scalar output allows.

        Returns
        -------
        dict of str to float or array
            The gradients of the inputs that have one and of the parameters, in the order they were made; those of
            nested graphs come last. It is 0 where the output does not depend on a value; labels have none. An array
            shares memory with nothing else.

        Raises
        ------
        RuntimeError
            If there was no forward pass since the graph was made or changed or a parameter was assigned, if the last
            one failed or was made by another thread, or if another pass of the graph is under way. (A parameter's array
            that is updated in place, without assigning it, goes unnoticed.)
        ValueError
            If `upstream` is missing or has another shape than the output, or a gate returns a gradient of
            another shape than its input. Gradients are as before then.

        Examples
        --------
        >>> from graph import ComputationalGraph
        >>> graph = ComputationalGraph.from_expression("x * y")
        >>> graph.forward(x=[1, 2], y=3)
        array([3., 6.])
        >>> graph.backward([1, 10])
        {'x': array([ 3., 30.]), 'y': 21.0}
        """
        output = self.output_place
        one_at_a_time = self.one_at_a_time
        if one_at_a_time.is_running:
            raise one_at_a_time.refusal("backward()")
        one_at_a_time.is_running = True  # these lines are OneAtATime's: a call would cost as much as a gate
        try:
            recording = self.require("backward")
            grads = self.seeded(recording, output, upstream)
            run_backward(recording.schedule.calls, recording.values, grads)
            gradients = self.gradients_by_name(recording, grads)
            recording.grads, recording.output, recording.state, recording.detail = grads, output, BACKWARD, ""
        finally:
            one_at_a_time.is_running = False
        return gradients

    def evaluate(self, name: str | Wire, inputs: Mapping[str, Given] | None = None, /, **named: Given) -> Value:
        """Compute one wire from just the inputs and gates that it needs. Values and gradients stay as they are.

        Parameters
        ----------
        name : str or Wire
            The gate or wire to compute.
        inputs : mapping of str to number or array, optional
            The inputs by name; they may be given as keywords instead. Those that are not needed are ignored.

        Returns
        -------
        float, array or list
            Its value; a list for the name of a gate with several outputs. An array may be a view of an input, a
            parameter or a constant that was only copied, reshaped or transposed.

        Raises
        ------
        KeyError
            If no gate has that name.
        ValueError
            If an input is missing or unknown.

        Examples
        --------
        >>> from graph import ComputationalGraph
        >>> graph = ComputationalGraph.from_expression("sum((x * w - y) ** 2)")
        >>> graph.evaluate("multiply_1", x=[1, 2], w=3)
        array([3., 6.])
        """
        schedule = self.schedule
        wires = self[name] if isinstance(name, str) else self.require_wire(name, "evaluate()")
        slots = [schedule.slot(wire.node, wire.port) for wire in (wires if isinstance(wires, tuple) else (wires,))]
        calls, used = schedule.calls_to(slots)
        values = values_of_entries(schedule, inputs, named, used)
        # Copies of the gates run, so that a backward pass still finds what the last forward pass kept.
        with no_garbage_collection():
            copies = [
                make_call(call.node, fresh(self.gate(call.node)), call.sources, call.out, call.outputs, (), self.guard)
                for call in calls
            ]
        run_forward(copies, values)
        return [values[slot] for slot in slots] if isinstance(wires, tuple) else values[slots[0]]

    def copy(self) -> Self:
        """Return a copy of the graph, before any pass, with copies of the gates; the two share their parameters."""
        twin = type(self)(self.guard)
        for name, sources in all_sources(self.graph):
            gate = self.gate(name)
            wires = [twin.wire(*source) for source in sources]
            group = self.graph.nodes[name].get("group", ())
            twin._place(gate if isinstance(gate, Parameter) else fresh(gate), name, wires, labels_of(gate), group)
        twin._last = self._last
        twin.chosen_output = self.chosen_output
        if self.expression is not None:
            twin.express(self.expression)
        return twin

    __copy__ = copy

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_recording": None, "one_at_a_time": OneAtATime()}

    @property
    def schedule(self) -> Schedule:
        """The order of the gates, and everything else that a pass needs, for the graph as it is now."""
        key = "gategraph, guarded" if self.guard else "gategraph"
        schedule: Schedule | None = self.graph.__networkx_cache__.get(key)
        if schedule is None:  # another thread may be first to make one
            schedule = cached_schedules(self.graph).setdefault(key, Schedule(self.graph, self.guard))
        return schedule

    def reschedule(self) -> None:
        """Drop the schedule, so that the next pass makes a new one."""
        cached_schedules(self.graph).clear()

    @property
    def recording(self) -> Recording | None:
        """What the last passes have computed; None before them, or if the graph has changed since."""
        recording = self._recording
        if recording is None or recording.schedule not in cached_schedules(self.graph).values():
            return None
        return recording

    @recording.setter
    def recording(self, recording: Recording) -> None:
        self._recording = recording

    @property
    def state(self) -> State:
        """How far the passes have come, for the graph as it is now."""
        recording = self._recording
        if recording is None:
            return NEW
        if recording.schedule is not self.schedule:
            return CHANGED
        state = recording.state
        if state is STEPPING and recording.value(*self.output_place) is None:
            return BEFORE_OUTPUT
        if state is BACKWARD and recording.output != self.output_place:
            return FORWARD
        return state

    def require(self, action: str) -> Recording:
        """Return what the passes have computed, or raise RuntimeError if an action is not allowed yet."""
        recording, state = self._recording, self.state
        if recording is None or action not in state.allowed:
            reason = state.reason.format(detail=recording.detail) if recording is not None else ""
            raise RuntimeError(f"{action}() needs {NEEDS[action]}{': ' * bool(reason)}{reason}")
        if action == "backward" and recording.thread != get_ident():
            raise RuntimeError(f"backward() needs {NEEDS[action]}: {ELSEWHERE}")
        return recording

    def value_of(self, wire: Wire) -> Value:
        recording = self.recording
        return None if recording is None else recording.value(wire.node, wire.port)

    def gradient_of(self, wire: Wire) -> Value:
        recording = self.recording
        if recording is None or recording.output != self.output_place:
            return None
        return recording.gradient(wire.node, wire.port)

    def last_inputs(self) -> dict[str, Value]:
        """Return the inputs of the last forward pass; none before it, or if the graph has changed since."""
        recording = self.recording
        if recording is None:
            return {}
        values = recording.values
        return {name: values[slot] for name, gate, slot in recording.schedule.entries if isinstance(gate, Input)}

    def seeded(self, recording: Recording, output: tuple[str, int], upstream: Any) -> list[Any]:
        """Return a list of gradients by slot that begins with the gradient of the output."""
        grads: list[Any] = [None] * recording.schedule.size
        slot = recording.schedule.slot(*output)
        grads[slot] = upstream_gradient(upstream, recording.values[slot], self)
        return grads

    def gradients_by_name(self, recording: Recording, grads: list[Any]) -> dict[str, Value]:
        """Return the gradients by name after a backward pass; the list then holds the ones that wires show."""
        schedule, values = recording.schedule, recording.values
        for slot in schedule.unneeded:
            grads[slot] = None
        absent: list[str] = []
        recording.absent = absent
        gradients = unshared(summed(schedule.differentiated, values, grads, absent), grads)
        for name, slot, _ in schedule.differentiated:
            grads[slot] = gradients[name]
        if not schedule.nested:
            return gradients
        parts = {part.name: part for part in schedule.differentiated}
        names = self.names_of_parameters()
        values, found = list(values), list(grads)  # the parameters of nested graphs follow
        for name in absent:
            found[parts[name].slot] = None
        for node, gate in schedule.nested:
            is_reached = grads[schedule.slots[node]] is not None
            for inner, parameter in gate.nested_parameters.items():
                name, slot = names[id(parameter)], len(values)
                part = parts.get(name)
                parts[name] = part._replace(others=(*part.others, slot)) if part else Differentiated(name, slot)
                values.append(parameter.value)
                found.append(gate.gradients[inner] if is_reached else None)
        recording.absent = absent = []
        return summed(parts.values(), values, found, absent)

    def _parameter_assigned(self, name: str) -> None:
        if self._recording is not None:
            self._recording.state, self._recording.detail = ASSIGNED, name
