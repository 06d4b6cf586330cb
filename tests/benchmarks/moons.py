"""micrograd's own demonstration, number by number: a 2-16-16-1 network with a max-margin loss on 100 points.

Each gate is one of numbers, in micrograd's order of operations. The code by hand computes the same with arrays.
"""

import random
from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np

from gates import ReLU
from graph import ComputationalGraph
from tests.benchmarks.engines import NUMBERS, with_engines
from tests.benchmarks.large_circuits import passes_of_casadi
from tests.benchmarks.timing import Contender, LeftOut, Maker, Result, Section, race

SIZES = [2, 16, 16, 1]
ALPHA = 1e-4

Numbers = Mapping[str, Any]


@cache
def data() -> tuple[list[list[float]], list[float]]:
    """Return 100 points on two half moons, and for each the moon that it is on, -1 or 1."""
    try:
        from sklearn.datasets import make_moons
    except ModuleNotFoundError as error:
        raise LeftOut(f"{error.name} is not installed") from error
    X, y = make_moons(100, noise=0.1, random_state=1337)
    return X.tolist(), (2.0 * y - 1.0).tolist()


@cache
def parameters() -> dict[str, float]:
    """Return the 337 parameters by name, neuron by neuron: its weights, from -1 to 1, and its bias, 0."""
    choose = random.Random(1337)
    numbers: dict[str, float] = {}
    for layer, (inputs, outputs) in enumerate(pairwise(SIZES), 1):
        for neuron in range(outputs):
            numbers |= {f"W{layer}[{k},{neuron}]": choose.uniform(-1, 1) for k in range(inputs)}
            numbers[f"b{layer}[{neuron}]"] = 0.0
    return numbers


def max_margin(p: Numbers, points: list[list[Any]], signs: list[Any], relu: Callable[[Any], Any]) -> Any:
    """Return the loss, with any library's numbers; `signs` are the labels' negatives."""
    data_loss: Any = None
    for values, sign in zip(points, signs):
        for layer, outputs in enumerate(SIZES[1:], 1):
            sums = []
            for neuron in range(outputs):
                total = p[f"b{layer}[{neuron}]"]
                for k, value in enumerate(values):
                    total = total + p[f"W{layer}[{k},{neuron}]"] * value
                sums.append(total)
            values = sums if layer == len(SIZES) - 1 else [relu(total) for total in sums]
        loss = relu(values[0] * sign + 1.0)
        data_loss = loss if data_loss is None else data_loss + loss
    squares: Any = None
    for number in p.values():
        square = number * number
        squares = square if squares is None else squares + square
    return data_loss * (1.0 / len(points)) + squares * ALPHA


def by_hand() -> Contender:
    """The same with NumPy's arrays."""
    points, labels = data()
    X, y = np.array(points), np.array(labels)[:, None]
    W1, W2, W3 = (
        np.array([[parameters()[f"W{layer}[{k},{neuron}]"] for neuron in range(outputs)] for k in range(inputs)])
        for layer, (inputs, outputs) in enumerate(pairwise(SIZES), 1)
    )
    b1, b2, b3 = (np.zeros(outputs) for outputs in SIZES[1:])

    def step() -> tuple[Any, dict[str, Any]]:
        h1 = np.maximum(0, X @ W1 + b1)
        h2 = np.maximum(0, h1 @ W2 + b2)
        margins = np.maximum(0, 1 - y * (h2 @ W3 + b3))
        squares = sum(np.square(p).sum() for p in (W1, b1, W2, b2, W3, b3))
        loss = margins.mean() + ALPHA * squares
        dscores = (margins > 0) * -y / len(X)
        dh2 = dscores @ W3.T * (h2 > 0)
        dh1 = dh2 @ W2.T * (h1 > 0)
        return loss, {
            "W1": X.T @ dh1 + 2 * ALPHA * W1,
            "b1": dh1.sum(axis=0) + 2 * ALPHA * b1,
            "W2": h1.T @ dh2 + 2 * ALPHA * W2,
            "b2": dh2.sum(axis=0) + 2 * ALPHA * b2,
            "W3": h2.T @ dscores + 2 * ALPHA * W3,
            "b3": dscores.sum(axis=0) + 2 * ALPHA * b3,
        }

    def read(result: Result) -> Result:
        value, arrays = result
        cells = [(name, place, cell) for name, array in arrays.items() for place, cell in np.ndenumerate(array)]
        return value, {f"{name}[{','.join(map(str, place))}]": cell for name, place, cell in cells}

    return Contender(step, read)


def build() -> ComputationalGraph:
    """Return the graph of scalar gates."""
    points, labels = data()
    graph = ComputationalGraph()
    wires = {name: graph.parameter(name, value) for name, value in parameters().items()}
    points_wires = [[graph.constant(value) for value in point] for point in points]
    signs = [graph.constant(-label) for label in labels]
    graph.output = max_margin(wires, points_wires, signs, lambda x: graph.add(ReLU(), x))
    return graph


def with_micrograd() -> Contender:
    """The same with micrograd's own network, which builds its graph anew in each forward pass."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    points, labels = data()
    model = MLP(SIZES[0], SIZES[1:])
    model_parameters = model.parameters()
    for parameter, value in zip(model_parameters, parameters().values()):
        parameter.data = value

    def step() -> Result:
        scores = [model([Value(value) for value in point]) for point in points]
        losses = [(1 + -label * score).relu() for label, score in zip(labels, scores)]
        loss = sum(losses) * (1.0 / len(losses)) + ALPHA * sum(p * p for p in model_parameters)
        model.zero_grad()
        loss.backward()
        return loss.data, {name: p.grad for name, p in zip(parameters(), model_parameters)}

    return Contender(step)


def with_autograd() -> Contender:
    """The same with autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    points, labels = data()
    signs = [-label for label in labels]
    names = list(parameters())
    passes = value_and_grad(
        lambda *numbers: max_margin(dict(zip(names, numbers)), points, signs, partial(anp.maximum, 0.0)),
        tuple(range(len(names))),
    )

    def step() -> Result:
        loss, gradients = passes(*parameters().values())
        return loss, dict(zip(names, gradients))

    return Contender(step)


def with_mygrad() -> Contender:
    """The same with MyGrad."""
    import mygrad as mg

    points, labels = data()
    signs = [-label for label in labels]
    numbers = {name: mg.tensor(value) for name, value in parameters().items()}

    def step() -> Result:
        loss = max_margin(numbers, points, signs, partial(mg.maximum, 0.0))
        loss.backward()
        return loss.data, {name: number.grad for name, number in numbers.items()}

    return Contender(step)


def with_casadi() -> Contender:
    """The same with CasADi's scalar expressions."""
    import casadi

    points, labels = data()
    x = casadi.SX.sym("x", len(parameters()))
    numbers = {name: x[place] for place, name in enumerate(parameters())}
    loss = max_margin(numbers, points, [-label for label in labels], partial(casadi.fmax, 0.0))
    return Contender(passes_of_casadi(x, loss, list(parameters()), list(parameters().values())))


def with_torch() -> Contender:
    """The same with PyTorch."""
    import torch

    points, labels = data()
    signs = [-label for label in labels]
    numbers = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in parameters().items()
    }
    leaves = list(numbers.values())

    def step() -> Result:
        loss = max_margin(numbers, points, signs, torch.relu)
        return loss.item(), dict(zip(numbers, torch.autograd.grad(loss, leaves)))

    return Contender(step)


def with_jax() -> Contender:
    """JAX would compile the same operation by operation: tried once, it was not done after six minutes."""
    raise LeftOut("takes minutes to compile so many operations on numbers")


def sections(runs: int) -> list[Section]:
    """Return the part of the table."""
    try:
        inputs, gates = len(parameters()) + 3 * len(data()[0]), len(build())
    except LeftOut as reason:
        return [Section("moons", {}, left_out=[str(reason)])]
    makers: dict[str, Maker] = {
        "by hand, NumPy": by_hand,
        **with_engines(build, {}, NUMBERS),
        "micrograd": with_micrograd,
        "autograd": with_autograd,
        "mygrad": with_mygrad,
        "torch": with_torch,
        "casadi": with_casadi,
        "jax, jit": with_jax,
    }
    what = f"{gates - inputs:,} gates on numbers; value and {len(parameters())} gradients"
    return [race(f"moons: micrograd's demonstration, {what}", makers, runs)]
