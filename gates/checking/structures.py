"""Causes that show in Jacobians: which outputs give to which elements of an input, and how much.

Each finder gets the Jacobians at several points, and an input. It returns what is wrong with the gradient of the
input, the end of a sentence, if that is wrong at all points; "" if it cannot apply; and None if it is not so.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from gates.checking.copies import flat
from gates.checking.jacobians import Jacobians

Points = Sequence[Jacobians]
_Change = Callable[[Any], Any]

_SHIFTS = 6  # places, at most, by which numbers may be shifted
#: What a gradient may be off by: its factor is one of these, or one over it.
_KINDS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "norm": lambda x, axis: np.sqrt(np.sum(x * x, axis=axis)),
    "standard deviation": np.std,
    "root mean square": lambda x, axis: np.sqrt(np.mean(x * x, axis=axis)),
    "variance": np.var,
    "sum of squares": lambda x, axis: np.sum(x * x, axis=axis),
    "sum of magnitudes": lambda x, axis: np.sum(np.abs(x), axis=axis),
    "sum of exponentials": lambda x, axis: np.sum(np.exp(x), axis=axis),
    "maximum": np.max,
}


def permuted(points: Points, port: int) -> str | None:
    """Say which rearrangement the numbers, or the upstream gradient, went through, if they are right otherwise."""
    shape, of_output = points[0].shape(port), points[0].only_output
    if np.prod(shape) < 2:
        return ""
    for text, change in _rearrangements(shape):
        if all(point.agrees(port, _each(change, point.numeric[port])) for point in points):
            return f"is {text}"
    for text, change in _rearrangements(of_output or ()):
        order = change(np.arange(np.prod(of_output or ())).reshape(of_output or ())).reshape(-1)
        if not all(point.is_whole for point in points):
            continue
        if all(point.agrees(port, point.numeric[port][order]) for point in points):
            return f"takes the upstream gradient {text}"
        if shape == of_output and all(
            point.agrees(port, _each(change, point.numeric[port][order])) for point in points
        ):
            return f"takes the upstream gradient {text}, and is {text} itself"
    for point in points:
        ordered = [np.sort(one[port].reshape(point.rows.size, -1), axis=1) for one in (point.analytic, point.numeric)]
        if not point.near(port, *ordered).all():
            return None
    return "has the right numbers in wrong places: they are permuted"


def couples(points: Points, port: int) -> str | None:
    """Say along which axes forward mixes elements, if backward treats each alone."""
    shape = points[0].shape(port)
    if shape != points[0].only_output or np.prod(shape) < 2:
        return ""
    axes: set[int] = set()
    for point in points:
        alone = point.upstream.astype(bool)
        mixed = point.moves(port) & ~alone
        analytic = point.analytic[port].reshape(alone.shape)
        has_several = point.moves(port).sum(axis=1).max() > 1
        if analytic[~alone].any() or not analytic.any() or not has_several:
            return None
        for row, place in np.argwhere(mixed):
            here, there = np.unravel_index(point.rows[row], shape), np.unravel_index(place, shape)
            axes |= {axis for axis, (i, j) in enumerate(zip(here, there)) if i != j}
    along = f" along axis {' and '.join(map(str, sorted(axes)))}" if len(shape) > 1 else ""
    missing = "" if missing_term(points, port) is None else f": a term{along} is missing"
    return f"treats each element alone, although forward couples them{along}{missing}"


def missing_term(points: Points, port: int) -> str | None:
    """Say along which axis a term is missing, if what is missing has one and the same profile along it."""
    shape = points[0].shape(port)
    for axis in [axis for axis, length in enumerate(shape) if length > 1]:
        profiles = [_profile(point, port, axis) for point in points]
        if all(profiles):
            along = f" along axis {axis}" if len(shape) > 1 else ""
            return f"misses a term{along}" + (": a constant" if set(profiles) == {"constant"} else "")
    return None if shape else ""


def misses(points: Points, port: int) -> str | None:
    """Say which multiple of an input, or of the upstream gradient, is missing, or is there once too often."""
    for text, term_at in _terms(points[0], port):
        factors = []
        for point in points:
            term, missing = term_at(point), point.numeric[port] - point.analytic[port]
            place = np.unravel_index(np.argmax(np.abs(term)), term.shape)
            factors.append(float(missing[place] / term[place]) if term[place] else 0.0)
            if not factors[-1] or not point.agrees(port, point.numeric[port] - factors[-1] * term):
                break
        else:
            if np.ptp(factors) <= 1e-3 * abs(factors[0]):
                times = "" if abs(abs(factors[0]) - 1.0) < 1e-3 else f"{abs(factors[0]):.4g} × "
                return f"misses {times}{text}" if factors[0] > 0 else f"has {times}{text} too much"
    return None


def unmasked(points: Points, port: int) -> str | None:
    """Say so if the gradient is right but for what outputs give to elements that do not move them."""
    for point in points:
        moves = point.moves(port)
        agree = point.near(port, point.analytic[port], point.numeric[port]).reshape(moves.shape)
        if not moves.any() or not agree[moves].all() or agree.all():
            return None
    return "is missing its mask: it is not 0 where forward lets nothing through"


def overwrites(points: Points, port: int) -> str | None:
    """Say so if of several outputs that an element goes into only some are counted."""
    lost = 0
    for point in points:
        analytic = point.analytic[port].reshape(point.rows.size, -1)
        agree = point.near(port, point.analytic[port], point.numeric[port]).reshape(analytic.shape)
        missing, kept = (analytic == 0.0) & ~agree, agree & point.moves(port)
        if not (agree | missing).all() or not kept.any(axis=0)[missing.any(axis=0)].all():
            return None
        lost += int(missing.any())
    return "counts only some of the outputs that an element goes into: = where += belongs" if lost else None


def scale(points: Points, port: int) -> str | None:
    """Say by what the gradient is scaled, if that depends on the inputs alone."""
    shape = points[0].shape(port)
    if np.prod(shape) < 2:
        return ""
    for axis in [None, *[axis for axis, length in enumerate(shape) if length > 1 and len(shape) > 1]]:
        ratios = [_ratio(point, port, axis) for point in points]
        if any(ratio is None for ratio in ratios):
            continue
        every = np.concatenate([np.ravel(ratio) for ratio in ratios])
        if np.ptp(every) <= 1e-2 * np.abs(every).max():
            return f"is off by a factor of {points[0].point.function.precision.told(float(np.mean(every)))}"
        if all(np.allclose(ratio, ratios[0], rtol=1e-3) for ratio in ratios[1:]):
            return f"is off by a factor of its own for each slice along axis {axis}, the same at all inputs"
        found = [text for text, of in _statistics(points[0], shape, axis) if _fit(map(of, points), ratios)]
        each = f", another one for each slice along axis {axis}" if axis is not None else ""
        return f"is off by a factor that depends on the inputs{each}" + (f": {found[0]}" if found else "")
    return None


def nonlinear(points: Points, port: int) -> str:
    """Say how a gradient that is not linear in the upstream gradient is made of the right one, if it is."""
    pairs = [point.totals(port) for point in points if point.is_whole]
    norms = [[float(np.linalg.norm(part)) for part in pair] for pair in pairs]
    upstream = [float(np.linalg.norm(flat(point.point.upstream))) for point in points if point.is_whole]
    right = [a / b * numeric for (a, b), (_, numeric) in zip(norms, pairs) if b]
    if len(right) < max(len(pairs), 2) or not all(
        np.allclose(analytic, one, rtol=1e-3) for (analytic, _), one in zip(pairs, right)
    ):
        return "is not linear in the upstream gradient"
    for whose, sizes in (
        ("its", [a for a, _ in norms]),
        ("the upstream gradient's", np.divide(*np.array(norms).T) * upstream),
    ):
        if np.ptp(sizes) <= 1e-3 * sizes[0]:
            return f"is divided by {whose} norm: it has the right direction alone"
    return "is not linear in the upstream gradient"


def regions(points: Points, port: int) -> str | None:
    """Say on which side of a threshold of an input the gradient is right, if it is off by a factor on the other."""
    near = [
        point.near(port, point.analytic[port], point.numeric[port]).reshape(point.rows.size, -1) for point in points
    ]
    near = [one & point.moves(port) for one, point in zip(near, points)]
    if near[0].any() and len({one.tobytes() for one in near}) == 1:
        return None  # it depends on the place, not on the numbers
    for name, size in _sizes(points[0], port):
        where, ratio = map(np.concatenate, zip(*[_by_element(point, port, size) for point in points]))
        right = np.abs(ratio - 1.0) < 1e-3
        if not right.any():
            right = np.abs(ratio - ratio[0]) < 1e-3 * np.abs(ratio[0])  # or wrong by a factor of its own
        if not (right.any() and not right.all()):
            continue
        factor = float(np.median(ratio[~right]))
        if not np.all(np.abs(ratio[~right] - factor) <= 1e-3 * max(abs(factor), 1e-3)):
            continue
        for above, below, sides in ((right, ~right, "><"), (~right, right, "<>")):
            low, high = float(np.max(where[below])), float(np.min(where[above]))
            if low < high:
                threshold = "0" if low <= 0.0 <= high else f"about {(low + high) / 2.0:.2g}"
                told = [
                    f"{_off_by(float(np.median(ratio[part])))} where {name} {side} {threshold}"
                    for part, side in zip((right, ~right), sides)
                ]
                return f"is {', '.join(told if told[0].startswith('right') else sorted(told, key=_is_below))}"
    return None


def _is_below(sentence: str) -> bool:
    return " < " in sentence


def _off_by(factor: float) -> str:
    """Return what a gradient is that is off by a factor, or right, or 0."""
    if abs(factor - 1.0) < 1e-3:
        return "right"
    return "0" if abs(factor) < 1e-6 else f"off by a factor of {factor:.4g}"


def _rearrangements(shape: tuple[int, ...]) -> Iterator[tuple[str, _Change]]:
    """Yield ways to rearrange an array of some shape within it, and what it then is."""
    axes = [axis for axis, length in enumerate(shape) if length > 1]
    for axis in axes:
        along = f" along axis {axis}" if len(shape) > 1 else ""
        yield f"reversed{along}", partial(np.flip, axis=axis)
        for shift in [sign * size for size in range(1, _SHIFTS + 1) for sign in (1, -1)]:
            if abs(shift) < shape[axis] and (shape[axis] > 2 or shift == 1):
                by = f"shifted by {abs(shift)}{' back' if shift < 0 else ''}{along}"
                yield by, partial(np.roll, shift=shift, axis=axis)
                yield by, partial(_shifted, shift=shift, axis=axis)
    for pair in itertools.combinations(axes, 2):
        yield f"reversed along axes {pair[0]} and {pair[1]}", partial(np.flip, axis=pair)
    for order in itertools.permutations(range(len(shape))) if 2 <= len(shape) <= 4 else ():
        if order != tuple(sorted(order)):
            how = "" if len(shape) == 2 else f": its axes are in the order {order}"
            yield f"transposed{how}", partial(_reordered, order=order)


def _reordered(array: Any, order: tuple[int, ...]) -> Any:
    """Return an array with its axes in another order, in the shape that it had."""
    return np.transpose(array, order).reshape(array.shape)


def _shifted(array: Any, shift: int, axis: int) -> Any:
    """Return an array shifted along an axis, with zeros where nothing comes from."""
    moved = np.moveaxis(np.roll(array, shift, axis), axis, 0).copy()
    moved[slice(0, shift) if shift > 0 else slice(shift, None)] = 0
    return np.moveaxis(moved, 0, axis)


def _each(change: _Change, rows: Any) -> Any:
    return np.stack([change(row) for row in rows])


def _profile(point: Jacobians, port: int, axis: int) -> str:
    """Return "constant" or "other" for what is missing along an axis if it is in proportion in all rows, else ""."""
    missing = np.moveaxis(point.numeric[port] - point.analytic[port], axis + 1, -1)
    missing = missing.reshape(point.rows.size, -1, missing.shape[-1]).swapaxes(0, 1)  # by slice: rows, places
    largest = np.max(np.abs(point.numeric[port]), initial=0.0)
    seen, is_constant = 0, True
    slack = min(max(1e-4, 2e5 * point.point.function.precision.relative), 0.1)
    for part in missing:
        part = part[np.max(np.abs(part), axis=1) > 1e-3 * largest]
        if not len(part):
            continue
        _, sizes, right = np.linalg.svd(part, full_matrices=False)
        if sizes[1:].max(initial=0.0) > slack * sizes[0] or np.min(np.abs(right[0])) < 1e-6:
            return ""
        is_constant &= bool(np.ptp(right[0]) <= slack * np.max(np.abs(right[0])))
        seen = max(seen, len(part))
    return "" if seen < 2 and not (seen and is_constant) else "constant" if is_constant else "other"


def _terms(point: Jacobians, port: int) -> Iterator[tuple[str, Callable[[Jacobians], Any]]]:
    """Yield terms that a gradient may miss: an input, or what reaches the input along a path that changes nothing."""
    if point.shape(port) == point.only_output:
        yield "the upstream gradient", lambda there: there.upstream.reshape(there.numeric[port].shape)
    for other in point.alike(port):
        yield point.names[other], partial(_repeated, port=port, other=other)
        if point.shape(port) == point.only_output:
            yield f"{point.names[other]} times the upstream gradient", partial(_passed, port=port, other=other)


def _repeated(point: Jacobians, port: int, other: int) -> Any:
    """Return an input once for each output."""
    return np.broadcast_to(point.inputs[other], point.numeric[port].shape)


def _passed(point: Jacobians, port: int, other: int) -> Any:
    """Return an input times the upstream gradient, for each output."""
    return point.upstream.reshape(point.numeric[port].shape) * point.inputs[other]


def _ratio(point: Jacobians, port: int, axis: int | None) -> Any:
    """Return by how much a gradient is off, as a whole or for each slice along an axis; None if it is no factor."""
    numeric, analytic = point.numeric[port], point.analytic[port]
    if axis is not None:
        numeric, analytic = np.moveaxis(numeric, axis + 1, 1), np.moveaxis(analytic, axis + 1, 1)
    parts = numeric.shape[2:] if axis is not None else ()
    rows = [one.reshape(-1, int(np.prod(parts))) for one in (numeric, analytic)]
    sums = (rows[0] * rows[0]).sum(axis=0)
    if not sums.all():
        return None
    ratio = ((rows[0] * rows[1]).sum(axis=0) / sums).reshape(parts)
    expected = point.numeric[port] * (ratio if axis is None else np.expand_dims(ratio, axis))
    return ratio if ratio.all() and point.agrees(port, expected) else None


def _statistics(
    point: Jacobians, shape: tuple[int, ...], axis: int | None
) -> Iterator[tuple[str, Callable[[Jacobians], Any]]]:
    """Yield what may have been forgotten, or put in: statistics of an input or of the output, with their names."""
    along = f" along axis {axis}" if axis is not None else ""
    labels = point.point.function.labels
    for port in [*[port for port in range(len(point.inputs)) if port not in labels], None]:
        of = point.only_output if port is None else point.shape(port)
        name = "the output" if port is None else point.names[port]
        if of is not None and axis is not None and of == shape[:axis] + shape[axis + 1 :]:
            yield name, partial(_statistic, port=port, of=_itself, axis=axis)
        if of is None or (axis is not None and of != shape):
            continue
        for kind, statistic in _KINDS.items() if of else [("", np.sum)]:
            text = f"the {kind} of {name}{along}" if kind else name
            yield text, partial(_statistic, port=port, of=statistic, axis=axis)


def _itself(array: Any, axis: int | None) -> Any:
    return array


def _statistic(point: Jacobians, port: int | None, of: Callable[..., Any], axis: int | None) -> Any:
    """Return a statistic of an input, or of the output."""
    return of(np.asarray(point.outputs[0] if port is None else point.inputs[port]), axis=axis)


def _fit(values: Iterator[Any], ratios: Sequence[Any]) -> bool:
    """Return whether ratios are some values at all points, or all are their inverses."""
    with np.errstate(all="ignore"):
        pairs = list(zip(values, ratios))
        return any(all(np.allclose(ratio, v**power, rtol=1e-3, atol=0) for v, ratio in pairs) for power in (1.0, -1.0))


def _sizes(point: Jacobians, port: int) -> Iterator[tuple[str, Callable[[Jacobians], Any]]]:
    """Yield what regions may be told apart by: the inputs of the same shape, and their sizes."""
    for other in dict.fromkeys((port, *point.alike(port))):
        yield point.names[other], partial(_input, port=other)
        yield f"|{point.names[other]}|", partial(_input, port=other, change=np.abs)


def _input(point: Jacobians, port: int, change: _Change = np.asarray) -> Any:
    return change(point.inputs[port])


def _by_element(point: Jacobians, port: int, size: Callable[[Jacobians], Any]) -> tuple[Any, Any]:
    """Return the size at each element that has a slope, and by how much its gradient is off."""
    numeric, analytic = (one[port].reshape(point.rows.size, -1) for one in (point.numeric, point.analytic))
    sums = (numeric * numeric).sum(axis=0)
    has_slope = point.moves(port).any(axis=0) & (sums > 0)
    ratio = (numeric * analytic).sum(axis=0)[has_slope] / sums[has_slope]
    fits = point.near(port, point.analytic[port].reshape(numeric.shape)[:, has_slope], numeric[:, has_slope] * ratio)
    return np.ravel(size(point))[has_slope], np.where(fits.all(axis=0), ratio, np.nan)
