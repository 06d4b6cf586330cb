"""A program as rows of integers, in stretches between the gates that run as objects."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from gates.gate import fresh
from graph.engines.program import Program, Row
from graph.engines.trace.kinds import Kind, key_of, kind_of
from graph.passes.schedule import Call, make_call

_MOST = 200  # kinds; gates of those that are rarer run as objects
_REFUSED = "numba does not compile its formulas"
_OBJECT = -1  # in place of the number of a kind


class Rows(NamedTuple):
    """Gates as columns of integers: the number of the kind, two places that are read, and the place of the output."""

    kinds: Any
    left: Any
    right: Any
    out: Any


class Plan:
    """What runs in each pass.

    Parameters
    ----------
    program : Program
        The program.
    refused : collection of type
        Classes of gates that run as objects.

    Attributes
    ----------
    kinds : list of Kind
        The kinds that can be written, the most frequent first.
    counts : list of int
        How many gates are of each.
    forward, backward : list of Rows or Call
        What runs, in order: stretches of gates, and single gates that run as objects.
    more : array
        The places that gates with more than two inputs read.
    reached : array of bool
        Which slots have a gradient.
    objects : dict of str to str
        The names of the gates that run as objects, each with the reason.
    """

    def __init__(self, program: Program, refused: Collection[type] = ()) -> None:
        self.program = program
        rows = program.rows
        numbers: dict[Any, int] = {}
        found: list[Kind] = []
        of_row = []
        for row in rows:
            key = key_of(row)
            number = numbers.get(key)
            if number is None:
                number = numbers[key] = len(found)
                is_refused = type(row.gate) in refused
                found.append(Kind(type(row.gate), None, reason=_REFUSED) if is_refused else kind_of(row))
            of_row.append(number)
        counts = np.bincount(of_row, minlength=len(found)).tolist()
        written = [number for number, kind in enumerate(found) if kind.recording is not None]
        order = sorted(written, key=lambda number: -counts[number])[:_MOST]
        self.kinds, self.counts = [found[number] for number in order], [counts[number] for number in order]
        ranks = np.full(len(found) + 1, _OBJECT, dtype=np.int32)
        ranks[order] = np.arange(len(order))
        kinds = ranks[np.array(of_row, dtype=np.int32)]
        self.objects = {
            rows[place].node: found[of_row[place]].reason or f"there are more than {_MOST} kinds of gates"
            for place in np.flatnonzero(kinds == _OBJECT).tolist()
        }
        calls = {place: _call(rows[place]) for place in np.flatnonzero(kinds == _OBJECT).tolist()}
        more: list[int] = []
        reads = [row.sources for row in rows]
        for place, sources in enumerate(reads):
            if not 1 <= len(sources) <= 2:
                reads[place] = (len(more),)
                more += sources
        self.more = np.array(more or [0])
        columns = [
            kinds,
            *[
                np.array(column, dtype=np.int32)
                for column in (
                    [sources[0] for sources in reads],
                    [sources[-1] for sources in reads],
                    [row.out for row in rows],
                )
            ],
        ]
        is_needed = np.array([row.is_needed for row in rows], dtype=bool)
        runs_all = (kinds[~is_needed] == _OBJECT).any()  # what runs as an object may raise
        self.forward = _stretches(Rows(*columns), np.flatnonzero(is_needed | runs_all), calls)
        self.reached = np.zeros(program.size, dtype=bool)
        self.backward = _stretches(Rows(*columns), self._reach(found, of_row), calls)

    def _reach(self, found: list[Kind], of_row: list[int]) -> Any:
        """Note which slots have a gradient, and return which rows run backward, in order."""
        reached = [False] * self.program.size
        reached[self.program.output_slot] = True
        running = []
        gives = [kind.gives for kind in found]
        for place in range(len(of_row) - 1, -1, -1):
            _, _, sources, out, outputs, wanted, _ = row = self.program.rows[place]
            if not (reached[out] if outputs == 1 else any(reached[out : out + outputs])):
                continue
            if True in wanted or row.runs_backward:
                for slot, given in zip(sources, gives[of_row[place]] or wanted):
                    if given:
                        reached[slot] = True
                running.append(place)
        self.reached[:] = reached
        return np.array(running, dtype=np.int64)


def _stretches(rows: Rows, places: Any, calls: dict[int, Call]) -> list[Rows | Call]:
    """Return the rows at some places, in stretches, and the calls of objects between them."""
    columns = [column[places] for column in rows]
    found: list[Rows | Call] = []
    start = 0
    for end in [*np.flatnonzero(columns[0] == _OBJECT).tolist(), len(places)]:
        if start < end:
            found.append(Rows(*[column[start:end] for column in columns]))
        if end < len(places):
            found.append(calls[int(places[end])])
        start = end + 1
    return found


def _call(row: Row) -> Call:
    """Return the call of a copy of a gate; one with parameters runs itself."""
    gate = row.gate if getattr(row.gate, "has_parameters", False) else fresh(row.gate)
    return make_call(row.node, gate, row.sources, row.out, row.outputs, row.wanted)
