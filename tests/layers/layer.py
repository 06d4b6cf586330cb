"""A layer as people write it, with inputs to check it at, and what is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates import Gate, check_gate
from gates.checking.report import Report

Draw = Callable[[Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Layer:
    """A layer, and what a check should say of it.

    Attributes
    ----------
    name : str
        What it is, and what is wrong with it.
    make : callable
        Makes it.
    draw : callable
        Draws inputs from a `numpy.random.Generator`.
    says : tuple of str
        Pieces of text that a diagnosis must have: one of them is enough. Empty if the layer is right.
    wrong : str
        The names of the inputs, and of the layer's own parameters, whose gradient is wrong.
    verdict : str
        The verdict on it.
    precision : float or None
        How exact forward is, if that is to be said.
    """

    name: str
    make: Callable[[], Any]
    draw: Draw
    says: tuple[str, ...] = ()
    wrong: str = ""
    verdict: str = "pass"
    precision: float | None = None

    @property
    def dtype(self) -> Any:
        """The type of number that it computes in."""
        return getattr(self.make(), "dtype", np.float64)

    def check(self, seed: int = 0) -> Report:
        """Return the report on the layer at inputs drawn with a seed."""
        return check_gate(self.make(), *self.draw(np.random.default_rng(seed)), precision=self.precision, seed=seed)

    def is_judged_right(self, report: Report) -> bool:
        """Return whether a report has the right verdict."""
        return report.verdict == self.verdict and report.passed == (self.verdict == "pass")

    def is_named(self, report: Report) -> bool:
        """Return whether a report says what is wrong."""
        return any(text in f"{report.diagnosis}; {report.note}" for text in self.says)


class Cast(Gate):
    """A layer that computes in a type of number of its own."""

    dtype: Any = np.float64

    def cast(self, *values: Any) -> Any:
        """Return arrays of that type."""
        arrays = [np.asarray(value, dtype=self.dtype) for value in values]
        return arrays if len(arrays) > 1 else arrays[0]


def single(layer: type[Gate]) -> type[Gate]:
    """Return the class of a layer that computes in float32."""
    return type(f"{layer.__name__}32", (layer,), {"dtype": np.float32})


def half(layer: type[Gate]) -> type[Gate]:
    """Return the class of a layer that computes in float16."""
    return type(f"{layer.__name__}16", (layer,), {"dtype": np.float16})


def normal(*shapes: tuple[int, ...]) -> Draw:
    """Return inputs from the normal distribution."""
    return lambda random: tuple([random.normal(size=shape) for shape in shapes])


def positive(*shapes: tuple[int, ...]) -> Draw:
    """Return inputs from 0.3 to 2."""
    return lambda random: tuple([random.uniform(0.3, 2.0, shape) for shape in shapes])


def right(name: str, make: Callable[[], Any], draw: Draw) -> Layer:
    """Return a layer that is right."""
    return Layer(name, make, draw)


def wrong(name: str, make: Callable[[], Any], draw: Draw, inputs: str, *says: str) -> Layer:
    """Return a layer whose backward is wrong, and what a diagnosis must say: one of several pieces of text."""
    return Layer(name, make, draw, says, inputs, "fail")
