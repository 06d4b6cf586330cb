"""Recipes: graphs as plain data, drawn by hypothesis. Knows nothing of the laws that the graphs must obey.

A recipe has a list of steps for each graph; a graph may nest those before it, any number of times. A step makes wires,
which later steps of its graph read by number:

    ("input", name, grad, kind)     ("parameter", name, value)     ("constant", value)
    ("gate", class name, settings, wires)     ("nested", number of a graph, wires)     ("output", wire): the last step
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from gates.gate import settings_of
from gates.values import shape_of
from graph.structure.library import GATES
from tests.cases import CASES, STEEP

#: What a wire holds: a shape, or ("labels", examples, classes).
Kind = tuple[Any, ...]
Step = tuple[Any, ...]

SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -2.5e-308, 1e308, -1e308, 1e-160, 800.0, -40.0, 0.5]
LARGEST = 200  # elements of an array

#: Class names, settings, and the shapes of inputs that suit them.
GATE_KINDS: list[tuple[str, dict[str, Any], Any]] = [
    (type(case.make()).__name__, settings_of(case.make()), case.shapes) for case in CASES + STEEP
] + [("Copy", {"n": n}, [((),), ((3,),)]) for n in (2, 3)]


@dataclass(frozen=True)
class Recipe:
    """Graphs, the last of which is the one to run, the values of its inputs, and the upstream gradient."""

    graphs: list[list[Step]]
    inputs: dict[str, Any]
    upstream: Any
    special: bool = False  # whether special values are among them

    def steps(self) -> Iterator[Step]:
        """Yield the steps of all graphs."""
        return itertools.chain.from_iterable(self.graphs)

    def values(self) -> list[Any]:
        """Return all values that enter."""
        held = [step[-1] for step in self.steps() if step[0] in ("parameter", "constant")]
        return [*self.inputs.values(), *held] + [self.upstream] * (self.upstream is not None)


@st.composite
def recipes(draw: st.DrawFn, numbers: bool | None = None, special: bool | None = None) -> Recipe:
    """Return a recipe: of numbers alone, with special values, or not; None leaves it to chance."""
    numbers = draw(st.booleans()) if numbers is None else numbers
    drawer = _Drawer(draw, numbers, draw(st.booleans()) if special is None else special)
    inner = draw(st.integers(0, 3))
    for number in range(inner + 1):
        drawer.add_graph(is_last=number == inner)
    output = drawer.outputs[-1]
    without = output == () and draw(st.booleans())
    upstream = None if without else drawer.value(draw(st.sampled_from([output or (), ()])))
    return Recipe(drawer.graphs, drawer.inputs, upstream, drawer.special)


class _Drawer:
    """Draws one graph after the other."""

    def __init__(self, draw: Callable[[Any], Any], numbers: bool, special: bool) -> None:
        self.draw, self.numbers, self.special = draw, numbers, special
        self.specials = st.sampled_from(SPECIAL if draw(st.booleans()) else SPECIAL[:4])  # or zeros and ties alone
        self.float32 = not numbers and draw(st.integers(0, 4)) == 4
        self.kinds_of_gates = [
            row for row in GATE_KINDS if not numbers or _output((row[0], row[1]), ((),) * _count(row))
        ]
        self.graphs: list[list[Step]] = []
        self.takes: list[list[Kind]] = []  # for each graph, the kinds of its inputs
        self.outputs: list[Kind | None] = []  # the kind of its output; None if its shapes do not fit
        self.inputs: dict[str, Any] = {}

    def add_graph(self, is_last: bool) -> None:
        """Draw a graph."""
        self.steps: list[Step] = []
        self.kinds: list[Kind | None] = []
        self.is_last = is_last
        for _ in range(self.draw(st.integers(1, 8 if is_last else 4))):
            what = self.draw(st.integers(0, 9))
            if what == 9:
                self._entry(self._shape())  # which maybe no gate reads
            elif what >= 5 and self.graphs:
                self._nested()
            else:
                self._gate()
        # mostly the last gate, else one in the middle, or an entry
        of_gates = [place for place, kind in enumerate(self.kinds) if kind is None or kind[:1] != ("labels",)]
        is_end = self.draw(st.integers(0, 3 if self.is_last else 1)) > 0
        choice = of_gates[-1] if is_end else self.draw(st.sampled_from(of_gates))
        self.steps.append(("output", choice))
        self.graphs.append(self.steps)
        self.takes.append([step[3] for step in self.steps if step[0] == "input"])
        self.outputs.append(self.kinds[choice])

    def value(self, kind: Kind) -> Any:
        """Draw labels, a number, or an array."""
        if kind[:1] == ("labels",):
            _, examples, classes = kind
            bad = self.draw(st.integers(0, 15)) == 15
            labels = st.integers(0, classes - 1 + bad)
            return np.array(self.draw(st.lists(labels, min_size=examples, max_size=examples)), dtype=np.int64)
        if self.special:  # a few numbers, again and again: with ties
            few = self.draw(st.lists(self.specials | st.floats(-3, 3), min_size=1, max_size=4))
            array = np.resize(few, kind)
        else:
            array = np.random.default_rng(self.draw(st.integers(0, 99))).uniform(-3.0, 3.0, kind)
        if self.float32 and self.draw(st.booleans()):
            with np.errstate(all="ignore"):
                array = array.astype(np.float32)
        return array if kind else float(array) if array.dtype == np.float64 else array[()]

    def _shape(self) -> Kind:
        return () if self.numbers else self.draw(st.sampled_from([(), (3,), (2, 3), (2, 1), (0, 3)]))

    def _entry(self, kind: Kind) -> int:
        """Add an entry, and return its wire."""
        is_label = kind[:1] == ("labels",)
        sort = self.draw(
            st.sampled_from(["input", "constant"] if is_label else ["input", "input", "parameter", "constant"])
        )
        name = f"{sort[0]}{len(self.steps)}"
        if sort == "input":
            if self.is_last:
                self.inputs[name] = self.value(kind)
            return self._add(("input", name, self.draw(st.integers(0, 3)) > 0, kind), kind)
        value = self.value(kind)
        return self._add(("constant", value) if sort == "constant" else ("parameter", name, value), kind)

    def _add(self, step: Step, *kinds: Kind | None) -> int:
        """Add a step and the kinds of its wires, and return the last of these."""
        self.steps.append(step)
        self.kinds += kinds
        return len(self.kinds) - 1

    def _wire(self, kind: Kind) -> int:
        """Return the last wire of a kind, or any, or a new entry."""
        there = [place for place, found in enumerate(self.kinds) if found == kind]
        choice = self.draw(st.integers(0, 7)) if there else 0
        return self._entry(kind) if choice == 0 else there[-1] if choice < 4 else self.draw(st.sampled_from(there))

    def _wires(self, kinds: list[Kind]) -> list[int]:
        """Return a wire of each kind, now and then one of another shape."""
        wires = [self._wire(kind) for kind in kinds]
        numeric = [place for place, kind in enumerate(self.kinds) if kind is None or kind[:1] != ("labels",)]
        if self.draw(st.integers(0, 24)) == 24:
            port = self.draw(st.integers(0, len(wires) - 1)) if wires else 0
            if wires and kinds[port][:1] != ("labels",):
                wires[port] = self.draw(st.sampled_from(numeric))
        return wires

    def _gate(self) -> None:
        """Add a gate that reads wires that it can take, if there are any, or else new entries."""
        row = self.draw(st.sampled_from(self.kinds_of_gates))
        name, settings, shapes = row
        settings = self._varied(name, settings)
        there = list(dict.fromkeys(kind for kind in self.kinds if kind is not None and kind[:1] != ("labels",)))
        fitting = [kinds for kinds in itertools.product(there, repeat=_count(row)) if _output((name, settings), kinds)]
        if GATES[name].labels == (0,):
            _, table = self.draw(st.sampled_from(shapes))
            kinds: Any = (("labels", self.draw(st.integers(0, 4)), table[0]), table)
        elif GATES[name].labels:
            scores = self.draw(
                st.sampled_from([shapes[0] for shapes in shapes] + [k for k in there if len(k) == 2 and 0 not in k])
            )
            kinds = (scores, ("labels", *scores))
        elif _count(row) <= 2 and fitting and self.draw(st.integers(0, 4)):
            kinds = self.draw(st.sampled_from(fitting))
        else:
            kinds = ((),) * _count(row) if self.numbers else self.draw(st.sampled_from(shapes))
        wires = self._wires(list(kinds))
        output = _output((name, settings), tuple(self.kinds[wire] for wire in wires))
        self._add(("gate", name, settings, wires), *(output or [None] * GATES[name](**settings).outputs))

    def _varied(self, name: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Return settings, perhaps with a number replaced by a special one, if the gate can have it."""
        numbers = [key for key, value in settings.items() if type(value) is float]
        if self.special and numbers and self.draw(st.integers(0, 3)) == 3:
            varied = {**settings, numbers[0]: self.draw(st.sampled_from(SPECIAL))}
            try:
                GATES[name](**varied)
            except ValueError:
                return settings
            return varied
        return settings

    def _nested(self) -> None:
        """Nest one of the graphs so far."""
        number = self.draw(st.integers(0, len(self.graphs) - 1))
        wires = self._wires(self.takes[number])
        fits = [self.kinds[wire] for wire in wires] == self.takes[number]
        self._add(("nested", number, wires), self.outputs[number] if fits else None)


def _count(row: tuple[str, dict[str, Any], Any]) -> int:
    """Return how many inputs a kind of gate takes."""
    return len(row[2][0])


def _output(gate: tuple[str, dict[str, Any]], kinds: tuple[Kind | None, ...]) -> list[Kind]:
    """Return the shapes of a gate's outputs; none if it cannot take such inputs, or they are too large."""
    return _cached_output(gate[0], tuple(gate[1].items()), kinds)


@functools.cache
def _cached_output(name: str, settings: tuple[tuple[str, Any], ...], kinds: tuple[Kind | None, ...]) -> list[Kind]:
    """Return the shapes of a gate's outputs."""
    gate = GATES[name](**dict(settings))
    try:
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            outputs = gate.forward(*[_example(kind) for kind in kinds])
    except (ValueError, TypeError, IndexError):
        return []
    shapes = [shape_of(output) for output in (outputs if gate.outputs > 1 else [outputs])]
    return shapes if all(len(shape) <= 4 and np.prod(shape, dtype=int) <= LARGEST for shape in shapes) else []


def _example(kind: Kind | None) -> Any:
    """Return ones of a shape, or labels."""
    if kind is None:
        raise ValueError("a gate before does not fit")
    if kind[:1] == ("labels",):
        return np.zeros(kind[1], dtype=int)
    return np.ones(kind) if kind else 1.0
