"""What a wrong gradient looks like. A pattern counts only if it holds at other inputs and another upstream too."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from gates.checking.trials import Trial
from gates.values import Value, shape_of

_SHOWN = 5  # indices in a sentence


class Patterns:
    """The patterns that a wrong gradient follows, looked for over several trials.

    Parameters
    ----------
    trials : list of Trial
        The first is where it failed.
    wrong : dict of int to float
        The inputs whose gradient is wrong there, with the part of their elements that is.
    """

    def __init__(self, trials: Sequence[Trial], wrong: dict[int, float]) -> None:
        self.trials, self.wrong = list(trials), wrong

    def find(self, kind: str, port: int) -> str | None:
        """Return what is to be said of an input's gradient, "" if it cannot be seen, None if it does not hold."""
        finder: Callable[[int], str | None] = getattr(self, f"_{kind}")
        return finder(port)

    def _swapped(self, port: int) -> str | None:
        others = [q for q in self.wrong if q != port and self._shape(q) == self._shape(port)]
        if not others:
            return ""
        together = [port, *others]
        for order in itertools.permutations(together):
            if all(p != q for p, q in zip(together, order)) and all(
                trial.agrees(p, trial.numeric[q], trial.errors[q])
                for trial in self.trials
                for p, q in zip(together, order)
            ):
                return "swapped"
        return None

    def _zero(self, port: int) -> str | None:
        zero = all(not trial.analytic[port].any() for trial in self.trials)
        if not zero and self.wrong[port] <= 1 / 3:
            return None
        if all(not trial.analytic[port][trial.wrong(port)].any() for trial in self.trials):
            return "is zero where it should not be"
        return None

    def _mask(self, port: int) -> str | None:
        if any(self._shape(port) != shape_of(output) for output in self.trials[0].outputs):
            return ""
        analytic, dead, live = [], [], []
        for trial in self.trials:
            flows = np.abs(trial.numeric[port]) > 10 * trial.errors[port]
            analytic.append(trial.analytic[port])
            dead.append(trial.known[port] & ~flows)
            live.append(trial.known[port] & flows)
        given, off, on = (np.concatenate(part) for part in (analytic, dead, live))
        if not (off.any() and on.any() and given[off].all()):
            return None
        if all(
            trial.agrees(port, np.where(on, trial.numeric[port], trial.analytic[port]))
            for trial, on in zip(self.trials, live)
        ):
            return "comes through without its mask: it flows where forward does not"
        return "has its mask inverted: it flows where forward does not, and only there" if not given[on].any() else None

    def _sign(self, port: int) -> str | None:
        return "has the wrong sign" if all(trial.agrees(port, -trial.numeric[port]) for trial in self.trials) else None

    def _upstream(self, port: int) -> str | None:
        if all(trial.agrees(port, trial.with_upstream(lambda dz: dz * 0.0 + 1.0)[port]) for trial in self.trials):
            return "is the local gradient alone: the upstream gradient is not multiplied in"
        if all(trial.agrees(port, trial.with_upstream(lambda dz: dz * dz)[port]) for trial in self.trials):
            return "has the upstream gradient multiplied in twice"
        return None

    def _factor(self, port: int) -> str | None:
        ratios = np.concatenate(
            [(t.analytic[port] / t.numeric[port])[t.known[port] & (t.numeric[port] != 0)] for t in self.trials]
        )
        ratio = float(np.median(ratios)) if ratios.size else 0.0
        if not ratio or not all(
            trial.agrees(port, ratio * trial.numeric[port], abs(ratio) * trial.errors[port]) for trial in self.trials
        ):
            return None
        inverse = (
            f" (1/{round(1 / ratio)})" if abs(1 / ratio) >= 1.5 and abs(1 / ratio - round(1 / ratio)) < 1e-4 else ""
        )
        return f"is off by a factor of {float(f'{ratio:.6g}'):g}{inverse}"

    def _transposed(self, port: int) -> str | None:
        squares = [p for p in self.trials[0].ports if _is_square(self._shape(p))]
        if port in squares and all(trial.agrees(port, *trial.mirrored(port)) for trial in self.trials):
            return "is transposed"
        for square in squares:
            if all(
                trial.agrees_at(port, trial.with_input(square, _transpose(trial.inputs[square])))
                for trial in self.trials
            ):
                return f"takes {self.trials[0].names[square]} transposed"
        if any(_is_square(shape_of(output)) for output in self.trials[0].outputs):
            if all(trial.agrees(port, trial.with_upstream(_transpose)[port]) for trial in self.trials):
                return "takes the gradient of z transposed"
        elif not squares:
            return ""
        return None

    def _output(self, port: int) -> str | None:
        count = len(self.trials[0].outputs)
        if count == 1:
            return ""
        for kept in range(count):
            if all(trial.agrees(port, trial.of_output(kept)[port]) for trial in self.trials):
                return f"counts output {kept} only, of {count}"
        return None

    def _exchanged(self, port: int) -> str | None:
        first = self.trials[0]
        shape = shape_of(first.outputs[0])
        fitting = [p for p in first.ports if self._shape(p) == shape] if len(first.outputs) == 1 else []
        for other in fitting:
            exchanged = [trial.with_input(other, trial.outputs[0]) for trial in self.trials]
            if _hold([trial.answer_at(inputs, port) for trial, inputs in zip(self.trials, exchanged)]):
                return f"uses the input {first.names[other]} where the output belongs"
            if _hold([trial.agrees_at(port, inputs) for trial, inputs in zip(self.trials, exchanged)]):
                return f"uses the output where the input {first.names[other]} belongs"
        return None if fitting else ""

    def _index(self, port: int) -> str | None:
        shape = self._shape(port)
        if math.prod(shape) < 3:
            return ""
        wrong = self.trials[0].wrong(port)
        if self.wrong[port] > 1 / 3 or not all(np.array_equal(wrong, trial.wrong(port)) for trial in self.trials):
            return None
        places = sorted(np.asarray(self.trials[0].places[port])[wrong].tolist())
        indices = [index_of(place, shape) for place in places[:_SHOWN]] + ["..."] * (len(places) > _SHOWN)
        return f"is wrong only at index {', '.join(indices)}"

    def _shape(self, port: int) -> tuple[int, ...]:
        return shape_of(self.trials[0].inputs[port])


def index_of(place: int, shape: tuple[int, ...]) -> str:
    """Return a place in C order as an index: 3, (0, 2), or nothing for a number."""
    index = tuple([int(i) for i in np.unravel_index(place, shape)]) if shape else ()
    return str(index[0]) if len(index) == 1 else str(index) if index else ""


def _hold(answers: Sequence[bool | None]) -> bool:
    """Return whether two answers or more are yes, and none is no; None is no answer."""
    given = [answer for answer in answers if answer is not None]
    return len(given) >= 2 and all(given)


def _is_square(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 2 and shape[-1] == shape[-2] > 1


def _transpose(value: Value) -> Value:
    return np.swapaxes(value, -1, -2) if _is_square(shape_of(value)) else value
