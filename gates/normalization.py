"""Layer normalization: each example gets the mean 0 and the variance 1, then is scaled and shifted."""

import math
from collections.abc import Iterator
from typing import Any

from gates.gate import Gate
from gates.values import Value, as_number, namespace, shape_of


class LayerNorm(Gate):
    """y = gamma * (x - mean) / sqrt(variance + eps) + beta, with the mean and the variance of each example.

    `forward(x, gamma, beta)` takes x of shape (..., D), and gamma and beta of shape (D,). It normalizes over the last
    axis. The variance is the mean of the squared distances from the mean.

    Parameters
    ----------
    eps : float
        What is added to the variance, so that nothing is divided by 0; at least 0.

    Raises
    ------
    ValueError
        If eps is negative, or the shapes do not fit.

    Notes
    -----
    Let u = x - mean and r = 1 / sqrt(variance + eps), so that h = u * r is x normalized, and y = gamma * h + beta. Let
    "mean" stand for the mean over the D numbers of one example. Go back from y:

    1. beta is added to each example: dbeta is the sum of dy over the examples.
    2. gamma is multiplied by h: dgamma is the sum of dy * h over the examples.
    3. Likewise dh = dy * gamma.
    4. h = u * r has two branches. Along the first, du = dh * r. Along the second, dr = sum(dh * u): a sum, since one r
       is used D times.
    5. r is (variance + eps) to the power -1/2, so that dvariance = -1/2 * r**3 * dr.
    6. variance = mean(u**2), so that each u gets another 2 * u / D * dvariance. With u = h / r this is
       -r * h * mean(dh * h).
    7. Both branches together: du = r * (dh - h * mean(dh * h)).
    8. u = x - mean(x): what raises all x alike changes no u. So dx = du - mean(du). Since the mean of h is 0, this is
       dx = r * (dh - mean(dh) - h * mean(dh * h)).

    So dx is dh without its part along (1, 1, ..., 1) and its part along h, the two directions in which x can move
    without moving h; this is exact for eps = 0.

    References
    ----------
    Ba, Kiros, Hinton: Layer normalization, 2016, https://arxiv.org/abs/1607.06450

    Examples
    --------
    >>> gate = LayerNorm(eps=0.0)
    >>> gate.forward([[1.0, 3.0]], [1.0, 10.0], [0.0, 5.0])
    array([[-1., 15.]])
    >>> gate.backward([[1.0, 1.0]])  # of two numbers, h is always -1 and 1
    [array([[0., 0.]]), array([-1.,  1.]), array([1., 1.])]
    """

    notation = ("y = layer_norm(x, gamma, beta)",)

    def __init__(self, eps: float = 1e-5) -> None:
        self.eps = as_eps(eps, "LayerNorm")

    def check(self, x: Value, gamma: Value, beta: Value) -> None:
        shape = shape_of(x)
        check_scale(x, gamma, beta, "(..., D)", shape[-1] if shape else None)

    def forward(self, x: Value, gamma: Value, beta: Value) -> Value:
        xp = namespace(x)
        u = x - xp.mean(x, axis=-1, keepdims=True)
        r = 1.0 / xp.sqrt(xp.mean(u * u, axis=-1, keepdims=True) + self.eps)
        h = u * r
        self.kept = h, r, gamma
        return gamma * h + beta

    def backward(self, dy: Value) -> list[Value]:
        h, r, gamma = self.kept
        want_x, want_gamma, want_beta = self.wanted
        mean, examples = namespace(h).mean, tuple(range(h.ndim - 1))
        dx = None
        if want_x:
            dh = dy * gamma
            dx = r * (dh - mean(dh, axis=-1, keepdims=True) - h * mean(dh * h, axis=-1, keepdims=True))
        return [
            dx,
            namespace(h).sum(dy * h, axis=examples) if want_gamma else None,
            namespace(h).sum(dy, axis=examples) if want_beta else None,
        ]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield examples of several sizes, with gamma and beta."""
        for shape in ((4, 5), (3,), (2, 3, 4), (3, 8)):
            yield random.normal(1.0, 2.0, shape), random.normal(size=shape[-1]), random.normal(size=shape[-1])


def as_eps(given: Any, who: str) -> float:
    """Return eps as a number, or raise ValueError if it is negative."""
    eps = as_number(given, f"{who}: eps")
    if not 0.0 <= eps < math.inf:
        raise ValueError(f"{who}: eps must be at least 0 and finite, got {eps}")
    return eps


def check_scale(x: Value, gamma: Value, beta: Value, wanted: str, length: int | None) -> None:
    """Raise ValueError unless gamma and beta have the length that x gives."""
    of_gamma, of_beta = shape_of(gamma), shape_of(beta)
    if not length or not of_gamma == of_beta == (length,):
        (letter,) = [name for name in wanted if name in "CD"]
        wanted = f"x, gamma and beta must have the shapes {wanted}, ({letter},) and ({letter},)"
        raise ValueError(f"{wanted}, with {letter} at least 1, got {shape_of(x)}, {of_gamma} and {of_beta}")
