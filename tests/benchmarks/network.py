"""The lecture's 20-line network, by hand, as a graph and with other libraries: one step, and 2,000 steps of training.

N, D_in, H, D_out = 64, 1000, 100, 10, standard normal data and weights, steps of w -= 1e-4 grad.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from gates import Sigmoid
from graph import ComputationalGraph
from losses import SquaredErrorLoss
from tests.benchmarks.engines import ARRAYS, engine
from tests.benchmarks.timing import Contender, Maker, Result, Section, race, relative_difference

N, D_IN, H, D_OUT = 64, 1000, 100, 10
RATE = 1e-4
STEPS = 2000
Network = Callable[[float], Iterator[Result]]  # given a rate, yields loss and gradients, and takes a step after each


def data() -> list[np.ndarray[Any, Any]]:
    """Return x, y, w1 and w2, the same each time."""
    random = np.random.default_rng(0)
    return [random.normal(size=shape) for shape in ((N, D_IN), (N, D_OUT), (D_IN, H), (H, D_OUT))]


def by_hand(rate: float = RATE) -> Iterator[Result]:
    """The lecture's code."""
    x, y, w1, w2 = data()
    while True:
        h = 1 / (1 + np.exp(-x.dot(w1)))
        y_pred = h.dot(w2)
        loss = np.square(y_pred - y).sum()
        grad_y_pred = 2.0 * (y_pred - y)
        grad_w2 = h.T.dot(grad_y_pred)
        grad_h = grad_y_pred.dot(w2.T)
        grad_w1 = x.T.dot(grad_h * h * (1 - h))
        yield float(loss), {"w1": grad_w1, "w2": grad_w2}
        if rate:
            w1 -= rate * grad_w1
            w2 -= rate * grad_w2


def with_gategraph(rate: float = RATE, name: str = "plain") -> Iterator[Result]:
    """The same as a graph of gates, run by one of its engines."""
    x, y, w1, w2 = on_jax(data()) if name == "jax" else data()
    graph = ComputationalGraph()
    X, target = graph.input("x", grad=False), graph.input("y", grad=False)
    h = graph.add(Sigmoid(), X @ graph.parameter("w1", w1), name="h")
    graph.add(SquaredErrorLoss(), h @ graph.parameter("w2", w2), target, name="loss")
    run = engine(graph, name)
    while True:
        loss, gradients = run({"x": x, "y": y})
        yield loss, gradients
        if rate:
            for weights, gradient in gradients.items():
                graph.parameters[weights] -= rate * gradient


def on_jax(arrays: list[np.ndarray[Any, Any]]) -> list[Any]:
    """Return arrays as JAX's."""
    import jax.numpy as jnp

    return list(map(jnp.asarray, arrays))


def with_autograd(rate: float = RATE) -> Iterator[Result]:
    """The same with autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    def loss_of(weights: Any) -> Any:
        h = 1 / (1 + anp.exp(-anp.dot(x, weights[0])))
        return anp.sum(anp.square(anp.dot(h, weights[1]) - y))

    x, y, w1, w2 = data()
    passes = value_and_grad(loss_of)
    while True:
        loss, (grad_w1, grad_w2) = passes((w1, w2))
        yield float(loss), {"w1": grad_w1, "w2": grad_w2}
        if rate:
            w1 -= rate * grad_w1
            w2 -= rate * grad_w2


def with_mygrad(rate: float = RATE) -> Iterator[Result]:
    """The same with MyGrad."""
    import mygrad as mg

    x, y, w1, w2 = data()
    a, b = mg.tensor(w1), mg.tensor(w2)
    while True:
        h = 1 / (1 + mg.exp(-mg.matmul(x, a)))
        loss = mg.sum(mg.square(mg.matmul(h, b) - y))
        loss.backward()
        yield float(loss.data), {"w1": a.grad, "w2": b.grad}
        if rate:
            a.data -= rate * a.grad
            b.data -= rate * b.grad


def with_torch(rate: float = RATE) -> Iterator[Result]:
    """The same with PyTorch."""
    import torch

    x, y, w1, w2 = map(torch.from_numpy, data())
    w1.requires_grad_()
    w2.requires_grad_()
    while True:
        loss = (torch.sigmoid(x @ w1) @ w2 - y).square().sum()
        loss.backward()
        yield loss.item(), {"w1": w1.grad, "w2": w2.grad}
        with torch.no_grad():
            for w in (w1, w2):
                if rate:
                    w -= rate * w.grad
                w.grad = None


def with_jax(rate: float = RATE) -> Iterator[Result]:
    """The same with JAX, compiled."""
    import jax

    def loss_of(weights: Mapping[str, Any], x: Any, y: Any) -> Any:
        h = jax.nn.sigmoid(x @ weights["w1"])
        return jax.numpy.square(h @ weights["w2"] - y).sum()

    @jax.jit
    def stepped(weights: Mapping[str, Any], gradients: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: weights[name] - rate * gradients[name] for name in weights}

    x, y, w1, w2 = on_jax(data())
    weights: Mapping[str, Any] = {"w1": w1, "w2": w2}
    passes = jax.jit(jax.value_and_grad(loss_of))
    while True:
        loss, gradients = jax.block_until_ready(passes(weights, x, y))
        yield loss, gradients
        if rate:
            weights = stepped(weights, gradients)


NETWORKS: dict[str, Network] = {
    "by hand, NumPy": by_hand,
    **{f"gategraph, {name}": partial(with_gategraph, name=name) for name in ARRAYS},
    "autograd": with_autograd,
    "mygrad": with_mygrad,
    "torch": with_torch,
    "jax, jit": with_jax,
}


def losses_of(network: Network, steps: int) -> np.ndarray[Any, Any]:
    """Return the loss at every step."""
    return np.array([loss for loss, _ in islice(network(RATE), steps)])


def sections(runs: int) -> list[Section]:
    """Return both parts of the table: one step again and again, and steps of training."""
    sizes = f"N, D_in, H, D_out = {N}, {D_IN}, {H}, {D_OUT}"
    one: dict[str, Maker] = {name: partial(contender, network, 0.0, []) for name, network in NETWORKS.items()}
    losses: dict[str, list[Any]] = {name: [] for name in NETWORKS}
    many: dict[str, Maker] = {name: partial(contender, NETWORKS[name], RATE, losses[name]) for name in NETWORKS}
    step = race(f"network: the lecture's 20 lines, {sizes}; value and 2 gradients", one, runs)
    training = race(f"network: {STEPS // runs * runs:,} steps of training, a step", many, runs, STEPS // runs)
    right = losses["by hand, NumPy"]
    differences = {name: relative_losses(losses[name], right) for name in training.rows}
    training.title += f"; all losses within {max(differences.values()):.0e} of those by hand"
    return [step, training]


def contender(network: Network, rate: float, losses: list[Any]) -> Contender:
    """Return a network as a contender, which notes the losses."""
    going = network(rate)

    def step() -> Result:
        result = next(going)
        losses.append(result[0])
        return result

    return Contender(step)


def relative_losses(losses: list[Any], right: list[Any]) -> float:
    """Return the largest difference of two lists of losses, each as a share of the right loss."""
    return max(relative_difference(loss, other) for loss, other in zip(losses, right, strict=True))
