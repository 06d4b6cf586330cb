"""The lecture's 20-line network, by hand and with a graph: `python -m tests.benchmarks.lecture_network [steps]`.

N, D_in, H, D_out = 64, 1000, 100, 10, standard normal data and weights, 2000 steps of w -= 1e-4 grad. It prints
the losses' largest relative difference from the hand-written code, and the time of a step beside it, with
autograd, MyGrad and PyTorch where they are installed: medians of runs in turns, one thread each.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import islice
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from gates import Sigmoid
from graph import ComputationalGraph
from losses import SquaredErrorLoss

N, D_IN, H, D_OUT = 64, 1000, 100, 10
RATE = 1e-4
Network = Callable[[], Iterator[float]]


def data() -> list[np.ndarray[Any, Any]]:
    """Return x, y, w1 and w2, the same each time."""
    random = np.random.default_rng(0)
    return [random.normal(size=shape) for shape in ((N, D_IN), (N, D_OUT), (D_IN, H), (H, D_OUT))]


def by_hand() -> Iterator[float]:
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
        w1 -= RATE * grad_w1
        w2 -= RATE * grad_w2
        yield float(loss)


def with_gategraph() -> Iterator[float]:
    """The same as a graph of gates, with its plain passes."""
    x, y, w1, w2 = data()
    graph = ComputationalGraph()
    X, target = graph.input("x", grad=False), graph.input("y", grad=False)
    h = graph.add(Sigmoid(), X @ graph.parameter("w1", w1), name="h")
    graph.add(SquaredErrorLoss(), h @ graph.parameter("w2", w2), target, name="loss")
    while True:
        loss = graph.forward(x=x, y=y)
        gradients = graph.backward()
        w1 -= RATE * gradients["w1"]
        w2 -= RATE * gradients["w2"]
        yield loss


def with_autograd() -> Iterator[float]:
    """The same with autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    def loss_of(weights: Any) -> Any:
        h = 1 / (1 + anp.exp(-anp.dot(x, weights[0])))
        return anp.sum(anp.square(anp.dot(h, weights[1]) - y))

    x, y, w1, w2 = data()
    step = value_and_grad(loss_of)
    while True:
        loss, (grad_w1, grad_w2) = step((w1, w2))
        w1 -= RATE * grad_w1
        w2 -= RATE * grad_w2
        yield float(loss)


def with_mygrad() -> Iterator[float]:
    """The same with MyGrad."""
    import mygrad as mg

    x, y, w1, w2 = data()
    a, b = mg.tensor(w1), mg.tensor(w2)
    while True:
        h = 1 / (1 + mg.exp(-mg.matmul(x, a)))
        loss = mg.sum(mg.square(mg.matmul(h, b) - y))
        loss.backward()
        a.data -= RATE * a.grad
        b.data -= RATE * b.grad
        yield float(loss.data)


def with_torch() -> Iterator[float]:
    """The same with PyTorch."""
    import torch

    torch.set_num_threads(1)
    x, y, w1, w2 = map(torch.from_numpy, data())
    w1.requires_grad_()
    w2.requires_grad_()
    while True:
        loss = (torch.sigmoid(x @ w1) @ w2 - y).square().sum()
        loss.backward()
        with torch.no_grad():
            for w in (w1, w2):
                w -= RATE * w.grad
                w.grad = None
        yield loss.item()


NETWORKS: dict[str, Network] = {
    "numpy": by_hand,
    "gategraph": with_gategraph,
    "autograd": with_autograd,
    "mygrad": with_mygrad,
    "torch": with_torch,
}


def losses_of(network: Network, steps: int) -> np.ndarray[Any, Any]:
    """Return the loss at every step."""
    return np.array(list(islice(network(), steps)))


def installed() -> dict[str, Network]:
    """Return the networks whose library is installed."""
    found = {}
    for name, network in NETWORKS.items():
        try:
            next(network())
        except ImportError:
            continue
        found[name] = network
    return found


def main(steps: int, runs: int = 40) -> None:
    """Print the table. A run is a share of the steps, taken by each network in turn."""
    networks = installed()
    share = max(steps // runs, 1)
    going = {name: network() for name, network in networks.items()}
    losses: dict[str, list[float]] = {name: [] for name in networks}
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(runs):
        for name, network in going.items():
            start = time.perf_counter()
            losses[name] += islice(network, share)
            seconds[name].append((time.perf_counter() - start) / share)
    print(f"N, D_in, H, D_out = {N}, {D_IN}, {H}, {D_OUT}; {share * runs:,} steps, {runs} runs of {share} in turns")
    print(f"{'':22}{'ms a step':>10}{'(range)':>18}{'by hand = 1':>13}{'(range)':>16}  {'losses differ by':>16}")
    for name in networks:
        label = "gategraph" if name == "gategraph" else f"{name} {version(name)}"
        label += ", by hand" * (name == "numpy")
        times = [1e3 * t for t in seconds[name]]
        ratios = [t / hand for t, hand in zip(seconds[name], seconds["numpy"])]
        difference = float(np.max(np.abs(np.divide(losses[name], losses["numpy"]) - 1)))
        print(
            f"{label:22}{statistics.median(times):10.3f}{f'{min(times):.3f} to {max(times):.3f}':>18}"
            f"{statistics.median(ratios):13.3f}{f'{min(ratios):.2f} to {max(ratios):.2f}':>16}  {difference:16.1e}"
        )


if __name__ == "__main__":
    with threadpool_limits(1):
        main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 2000)
