"""MyGrad: a class derived from its Operation."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from gates.checking.adapters.adapter import Adapter, parameters_of


def is_of_mygrad(function: Any, arguments: Sequence[Any]) -> bool:
    """Return whether something is a class of MyGrad's operations."""
    return isinstance(function, type) and issubclass(function, sys.modules["mygrad"].operation_base.Operation)


class MyGradGate(Adapter):
    """An operation of MyGrad as a gate. Backward returns what `backward_var` does, summed as MyGrad sums it."""

    def __init__(self, function: Any, arguments: Sequence[Any] | None, outputs: int | None) -> None:
        parameters = parameters_of(functools.partial(function.__call__, None), arguments)
        super().__init__(function, function.__name__, parameters, arguments, outputs)

    def is_input(self, argument: Any) -> bool:
        return super().is_input(self._bare(argument))

    def to_library(self, value: Any, like: Any) -> Any:
        return sys.modules["mygrad"].tensor(value)

    def to_numpy(self, value: Any) -> Any:
        return super().to_numpy(self._bare(value))

    def _bare(self, value: Any) -> Any:
        """Return the array of a tensor, anything else as it is."""
        return value.data if isinstance(value, sys.modules["mygrad"].Tensor) else value

    def forward(self, *inputs: Any) -> Any:
        self.faults = []
        operation, arguments = self.function(), self.filled(inputs)
        output = operation(*arguments)
        for place, value in zip(self.ports or range(len(inputs)), inputs):
            self.note_writing("forward", self.name(place), arguments[place], value)
        self.kept = operation, arguments
        return self.returned([output])

    def backward(self, dz: Any) -> list[Any]:
        operation, arguments = self.kept
        skip = sys.modules["mygrad.operation_base"].SkipGradient
        gradients: list[Any] = []
        for port in self.ports or range(len(arguments)):
            try:
                gradient = operation.backward_var(np.asarray(dz), port)
            except skip:
                gradients.append(None)
                continue
            gradients.append(self.summed(gradient, arguments[port], self.name(port), "MyGrad"))
        return gradients
