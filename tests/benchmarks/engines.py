"""gategraph's ways to run a graph, as contenders."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from graph import ComputationalGraph
from tests.benchmarks.timing import Contender, LeftOut, Maker, Result

NUMBERS = "plain", "source", "batched", "loop", "numba"
ARRAYS = "plain", "source", "jax"

Run = Callable[[Mapping[str, Any]], Result]


def engine(graph: ComputationalGraph, name: str, wait: bool = True) -> Run:
    """Return what runs both passes of the graph, given the inputs by name: an engine, or the plain passes.

    JAX's results may still be on their way when it returns, unless it is to `wait`.
    """
    if name == "plain":
        return lambda inputs: (graph.forward(inputs), graph.backward())
    try:
        run = graph.compile(name)
    except ImportError as error:
        raise LeftOut(str(error)) from error
    if name != "jax":
        return run
    import jax

    return lambda inputs: jax.block_until_ready(run(**inputs)) if wait else run(**inputs)


def with_engines(
    build: Callable[[], ComputationalGraph], inputs: Mapping[str, Any], names: tuple[str, ...]
) -> dict[str, Maker]:
    """Return a contender for each of some engines: both passes of a graph at some inputs."""

    def make(name: str) -> Contender:
        return Contender(partial(engine(build(), name), inputs))

    return {f"gategraph, {name}": partial(make, name) for name in names}
