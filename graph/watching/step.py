"""A step of a pass: one gate at work, with its inputs and results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Any

from gates.formatting import as_html, escaped, printable, text_of
from gates.values import Value, shape_of
from graph.passes.run import run_alone
from graph.passes.schedule import Call
from graph.passes.two_passes import TwoPasses
from graph.watching.local_gradients import local_gradients
from graph.watching.notation import Notation, notation_of, pattern_of

_LINE = 100  # numbers that make a line longer are left out


@dataclass(frozen=True, eq=False, repr=False)
class Step:
    """One gate at work in one of the two passes. It prints as one would write it on a blackboard.

    Where a gate reads a wire twice, the second end is called `x (2)`.

    Attributes
    ----------
    phase : str
        "forward" or "backward".
    node : str
        The gate's name.
    gate : object
        The gate.
    inputs : dict of str to float or array
        The gate's inputs, by the name of the wire.
    output : float, array or list
        The result of forward; a list for several outputs.
    upstream : float, array or list
        In the backward phase the gradient of the output; a list for several outputs.
    local : dict
        In the backward phase, for each input, the gate's local gradient: a number; an array of the output's shape for
        an elementwise gate and small arrays; a tuple of numbers for several outputs; otherwise a short description.
        None for an input whose gradient is not wanted.
    downstream : dict
        In the backward phase, for each input, the gradient that the gate sends there: local gradient × upstream
        gradient. None for an input whose gradient is not wanted.
    sums : dict
        In the backward phase, for each wire that already has a gradient from other branches, or that the gate reads
        twice: the terms, in the order in which they arrived, whose sum is the wire's gradient so far.
    notation : Notation
        The gate, written with the names of its wires.

    Examples
    --------
    >>> from graph import ComputationalGraph
    >>> graph = ComputationalGraph.from_expression("x * y")
    >>> forward, backward = graph.stepper(x=3, y=-4)
    >>> forward
    multiply_1 = x * y = 3 * (-4) = -12
    >>> backward.upstream, backward.local, backward.downstream
    (1.0, {'x': -4.0, 'y': 3.0}, {'x': -4.0, 'y': 3.0})
    """

    phase: str
    node: str
    gate: Any
    inputs: dict[str, Value]
    output: Value
    upstream: Value = None
    local: dict[str, Any] = field(default_factory=dict)
    downstream: dict[str, Value] = field(default_factory=dict)
    sums: dict[str, list[Value]] = field(default_factory=dict)
    notation: Notation = field(kw_only=True)

    def __str__(self) -> str:
        if self.phase == "forward":
            return printable(self.computation)
        head = printable(self.notation.equation)
        gradients = [*filter(None, self.products), *self.additions.values()] or [self.of_nothing_sent]
        first, *rest = map(printable, gradients)
        return "\n".join([f"{head}   {first}", *(f"{' ' * len(head)}   {text}" for text in rest)])

    __repr__ = __str__

    @property
    def computation(self) -> str:
        """The computation of forward: `q = x + y = -2 + 5 = 3`."""
        numbers = self.notation.with_numbers([text_of(value) for value in self.inputs.values()])
        return _chain(self.notation.result, self.notation.with_names, numbers, _text(self.output))

    @property
    def products(self) -> list[str]:
        """The computation of backward for each input: `dq = z × df = -4 × 1 = -4`; "" where it is not wanted."""
        return [self._product(port) for port in range(len(self.inputs))]

    @property
    def of_nothing_sent(self) -> str:
        """The text of a backward step that gives no input a gradient."""
        has_own = getattr(self.gate, "has_parameters", False)
        return "the gradients of its own parameters" if has_own else "no gradient is wanted"

    @property
    def additions(self) -> dict[str, str]:
        """The sums where branches meet: `dx so far = 3 + 4 = 7` for each such wire."""
        return {
            name: f"d{name} so far = {' + '.join(map(text_of, terms)).replace('+ -', '- ')} = {text_of(total(terms))}"
            for name, terms in self.sums.items()
        }

    def _product(self, port: int) -> str:
        """Return the computation of backward for one input."""
        name, written = self.notation.inputs[port], self.notation.gradients[port]
        gradient = list(self.downstream.values())[port]
        if gradient is None:
            return ""
        one = len(self.notation.outputs) == 1
        if one and getattr(self.gate, "elementwise", False) and shape_of(gradient) != shape_of(self.upstream):
            written = f"sum({written})"  # over the axes along which the input was broadcast
        line = _chain(f"d{name}", written, self.numbers(port), text_of(gradient))
        left, _, right = line.rpartition(" = ")
        return line if self._is_local_times_upstream(port) else f"{left} ≠ {right}"

    def _is_local_times_upstream(self, port: int) -> bool:
        """Return whether a gate's gradient is the product that its notation says; True where numbers cannot tell."""
        local, gradient = list(self.local.values())[port], list(self.downstream.values())[port]
        if type(local) is not float or type(self.upstream) is not float:
            return True
        product = local * self.upstream
        return not math.isfinite(product) or math.isclose(product, gradient, rel_tol=1e-6, abs_tol=1e-300)

    def numbers(self, port: int) -> str:
        """Return local × upstream of an input in numbers: `-4 × 1`; "" where the local gradient is only described."""
        local = list(self.local.values())[port]
        if isinstance(local, str) or local is None:
            return ""
        pairs = zip(local, self.upstream) if isinstance(local, tuple) else [(local, self.upstream)]
        return " + ".join([f"{text_of(slope)} × {text_of(dz)}" for slope, dz in pairs])

    def _repr_html_(self) -> str:
        if self.phase == "forward":
            values = [*self.inputs.items(), (self.notation.result, self.output)]
            rows = [(name, _text(value)) for name, value in values]
            return as_html([("wire", "value"), *rows], f"forward: {self.computation}")
        table = [("wire", "value", "local gradient", "upstream gradient", "local × upstream")]
        for name, gradient in self.downstream.items():
            value, local, upstream = map(_text, (self.inputs[name], self.local[name], self.upstream))
            table.append((name, value, local, upstream, _text(gradient)))
        pattern = pattern_of(self.gate)
        additions = "".join([f"<p>{escaped(text)}</p>" for text in self.additions.values()])
        return as_html(table, f"backward: {self.notation.equation}{f' ({pattern})' * bool(pattern)}") + additions


def forward_step(graph: TwoPasses, call: Call, values: Sequence[Value]) -> Step:
    """Return the step of a gate that ran forward."""
    gate, outputs = graph.gate(call.node), list(values[call.out : call.out + call.outputs])
    names = [str(wire) for wire in graph.reads(call.node)]
    inputs: dict[str, Value] = {}
    for name, slot in zip(names, call.sources):
        unique, count = name, 1
        while unique in inputs:
            count += 1
            unique = f"{name} ({count})"
        inputs[unique] = values[slot]
    notation = notation_of(gate, names, [str(wire) for wire in graph.wires_of(call.node)])
    return Step("forward", call.node, gate, inputs, outputs if len(outputs) > 1 else outputs[0], notation=notation)


def backward_step(
    graph: TwoPasses,
    call: Call,
    values: list[Value],
    upstream: list[Value],
    grads: Sequence[Value] | None = None,
) -> Step:
    """Run a gate's backward alone, and return its step; `grads` are the gradients before it, to which it adds."""
    step = forward_step(graph, call, values)
    slopes = local_gradients(call, values)  # first: a nested graph keeps the gradients of its last backward
    downstream = run_alone(call, values, upstream)
    for port, slot in enumerate(call.sources):
        if slot in graph.schedule.unneeded:
            downstream[port] = None
    local = [None if gradient is None else slope for slope, gradient in zip(slopes, downstream)]
    return replace(
        step,
        phase="backward",
        upstream=upstream if call.outputs > 1 else upstream[0],
        local=dict(zip(step.inputs, local)),
        downstream=dict(zip(step.inputs, downstream)),
        sums={} if grads is None else _sums(call, grads, step.notation.inputs, downstream),
    )


def total(terms: Sequence[Value]) -> Value:
    """Return a sum of gradients, added in their order."""
    return reduce(add, terms)


def _sums(
    call: Call, grads: Sequence[Value], names: Sequence[str], downstream: Sequence[Value]
) -> dict[str, list[Value]]:
    """Return the gradients that meet on each wire that a gate reads, for wires with several."""
    terms: dict[str, list[Value]] = {}
    for name, slot, gradient in zip(names, call.sources, downstream):
        if gradient is not None:
            terms.setdefault(name, [] if grads[slot] is None else [grads[slot]]).append(gradient)
    return {name: several for name, several in terms.items() if len(several) > 1}


def _chain(left: str, right: str, numbers: str, result: str) -> str:
    """Return an equation with its numbers and its result; numbers that would make it too long are left out."""
    is_short = len(left) + len(right) + len(numbers) + len(result) <= _LINE
    is_shown = is_short and numbers not in ("", right, result) and " from " not in numbers
    return " = ".join([left, right, *[numbers] * is_shown, result])


def _text(value: Any) -> str:
    """Return a value, several values, or a description as text."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(text_of, value))
    return value if isinstance(value, str) else text_of(value)
