"""Both passes of a graph as the text of a Python function: the code that a student writes by hand."""

from __future__ import annotations

import functools
import inspect
import keyword
import re
from typing import NamedTuple

from gates import scalar_math
from gates.bare import Foreign
from graph.engines.source.layout import assignment, def_statement, return_statement
from graph.engines.source.writing import ATOM, RESERVED, TAKEN_OVER, Names, Numbers, Writing, is_keyword_argument
from graph.engines.trace.literals import literal, quoted
from graph.engines.trace.trace import Section, Trace
from graph.engines.trace.tracers import Tracer
from graph.structure.entries import Constant, Input

FUNCTION = "both_passes"
_STRING = re.compile(r""" "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' """, re.VERBOSE)
_INLINE = 60  # the longest text of an operation inside another


class Source(NamedTuple):
    """Generated code.

    Attributes
    ----------
    text : str
        A module with the function `both_passes`.
    before : str
        What comes before that function: imports, and the functions of numbers that it calls.
    body : list of str
        The lines of the function.
    arguments : list of (str, int)
        What the function takes, in order: the name of the argument, and the slot of the input or parameter.
    constants : list of (str, int)
        The arguments for constants that are arrays, and their slots.
    upstream : str
        The argument for the upstream gradient.
    objects : dict of str to str
        The arguments for the gates that are called as objects, by the names of these.
    functions : list of str
        The functions of numbers that come before it.
    """

    text: str
    before: str
    body: list[str]
    arguments: list[tuple[str, int]]
    constants: list[tuple[str, int]]
    upstream: str
    objects: dict[str, str]
    functions: list[str]


def source_of(trace: Trace) -> Source:
    """Write a trace as code to be read, which has an answer wherever IEEE arithmetic has one."""
    return Writer(trace, fast=False).source()


class Writer:
    """Writes one trace.

    Parameters
    ----------
    trace : Trace
        The trace.
    fast : bool
        Whether to write what runs fastest: `math.exp(x)` and `x / y` for numbers, which raise where IEEE arithmetic has
        an answer, and no variable for what is read only once.
    """

    def __init__(self, trace: Trace, fast: bool) -> None:
        self.trace = trace
        self.fast = fast
        self.writing = Writing(fast)
        functions = {tracer.operation.removeprefix("number.") for tracer in trace.tape}
        self.names = Numbers() if fast else Names(RESERVED | set(keyword.kwlist) | functions)
        self.functions = functions
        self.lines: list[str] = []
        self.fixed: dict[str, str] = {}  # the variables of what is computed before the function, by their texts
        self.objects: dict[str, str] = {}
        self.variables: dict[int, str] = {}  # by slot
        self.gate = ""  # the variable of the gate that is being written
        self._count_uses()
        self._name_variables()

    def source(self) -> Source:
        """Return the code."""
        trace = self.trace
        self.lines.append("    # forward")
        constants = {slot for _, gate, slot in trace.program.entries if isinstance(gate, Constant)}
        for slot, tracer in enumerate(trace.entries):
            if slot in constants and type(tracer.value) is float and tracer.uses:
                self.lines += assignment(tracer.name, literal(tracer.value))
        for section in trace.forward:
            self._section(section, "")
        self.lines += ["", "    # backward"]
        for section in trace.backward:
            self._section(section, "d")
        end = max([section.stop for section in trace.forward + trace.backward], default=0)
        self._operations(trace.tape[end:])
        for name, tracer in trace.gradients.items():
            if not tracer.text.isidentifier() and tracer.operation != "literal":
                self.gate = f"d{name}"
                self._hold(tracer)
        pairs = [f"{quoted(name)}: {tracer.text}" for name, tracer in trace.gradients.items()]
        self.lines += return_statement(trace.output.text, pairs, self.names)
        arguments: dict[str, int] = {}
        arrays: list[tuple[str, int]] = []
        for slot, tracer in enumerate(trace.entries):
            if slot not in constants:
                arguments.setdefault(tracer.name, slot)
            elif tracer.uses and type(tracer.value) is not float:
                arrays.append((tracer.name, slot))
        function = "\n".join([*self._signature(list(arguments), [name for name, _ in arrays]), *self.lines])
        helpers = [definition(name) for name in self.writing.called]
        fixed = [f"{name} = {text}" for text, name in self.fixed.items()]
        lines = [line for line in [*self.lines, *fixed] if not line.lstrip().startswith("#")]
        code = "\n\n".join(["\n".join(lines), *helpers])
        imports = [line for line, word in (("import math", "math"), ("import numpy as np", "np")) if _uses(code, word)]
        head = "\n\n".join(['"""Both passes of a graph, gate by gate."""', *imports]) + "\n"
        before = "\n\n".join([head, *helpers, *fixed])
        return Source(
            text=f"{before}\n\n{function}\n",
            before=before,
            body=self.lines,
            arguments=list(arguments.items()),
            constants=arrays,
            upstream=trace.upstream.name,
            objects=self.objects,
            functions=list(self.writing.called),
        )

    def _count_uses(self) -> None:
        """Count how many needed operations read each one, and find those that other gates read."""
        trace = self.trace
        for tracer in trace.tape:
            tracer.uses, tracer.name, tracer.section, tracer.crosses = 0, "", -1, False
        for number, section in enumerate([*trace.forward, *trace.backward]):
            for tracer in trace.tape[section.start : section.stop]:
                tracer.section = number
        for tracer in [trace.output, *trace.gradients.values()]:
            tracer.uses += 1
            tracer.crosses = tracer.section >= 0
        for tracer in reversed(trace.tape):
            tracer.uses += tracer.operation.endswith(" of")
            if tracer.uses:
                for operand in tracer.reads:
                    operand.uses += 1
                    operand.crosses |= operand.section != tracer.section

    def _name_variables(self) -> None:
        """Name the entries, the outputs of the gates, and the gradients of both."""
        trace, program = self.trace, self.trace.program
        names = self.variables
        parameters: dict[int, str] = {}  # one argument for each, even if nested graphs read it too
        for name, gate, slot in program.entries:
            stays = self.fast and isinstance(gate, Input) and name not in self.functions and is_keyword_argument(name)
            variable = parameters.get(id(gate)) or ("".join(name) if stays else self.names.new(name))
            names[slot] = trace.entries[slot].name = parameters[id(gate)] = variable
        for section in trace.forward:
            call = section.call
            for port in range(call.outputs):
                label = call.node if call.outputs == 1 else f"{call.node}_{port}"
                names[call.out + port] = self.names.new(label)
        gradients = {slot: self.names.new(f"d{name}") for slot, name in names.items()}
        trace.upstream.name = gradients[program.output_slot]
        for tracer in trace.tape:
            if tracer.operation in ("output", "gradient"):
                operand, slot = tracer.operands[0], tracer.operands[-1]
                tracer.name = (names if tracer.operation == "output" else gradients)[slot]
                is_local = operand.section == tracer.section and operand.operation != "literal"
                if tracer.operation == "output" and is_local and not operand.name:
                    operand.name = tracer.name
        for section in trace.forward:
            if section.call.node in trace.objects:
                self.objects[section.call.node] = self.names.new(f"{names[section.call.out]}_gate")
        for tracer in trace.tape:
            if tracer.operation == "variable":
                tracer.text, tracer.level = tracer.name, ATOM

    def _section(self, section: Section, d: str) -> None:
        """Write what one gate does in one pass."""
        call = section.call
        operations = self.trace.tape[section.start : section.stop]
        variable = self.variables[call.out]
        self.gate = d + variable
        if (d or call.node in self.objects) and any(tracer.uses for tracer in operations):
            gate = call.gate.gate if isinstance(call.gate, Foreign) else call.gate
            about = [_comment(text) for text in (type(gate).__name__, call.gate.pattern) if text]
            if call.node in self.objects and not d:
                about.append(f"called as an object: {_comment(self.trace.objects[call.node])}")
            self.lines.append(f"    # {variable}: {', '.join(about)}")
        self._operations(operations)

    def _operations(self, operations: list[Tracer]) -> None:
        """Write operations: each as a statement, or inside the operation that reads it."""
        for tracer in operations:
            if not tracer.uses or tracer.operation == "variable":
                continue
            if tracer.operation.endswith(" of") and not isinstance(tracer.operands[0], str):
                tracer.operands = (self.objects[tracer.operands[0].node], *tracer.operands[1:])
            tracer.text, tracer.level = self.writing.of(tracer)
            if len(tracer.text) > _INLINE:
                for operand in sorted(tracer.reads, key=lambda operand: -len(operand.text)):
                    if len(tracer.text) > _INLINE and not operand.text.isidentifier():
                        self._hold(operand)
                        tracer.text, tracer.level = self.writing.of(tracer)
            if tracer.text == tracer.name or (self.fast and tracer.text.isidentifier()):
                continue
            is_shown = not self.fast and (tracer.name or tracer.crosses)
            if tracer.uses > 1 or is_shown or tracer.operation.endswith(" of"):
                self._hold(tracer)

    def _hold(self, tracer: Tracer) -> None:
        """Write an operation as a statement that assigns it to a variable."""
        suffix = tracer.hint or ("t" if tracer.section >= 0 else "")
        name = tracer.name or self.names.new(f"{self.gate}_{suffix}")
        self.lines += assignment(name, tracer.text)
        tracer.text, tracer.level = name, ATOM

    def _signature(self, positional: list[str], arrays: list[str]) -> list[str]:
        """Return the head of the function."""
        upstream = self.trace.upstream
        default = "=1.0" if type(upstream.value) is float else ""
        keywords = [*arrays, f"{upstream.name}{default}", *self.objects.values()]
        lines = def_statement(FUNCTION, [*positional, "*", *keywords])
        return [*lines, *self._docstring(), *self._shapes()]

    def _docstring(self) -> list[str]:
        """Return the docstring of the function."""
        of_numbers = ", of numbers" * all(type(tracer.value) is float for tracer in self.trace.entries)
        first = f'    """Return the value of the output, and the gradients by name{of_numbers}.'
        if not self.objects:
            return [f'{first}"""']
        return [
            first,
            "",
            "    The arguments that end with _gate are gates, which are called as objects: those of",
            "    these names in the graph, such as graph.gate(name).",
            '    """',
        ]

    def _shapes(self) -> list[str]:
        """Return statements that check the shapes of the arrays."""
        arrays = [tracer for tracer in self.trace.entries if type(tracer.value) is not float and tracer.uses]
        return list(dict.fromkeys([f"    assert {tracer.name}.shape == {tracer.shape}" for tracer in arrays]))


@functools.cache
def _comment(text: str) -> str:
    """Return a text fit for a comment: one line of ASCII."""
    return " ".join(re.sub(r"[^\x20-\x7e]", " ", text).split())[:100]


def definition(name: str) -> str:
    """Return the text of a function of numbers."""
    if name in TAKEN_OVER:
        return inspect.getsource(getattr(scalar_math, name))
    return (
        f'def {name}(*numbers):\n    """Return np.{name} of numbers, as a number."""\n'
        f'    with np.errstate(all="ignore"):\n        return np.{name}(*numbers).item()\n'
    )


def _uses(code: str, module: str) -> bool:
    """Return whether code uses a module, strings aside."""
    return re.search(rf"\b{module}\.", re.sub(_STRING, "", code)) is not None
