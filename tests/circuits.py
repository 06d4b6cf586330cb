"""The circuits that several tests share."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gates import Add, Copy, Multiply
from graph import ComputationalGraph, fully_connected
from graph.structure.wire import Wire

CIRCUIT_1 = {"x": -2, "y": 5, "z": -4}
CIRCUIT_2 = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}
STAGED = {"x": 3, "y": -4}

# by hand, as in the lecture: each wire's value, and its gradient
WIRES_1 = {"x": (-2, -4), "y": (5, -4), "z": (-4, 3), "q": (3, -4), "f": (-12, 1)}
# -1 / 1.37**2, and the sigmoid's (1 - 0.73) * 0.73
RECIPROCAL, SIGMOID = -0.5344466, 0.1966119
WIRES_2 = {
    "w0": (2, -SIGMOID),
    "x0": (-1, 2 * SIGMOID),
    "w1": (-3, -2 * SIGMOID),
    "x1": (-2, -3 * SIGMOID),
    "w2": (-3, SIGMOID),
    "multiply_1": (-2, SIGMOID),
    "multiply_2": (6, SIGMOID),
    "add_1": (4, SIGMOID),
    "add_2": (1, SIGMOID),
    "negative_1": (-1, -SIGMOID),
    "exp_1": (0.3678794, RECIPROCAL),
    "shift_1": (1.3678794, RECIPROCAL),
    "reciprocal_1": (0.7310586, 1),
}


def circuit_1() -> ComputationalGraph:
    """Return the lecture's first circuit, (x + y) z."""
    graph = ComputationalGraph()
    x, y, z = graph.inputs("x", "y", "z")
    graph.add(Multiply(), graph.add(Add(), x, y, name="q"), z, name="f")
    return graph


def after_both(graph: ComputationalGraph, inputs: Any, upstream: Any = None) -> ComputationalGraph:
    """Return a graph after both passes."""
    graph.forward(inputs)
    graph.backward(upstream)
    return graph


def circuit_2() -> ComputationalGraph:
    """Return the lecture's second circuit, the sigmoid neuron of primitive gates."""
    return ComputationalGraph.from_expression("1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))")


def staged() -> ComputationalGraph:
    """Return the example of staged computation."""
    return ComputationalGraph.from_expression("(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)")


def forked() -> ComputationalGraph:
    """Return a graph with a gate of two outputs, a wire that is read twice, and one that nothing needs."""
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    left, right = graph.add(Copy(2), x, name="fork")
    graph.add(Add(), x, y, name="unused")
    graph.output = left * right * 3 + x * x
    return graph


def network() -> ComputationalGraph:
    """Return a 3-layer network."""
    return fully_connected([4, 5, 6, 3], seed=0, regularization=0.1)


def batch() -> dict[str, np.ndarray]:
    """Return a minibatch for the network."""
    random = np.random.default_rng(0)
    return {"X": random.normal(size=(8, 4)), "y": random.integers(0, 3, 8)}


def random_circuit(gates: int, seed: int) -> tuple[ComputationalGraph, dict[str, float]]:
    """Return a circuit of scalar gates of several kinds that read wires at random, the last made most; and inputs."""
    random = np.random.default_rng(seed)
    graph = ComputationalGraph()
    wires = list(graph.inputs(*[f"x{place}" for place in range(6)]))
    makers: list[Callable[[Wire, Wire], Wire]] = [
        lambda a, b: a + b,
        lambda a, b: a * b,
        lambda a, b: np.tanh(a),
        lambda a, b: np.maximum(a, b),
        lambda a, b: a - b,
    ]
    for _ in range(gates):
        a, b = (wires[-1 - min(int(random.exponential(8)), len(wires) - 1)] for _ in range(2))
        wires.append(makers[random.integers(len(makers))](a, b))
    return graph, {f"x{place}": float(random.normal()) for place in range(6)}


#: Graphs to step through and to draw: functions that return one, and its inputs.
EXAMPLES: dict[str, Callable[[], tuple[ComputationalGraph, dict[str, Any]]]] = {
    "circuit 1": lambda: (circuit_1(), CIRCUIT_1),
    "circuit 2": lambda: (circuit_2(), CIRCUIT_2),
    "staged": lambda: (staged(), STAGED),
    "forked": lambda: (forked(), {"x": 3, "y": 1}),
    "network": lambda: (network(), batch()),
    "random 60": lambda: random_circuit(60, 0),
}
