"""The graphs on which all engines are held to the same laws, each with inputs and an upstream gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates import Add, Copy, Exp, MatMul, Max, Maxout, Multiply, Neuron, Power, Scale, Sigmoid, Tanh
from graph import ComputationalGraph
from losses import SVMLoss
from tests.circuits import (
    CIRCUIT_1,
    CIRCUIT_2,
    STAGED,
    batch,
    circuit_1,
    circuit_2,
    forked,
    network,
    random_circuit,
    staged,
)
from tests.own_gates import Blocked, Clip, Cube, Stranger


@dataclass
class Circuit:
    """A graph to run.

    Attributes
    ----------
    make : callable
        Returns the graph, a new one each time.
    inputs : callable
        Returns its inputs, the same each time.
    upstream : number or array
        The upstream gradient; None for 1.
    numbers : bool
        Whether everything in it is a number.
    traceable : bool
        Whether all its gates are, for JAX and for generated code.
    """

    make: Callable[[], ComputationalGraph]
    inputs: Callable[[], dict[str, Any]]
    upstream: Any = None
    numbers: bool = True
    traceable: bool = True


def nested() -> ComputationalGraph:
    """Return a graph with a graph in a graph in it, which share a parameter with it."""
    inner = ComputationalGraph()
    u, v = inner.inputs("u", "v")
    inner.output = u * inner.parameter("w", 3.0) + v * u
    middle = ComputationalGraph()
    s = middle.input("s")
    middle.add(Multiply(), middle.add(inner.as_gate(), s, s + 1), middle.parameter("k", -2.0), name="scaled")
    graph = ComputationalGraph()
    x = graph.input("x")
    first = graph.add(middle.as_gate(), np.tanh(x))
    graph.add(Add(), first, graph.add(inner.as_gate(), x, first), name="total")
    return graph


def own_gates() -> ComputationalGraph:
    """Return a circuit with gates that a user has written."""
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    clipped = graph.add(Clip(), x * y, name="clipped")
    return_value = graph.add(Cube(), clipped) + graph.add(Stranger(), y, name="sine") * clipped
    graph.output = return_value
    return graph


def blocked() -> ComputationalGraph:
    """Return a circuit in which a gate lets no gradient through, behind which a slope is infinite."""
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    graph.output = graph.add(Blocked(), np.sqrt(x)) * y
    return graph


def ignoring() -> ComputationalGraph:
    """Return a circuit with a nested graph that ignores an input and a parameter, behind which a slope is infinite."""
    inner = ComputationalGraph()
    inner.input("a")
    w = inner.parameter("w", 2.0)
    inner.output = inner.parameter("k", 3.0) * inner.input("b")
    np.log(w)
    graph = ComputationalGraph()
    x = graph.input("x")
    used = graph.add(inner.as_gate(), np.log(x), graph.input("y"))
    graph.output = used * graph.add(Scale(-1.0), graph.input("z"))
    return graph


def unneeded(width: int = 60) -> ComputationalGraph:
    """Return a circuit with many gates that the output does not need, some of which read it; slopes are infinite."""
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    outside = graph.parameter("outside", 0.0)
    total = x
    for place in range(width):
        np.sqrt(np.log(outside * x) + place)
        total = total + np.tanh(y * float(place))
    for place in range(width):
        np.sqrt(total - total + float(place))
        graph.add(Copy(2), total)
    graph.output = total
    return graph


def odd_names() -> ComputationalGraph:
    """Return a circuit whose names are keywords, no identifiers, or taken by generated code."""
    graph = ComputationalGraph()
    names = ["class", "x y", "x_y", "3", "d3", "math", "self", "v_3", 'a"""\nb', "\u00e9", "float", "_run", "value"]
    wires = graph.inputs(*names)
    total = wires[0]
    for place, wire in enumerate(wires[1:]):
        total = graph.add(Multiply(), total, np.exp(wire), name=f"import {place}" if place else "exp")
    graph.output = total
    return graph


def wide(generations: int = 6, width: int = 60, seed: int = 0) -> ComputationalGraph:
    """Return a circuit of generations of many gates, of all kinds of settings, with a narrow part before and after."""
    random = np.random.default_rng(seed)
    graph = ComputationalGraph()
    x, y = graph.inputs("x", "y")
    narrow = x
    for _ in range(3):
        narrow = np.tanh(narrow * y + 0.25)
    wires = [x, y, narrow] + [graph.parameter(f"p{place}", float(random.normal())) for place in range(20)]
    makers: list[Callable[[], Any]] = [
        Add,
        Multiply,
        Max,
        Tanh,
        Sigmoid,
        lambda: Scale(float(random.uniform(-1, 1))),
        lambda: Power(float(random.integers(1, 4))),
        lambda: Copy(2),
        Cube,
    ]
    for generation in range(generations):
        made: list[Any] = []
        while len(made) < width:
            gate = makers[random.integers(len(makers))]() if generation or len(made) % 3 else Tanh()
            count = 2 if isinstance(gate, (Add, Multiply, Max)) else 1
            outputs = graph.add(gate, *[wires[random.integers(len(wires))] for _ in range(count)])
            made += outputs if isinstance(outputs, tuple) else [outputs]
        wires = [*made, narrow, x]
    total = wires[0]
    for wire in wires[1:]:
        total = total + np.tanh(wire)
    return graph


def moons(points: int = 6) -> ComputationalGraph:
    """Return a small network of scalar gates with a hinge loss of several examples."""
    random = np.random.default_rng(0)
    graph = ComputationalGraph()
    weights = [[graph.parameter(f"w{unit}_{place}", float(random.normal())) for place in range(3)] for unit in range(8)]
    last = [graph.parameter(f"v{unit}", float(random.normal())) for unit in range(8)]
    losses = []
    for example in range(points):
        a, b = (graph.constant(float(number)) for number in random.normal(size=2))
        hidden = [np.maximum(a * w[0] + b * w[1] + w[2], 0.0) for w in weights]
        score = hidden[0] * last[0]
        for unit, weight in zip(hidden[1:], last[1:]):
            score = score + unit * weight
        losses.append(np.maximum(1.0 - (1.0 if example % 2 else -1.0) * score, 0.0))
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    graph.output = total * (1.0 / points)
    return graph


def broadcasts() -> ComputationalGraph:
    """Return a graph of arrays, each of which is stretched, transposed, reshaped, copied or summed somewhere."""
    graph = ComputationalGraph()
    x, y, scale = graph.inputs("x", "y", "scale")
    constant = graph.constant([[1.0], [2.0], [3.0]], name="column")
    left, right = graph.add(Copy(2), x * y + constant)
    product = graph.add(MatMul(), left.T, np.exp(right) * scale)
    graph.output = (
        product.reshape(2, -1).mean(axis=0, keepdims=True) + graph.constant([4.0, 5.0, 6.0, 7.0, 8.0] * 8).sum()
    )
    return graph


def several() -> ComputationalGraph:
    """Return a graph with the gates that are made of several, and a loss of labels that are a constant."""
    graph = ComputationalGraph()
    x = graph.input("x")
    hidden = graph.add(
        Maxout(), x, *[graph.parameter(name, value) for name, value in zip(("W1", "b1", "W2", "b2"), _maxout())]
    )
    rate = graph.add(Neuron(), hidden, graph.parameter("weights", [0.5, -1.0, 0.25]), graph.parameter("bias", 0.1))
    scores = hidden * rate.reshape(4, 1)
    graph.add(SVMLoss(), scores, graph.constant(np.array([0, 2, 1, 1])), name="loss")
    return graph


def _maxout() -> list[Any]:
    """Return the weights of a maxout layer."""
    random = np.random.default_rng(1)
    return [random.normal(size=shape) for shape in ((2, 3), 3, (2, 3), 3)]


def _drawn(**shapes: tuple[int, ...]) -> dict[str, Any]:
    """Return normal arrays, or a number for the shape ()."""
    random = np.random.default_rng(2)
    return {name: random.normal(size=shape) if shape else 0.75 for name, shape in shapes.items()}


CIRCUITS = {
    "lecture 1": Circuit(circuit_1, lambda: CIRCUIT_1),
    "lecture 2": Circuit(circuit_2, lambda: CIRCUIT_2),
    "staged": Circuit(staged, lambda: STAGED, upstream=-2.5),
    "forked": Circuit(forked, lambda: {"x": 2, "y": 3}),
    "one input": Circuit(lambda: ComputationalGraph.from_expression("x"), lambda: {"x": 3}),
    "only a sum": Circuit(lambda: ComputationalGraph.from_expression("x + x"), lambda: {"x": 3}),
    "saturated": Circuit(circuit_2, lambda: {**CIRCUIT_2, "w0": 500}),
    "overflowing": Circuit(circuit_2, lambda: {**CIRCUIT_2, "w0": 1000}),
    "at the poles": Circuit(
        lambda: ComputationalGraph.from_expression("1 / x + log(y) + sqrt(z) + y**-1.5 + exp(w) + x / y"),
        lambda: {"x": 0.0, "y": 0.0, "z": -1.0, "w": 1e4},
    ),
    "nested": Circuit(nested, lambda: {"x": 0.7}),
    "own gates": Circuit(own_gates, lambda: {"x": 0.3, "y": -0.8}, traceable=False),
    "own gates, cut off": Circuit(own_gates, lambda: {"x": 3.0, "y": 0.8}, traceable=False),
    "blocked": Circuit(blocked, lambda: {"x": 0.0, "y": 2.0}),
    "ignoring": Circuit(ignoring, lambda: {"x": 0.0, "y": -0.0, "z": 0.0}, upstream=-1.0),
    "unneeded": Circuit(unneeded, lambda: {"x": 0.5, "y": -0.25}),
    "odd names": Circuit(odd_names, lambda: dict.fromkeys(_names(odd_names()), 0.5)),
    "random": Circuit(lambda: random_circuit(60, 3)[0], lambda: random_circuit(60, 3)[1]),
    "wide": Circuit(wide, lambda: {"x": 0.4, "y": -0.3}, traceable=False),
    "moons": Circuit(moons, dict),
    "network": Circuit(network, batch, numbers=False),
    "broadcasts": Circuit(
        broadcasts, lambda: _drawn(x=(3, 4), y=(4,), scale=()), np.arange(1.0, 9.0).reshape(1, 8), numbers=False
    ),
    "several": Circuit(several, lambda: _drawn(x=(4, 2)), numbers=False),
    "float32": Circuit(
        lambda: ComputationalGraph.from_expression("tanh(x @ w) * y"),
        lambda: {name: np.asarray(x, dtype=np.float32) for name, x in _drawn(x=(3, 2), w=(2, 4), y=(1, 4)).items()},
        upstream=1.0,
        numbers=False,
    ),
    "an input that is the output": Circuit(
        lambda: _input_as_output(), lambda: _drawn(x=(3,)), upstream=np.array([1.0, 2.0, 3.0]), numbers=False
    ),
}


def _names(graph: ComputationalGraph) -> list[str]:
    """Return the names of a graph's inputs."""
    return [name for name, gate in graph.graph.nodes(data="gate") if type(gate).__name__ == "Input"]


def _input_as_output() -> ComputationalGraph:
    """Return a graph whose output is its input."""
    graph = ComputationalGraph()
    graph.output = graph.input("x")
    graph.add(Exp(), graph["x"])
    return graph
