"""Gates made of functions written for other libraries, of which only those are asked that the user has imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from gates.checking.adapters.adapter import INPUT, Adapter
from gates.checking.adapters.autograd_primitive import AutogradGate, is_of_autograd
from gates.checking.adapters.jax_function import Arrays, JaxGate, is_of_jax
from gates.checking.adapters.mygrad_operation import MyGradGate, is_of_mygrad
from gates.checking.adapters.pair import PairGate
from gates.checking.adapters.torch_function import Tensors, TorchGate, is_of_torch
from gates.gate import Gate


class _PairOfTensors(PairGate, Tensors):
    pass


class _PairOfArrays(PairGate, Arrays):
    pass


#: The modules, each with the test of what is its own, the adapter, and that of a pair of functions.
_ADAPTERS: dict[str, tuple[Callable[[Any, Sequence[Any]], bool], Callable[..., Adapter], type[PairGate]]] = {
    "torch": (is_of_torch, TorchGate, _PairOfTensors),
    "jax": (is_of_jax, JaxGate, _PairOfArrays),
    "autograd.core": (is_of_autograd, AutogradGate, PairGate),
    "mygrad": (is_of_mygrad, MyGradGate, PairGate),
}


def gate_of(
    function: Callable[..., Any],
    *,
    backward: Callable[..., Any] | None = None,
    outputs: int = 1,
    **constants: Any,
) -> Gate:
    """Return a gate made of a function that was written for another library.

    It takes and gives floats and NumPy arrays, so that it can stand in a graph, and be stepped, explained and drawn.

    Parameters
    ----------
    function : object
        A `torch.autograd.Function` (the class, or its `apply`), `torch.nn.Module` or operator of `torch.library`; a
        `jax.custom_vjp`; a `primitive` of autograd; an `Operation` of MyGrad; or a forward that returns `(out, cache)`.
    backward : callable, optional
        What takes `(dout, cache)` and returns the gradients, for a forward that returns `(out, cache)`.
    outputs : int
        How many outputs it has.
    **constants : object
        Arguments of the function that are no inputs of the gate, by name.

    Returns
    -------
    Gate
        The gate.

    Raises
    ------
    TypeError
        If it is none of these, or has no parameter of such a name.

    Examples
    --------
    >>> def scale_forward(x, factor):
    ...     return x * factor, factor
    >>> def scale_backward(dout, cache):
    ...     return dout * cache
    >>> gate = gate_of(scale_forward, backward=scale_backward, factor=3)
    >>> gate.forward(2.0), gate.backward(1.0)
    (6.0, [3.0])
    """
    gate = adapted(function, None, backward, outputs)
    if gate is None:
        kinds = "a torch.autograd.Function, module or operator, a jax.custom_vjp, a primitive of autograd"
        raise TypeError(
            f"gate_of() takes {kinds}, an Operation of MyGrad, or with backward= a forward that returns (out, cache), "
            f"got {function!r}"
        )
    if not constants:
        return gate
    if unknown := [name for name in constants if name not in gate.names]:
        raise TypeError(f"gate_of(): {gate.title} has the parameters {', '.join(gate.names)}, got {', '.join(unknown)}")
    last = max(int(gate.takes[0]) if gate.takes else 0, *[gate.names.index(name) + 1 for name in constants])
    arguments = [constants.get(name, INPUT) for name in gate.names[:last]]
    return adapted(function, arguments, backward, outputs) or gate


def adapted(
    function: Any,
    arguments: Sequence[Any] | None,
    backward: Callable[..., Any] | None = None,
    outputs: int | None = None,
) -> Adapter | None:
    """Return the gate that a function of another library makes, or a pair of functions; None if it is none of these."""
    for module, (recognizes, adapter, pair) in _ADAPTERS.items():
        if module in sys.modules and recognizes(function, arguments or ()):
            return (
                adapter(function, arguments, outputs)
                if backward is None
                else pair(function, arguments, outputs, backward)
            )
    return None if backward is None else PairGate(function, arguments, outputs, backward)
