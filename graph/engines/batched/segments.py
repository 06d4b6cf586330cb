"""Single gates between vector operations: they run gate by gate, those at the end of the graph as generated code."""

from __future__ import annotations

import numpy as np

from gates.values import Value
from graph.engines.batched.plan import NotNumbers, Vector
from graph.engines.engine import Engine
from graph.engines.loop.loop import Loop
from graph.engines.program import Program, Row
from graph.engines.source.generated import Generated
from graph.passes.run import run_backward, run_forward
from graph.passes.schedule import Differentiated
from graph.structure.entries import Input
from graph.structure.library import is_library_gate

#: The largest number of gates that are worth writing as code.
MOST_GENERATED = 10_000


def code_unless_many(program: Program) -> Engine:
    """Return the engine of generated code for a program; the one that interprets if it has too many gates."""
    return (Generated if len(program.rows) <= MOST_GENERATED else Loop)(program)


class Segment:
    """Single gates, as a program whose entries come from a vector.

    Parameters
    ----------
    rows : list of Row
        The gates, in topological order.
    places : array
        For each slot that they read or write, its place in the vector.
    unneeded : set of int
        The slots whose gradients nobody needs.
    """

    def __init__(self, rows: list[Row], places: Vector, unneeded: set[int]) -> None:
        filled = [slot for row in rows for slot in row.slots]
        inside = set(filled)
        read = list(dict.fromkeys([slot for row in rows for slot in row.sources if slot not in inside]))
        local = dict(zip(read + filled, range(len(read) + len(filled))))
        self.count = len(read)
        self.read, self.filled = places[read], places[filled]
        wanted = {slot for row in rows for slot, is_wanted in zip(row.sources, row.wanted) if is_wanted}
        self.wanted = np.array([number for number, slot in enumerate(read) if slot in wanted], dtype=int)
        self.program = Program(
            entries=[(f"v{number}", Input(), number) for number in range(len(read))],
            label_slots=set(),
            rows=[
                row._replace(sources=tuple([local[slot] for slot in row.sources]), out=local[row.out]) for row in rows
            ],
            output="output",
            output_slot=len(local) - 1,
            differentiated=[Differentiated(f"v{number}", number) for number in self.wanted.tolist()],
            unneeded={local[slot] for slot in local if slot in unneeded},
            size=len(local),
        )
        self.values: list[Value] = []

    def forward(self, vector: Vector) -> None:
        """Run the gates forward, gate by gate."""
        self.values = vector[self.read].tolist() + [None] * len(self.filled)
        run_forward(self.program.calls, self.values)
        if any(type(value) is not float for value in self.values):
            raise NotNumbers("a gate gives an array")
        vector[self.filled] = self.values[self.count :]

    def backward(self, grads: Vector) -> None:
        """Run the gates backward, gate by gate."""
        found = [None] * self.count + grads[self.filled].tolist()
        run_backward(self.program.calls, self.values, found)
        grads[self.read[self.wanted]] += self.wanted_of(found)

    def wanted_of(self, grads: list[Value]) -> list[Value]:
        """Return the gradients of what was read, or raise NotNumbers if one that is wanted is missing."""
        gradients = [grads[number] for number in self.wanted.tolist()]
        if any(gradient is None for gradient in gradients):
            raise NotNumbers("a gate gives no gradient where one is wanted")
        return gradients


class LastSegment(Segment):
    """The gates that the output comes from: both passes run at once, as generated code unless the gates are many."""

    def __init__(self, rows: list[Row], places: Vector, unneeded: set[int], output: int) -> None:
        super().__init__(rows, places, unneeded)
        self.program.output_slot = self.count + [slot for row in rows for slot in row.slots].index(output)
        self._engine = code_unless_many(self.program)
        self._tried = all(map(is_library_gate, {type(row.gate): row.gate for row in rows}.values()))

    def both_passes(self, vector: Vector, grads: Vector, upstream: float) -> float:
        """Return the output, and add the gradients of what was read."""
        values: list[Value] = vector[self.read].tolist() + [None] * len(self.filled)
        if not self._tried:  # gates of the user's may give no gradient, where the engine gives 0
            self.wanted_of(self.program.both_passes(self.program.calls, list(values), upstream))
            self._tried = True
        value, gradients = self._engine.run(values, upstream)
        if type(value) is not float:
            raise NotNumbers("a gate gives an array")
        grads[self.read[self.wanted]] += list(gradients.values())
        return value
