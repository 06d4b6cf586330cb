"""The two passes as text: a loop over rows of integers, with a branch for each kind of gate.

A row has the number of its kind, the places of its inputs, and that of its output; where a gate reads more than two,
the first number is where their places begin in a list of their own. What backward needs besides inputs and output is
computed again, which gives the same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from graph.engines.source.source import definition
from graph.engines.source.writing import ATOM, TAKEN_OVER, Writing
from graph.engines.trace.kinds import Kind
from graph.engines.trace.tracers import Tracer


class Bodies(NamedTuple):
    """The statements of a kind in each pass."""

    forward: list[str]
    backward: list[str]


def bodies_of(kind: Kind, writing: Writing) -> Bodies:
    """Return the statements of a kind."""
    assert kind.recording is not None
    tape, inputs, (output,), (upstream,), gradients, _ = kind.recording
    reads = [f"more[a + {port}]" if len(inputs) > 2 else "ab"[port] for port in range(len(inputs))]
    texts = {id(tracer): f"v[{place}]" for tracer, place in zip(inputs, reads)}
    forward = _statements(tape, [("v[o] = {}", output)], texts, writing)
    texts[id(upstream)] = "g[o]"
    # A formula may keep its result; an input or a number that is the result stands for itself.
    if output.operation != "literal":
        texts.setdefault(id(output), "v[o]")
    given = [
        (f"g[{place}] += {{}}", gradient)
        for place, gradient, gives in zip(reads, gradients, kind.gives)
        if gives and gradient is not None
    ]
    return Bodies(forward, _statements(tape, given, texts, writing))


def _statements(
    tape: Sequence[Tracer], targets: Sequence[tuple[str, Tracer]], texts: dict[int, str], writing: Writing
) -> list[str]:
    """Return statements for some results, where the tracers of these ids have texts."""
    uses = Counter([id(tracer) for _, tracer in targets])
    for tracer in reversed(tape):
        if uses[id(tracer)] and id(tracer) not in texts:
            uses.update([id(operand) for operand in tracer.reads])
    lines = []
    for place, tracer in enumerate(tape):
        if not uses[id(tracer)]:
            continue
        if id(tracer) in texts:
            tracer.text, tracer.level = texts[id(tracer)], ATOM
            continue
        tracer.text, tracer.level = writing.of(tracer)
        if uses[id(tracer)] > 1 and tracer.operation != "literal" and not tracer.text.isidentifier():
            lines.append(f"t{place} = {tracer.text}")
            tracer.text, tracer.level = f"t{place}", ATOM
    return lines + [target.format(tracer.text) for target, tracer in targets]


def branches(bodies: Sequence[list[str]], counts: Sequence[int], indent: str) -> list[str]:
    """Return statements that choose a body by the number of a kind: comparisons that halve what is left to choose.

    Parameters
    ----------
    bodies : sequence of list of str
        The statements of each kind.
    counts : sequence of int
        How many gates are of each kind, the most frequent first.
    indent : str
        What each line begins with.
    """

    def chosen(low: int, high: int, indent: str) -> list[str]:
        if high - low == 1:
            return [indent + line for line in bodies[low]] or [f"{indent}pass"]
        half, middle = sum(counts[low:high]) / 2, low + 1
        while middle < high - 1 and sum(counts[low:middle]) + counts[middle] / 2 < half:
            middle += 1
        return [
            f"{indent}if k < {middle}:",
            *chosen(low, middle, indent + "    "),
            f"{indent}else:",
            *chosen(middle, high, indent + "    "),
        ]

    return chosen(0, len(bodies), indent)


class _ForNumba(Writing):
    """Writes powers as the function of the system's library, since numba multiplies for whole exponents."""

    def of(self, tracer: Tracer) -> tuple[str, int]:
        if tracer.operation != "**":
            return super().of(tracer)
        x, p = [operand.text if isinstance(operand, Tracer) else repr(float(operand)) for operand in tracer.operands]
        return f"math.pow({x}, {p})", ATOM


def text_of(kinds: Sequence[Kind], counts: Sequence[int], fast: bool, compiled: bool = False) -> str:
    """Return the text of the two functions, `forward` and `backward`.

    Parameters
    ----------
    kinds : sequence of Kind
        The kinds, the most frequent first.
    counts : sequence of int
        How many gates are of each.
    fast : bool
        Whether to write `math.exp(x)` and `x / y`, which raise in Python where IEEE arithmetic has an answer.
    compiled : bool
        Whether numba is to compile them: there they raise nothing.
    """
    writing = _ForNumba(fast) if compiled else Writing(fast)
    bodies = [bodies_of(kind, writing) for kind in kinds]
    head = "    for k, a, b, o in zip(kinds, left, right, out):"
    parts = ["import math\n\nimport numpy as np" + "\nfrom numba import njit" * compiled]
    jit = '@njit(error_model="numpy", nogil=True, cache=True)\n' * compiled
    for name in writing.called:
        of_numpy = f"def {name}(*numbers):\n    return np.{name}(*numbers)\n"
        parts.append(jit + (of_numpy if compiled and name not in TAKEN_OVER else definition(name)).strip())
    for name, of_pass in (("forward", 0), ("backward", 1)):
        lines = branches([body[of_pass] for body in bodies], counts, "        ") if bodies else ["        pass"]
        if compiled:
            head = "    for i in range(len(kinds)):\n        k, a, b, o = kinds[i], left[i], right[i], out[i]"
        signature = f"def {name}(kinds, left, right, out, more, v{', g' * of_pass}):"
        parts.append("\n".join([jit + signature, head, *lines]))
    return "\n\n\n".join(parts) + "\n"
