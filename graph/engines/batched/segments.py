"""Single gates among vector operations: they run gate by gate, those at the end of the graph as generated code."""

from __future__ import annotations

from typing import Any

import numpy as np

from gates.values import Value
from graph.engines.engine import Plain
from graph.engines.program import Program, Row
from graph.engines.source.generated import Generated
from graph.passes.passes import run_backward, run_forward
from graph.passes.schedule import Differentiated
from graph.structure.entries import Input

#: The largest number of gates that are worth writing as code.
MOST_GENERATED = 50_000
Vector = np.ndarray[Any, Any]


class NotNumbers(Exception):
    """A gate gives an array, or no gradient where one is wanted: vectors of numbers cannot hold that."""


class Segment:
    """Rows of gates, as a program of their own whose entries stand in a vector.

    Parameters
    ----------
    rows : list of Row
        The gates, in topological order.
    places : array
        For each slot that they read or write, its place in the vector.
    unneeded : set of int
        The slots of which nobody needs a gradient.
    """

    def __init__(self, rows: list[Row], places: Vector, unneeded: set[int]) -> None:
        filled = [slot for row in rows for slot in range(row.out, row.out + row.outputs)]
        inside = set(filled)
        read = list(dict.fromkeys([slot for row in rows for slot in row.sources if slot not in inside]))
        local = dict(zip(read + filled, range(len(read) + len(filled))))
        self.count = len(read)
        self.read, self.filled = places[read], places[filled]
        self.wanted = np.array([number for number, slot in enumerate(read) if slot not in unneeded], dtype=int)
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
        self.add(grads, [found[number] for number in self.wanted.tolist()])

    def add(self, grads: Vector, found: list[Value]) -> None:
        """Add the gradients of what was read."""
        if any(gradient is None for gradient in found):
            raise NotNumbers("a gate gives no gradient where one is wanted")
        grads[self.read[self.wanted]] += found


class LastSegment(Segment):
    """The rows that give the output: both passes over them at once, as generated code unless they are many."""

    def __init__(self, rows: list[Row], places: Vector, unneeded: set[int], output: int) -> None:
        super().__init__(rows, places, unneeded)
        slots = [slot for row in rows for slot in range(row.out, row.out + row.outputs)]
        self.program.output_slot = self.count + slots.index(output)
        self._tried = False
        self.engine = (Generated if len(rows) <= MOST_GENERATED else Plain)(self.program)

    def both_passes(self, vector: Vector, grads: Vector, upstream: float) -> float:
        """Return the output, and add the gradients of what was read."""
        entries: list[Value] = vector[self.read].tolist()
        if not self._tried:
            self._try(entries, upstream)
        value, gradients = self.engine.run(entries + [None] * len(self.filled), upstream)
        if type(value) is not float:
            raise NotNumbers("a gate gives an array")
        self.add(grads, list(gradients.values()))
        return value

    def _try(self, entries: list[Value], upstream: float) -> None:
        """Raise NotNumbers if a gradient that is wanted is missing, which an engine would give as 0."""
        found = self.program.both_passes(self.program.calls, [*entries, *[None] * len(self.filled)], upstream)
        self.add(np.zeros(int(self.read.max(initial=0)) + 1), [found[number] for number in self.wanted.tolist()])
        self._tried = True
