"""A function whose body is replaced: handed out before its code is known, and fast from the second call on.

`graph.compile()` returns a function with a keyword parameter for each input, which Python calls faster than an object
with `**named`. After the first call with numbers alone the generated code becomes a part of that function's body, by
assigning `__code__`: that saves a call inside the call. This holds all along:

* Both texts come from one template with the same parameters, so that the function's defaults fit either.
* Neither has free variables. What it calls are globals of the function: the names in `_space`.
* Names in it that are no inputs and none of the generated code's begin with an underscore, which inputs here do not.
* The inlined code runs only where every input is a Python float, nothing else is given, and the function is bound to
  the engine that it was made for. It changes nothing; where it raises an arithmetic error, or where any of this does
  not hold, the rest of the body runs, which is the call of the engine.
* Python assigns `__code__` in one step: a call that is under way, in another thread too, goes on in the old code.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

from graph.engines.engine import Engine
from graph.engines.source.source import Source
from graph.structure.entries import Entry, Parameter


class FastCall:
    """The function that an engine hands out.

    Parameters
    ----------
    engine : Engine
        What runs where the inlined code does not.
    inputs : list of str
        The names of the graph's inputs, which are identifiers.

    Attributes
    ----------
    function : method
        The function, bound to the engine.
    """

    def __init__(self, engine: Engine, inputs: list[str]) -> None:
        self._inputs = inputs
        self._space: dict[str, Any] = {"_run": type(engine).__call__, "_not_given": _NotGiven(), "_owner": engine}
        exec(self._text("    pass"), self._space)
        self._function = self._space["__call__"]
        self._function.__doc__ = Engine.__call__.__doc__
        self.function = MethodType(self._function, engine)

    def inline(self, source: Source, entries: list[tuple[str, Entry, int]]) -> None:
        """Put generated code for numbers into the function's own body."""
        classes, lines = [], [f"{source.upstream} = 1.0"]
        for variable, slot in source.arguments:
            name, gate, _ = entries[slot]
            number = "".join(name)
            if isinstance(gate, Parameter):
                self._space[f"_p{slot}"] = gate
                number = f"_p{slot}.value"
            classes.append(f"{number}.__class__")
            if variable != number:
                lines.append(f"{variable} = {number}")
        body = [f"            {line}" for line in lines] + [f"        {line}" for line in source.body]
        of_floats = f"{' is '.join(classes)} is float"
        inlined = [
            f"    if {of_floats} and _inputs is _upstream is None and not _others and _self is _owner:",
            "        try:",
            *body,
            "        except (ArithmeticError, ValueError):",
            "            pass",
        ]
        exec(source.before, self._space)
        exec(self._text("\n".join(inlined)), self._space)
        self._function.__code__ = self._space["__call__"].__code__

    def _text(self, inlined: str) -> str:
        """Return the text of the function."""
        keywords = ", ".join([f"{name}=_not_given" for name in self._inputs])
        return f"""
def __call__(_self, _inputs=None, _upstream=None, /, *, {keywords}, **_others):
{inlined}
    _named = [{", ".join([f"({name!r}, {name})" for name in self._inputs])}]
    _others.update([_pair for _pair in _named if _pair[1] is not _not_given])
    return _run(_self, _inputs, _upstream, **_others)
"""


class _NotGiven:
    """The default that marks an argument as not given."""

    def __repr__(self) -> str:
        return "..."
