"""Time and memory of the engine on large scalar graphs: `python -m tests.benchmarks.engine [gates]`.

Two tables. The first builds a random graph of 1,000,000 gates (or as many as asked for) beside networkx alone
with the same nodes and edges, each in a process of its own. The second runs both passes over circuits of
100,000 gates beside micrograd on the same circuit, in turns in one process.
"""

import multiprocessing
import random
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import networkx as nx

from gates import Add, Multiply, ReLU
from graph import ComputationalGraph

Circuit = list[tuple[str, int, int]]  # for each gate: what it is, and the numbers of the wires that it reads


def random_circuit(gates: int) -> Circuit:
    """Return sums of recent wires, products with an input below 1, and now and then a ReLU."""
    choose = random.Random(0)
    circuit = []
    for number in range(2, gates + 2):
        recent = choose.randrange(max(0, number - 50), number)
        kind = "relu" if number % 5 == 0 else "+*"[number % 2]
        circuit.append((kind, number - 1, 0 if kind == "*" else recent))
    return circuit


def chain(gates: int) -> Circuit:
    """Return a chain of sums and products with the two inputs in turn."""
    return [("+*"[number % 2], number - 1, number % 2) for number in range(2, gates + 2)]


def build(circuit: Circuit) -> ComputationalGraph:
    """Return the circuit as a graph."""
    graph = ComputationalGraph()
    wires: list[Any] = list(graph.inputs("x", "y"))
    for kind, left, right in circuit:
        if kind == "relu":
            wires.append(graph.add(ReLU(), wires[left]))
        else:
            wires.append(graph.add(Add() if kind == "+" else Multiply(), wires[left], wires[right]))
    return graph


def build_with_networkx(circuit: Circuit) -> nx.MultiDiGraph:
    """Return the same nodes and edges, with the same attributes, made with networkx alone."""
    graph = nx.MultiDiGraph()
    names = ["x", "y"]
    for name in names:
        graph.add_node(name, gate=object())
    for number, (kind, left, right) in enumerate(circuit):
        name = f"{kind}_{number}"
        names.append(name)
        graph.add_node(name, gate=object())
        for port, source in enumerate((left,) if kind == "relu" else (left, right)):
            graph.add_edge(names[source], name, key=port, source_port=0)
    return graph


def build_with_micrograd(circuit: Circuit) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return micrograd's two passes over the circuit; its forward pass builds the graph anew."""
    from micrograd.engine import Value

    wires: list[Any] = []

    def forward() -> None:
        wires[:] = [Value(0.5), Value(1.001)]
        for kind, left, right in circuit:
            if kind == "relu":
                wires.append(wires[left].relu())
            else:
                wires.append(wires[left] + wires[right] if kind == "+" else wires[left] * wires[right])

    return forward, lambda: wires[-1].backward()


def seconds(function: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure_networkx(gates: int) -> dict[str, float]:
    """Return the time and memory that networkx alone needs."""
    circuit = random_circuit(gates)
    before = peak_memory()
    kept: list[Any] = []
    build_time = seconds(lambda: kept.append(build_with_networkx(circuit)))
    return {"build": build_time, "memory": peak_memory() - before}


def measure_gategraph(gates: int) -> dict[str, float]:
    """Return the time and memory that the graph of gates needs."""
    circuit = random_circuit(gates)
    before = peak_memory()
    kept: list[ComputationalGraph] = []
    result = {"build": seconds(lambda: kept.append(build(circuit)))}
    graph = kept[0]
    result["memory"] = peak_memory() - before
    result["order"] = seconds(graph.nodes_topologically_sorted)
    result["order again"] = seconds(graph.nodes_topologically_sorted)
    for _ in range(2):
        result["forward"] = seconds(lambda: graph.forward(x=0.5, y=1.001))
        result["backward"] = seconds(graph.backward)
    result["print"] = seconds(lambda: str(graph))
    result["memory after both passes"] = peak_memory() - before
    return result


def peak_memory() -> float:
    """Return this process's largest memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def large_graph(gates: int) -> None:
    """Print the first table."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        rows = []
        for _ in range(3):
            alone = pool.apply(measure_networkx, (gates,))
            ours = pool.apply(measure_gategraph, (gates,))
            rows.append((alone, ours))
    middle = statistics.median
    print(f"a random graph of {gates:,} scalar gates, median of {len(rows)} runs in turns")
    print(f"{'':26}{'networkx':>10}{'gategraph':>11}{'ratio':>7}")
    for what, unit in (("build", "s"), ("memory", "MB")):
        alone, ours = (middle(row[side][what] for row in rows) for side in (0, 1))
        ratio = middle(row[1][what] / row[0][what] for row in rows)
        print(f"{what + ', ' + unit:26}{alone:10.2f}{ours:11.2f}{ratio:7.2f}")
    for what in ("order", "order again", "forward", "backward", "print", "memory after both passes"):
        unit = "MB" if "memory" in what else "s"
        print(f"{what + ', ' + unit:26}{'':10}{middle(row[1][what] for row in rows):11.2f}")


def both_passes(gates: int = 100_000, runs: int = 7) -> None:
    """Print the second table."""
    print(f"\nboth passes over {gates:,} scalar gates, microseconds a gate, median (and range) of {runs} runs in turns")
    print(f"{'circuit':10}{'gategraph':>22}{'micrograd':>22}{'micrograd / gategraph':>24}")
    for name, circuit in (("chain", chain(gates)), ("random", random_circuit(gates))):
        graph = build(circuit)
        try:
            forward, backward = build_with_micrograd(circuit)
        except ImportError:
            forward = backward = lambda: None
        ours, theirs = [], []
        inputs = {"x": 0.5, "y": 1.001}
        for _ in range(runs):
            ours.append(seconds(partial(graph.forward, inputs)) + seconds(graph.backward))
            theirs.append(seconds(forward) + seconds(backward))
        ratio = statistics.median(b / a for a, b in zip(ours, theirs))
        print(f"{name:10}{spread(ours, gates):>22}{spread(theirs, gates):>22}{ratio:24.1f}")


def spread(times: list[float], gates: int) -> str:
    """Return the median and the range of some times, in microseconds a gate."""
    low, middle, high = (1e6 * f(times) / gates for f in (min, statistics.median, max))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    large_graph(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 1_000_000)
    # micrograd's backward recurses over the graph: it needs a stack of its own for a circuit of this depth.
    sys.setrecursionlimit(10_000_000)
    threading.stack_size(1 << 30)
    thread = threading.Thread(target=both_passes)
    thread.start()
    thread.join()
