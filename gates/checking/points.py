"""Points at which a backward is checked: inputs and an upstream gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gates.checking.copies import copy_of, float_or_array
from gates.checking.function_under_test import FunctionUnderTest, Run
from gates.validation import fit
from gates.values import Value, as_value, prefixed


@dataclass(frozen=True)
class Point:
    """Inputs of a function, an upstream gradient for each of its outputs, and a source of random numbers."""

    function: FunctionUnderTest
    inputs: list[Value]
    upstream: list[Value]
    random: Any

    def run(self) -> Run:
        """Run forward here, on copies."""
        return self.function.start(copy_of(self.inputs))

    def gradients(self) -> list[Any]:
        """Return what backward returns here."""
        return list(self.run().backward(copy_of(self.upstream)))

    def moved_to(self, inputs: list[Value], outputs: Sequence[Value]) -> Point:
        """Return the point at other inputs, with another upstream gradient."""
        return replace(self, inputs=inputs, upstream=random_upstream(outputs, self.random))

    def jittered(self, size: float) -> Point:
        """Return a point where every input is changed at random, by at most this part of itself."""

        def moved(value: Value) -> Value:
            return float_or_array(value * (1.0 + size * self.random.uniform(-1.0, 1.0, np.shape(value))))

        inputs = [value if port in self.function.labels else moved(value) for port, value in enumerate(self.inputs)]
        return replace(self, inputs=inputs)


def random_upstream(outputs: Sequence[Value], random: Any) -> list[Value]:
    """Return a random upstream gradient for each output: of both signs, and away from 0, 1 and -1."""
    shapes = [np.shape(output) for output in outputs]
    return [float_or_array(random.uniform(1.25, 2.5, s) * random.choice([-1.0, 1.0], s)) for s in shapes]


def fitted(given: Any, outputs: Sequence[Value], who: str) -> list[Value]:
    """Return the upstream gradients that the user gave, in the shapes of the outputs."""
    each = [given] if len(outputs) == 1 else given
    if not isinstance(each, (list, tuple)) or len(each) != len(outputs):
        raise TypeError(f"{who}: upstream must be a list of {len(outputs)} gradients, got {given!r}")
    upstream = []
    for one, output in zip(each, outputs):
        try:
            dz = as_value(one)
        except (TypeError, ValueError) as error:
            raise prefixed(error, f"{who}: upstream") from None
        upstream.append(float_or_array(fit(dz, output, f"{who}: upstream")))
    return upstream


def other_inputs(inputs: Sequence[Value], labels: Sequence[int], random: Any) -> Iterator[list[Value]]:
    """Yield other inputs of the same shapes: nearby, with other signs, and of a size near 1."""

    def sizes(array: Any) -> Any:
        return np.where(array == 0, 1.0, np.abs(array)) * random.uniform(0.6, 1.6, array.shape)

    def signs(array: Any) -> Any:
        return random.choice([-1.0, 1.0], array.shape)

    makes: tuple[Callable[[Any], Any], ...] = (
        lambda array: np.where(array < 0, -1.0, 1.0) * sizes(array),
        lambda array: signs(array) * sizes(array),
        lambda array: random.uniform(0.3, 1.5, array.shape),
        lambda array: signs(array) * random.uniform(0.3, 1.5, array.shape),
        lambda array: random.uniform(1.1, 2.5, array.shape),
        lambda array: random.uniform(1.1, 2.5, array.shape),
    )
    few = sum(np.size(value) for value in inputs) <= 24  # of few numbers, more draws are needed to see both signs
    for make in makes * (2 if few else 1):
        yield [
            value if port in labels else float_or_array(make(np.asarray(value, dtype=float)))
            for port, value in enumerate(inputs)
        ]
