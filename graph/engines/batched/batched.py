"""The engine of stacked numbers: gates of one kind that do not depend on each other run as one vector operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from gates.values import Value, shape_of
from graph.engines.batched.plan import WIDE, Batch, NotNumbers, Plan, Refused
from graph.engines.batched.segments import LastSegment, Segment, code_unless_many
from graph.engines.engine import Engine, Plain
from graph.engines.program import Program
from graph.passes.arguments import summed, upstream_gradient
from graph.passes.schedule import no_garbage_collection


class Batched(Engine):
    """Runs a graph of numbers as vector operations, which are planned at the first call.

    Sums are taken in another order than gate by gate, so that results agree to about 1e-15, not to the bit; the sign of
    a gradient of 0 is lost.
    """

    name = "batched"

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._refused: set[type] = set()  # the classes of gates whose formulas do not run on vectors
        self._vectors: _Vectors | None = None
        self._instead: Engine | None = None  # what runs where vectors do not
        self._why = ""

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        for name, _, slot in self.program.entries:
            if type(values[slot]) is not float:
                raise TypeError(
                    f"the batched engine computes with Python floats, got {type(values[slot]).__name__} of shape "
                    f"{shape_of(values[slot])} for {name!r}; graph.compile('source') computes with arrays"
                )
        while self._instead is None:
            if self._vectors is None:
                self._plan()
                continue
            try:
                return self._vectors.run(values, upstream_gradient(upstream, 0.0, self.program))
            except Refused as refused:
                self._refused.add(refused.kind)
                self._vectors = None
            except NotNumbers as found:
                self._instead, self._why = Plain(self.program), str(found)
        return self._instead.run(values, upstream)

    def extent(self) -> tuple[int, int]:
        """Return how many gates run in vector operations, and how many operations that takes."""
        if self._vectors is None and self._instead is None:
            self._plan()
        steps = self._vectors.steps if self._vectors is not None and self._instead is None else []
        counts = [step.count for step in steps if isinstance(step, Batch)]
        return sum(counts), len(counts)

    def _plan(self) -> None:
        """Plan the vector operations, or choose another engine if there are none."""
        with no_garbage_collection():
            plan = Plan(self.program, self._refused)
            if any(isinstance(step, Batch) for step in plan.steps):
                self._vectors = _Vectors(self.program, plan)
                return
        self._instead = code_unless_many(self.program)
        self._why = f"no {WIDE} gates of one kind are independent of each other"

    def about(self) -> str:
        text = super().about()
        if self._instead is not None:
            return f"{text}, run by the {self._instead.name} engine: {self._why}"
        if self._vectors is None:
            return text
        stacked, operations = self.extent()
        return f"{text}, {stacked:,} of them in {operations:,} vector operations"


class _Vectors:
    """The steps of a plan, with a vector of all values and one of all gradients."""

    def __init__(self, program: Program, plan: Plan) -> None:
        self.differentiated = program.differentiated
        self.count = len(program.entries)
        self.values, self.grads = np.zeros(plan.size), np.zeros(plan.size)
        *steps, last = plan.steps
        assert isinstance(last, list)  # the output is alone in the last generation of what it needs
        self.steps = [
            step if isinstance(step, Batch) else Segment(step, plan.places, program.unneeded) for step in steps
        ]
        self.last = LastSegment(last, plan.places, program.unneeded, program.output_slot)

    def run(self, values: list[Value], upstream: float) -> tuple[float, dict[str, float]]:
        """Run both passes."""
        self.values[: self.count] = values[: self.count]
        self.grads.fill(0.0)
        with np.errstate(all="ignore"):
            for step in self.steps:
                step.forward(self.values)
            value = self.last.both_passes(self.values, self.grads, upstream)
            for step in reversed(self.steps):
                step.backward(self.grads)
        return value, summed(self.differentiated, values, self.grads[: self.count].tolist())
