"""A program as rows of integers, in stretches between the gates that run as objects."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gates.gate import fresh
from graph.engines.loop.kinds import Kind, key_of, kind_of
from graph.engines.program import Program, Row
from graph.passes.schedule import Call, make_call

_MOST = 200  # kinds; gates of those that are rarer run as objects


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
    reached : set of int
        The slots that have a gradient.
    objects : dict of str to str
        The names of the gates that run as objects, each with the reason.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.objects: dict[str, str] = {}
        numbers: dict[Any, int] = {}
        found: list[Kind] = []
        of_row = []
        for row in program.rows:
            key = key_of(row)
            number = numbers.get(key)
            if number is None:
                number = numbers[key] = len(found)
                found.append(kind_of(row))
            of_row.append(number)
        counts = np.bincount(of_row, minlength=len(found))
        order = sorted(
            [number for number, kind in enumerate(found) if kind.trace is not None], key=lambda number: -counts[number]
        )[:_MOST]
        self.kinds, self.counts = [found[number] for number in order], [int(counts[number]) for number in order]
        rank = dict(zip(order, range(len(order))))
        more: list[int] = []
        columns: list[Any] = []  # a tuple of integers, or a call of an object, for each row
        for row, number in zip(program.rows, of_row):
            sources, place = row.sources, rank.get(number)
            if place is None:
                self.objects[row.node] = found[number].reason or f"there are more than {_MOST} kinds of gates"
                columns.append(_call(row))
            elif len(sources) == 2:
                columns.append((place, sources[0], sources[1], row.out))
            elif len(sources) == 1:
                columns.append((place, sources[0], sources[0], row.out))
            else:
                columns.append((place, len(more), 0, row.out))
                more += sources
        self.more = np.array(more or [0], dtype=np.int64)
        self.reached = {program.output_slot}
        reversed_columns = []
        for row, number, column in zip(reversed(program.rows), reversed(of_row), reversed(columns)):
            if not row.runs_backward or self.reached.isdisjoint(row.slots):
                continue
            gives = found[number].gives if type(column) is tuple else row.wanted
            self.reached.update([slot for slot, given in zip(row.sources, gives) if given])
            reversed_columns.append(column)
        self.forward, self.backward = _stretches(columns), _stretches(reversed_columns)


def _stretches(columns: list[Any]) -> list[Rows | Call]:
    """Return rows of integers that follow each other as columns, and the calls between them."""
    found: list[Rows | Call] = []
    start = 0
    ends = [place for place, column in enumerate(columns) if isinstance(column, Call)]
    for end in [*ends, len(columns)]:
        if start < end:
            found.append(Rows(*np.array(columns[start:end], dtype=np.int32).T.copy()))
        if end < len(columns):
            found.append(columns[end])
        start = end + 1
    return found


def _call(row: Row) -> Call:
    """Return the call of a copy of a gate; one with parameters runs itself."""
    gate = row.gate if getattr(row.gate, "has_parameters", False) else fresh(row.gate)
    return make_call(row.node, gate, row.sources, row.out, row.outputs, row.wanted)
