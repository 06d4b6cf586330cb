"""SciPy: an objective and its gradient, a function and its Jacobian, a gradient and its Hessian."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gates.checking.adapters.adapter import Adapter, parameters_of
from gates.checking.check import check_gate
from gates.checking.mutants import SelfTest
from gates.checking.report import Report
from gates.formatting import listed
from gates.values import as_value

_SYMMETRIC = 1e-6  # the difference of two elements of a Hessian, relative to the largest
_WORST_FIRST = ("fail", "kink", "jump", "inconclusive", "pass")


def check_grad(
    fun: Callable[..., Any],
    jac: Callable[..., Any] | bool,
    x0: Any,
    *args: Any,
    hess: Callable[..., Any] | None = None,
    seed: Any = 0,
    epsilon: Any = None,
    direction: Any = None,
    rng: Any = None,
) -> Report:
    """Check the gradient of an objective, as written for `scipy.optimize`, and say what is wrong with it.

    Called as SciPy's `check_grad` is, and as its optimizers are, it returns a report in place of a number.

    Parameters
    ----------
    fun : callable
        `fun(x, *args)` returns a number, or a vector.
    jac : callable or True
        `jac(x, *args)` returns the gradient, of the shape of x; of a vector the Jacobian matrix, a row for each of its
        elements, dense or sparse. True if fun returns the pair of both.
    x0 : array
        Where to check it.
    *args : object
        What else the functions take.
    hess : callable, optional
        `hess(x, *args)` returns the Hessian matrix of fun, dense, sparse or a `LinearOperator`: checked against the
        slopes of jac.
    seed : int
        The seed of all that is random; 0 in place of what else SciPy takes.
    epsilon, direction, rng : object
        Those of SciPy. They have no effect: steps are found by themselves, and all directions are checked.

    Returns
    -------
    Report
        The verdict, the diagnosis in terms of the indices of x, and a table.

    Raises
    ------
    TypeError
        If fun returns neither a number nor a vector, or not a pair although jac is True.
    Exception
        What fun raises at x0.

    Examples
    --------
    >>> import numpy as np
    >>> report = check_grad(lambda x: np.sum(x**4), lambda x: 3 * x**3, [1.0, 2.0, -1.5])
    >>> report.diagnosis
    'the gradient of x is off by a factor of 0.75'
    """
    x = np.asarray(as_value(x0), dtype=float)
    seed = seed if isinstance(seed, int) else 0
    gradient = jac if jac is True else _closed(jac, args)
    objective = _Derivative("jac", _closed(fun, args), gradient, x)
    upstream = None if np.ndim(objective.forward(x)) else 1.0
    report = _with_entries(check_gate(objective, x, upstream=upstream, seed=seed), objective, x)
    reports = [_with_terms(report, objective, fun, x, args)]
    if hess is not None:
        slope = _Derivative("hess", _closed(fun, args, 1) if jac is True else gradient, _closed(hess, args), x)
        slope.input_names = ["hess"]
        reports.append(_with_entries(check_gate(slope, x, seed=seed), slope, x))
    return together(reports)


class _Derivative(Adapter):
    """A function of one vector, with the array of its derivatives: the gradient, the Jacobian or the Hessian matrix."""

    def __init__(self, who: str, fun: Any, derivative: Any, x: Any) -> None:
        super().__init__(fun, getattr(fun, "__name__", "fun"), parameters_of(fun, [x]), [x], 1)
        self.who, self.derivative = who, derivative

    def forward(self, x: Any) -> Any:
        self.faults = []
        given, answer = x, self.function(x)
        if self.derivative is True:
            if not isinstance(answer, tuple) or len(answer) != 2:
                raise TypeError(
                    f"check_grad(): with jac=True {self.title} must return (value, gradient), got {answer!r}"
                )
            answer, given = answer
        value = as_value(answer)
        value = value if np.size(value) > 1 else float(np.reshape(value, ()))
        self.kept = x, value, given
        return value

    def backward(self, dz: Any) -> list[Any]:
        array = self.matrix()
        return [None if array is None else np.tensordot(dz, array, axes=np.ndim(self.kept[1]))]

    def matrix(self) -> Any:
        """Return the derivatives where forward ran last; None, and a fault, if they have a wrong shape."""
        x, value, given = self.kept
        array = _dense(given if self.derivative is True else self.derivative(given), x)
        wanted = (*np.shape(value), *np.shape(x))
        if array.shape not in (wanted, (1, *wanted)):
            transposed = ", transposed" * (array.ndim > 1 and array.shape == wanted[::-1])
            is_alone = self.who == "jac" and array.shape == np.shape(value)
            hint = "; if each is the slope of its own element alone, check the sum of fun" * is_alone
            self.fault(f"{self.who} returns the shape {array.shape} where {wanted} belongs{transposed}{hint}")
            return None
        array = array.reshape(wanted)
        if self.who == "hess":
            uneven = np.abs(array - array.T)
            if np.max(uneven) > _SYMMETRIC * np.max(np.abs(array)):
                i, j = np.unravel_index(np.argmax(uneven), array.shape)
                pair = f"{array[i, j]:.8g} at [{i}, {j}] and {array[j, i]:.8g} at [{j}, {i}]"
                self.fault(f"hess is not symmetric: {pair}")
        return array


def _with_entries(report: Report, function: _Derivative, x: Any) -> Report:
    """Return the report on a matrix, with the entries that are wrong, by central differences of fourth order."""
    if report.verdict != "fail" or np.ndim(function.forward(x)) != 1 or x.ndim != 1:
        return report
    found = function.matrix()
    if found is None or function.faults:
        return report
    right = _slopes(function.forward, x)
    least = 1e-6 * np.max(np.abs(right))
    wrong = np.abs(found - right) > least
    if found.shape == found.T.shape and np.all(np.abs(found - right.T) <= least):
        return replace(report, diagnosis=f"{function.who} is transposed")
    rows, columns = (np.flatnonzero(wrong.all(axis=axis)) for axis in (1, 0))
    if wrong.all() or not wrong.any():
        return report
    if wrong[rows].sum() == wrong.sum():
        where = f"in row {listed([str(row) for row in rows])}"
    elif wrong[:, columns].sum() == wrong.sum():
        where = f"in column {listed([str(column) for column in columns])}"
    else:
        where = f"at {listed([f'[{i}, {j}]' for i, j in np.argwhere(wrong)])}"
    more = "" if "no simple pattern" in report.diagnosis else f"; {report.diagnosis}"
    return replace(report, diagnosis=f"{function.who} is wrong {where} alone{more}")


def _with_terms(report: Report, function: _Derivative, fun: Any, x: Any, args: Sequence[Any]) -> Report:
    """Return the report on an objective, with the term that is wrong, of those that the arguments scale."""
    if "no simple pattern" not in report.diagnosis:
        return report
    names = parameters_of(fun, [x, *args]).names
    points = [x, 0.75 * x + 0.125 * np.cos(np.arange(x.size)).reshape(x.shape)]
    for place, arg in enumerate(args):
        if np.asarray(arg).dtype.kind not in "fi":
            continue
        twice = _closed(fun, [*args[:place], 2 * np.asarray(arg), *args[place + 1 :]])
        with contextlib.suppress(Exception):  # it takes no such argument
            found = []
            for point in points:
                function.forward(point)
                (analytic,), numeric = function.backward(1.0), _slopes(function.forward, point)
                found.append(
                    (analytic, numeric, _slopes(_Derivative("", twice, function.derivative, x).forward, point))
                )
            factor = _factor([(analytic - numeric, more - numeric) for analytic, numeric, more in found])
            if factor is not None:
                off = f"is off by a factor of {1.0 + factor:.4g} in the term with {names[place + 1]}"
                return replace(report, diagnosis=f"the gradient of {names[0]} {off}")
            if _factor([(analytic + numeric, more - numeric) for analytic, numeric, more in found]) is not None:
                off = f"has the wrong sign, but for the term with {names[place + 1]}"
                return replace(report, diagnosis=f"the gradient of {names[0]} {off}")
    return report


def _factor(pairs: Sequence[tuple[Any, Any]]) -> float | None:
    """Return the number by which the second of all pairs must be multiplied to give the first, if there is one."""
    first, second = (np.concatenate([np.ravel(pair[place]) for pair in pairs]) for place in (0, 1))
    if not second.any():
        return None
    factor = float(first @ second / (second @ second))
    return factor if np.allclose(first, factor * second, rtol=1e-5, atol=1e-6 * np.max(np.abs(first))) else None


def _slopes(function: Callable[[Any], Any], x: Any) -> Any:
    """Return the slopes of a function of a vector, by central differences of fourth order."""
    step = 1e-3 * max(1.0, float(np.max(np.abs(x))))
    ahead, behind, far_ahead, far_behind = [
        np.stack([function(x + times * step * one.reshape(x.shape)) for one in np.eye(x.size)], axis=-1)
        for times in (1, -1, 2, -2)
    ]
    slopes = (8.0 * (ahead - behind) - (far_ahead - far_behind)) / (12.0 * step)
    return slopes.reshape(*np.shape(ahead)[:-1], *x.shape)


def _dense(array: Any, x: Any) -> Any:
    """Return an array of derivatives, dense, sparse or a LinearOperator, as an array."""
    if hasattr(array, "toarray"):
        array = array.toarray()
    elif hasattr(array, "matmat"):
        array = array @ np.eye(x.size)
    return np.asarray(array, dtype=float)


def together(reports: Sequence[Report]) -> Report:
    """Return one report of those on the gradient and on the Hessian."""
    diagnoses = [report.diagnosis for report in reports if report.diagnosis]
    worst = min(reports, key=lambda report: (report.passed, _WORST_FIRST.index(report.verdict)))
    return replace(
        worst,
        title=reports[0].title,
        passed=all(report.passed for report in reports),
        diagnosis="; ".join(dict.fromkeys(diagnoses)).replace("the gradient of hess ", "hess "),
        note="; ".join([report.note for report in reports if report.note]),
        rows=tuple([row for report in reports for row in report.rows]),
        _self_test=lambda: SelfTest(tuple([mutant for report in reports for mutant in report.self_test()])),
    )


def _closed(function: Any, args: Sequence[Any], part: int | None = None) -> Any:
    """Return a function of x alone, or of what it returns one part."""
    if not callable(function):
        raise TypeError(f"check_grad() takes functions, and True as jac, got {function!r}")

    @functools.wraps(function)
    def closed(x: Any) -> Any:
        answer = function(x, *args)
        return answer if part is None else answer[part]

    return closed
