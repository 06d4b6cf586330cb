"""A pair of functions, as courses ask for: forward returns (out, cache), backward takes (dout, cache)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gates.checking.adapters.adapter import Adapter, drawn_alike, parameters_of


class PairGate(Adapter):
    """A pair of functions as a gate; a forward of several outputs returns `(out_1, out_2, ..., cache)`."""

    def __init__(
        self, function: Any, arguments: Sequence[Any] | None, outputs: int | None, gradient: Callable[..., Any]
    ) -> None:
        self.gradient = gradient
        parameters = parameters_of(function, arguments)
        super().__init__(function, getattr(function, "__name__", "forward"), parameters, arguments, outputs)

    def forward(self, *inputs: Any) -> Any:
        self.faults = []
        arguments = self.filled(inputs)
        with drawn_alike():
            answer = self.function(*arguments)
        for place, value in zip(self.ports or range(len(inputs)), inputs):
            self.note_writing("forward", self.name(place), arguments[place], value)
        if not isinstance(answer, tuple) or len(answer) < 2:
            got = f"a tuple of {len(answer)}" if isinstance(answer, tuple) else f"a {type(answer).__name__}"
            raise TypeError(f"{self.title} must return (out, cache), as backward wants the cache, got {got}")
        *results, cache = answer
        self.kept = results, cache
        return self.returned(results)

    def backward(self, *upstream: Any) -> Any:
        results, cache = self.kept
        dz = [self.to_library(one, result) for one, result in zip(upstream, results)]
        answer = self.gradient(*dz, cache)
        for name, one, value in zip(parameters_of(self.gradient, dz).names, dz, upstream):
            self.note_writing("backward", name, one, value)
        given = answer if isinstance(answer, (tuple, list)) else [answer]
        gradients = [None if one is None else self.to_numpy(one) for one in given]
        if self.arguments is None or len(gradients) == len(self.ports):
            return gradients
        # One for each argument, or for each that is an array: those of integers and settings are left out.
        arrays = [place for place, one in enumerate(self.arguments) if place in self.ports or np.ndim(one)]
        for places in (list(range(len(self.arguments))), arrays):
            if len(gradients) == len(places):
                return [gradients[places.index(port)] for port in self.ports]
        return gradients
