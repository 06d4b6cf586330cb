"""An epoch of scikit-learn's 1,797 handwritten digits: a 64-100-10 network, softmax loss, minibatches of 64.

Each contender begins anew from the same weights with each call, and takes the minibatches in the same order. The
results compared are the mean loss of the epoch, and the weights after it.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from graph import ComputationalGraph, fully_connected, train
from tests.benchmarks.engines import ARRAYS, engine
from tests.benchmarks.timing import Contender, LeftOut, Maker, Result, Section, race

SIZES = [64, 100, 10]
BATCH = 64
RATE = 0.1

Weights = Mapping[str, Any]
Passes = Callable[[Weights, Any, Any], tuple[Any, Weights]]  # weights, pictures and digits to loss and gradients


@cache
def batches() -> list[tuple[Any, Any]]:
    """Return the minibatches, in a random order."""
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        raise LeftOut(f"{error.name} is not installed") from error
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    parts = np.split(order, range(BATCH, len(X), BATCH))
    return [(X[part] / 16.0, y[part]) for part in parts]


def build() -> ComputationalGraph:
    """Return the network as a graph."""
    return fully_connected(SIZES, seed=0)


def weights() -> dict[str, Any]:
    """Return the weights that all begin with, as new arrays."""
    return {name: np.array(value) for name, value in build().parameters.items()}


def epoch(passes: Passes, start: Weights, data: list[tuple[Any, Any]]) -> Result:
    """Run an epoch of plain gradient descent."""
    now, total = dict(start), 0.0
    for X, y in data:
        loss, gradients = passes(now, X, y)
        total += float(loss)
        for name in now:
            now[name] = now[name] - RATE * gradients[name]
    return total / len(data), now


def by_hand() -> Contender:
    """The epoch with NumPy."""

    def passes(w: Weights, X: Any, y: Any) -> tuple[Any, Weights]:
        rows = np.arange(len(X))
        h = np.maximum(0, X @ w["W1"] + w["b1"])
        scores = h @ w["W2"] + w["b2"]
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        sums = powers.sum(axis=1, keepdims=True)
        loss = np.mean(np.log(sums[:, 0]) - scores[rows, y])
        dscores = powers / sums
        dscores[rows, y] -= 1
        dscores /= len(X)
        dh = dscores @ w["W2"].T * (h > 0)
        return loss, {"W1": X.T @ dh, "b1": dh.sum(axis=0), "W2": h.T @ dscores, "b2": dscores.sum(axis=0)}

    return Contender(partial(epoch, passes, weights(), batches()))


def with_gategraph(name: str) -> Contender:
    """The epoch with one of gategraph's engines and the same loop, on arrays of its kind."""
    graph, data, start = build(), batches(), weights()

    def descended(w: Weights, gradients: Weights) -> Weights:
        return {name: w[name] - RATE * gradients[name] for name in w}

    if name == "jax":
        import jax
        import jax.numpy as jnp

        data = [(jnp.asarray(X), jnp.asarray(y)) for X, y in data]
        start = {name: jnp.asarray(value) for name, value in start.items()}
        descended = jax.jit(descended)
    run = engine(graph, name, wait=False)

    def step() -> Result:
        now, losses = start, []
        for X, y in data:
            graph.parameters.update(now)
            loss, gradients = run({"X": X, "y": y})
            losses.append(loss)
            now = descended(now, gradients)
        return sum(map(float, losses)) / len(data), now  # which waits for JAX

    return Contender(step)


def with_train() -> Contender:
    """The epoch with gategraph's own training, which also looks out for numbers that are not finite."""
    graph, start = build(), weights()
    data = [{"X": X, "y": y} for X, y in batches()]

    def step() -> Result:
        for name, value in start.items():
            graph.parameters[name] = value
        history = train(graph, data, learning_rate=RATE, epochs=1, progress=False)
        return sum(history.loss) / len(data), dict(graph.parameters)

    return Contender(step)


def with_autograd() -> Contender:
    """The epoch with autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.special import logsumexp

    def loss_of(w: Weights, X: Any, y: Any) -> Any:
        scores = anp.dot(anp.maximum(0, anp.dot(X, w["W1"]) + w["b1"]), w["W2"]) + w["b2"]
        return anp.mean(logsumexp(scores, axis=1) - scores[np.arange(len(X)), y])

    return Contender(partial(epoch, value_and_grad(loss_of), weights(), batches()))


def with_mygrad() -> Contender:
    """The epoch with MyGrad."""
    import mygrad as mg
    from mygrad.nnet.losses import softmax_crossentropy

    def passes(w: Weights, X: Any, y: Any) -> tuple[Any, Weights]:
        t = {name: mg.tensor(value, copy=False) for name, value in w.items()}
        h = mg.maximum(0, mg.matmul(X, t["W1"]) + t["b1"])
        loss = softmax_crossentropy(mg.matmul(h, t["W2"]) + t["b2"], y)
        loss.backward()
        return loss.data, {name: tensor.grad for name, tensor in t.items()}

    return Contender(partial(epoch, passes, weights(), batches()))


def with_torch() -> Contender:
    """The epoch with PyTorch: its own loss, and steps in place."""
    import torch
    from torch.nn.functional import cross_entropy

    data = [(torch.tensor(X), torch.tensor(y)) for X, y in batches()]
    start = {name: torch.tensor(value) for name, value in weights().items()}

    def step() -> Result:
        w = {name: value.clone().requires_grad_() for name, value in start.items()}
        total = 0.0
        for X, y in data:
            loss = cross_entropy(torch.relu(X @ w["W1"] + w["b1"]) @ w["W2"] + w["b2"], y)
            total += loss.item()
            gradients = torch.autograd.grad(loss, list(w.values()))
            with torch.no_grad():
                for value, gradient in zip(w.values(), gradients):
                    value -= RATE * gradient
        return total / len(data), {name: value.detach() for name, value in w.items()}

    return Contender(step)


def with_jax() -> Contender:
    """The epoch with JAX: a step, the new weights included, is compiled."""
    import jax
    import jax.numpy as jnp

    def loss_of(w: Weights, X: Any, y: Any) -> Any:
        scores = jnp.maximum(0, X @ w["W1"] + w["b1"]) @ w["W2"] + w["b2"]
        return jnp.mean(jax.nn.logsumexp(scores, axis=1) - scores[jnp.arange(len(X)), y])

    @jax.jit
    def descend(w: Weights, X: Any, y: Any) -> tuple[Any, Weights]:
        loss, gradients = jax.value_and_grad(loss_of)(w, X, y)
        return loss, {name: w[name] - RATE * gradients[name] for name in w}

    data = [(jnp.asarray(X), jnp.asarray(y)) for X, y in batches()]
    start = {name: jnp.asarray(value) for name, value in weights().items()}

    def step() -> Result:
        w, losses = start, []
        for X, y in data:
            loss, w = descend(w, X, y)
            losses.append(loss)
        return sum(map(float, losses)) / len(data), jax.block_until_ready(w)

    return Contender(step)


def sections(runs: int) -> list[Section]:
    """Return the part of the table."""
    makers: dict[str, Maker] = {
        "by hand, NumPy": by_hand,
        **{f"gategraph, {name}": partial(with_gategraph, name) for name in ARRAYS},
        "gategraph, train()": with_train,
        "autograd": with_autograd,
        "mygrad": with_mygrad,
        "torch": with_torch,
        "jax, jit": with_jax,
    }
    layers = "-".join(map(str, SIZES))
    return [race(f"digits: an epoch of 1,797 digits, {layers} network, minibatches of {BATCH}", makers, runs)]
