"""Models: every function with a backward of its own that runs in a model, at its actual inputs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates.checking.adapters.adapter import Adapter, copied
from gates.checking.adapters.jax_function import JaxGate
from gates.checking.adapters.torch_function import TorchGate
from gates.checking.check import check_gate, quiet
from gates.checking.copies import copy_of, flat
from gates.checking.function_under_test import GateUnderTest
from gates.checking.points import random_upstream
from gates.checking.report import Report
from gates.formatting import aligned, numbered


class _AsItIs(JaxGate):
    is_compiled = False


_CLOSELY = 3  # calls of one function, at most, are checked closely
#: A function with a backward of its own, and the arguments of a call.
_Calls = list[tuple[Any, list[Any]]]
_STEPS = {8: 1e-5, 4: 2.0**-7, 2: 2.0**-4}  # along a direction, relative to the inputs, by bytes of a number
_ROUNDING = {8: 2.0**-50, 4: 2.0**-22, 2: 2.0**-9}  # of outputs, relative to them
_NEAR = {8: 1e-4, 4: 2e-2, 2: 0.2}  # relative difference that makes a suspect


@dataclass(repr=False)
class ModelReport:
    """What was found about the functions of a model that have a backward of their own.

    Attributes
    ----------
    blame : list of str
        The faulty ones, each with the file and line where it is defined; empty if all is well.
    notes : list of str
        The others of which there is something to say, such as one that is straight-through.
    reports : dict of str to Report
        The reports on those that were examined closely, by name and line.
    counts : dict of str to int
        How often each of all functions was called.
    """

    blame: list[str]
    notes: list[str]
    reports: dict[str, Report]
    counts: dict[str, int]

    @property
    def passed(self) -> bool:
        """Whether there was a function to check, and none is faulty."""
        return bool(self.counts) and not self.blame

    def raise_if_failed(self) -> None:
        """Raise AssertionError with the report as its message, unless it passed."""
        __tracebackhide__ = True  # pytest then shows the line of the test
        if not self.passed:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        calls = (
            f"{numbered(sum(self.counts.values()), 'call')} of {numbered(len(self.counts), 'function')} "
            f"with a backward of {'their' if len(self.counts) > 1 else 'its'} own"
        )
        if not self.counts:
            return "no function with a backward of its own ran: nothing was checked"
        rows = [(name, self.reports[name].diagnosis or self.reports[name].verdict) for name in self.blame]
        verdict = "pass" if self.passed else f"fail: {len(self.blame)} faulty"
        return "\n".join(
            [f"{calls}: {verdict}", *[f"  {line}" for line in aligned(rows)], *[f"note: {n}" for n in self.notes]]
        )

    def __repr__(self) -> str:
        return str(self)


def check_model(model: Callable[..., Any], *inputs: Any, seed: int = 0, **named: Any) -> ModelReport:
    """Find the functions of a model whose hand-written backward is wrong.

    The model runs once, and each call of a `torch.autograd.Function`, or of a `jax.custom_vjp`, is recorded with its
    actual arguments. The gradient of each is compared with the slope along one random direction; those that differ are
    then checked as `check_gate` checks them. The model is left unchanged, and runs in float64 if it can.

    Parameters
    ----------
    model : callable
        A `torch.nn.Module`, or a function of tensors or of JAX's arrays.
    *inputs : object
        What it is called with.
    seed : int
        The seed of all that is random.
    **named : object
        What it is called with by name.

    Returns
    -------
    ModelReport
        `blame` names the faulty functions, with file and line.

    Raises
    ------
    TypeError
        If neither PyTorch nor JAX was imported.
    Exception
        What the model raises.
    """
    calls, adapter = _recorded(model, inputs, named)
    blame, notes = dict[str, None](), dict[str, None]()
    reports, counts, closely = dict[str, Report](), dict[str, int](), dict[str, int]()
    for place, (function, arguments) in enumerate(calls):
        name = _named(function)
        counts[name] = counts.get(name, 0) + 1
        if name in blame or closely.get(name, 0) == _CLOSELY:
            continue
        if not _is_suspect(adapter(function, arguments, None), np.random.default_rng([seed, place])):
            continue
        closely[name] = closely.get(name, 0) + 1
        report = reports[name] = check_gate(function, *arguments, seed=seed)
        if report.verdict in ("fail", "kink") and not report.passed:
            is_meant = "straight through" in report.diagnosis
            (notes if is_meant else blame)[f"{name}: {report.diagnosis}" if is_meant else name] = None
        elif report.verdict != "pass" or report.note.startswith("meant"):
            notes[f"{name}: {report.verdict}: {report.note}"] = None
    return ModelReport(list(blame), list(notes), reports, counts)


def _recorded(model: Any, inputs: Any, named: Any) -> tuple[_Calls, Callable[..., Adapter]]:
    """Return the calls in a run of a model, and the adapter for them."""
    torch: Any = sys.modules.get("torch")
    given = list(_leaves([*inputs, named]))
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


def _leaves(one: Any) -> Iterator[Any]:
    """Yield what lists, tuples and dictionaries hold."""
    if isinstance(one, (list, tuple, dict)):
        for part in one.values() if isinstance(one, dict) else one:
            yield from _leaves(part)
    else:
        yield one


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


def _is_suspect(gate: Adapter, random: Any) -> bool:
    """Return whether a gradient differs from the slope along a random direction, or they cannot be compared."""
    function, inputs = GateUnderTest(gate), gate.inputs
    with quiet():
        try:
            run = function.start(copy_of(inputs))
            outputs, dz = flat(run.outputs), random_upstream(run.outputs, random)
            size = min(
                [one.dtype.itemsize for one in run.outputs if isinstance(one, (np.ndarray, np.generic))], default=8
            )
            gradients, step = run.backward(dz), _STEPS[size]
            if run.noticed() or any(one is None or np.shape(one) != np.shape(x) for one, x in zip(gradients, inputs)):
                return True
            noise = float(np.linalg.norm(flat(dz) * outputs)) * _ROUNDING[size] / step
            for port, (x, gradient) in enumerate(zip(inputs, gradients)):
                direction = (float(np.max(np.abs(x), initial=0.0)) or 1.0) * random.standard_normal(np.shape(x))
                moved = [[*inputs[:port], x + sign * step * direction, *inputs[port + 1 :]] for sign in (1, -1)]
                ahead, behind = [flat(function.start(there).outputs) for there in moved]
                numeric, analytic = flat(dz) * (ahead - behind) / (2.0 * step), np.ravel(gradient * direction)
                largest = max(float(np.linalg.norm(numeric)), float(np.linalg.norm(analytic)))
                if not abs(float(np.sum(numeric) - np.sum(analytic))) <= _NEAR[size] * largest + noise:
                    return True
        except Exception:  # the check itself will report what is wrong
            return True
    return False


def _named(function: Any) -> str:
    """Return the name of a function, with the file and line where it is defined."""
    source = inspect.unwrap(function)
    try:
        line = inspect.getsourcelines(source)[1]
        return f"{function.__name__} ({inspect.getsourcefile(source)}:{line})"
    except (OSError, TypeError):  # it was typed in a shell
        code = getattr(getattr(source, "forward", source), "__code__", None)
        return f"{function.__name__} ({code.co_filename}:{code.co_firstlineno})" if code else function.__name__
