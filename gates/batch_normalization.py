"""Batch normalization: each channel gets the mean 0 and the variance 1, then is scaled and shifted."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from gates.gate import Gate
from gates.normalization import as_eps, check_scale
from gates.values import Value, as_flag, as_number, as_value, namespace, shape_of


class BatchNorm(Gate):
    """y = gamma * (x - mean) / sqrt(variance + eps) + beta, with the mean and the variance of each channel.

    `forward(x, gamma, beta)` takes x of shape (N, D), or (N, C, H, W), and gamma and beta of shape (D,) or (C,). In
    training, the mean and the variance are those of the minibatch, over all axes but the second. In evaluation, they
    are the running ones, which are the same for each minibatch.

    Parameters
    ----------
    eps : float
        What is added to the variance, so that nothing is divided by 0; at least 0.
    momentum : float
        The share of a minibatch in the running statistics, from 0 to 1:
        `running_mean = (1 - momentum) * running_mean + momentum * mean`, and likewise `running_var`.
    running_mean, running_var : array or None
        The running statistics. None, before the first pass in training, stands for means of 0 and variances of 1.
    training : bool
        Whether the statistics are those of the minibatch. It may be assigned: `gate.training = False`.

    Raises
    ------
    ValueError
        If a setting is out of range, the shapes do not fit, or a channel has a single number in training.

    Notes
    -----
    The variance of the minibatch is the mean of the m squared distances from the mean. The one that goes into
    `running_var` is their sum divided by m - 1, which on average is the variance of the data.

    Running statistics belong to the gate object whose forward runs in training. `graph.forward` and `train` run the
    graph's own gates and update them, in new arrays; the output does not depend on them then. `graph.evaluate`, checks,
    copies and engines run copies of the gate, with the statistics of the moment they were made: what these learn is
    lost with them, and does not touch the gate. An engine keeps the mode and the statistics that the gate had at its
    first call. Saved graphs keep both.

    In training, let u = x - mean, r = 1 / sqrt(variance + eps) and h = u * r, so that y = gamma * h + beta. Let "mean"
    stand for the mean over the m numbers of one channel. Go back from y:

    1. dbeta is the sum of dy, dgamma the sum of dy * h, over the numbers of the channel; dh = dy * gamma.
    2. Each x moves its own h, and through the mean and the variance those of all others in its channel.
    3. h = u * r: directly, du = dh * r; through r, which all m numbers share, dr = sum(dh * u).
    4. r = (variance + eps)**(-1/2): dvariance = -1/2 * r**3 * dr.
    5. variance = mean(u**2): each u gets another 2 * u / m * dvariance, which is -r * h * mean(dh * h).
    6. u = x - mean(x): dx = du - mean(du). Together, since the mean of h is 0:
       dx = r * (dh - mean(dh) - h * mean(dh * h)).

    In evaluation mean and variance are constants: only the direct way is left, dx = r * dh.

    References
    ----------
    Ioffe, Szegedy: Batch normalization, ICML 2015, https://arxiv.org/abs/1502.03167

    Examples
    --------
    >>> gate = BatchNorm(eps=0.0)
    >>> gate.forward([[1.0], [3.0]], [10.0], [5.0])
    array([[-5.],
           [15.]])
    >>> gate.backward([[1.0], [1.0]])
    [array([[0.],
           [0.]]), array([0.]), array([2.])]
    >>> gate.running_mean, gate.running_var  # 0.9 * 0 + 0.1 * 2 and 0.9 * 1 + 0.1 * 2
    (array([0.2]), array([1.1]))
    >>> gate.training = False
    >>> gate.forward([[0.2]], [10.0], [5.0])
    array([[5.]])
    """

    notation = ("y = batch_norm(x, gamma, beta)",)
    training_state = ("running_mean", "running_var")

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float = 0.1,
        running_mean: Value | None = None,
        running_var: Value | None = None,
        training: bool = True,
    ) -> None:
        self.eps = as_eps(eps, "BatchNorm")
        self.momentum = as_number(momentum, "BatchNorm: momentum")
        if not 0.0 <= self.momentum <= 1.0:
            raise ValueError(f"BatchNorm: momentum must be from 0 to 1, got {self.momentum}")
        self.running_mean = _statistics(running_mean, "running_mean")
        self.running_var = _statistics(running_var, "running_var")
        self.training = as_flag(training, "BatchNorm: training")

    def check(self, x: Value, gamma: Value, beta: Value) -> None:
        shape = shape_of(x)
        check_scale(x, gamma, beta, "(N, C, ...)", shape[1] if len(shape) > 1 else None)
        for name in self.training_state:
            running = getattr(self, name)
            if running is not None and np.shape(running) != shape[1:2]:
                raise ValueError(f"{name} is of {np.size(running)} channels, got x of shape {shape}")
        if self.training and math.prod(shape) // shape[1] < 2:
            raise ValueError(f"in training x must have 2 or more numbers for each channel, got the shape {shape}")

    def forward(self, x: Value, gamma: Value, beta: Value) -> Value:
        xp, axes, per_channel = self._layout(x)
        if self.training:
            mean = xp.mean(x, axis=axes, keepdims=True)
            u = x - mean
            variance = xp.mean(u * u, axis=axes, keepdims=True)
            self._learn(x, mean, variance)
        else:
            u = x - xp.reshape(_running(self.running_mean, 0.0, x), per_channel)
            variance = xp.reshape(_running(self.running_var, 1.0, x), per_channel)
        r = 1.0 / xp.sqrt(variance + self.eps)
        h = u * r
        self.kept = h, r, gamma, self.training
        return xp.reshape(gamma, per_channel) * h + xp.reshape(beta, per_channel)

    def backward(self, dy: Value) -> list[Value]:
        h, r, gamma, is_of_batch = self.kept
        want_x, want_gamma, want_beta = self.wanted
        xp, axes, per_channel = self._layout(h)
        dx = None
        if want_x:
            dx = dh = dy * xp.reshape(gamma, per_channel)
            if is_of_batch:
                along_h = xp.mean(dh * h, axis=axes, keepdims=True)
                dx = dh - xp.mean(dh, axis=axes, keepdims=True) - h * along_h
            dx = r * dx
        return [
            dx,
            xp.sum(dy * h, axis=axes) if want_gamma else None,
            xp.sum(dy, axis=axes) if want_beta else None,
        ]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield minibatches of vectors and of images, with as many channels as the running statistics have."""
        for shape in ((5, 3), (4, 2, 3, 2), (6, 1), (2, 3, 2, 2)):
            channels = shape[1] if self.running_mean is None else len(self.running_mean)
            x = random.normal(1.0, 2.0, (shape[0], channels, *shape[2:]))
            yield x, random.normal(size=channels), random.normal(size=channels)

    def _learn(self, x: Value, mean: Value, variance: Value) -> None:
        """Move the running statistics towards those of a minibatch."""
        share, channels, reshape = self.momentum, x.shape[1], namespace(x).reshape
        count = math.prod(x.shape) // channels
        unbiased = variance * (count / (count - 1))
        old_mean, old_var = _running(self.running_mean, 0.0, x), _running(self.running_var, 1.0, x)
        self.running_mean = (1.0 - share) * old_mean + share * reshape(mean, (channels,))
        self.running_var = (1.0 - share) * old_var + share * reshape(unbiased, (channels,))

    def _layout(self, x: Value) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
        """Return the functions for x, the axes that are averaged over, and the shape of a number for each channel."""
        axes = (0, *range(2, x.ndim))
        return namespace(x), axes, tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))


def _statistics(given: Any, name: str) -> Value | None:
    """Return running statistics as a vector or None, or raise ValueError if they are something else."""
    if given is None:
        return None
    statistics = as_value(given)
    if len(shape_of(statistics)) != 1:
        raise ValueError(f"BatchNorm: {name} must be a number for each channel, got the shape {shape_of(statistics)}")
    return statistics


def _running(statistics: Value | None, at_first: float, x: Value) -> Value:
    """Return running statistics as an array of the same library and dtype as x."""
    xp = namespace(x)
    if statistics is None:
        return xp.full((x.shape[1],), at_first, dtype=x.dtype)
    return xp.astype(xp.asarray(statistics), x.dtype)
