"""The engine of generated code: traces the gates at the first call, and runs what it has written from then on."""

from __future__ import annotations

from types import MethodType
from typing import Any

import numpy as np

from gates.values import Value
from graph.engines.engine import Engine, no_garbage_collection
from graph.engines.program import Program
from graph.engines.source.specializations import Version
from graph.engines.source.writing import is_keyword_argument
from graph.structure.entries import Input, Parameter

_KEPT = 16  # how many versions, for other shapes or dtypes, are kept
_FEW = 64  # entries for which a call by keywords is worth a function of its own


class Generated(Engine):
    """Runs the code that `graph.to_source()` shows, written at the first call, and again for other shapes or dtypes."""

    name = "source"

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._versions: dict[Any, Version] = {}
        self.written = 0  # how many versions were
        self._space: dict[str, Any] = {}  # what the function that is handed out sees

    def function(self, engine: Engine | None = None) -> Any:
        """Return the engine as a function, with keywords of its own for the inputs, which Python passes on faster.

        It may be the function of another `engine`, which has this one run.
        """
        engine = engine or self
        inputs = ["".join(name) for name, gate, _ in self.program.entries if isinstance(gate, Input)]
        if len(self.program.entries) > _FEW or not inputs or not all(map(is_keyword_argument, inputs)):
            return engine.__call__
        self._space = {"_run": type(engine).__call__, "_not_given": _NotGiven(), "_owner": engine}
        exec(_with_keywords(inputs, "    pass"), self._space)
        self._space["__call__"].__doc__ = Engine.__call__.__doc__
        return MethodType(self._space["__call__"], engine)

    def _shorten(self, version: Version) -> None:
        """Put the code for Python floats into the function that was handed out: a call less."""
        function = self._space["__call__"]
        inputs, numbers, lines = [], [], [f"{version.plain.upstream} = 1.0"]
        for variable, slot in version.plain.arguments:
            name, gate, _ = self.program.entries[slot]
            if isinstance(gate, Parameter):
                self._space[f"_p{slot}"] = gate
                number = f"_p{slot}.value"
            else:
                number = "".join(name)
                inputs.append(number)
            numbers.append(f"{number}.__class__")
            if variable != number:
                lines.append(f"{variable} = {number}")
        body = [f"            {line}" for line in lines] + [f"        {line}" for line in version.plain.body]
        of_floats = f"{' is '.join(numbers)} is float"
        short = [
            f"    if {of_floats} and _inputs is _upstream is None and not _others and _self is _owner:",
            "        try:",
            *body,
            "        except (ArithmeticError, ValueError):",
            "            pass",
        ]
        exec(version.plain.text, self._space)  # the functions that the body calls
        exec(_with_keywords(inputs, "\n".join(short)), self._space)
        function.__code__ = self._space["__call__"].__code__

    def run(self, values: list[Value], upstream: Any) -> tuple[Value, dict[str, Value]]:
        entries = values[: len(self.program.entries)]
        key = tuple([float if type(x) is float else (type(x), x.dtype, x.shape, _layout(x)) for x in entries])
        version = self._versions.get(key)
        if version is None:
            with no_garbage_collection():
                version = Version(self.program, entries)
            if len(self._versions) == _KEPT:
                del self._versions[next(iter(self._versions))]
            self._versions[key] = version
            self.written += 1
            if "__call__" in self._space and version.can_be_shortened:
                self._shorten(version)
        return version.run(entries, upstream)


class _NotGiven:
    """Stands for an argument that is not given."""

    def __repr__(self) -> str:
        return "..."


def _with_keywords(inputs: list[str], short: str) -> str:
    """Return the text of a function that takes some inputs by keyword, with a short way for some of their values."""
    keywords = ", ".join([f"{name}=_not_given" for name in inputs])
    return f"""
def __call__(_self, _inputs=None, _upstream=None, /, *, {keywords}, **_others):
{short}
    _named = [{", ".join([f"({name!r}, {name})" for name in inputs])}]
    _others.update([_pair for _pair in _named if _pair[1] is not _not_given])
    return _run(_self, _inputs, _upstream, **_others)
"""


def _layout(array: Any) -> Any:
    """Return how an array lies in memory, which sums depend on in the last digits."""
    return None if not isinstance(array, np.ndarray) or array.flags.c_contiguous else array.strides
