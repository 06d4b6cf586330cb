"""The lecture's sigmoid neuron, 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))), gate by gate on five numbers."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from graph import ComputationalGraph
from tests.benchmarks.timing import Contender, Maker, Result, Section, race

VALUES = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}


def by_hand(w0: float, x0: float, w1: float, x1: float, w2: float) -> Result:
    """Run a statement for each gate, and back one for each gradient."""
    a = w0 * x0
    b = w1 * x1
    c = a + b
    d = c + w2
    e = -d
    g = math.exp(e)
    h = g + 1.0
    f = 1.0 / h

    dh = -1.0 / (h * h)
    dg = dh
    de = g * dg
    dd = -de
    dc = dd
    dw2 = dd
    da = dc
    db = dc
    dw1 = x1 * db
    dx1 = w1 * db
    dw0 = x0 * da
    dx0 = w0 * da
    return f, {"w0": dw0, "x0": dx0, "w1": dw1, "x1": dx1, "w2": dw2}


def by_hand_short(w0: float, x0: float, w1: float, x1: float, w2: float) -> Result:
    """Take the whole sigmoid as one gate, whose slope is (1 - f) f."""
    f = 1.0 / (1.0 + math.exp(-(w0 * x0 + w1 * x1 + w2)))
    slope = (1.0 - f) * f
    return f, {"w0": x0 * slope, "x0": w0 * slope, "w1": x1 * slope, "x1": w1 * slope, "w2": slope}


def neuron(exp: Any, w0: Any, x0: Any, w1: Any, x1: Any, w2: Any) -> Any:
    """Return the output, with any library's numbers and exp."""
    return 1.0 / (1.0 + exp(-(w0 * x0 + w1 * x1 + w2)))


def build() -> ComputationalGraph:
    """Return the graph."""
    return ComputationalGraph.from_expression("1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))")


def at_the_values(function: Callable[..., Result]) -> Contender:
    """Call a function with the numbers by keyword."""
    return Contender(lambda: function(w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0))


def with_micrograd() -> Contender:
    """The same with micrograd, whose gates lack an exp: here it gains one."""
    from micrograd.engine import Value

    def exp(x: Any) -> Any:
        y = Value(math.exp(x.data), (x,), "exp")

        def backward() -> None:
            x.grad += y.data * y.grad

        y._backward = backward
        return y

    def step() -> Result:
        values = {name: Value(number) for name, number in VALUES.items()}
        f = neuron(exp, **values)
        f.backward()
        return f.data, {name: value.grad for name, value in values.items()}

    return Contender(step)


def with_autograd() -> Contender:
    """The same with autograd."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    passes = value_and_grad(partial(neuron, anp.exp), tuple(range(5)))

    def step() -> Result:
        f, gradients = passes(*VALUES.values())
        return f, dict(zip(VALUES, gradients))

    return Contender(step)


def with_mygrad() -> Contender:
    """The same with MyGrad."""
    import mygrad as mg

    values = {name: mg.tensor(number) for name, number in VALUES.items()}

    def step() -> Result:
        f = neuron(mg.exp, **values)
        f.backward()
        return f.data, {name: value.grad for name, value in values.items()}

    return Contender(step)


def with_torch() -> Contender:
    """The same with PyTorch."""
    import torch

    numbers = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in VALUES.items()}
    leaves = list(numbers.values())

    def step() -> Result:
        f = neuron(torch.exp, **numbers)
        return f.item(), dict(zip(numbers, torch.autograd.grad(f, leaves)))

    return Contender(step)


def with_jax() -> Contender:
    """The same with JAX, compiled."""
    import jax

    passes = jax.jit(jax.value_and_grad(partial(neuron, jax.numpy.exp), tuple(range(5))))
    values = [jax.numpy.asarray(number) for number in VALUES.values()]

    def step() -> Result:
        f, gradients = jax.block_until_ready(passes(*values))
        return f, dict(zip(VALUES, gradients))

    return Contender(step)


def sections(runs: int) -> list[Section]:
    """Return the part of the table."""
    graph = build()
    makers: dict[str, Maker] = {
        "by hand, staged": lambda: at_the_values(by_hand),
        "by hand, short": lambda: at_the_values(by_hand_short),
        "gategraph, plain": lambda: at_the_values(lambda **values: (graph.forward(values), graph.backward())),
        "gategraph, source": lambda: at_the_values(graph.compile("source")),
        "gategraph, auto": lambda: at_the_values(graph.compile("auto")),
        "micrograd": with_micrograd,
        "autograd": with_autograd,
        "mygrad": with_mygrad,
        "torch": with_torch,
        "jax, jit": with_jax,
    }
    title = f"neuron: the lecture's sigmoid neuron, {len(build()) - 5} gates on numbers; value and 5 gradients"
    return [race(title, makers, runs)]
