"""Losses: gates whose output is the number that training minimizes."""

from gates import __version__ as __version__
from losses.binary import BinaryCrossEntropyLoss
from losses.classification import SoftmaxLoss, SVMLoss
from losses.squares import L2Regularization, MeanSquaredErrorLoss, SquaredErrorLoss

__all__ = [
    "BinaryCrossEntropyLoss",
    "L2Regularization",
    "MeanSquaredErrorLoss",
    "SVMLoss",
    "SoftmaxLoss",
    "SquaredErrorLoss",
]


def __dir__() -> list[str]:
    return [*__all__, "__all__", "__doc__", "__version__"]
