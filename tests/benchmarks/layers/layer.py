"""What a layer of the collection is, and how inputs for it are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gates import Gate

Draw = Callable[[Any], tuple[Any, ...]]
Shape = tuple[int, ...]

TWO = ("float64", "float32")
THREE = ("float64", "float32", "float16")


@dataclass(frozen=True)
class Layer:
    """A layer as people write it, with inputs to check it at, and what is wrong with it.

    `kind` is "" if it is right; `wrong` names the inputs and own parameters whose gradients are wrong; `says` is a
    piece of text that a good one-sentence diagnosis would contain besides the kind.
    """

    name: str
    make: Callable[[], Any]
    draw: Draw
    kind: str = ""
    wrong: tuple[str, ...] = ()
    says: str = ""
    dtype: str = "float64"


class Typed(Gate):
    """A gate that computes in one dtype, whatever it is given."""

    def __init__(self, dtype: str = "float64") -> None:
        self.dtype = dtype

    def cast(self, *values: Any) -> Any:
        """Return arrays of the gate's dtype."""
        return [np.asarray(value, dtype=self.dtype) for value in values]


def in_each(dtypes: tuple[str, ...], name: str, make: Callable[[str], Any], draw: Draw) -> list[Layer]:
    """Return a right layer in each of some dtypes."""
    return [Layer(f"{name}, {dtype}", partial(make, dtype), draw, dtype=dtype) for dtype in dtypes]


def normal(*shapes: Shape, scale: float = 1.0) -> Draw:
    """Return a drawer of normal numbers."""
    return lambda random: tuple([scale * random.normal(size=shape) for shape in shapes])


def positive(*shapes: Shape) -> Draw:
    """Return a drawer of numbers from 0.3 to 2."""
    return lambda random: tuple([random.uniform(0.3, 2.0, shape) for shape in shapes])


def apart(*shapes: Shape) -> Draw:
    """Return a drawer of numbers of both signs from -3 to 3 that keep away from each other and from 0."""
    return lambda random: tuple([_apart(random, shape) for shape in shapes])


def labelled(shape: Shape, count: int, classes: int) -> Draw:
    """Return a drawer of one array and labels."""
    return lambda random: (random.normal(size=shape), random.integers(0, classes, count))


def _apart(random: Any, shape: Shape) -> Any:
    """Return one array of numbers that keep away from each other and from 0."""
    count = int(np.prod(shape))
    places = random.permutation(count) - count // 2 + random.uniform(0.2, 0.8, count)
    return (6.0 / count * places).reshape(shape)
