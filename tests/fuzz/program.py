"""Recipes as programs: the graph of a recipe is what its program makes, so that a printed failure is what failed."""

from __future__ import annotations

import functools
import types
from typing import Any

import numpy as np

from tests.fuzz.recipes import Recipe, Step
from tests.fuzz.rewriting import wires_made

HEAD = '''\
import copy
import os
import pickle
import tempfile
import warnings
from collections import Counter
from unittest import mock

import numpy as np
from numpy import inf, nan

from gates import *
from graph import ComputationalGraph
from graph.passes.nested import GraphGate
from graph.structure.entries import Constant, Input, Parameter
from losses import *


def array(numbers, shape, dtype):
    """Return an array that nobody may write to."""
    made = np.array(numbers, dtype).reshape(shape)
    made.flags.writeable = False
    return made
'''


def build(recipe: Recipe) -> tuple[Any, dict[str, Any], Any]:
    """Return a new graph, its inputs, and the upstream gradient."""
    names: dict[str, Any] = {}
    exec(_compiled(text_of(recipe)), names)
    return names["graph"], names["inputs"], names["upstream"]


@functools.lru_cache(4)
def _compiled(text: str) -> types.CodeType:
    """Return compiled code."""
    return compile(HEAD + text, "recipe", "exec")


def text_of(recipe: Recipe) -> str:
    """Return the lines that make `graph`, `inputs` and `upstream`."""
    lines = []
    for number, steps in enumerate(recipe.graphs):
        lines.append(f"g{number} = ComputationalGraph()")
        place = 0
        for step in steps:
            code, outputs = _line(step, number), wires_made(step)
            if outputs:
                code = f"{', '.join(f'g{number}_w{place + port}' for port in range(outputs))} = {code}"
                place += outputs
            lines.append(code)
    inputs = [f"    {name!r}: {written(value)}," for name, value in recipe.inputs.items()]
    return "\n".join(
        [*lines, f"graph = g{number}", "inputs = {", *inputs, "}", f"upstream = {written(recipe.upstream)}\n"]
    )


def _line(step: Step, number: int) -> str:
    """Return the code of a step."""
    graph = f"g{number}"
    match step:
        case "input", name, grad, _:
            return f"{graph}.input({name!r}{'' if grad else ', grad=False'})"
        case "parameter", name, value:
            return f"{graph}.parameter({name!r}, {written(value)})"
        case "constant", value:
            return f"{graph}.constant({written(value)})"
        case "output", wire:
            return f"{graph}.output = {graph}_w{wire}"
        case "nested", inner, wires:
            return f"{graph}.add({', '.join([f'g{inner}.as_gate()', *[f'{graph}_w{wire}' for wire in wires]])})"
        case "gate", name, settings, wires:
            gate = f"{name}({', '.join(f'{key}={value!r}' for key, value in settings.items())})"
            wired = ", ".join([gate, *[f"{graph}_w{wire}" for wire in wires]])
            return f"{graph}.add({wired})"
    raise AssertionError(step)


def written(value: Any) -> str:
    """Return the code of a value, or of a tuple or a dict of values."""
    if isinstance(value, np.ndarray):
        return f"array({value.ravel().tolist()}, {value.shape}, {value.dtype.name!r})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {written(part)}' for name, part in value.items())}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(written, value))})"
    return f"np.float32({float(value)!r})" if isinstance(value, np.float32) else repr(value)
