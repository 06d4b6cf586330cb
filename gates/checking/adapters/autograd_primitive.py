"""autograd: a function made a `primitive`, with the vector-Jacobian products that `defvjp` gave it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from gates.checking.adapters.adapter import Adapter, parameters_of


def is_of_autograd(function: Any, arguments: Sequence[Any]) -> bool:
    """Return whether something is a primitive of autograd."""
    return bool(getattr(function, "_is_autograd_primitive", False))


class AutogradGate(Adapter):
    """A primitive of autograd as a gate. It has vector-Jacobian products for the inputs that are wanted alone."""

    def __init__(self, function: Any, arguments: Sequence[Any] | None, outputs: int | None) -> None:
        super().__init__(function, function.__name__, parameters_of(function.fun, arguments), arguments, outputs)

    def forward(self, *inputs: Any) -> Any:
        makers = sys.modules["autograd.core"].primitive_vjps
        arguments = self.filled(inputs)
        output = self.function(*arguments)
        ports = self.ports or tuple(range(len(inputs)))
        wanted = [port for place, port in enumerate(ports) if not self.wanted or self.wanted[place]]
        if self.function not in makers:
            raise TypeError(f"{self.title} has no gradient: give it one with autograd.extend.defvjp")
        self.kept = ports, {port: self._product(makers[self.function], port, output, arguments) for port in wanted}
        return self.returned([output])

    def _product(self, maker: Any, port: int, output: Any, arguments: Sequence[Any]) -> Any:
        """Return the vector-Jacobian product of one argument; None if it has none."""
        try:
            return maker((port,), output, tuple(arguments), {})
        except NotImplementedError:
            return None

    def backward(self, dz: Any) -> list[Any]:
        ports, products = self.kept
        return [None if products.get(port) is None else next(iter(products[port](dz))) for port in ports]
