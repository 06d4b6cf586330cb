"""The same engine with its two functions compiled by numba."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from gates.values import Value
from graph.engines.loop.loop import Interpreter, Loop, Passes
from graph.engines.loop.plan import Plan, Rows
from graph.engines.loop.writing import text_of
from graph.engines.program import Program
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
        return _Compiled(Plan(self.program))


class _Compiled(Interpreter):
    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.more: Any = plan.more
        self.compiled = _compiled(text_of(plan.kinds, plan.counts, fast=True, compiled=True))
        self.count = len(plan.program.entries)

    def ready(self, step: Rows | Call) -> Rows | Call:
        return step

    def run(self, values: list[Any], upstream: float) -> tuple[Value, dict[str, Value]]:
        v = np.empty(self.plan.program.size)
        labels = self.plan.program.label_slots
        v[: self.count] = [0.0 if slot in labels else values[slot] for slot in range(self.count)]
        return self.both_passes(self.compiled, v, values, upstream)


def _compiled(text: str) -> Passes:
    """Return the two functions compiled."""
    import numba

    space = vars(_module(text)) if numba else {}
    return Passes(space["forward"], space["backward"])


def _module(text: str) -> Any:
    """Return a module with this text: of a file beside which numba keeps its code, if there can be one."""
    name = f"gategraph_{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    if name in sys.modules:
        return sys.modules[name]
    with suppress(OSError):
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gategraph"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{name}.py"
        if not path.exists() or path.read_text() != text:
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(text)
            part.replace(path)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
        return module
    space: dict[str, Any] = {}
    exec(text.replace("cache=True", "cache=False"), space)
    return type("module", (), space)
