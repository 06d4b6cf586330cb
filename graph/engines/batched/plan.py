"""The plan of a graph of numbers as vector operations.

Gates of one kind whose longest paths from the entries are equally long do not depend on each other: they become one
operation on vectors. Where they are few, or cannot be stacked, they run gate by gate, as late as possible, so that as
many as possible run together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gates import Gate
from gates.validation import formula
from graph.engines.batched.stacking import can_be_stacked, stacked
from graph.engines.program import Program, Row
from graph.structure.library import is_library_gate

WIDE = 16  # how many gates are worth an operation on vectors
Vector = np.ndarray[Any, Any]


class Refused(Exception):
    """The formulas of a class of gates do not run on vectors."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind)
        self.kind = kind


class NotNumbers(Exception):
    """A gate gives an array, or no gradient where one is wanted: vectors of numbers cannot hold that."""


class Batch:
    """Gates of one kind that run as one.

    Parameters
    ----------
    gate : Gate
        The gate that does on vectors what each of them does on numbers.
    sources : array
        For each input, the places that the gates read in the vector of values.
    out : int
        Where their outputs begin in the vector; those of the second port follow those of the first.

    Attributes
    ----------
    targets : dict of int to array
        The inputs whose gradients are wanted, and the places that these add to in the vector of gradients.
    scatters : dict of int to Scatter
        What adds them.
    """

    def __init__(self, gate: Gate, sources: Vector, out: int) -> None:
        self.gate = gate
        self._forward, self._backward = formula(gate.forward), formula(gate.backward)
        self.count = sources.shape[1]
        self.reads = list(map(as_slice, sources))
        self.ports = [
            slice(start, start + self.count) for start in range(out, out + gate.outputs * self.count, self.count)
        ]
        self.targets = {port: sources[port] for port, want in enumerate(gate.wanted) if want}
        self.scatters: dict[int, Scatter] = {}

    def forward(self, values: Vector) -> None:
        """Run the gates forward."""
        try:
            z = self.gate.output = self._forward(self.gate, *[values[places] for places in self.reads])
            for places, output in zip(self.ports, [z] if self.gate.outputs == 1 else z):
                values[places] = output
        except Exception as error:
            raise Refused(type(self.gate)) from error

    def backward(self, grads: Vector) -> None:
        """Run the gates backward, if a gradient is wanted."""
        if not self.scatters:
            return
        try:
            gradients = self._backward(self.gate, *[grads[places] for places in self.ports])
        except Exception as error:
            raise Refused(type(self.gate)) from error
        for port, scatter in self.scatters.items():
            if gradients[port] is None:
                raise NotNumbers(f"{type(self.gate).__name__} gives no gradient where one is wanted")
            scatter.add(gradients[port], grads)


class Scatter:
    """Adds gradients to a vector, at places that may repeat.

    Parameters
    ----------
    places : array
        The places.
    alone : bool
        Whether nothing else adds to any of them, so that assigning does.
    """

    def __init__(self, places: Vector, alone: bool) -> None:
        self.count = len(places)
        self.alone = alone
        found, inverse = np.unique(places, return_inverse=True)
        self.sums: Vector | None = None
        self.bins = len(found)
        if len(found) < len(places):
            low, high = int(found[0]), int(found[-1]) + 1
            if high - low <= 4 * len(found):  # close together: one bin for each place between is faster
                self.sums, self.bins, places = places - low, high - low, np.arange(low, high)
            else:
                self.sums, places = inverse, found
        self.places = as_slice(places)

    def add(self, gradient: Any, grads: Vector) -> None:
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
        self.size = 0
        self._append(range(len(program.entries)))
        self._pending: list[Row] = []
        self._pending_slots: set[int] = set()
        for generation in self._generations():
            for rows in generation.values():
                self._take(rows)
        unneeded = [row for row in program.rows if not row.is_needed]
        if not all(is_library_gate(row.gate) and can_be_stacked(row.gate) for row in unneeded):  # others may raise
            self._wait(unneeded)
        self._flush()
        self._add_scatters()

    def _append(self, slots: Any) -> None:
        """Let slots have the next places in the vector."""
        self.places[slots] = np.arange(self.size, self.size + len(slots))
        self.size += len(slots)

    def _generations(self) -> list[dict[Any, list[Row]]]:
        """Return the rows that are needed by the length of the longest path to them, and then by kind."""
        levels = [0] * self.program.size
        generations: list[dict[Any, list[Row]]] = []
        for row in self.program.rows:
            _, gate, sources, out, outputs, wanted, is_needed = row
            if not is_needed:
                continue
            level = max([levels[slot] for slot in sources], default=0)
            levels[out : out + outputs] = [level + 1] * outputs
            if len(generations) == level:
                generations.append({})
            generations[level].setdefault((type(gate), outputs, wanted), []).append(row)
        return generations

    def _take(self, rows: list[Row], have_same_settings: bool = False) -> None:
        """Plan the rows of one kind in one generation: together, or those with the same settings together."""
        if len(rows) < WIDE or type(rows[0].gate) in self.refused or not all(can_be_stacked(row.gate) for row in rows):
            self._wait(rows)
            return
        gate = stacked([row.gate for row in rows], len(rows[0].sources))
        if gate is not None:
            self._batch(rows, gate)
        elif have_same_settings:
            self._wait(rows)
        else:
            by_settings: dict[str, list[Row]] = {}
            for row in rows:
                by_settings.setdefault(repr(sorted(row.gate.__getstate__().items())), []).append(row)
            for some in by_settings.values():
                self._take(some, have_same_settings=True)

    def _wait(self, rows: list[Row]) -> None:
        """Let rows wait until something needs them."""
        self._pending += rows
        self._pending_slots.update(_filled(rows))

    def _flush(self) -> None:
        """Have the waiting rows run now."""
        if self._pending:
            self.steps.append(self._pending)
            self._append(_filled(self._pending))
            self._pending, self._pending_slots = [], set()

    def _batch(self, rows: list[Row], gate: Gate) -> None:
        """Have rows run as one operation."""
        # NumPy is faster with contiguous indices.
        sources = np.ascontiguousarray(np.array([row.sources for row in rows]).T)
        if self._pending_slots and not self._pending_slots.isdisjoint(sources.ravel().tolist()):
            self._flush()
        gate.wanted = rows[0].wanted
        self.steps.append(Batch(gate, self.places[sources], self.size))
        for port in range(gate.outputs):
            self._append([row.out + port for row in rows])

    def _add_scatters(self) -> None:
        """Find out which places several gates add gradients to, and let the batches add theirs accordingly."""
        adds = np.zeros(self.size, dtype=int)  # how often gradients are added to each place
        for step in self.steps:
            if isinstance(step, Batch):
                for places in step.targets.values():
                    np.add.at(adds, places, 1)
            else:  # no batch may assign where single gates add
                np.add.at(adds, self.places[[slot for row in step for slot in row.sources]], 2)
        for step in self.steps:
            if isinstance(step, Batch):
                step.scatters = {
                    port: Scatter(places, alone=bool((adds[places] == 1).all()))
                    for port, places in step.targets.items()
                }


def _filled(rows: list[Row]) -> list[int]:
    """Return the slots that rows fill."""
    return [slot for row in rows for slot in ((row.out,) if row.outputs == 1 else row.slots)]


def as_slice(places: Vector) -> slice | Vector:
    """Return places as a slice where they lie at equal distances."""
    if len(places) == 1:
        return slice(int(places[0]), int(places[0]) + 1)
    step = int(places[1] - places[0])
    if step <= 0 or (np.diff(places) != step).any():
        return places
    return slice(int(places[0]), int(places[-1]) + 1, step)
