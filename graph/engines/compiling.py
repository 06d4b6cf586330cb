"""The engines by name, and the code that they write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gates.gate import fresh
from gates.values import Value
from graph.engines.auto import Auto
from graph.engines.batched.batched import Batched
from graph.engines.engine import Engine, Plain, no_garbage_collection
from graph.engines.on_jax.jitted import Jitted
from graph.engines.program import program_of
from graph.engines.source.generated import Generated
from graph.engines.source.source import source_of
from graph.engines.trace.trace import Trace
from graph.passes.arguments import values_of_entries
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Input

ENGINES: dict[str, type[Engine]] = {
    "source": Generated,
    "batched": Batched,
    "jax": Jitted,
    "plain": Plain,
    "auto": Auto,
}


def compiled(graph: TwoPasses, engine: str) -> Callable[..., tuple[Value, dict[str, Value]]]:
    """Return a function that runs both passes of a graph with an engine."""
    if not isinstance(engine, str) or engine not in ENGINES:
        raise ValueError(f"compile(): engine must be one of {', '.join(map(repr, ENGINES))}, got {engine!r}")
    with no_garbage_collection():
        run: Callable[..., tuple[Value, dict[str, Value]]] = ENGINES[engine](program_of(graph)).function()
    return run


def source_text(graph: TwoPasses, inputs: Mapping[str, Any]) -> str:
    """Return the code of both passes, for such inputs; for numbers if none are given."""
    program = program_of(graph)
    program.rows = [row._replace(gate=fresh(row.gate)) for row in program.rows]  # also of gates with parameters
    given = inputs or {name: 1.0 for name, gate, _ in program.entries if isinstance(gate, Input)}
    try:
        return source_of(Trace(program, values_of_entries(program, given, {})[: len(program.entries)])).text
    except Exception as error:
        if inputs or not given:
            raise
        raise ValueError(
            "to_source() was given no inputs, and numbers do not fit: give it arrays of the right shapes, or run "
            f"forward() first ({type(error).__name__}: {error})"
        ) from error
