"""Models: every function with a backward of its own that runs in a model, at its actual inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates.checking.adapters.adapter import Adapter
from gates.checking.adapters.recording import recorded
from gates.checking.check import check_gate, quiet
from gates.checking.copies import copy_of, flat
from gates.checking.function_under_test import GateUnderTest
from gates.checking.points import random_upstream
from gates.checking.report import Report
from gates.formatting import aligned, numbered

_CLOSELY = 3  # calls of one function, at most, are checked closely
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
    calls, adapter = recorded(model, inputs, named)
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
