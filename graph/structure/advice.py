"""What to write for names that wires do not have, but arrays of NumPy, tensors of PyTorch or values of micrograd."""

import inspect
from functools import cache

from graph.structure.library import GATES

_VALUE = "a wire's value is wire.value"
_ADVICE: dict[str, str] = {
    "backward": "graph.backward() runs the backward pass",
    "zero_grad": "each graph.backward() begins anew, so there is nothing to set to zero",
    "requires_grad": "graph.input(name, grad=False) makes an input that needs no gradient",
    "data item numpy detach tolist": _VALUE,
    "shape ndim size dtype": f"{_VALUE}, which has a shape",
    "name": "str(wire) is its name",
    "abs": "write abs(wire)",
    "pow": "write wire ** y",
    "dot mm": "write wire @ y",
    "t": "write wire.T",
    "permute swapaxes": "write wire.transpose(axes)",
    "flatten ravel": "write wire.reshape(-1)",
    "view squeeze": "write wire.reshape(shape)",
    "unsqueeze expand_dims": "write wire[None], or wire[:, None]",
    "std": "write np.sqrt(wire.var())",
    "norm": "write np.sqrt((wire ** 2).sum())",
    "hstack vstack": "write np.concatenate([x, y], axis)",
}


@cache
def advice(name: str) -> str:
    """Return what to write instead of a name, after a semicolon, or an empty text."""
    for names, instead in _ADVICE.items():
        if name in names.split():
            return f"; {instead}"
    for title, gate in GATES.items():
        needs_settings = any(one.default is one.empty for one in inspect.signature(gate).parameters.values())
        if gate.kind == name and gate.takes == (1, 1) and not needs_settings:
            return f"; write graph.add({title}(), wire)"
    return ""
