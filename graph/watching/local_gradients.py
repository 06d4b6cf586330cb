"""The local gradients of a gate at work: numbers if there are few, otherwise a description."""

import contextlib
import math
from typing import Any

import numpy as np

from gates.validation import formula
from gates.values import Value, namespace, shape_of
from graph.passes.run import run_alone
from graph.passes.schedule import Call

_ELEMENTS = 8  # the local gradients of larger arrays are described
_OUTPUTS = 8  # so are those of gates with more outputs


def local_gradients(call: Call, values: list[Value]) -> list[Any]:
    """Return a gate's local gradient for each input: a number, an array, a tuple for several outputs, or words.

    Parameters
    ----------
    call : Call
        The gate, after its forward pass.
    values : list
        The values of all wires, by slot.
    """
    inputs, outputs = [values[slot] for slot in call.sources], values[call.out : call.out + call.outputs]
    shape = shape_of(outputs[0])
    alike = call.outputs == 1 and getattr(call.gate, "elementwise", False)
    found: list[Any] = [None] * len(inputs)
    if alike or not any(map(shape_of, inputs + outputs)):
        with contextlib.suppress(Exception), np.errstate(all="ignore"):  # the pass itself raises such errors
            found = _slopes(call, values, outputs)
    count = sum(math.prod(shape_of(output)) for output in outputs)
    return [
        slope
        if slope is not None and shape_of(value) == shape
        else f"{count} × {math.prod(shape_of(value))} Jacobian" + ", diagonal" * (alike and shape_of(value) == shape)
        for slope, value in zip(found, inputs)
    ]


def _slopes(call: Call, values: list[Value], outputs: list[Value]) -> list[Any]:
    """Return the gradients for upstream gradients of 1: a tuple for several outputs, with 1 for each in turn."""
    bare = call._replace(backward=formula(call.gate.backward))  # without a guard, which checks the pass itself only
    if math.prod(shape_of(outputs[0])) > _ELEMENTS or len(outputs) > _OUTPUTS:
        return [None] * len(call.sources)
    if len(outputs) == 1:
        return run_alone(bare, values, [namespace(outputs[0]).ones_like(outputs[0])])
    rows = [
        run_alone(bare, values, [float(place == port) for place in range(len(outputs))]) for port in range(len(outputs))
    ]
    return [None if None in column else column for column in zip(*rows)]
