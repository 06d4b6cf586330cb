"""Large graphs of numbers: what building one needs beside networkx alone, and both passes beside a loop by hand.

Each size is measured in processes of its own, since a process's largest memory never gets smaller.
"""

import importlib.util
import multiprocessing
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.engines import NUMBERS, engine
from tests.benchmarks.large_by_hand import Passes, in_a_loop, with_numba, with_numpy
from tests.benchmarks.large_circuits import (
    CIRCUITS,
    build,
    build_with_casadi,
    build_with_networkx,
    passes_of_casadi,
    passes_of_micrograd,
)
from tests.benchmarks.timing import Contender, LeftOut, Maker, Result, Section, race, timed

SIZES = [("chain", 10**n) for n in (3, 4, 5, 6)] + [("random", 10**n) for n in (3, 4, 5, 6)] + [("wide", 10**6)]
SLOW = 60.0  # seconds for both passes, from which on a contender is left out


class Halves:
    """Both passes as one step, with each forward pass also timed apart."""

    def __init__(self, passes: Passes) -> None:
        self.forward, self.backward = passes
        self.seconds: list[float] = []

    def __call__(self) -> Result:
        """Run both passes."""
        seconds, value = timed(self.forward)
        self.seconds.append(seconds)
        return value, self.backward()

    def forward_times(self, calls: int, runs: int) -> list[float]:
        """Return how long a forward pass took in each of the last runs."""
        last = self.seconds[-calls * runs :]
        return [sum(last[run * calls : (run + 1) * calls]) / calls for run in range(runs)]


def sections(runs: int) -> Any:
    """Yield the parts of the table."""
    for shape, gates in SIZES:
        yield from of_size(shape, gates, min(runs, 2) if gates >= 10**6 else runs)


def of_size(shape: str, gates: int, runs: int) -> list[Section]:
    """Return the parts of the table for one circuit."""
    title = f"large: {shape}, {gates:,} gates on numbers"
    makers = {"networkx alone": build_with_networkx, "gategraph": build}
    if importlib.util.find_spec("casadi"):
        makers["casadi"] = build_with_casadi
    building = Section(f"{title}: building it", {name: [] for name in makers})
    memory = Section(f"{title}: memory", {name: [] for name in makers} | {"gategraph, after both passes": []}, "MB")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as processes:
        for _ in range(runs):
            for name, make in makers.items():
                seconds, built, run = processes.submit(measure, make, shape, gates).result()
                building.rows[name].append(seconds)
                memory.rows[name].append(built)
                if make is build:
                    memory.rows["gategraph, after both passes"].append(run)
        both, forward, backward = processes.submit(in_deep_thread, both_passes, title, shape, gates, runs).result()
    for name, seconds in both.first_calls.items():
        if name.startswith(("gategraph", "casadi")):
            building.rows[f"{name}, first call"] = [seconds]
    return [building, memory, forward, backward, both]


def measure(make: Callable[[Any], Any], shape: str, gates: int) -> tuple[float, float, float]:
    """Return the seconds that building a graph takes, and its memory in MB before and after both passes."""
    circuit = CIRCUITS[shape](gates)
    before = peak_memory()
    seconds, graph = timed(partial(make, circuit))
    built = peak_memory() - before
    if make is build:
        graph.forward(dict(zip(circuit.names(), circuit.inputs)))
        graph.backward()
    return seconds, built, peak_memory() - before


def peak_memory() -> float:
    """Return this process's largest memory so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where getrusage answers no less than the parent process's memory
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def both_passes(title: str, shape: str, gates: int, runs: int) -> list[Section]:
    """Return the times of both passes, of forward and of backward."""
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()  # so that numba compiles here
    circuit = CIRCUITS[shape](gates)
    inputs = dict(zip(circuit.names(), circuit.inputs))
    graph = build(circuit)
    halves: dict[str, Halves] = {}

    def in_halves(name: str, passes: Callable[[], Passes]) -> Maker:
        def make() -> Contender:
            halves[name] = Halves(passes())
            return Contender(halves[name])

        return make

    def micrograds() -> Passes:
        if shape == "wide":
            raise LeftOut("has no max, sigmoid and tanh")
        if gates >= 10**6:
            raise LeftOut("skipped at 1,000,000 gates, for its memory")
        return passes_of_micrograd(circuit)

    makers: dict[str, Maker] = {"by hand, a loop": in_halves("by hand, a loop", lambda: in_a_loop(circuit))}
    if shape == "wide":
        makers["by hand, NumPy"] = in_halves("by hand, NumPy", lambda: with_numpy(circuit))
    makers["by hand, numba"] = lambda: Contender(with_numba(circuit))
    plain: Passes = partial(graph.forward, inputs), graph.backward
    makers["gategraph, plain"] = in_halves("gategraph, plain", lambda: plain)

    def compiled(name: str) -> Contender:
        if name == "source" and gates >= 10**5:
            raise LeftOut('left out from 100,000 gates on, whose code takes long to write: "loop" takes its place')
        return Contender(partial(engine(graph, name), inputs))

    for name in NUMBERS[1:]:
        makers[f"gategraph, {name}"] = partial(compiled, name)

    def casadis() -> Contender:
        x, output = build_with_casadi(circuit)
        start = time.perf_counter()
        passes = passes_of_casadi(x, output, circuit.names(), circuit.inputs)
        passes()
        prepared.append(time.perf_counter() - start)
        return Contender(passes)

    prepared: list[float] = []
    makers["casadi"] = casadis
    makers["micrograd"] = in_halves("micrograd", micrograds)
    both = race(f"{title}: both passes", makers, runs, limit=SLOW)
    both.first_calls.update([("casadi", seconds) for seconds in prepared])
    both.left_out = [f"{shape} of {gates:,}: {reason}" for reason in both.left_out]
    forward, backward = Section(f"{title}: forward", {}), Section(f"{title}: backward", {})
    for name, seconds in both.rows.items():
        if name in halves:
            forward.rows[name] = halves[name].forward_times(both.calls[name], runs)
            backward.rows[name] = [whole - part for whole, part in zip(seconds, forward.rows[name])]
    return [both, forward, backward]


def in_deep_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return a function's result, with room for micrograd, whose backward recurses over the whole graph."""
    sys.setrecursionlimit(10_000_000)
    threading.stack_size(1 << 30)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function, *arguments).result()
