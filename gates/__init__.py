"""Gates: operations with a forward formula and its gradient, for floats and arrays of any library."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gates.activations import ELU, LeakyReLU, ReLU, Sigmoid, Softplus, Tanh
from gates.arithmetic import Add, Divide, Multiply, Negative, Reciprocal, Scale, Shift, Subtract
from gates.batch_normalization import BatchNorm
from gates.convolution import Conv2d
from gates.embedding import Embedding
from gates.gate import Gate
from gates.jacobian import Jacobian, jacobian
from gates.joining import Concatenate, Stack
from gates.layers import Affine, Dropout
from gates.linear import MatMul
from gates.neurons import Maxout, Neuron
from gates.normalization import LayerNorm
from gates.piecewise import Abs, Clip, Where
from gates.pooling import MaxPool2d
from gates.powers import Exp, Log, Pow, Power, Sqrt, Square
from gates.rearranging import Reshape, Transpose
from gates.reductions import Mean, ReduceMax, ReduceMin, SquaredNorm, Sum, Variance
from gates.routing import Copy, Max, Min
from gates.selecting import Index
from gates.softmax import LogSumExp, Softmax
from gates.sum_to import sum_to
from gates.trigonometry import Cos, Sin
from gates.values import namespace

if TYPE_CHECKING:
    from gates.checking.adapters.check_grad import check_grad
    from gates.checking.adapters.check_model import check_model
    from gates.checking.adapters.check_objective import check_objective
    from gates.checking.adapters.gate_of import gate_of
    from gates.checking.check import assert_gate, check_gate
    from gates.checking.report import Report

#: The checker is imported when it is first used: whoever only runs gates does not wait for it.
_WHEN_USED = {
    "assert_gate": "check",
    "check_gate": "check",
    "check_grad": "adapters.check_grad",
    "check_model": "adapters.check_model",
    "check_objective": "adapters.check_objective",
    "gate_of": "adapters.gate_of",
    "Report": "report",
}

__version__ = "0.1.0"

__all__ = [
    "ELU",
    "Abs",
    "Add",
    "Affine",
    "BatchNorm",
    "Clip",
    "Concatenate",
    "Conv2d",
    "Copy",
    "Cos",
    "Divide",
    "Dropout",
    "Embedding",
    "Exp",
    "Gate",
    "Index",
    "Jacobian",
    "LayerNorm",
    "LeakyReLU",
    "Log",
    "LogSumExp",
    "MatMul",
    "Max",
    "MaxPool2d",
    "Maxout",
    "Mean",
    "Min",
    "Multiply",
    "Negative",
    "Neuron",
    "Pow",
    "Power",
    "ReLU",
    "Reciprocal",
    "ReduceMax",
    "ReduceMin",
    "Report",
    "Reshape",
    "Scale",
    "Shift",
    "Sigmoid",
    "Sin",
    "Softmax",
    "Softplus",
    "Sqrt",
    "Square",
    "SquaredNorm",
    "Stack",
    "Subtract",
    "Sum",
    "Tanh",
    "Transpose",
    "Variance",
    "Where",
    "assert_gate",
    "check_gate",
    "check_grad",
    "check_model",
    "check_objective",
    "gate_of",
    "jacobian",
    "namespace",
    "sum_to",
]


def __getattr__(name: str) -> Any:
    if name not in _WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"gates.checking.{_WHEN_USED[name]}"), name)
    return found


def __dir__() -> list[str]:
    return [*__all__, "__all__", "__doc__", "__version__"]
