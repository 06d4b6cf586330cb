"""Boosting: an objective for XGBoost, LightGBM or scikit-learn, which returns a gradient and a diagonal Hessian."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gates.checking.adapters.adapter import parameters_of
from gates.checking.adapters.check_grad import together
from gates.checking.adapters.objective import Call, Gradient, Hessian, Objective
from gates.checking.check import check_gate
from gates.checking.report import Report
from gates.values import as_value

_CLASSES = 4  # of labels, at most, that are told apart
#: What a diagnosis says that knows nothing of labels.
_UNSURE = ("no simple pattern", "factor of its own", "the upstream gradient itself", " the factor ")
#: What users call the second argument of an objective that is called with predictions and a data set.
_DATA = ("dtrain", "dmatrix", "train_data", "train_set", "data", "dataset", "dm")


def check_objective(
    objective: Callable[..., Any],
    y_true: Any,
    y_pred: Any,
    loss: Callable[..., Any] | None = None,
    *,
    seed: int = 0,
) -> Report:
    """Check the gradient and the Hessian of an objective for boosting, and say what is wrong with them.

    Parameters
    ----------
    objective : callable
        Returns a gradient and the diagonal of the Hessian, each of the shape of the predictions. It is called with
        `(y_true, y_pred)`, as the scikit-learn interfaces of XGBoost and LightGBM call it, or, where its second
        argument is a data set (named `dtrain`, `train_data`, ..., or asked for `get_label()`), with
        `(y_pred, dataset)`, as `train` calls it. If its Hessian is meant to differ, as one of ones is, let it have
        `objective.intended = "ones"`, or what else it is meant as.
    y_true : array, or an object with `get_label()`
        The labels, or a data set with them.
    y_pred : array
        The predictions: margins, before a sigmoid or softmax. A matrix has a column for each class.
    loss : callable, optional
        `loss(y_true, y_pred)`, whose gradient it is: a number for each sample, or their sum or mean.
    seed : int
        The seed of all that is random.

    Returns
    -------
    Report
        Rows for the gradient, compared with the slopes of the loss if one is given, and for the Hessian, compared with
        the slopes of the gradient.

    Raises
    ------
    TypeError
        If objective does not return a pair of arrays.

    Examples
    --------
    >>> import numpy as np
    >>> def squared_error(y_true, y_pred):
    ...     return y_true - y_pred, np.ones_like(y_pred)
    >>> y_true, y_pred = np.array([1.0, 2.0, 3.0]), np.array([0.5, 2.5, 2.0])
    >>> check_objective(squared_error, y_true, y_pred).diagnosis
    'the gradient has the wrong sign: its slope is negative, and hess positive'
    """
    margins = np.array(as_value(y_pred), dtype=float, ndmin=1)
    parameters = parameters_of(objective, [y_true, margins])
    if parameters.counts[0] > 2:
        raise TypeError(
            f"check_objective(): {getattr(objective, '__name__', 'objective')} takes {parameters.counts[0]} arguments: "
            "give a function of two, such as lambda y_true, y_pred: objective(y_true, y_pred, weight)"
        )
    (order, call), (other_order, exchanged) = _ways(objective, y_true, margins)
    labels = np.asarray(y_true.get_label() if hasattr(y_true, "get_label") else y_true)
    report, error = None, Exception()
    try:
        report = _checked(objective, call, labels, margins, loss, seed)
    except Exception as raised:
        error = raised
    if report is None or not (report.passed or _is_ordered(objective, margins)):
        with contextlib.suppress(Exception):
            other = _checked(objective, exchanged, labels, margins, loss, seed)
            if other.passed:
                diagnosis = f"its arguments are exchanged: it is right for {other_order}, and is called with {order}"
                return replace(other, verdict="fail", passed=False, diagnosis=diagnosis)
    if report is None:
        raise error
    return report


def _is_ordered(objective: Any, margins: Any) -> bool:
    """Return whether the names of an objective's parameters say that labels come first."""
    first, second = parameters_of(objective, [margins, margins]).names
    return bool(re.search("true|label|target", first)) and bool(re.search("pred|margin|score|raw", second))


class _Dataset:
    """What `train` gives to an objective: labels, and no weights."""

    def __init__(self, label: Any) -> None:
        self.label = label

    def get_label(self) -> Any:
        return self.label

    def get_weight(self) -> Any:
        return None


def _ways(objective: Any, y_true: Any, margins: Any) -> list[tuple[str, Call]]:
    """Return the order in which libraries call an objective, and the other one, each with a call."""
    names = parameters_of(objective, [y_true, margins]).names
    has_data = hasattr(y_true, "get_label") or not set(_DATA).isdisjoint(names)
    if not has_data:
        try:
            objective(y_true, margins.copy())
        except AttributeError as error:
            has_data = "get_label" in str(error)
        except Exception:  # the check itself will report what is wrong
            pass
    if has_data:
        data = y_true if hasattr(y_true, "get_label") else _Dataset(np.asarray(y_true))
        return [
            ("(y_pred, dataset)", lambda margins: objective(margins, data)),
            ("(dataset, y_pred)", lambda margins: objective(data, margins)),
        ]
    return [
        ("(y_true, y_pred)", lambda margins: objective(y_true, margins)),
        ("(y_pred, y_true)", lambda margins: objective(margins, y_true)),
    ]


def _checked(objective: Any, call: Call, labels: Any, margins: Any, loss: Any, seed: int) -> Report:
    """Return the report on an objective that is called in one way."""
    title, reports = getattr(objective, "__name__", "objective"), []
    hessian = Hessian(title, call, margins)
    hessian.intended = getattr(objective, "intended", "")
    if loss is not None:
        gradient = Gradient(title, call, margins, _total(loss, labels, margins))
        reports.append(_by_labels(check_gate(gradient, margins, upstream=1.0, seed=seed), gradient, labels, margins))
    ones = np.ones_like(margins)
    if all(report.passed for report in reports):  # else there is nothing right to compare the Hessian with
        reports.append(_by_labels(check_gate(hessian, margins, upstream=ones, seed=seed), hessian, labels, margins))
    report = together(reports)
    if loss is None and report.diagnosis == "hess has the wrong sign" and np.all(hessian.ask(margins)[1] > 0.0):
        report = replace(report, diagnosis="the gradient has the wrong sign: its slope is negative, and hess positive")
    notes = ["" if loss is not None else "the gradient itself was not checked: give its loss, loss=...", report.note]
    if hessian.is_coupled:
        notes.append("the gradient of a sample depends on other samples: of the Hessian the diagonal is compared")
    return replace(report, note="; ".join(filter(None, notes)))


def _by_labels(report: Report, gate: Objective, labels: Any, margins: Any) -> Report:
    """Return the report, with what is wrong if that shows with the labels known: by class, or in a link left out."""
    if not any(words in report.diagnosis for words in _UNSURE) or labels.shape != margins.shape:
        return report
    step = 1e-5 * np.eye(len(margins)) * np.maximum(1.0, np.abs(margins))
    numeric = [np.sum(gate.forward(margins + one)) - np.sum(gate.forward(margins - one)) for one in step]
    numeric /= 2.0 * np.diag(step)
    dz = np.ones_like(gate.forward(margins))
    analytic, what = gate.backward(dz)[0], f"the gradient of {gate.what}"
    sigmoid = 1.0 / (1.0 + np.exp(-margins))
    known = {"the gradient once more": gate.forward(margins)} if isinstance(gate, Hessian) else {}
    known |= {
        "y_pred - y_true: the sigmoid, exp or other link of y_pred is left out": margins - labels,
        "y_pred * (1 - y_pred): the sigmoid of y_pred is left out": margins * (1.0 - margins),
        "sigmoid(y_pred) - y_true, that of the logistic loss": sigmoid - labels,
        "s * (1 - s) with s = sigmoid(y_pred), that of the logistic loss": sigmoid * (1.0 - sigmoid),
        "r * (1 - r) with r = sigmoid(y_pred) - y_true: its s belongs there": (sigmoid - labels)
        * (1.0 - sigmoid + labels),
        "exp(y_pred) - y_true, that of the Poisson loss": np.exp(margins) - labels,
        "exp(y_pred), that of the Poisson loss": np.exp(margins),
    }
    for text, values in known.items():
        if np.allclose(analytic, values):
            more = "" if "no simple pattern" in report.diagnosis else f"; {report.diagnosis}"
            return replace(report, diagnosis=f"{what} is {text}{more}")
    if np.ptp(analytic) == 0.0:
        return replace(report, diagnosis=f"{what} is {analytic[0]:.4g} everywhere, which it should not be")
    parts, classes = list[str](), np.unique(labels)
    for label in classes if len(classes) <= _CLASSES else ():
        there = labels == label
        factor = float(np.median(analytic[there] / numeric[there]))
        if not np.allclose(analytic[there], factor * numeric[there], rtol=1e-4):
            return report
        how = "right" if abs(factor - 1.0) < 1e-4 else f"off by a factor of {factor:.4g}"
        parts.append(f"{how} where y_true is {label:g}")
    return replace(report, diagnosis=f"{what} is {', '.join(parts)}") if parts else report


def _total(loss: Any, labels: Any, margins: Any) -> Callable[[Any], Any]:
    """Return the sum of a loss over all samples, of one that returns numbers of each, their sum or their mean."""
    is_mean = False
    with contextlib.suppress(Exception):  # it takes no other number of samples
        once = np.sum(loss(labels, margins.copy()))
        twice = np.sum(loss(np.concatenate([labels, labels]), np.concatenate([margins, margins])))
        is_mean = bool(once and len(labels) > 1 and np.isclose(twice, once, rtol=1e-9))
    return lambda margins: (len(labels) if is_mean else 1) * float(np.sum(loss(labels, margins)))
