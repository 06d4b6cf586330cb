"""The engine of stacked numbers: gates of one kind that do not depend on each other run as one vector operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from gates.values import Value, shape_of
from graph.engines.batched.plan import WIDE, Batch, Plan
from graph.engines.batched.segments import MOST_GENERATED, LastSegment, NotNumbers, Segment
from graph.engines.engine import Engine, Plain, no_garbage_collection
from graph.engines.program import Program
from graph.engines.source.generated import Generated
from graph.passes.arguments import summed, upstream_gradient


class Batched(Engine):
    """Runs a graph of numbers as vectors. The order of work is planned at the first call.

    Sums are taken in another order than gate by gate, so that results agree to some 1e-15, not to the bit; the sign of
    a gradient of 0 is lost.
    """

    name = "batched"

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._refused: set[type] = set()  # the classes of gates whose formulas do not run on vectors
        self._vectors: _Vectors | None = None
        self._instead: Engine | None = None  # used where nothing can be stacked
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
            except _Refused as refused:
                self._refused.add(refused.kind)
                self._vectors = None
            except NotNumbers as found:
                self._instead, self._why = Plain(self.program), str(found)
        return self._instead.run(values, upstream)

    def extent(self) -> tuple[int, int]:
        """Return how many gates run as vectors, and how many operations on vectors these are."""
        if self._vectors is None and self._instead is None:
            self._plan()
        steps = self._vectors.steps if self._vectors is not None and self._instead is None else []
        counts = [step.count for step in steps if isinstance(step, Batch)]
        return sum(counts), len(counts)

    def _plan(self) -> None:
        """Plan the order of work."""
        with no_garbage_collection():
            plan = Plan(self.program, self._refused)
            if any(isinstance(step, Batch) for step in plan.steps):
                self._vectors = _Vectors(self.program, plan)
                return
        few = len(self.program.rows) <= MOST_GENERATED
        self._instead = Generated(self.program) if few else Plain(self.program)
        self._why = f"no {WIDE} gates of one kind stand side by side"

    def about(self) -> str:
        text = super().about()
        if self._instead is not None:
            return f"{text}, run by the {self._instead.name} engine: {self._why}"
        if self._vectors is None:
            return text
        stacked, operations = self.extent()
        return f"{text}, {stacked:,} of them in {operations:,} vector operations"


class _Refused(Exception):
    """The formulas of a class of gates do not run on vectors."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind)
        self.kind = kind


class _Vectors:
    """A plan at work: a vector of all values, and one of all gradients."""

    def __init__(self, program: Program, plan: Plan) -> None:
        self.differentiated = program.differentiated
        self.count = len(program.entries)
        self.values, self.grads = np.zeros(plan.size), np.zeros(plan.size)
        *steps, last = plan.steps  # the output waits alone in the last generation
        self.steps = [
            step if isinstance(step, Batch) else Segment(step, plan.places, program.unneeded) for step in steps
        ]
        assert isinstance(last, list)
        self.last = LastSegment(last, plan.places, program.unneeded, program.output_slot)

    def run(self, values: list[Value], upstream: float) -> tuple[float, dict[str, float]]:
        """Run both passes."""
        self.values[: self.count] = values[: self.count]
        self.grads.fill(0.0)
        with np.errstate(all="ignore"):
            for step in self.steps:
                if isinstance(step, Batch):
                    self._forward(step)
                else:
                    step.forward(self.values)
            value = self.last.both_passes(self.values, self.grads, upstream)
            for step in reversed(self.steps):
                if not isinstance(step, Batch):
                    step.backward(self.grads)
                elif step.backward is not None:
                    self._backward(step)
        found = self.grads[: self.count].tolist()
        return value, summed(self.differentiated, values, found)

    def _forward(self, batch: Batch) -> None:
        """Run gates of one kind forward."""
        values, gate, out, count = self.values, batch.gate, batch.out, batch.count
        try:
            z = batch.forward(gate, *[values[places] for places in batch.reads])
            if gate.outputs == 1:
                values[out : out + count] = gate.output = z
                return
            gate.output = z
            for port, array in enumerate(z):
                values[out + port * count : out + (port + 1) * count] = array
        except Exception as error:
            raise _Refused(type(gate)) from error

    def _backward(self, batch: Batch) -> None:
        """Run gates of one kind backward."""
        gate, out, count = batch.gate, batch.out, batch.count
        try:
            if gate.outputs == 1:
                gradients = batch.backward(gate, self.grads[out : out + count])
            else:
                upstream = self.grads[out : out + gate.outputs * count].reshape(gate.outputs, count)
                gradients = batch.backward(gate, *upstream)
        except Exception as error:
            raise _Refused(type(gate)) from error
        for port, scatter in batch.adds:
            if gradients[port] is None:
                raise NotNumbers(f"{type(gate).__name__} gives no gradient where one is wanted")
            scatter.add(gradients[port], self.grads)
