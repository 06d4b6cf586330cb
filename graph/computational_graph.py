"""The computational graph: its two passes, and what can be asked of it after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import Any

from gates import Gate
from gates.gate import fresh, labels_of
from gates.namespaces import namespace
from gates.values import Value
from graph import expression, files, table
from graph.arguments import merged, owned_gradients, upstream_gradient, values_of_entries
from graph.checking import GraphReport, check_graph
from graph.entries import Parameter
from graph.explanation import Explanation, explained
from graph.nested import GraphGate
from graph.passes import run_backward, run_forward
from graph.schedule import Schedule, call_of
from graph.stepper import Stepper
from graph.structure import Structure
from graph.wire import Wire
from graph.wiring import all_sources


class ComputationalGraph(Structure):
    """A directed graph of gates that runs them in topological order, then in reverse.

    Parameters
    ----------
    guard : bool
        Whether both passes stop with FloatingPointError at the first gate that makes an inf or a nan from
        finite numbers.

    Attributes
    ----------
    graph : networkx.MultiDiGraph
        The graph, to read: a node for each gate, called by its name, with `gate`; an edge for each wire end,
        whose `key` is the input port, with `source_port`, the output port.

    Examples
    --------
    >>> from gates import Add, Multiply
    >>> graph = ComputationalGraph()
    >>> x, y, z = graph.inputs("x", "y", "z")
    >>> q = graph.add(Add(), x, y, name="q")
    >>> f = graph.add(Multiply(), q, z, name="f")
    >>> graph.forward(x=-2, y=5, z=-4)
    -12.0
    >>> graph.backward()
    {'x': -4.0, 'y': -4.0, 'z': 3.0}
    >>> q.value, q.grad
    (3.0, -4.0)
    """

    def __init__(self, guard: bool = False) -> None:
        super().__init__()
        self.guard = guard
        self._ran: Schedule | None = None  # the schedule of the last forward pass, to which the lists belong
        self._values: list[Any] = []
        self._grads: list[Any] | None = None
        self._differentiated: tuple[str, int] | None = None  # the output that the gradients are of
        self._assigned: str | None = None  # a parameter that was assigned since the last forward pass
        self._midway = ""  # where a stepper stands that has not come to the end of both passes

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
        >>> graph = ComputationalGraph.from_expression("(x + y) * z")
        >>> graph.forward(x=-2, y=5, z=-4)
        -12.0
        >>> graph.forward({"x": [1, 2], "y": 3, "z": 10})
        array([40., 50.])
        """
        schedule, output = self._schedule, self._output_place()
        values = values_of_entries(schedule, inputs, named)
        self._ran, self._grads = None, None
        run_forward(schedule.calls, values)
        self._ran, self._values, self._assigned, self._midway = schedule, values, None, ""
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
        >>> graph = ComputationalGraph.from_expression("x * y")
        >>> graph.forward(x=[1, 2], y=3)
        array([3., 6.])
        >>> graph.backward([1, 10])
        {'x': array([ 3., 30.]), 'y': 21.0}
        """
        schedule, values, output = self._schedule, self._values, self._output_place()
        if self._ran is not schedule:
            why = "" if self._ran is None else ": the graph has changed since the last one"
            raise RuntimeError(f"backward() needs a forward pass first{why}")
        if self._assigned is not None:
            why = f"the parameter {self._assigned!r} was assigned since the last one"
            raise RuntimeError(f"backward() needs a forward pass first: {why}")
        if values[schedule.slot(*output)] is None:
            raise RuntimeError(f"backward() needs a forward pass first: {self._midway}")
        grads = self._seeded(schedule, values, upstream)
        run_backward(schedule.calls, values, grads)
        for slot in schedule.unneeded:
            grads[slot] = None
        gradients = self._gradients(schedule, values, grads)
        self._grads, self._differentiated, self._midway = grads, output, ""
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

    def stepper(self, inputs: Mapping[str, Any] | None = None, upstream: Any = None, /, **named: Any) -> Stepper:
        """Go through both passes a gate at a time, forward and back again.

        Until the stepper is at its end the graph shows what was computed so far.

        Parameters
        ----------
        inputs : mapping of str to number or array, optional
            The inputs by name; they may be given as keywords instead.
        upstream : number or array, optional
            The gradient with respect to the output, as `backward` takes it.

        Returns
        -------
        Stepper
            An iterator of steps, at the start.

        Raises
        ------
        ValueError
            If an input is missing or unknown.

        Examples
        --------
        >>> graph = ComputationalGraph.from_expression("(x + y) * z")
        >>> stepper = graph.stepper(x=-2, y=5, z=-4)
        >>> for step in stepper:
        ...     print(step)
        add_1 = x + y = -2 + 5 = 3
        multiply_1 = add_1 * z = 3 * (-4) = -12
        multiply_1 = add_1 * z   dadd_1 = z × dmultiply_1 = -4 × 1 = -4
                                 dz = add_1 × dmultiply_1 = 3 × 1 = 3
        add_1 = x + y   dx = 1 × dadd_1 = 1 × -4 = -4
                        dy = 1 × dadd_1 = 1 × -4 = -4
        """
        return Stepper(self, merged(inputs, named), upstream)

    def explain(self, name: str | Wire) -> Explanation:
        """Say in numbers where a gradient comes from: the part that each gate sends which reads the wire.

        Parameters
        ----------
        name : str or Wire
            The gate or wire.

        Returns
        -------
        Explanation
            To be printed; `parts` has a row for each branch.

        Raises
        ------
        RuntimeError
            If there were not both passes since the graph was made or changed.
        KeyError
            If no gate has that name.
        ValueError
            If the gate has several outputs: give one of its wires.

        Examples
        --------
        >>> graph = ComputationalGraph.from_expression("x * y + x")
        >>> graph.forward(x=3, y=-4)
        -9.0
        >>> gradients = graph.backward()
        >>> print(graph.explain("x"))
        x has the gradient -3, the sum of what comes back from 2 branches (gradient adder)
          multiply_1 = x * y      dx = y × dmultiply_1 = -4 × 1 = -4  gradient switcher
          add_1 = multiply_1 + x  dx = 1 × dadd_1 = 1 × 1 = 1         gradient distributor
          sum: -4 + 1 = -3
        """
        return explained(self, name)

    def check(self, inputs: Mapping[str, Any] | None = None, /, **named: Any) -> GraphReport:
        """Check the gradients end to end, and every gate's at the values that flow through it.

        The graph stays as it is: a copy of it runs.

        Parameters
        ----------
        inputs : mapping of str to number or array, optional
            The inputs by name; they may be given as keywords instead.

        Returns
        -------
        GraphReport
            A report as that of `gates.check_gate`; its `blame` lists the names of the faulty gates.

        Raises
        ------
        ValueError
            If an input is missing or unknown.
        Exception
            What a gate raised in the forward pass.

        Examples
        --------
        >>> graph = ComputationalGraph.from_expression("(x + y) * z")
        >>> report = graph.check(x=-2, y=5, z=-4)
        >>> report.verdict, report.blame
        ('pass', [])
        """
        return check_graph(self, merged(inputs, named))

    def _value_of(self, wire: Wire) -> Value:
        """Return a wire's value of the last forward pass; None before it, or when the graph has changed since."""
        return (
            self._values[self._ran.slot(wire.node, wire.port)] if self._ran is not None and self._is_current else None
        )

    def _gradient_of(self, wire: Wire) -> Value:
        """Return a wire's gradient of the last backward pass; None before it, or where there is none."""
        if (
            self._ran is None
            or self._grads is None
            or not self._is_current
            or self._differentiated != self._output_place()
        ):
            return None
        return self._grads[self._ran.slot(wire.node, wire.port)]

    def copy(self) -> ComputationalGraph:
        """Return the graph with gates of its own, before any pass; the two share their parameters."""
        twin = type(self)(self.guard)
        for name, sources in all_sources(self.graph):
            gate = self.graph.nodes[name]["gate"]
            wires = [twin._wire(*source) for source in sources]
            twin._place(gate if isinstance(gate, Parameter) else fresh(gate), name, wires, labels_of(gate))
        twin._last = self._last
        twin._output = self._output
        return twin

    __copy__ = copy

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_ran": None, "_values": [], "_grads": None, "_midway": ""}

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
        self._assigned = name

    def _reschedule(self) -> None:
        """Forget the order of the gates: the next pass works it out anew."""
        self.graph.__networkx_cache__.clear()

    def as_gate(self) -> Gate:
        """Return the graph as one gate, to be used alone or in another graph.

        The gate takes the graph's inputs in the order they were made and gives its output. It has a copy of
        the graph as it is now, `gate.graph`, which shares its parameters; the graph around lists them, such as
        `graph_1.W`.

        Returns
        -------
        Gate
            The gate.

        Examples
        --------
        >>> inner = ComputationalGraph()
        >>> inner.output = inner.input("x") * inner.parameter("w", 3)
        >>> gate = inner.as_gate()
        >>> graph = ComputationalGraph()
        >>> y = graph.add(gate, graph.input("x"))
        >>> graph.forward(x=2)
        6.0
        >>> graph.backward()
        {'x': 3.0, 'graph_1.w': 2.0}
        """
        return GraphGate(self)

    @classmethod
    def from_expression(cls, source: str, guard: bool = False) -> ComputationalGraph:
        """Build a graph from an arithmetic expression. It is parsed, never evaluated as code.

        Parameters
        ----------
        source : str
            Numbers, names, `+ - * / ** @`, parentheses, and a function for each gate: `exp(x)`, `max(x, y)`,
            `leaky_relu(x, 0.2)`. Every name becomes an input, in order of appearance.
        guard : bool
            As for the constructor.

        Returns
        -------
        ComputationalGraph
            The graph, whose output is the expression.

        Raises
        ------
        ValueError
            If it is anything else. The message shows the place.

        Examples
        --------
        >>> graph = ComputationalGraph.from_expression("1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))")
        >>> graph.forward(w0=2, x0=-1, w1=-3, x1=-2, w2=-3)
        0.7310585786300049
        """
        graph = cls(guard)
        graph.output = expression.build(graph, source)
        return graph

    def save(self, path: str | PathLike[str]) -> None:
        """Save the graph, its settings and parameters as JSON. The old file stays whole until the new one is.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        TypeError
            If a gate has a setting that JSON cannot hold.

        Examples
        --------
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "graph.json")
        >>> ComputationalGraph.from_expression("x ** 2").save(path)
        >>> ComputationalGraph.load(path).forward(x=3)
        9.0
        """
        files.write(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str], gates: Iterable[type] = ()) -> ComputationalGraph:
        """Load a graph that was saved. It runs no code from the file.

        Parameters
        ----------
        path : path
            The file.
        gates : iterable of classes
            The classes of gates in the file that are not gategraph's own.

        Returns
        -------
        ComputationalGraph
            The graph.

        Raises
        ------
        ValueError
            If the file is damaged, is not a saved graph, or names an unknown gate.

        Examples
        --------
        >>> import os, tempfile
        >>> from gates import Gate
        >>> class Twice(Gate):
        ...     def forward(self, x):
        ...         return 2 * x
        ...
        ...     def backward(self, dy):
        ...         return [2 * dy]
        >>> graph = ComputationalGraph()
        >>> y = graph.add(Twice(), graph.input("x"))
        >>> path = os.path.join(tempfile.mkdtemp(), "graph.json")
        >>> graph.save(path)
        >>> ComputationalGraph.load(path, gates=[Twice]).forward(x=3)
        6.0
        """
        return files.read(path, gates, cls)

    def __repr__(self) -> str:
        return table.summary(self)

    def __str__(self) -> str:
        return table.table(self)

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
    def _is_current(self) -> bool:
        """Whether the graph is as it was in the last forward pass."""
        return self._ran in self.graph.__networkx_cache__.values()
