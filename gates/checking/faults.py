"""What can be wrong with a backward, by kind."""

from __future__ import annotations

from dataclasses import dataclass

#: The kinds of faults, the most specific first: where several fit, the first speaks.
KINDS = (
    "raises",
    "list",
    "count",
    "none",
    "shape",
    "modifies",
    "not finite",
    "second call",
    "stale",
    "swapped",
    "zero",
    "mask",
    "sign",
    "upstream",
    "factor",
    "transposed",
    "output",
    "exchanged",
    "index",
    "float32",
    "kink",
    "no pattern",
)

#: Those that show in the numbers alone.
PATTERNS = KINDS[KINDS.index("swapped") : KINDS.index("index") + 1]


@dataclass(frozen=True)
class Fault:
    """Something that is wrong: its kind, one of `KINDS`, a sentence, and the input that it is about, if about one."""

    kind: str
    sentence: str
    port: int | None = None

    @property
    def rank(self) -> int:
        """The lower, the more specific."""
        return KINDS.index(self.kind)
