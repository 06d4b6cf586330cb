"""Reads from a program that XLA compiled how much its devices communicate."""

import re
from math import prod

_KINDS = "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"


def collectives(compiled: str) -> list[tuple[str, int]]:
    """Return the collective operations of a compiled program, and how many bytes each gives a device.

    Examples
    --------
    >>> collectives("  %all-reduce.5 = (f32[], f32[64,96]{1,0}) all-reduce(%fusion, %dot.3), channel_id=1")
    [('all-reduce', 24580)]
    """
    found = []
    for types, kind in re.findall(rf"^.* = (\(?[a-z].*?) ({_KINDS})(?:-start)?\(", compiled, flags=re.MULTILINE):
        arrays = re.findall(r"[a-z]+(\d+)\[([\d,]*)\]", types)
        found.append((kind, sum(int(bits) // 8 * prod(map(int, filter(None, n.split(",")))) for bits, n in arrays)))
    return found
