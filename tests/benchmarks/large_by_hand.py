"""Both passes over a circuit of numbers by hand: gate by gate in a loop, and many at once with NumPy."""

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks.large_circuits import UNARY, Circuit

Passes = tuple[Callable[[], Any], Callable[[], Any]]


def in_a_loop(circuit: Circuit) -> Passes:
    """Return forward and backward, each a loop over the gates on a list of numbers."""
    values: list[float] = []

    def forward() -> float:
        values[:] = circuit.inputs
        for kind, left, right in circuit.gates:
            x = values[left]
            if kind == "+":
                z = x + values[right]
            elif kind == "*":
                z = x * values[right]
            elif kind == "relu":
                z = x if x > 0 else 0.0
            elif kind == "max":
                z = max(x, values[right])
            elif kind == "tanh":
                z = math.tanh(x)
            else:
                z = 1 / (1 + math.exp(-x))
            values.append(z)
        return values[-1]

    def backward() -> dict[str, float]:
        grads = [0.0] * len(values)
        grads[-1] = 1.0
        number = len(values)
        for kind, left, right in reversed(circuit.gates):
            number -= 1
            dz = grads[number]
            if kind == "+":
                grads[left] += dz
                grads[right] += dz
            elif kind == "*":
                grads[left] += dz * values[right]
                grads[right] += dz * values[left]
            elif kind == "relu":
                if values[left] > 0:
                    grads[left] += dz
            elif kind == "max":
                grads[left if values[left] >= values[right] else right] += dz
            elif kind == "tanh":
                grads[left] += dz * (1 - values[number] ** 2)
            else:
                grads[left] += dz * values[number] * (1 - values[number])
        return dict(zip(circuit.names(), grads))

    return forward, backward


def with_numba(circuit: Circuit) -> Callable[[], Any]:
    """Return both passes as loops over arrays of integers, written for numba."""
    import numba

    kinds = np.array([KINDS.index(kind) for kind, _, _ in circuit.gates], dtype=np.int32)
    lefts, rights = (np.array([gate[place] for gate in circuit.gates], dtype=np.int32) for place in (1, 2))
    given = np.array(circuit.inputs)

    @numba.njit(error_model="numpy")  # type: ignore[untyped-decorator]  # numba may have no types
    def both_passes(inputs, kinds, lefts, rights, values, grads):  # type: ignore[no-untyped-def]  # all are arrays
        count = len(inputs)
        values[:count] = inputs
        for number in range(len(kinds)):
            kind, x = kinds[number], values[lefts[number]]
            if kind == 0:
                z = x + values[rights[number]]
            elif kind == 1:
                z = x * values[rights[number]]
            elif kind == 2:
                z = x if x > 0 else 0.0
            elif kind == 3:
                z = max(x, values[rights[number]])
            elif kind == 4:
                z = math.tanh(x)
            else:
                z = 1 / (1 + math.exp(-x))
            values[count + number] = z
        grads[:] = 0.0
        grads[-1] = 1.0
        for number in range(len(kinds) - 1, -1, -1):
            kind, left, right = kinds[number], lefts[number], rights[number]
            dz, z = grads[count + number], values[count + number]
            if kind == 0:
                grads[left] += dz
                grads[right] += dz
            elif kind == 1:
                grads[left] += dz * values[right]
                grads[right] += dz * values[left]
            elif kind == 2:
                if values[left] > 0:
                    grads[left] += dz
            elif kind == 3:
                grads[left if values[left] >= values[right] else right] += dz
            elif kind == 4:
                grads[left] += dz * (1 - z * z)
            else:
                grads[left] += dz * z * (1 - z)
        return values[-1]

    values, grads = (np.zeros(len(given) + len(kinds)) for _ in range(2))

    def run() -> Any:
        value = both_passes(given, kinds, lefts, rights, values, grads)
        return value, dict(zip(circuit.names(), grads[: len(given)].tolist()))

    return run


KINDS = ("+", "*", "relu", "max", "tanh", "sigmoid")


def with_numpy(circuit: Circuit) -> Passes:
    """Return forward and backward, each a loop over the generations: all gates of a kind there run at once."""
    generations = [0] * len(circuit.inputs)
    groups: dict[tuple[int, str], list[tuple[int, int, int]]] = defaultdict(list)
    for number, (kind, left, right) in enumerate(circuit.gates, len(circuit.inputs)):
        reads = (left,) if kind in UNARY else (left, right)
        generations.append(1 + max(generations[source] for source in reads))
        groups[generations[-1], kind].append((number, left, right))
    order = [(kind, *np.array(wires).T) for (_, kind), wires in sorted(groups.items())]
    values = np.empty(len(generations))

    def forward() -> float:
        values[: len(circuit.inputs)] = circuit.inputs
        for kind, numbers, left, right in order:
            x = values[left]
            if kind == "+":
                values[numbers] = x + values[right]
            elif kind == "*":
                values[numbers] = x * values[right]
            elif kind == "relu":
                values[numbers] = np.maximum(x, 0)
            elif kind == "max":
                values[numbers] = np.maximum(x, values[right])
            elif kind == "tanh":
                values[numbers] = np.tanh(x)
            else:
                values[numbers] = 1 / (1 + np.exp(-x))
        return float(values[-1])

    def backward() -> dict[str, float]:
        grads = np.zeros(len(values))
        grads[-1] = 1.0
        for kind, numbers, left, right in reversed(order):
            dz, z, x, y = grads[numbers], values[numbers], values[left], values[right]
            if kind == "+":
                np.add.at(grads, left, dz)
                np.add.at(grads, right, dz)
            elif kind == "*":
                np.add.at(grads, left, dz * y)
                np.add.at(grads, right, dz * x)
            elif kind == "relu":
                np.add.at(grads, left, np.where(x > 0, dz, 0))
            elif kind == "max":
                np.add.at(grads, np.where(x >= y, left, right), dz)
            elif kind == "tanh":
                np.add.at(grads, left, dz * (1 - z * z))
            else:
                np.add.at(grads, left, dz * z * (1 - z))
        return dict(zip(circuit.names(), grads.tolist()))

    return forward, backward
