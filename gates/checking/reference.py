"""The comparison of a gate with another one that is known to be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gates.checking.comparison import Element
from gates.checking.contract import Contract
from gates.checking.copies import copy_of
from gates.checking.function_under_test import FunctionUnderTest
from gates.checking.report import Fault, index_of
from gates.values import Value, shape_of


def compared_with(
    reference: FunctionUnderTest, contract: Contract, inputs: Sequence[Value], elements: list[Element]
) -> tuple[list[Element], list[Fault]]:
    """Compare a gate's outputs with those of a reference, and its gradients where slopes cannot tell.

    Returns
    -------
    list of Element, list of Fault
        The elements, where slopes cannot tell with the verdict of the comparison; and what is unlike the reference.
    """
    function = contract.function
    names, precision, title = function.names(len(inputs)), function.precision, reference.title
    run = reference.start(copy_of(inputs[: len(inputs) - len(function.own)]))
    outputs = [shape_of(output) for output in contract.outputs], [shape_of(output) for output in run.outputs]
    if outputs[0] != outputs[1]:
        shapes = [" and ".join(map(str, shapes)) for shapes in outputs]
        return elements, [Fault("unlike", f"forward gives the shape {shapes[0]} where {title} gives {shapes[1]}")]
    wanted = run.backward(copy_of(contract.upstream))
    for place, (output, right) in enumerate(zip(contract.outputs, run.outputs)):
        off = np.ravel(~_near(output, right, precision.tolerance))
        if off.any():
            worst = int(np.argmax(off))
            index, of = index_of(worst, shape_of(output)), f" of output {place}" if len(run.outputs) > 1 else ""
            at = f" at index {index}{of}" if index else of
            got, expected = float(np.ravel(output)[worst]), float(np.ravel(right)[worst])
            sentence = f"forward is wrong: it gives {got:.8g} where {title} gives {expected:.8g}{at}"
            return elements, [Fault("unlike", sentence + _and_backward(contract, wanted, elements, title))]
    judged: list[Element] = []
    faults: list[Fault] = []
    for element in elements:
        right = wanted[element.port] if element.port < len(wanted) else None
        if element.verdict not in ("inconclusive", "jump") or right is None:
            judged.append(element)
            continue
        value = float(np.ravel(right)[element.place])
        is_near = bool(_near(element.analytic, value, precision.tolerance))
        judged.append(replace(element, verdict="pass" if is_near else "fail", is_passed=is_near))
        if not is_near and not faults:
            pair = (
                f"the gradient of {names[element.port]} is {element.analytic:.8g} where that of {title} is {value:.8g}"
            )
            faults.append(Fault("unlike", f"backward is wrong: {pair}", element.port))
    return judged, faults


def _and_backward(contract: Contract, wanted: Sequence[Any], elements: Sequence[Element], title: str) -> str:
    """Return what to add about backward where forward is wrong."""
    pairs = [(one, right) for one, right in zip(contract.gradients or [], wanted) if one is not None is not right]
    if all(_near(one, right, contract.function.precision.tolerance).all() for one, right in pairs):
        return f"; backward gives what {title} does"
    return "; backward fits it" if not any(element.verdict == "fail" for element in elements) else "; so is backward"


def _near(a: Any, b: Any, tolerance: float) -> Any:
    """Return where two values agree; nan and inf agree with themselves."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    with np.errstate(all="ignore"):
        return (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= tolerance * np.maximum(np.abs(a), np.abs(b)))
