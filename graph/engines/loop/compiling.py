"""The same engine with its two functions compiled by numba."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gates.values import Value
from graph.engines.loop.loop import Interpreter, Loop, Passes
from graph.engines.loop.plan import Plan, Rows
from graph.engines.loop.writing import text_of
from graph.engines.program import Program
from graph.engines.trace.kinds import Kind
from graph.passes.schedule import Call

_NO_NUMBA = "the numba engine needs numba, which is not installed: pip install numba"


def is_installed() -> bool:
    """Return whether numba is there."""
    return "numba" in sys.modules or importlib.util.find_spec("numba") is not None


class Numba(Loop):
    """Runs the loop of the engine "loop" compiled by numba: in some 10 ns a gate, after a second of compilation.

    That takes as long for 10**6 gates as for ten, since it compiles a branch for each kind of gate. Compiled code is
    kept on disk, for the next process that has the same kinds of gates. `exp`, `tanh` and other functions are those of
    the system's library as in Python; a power may differ from Python's by 1 ulp.
    """

    name = "numba"

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        if not is_installed():
            raise ImportError(_NO_NUMBA)

    def interpreter(self) -> Interpreter:
        from numba.core.errors import NumbaError

        plan = Plan(self.program)
        try:
            return _Compiled(plan)
        except NumbaError:  # a formula of the user's has what numba does not know
            refused = [kind.gate_class for kind in plan.kinds if not _can_be_compiled(kind)]
            return _Compiled(Plan(self.program, refused))


class _Compiled(Interpreter):
    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.more: Any = plan.more
        self.compiled = _compiled(text_of(plan.kinds, plan.counts, fast=True, compiled=True))
        self.count = len(plan.program.entries)
        self.v, self.g = np.empty((2, plan.program.size))  # again and again: new memory costs as much as the passes

    def ready(self, step: Rows | Call) -> Rows | Call:
        return step

    def read(self, g: Any, slots: list[int]) -> list[float]:
        found: list[float] = g[slots].tolist()
        return found

    def run(self, values: list[Any], upstream: float) -> tuple[Value, dict[str, Value]]:
        entries = values[: self.count]
        for slot in self.plan.program.label_slots:  # objects alone read them, from `values`
            entries[slot] = 0.0
        self.v[: self.count] = entries
        self.g.fill(-0.0)
        return self.both_passes(self.compiled, self.v, self.g, values, upstream)


def _can_be_compiled(kind: Kind) -> bool:
    """Return whether numba compiles the formulas of a kind."""
    from numba.core.errors import NumbaError

    try:
        _compiled(text_of([kind], [1], fast=True, compiled=True))
    except NumbaError:
        return False
    return True


@functools.cache
def _compiled(text: str) -> Passes:
    """Return the two functions of a text, compiled; numba keeps its code beside the file that the text is written to.

    The file lies in the user's cache folder, under a name that is made of the text. Where there can be none, nothing is
    kept.
    """
    name = f"gategraph_{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    path = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "gategraph" / f"{name}.py"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != text.encode():
            part = path.with_suffix(f".{os.getpid()}")
            part.write_bytes(text.encode())
            part.replace(path)  # in one step, for other processes
        return _run(text, name, path)
    except (OSError, RuntimeError):  # the folder, or that of numba beside the file, cannot be written to
        return _run(text.replace("cache=True", "cache=False"), name, path)


def _run(text: str, name: str, path: Path) -> Passes:
    """Return the two functions of a text, compiled for the columns of a plan."""
    module = sys.modules[name] = ModuleType(name)  # numba looks it up by its name
    exec(compile(text, str(path), "exec"), vars(module))
    nothing, none = np.empty((4, 0), dtype=np.int32), np.empty(0)  # it compiles when it is called
    module.forward(*nothing, np.zeros(1, dtype=np.int64), none)
    module.backward(*nothing, np.zeros(1, dtype=np.int64), none, none)
    return Passes(module.forward, module.backward)
