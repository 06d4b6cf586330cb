"""Inputs to check a gate at, if none are given: of many shapes, at ties and extremes, in several memory layouts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates.checking.copies import float_or_array, strided
from gates.values import Value

#: The ranks of examples, the simplest first.
_ARRAYS, _NUMBERS, _SIZE_1, _BROADCAST, _ODD = range(5)


@dataclass(frozen=True)
class Example:
    """Inputs of a gate.

    Attributes
    ----------
    title : str
        In a few words what they are.
    inputs : tuple
        The inputs.
    rank : int
        Lower is simpler: if several fail, the diagnosis is that of the simplest.
    """

    title: str
    inputs: tuple[Any, ...]
    rank: int = _ODD


Shapes = tuple[tuple[int, ...], ...]


def examples_of(gate: Any, counts: Sequence[int], random: Any) -> Iterator[Example]:
    """Yield inputs to check a gate at: those of its `example_inputs(random)`, or some that suit most gates.

    `counts` are the numbers of inputs to make examples for, if forward takes several.
    """
    example_inputs = getattr(gate, "example_inputs", None)
    if example_inputs is None:
        for inputs in counts:
            yield from _general(inputs, random)
        return
    for place, given in enumerate(itertools.islice(example_inputs(random), 20)):
        if not isinstance(given, (tuple, list)):
            who = f"{type(gate).__name__}.example_inputs()"
            raise TypeError(f"{who} must give a tuple of inputs for each example, got {given!r}")
        yield Example(f"example {place}", tuple(given), place)
        if any(isinstance(one, np.ndarray) and one.size > 1 for one in given):
            yield from _layouts(f"example {place}", given, 1000)


def _general(inputs: int, random: Any) -> Iterator[Example]:
    """Yield numbers, arrays of equal shapes and of shapes that broadcast, ties, extremes and memory layouts."""

    def spread(shape: tuple[int, ...]) -> Value:
        return float_or_array(random.uniform(0.3, 2.5, shape) * random.choice([-1.0, 1.0], shape))

    def positive(shape: tuple[int, ...]) -> Value:
        return float_or_array(random.uniform(0.3, 2.5, shape))

    def all_of(title: str, rank: int, shapes: Shapes, draw: Callable[[tuple[int, ...]], Value] = spread) -> Example:
        return Example(title, tuple([draw(shape) for shape in shapes]), rank)

    shapes: tuple[tuple[int, ...], ...] = ((), (), (3,), (2, 3))
    for shape in shapes:
        for draw in (spread, positive):
            title = f"{'numbers' if shape == () else f'shape {shape}'}{', positive' if draw is positive else ''}"
            yield all_of(title, _ARRAYS if shape else _NUMBERS, (shape,) * inputs, draw)
    shapes = ((1,), (3, 1), (1, 3), (3, 3), (2, 1, 3))
    for shape in shapes:
        yield all_of(f"shape {shape}", _ARRAYS if 1 not in shape else _SIZE_1, (shape,) * inputs)
    if inputs > 1:
        for one, rest in (((3,), (2, 3)), ((2, 1), (1, 3)), ((), (3,)), ((1,), (2, 3)), ((2, 1, 3), (4, 1))):
            yield all_of(f"shapes {one} and {rest}", _BROADCAST, (one,) + (rest,) * (inputs - 1))
            yield all_of(f"shapes {rest} and {one}", _BROADCAST, (rest,) * (inputs - 1) + (one,), positive)
    yield from _ties(inputs, random)
    for size in (1e-8, 30.0, 1000.0, 1e8):
        for signs in ((1.0, -1.0), (-1.0, 1.0)):
            numbers = [size * s * u for s, u in zip(itertools.cycle(signs), _near_1(inputs, random))]
            yield Example(f"numbers near {size:g}", tuple(numbers))
    yield from _layouts("shape (2, 3)", [spread((2, 3)) for _ in range(inputs)])
    yield from _layouts("shape (2, 3), positive", [positive((2, 3)) for _ in range(inputs)])


def _ties(inputs: int, random: Any) -> Iterator[Example]:
    """Yield inputs of which several are equal, or one is 0."""
    if inputs == 1:
        yield Example("0", (0.0,))
        yield Example("some zeros", (np.array([0.0, 0.7, -1.3, 0.0]),))
        yield Example("a row of equals", (np.array([[1.5, 1.5, -0.5], [0.25, 2.0, 2.0]]),))
        return
    equal = np.array([1.5, -0.75, 2.0])
    yield Example("equal numbers", (1.25,) * inputs)
    yield Example("equal arrays", tuple([equal.copy() for _ in range(inputs)]))
    for port in range(inputs):
        numbers = _near_1(inputs, random)
        numbers[port] = 0.0
        yield Example("a 0", tuple(numbers))


def _layouts(title: str, given: Sequence[Any], rank: int = _ODD) -> Iterator[Example]:
    """Yield the same inputs read-only, not contiguous, and as float32."""

    def each(change: Callable[[Any], Any]) -> tuple[Any, ...]:
        return tuple([change(one) if isinstance(one, np.ndarray) else one for one in given])

    yield Example(f"{title}, read-only", each(_read_only), rank)
    yield Example(f"{title}, not contiguous", each(strided), rank)
    yield Example(f"{title}, float32", each(lambda one: one.astype(np.float32) if one.dtype.kind == "f" else one), rank)


def _read_only(array: Any) -> Any:
    twin = array.copy()
    twin.flags.writeable = False
    return twin


def _near_1(count: int, random: Any) -> list[float]:
    return [float(u) for u in random.uniform(0.8, 1.25, count)]
