"""The laws: each way to run a graph gives what `forward` and `backward` give, to the bit, or raises the same error.

A way is a function of a graph that returns a function of inputs and an upstream gradient. It must not know more of the
graph than a user does, since its text is printed as a part of the program that shows a failure.
"""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from gates import Copy
from graph import ComputationalGraph
from graph.passes.nested import GraphGate
from graph.structure.entries import Constant, Input, Parameter
from tests.fuzz.formulas import by_complex_steps, by_torch
from tests.fuzz.program import HEAD, build, text_of, written
from tests.fuzz.recipes import Recipe
from tests.fuzz.rewriting import noisy


def passes(graph):
    def run(inputs, upstream):
        value = graph.forward(inputs)
        gradients = graph.backward(upstream)
        return value, gradients, {name: [(wire.value, wire.grad) for wire in graph.wires_of(name)] for name in graph}

    return run


def plain(graph):
    return graph.compile("plain")


def source(graph):
    return graph.compile("source")


def loop(graph):
    return graph.compile("loop")


def auto(graph):
    return graph.compile("auto")


def copied(graph):
    return passes(graph.copy())


def deeply_copied(graph):
    return passes(copy.deepcopy(graph))


def pickled(graph):
    return passes(pickle.loads(pickle.dumps(graph)))


def saved_and_loaded(graph):
    with tempfile.TemporaryDirectory() as folder:
        graph.save(os.path.join(folder, "graph.json"))
        return passes(ComputationalGraph.load(os.path.join(folder, "graph.json")))


def stepped(graph):
    def run(inputs, upstream):
        stepper = graph.stepper(inputs, upstream)
        stepper.finish()
        while not stepper.at_start:
            stepper.back()
        gradients = stepper.finish()
        return (
            graph.output.value,
            gradients,
            {name: [(wire.value, wire.grad) for wire in graph.wires_of(name)] for name in graph},
        )

    return run


def evaluated(graph):
    def run(inputs, upstream):
        graph.forward(inputs)
        return graph.evaluate(graph.output, inputs), graph.backward(upstream)

    return run


def nested_as_a_whole(graph):
    def run(inputs, upstream):
        outer = ComputationalGraph()
        entries = [(name, gate) for name, gate in graph.graph.nodes(data="gate") if name in inputs]
        outer.add(graph.as_gate(), *[outer.input(name, gate.grad) for name, gate in entries], name="whole")
        value, gradients, _ = passes(outer)(inputs, upstream)
        gradients = {name.removeprefix("whole."): gradient for name, gradient in gradients.items()}
        return value, {name: gradients[name] for name in passes(graph)(inputs, upstream)[1]}  # in the same order

    return run


def flat(graph):
    whole = ComputationalGraph()
    names, shared = graph.names_of_parameters(), Counter()

    def expand(graph, prefix, wires):
        """Add the gates of a graph, and return its output; `wires` has those that it is given, by place."""
        for name in graph.nodes_topologically_sorted():
            gate = graph.gate(name)
            reads = [wires[wire.node, wire.port] for wire in graph.reads(name)]
            if isinstance(gate, GraphGate):
                ports = dict(enumerate(reads))
                for port in sorted(set(ports) - set(gate.labels), reverse=True):  # the last gradient comes back first
                    ports[port] = whole.add(Copy(1), reads[port], name=f"{prefix}{name} {port}")
                places = [(inner, 0) for inner in gate.input_names]
                inner = expand(gate.graph, f"{prefix}{name}.", dict(zip(places, ports.values())))
                made = whole.add(Copy(1), inner, name=f"{prefix}{name}")
            elif isinstance(gate, Input):
                made = wires[name, 0] if prefix else whole.input(name, gate.grad)
            elif isinstance(gate, Parameter):
                key = names[id(gate)]
                shared[key] += 1
                made = whole[key] if key in whole else whole.parameter(key, gate.value)
                made = whole.add(Copy(1), made, name=f"{prefix}{name} here") if prefix else made
            elif isinstance(gate, Constant):
                made = whole.constant(gate.value, name=prefix + name)
            else:
                made = whole.add(copy.deepcopy(gate), *reads, name=prefix + name)
            for port, wire in enumerate(made if isinstance(made, tuple) else [made]):
                wires[name, port] = wire
        return wires[graph.output_place]

    def run(inputs, upstream):
        value, gradients, _ = passes(whole)(inputs, upstream)
        return value, {name: gradients[name] for name in passes(graph)(inputs, upstream)[1]}  # in the same order

    whole.output = expand(graph, "", {})
    return run if max(shared.values(), default=0) < 3 else passes(graph)  # sums of three depend on their order


def outcome(run, inputs, upstream):
    """Return what comes back, or the type of the error and the first line of its message."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return run(inputs, upstream)
        except Exception as error:
            return type(error), (str(error).splitlines() or [""])[0]


def same(found, wanted):
    """Return whether all numbers are the same to the bit, whatever the payload of a nan, and errors of one type."""
    if type(found) is not type(wanted):
        return False
    if isinstance(wanted, dict):
        return list(found) == list(wanted) and all(same(found[name], wanted[name]) for name in wanted)
    if isinstance(wanted, tuple) and wanted and isinstance(wanted[0], type):
        return found[0] is wanted[0]
    if isinstance(wanted, (tuple, list)):  # an engine does not tell what is on the wires
        return all(map(same, found, wanted))
    if wanted is None:
        return True
    x, y = np.asarray(found), np.asarray(wanted)
    if x.dtype != y.dtype or x.shape != y.shape or not np.array_equal(x, y, equal_nan=True):
        return False
    return np.array_equal(np.signbit(x) & (x == x), np.signbit(y) & (y == y))


EXACT = [passes, plain, source, loop, auto, copied, deeply_copied, pickled, saved_and_loaded, stepped, evaluated]
EXACT += [nested_as_a_whole, flat]


def batched(graph):
    compiled = graph.compile("batched")

    def run(inputs, upstream):
        with mock.patch("graph.engines.batched.plan.WIDE", 2):  # two gates make a vector
            return compiled(inputs, upstream)

    return run


def on_jax(graph):
    import jax

    compiled = graph.compile("jax")

    def run(inputs, upstream):
        with jax.enable_x64(True):
            value, gradients = compiled(inputs, upstream)
            return np.asarray(value), {name: np.asarray(gradient) for name, gradient in gradients.items()}

    return run


def numba(graph):
    return graph.compile("numba")


CLOSE = [by_complex_steps, batched, by_torch, on_jax, numba]


def near(found, wanted, bounds):
    """Return whether a value and gradients are as close as the bounds say."""
    if isinstance(found[0], type) or found[1].keys() != wanted[1].keys():
        return False
    triples = [
        (found[0], wanted[0], bounds[0]),
        *[(found[1][key], wanted[1][key], bounds[1][key]) for key in bounds[1]],
    ]
    return all(np.shape(x) == np.shape(y) and not np.any(np.abs(x - y) > bound) for x, y, bound in triples)


def bounds_of(recipe: Recipe, wanted: Any) -> Any:
    """Return how far a value and gradients may be off: ten times what 1e-12 of every number on the way changes.

    None if an inf, a nan or a very large number is on the way, or the recipe has float32.
    """
    if isinstance(wanted[0], type) or any(np.asarray(value).dtype == np.float32 for value in recipe.values()):
        return None
    seen = [wanted[0], *wanted[1].values(), *[part for pairs in wanted[2].values() for pair in pairs for part in pair]]
    if not all(np.all(np.abs(number) < 1e100) for number in seen if number is not None):
        return None
    bounds = [1e-12 * np.abs(number) + 1e-50 for number in [wanted[0], *wanted[1].values()]]
    for size in (1e-12, -1e-12):  # a tie is broken one way, and then the other
        graph, inputs, upstream = build(noisy(recipe, size))
        off = outcome(passes(graph), inputs, upstream)
        for place, (x, y) in enumerate(zip([off[0], *off[1].values()], [wanted[0], *wanted[1].values()])):
            bounds[place] = np.maximum(bounds[place], 10.0 * np.abs(x - y))
    return bounds[0], dict(zip(wanted[1], bounds[1:]))


class Broken(NamedTuple):
    """A way that gives something else than the passes do, and a program that fails because of it."""

    way: Callable[..., Any]
    program: str


def broken(recipe: Recipe, ways: list[Callable[..., Any]], counts: Counter[str]) -> Broken | None:
    """Return the first way that gives something else than the passes do; None if all give the same."""
    graph, inputs, upstream = build(recipe)
    wanted = outcome(passes(graph), inputs, upstream)
    bounds = bounds_of(recipe, wanted) if not set(ways).isdisjoint(CLOSE) else None
    for way in ways:
        is_close = way in CLOSE
        if (is_close and bounds is None) or not takes(way, recipe, wanted):
            continue
        counts[way.__name__] += 1
        graph, inputs, upstream = build(recipe)
        run = way(graph)
        for _ in range(2):
            found = outcome(run, inputs, upstream)
            if not (near(found, wanted, bounds) if is_close else same(found, wanted)):
                return Broken(way, program(recipe, way, bounds if is_close else None))
    return None


def takes(way: Callable[..., Any], recipe: Recipe, wanted: Any) -> bool:
    """Return whether a way can run a recipe."""
    nested = Counter(step[1] for step in recipe.steps() if step[0] == "nested")
    if max(nested.values(), default=0) > 1 and nested.total() > 2 and way in (plain, source, loop, auto):
        return False  # engines sum the gradients of shared parameters in another order
    if way is by_complex_steps:  # the steps are not small beside 1e-160
        return not recipe.special
    if way in (loop, numba) and not all(type(value) is float for value in recipe.values()):
        return False
    if way in (batched, numba):
        seen = [value for pairs in wanted[2].values() for value, _ in pairs]
        return all(type(value) is float for value in [*recipe.values(), *seen])
    return True


def program(recipe: Recipe, way: Callable[..., Any], bounds: Any = None) -> str:
    """Return a program whose last line fails if the way does not give what the passes do."""
    comparison = same if bounds is None else near
    parts = [inspect.getsource(part) for part in dict.fromkeys([outcome, comparison, passes])]
    if way in (by_torch, by_complex_steps):
        parts.append(f"from tests.fuzz.formulas import {way.__name__}\n")
    elif way is not passes:
        parts.append(inspect.getsource(way))
    call = f"""\
wanted = outcome(passes(graph), inputs, upstream)
run = {way.__name__}(graph)
for _ in range(2):
    found = outcome(run, inputs, upstream)
    print("found: ", *found, sep="\\n    ")
    print("wanted:", *wanted, sep="\\n    ")
    assert {comparison.__name__}(found, wanted{"" if bounds is None else ", " + written(bounds)}), {way.__name__!r}
"""
    return "\n\n".join([HEAD, *parts, text_of(recipe), call])
