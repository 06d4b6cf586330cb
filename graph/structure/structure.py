"""The structure of a computational graph: add gates and look up their wires. Knows nothing of passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import networkx as nx
import numpy as np

from gates.gate import labels_of
from gates.validation import counted
from gates.values import GateLike, Given, Value, as_argument
from graph.structure.admission import check_gate, check_labels, claim, owned
from graph.structure.entries import Constant, Entry, Input, Parameter, Parameters
from graph.structure.wire import Wire
from graph.structure.wiring import outputs_of, sources_of


class Structure:
    """Gates joined by wires, in a networkx graph.

    Attributes
    ----------
    graph : networkx.MultiDiGraph
        A node for each gate, an edge for each input port of a gate.
    parameter_gates : dict of str to Parameter
        The gates that hold the parameters, including those of nested graphs, by their names in this graph.
    chosen_output : tuple of (str, int), optional
        The gate and the output port that `graph.output` was set to.
    """

    def __init__(self) -> None:
        self.graph: Any = nx.MultiDiGraph()
        self.parameter_gates: dict[str, Parameter] = {}
        self._listed: set[int] = set()  # the ids of these gates
        self.chosen_output: tuple[str, int] | None = None
        self._last: tuple[str, int] | None = None  # the last gate added: its name, and how many outputs it has
        self._counts: dict[str, int] = {}
        self._labelled: dict[str, str] = {}  # inputs and constants read as labels, each with a gate that reads it so
        self._gates: list[Any] = []
        self._group: tuple[str, ...] = ()  # the groups that gates are added to now, from the outermost on
        self._text: tuple[str, int, tuple[str, int]] | None = None  # the expression, and the graph that it stands for
        claim(self, self._gates)

    def __getstate__(self) -> dict[str, Any]:
        # networkx's copy leaves out the schedule that is cached on the graph.
        return {**vars(self), "graph": self.graph.copy(), "_gates": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._gates = [gate for _, gate in self.graph.nodes(data="gate")]
        self._listed = set(map(id, self.parameter_gates.values()))
        claim(self, self._gates)

    @property
    def expression(self) -> str | None:
        """The text that `from_expression` made the graph from; None if there is none, or the graph has changed since.

        Examples
        --------
        >>> from graph import ComputationalGraph
        >>> ComputationalGraph.from_expression("q = x + y; f = q * z").expression
        'q = x + y; f = q * z'
        """
        if self._text is None or self._text[1:] != (len(self.graph), self.output_place):
            return None
        return self._text[0]

    def express(self, text: str) -> None:
        """Note the text that the graph, as it is now, stands for."""
        self._text = text, len(self.graph), self.output_place

    @property
    def parameters(self) -> Parameters:
        """The parameters by name, whose values persist between passes; assign to change one."""
        return Parameters(self.parameter_gates, self._parameter_assigned)

    def _parameter_assigned(self, name: str) -> None:
        """React to a new value of a parameter; subclasses override it."""

    def names_of_parameters(self) -> dict[int, str]:
        """Return the names of the parameters by the ids of the gates that hold them."""
        return {id(gate): name for name, gate in self.parameter_gates.items()}

    def input(self, name: str, grad: bool = True) -> Wire:
        """Add an input, whose value is passed to each call of `forward`.

        Parameters
        ----------
        name : str
            Its name, a keyword argument of `forward`.
        grad : bool
            Whether backward computes its gradient.

        Returns
        -------
        Wire
            The input's wire.

        Examples
        --------
        >>> from graph import ComputationalGraph
        >>> graph = ComputationalGraph()
        >>> f = graph.input("x", grad=False) * graph.input("y")
        >>> graph.forward(x=2, y=3)
        6.0
        >>> graph.backward()
        {'y': 2.0}
        """
        return self._enter(Input(grad), name)

    def inputs(self, *names: str) -> tuple[Wire, ...]:
        """Add several inputs and return their wires; an invalid name raises before any is added."""
        for place, name in enumerate(names):
            self._check_name(name)
            if name in names[:place]:
                raise ValueError(f"the name {name!r} is given twice")
        return tuple([self.input(name) for name in names])

    def parameter(self, name: str, value: Given) -> Wire:
        """Add a parameter: a value that persists between passes and has a gradient.

        Parameters
        ----------
        name : str
            Its name in `graph.parameters`.
        value : number or array
            The initial value. A NumPy array of floats is not copied and may be updated in place; numbers, lists
            and integers are converted first.

        Returns
        -------
        Wire
            The parameter's wire.

        Examples
        --------
        >>> from graph import ComputationalGraph
        >>> graph = ComputationalGraph()
        >>> f = graph.input("x") * graph.parameter("w", 3)
        >>> graph.forward(x=2)
        6.0
        >>> graph.parameters["w"] -= graph.backward()["w"]
        >>> graph.parameters
        {'w': 1.0}
        """
        return self._enter(Parameter(as_argument(value, f"parameter {name!r}")), name)

    def constant(self, value: Given, name: str | None = None) -> Wire:
        """Add a constant: a value that never changes and has no gradient. An array is copied.

        Parameters
        ----------
        value : number or array
            The value. Integers become floats, unless a gate reads them as labels.
        name : str, optional
            Its name; by default `constant_1`, `constant_2`, ...

        Returns
        -------
        Wire
            The constant's wire.

        Examples
        --------
        >>> from graph import ComputationalGraph
        >>> graph = ComputationalGraph()
        >>> f = graph.constant([1, 10], name="weights") * graph.input("x")
        >>> graph.forward(x=2)
        array([ 2., 20.])
        """
        as_argument(value, "a constant")
        return self._enter(Constant(value.copy() if isinstance(value, np.ndarray) else value), name)

    @contextmanager
    def group(self, name: str) -> Iterator[None]:
        """Put the gates that are added within into a group, which pictures can show as one box.

        Groups can be within one another. What is added to a group of the same name later belongs to it, too.

        Parameters
        ----------
        name : str
            Its name, such as "layer 1".

        Examples
        --------
        >>> from graph import ComputationalGraph
        >>> graph = ComputationalGraph()
        >>> x, w, b = graph.inputs("x", "w", "b")
        >>> with graph.group("neuron"):
        ...     y = x * w + b
        >>> graph.graph.nodes["add_1"]["group"]
        ('neuron',)
        """
        if not isinstance(name, str) or not name:
            raise TypeError(f"group(): the name must be a string that is not empty, got {name!r}")
        around = self._group
        self._group = (*around, name)
        try:
            yield
        finally:
            self._group = around

    def add(self, gate: GateLike, *wires: Wire | Given, name: str | None = None) -> Any:
        """Add a gate that reads the given wires.

        Parameters
        ----------
        gate : Gate, or any object with `forward(*inputs)` and `backward(*upstream)`
            The gate. A gate object can be added only once, to one graph.
        *wires : Wire, number or array
            The inputs of the gate, by input port. Numbers and arrays become constants.
        name : str, optional
            The node's name; by default `add_1`, `multiply_1`, ...

        Returns
        -------
        Wire or tuple of Wire
            The output, or the outputs if there are several.

        Raises
        ------
        TypeError
            If it is not a gate, or takes another number of inputs.
        ValueError
            If the name is taken, the gate is already in a graph, or a wire belongs to another graph.

        Examples
        --------
        >>> from gates import Copy, Max
        >>> from graph import ComputationalGraph
        >>> graph = ComputationalGraph()
        >>> m = graph.add(Max(), graph.input("x"), 2, name="m")
        >>> left, right = graph.add(Copy(2), m)
        >>> f = left * right
        >>> graph.forward(x=3)
        9.0
        """
        name = self._admit(gate, len(wires), name)
        labels = labels_of(gate)
        if labels or self._labelled:
            check_labels(self, self._labelled, gate, name, wires)
        sources: Sequence[Any] = wires
        edited = len(self.graph) != len(self._gates)  # by hand, through networkx
        for wire in wires:
            if type(wire) is not Wire or wire.graph is not self or edited:
                sources = self._sources(wires, name, f"{name} ({type(gate).__name__})")
                break
        self._place(gate, name, sources, labels)
        outputs = outputs_of(gate)
        self._last = name, outputs
        return self._wires(name, outputs)

    def restore(self, gate: Any, name: str, wires: Sequence[Wire], group: tuple[str, ...] = ()) -> None:
        """Add a gate of a saved graph, maybe an entry, or a parameter that is in another graph too, under its name."""
        if isinstance(gate, Parameter):
            owned.discard(id(gate))
        name, labels = self._admit(gate, len(wires), name), labels_of(gate)
        if labels or self._labelled:
            check_labels(self, self._labelled, gate, name, wires)
        self._place(gate, name, wires, labels, group)
        if not isinstance(gate, Entry):
            self._last = name, outputs_of(gate)

    def __getitem__(self, name: str) -> Any:
        """Return the wire of a node, or a tuple of its wires if it has several outputs."""
        if name not in self.graph:
            near = get_close_matches(str(name), list(self.graph)[:10_000], n=1)
            raise KeyError(f"no gate is called {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return self._wires(name, outputs_of(self.gate(name)))

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.graph)

    def _wires(self, name: str, outputs: int) -> Any:
        """Return the wire of a gate, or a tuple of its wires if it has several outputs."""
        return Wire(self, name) if outputs == 1 else tuple([Wire(self, name, port) for port in range(outputs)])

    def gate(self, name: str) -> Any:
        """Return the gate with this name."""
        return self.graph.nodes[name]["gate"]

    def wire(self, name: str, port: int = 0) -> Wire:
        """Return the wire of one output of a gate."""
        return Wire(self, name, port)

    def wires_of(self, name: str) -> list[Wire]:
        """Return the wires of a gate, one for each output."""
        return [Wire(self, name, port) for port in range(outputs_of(self.gate(name)))]

    def reads(self, name: str) -> list[Wire]:
        """Return the wires that a gate reads, by input port."""
        return [Wire(self, source, port) for source, port in sources_of(name, self.graph.pred[name])]

    def value_of(self, wire: Wire) -> Value:
        """Return a wire's value from the last forward pass; None before the first."""

    def gradient_of(self, wire: Wire) -> Value:
        """Return a wire's gradient from the last backward pass; None before the first."""

    def __contains__(self, name: object) -> bool:
        return name.node in self.graph and name.graph is self if isinstance(name, Wire) else name in self.graph

    def __iter__(self) -> Iterator[str]:
        return iter(self.graph)

    def __len__(self) -> int:
        return len(self.graph)

    @property
    def output(self) -> Wire:
        """The wire whose value `forward` returns and where `backward` starts: the last gate added, unless it is set."""
        return Wire(self, *self.output_place)

    @output.setter
    def output(self, wire: Wire) -> None:
        if not isinstance(wire, Wire):
            raise TypeError(f"graph.output must be a wire, got {wire!r}")
        self.chosen_output = self.require_wire(wire, "graph.output").node, wire.port

    @property
    def output_place(self) -> tuple[str, int]:
        """The gate and the output port of the graph's output."""
        if self.chosen_output is not None:
            return self.chosen_output
        if self._last is None:
            raise RuntimeError("the graph has no gate yet, so it has no output")
        name, outputs = self._last
        if outputs > 1:
            raise ValueError(f"the last gate, {name}, has {outputs} outputs: set graph.output to one of them")
        return name, 0

    @property
    def output_if_any(self) -> Wire | None:
        """The output; None if the graph has no gate yet, or the last gate has several outputs."""
        return None if self.chosen_output is None and (self._last is None or self._last[1] > 1) else self.output

    def name_of(self, wire: Wire) -> str:
        """Return a wire's name: the name of its gate, with the port if the gate has several outputs."""
        return f"{wire.node}[{wire.port}]" if outputs_of(self.gate(wire.node)) > 1 else wire.node

    def _enter(self, gate: Entry, name: str | None) -> Wire:
        """Add an entry and return its wire."""
        name = self._admit(gate, 0, name)
        self._place(gate, name, ())
        return Wire(self, name)

    def _place(
        self, gate: Any, name: str, wires: Sequence[Wire], labels: Sequence[int] = (), group: tuple[str, ...] = ()
    ) -> None:
        """Record a gate and the wires that it reads, those at the ports `labels` as labels."""
        self.graph.add_node(name, gate=gate)
        if group or self._group:
            self.graph.nodes[name]["group"] = self._group + group
        add_edge = self.graph.add_edge
        for port, wire in enumerate(wires):
            add_edge(wire.node, name, port, source_port=wire.port)
        self._gates.append(gate)
        owned.add(id(gate))
        for port in labels:
            self._labelled[wires[port].node] = name
        if getattr(gate, "has_parameters", False):
            self._list_parameters(gate, name)

    def _list_parameters(self, gate: Any, name: str) -> None:
        """Record a parameter under its name, or those of a nested graph under names such as graph_1.W, each once."""
        nested = getattr(gate, "nested_parameters", {}).items()
        for title, one in [(name, gate)] if isinstance(gate, Parameter) else [(f"{name}.{i}", p) for i, p in nested]:
            if id(one) not in self._listed:
                self._listed.add(id(one))
                self.parameter_gates[title] = one

    def _sources(self, given: Sequence[Any], name: str, who: str) -> list[Wire]:
        """Return the inputs of the gate `name` as wires: after a check of all, numbers and arrays become constants."""
        for one in given:
            if isinstance(one, Wire):
                self.require_wire(one, who)
            elif isinstance(one, str) and one in self.graph:
                raise TypeError(f"{who} reads wires, got the text {one!r}; that wire is graph[{one!r}]")
            else:
                as_argument(one, f"{who} reads wires, numbers and arrays")
        return [w if isinstance(w, Wire) else self.constant(w, self._free_name("constant", but=name)) for w in given]

    def require_wire(self, wire: Wire, who: str) -> Wire:
        """Return a wire if it belongs to this graph, or raise an error that begins with `who`."""
        if not isinstance(wire, Wire):
            raise TypeError(f"{who}: a wire or its name was wanted, got {wire!r}")
        if wire.graph is not self:
            raise ValueError(f"{who}: the wire {wire.node} belongs to another graph")
        if wire.node not in self.graph:
            raise ValueError(f"{who}: the gate {wire.node!r} is no longer in the graph")
        return wire

    def _admit(self, gate: Any, inputs: int, name: str | None) -> str:
        """Check a gate and return its name: the given one, or by default its kind with the next free number."""
        kind, (least, most) = check_gate(gate)
        if name is None:
            name = self._free_name(kind)
        else:
            self._check_name(name)
        if not least <= inputs <= most:
            raise TypeError(f"{name} ({type(gate).__name__}) takes {counted(least, most)}, got {inputs}")
        return name

    def _free_name(self, kind: str, but: str = "") -> str:
        """Return a gate's kind with the first number that is free; `but` is a name that counts as taken."""
        count = self._counts.get(kind, 1)
        while (name := f"{kind}_{count}") in self.graph or name == but:
            count += 1
        self._counts[kind] = count  # the next search starts here
        return name

    def _check_name(self, name: Any) -> None:
        """Raise unless a new gate can have that name."""
        if not isinstance(name, str) or not name:
            raise TypeError(f"a name must be a string that is not empty, got {name!r}")
        if name in self.graph:
            there = type(self.gate(name)).__name__
            raise ValueError(f"the name {name!r} is taken: the graph already has a gate with that name ({there})")
