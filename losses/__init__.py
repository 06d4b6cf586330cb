"""Losses: gates whose output is the number that training makes small."""

from losses.classification import SoftmaxLoss, SVMLoss
from losses.squares import L2Regularization, SquaredErrorLoss

__all__ = ["L2Regularization", "SVMLoss", "SoftmaxLoss", "SquaredErrorLoss"]
