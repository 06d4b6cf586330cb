"""The two passes, as in the lecture's pseudocode: forward in order, backward in reversed order.

What the unrolled code below does, over flat lists with a place for each slot:

    for call in calls:
        values[call.out] = call.forward(*[values[slot] for slot in call.sources])
    grads = [0.0 for value in values]
    grads[output] = 1.0
    for call in reversed(calls):
        for slot, gradient in zip(call.sources, call.backward(grads[call.out])):
            grads[slot] = grads[slot] + gradient

Besides, it takes gates with several outputs, brings each gradient into its input's shape and dtype, and says in which
gate an error was raised.
"""

from typing import Any

from gates.bare import Foreign
from gates.validation import as_output, as_outputs, explain, gradient_of, gradients_of
from gates.values import namespace
from graph.passes.schedule import Call


def run_forward(calls: list[Call], values: list[Any]) -> None:
    """Fill in the value of every output, gate by gate."""
    call = None
    try:
        for call in calls:
            _, gate, forward, _, sources, out, outputs = call
            if len(sources) == 2:
                x, y = sources
                z = forward(gate, values[x], values[y])
            elif len(sources) == 1:
                z = forward(gate, values[sources[0]])
            else:
                z = forward(gate, *[values[slot] for slot in sources])
            if outputs == 1:
                values[out] = gate.output = z if type(z) is float else as_output(z)
            else:
                values[out : out + outputs] = gate.output = as_outputs(z, outputs)
    except Exception as error:
        if call is not None:
            explain(error, call.gate, [values[slot] for slot in call.sources], f"{call.node} ({_kind(call)})")
            _add_address(error, call, "in gate")
        raise


def run_backward(calls: list[Call], values: list[Any], grads: list[Any]) -> None:
    """Send gradients back through every gate that has one upstream. Where a wire branches, they add."""
    call = None
    try:
        for call in reversed(calls):
            _, gate, _, backward, sources, out, outputs = call
            if outputs == 1:
                dz = grads[out]
                if dz is None or backward is None:
                    continue
                gradients = backward(gate, dz)
            else:
                upstream = upstream_of(call, values, grads)
                if upstream is None or backward is None:
                    continue
                gradients = backward(gate, *upstream)
            if type(gradients) is not list or len(gradients) != len(sources):
                gradients = gradients_of(gradients, [values[slot] for slot in sources])
            # One and two inputs are written out: that takes a third off the time of this pass.
            if len(sources) == 2:
                x, y = sources
                dx, dy = gradients
                if dx is not None:
                    if type(dx) is not float or type(values[x]) is not float:
                        dx = gradient_of(dx, values[x], 0)
                    grads[x] = dx if grads[x] is None else grads[x] + dx
                if dy is not None:
                    if type(dy) is not float or type(values[y]) is not float:
                        dy = gradient_of(dy, values[y], 1)
                    grads[y] = dy if grads[y] is None else grads[y] + dy
            elif len(sources) == 1:
                x, dx = sources[0], gradients[0]
                if dx is not None:
                    if type(dx) is not float or type(values[x]) is not float:
                        dx = gradient_of(dx, values[x], 0)
                    grads[x] = dx if grads[x] is None else grads[x] + dx
            else:
                for port, (x, dx) in enumerate(zip(sources, gradients)):
                    if dx is not None:
                        dx = gradient_of(dx, values[x], port)
                        grads[x] = dx if grads[x] is None else grads[x] + dx
    except Exception as error:
        if call is not None:
            _add_address(error, call, "in backward of gate")
        raise


def run_alone(call: Call, values: list[Any], upstream: list[Any]) -> list[Any]:
    """Return the gradient that one gate gives each of its inputs, for an upstream gradient of each output."""
    around = [values[slot] for slot in call.sources] + values[call.out : call.out + call.outputs]
    grads = [None] * len(call.sources) + upstream
    run_backward([call.alone()], around, grads)
    return grads[: len(call.sources)]


def _add_address(error: Exception, call: Call, where: str) -> None:
    """Add the name and the class of a call's gate to an error, unless its message has them."""
    if f"{call.node} ({_kind(call)})" not in str(error):
        error.add_note(f"{where} {call.node!r} ({_kind(call)})")


def _kind(call: Call) -> str:
    """Return the name of the class of a call's gate."""
    return type(call.gate.gate if isinstance(call.gate, Foreign) else call.gate).__name__


def upstream_of(call: Call, values: list[Any], grads: list[Any]) -> list[Any] | None:
    """Return the gradient of each output of a gate, 0 where there is none; None if no output has one."""
    places = slice(call.out, call.out + call.outputs)
    dz = grads[places]
    if all(gradient is None for gradient in dz):
        return None
    return [
        namespace(value).zeros_like(value) if gradient is None else gradient
        for gradient, value in zip(dz, values[places])
    ]
