"""The two passes, as the lecture's pseudocode has them: forward in order, backward in reversed order.

They run over flat lists, one place a slot, and know nothing of names but to say where an error came from.
"""

from typing import Any

from gates.doors import fit
from gates.namespaces import namespace
from gates.values import as_value, shape_of
from graph.schedule import Foreign, Step


def run_forward(steps: list[Step], values: list[Any]) -> None:
    """Fill in the value of every output, gate by gate."""
    step = None
    try:
        for step in steps:
            _, gate, forward, _, sources, out, outputs = step
            if len(sources) == 2:
                x, y = sources
                z = forward(gate, values[x], values[y])
            elif len(sources) == 1:
                z = forward(gate, values[sources[0]])
            else:
                z = forward(gate, *[values[slot] for slot in sources])
            if outputs == 1:
                values[out] = gate.output = z if type(z) is float else as_value(z)
            else:
                values[out : out + outputs] = gate.output = _all_outputs(z, outputs)
    except Exception as error:
        if step is not None:
            error.add_note(f"in gate {address(step)}")
        raise


def run_backward(steps: list[Step], values: list[Any], grads: list[Any]) -> None:
    """Send gradients back through every gate that has one upstream. Where a wire branches, they add."""
    step = None
    try:
        for step in reversed(steps):
            _, gate, _, backward, sources, out, outputs = step
            dz = grads[out] if outputs == 1 else _upstream(values, grads, out, outputs)
            if dz is None or backward is None:
                continue
            gradients = backward(gate, dz) if outputs == 1 else backward(gate, *dz)
            if type(gradients) is not list or len(gradients) != len(sources):
                gradients = _one_each(gradients, step)
            if len(sources) == 2:  # most gates: written out, it takes a third off the time of this pass
                x, y = sources
                dx, dy = gradients
                if dx is not None:
                    if type(dx) is not float or type(values[x]) is not float:
                        dx = _in_shape(dx, values[x])
                    grads[x] = dx if grads[x] is None else grads[x] + dx
                if dy is not None:
                    if type(dy) is not float or type(values[y]) is not float:
                        dy = _in_shape(dy, values[y])
                    grads[y] = dy if grads[y] is None else grads[y] + dy
                continue
            for x, dx in zip(sources, gradients):
                if dx is not None:
                    dx = _in_shape(dx, values[x])
                    grads[x] = dx if grads[x] is None else grads[x] + dx
    except Exception as error:
        if step is not None:
            error.add_note(f"in backward of gate {address(step)}")
        raise


def address(step: Step) -> str:
    """Return the name and the class of a step's gate."""
    gate = step.gate.gate if isinstance(step.gate, Foreign) else step.gate
    return f"{step.node!r} ({type(gate).__name__})"


def _all_outputs(outputs: Any, count: int) -> list[Any]:
    """Return the outputs of a gate that has several."""
    if not isinstance(outputs, (list, tuple)) or len(outputs) != count:
        got = f"{len(outputs)}" if isinstance(outputs, (list, tuple)) else f"{outputs!r}"
        raise ValueError(f"forward() must return a list of {count} outputs, got {got}")
    return [as_value(output) for output in outputs]


def _upstream(values: list[Any], grads: list[Any], out: int, count: int) -> list[Any] | None:
    """Return the upstream gradients of several outputs, 0 for those that nothing reads; None if nothing reads any."""
    dz = grads[out : out + count]
    if all(gradient is None for gradient in dz):
        return None
    return [
        namespace(value).zeros_like(value) if gradient is None else gradient
        for gradient, value in zip(dz, values[out : out + count])
    ]


def _one_each(gradients: Any, step: Step) -> list[Any]:
    """Return a list with one gradient for each input, or raise."""
    count = len(step.sources)
    if isinstance(gradients, (list, tuple)) and len(gradients) == count:
        return list(gradients)
    got = f"{len(gradients)}" if isinstance(gradients, (list, tuple)) else f"{gradients!r}"
    raise ValueError(f"backward() must return a list of {count} gradients, one for each input, got {got}")


def _in_shape(gradient: Any, value: Any) -> Any:
    """Return a gradient in its input's dtype, or raise if it has another shape."""
    if type(gradient) is float and type(value) is float:
        return gradient
    gradient = as_value(gradient)
    if shape_of(gradient) != shape_of(value):
        raise ValueError(
            f"backward() must return each gradient in its input's shape: {shape_of(value)} was wanted, "
            f"got {shape_of(gradient)}"
        )
    return fit(gradient, value, "the gradient")
