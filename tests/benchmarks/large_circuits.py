"""Large circuits of numbers: chains, random and wide ones, and their graphs with gategraph, networkx and micrograd."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import networkx as nx

from gates import Add, Gate, Max, Multiply, ReLU, Sigmoid, Tanh
from graph import ComputationalGraph

GATES: dict[str, type[Gate]] = {
    "+": Add,
    "*": Multiply,
    "max": Max,
    "relu": ReLU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
}
UNARY = {"relu", "sigmoid", "tanh"}  # these read their left wire only


@dataclass
class Circuit:
    """The inputs' values, and for each gate what it is and the numbers of the wires that it reads, inputs first."""

    inputs: list[float]
    gates: list[tuple[str, int, int]]

    def names(self) -> list[str]:
        """Return the names of the inputs."""
        return [f"x{number}" for number in range(len(self.inputs))]


def chain(gates: int) -> Circuit:
    """Return a chain of sums and products with the two inputs in turn."""
    return Circuit([0.5, 1.001], [("+*"[number % 2], number - 1, number % 2) for number in range(2, gates + 2)])


def random_circuit(gates: int) -> Circuit:
    """Return sums of recent wires, products with an input below 1, and now and then a ReLU."""
    choose = random.Random(0)
    circuit = []
    for number in range(2, gates + 2):
        recent = choose.randrange(max(0, number - 50), number)
        kind = "relu" if number % 5 == 0 else "+*"[number % 2]
        circuit.append((kind, number - 1, 0 if kind == "*" else recent))
    return Circuit([0.312, 1.001], circuit)  # with 0.312 the values stay from 1e-43 to 1e10 in 1,000,000 gates


def wide(gates: int, width: int = 5000) -> Circuit:
    """Return generations whose gates read random ones of the generation before, and a tree of sums below the last."""
    choose = random.Random(0)
    inputs = [choose.gauss(0, 1) for _ in range(100)]
    inputs[0] = 0.999
    circuit = []
    begin, end = 0, len(inputs)
    for _ in range(gates // width):
        for _ in range(width):
            kind = choose.choice(list(GATES))
            left, right = choose.randrange(begin, end), choose.randrange(begin, end)
            circuit.append((kind, left, 0 if kind == "*" else right))
        begin, end = end, end + width
    row = list(range(begin, end))
    while len(row) > 1:
        pairs = list(zip(row[::2], row[1::2]))
        circuit += [("+", left, right) for left, right in pairs]
        row = list(range(end, end + len(pairs))) + row[2 * len(pairs) :]
        end += len(pairs)
    return Circuit(inputs, circuit)


CIRCUITS: dict[str, Callable[[int], Circuit]] = {"chain": chain, "random": random_circuit, "wide": wide}


def build(circuit: Circuit) -> ComputationalGraph:
    """Return the circuit as a graph of gates."""
    graph = ComputationalGraph()
    wires: list[Any] = [graph.input(name) for name in circuit.names()]
    for kind, left, right in circuit.gates:
        sources = (wires[left],) if kind in UNARY else (wires[left], wires[right])
        wires.append(graph.add(GATES[kind](), *sources))
    return graph


def build_with_networkx(circuit: Circuit) -> nx.MultiDiGraph:
    """Return the same nodes and edges, with the same attributes, made with networkx alone."""
    graph = nx.MultiDiGraph()
    names = circuit.names()
    for name in names:
        graph.add_node(name, gate=object())
    for number, (kind, left, right) in enumerate(circuit.gates):
        name = f"{kind}_{number}"
        names.append(name)
        graph.add_node(name, gate=object())
        for port, source in enumerate((left,) if kind in UNARY else (left, right)):
            graph.add_edge(names[source], name, key=port, source_port=0)
    return graph


def build_with_casadi(circuit: Circuit) -> tuple[Any, Any]:
    """Return CasADi's inputs and expression of the output."""
    import casadi

    x = casadi.SX.sym("x", len(circuit.inputs))
    wires = [x[number] for number in range(len(circuit.inputs))]
    for kind, left, right in circuit.gates:
        wires.append(OF_CASADI[kind](casadi, wires[left], wires[right]))
    return x, wires[-1]


OF_CASADI: dict[str, Callable[[Any, Any, Any], Any]] = {
    "+": lambda casadi, x, y: x + y,
    "*": lambda casadi, x, y: x * y,
    "max": lambda casadi, x, y: casadi.fmax(x, y),
    "relu": lambda casadi, x, y: casadi.fmax(x, 0.0),
    "sigmoid": lambda casadi, x, y: 1.0 / (1.0 + casadi.exp(-x)),
    "tanh": lambda casadi, x, y: casadi.tanh(x),
}


def passes_of_casadi(x: Any, output: Any, names: list[str], inputs: list[float]) -> Callable[[], Any]:
    """Return CasADi's value and gradients of an expression, as its virtual machine computes them, without copies."""
    import casadi
    import numpy as np

    function = casadi.Function("passes", [x], [output, casadi.gradient(output, x)])
    buffer, run = function.buffer()
    given, value, gradient = np.array(inputs), np.zeros(1), np.zeros(len(inputs))
    buffer.set_arg(0, memoryview(given))
    buffer.set_res(0, memoryview(value))
    buffer.set_res(1, memoryview(gradient))

    kept = function, buffer, given  # CasADi holds their memory alone

    def both_passes() -> Any:
        assert kept
        run()
        return float(value[0]), dict(zip(names, gradient.tolist()))

    return both_passes


def passes_of_micrograd(circuit: Circuit) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return micrograd's two passes over a circuit without max, sigmoid and tanh; forward builds its graph anew."""
    from micrograd.engine import Value

    wires: list[Any] = []

    def forward() -> Any:
        wires[:] = map(Value, circuit.inputs)
        for kind, left, right in circuit.gates:
            if kind == "relu":
                wires.append(wires[left].relu())
            else:
                wires.append(wires[left] + wires[right] if kind == "+" else wires[left] * wires[right])
        return wires[-1].data

    def backward() -> dict[str, Any]:
        wires[-1].backward()
        return {name: wire.grad for name, wire in zip(circuit.names(), wires)}

    return forward, backward
