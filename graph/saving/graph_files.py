"""Saved graphs: JSON that holds gates by class name, settings, wiring and parameters, and no code.

{"format": "gategraph", "version": 3, "guard": false, "output": ["f", 0], "expression": "f = x + x", "gates": [
    {"name": "x", "gate": "Input", "settings": {"grad": true}},
    {"name": "f", "gate": "Add", "reads": [["x", 0], ["x", 0]], "group": ["layer 1"]}]}

A parameter that graphs nested in one another share is written out once; elsewhere `"same": 0` stands for the first
parameter of the file, and so on. Version 1 had none of these. An expression and groups, which there may be, are new in
version 3.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from itertools import islice
from os import PathLike
from typing import Any

import numpy as np

from gates.formatting import listed
from gates.gate import parameters_of, settings_of
from gates.values import as_value, as_whole_number
from graph.passes.nested import GraphGate
from graph.passes.two_passes import TwoPasses
from graph.saving.atomic_file import write_atomically
from graph.structure.entries import Constant, Input, Parameter
from graph.structure.expression import build
from graph.structure.library import GATES
from graph.structure.wire import Wire
from graph.structure.wiring import all_sources, outputs_of

_FORMAT, _VERSIONS = "gategraph", (1, 2, 3)
_DTYPES = ("float16", "float32", "float64", "int64")  # labels are integers
_OWN = None, True  # whether a class is the user's
_PART = 2**20  # bytes read at once: read(n) takes memory for n bytes, however short the file is
_ROW = {"name", "gate", "own", "settings", "reads", "same", "group"}
_KNOWN: dict[str, type] = {**GATES, **{gate.__name__: gate for gate in (Input, Parameter, Constant, GraphGate)}}


def write(graph: TwoPasses, path: str | PathLike[str]) -> None:
    """Save a graph to a file, which is replaced in one step."""
    text = json.dumps(_document(graph, {}), allow_nan=False)
    write_atomically(path, lambda file: file.write(text.encode()))


def read(path: str | PathLike[str], gates: Iterable[type], graph_class: type[TwoPasses], **limits: int) -> Any:
    """Load a saved graph as an instance of the given class; `gates` are the user's classes of gates in it."""
    gates = list(gates)
    if not all(isinstance(gate, type) for gate in gates):
        raise TypeError(f"load(): gates must be a list of classes, got {gates!r}")
    limits = {name: as_whole_number(limit, f"load(): {name}", 0) for name, limit in limits.items()}
    reader = _Reader({gate.__name__: gate for gate in gates}, graph_class, **limits)
    with open(os.fspath(path), "rb") as file:
        parts = iter(lambda: file.read(_PART), b"")
        content = b"".join(islice(parts, reader.max_bytes // _PART + 1))
    try:
        reader.require(len(content), "max_bytes", "bytes")
        return reader.graph(json.loads(content, object_pairs_hook=_object, parse_constant=_refused))
    except (ValueError, OverflowError, RecursionError) as error:
        reason = str(error)
        reason = reason if len(reason) <= 500 else f"{reason[:200]} ... {reason[-300:]}"
        raise ValueError(f"{os.fspath(path)} is not a graph that can be loaded: {reason}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object as a dict, unless a name in it is ambiguous."""
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError(f"an object has a name twice, {[name for name, _ in pairs]}")
    return named


def _refused(constant: str) -> None:
    """Raise ValueError for NaN and Infinity, which are not JSON."""
    raise ValueError(f'{constant} is not JSON; a graph file has {{"number": "nan"}}, "inf" or "-inf"')


def _document(graph: TwoPasses, written: dict[int, int]) -> dict[str, Any]:
    """Return a graph as an object for JSON; `written` numbers the parameters that are written already, by their ids."""
    rows = []
    for name, sources in all_sources(graph.graph):
        gate = graph.gate(name)
        row: dict[str, Any] = {"name": name, "gate": type(gate).__name__}
        if _KNOWN.get(type(gate).__name__) is not type(gate):
            row["own"] = True  # the user's class, even if one of gategraph's has the same name
        if id(gate) in written:
            row["same"] = written[id(gate)]
        elif settings := _settings(gate, f"{name} ({type(gate).__name__})", written):
            row["settings"] = settings
        if isinstance(gate, Parameter):
            written.setdefault(id(gate), len(written))
        if sources:
            row["reads"] = sources
        if group := graph.graph.nodes[name].get("group"):
            row["group"] = list(group)
        rows.append(row)
    document = {
        "format": _FORMAT,
        "version": _VERSIONS[-1],
        "guard": graph.guard,
        "output": None if graph.chosen_output is None else list(graph.chosen_output),
        "gates": rows,
    }
    return document if graph.expression is None else document | {"expression": graph.expression}


def _settings(gate: Any, who: str, written: dict[int, int]) -> dict[str, Any]:
    """Return a gate's settings as an object for JSON."""
    settings = settings_of(gate)
    for name, parameter in parameters_of(gate).items():
        if name not in settings and parameter.default is parameter.empty:
            raise TypeError(f"{who} cannot be saved: its class has no attribute for the constructor's {name!r}")
    return {name: _encoded(value, who, name, written) for name, value in settings.items()}


def _encoded(value: Any, who: str, name: str, written: dict[int, int]) -> Any:
    """Encode a setting for JSON: inf, nan, arrays and graphs become objects that say so."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"number": repr(value)}
    if isinstance(value, (list, tuple)):
        return [_encoded(part, who, name, written) for part in value]
    if isinstance(value, TwoPasses):
        return {"graph": _document(value, written)}
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        array = array.astype(np.int64) if array.dtype.kind in "iu" else array
        if array.dtype.name in _DTYPES:
            numbers = [_encoded(number, who, name, written) for number in array.ravel().tolist()]
            return {"array": numbers, "shape": list(array.shape), "dtype": array.dtype.name}
    raise TypeError(f"{who} cannot be saved: JSON cannot hold its {name!r}, {value!r} ({type(value).__name__})")


class _Reader:
    """Builds graphs of a class from decoded JSON, within limits, with the user's classes of gates by name."""

    def __init__(
        self,
        user_classes: dict[str, type],
        graph_class: type[TwoPasses],
        max_bytes: int,
        max_outputs: int,
        max_nesting: int,
    ) -> None:
        self.user_classes = user_classes
        self.graph_class = graph_class
        self.max_bytes, self.max_outputs, self.max_nesting = max_bytes, max_outputs, max_nesting
        self.outputs = self.nesting = 0
        self.written: list[Parameter] = []  # the parameters so far

    def require(self, found: int, limit: str, what: str) -> None:
        """Raise ValueError unless a number is within the limit of that name."""
        if found > getattr(self, limit):
            raise ValueError(f"it has more than {getattr(self, limit)} {what}; load(path, {limit}=...) allows more")

    def decoded(self, value: Any) -> Any:
        """Decode a setting from JSON."""
        if isinstance(value, list):
            return [self.decoded(part) for part in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"number"} and value["number"] in ("inf", "-inf", "nan"):
            return float(value["number"])
        if value.keys() == {"graph"}:
            self.nesting += 1
            self.require(self.nesting, "max_nesting", "graphs within one another")
            graph = self.graph(value["graph"])
            self.nesting -= 1
            return graph
        if value.keys() == {"array", "shape", "dtype"} and value["dtype"] in _DTYPES:
            numbers, shape = self.decoded(value["array"]), value["shape"]
            if _is_list_of(shape, int) and min(shape, default=0) >= 0 and _is_list_of(numbers, (int, float)):
                if (size := math.prod(shape)) != len(numbers):
                    raise ValueError(f"an array of shape {tuple(shape)} must have {size} numbers, got {len(numbers)}")
                # An empty array can be as long as it likes until a sum over its other axis makes one with numbers.
                self.require(8 * math.prod(length or 1 for length in shape), "max_bytes", "bytes in an array")
                return np.array(numbers, dtype=value["dtype"]).reshape(shape)
        raise ValueError(f"{str(value)[:60]} is not a number, an array or a graph")

    def graph(self, document: Any) -> TwoPasses:
        """Return the graph that a document describes."""
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise ValueError(f'it must be an object with "format": "{_FORMAT}"')
        if type(document.get("version")) is not int or document["version"] not in _VERSIONS:
            versions = listed(list(map(str, _VERSIONS)), "or ")
            raise ValueError(f"its version must be {versions}, got {document.get('version')!r}")
        rows: Any = document.get("gates")
        if not _is_list_of(rows, dict) or not isinstance(document.get("guard"), bool):
            raise ValueError('"gates" must be a list of objects, and "guard" true or false')
        names = {row["name"] for row in rows if isinstance(row.get("name"), str)}
        graph = self.graph_class(document["guard"])
        for place, row in enumerate(rows):
            name, reads = row.get("name"), row.get("reads", [])
            who = f"gate {place} ({name!r})"
            if (
                not isinstance(name, str)
                or not isinstance(reads, list)
                or row.keys() - _ROW
                or row.get("own") not in _OWN
            ):
                raise ValueError(
                    f'{who} must have a "name" and a "gate", may have "settings", "reads" and "group", and no more'
                )
            try:
                gate = self.same(row, graph) if "same" in row else self.gate(row)
                self.outputs += max(outputs_of(gate) - 1 - len(reads), 0)
                self.require(self.outputs, "max_outputs", "outputs of gates, not counting one for each input")
                graph.restore(gate, name, [_source(graph, read, names) for read in reads], _group(row))
                if isinstance(gate, Parameter) and "same" not in row:
                    self.written.append(gate)
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"{who}: {error}") from None
        if document.get("output") is not None:
            graph.output = _source(graph, document["output"], names)
        if document.get("expression") is not None:
            self.express(graph, document["expression"])
        return graph

    def express(self, graph: TwoPasses, text: Any) -> None:
        """Note the expression that a graph was made from, after a check that it is."""
        if not isinstance(text, str):
            raise ValueError(f'"expression" must be a text, got {text!r}')
        twin = self.graph_class()
        try:
            build(twin, text)
        except (TypeError, ValueError) as error:
            raise ValueError(f"its expression is none: {error}") from None
        if _kinds_and_wires(twin) != _kinds_and_wires(graph):
            raise ValueError(f"its expression {text[:60]!r} is that of another graph")
        graph.express(text)

    def same(self, row: dict[str, Any], graph: TwoPasses) -> Parameter:
        """Return the parameter that a row shares with graphs nested in one another."""
        place = row["same"]
        if row.get("gate") != "Parameter" or "settings" in row or type(place) is not int:
            raise ValueError('only a Parameter without "settings" may be the "same" as another')
        if not 0 <= place < len(self.written) or self.written[place] in dict(graph.graph.nodes(data="gate")).values():
            raise ValueError(f'"same": {place} is no parameter of another graph before it')
        return self.written[place]

    def gate(self, row: dict[str, Any]) -> Any:
        """Return the gate that a row describes."""
        kind, settings = row.get("gate"), row.get("settings", {})
        known = self.user_classes if row.get("own") else _KNOWN
        if not isinstance(kind, str) or kind not in known:
            raise ValueError(f"unknown gate {kind!r}; pass your own classes with load(path, gates=[...])")
        if not isinstance(settings, dict):
            raise ValueError(f'"settings" must be an object, got {settings!r}')
        decoded = {name: self.decoded(value) for name, value in settings.items()}
        if known[kind] is Parameter:
            decoded = {name: as_value(value) for name, value in decoded.items()}
        try:
            return known[kind](**decoded)
        except (TypeError, ValueError, OverflowError):
            raise
        except Exception as error:  # of a user's class
            raise ValueError(f"{kind} cannot be made of its settings: {type(error).__name__}: {error}") from None


def _kinds_and_wires(graph: TwoPasses) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """Return the name, the class and the sources of each gate."""
    return [(name, type(graph.gate(name)).__name__, sources) for name, sources in all_sources(graph.graph)]


def _group(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the groups around the gate that a row describes."""
    group = row.get("group", [])
    if not _is_list_of(group, str) or "" in group:
        raise ValueError(f'"group" must be a list of names, got {group!r}')
    return tuple(group)


def _source(graph: TwoPasses, read: Any, names: set[str]) -> Wire:
    """Return the wire for a pair of a gate's name and an output port."""
    if not isinstance(read, list) or len(read) != 2 or not isinstance(read[0], str) or type(read[1]) is not int:
        raise ValueError(f"a wire must be a pair of a gate's name and an output port, got {read!r}")
    node, port = read
    if node not in graph:
        why = "comes later: a cycle, or gates out of order" if node in names else "is not the name of a gate"
        raise ValueError(f"it reads {node!r}, which {why}")
    outputs = outputs_of(graph.gate(node))
    if not 0 <= port < outputs:
        raise ValueError(f"it reads output {port} of {node!r}, which has {outputs}")
    return graph.wire(node, port)


def _is_list_of(value: Any, kind: Any) -> bool:
    """Return whether a value is a list whose elements are all of some type; booleans do not count as numbers."""
    return isinstance(value, list) and all(isinstance(part, kind) and not isinstance(part, bool) for part in value)
