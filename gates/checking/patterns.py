"""What a wrong gradient looks like. A pattern counts only if it holds at other inputs and another upstream too."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from gates.checking.report import index_of
from gates.checking.resamples import Trial
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
    sampled : sequence of int
        The inputs of whose elements only some were looked at.
    """

    def __init__(self, trials: Sequence[Trial], wrong: dict[int, float], sampled: Sequence[int] = ()) -> None:
        self.trials, self.wrong, self.sampled = list(trials), wrong, sampled

    def find(self, kind: str, port: int) -> str | None:
        """Return what is to be said of an input's gradient, "" if it cannot be seen, None if it does not hold."""
        finder: Callable[[int], str | None] = getattr(self, f"_{kind}")
        return finder(port)

    def _swapped(self, port: int) -> str | None:
        if not any(q != port and self._shape(q) == self._shape(port) for q in self.wrong):
            return ""
        path = [port]
        while True:  # from each input to the one whose gradient it was given, until that comes back to the first
            here = path[-1]
            to = [q for q in self.wrong if q != here and self._has_gradient_of(here, q)]
            onward = [q for q in to if q == port] or [q for q in to if q not in path]
            if not onward or onward[0] == port:
                return "swapped" if onward else None
            path.append(onward[0])

    def _has_gradient_of(self, p: int, q: int) -> bool:
        """Return whether one input is given the gradient of another."""
        return self._shape(p) == self._shape(q) and all(t.agrees(p, t.numeric[q], t.errors[q]) for t in self.trials)

    def _zero(self, port: int) -> str | None:
        zero = all(not trial.analytic[port].any() for trial in self.trials)
        if not self.trials[0].wrong(port).any() or (not zero and self.wrong[port] <= 1 / 3):
            return None
        if all(not trial.analytic[port][trial.wrong(port)].any() for trial in self.trials):
            return "is zero where it should not be"
        return None

    def _mask(self, port: int) -> str | None:
        if any(self._shape(port) != shape_of(output) for output in self.trials[0].outputs):
            return ""
        flows = [np.abs(trial.numeric[port]) > 10 * trial.errors[port] for trial in self.trials]
        live = np.concatenate([trial.known[port] & flow for trial, flow in zip(self.trials, flows)])
        dead = np.concatenate([trial.known[port] & ~flow for trial, flow in zip(self.trials, flows)])
        wrong = [trial.wrong(port) for trial in self.trials]
        analytic, all_wrong = np.concatenate([trial.analytic[port] for trial in self.trials]), np.concatenate(wrong)
        if not live.any() or not (dead & all_wrong).any() or sum(one.any() for one in wrong) < 2:
            return None
        if not (live & all_wrong).any():
            return "is missing its mask: it is not 0 where forward lets nothing through"
        if not analytic[live].any():
            return "has its mask inverted: it is 0 where forward lets something through, and only there"
        return None

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
        return f"is off by a factor of {ratio:.{6 if abs(ratio - 1) > 1e-5 else 12}g}{inverse}"

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
                return f"takes {self.trials[0].upstream_name} transposed"
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
        looked = f" of the {len(self.trials[0].places[port])} looked at" if port in self.sampled else ""
        return f"is wrong only at index {', '.join(indices)}{looked}"

    def _shape(self, port: int) -> tuple[int, ...]:
        return shape_of(self.trials[0].inputs[port])


def _hold(answers: Sequence[bool | None]) -> bool:
    """Return whether two answers or more are yes, and none is no; None is no answer."""
    given = [answer for answer in answers if answer is not None]
    return len(given) >= 2 and all(given)


def _is_square(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 2 and shape[-1] == shape[-2] > 1


def _transpose(value: Value) -> Value:
    return np.swapaxes(value, -1, -2) if _is_square(shape_of(value)) else value
