"""The plan of a graph of numbers as vector operations.

Gates of one kind that stand equally far from the inputs, in one topological generation, become one operation on
vectors. Kinds with few gates in a generation, or that cannot be stacked, stay what they are: they run gate by gate,
as late as possible, so that as many as possible run in one go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gates import Gate
from gates.validation import formula
from graph.engines.batched.stacking import can_be_stacked, stacked
from graph.engines.program import Program, Row

WIDE = 16  # how many gates are worth an operation on vectors
Places = slice | np.ndarray[Any, Any]


@dataclass
class Batch:
    """Gates of one kind as one.

    Attributes
    ----------
    gate : Gate
        The gate that does what all of them do.
    forward, backward : callable
        Its formulas.
    count : int
        How many gates they are.
    reads : list of slice or array
        For each input, where it stands in the vector of values.
    out : int
        Where the outputs begin; those of one port follow those of another.
    adds : list of (int, Scatter)
        The inputs whose gradients are wanted, and how these come into the vector of gradients.
    """

    gate: Gate
    forward: Any
    backward: Any
    count: int
    reads: list[Places]
    out: int
    adds: list[tuple[int, Scatter]] = field(default_factory=list)


class Scatter:
    """Adds gradients to a vector, at places some of which may come several times.

    Parameters
    ----------
    places : array
        The places.
    alone : bool
        Whether nothing else adds to any of them: what comes is put there.
    """

    def __init__(self, places: np.ndarray[Any, Any], alone: bool) -> None:
        self.count = len(places)
        self.alone = alone
        found, inverse = np.unique(places, return_inverse=True)
        self.sums: np.ndarray[Any, Any] | None = None
        self.bins = len(found)
        if len(found) < len(places):
            low, high = int(found[0]), int(found[-1]) + 1
            if high - low <= 4 * len(found):  # close together: no need to look up where each bin goes
                self.sums, self.bins, places = places - low, high - low, np.arange(low, high)
            else:
                self.sums, places = inverse, found
        self.places = as_slice(places)

    def add(self, gradient: Any, grads: np.ndarray[Any, Any]) -> None:
        """Add the gradients."""
        if self.sums is not None:
            if np.shape(gradient) != (self.count,):
                gradient = np.broadcast_to(gradient, self.count)
            grads[self.places] += np.bincount(self.sums, gradient, self.bins)
        elif self.alone:
            grads[self.places] = gradient
        else:
            grads[self.places] += gradient


class Plan:
    """Operations on vectors, and rows of single gates between them, in the order in which they run.

    Parameters
    ----------
    program : Program
        The program.
    refused : set of type
        Classes whose gates cannot be stacked, as an attempt has shown.

    Attributes
    ----------
    steps : list of Batch or list of Row
        What runs, in order.
    places : array
        For each slot of the program, its place in the vector of values.
    size : int
        How long that vector is.
    """

    def __init__(self, program: Program, refused: set[type]) -> None:
        self.program = program
        self.refused = refused
        self.steps: list[Batch | list[Row]] = []
        self.places = np.full(program.size, -1)
        self.places[: len(program.entries)] = np.arange(len(program.entries))
        self.size = len(program.entries)
        self._pending: list[Row] = []
        self._outs: set[int] = set()  # the slots that pending rows will fill
        groups: list[list[Row]] = []
        for generation in self._generations():
            for rows in generation.values():
                self._take(rows, groups)
        self._flush()
        self._add_scatters(groups)

    def _generations(self) -> list[dict[Any, list[Row]]]:
        """Return the rows by the length of the longest path to them, and then by kind."""
        levels = [0] * self.program.size
        generations: list[dict[Any, list[Row]]] = []
        for row in self.program.rows:
            level = 1 + max([levels[slot] for slot in row.sources], default=0)
            for slot in range(row.out, row.out + row.outputs):
                levels[slot] = level
            while len(generations) < level:
                generations.append({})
            key = type(row.gate), row.outputs, row.wanted, row.needs
            generations[level - 1].setdefault(key, []).append(row)
        return generations

    def _take(self, rows: list[Row], groups: list[list[Row]]) -> None:
        """Plan the rows of one kind in one generation: together, or those with the same settings together."""
        if len(rows) < WIDE or type(rows[0].gate) in self.refused or not all(can_be_stacked(row.gate) for row in rows):
            self._wait(rows)
            return
        gate = stacked([row.gate for row in rows], len(rows[0].sources))
        if gate is not None:
            self._batch(rows, gate, groups)
            return
        alike: dict[str, list[Row]] = {}
        for row in rows:
            alike.setdefault(repr(sorted(row.gate.__getstate__().items())), []).append(row)
        for some in alike.values():
            gate = stacked([row.gate for row in some], len(rows[0].sources)) if len(some) >= WIDE else None
            if gate is None:
                self._wait(some)
            else:
                self._batch(some, gate, groups)

    def _wait(self, rows: list[Row]) -> None:
        """Let rows wait until something needs them."""
        self._pending += rows
        for row in rows:
            self._outs.update(range(row.out, row.out + row.outputs))

    def _flush(self) -> None:
        """Have the waiting rows run now."""
        if self._pending:
            self.steps.append(self._pending)
            for row in self._pending:
                for slot in range(row.out, row.out + row.outputs):
                    self.places[slot] = self.size
                    self.size += 1
            self._pending, self._outs = [], set()

    def _batch(self, rows: list[Row], gate: Any, groups: list[list[Row]]) -> None:
        """Have rows run as one operation."""
        sources = np.array([row.sources for row in rows]).T
        if self._outs and not self._outs.isdisjoint(sources.ravel().tolist()):
            self._flush()
        first, count = rows[0], len(rows)
        gate.wanted = first.wanted
        outs = np.array([row.out for row in rows])
        for port in range(first.outputs):
            self.places[outs + port] = np.arange(self.size + port * count, self.size + (port + 1) * count)
        reads = [as_slice(self.places[slots]) for slots in sources]
        backward = formula(gate.backward) if first.needs else None
        self.steps.append(Batch(gate, formula(gate.forward), backward, count, reads, self.size))
        self.size += count * first.outputs
        groups.append(rows)

    def _add_scatters(self, groups: list[list[Row]]) -> None:
        """Work out where the gradients of each batch go, and which places nothing else adds to."""
        batches = [step for step in self.steps if isinstance(step, Batch)]
        readers = np.zeros(self.size, dtype=int)
        targets: list[tuple[Batch, int, np.ndarray[Any, Any]]] = []
        for batch, rows in zip(batches, groups):
            sources = np.array([row.sources for row in rows]).T
            for port, want in enumerate(rows[0].wanted):
                if want and batch.backward is not None:
                    targets.append((batch, port, self.places[sources[port]]))
        for _, _, places in targets:
            np.add.at(readers, places, 1)
        for step in self.steps:
            if not isinstance(step, Batch):
                np.add.at(readers, self.places[[slot for row in step for slot in row.sources]], 2)
        for batch, port, places in targets:
            batch.adds.append((port, Scatter(places, bool((readers[places] == 1).all()))))


def as_slice(places: np.ndarray[Any, Any]) -> Places:
    """Return places as a slice where they lie at equal distances."""
    if len(places) == 1:
        return slice(int(places[0]), int(places[0]) + 1)
    step = int(places[1] - places[0])
    if step <= 0 or (np.diff(places) != step).any():
        return places
    return slice(int(places[0]), int(places[-1]) + 1, step)
