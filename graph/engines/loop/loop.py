"""The engine that interprets: both passes are one loop over the gates, whatever their number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gates.formatting import numbered
from gates.values import Value, shape_of
from graph.engines.engine import Engine, Plain
from graph.engines.loop.plan import Plan, Rows
from graph.engines.loop.writing import text_of
from graph.engines.program import Program
from graph.passes.arguments import summed, upstream_gradient
from graph.passes.run import run_alone, run_forward
from graph.passes.schedule import Call, no_garbage_collection


class Passes(NamedTuple):
    """The two functions, which take columns of rows, `more` places, the values, and backward the gradients."""

    forward: Callable[..., None]
    backward: Callable[..., None]


class NotNumbers(Exception):
    """A gate gives an array, or no gradient where one is wanted."""


class Loop(Engine):
    """Runs a graph of numbers in a loop with a branch for each kind of gate, whose formulas are traced once.

    The numbers are those of the plain passes, to the bit. Nothing is written for a gate, so that a first call takes
    some microseconds a gate; from some 10,000 gates on that is less than "source" needs to write its code.
    """

    name = "loop"

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._interpreter: Interpreter | None = None
        self._instead: Engine | None = None
        self._why = ""

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        program = self.program
        for name, _, slot in program.entries:
            if type(values[slot]) is not float and slot not in program.label_slots:
                raise TypeError(
                    f"the {self.name} engine computes with Python floats, got {type(values[slot]).__name__} of shape "
                    f"{shape_of(values[slot])} for {name!r}; graph.compile('source') computes with arrays"
                )
        if self._instead is None:
            try:
                if self._interpreter is None:
                    with no_garbage_collection():
                        self._interpreter = self.interpreter()
                dz = upstream_gradient(upstream, 0.0, program)
                return self._interpreter.run(values, dz)
            except NotNumbers as found:
                self._instead, self._why = Plain(program), str(found)
        return self._instead.run(values, upstream)

    def interpreter(self) -> Interpreter:
        """Return what runs the graph."""
        return Interpreter(Plan(self.program))

    def about(self) -> str:
        text = super().about()
        if self._instead is not None:
            return f"{text}, run by the {self._instead.name} engine: {self._why}"
        return text if self._interpreter is None else f"{text} {self._interpreter.about()}"


class Interpreter:
    """A plan, with the functions that run its stretches.

    Parameters
    ----------
    plan : Plan
        The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.forward, self.backward = ([self.ready(step) for step in steps] for steps in (plan.forward, plan.backward))
        self.more = plan.more.tolist()
        slots = [slot for part in plan.program.differentiated for slot in (part.slot, *part.others)]
        self.with_gradient = [slot for slot in slots if plan.reached[slot]]
        self.without_gradient: dict[int, Any] = {slot: None for slot in slots if not plan.reached[slot]}
        # Objects may run only once, so that nothing is tried that may have to be done again.
        self.fast = None if plan.objects else passes_of(plan, fast=True)
        self.exact: Passes | None = None

    def ready(self, step: Rows | Call) -> Rows | Call:
        """Return a step as it runs."""
        return step if isinstance(step, Call) else Rows(*[column.tolist() for column in step])

    def read(self, g: Any, slots: list[int]) -> list[float]:
        """Return some of the gradients."""
        return [g[slot] for slot in slots]

    def run(self, values: list[Any], upstream: float) -> tuple[Value, dict[str, Value]]:
        """Run both passes; `values` has those of the entries, and None for the outputs of gates."""
        if self.fast is not None:
            try:
                return self.both_passes(self.fast, list(values), self.zeros(), values, upstream)
            except (ArithmeticError, ValueError):  # IEEE arithmetic has an answer where `math` has none
                pass
        if self.exact is None:
            self.exact = passes_of(self.plan, fast=False)
        return self.both_passes(self.exact, list(values), self.zeros(), values, upstream)

    def zeros(self) -> list[float]:
        """Return what gradients begin as: -0.0, to which adding gives what is added, to the sign of a zero."""
        return [-0.0] * self.plan.program.size

    def both_passes(
        self, passes: Passes, v: Any, g: Any, values: list[Any], upstream: float
    ) -> tuple[Value, dict[str, Value]]:
        """Run both passes; `v` holds the values, so far those of the entries, and `g` the gradients."""
        program = self.plan.program
        for step in self.forward:
            if isinstance(step, Call):
                self._run(step, v, values)
            else:
                passes.forward(*step, self.more, v)
        g[program.output_slot] = upstream
        for step in self.backward:
            if isinstance(step, Call):
                self._pull(step, v, values, g)
            else:
                passes.backward(*step, self.more, v, g)
        grads = self.without_gradient | dict(zip(self.with_gradient, self.read(g, self.with_gradient)))
        return float(v[program.output_slot]), summed(program.differentiated, values, grads)

    def _around(self, call: Call, v: Any, values: list[Any]) -> list[Any]:
        """Return what a gate that runs as an object reads."""
        labels = self.plan.program.label_slots
        return [values[slot] if slot in labels else float(v[slot]) for slot in call.sources]

    def _run(self, call: Call, v: Any, values: list[Any]) -> None:
        """Run a gate forward as an object."""
        local = [*self._around(call, v, values), *[None] * call.outputs]
        run_forward([call.alone()], local)
        outputs = local[len(call.sources) :]
        if any(type(output) is not float for output in outputs):
            raise NotNumbers(f"{call.node} gives an array")
        v[call.out : call.out + call.outputs] = outputs

    def _pull(self, call: Call, v: Any, values: list[Any], g: Any) -> None:
        """Run a gate backward as an object."""
        slots = range(call.out, call.out + call.outputs)
        upstream = [float(g[slot]) if self.plan.reached[slot] else None for slot in slots]
        local = [*self._around(call, v, values), *[float(v[slot]) for slot in slots]]
        gradients = run_alone(call.alone(), local, upstream)
        for slot, is_wanted, gradient in zip(call.sources, call.gate.wanted, gradients):
            if not is_wanted:
                continue
            if type(gradient) is not float:
                raise NotNumbers(f"{call.node} gives no number as a gradient that is wanted")
            g[slot] += gradient

    def about(self) -> str:
        """Return a line about it."""
        objects = self.plan.objects
        text = f"of {numbered(len(self.plan.kinds), 'kind')}"
        if not objects:
            return text
        node, why = next(iter(objects.items()))
        return f"{text}; {numbered(len(objects), 'gate')} run as objects, such as {node}: {why}"


def passes_of(plan: Plan, fast: bool) -> Passes:
    """Return the functions that Python runs."""
    space: dict[str, Any] = {}
    exec(text_of(plan.kinds, plan.counts, fast), space)
    return Passes(space["forward"], space["backward"])
