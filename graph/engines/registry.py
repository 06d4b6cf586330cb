"""The engines by name, the engine that chooses one of the others, and the text of generated code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from gates.gate import fresh, learns
from gates.values import Value
from graph.engines.batched.batched import Batched
from graph.engines.batched.segments import MOST_GENERATED
from graph.engines.engine import Engine, Plain, Run
from graph.engines.loop.compiling import Numba, is_installed
from graph.engines.loop.loop import Loop
from graph.engines.on_jax.jitted import Jitted
from graph.engines.program import Program, program_of
from graph.engines.source.generated import Generated
from graph.engines.source.source import source_of
from graph.engines.trace.trace import Trace
from graph.passes.arguments import values_of_entries
from graph.passes.schedule import no_garbage_collection
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Input
from graph.structure.library import is_library_gate

_FEW = 1000  # gates of numbers: up to these, code is generated without planning vector operations
_MANY = 100  # gates in a vector operation: from these on, it is faster than their code
_MOST_OF_ARRAYS = 10_000  # gates of arrays for which code is generated: 100,000 of them take a minute


class Auto(Engine):
    """Chooses an engine at the first call, and again when inputs are of another kind."""

    name = "auto"

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._chosen: dict[str, tuple[Engine, str]] = {}
        self._generated = Generated(program)

    def function(self) -> Any:
        return self._generated.function(self)

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        kind = _kind([values[slot] for _, _, slot in self.program.entries])
        if kind not in self._chosen:
            self._chosen[kind] = self._choose(kind)
        return self._chosen[kind][0].run(values, upstream)

    def _choose(self, kind: str) -> tuple[Engine, str]:
        """Return an engine for values of a kind, and why it is chosen."""
        program, gates = self.program, f"{len(self.program.rows):,} gates"
        if kind == "arrays":
            if len(program.rows) <= _MOST_OF_ARRAYS:
                return self._generated, f"{gates} of arrays are few enough to be written as code"
            return Plain(program), f"{gates} of arrays are too many to be written as code"
        if kind == "jax":
            return self._choose_for_jax()
        if kind == "others":
            return Plain(program), "the arrays are neither NumPy's nor JAX's"
        if len(program.rows) <= _FEW:
            return self._generated, f"{gates} of numbers are few enough to be written as code"
        return self._choose_for_many_numbers(gates)

    def _choose_for_jax(self) -> tuple[Engine, str]:
        return Jitted(self.program), "the arrays are those of JAX"

    def _choose_for_many_numbers(self, gates: str) -> tuple[Engine, str]:
        program = self.program
        with no_garbage_collection():
            batched = Batched(program)
            stacked, operations = batched.extent()
        if stacked and len(program.rows) >= _MANY * operations:
            return batched, f"{gates} of numbers, of which {stacked:,} make {operations:,} vector operations"
        few = f"{gates} of numbers, too few of which are independent of each other to run as vectors"
        if is_installed():
            return Numba(program), few
        if len(program.rows) <= MOST_GENERATED:
            return self._generated, f"{few}; numba, which would be faster, is not installed"
        return Loop(program), f"{few}, and too many to be written as code; numba is not installed"

    def about(self) -> str:
        if not self._chosen:
            return f"{super().about()}; it chooses at the first call"
        return "; ".join([f"{engine.name}, since {why}" for engine, why in self._chosen.values()])

    @property
    def chosen(self) -> str:
        return ", ".join(dict.fromkeys([engine.name for engine, _ in self._chosen.values()])) or self.name


class Exact(Auto):
    """Chooses among the engines that give the bits of the graph's own passes."""

    def _choose_for_jax(self) -> tuple[Engine, str]:
        return Plain(self.program), "the arrays are those of JAX"

    def _choose_for_many_numbers(self, gates: str) -> tuple[Engine, str]:
        if len(self.program.rows) <= MOST_GENERATED:
            return self._generated, f"{gates} of numbers are few enough to be written as code"
        return Loop(self.program), f"{gates} of numbers are too many to be written as code"


def _kind(values: list[Value]) -> str:
    """Return the kind of the inputs: numbers, or arrays of NumPy, of JAX or of other libraries."""
    kinds = {type(value) for value in values}
    if kinds <= {float}:
        return "numbers"
    if all(kind is float or issubclass(kind, (np.ndarray, np.generic)) for kind in kinds):
        return "arrays"
    return "jax" if any(kind.__module__.partition(".")[0] in ("jax", "jaxlib") for kind in kinds) else "others"


ENGINES: dict[str, type[Engine]] = {
    engine.name: engine for engine in (Generated, Batched, Loop, Numba, Jitted, Plain, Auto)
}


def compiled(graph: TwoPasses, engine: str) -> Run:
    """Return a function that runs both passes of a graph with an engine."""
    run: Run = engine_of(graph, engine).function()
    return run


def engine_of(graph: TwoPasses, name: str) -> Engine:
    """Return an engine for a graph."""
    if not isinstance(name, str) or name not in ENGINES:
        raise ValueError(f"compile(): engine must be one of {', '.join(map(repr, ENGINES))}, got {name!r}")
    with no_garbage_collection():
        return ENGINES[name](program_of(graph))


#: By graph: the engine that `exact_engine` gave last, and the settings that its gates had.
_KEPT: WeakKeyDictionary[TwoPasses, tuple[Exact, list[Any]]] = WeakKeyDictionary()


def exact_engine(graph: TwoPasses) -> Exact | None:
    """Return an engine that does what the graph's own passes do, to the bit; None if only these are sure to.

    A gate of the user's own may keep something from pass to pass, and one that learns does, which engines would leave
    to a copy of it. The engine is the same until the graph or a setting changes, so that its code need not be written
    again.
    """
    if graph.guard:
        return None
    program = program_of(graph)
    if not all(is_library_gate(row.gate) and not learns(row.gate) for row in program.rows):
        return None
    settings = [
        {
            name: value.tobytes() if hasattr(value, "tobytes") else value
            for name, value in row.gate.__getstate__().items()
        }
        for row in program.rows
    ]
    kept = _KEPT.get(graph)
    if kept is None or kept[1] != settings or kept[0].program != program:
        kept = _KEPT[graph] = Exact(program), settings
    return kept[0]


def source_text(graph: TwoPasses, inputs: Mapping[str, Any]) -> str:
    """Return the code of both passes for inputs of these shapes and dtypes; for numbers if none are given."""
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
