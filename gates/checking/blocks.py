"""Blocks of a gradient: wrong elements at neighbouring indices, or at every second one, as of joined vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gates.checking.resamples import Resample


class Block(NamedTuple):
    """Indices along one axis of some length, from `start` to before `stop`, each `step` after the one before."""

    axis: int
    start: int
    stop: int
    step: int
    length: int

    def told(self, how: str, rank: int) -> str:
        """Return what is wrong with a gradient that is off in the block alone, the end of a sentence."""
        along = f" along axis {self.axis}" if rank > 1 else ""
        last = self.stop - 1
        if self.step > 1:
            every = {2: "second", 3: "third"}.get(self.step, f"{self.step}th")
            return f"is {how} at every {every} index from {self.start} on{along}, right for the others"
        if self.stop == self.length:
            return (
                f"is right for {_span(0, self.start - 1)}, {how} from {self.start} on{along}: a block that begins there"
            )
        if self.start == 0:
            return f"is {how} for {_span(0, last)}, right from {self.stop} on{along}: a block that ends there"
        return f"is {how} for {_span(self.start, last)}{along}, right for the others: a block"


def block_of(places: Sequence[int], shape: tuple[int, ...]) -> Block | None:
    """Return the block that these places, in C order, are; None if they are none."""
    wrong = np.zeros(shape, dtype=bool)
    wrong.reshape(-1)[list(places)] = True
    for axis in range(wrong.ndim):
        others = tuple([other for other in range(wrong.ndim) if other != axis])
        along = wrong.any(axis=others)
        (found,) = np.nonzero(along)
        if np.array_equal(along, wrong.all(axis=others)) and 1 < found.size < along.size:
            first, last, step = int(found[0]), int(found[-1]), int(found[1] - found[0])
            is_regular = np.array_equal(found, np.arange(first, last + 1, step))
            is_whole = step == 1 or (first < step and last + step >= along.size and found.size > 2)
            return Block(axis, first, last + 1, step, along.size) if is_regular and is_whole else None
    return None


def how_off(resamples: Sequence[Resample], port: int, wrong: Any) -> str:
    """Return how wrong elements are off at all of several points: zero, by a factor, by an addend, or somehow."""
    scales = [dz[0] if np.ndim((dz := one.point.upstream)[0]) == 0 else 1.0 for one in resamples]
    got = np.concatenate([one.analytic[port][wrong] / scale for one, scale in zip(resamples, scales)])
    wanted = np.concatenate([one.numeric[port][wrong] / scale for one, scale in zip(resamples, scales)])
    precision = resamples[0].point.function.precision
    close = 100.0 * precision.tolerance
    if not got.any():
        return "zero"
    with np.errstate(all="ignore"):
        ratio, addend = float(np.median(got / wanted)), float(np.median(got - wanted))
    if np.allclose(got, ratio * wanted, rtol=close, atol=0.0):
        return f"off by a factor of {precision.told(ratio)}"
    if np.allclose(got - wanted, addend, rtol=close, atol=0.0):
        return f"off by {precision.told(addend)}"
    return "wrong"


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"
