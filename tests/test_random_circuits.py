"""Random circuits: their gradients against slopes that are found without the engine, and lose no digits.

Those of numbers are central differences in mpmath: with steps of 1e-15 at 40 digits some 25 digits of them are right.
Those of arrays are complex steps.
"""

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from gates import Add, Copy, Divide, Exp, MatMul, Max, Min, Multiply, Sigmoid, Subtract, Sum, Tanh, Transpose
from graph import ComputationalGraph
from tests.complex_step import slopes

mp = mpmath.mp.clone()
mp.dps = 40

# for each gate its class, and the same on mpmath's numbers; the order of inputs matters in most
GATES: list[tuple[type, Any]] = [
    (Add, lambda x, y: x + y),
    (Subtract, lambda x, y: x - y),
    (Multiply, lambda x, y: x * y),
    (Divide, lambda x, y: x / y),
    (Max, lambda x, y: max(x, y)),
    (Min, lambda x, y: min(x, y)),
    (Sigmoid, lambda x: 1 / (1 + mp.exp(-x))),
    (Tanh, mp.tanh),
    (Exp, mp.exp),
]

numbers = st.floats(-2, 2).filter(lambda x: abs(x) > 1e-3)


@st.composite
def circuits(draw: st.DrawFn) -> tuple[list[float], list[tuple[int, list[int]]], int]:
    """Return inputs, gates with the wires that they read, and the wire that is the output."""
    inputs = draw(st.lists(numbers, min_size=1, max_size=4))
    gates: list[tuple[int, list[int]]] = []
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.integers(0, len(GATES) - 1))
        count = 1 if kind >= 6 else 2
        last = len(inputs) + len(gates) - 1
        gates.append((kind, draw(st.lists(st.integers(0, last), min_size=count, max_size=count))))
    return inputs, gates, draw(st.integers(len(inputs), len(inputs) + len(gates) - 1))


def plainly(inputs: list[Any], gates: list[tuple[int, list[int]]], output: int) -> Any:
    """Return the value of a wire, computed with mpmath and without any graph."""
    wires = [mp.mpf(x) for x in inputs]
    for kind, reads in gates:
        wires.append(GATES[kind][1](*[wires[wire] for wire in reads]))
    return wires[output]


def tie(inputs: list[Any], gates: list[tuple[int, list[int]]], place: int) -> bool:
    """Return whether two wires that a gate compares are equal, or too close to tell."""
    left, right = gates[place][1]
    return left != right and abs(plainly(inputs, gates[:place], left) - plainly(inputs, gates[:place], right)) < 1e-9


@settings(max_examples=300, deadline=None)
@given(circuits())
def test_gradients_of_random_circuits(circuit: Any) -> None:
    inputs, gates, output = circuit
    graph = ComputationalGraph()
    wires = list(graph.inputs(*[f"x{place}" for place in range(len(inputs))]))
    for kind, reads in gates:
        wires.append(graph.add(GATES[kind][0](), *[wires[wire] for wire in reads]))
    graph.output = wires[output]
    names = [f"x{place}" for place in range(len(inputs))]
    with mp.workdps(40):
        try:
            # At a tie each gate's choice is right, and the circuit's need not be: min(max(x, y), y) is y everywhere.
            assume(not any(tie(inputs, gates, place) for place, (kind, _) in enumerate(gates) if kind in (4, 5)))
            exact = plainly(inputs, gates, output)
            step = mp.mpf(10) ** -15
            slopes = []
            for place in range(len(inputs)):
                ends = [[x + sign * step * (i == place) for i, x in enumerate(map(mp.mpf, inputs))] for sign in (1, -1)]
                up, down = (plainly(end, gates, output) for end in ends)
                # no kink and no pole at this very point
                assume(abs(up + down - 2 * exact) <= abs(up - down) * mp.mpf(10) ** -6 + mp.mpf(10) ** -25)
                slopes.append((up - down) / (2 * step))
        except (ZeroDivisionError, OverflowError):
            reject()
        # beyond, a circuit's condition is worse than the comparison below
        assume(abs(exact) <= 1e6 and max(map(abs, slopes)) <= 1e6)
    for _ in range(2):
        value = graph.forward(dict(zip(names, inputs)))
        assume(all(abs(graph[name].value) <= 1e6 for name in graph))
        assert value == pytest.approx(float(exact), rel=1e-6, abs=1e-6)
        gradients = graph.backward()
        # Larger ones may cancel, and what is left then has fewer digits than the comparison wants.
        assume(all(abs(graph[name].grad or 0.0) <= 1e6 for name in graph))
    wanted = {name: float(slope) for name, slope in zip(names, slopes)}
    assert gradients == pytest.approx(wanted, rel=1e-5, abs=1e-5)


# the same for arrays, in NumPy's functions, which take complex numbers too
ON_ARRAYS: dict[type, Any] = {
    Add: np.add,
    Subtract: np.subtract,
    Multiply: np.multiply,
    Tanh: np.tanh,
    Sigmoid: lambda x: (1 + np.tanh(x / 2)) / 2,
    MatMul: np.matmul,
    Copy: np.positive,
    Transpose: np.transpose,
    Sum: np.sum,
}


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_gradients_of_random_circuits_of_arrays(data: st.DataObject) -> None:
    """Arrays that broadcast, products whose order matters, copies: against complex steps, without the engine."""
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    graph = ComputationalGraph()
    values = {"A": random.normal(size=(3, 3)), "b": random.normal(size=3), "c": random.normal(size=(3, 1)), "d": 0.7}
    wires: list[Any] = list(graph.inputs(*values))
    steps: list[tuple[Any, tuple[int, ...]]] = []

    def add(gate: Any, *reads: int) -> int:
        """Add a gate, and NumPy's function for each of its outputs; return the place of the last."""
        outputs = graph.add(gate, *[wires[place] for place in reads])
        for wire in outputs if isinstance(outputs, tuple) else [outputs]:
            wires.append(wire)
            steps.append((ON_ARRAYS[type(gate)], reads))
        return len(wires) - 1

    def by_numpy(*inputs: Any) -> Any:
        found = list(inputs)
        for function, reads in steps:
            found.append(function(*[found[place] for place in reads]))
        return found[-1]

    for _ in range(data.draw(st.integers(1, 8))):
        kind = data.draw(st.sampled_from([*ON_ARRAYS]))
        x, y = (data.draw(st.integers(0, len(wires) - 1)) for _ in range(2))
        if kind is MatMul:
            add(MatMul(), add(Add(), x, 0), add(Multiply(), 0, y))
        elif kind in (Add, Subtract, Multiply):
            add(kind(), x, y)
        else:
            add(Copy(3) if kind is Copy else kind(), x)
    add(Sum(), add(Multiply(), len(wires) - 1, 1))
    value = graph.forward(values)
    gradients = graph.backward()
    # Larger ones may cancel, and what is left then has fewer digits than the comparison wants.
    seen = [each for wire in wires for each in (wire.value, wire.grad) if each is not None]
    assume(all(np.all(np.abs(each) <= 1e3) for each in seen))
    inputs = list(values.values())
    assert value == pytest.approx(by_numpy(*inputs), rel=1e-9, abs=1e-9)
    for place, (name, array) in enumerate(values.items()):
        assert np.shape(gradients[name]) == np.shape(array)
        assert_allclose(gradients[name], slopes(by_numpy, inputs, place), rtol=1e-9, atol=1e-9)
