"""The two passes of a graph: what is computed, what is kept of it, and when it no longer holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gates.gate import fresh
from gates.namespaces import namespace
from gates.values import Value
from graph.passes.arguments import owned_gradients, upstream_gradient, values_of_entries
from graph.passes.passes import run_backward, run_forward
from graph.passes.recording import Recording
from graph.passes.schedule import Schedule, call_of
from graph.structure.entries import Input
from graph.structure.structure import Structure
from graph.structure.wire import Wire


class TwoPasses(Structure):
    """A graph that runs its gates in topological order, then in reverse."""

    def __init__(self, guard: bool = False) -> None:
        super().__init__()
        self.guard = guard
        self._recording: Recording | None = None  # of the last forward pass, and of backward after it

    def nodes_topologically_sorted(self) -> list[str]:
        """Return the names of all gates, inputs first, each after those that it reads.

        Raises
        ------
        ValueError
            If the graph has a cycle.
        """
        return list(self._schedule.order)

    def forward(self, inputs: Mapping[str, Any] | None = None, /, **named: Any) -> Value:
        """Run every gate, in topological order.

        Parameters
        ----------
        inputs : mapping of str to number or array, optional
            The inputs by name; they may be given as keywords instead.

        Returns
        -------
        float or array
            The value of the output. An array is the graph's own, which backward needs: do not write into it.

        Raises
        ------
        ValueError
            If an input is missing or unknown. Values and gradients are as before then.
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
        schedule, output = self._schedule, self._output_place()
        values = values_of_entries(schedule, inputs, named)
        self._recording = None
        run_forward(schedule.calls, values)
        self._recording = Recording(schedule, values)
        return values[schedule.slot(*output)]

    def backward(self, upstream: Any = None) -> dict[str, Value]:
        """Run every gate's backward, in reversed topological order.

        Parameters
        ----------
        upstream : number or array, optional
            The gradient with respect to the output; 1 if left out, which only a scalar output allows.

        Returns
        -------
        dict of str to float or array
            The gradients of the inputs that have one and of the parameters, in the order they were made, those of
            graphs within last. One that the output does not depend on is 0; labels have none.

        Raises
        ------
        RuntimeError
            If there was no forward pass since the graph was made or changed or a parameter was assigned, or the
            last one failed. (An array that is written into without assigning it goes unnoticed.)
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
        recording, schedule, output = self._recording, self._schedule, self._output_place()
        if recording is None or recording.schedule is not schedule:
            why = "" if recording is None else ": the graph has changed since the last one"
            raise RuntimeError(f"backward() needs a forward pass first{why}")
        if recording.assigned is not None:
            why = f"the parameter {recording.assigned!r} was assigned since the last one"
            raise RuntimeError(f"backward() needs a forward pass first: {why}")
        if recording.value(*output) is None:
            raise RuntimeError(f"backward() needs a forward pass first: {recording.midway}")
        values = recording.values
        grads = self._seeded(schedule, values, upstream)
        run_backward(schedule.calls, values, grads)
        for slot in schedule.unneeded:
            grads[slot] = None
        gradients = self._gradients(schedule, values, grads)
        recording.grads, recording.output, recording.midway = grads, output, ""
        return gradients

    def evaluate(self, name: str | Wire, inputs: Mapping[str, Any] | None = None, /, **named: Any) -> Value:
        """Compute one wire from just the inputs that it needs. Values and gradients stay as they are.

        Parameters
        ----------
        name : str or Wire
            The gate or wire to compute.
        inputs : mapping of str to number or array, optional
            The inputs by name; they may be given as keywords instead. Those that are not needed are ignored.

        Returns
        -------
        float, array or list
            Its value; a list for the name of a gate with several outputs.

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
        schedule = self._schedule
        wires = self[name] if isinstance(name, str) else self._own(name, "evaluate()")
        slots = [schedule.slot(wire.node, wire.port) for wire in (wires if isinstance(wires, tuple) else (wires,))]
        calls, used = schedule.calls_to(slots)
        values = values_of_entries(schedule, inputs, named, used)
        gates = self.graph.nodes
        # Copies of the gates run, so that a backward pass still finds what the last forward pass kept.
        run_forward([call_of(call, fresh(gates[call.node]["gate"]), self.guard) for call in calls], values)
        return [values[slot] for slot in slots] if isinstance(wires, tuple) else values[slots[0]]

    def _value_of(self, wire: Wire) -> Value:
        """Return a wire's value of the last forward pass; None before it, or when the graph has changed since."""
        recording = self._current
        return None if recording is None else recording.value(wire.node, wire.port)

    def _gradient_of(self, wire: Wire) -> Value:
        """Return a wire's gradient of the last backward pass; None before it, or where there is none."""
        recording = self._current
        if recording is None or recording.output != self._output_place():
            return None
        return recording.gradient(wire.node, wire.port)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_recording": None}

    def _last_inputs(self) -> dict[str, Value]:
        """Return the inputs of the last forward pass; none before it, or when the graph has changed since."""
        recording = self._current
        if recording is None:
            return {}
        return {
            name: recording.values[slot] for name, gate, slot in recording.schedule.entries if isinstance(gate, Input)
        }

    def _seeded(self, schedule: Schedule, values: list[Any], upstream: Any) -> list[Any]:
        """Return a list of gradients with that of the output filled in."""
        grads: list[Any] = [None] * schedule.size
        slot = schedule.slot(*self._output_place())
        grads[slot] = upstream_gradient(upstream, values[slot], self)
        return grads

    def _gradients(self, schedule: Schedule, values: list[Any], grads: list[Any]) -> dict[str, Value]:
        """Return the gradients by name, after backward."""
        gradients = owned_gradients(schedule, values, grads)
        if schedule.nested:
            for name, gradient in self._gradients_within(schedule, grads):
                gradients[name] = gradients[name] + gradient if name in gradients else gradient
        return gradients

    def _gradients_within(self, schedule: Schedule, grads: list[Any]) -> Iterator[tuple[str, Value]]:
        """Yield the gradients of the parameters of graphs within, under the names that they have here."""
        names = {id(parameter): name for name, parameter in self._parameters.items()}
        for node, gate in schedule.nested:
            reached = grads[schedule.slots[node]] is not None
            for inner, parameter in gate.own_parameters.items():
                value = parameter.value
                gradient = gate.gradients[inner] if reached else namespace(value).zeros_like(value)
                yield names[id(parameter)], gradient

    def _parameter_assigned(self, name: str) -> None:
        if self._recording is not None:
            self._recording.assigned = name

    def _reschedule(self) -> None:
        """Forget the order of the gates: the next pass works it out anew."""
        self.graph.__networkx_cache__.clear()

    @property
    def _schedule(self) -> Schedule:
        """The order of the gates, kept where networkx itself drops it as soon as the graph changes."""
        kept = self.graph.__networkx_cache__
        key = "gategraph", self.guard
        if key not in kept:
            kept[key] = Schedule(self.graph, self.guard)
        schedule: Schedule = kept[key]
        return schedule

    @property
    def _current(self) -> Recording | None:
        """What the last passes have computed; None before them, or when the graph has changed since."""
        recording = self._recording
        if recording is None or recording.schedule not in self.graph.__networkx_cache__.values():
            return None
        return recording
