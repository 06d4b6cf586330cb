"""The calls of functions with a backward of their own in a run of a model."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gates.checking.adapters.adapter import Adapter, copied, leaves_of
from gates.checking.adapters.jax_function import JaxGate
from gates.checking.adapters.torch_function import TorchGate

#: A function with a backward of its own, and the arguments of a call.
_Calls = list[tuple[Any, list[Any]]]


class _AsItIs(JaxGate):
    is_compiled = False


def recorded(model: Any, inputs: Any, named: Any) -> tuple[_Calls, Callable[..., Adapter]]:
    """Return the calls in a run of a model, and the adapter for them."""
    torch: Any = sys.modules.get("torch")
    given = list(leaves_of([*inputs, named]))
    if (torch is not None and isinstance(model, torch.nn.Module)) or any(_is_tensor(one) for one in given):
        try:
            return _calls_in_torch(model, inputs, named, torch.float64), TorchGate
        except Exception:  # it has tensors of its own, or kernels, that are not of float64
            return _calls_in_torch(model, inputs, named, None), TorchGate
    if "jax" in sys.modules and callable(model):
        return _calls_in_jax(model, inputs, named), _AsItIs
    raise TypeError(f"check_model() takes a model of PyTorch or JAX, got {model!r}")


def _is_tensor(one: Any) -> bool:
    return "torch" in sys.modules and isinstance(one, sys.modules["torch"].Tensor)


def _each(one: Any, change: Callable[[Any], Any]) -> Any:
    """Return lists, tuples and dictionaries with what they hold changed."""
    if isinstance(one, dict):
        return {key: _each(part, change) for key, part in one.items()}
    return type(one)([_each(part, change) for part in one]) if type(one) in (list, tuple) else change(one)


def _calls_in_torch(model: Any, inputs: Any, named: Any, dtype: Any) -> _Calls:
    """Run a PyTorch model, in a type of numbers, and return the calls of each torch.autograd.Function."""
    torch: Any = sys.modules["torch"]

    def converted(one: Any) -> Any:
        if not _is_tensor(one) or not one.is_floating_point():
            return one
        return one.detach().to(dtype or one.dtype).requires_grad_()

    calls: _Calls = []

    def recording(of_class: Any) -> Any:
        forward = of_class.forward
        has_context = of_class.setup_context is torch.autograd.Function.setup_context

        def recorded(*given: Any) -> Any:
            if not has_context or getattr(type(given[0]), "_forward_cls", of_class) is of_class:
                kept = [
                    one.detach().clone().requires_grad_(one.requires_grad) if isinstance(one, torch.Tensor) else one
                    for one in given[has_context:]
                ]
                calls.append((of_class, kept))
            return forward(*given)

        return staticmethod(recorded)

    if isinstance(model, torch.nn.Module):
        model = copied(model)
        model = model.to(dtype) if dtype else model
    classes = [one for one in _subclasses(torch.autograd.Function) if not one.__module__.startswith("torch.")]
    patched = _patched({of_class: ("forward", recording(of_class)) for of_class in classes})
    with patched, torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        model(*_each(inputs, converted), **_each(named, converted))
    return calls


def _calls_in_jax(model: Any, inputs: Any, named: Any) -> _Calls:
    """Run a JAX function, in float64, and return the calls of each jax.custom_vjp; of a batch its first."""
    jax: Any = sys.modules["jax"]
    calls: _Calls = []
    call = jax.custom_vjp.__call__

    def recorded(function: Any, *given: Any, **named: Any) -> Any:
        bound = inspect.signature(function.fun).bind(*given, **named)
        bound.apply_defaults()
        given = bound.args
        constants = {place: given[place] for place in function.nondiff_argnums}
        leaves, structure = jax.tree.flatten([None if place in constants else one for place, one in enumerate(given)])
        seen: list[bool] = []

        def keep(*values: Any) -> None:
            arguments = jax.tree.unflatten(structure, map(jax.numpy.asarray, values))
            if not seen:
                calls.append((function, [constants.get(place, one) for place, one in enumerate(arguments)]))
            seen.append(True)

        jax.debug.callback(keep, *leaves)
        return call(function, *given)

    def converted(one: Any) -> Any:
        is_real = hasattr(one, "dtype") and jax.numpy.issubdtype(one.dtype, jax.numpy.floating)
        return jax.numpy.asarray(one, float) if is_real else one

    with jax.enable_x64(True), jax.disable_jit(), _patched({jax.custom_vjp: ("__call__", recorded)}):
        model(*_each(inputs, converted), **_each(named, converted))
        jax.effects_barrier()
    return calls


@contextmanager
def _patched(patches: dict[Any, tuple[str, Any]]) -> Iterator[None]:
    """Give classes other attributes for a while."""
    before = {of_class: vars(of_class).get(name) for of_class, (name, _) in patches.items()}
    try:
        for of_class, (name, other) in patches.items():
            setattr(of_class, name, other)
        yield
    finally:
        for of_class, (name, _) in patches.items():
            if before[of_class] is None:
                delattr(of_class, name)
            else:
                setattr(of_class, name, before[of_class])


def _subclasses(of_class: Any) -> Iterator[Any]:
    for one in of_class.__subclasses__():
        yield one
        yield from _subclasses(one)
