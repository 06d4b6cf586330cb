"""The state of training, which changes only by whole steps: parameters, velocities, history, position in the data."""

from __future__ import annotations

import functools
import hashlib
import math
import re
import time
from collections.abc import Callable
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from gates.formatting import gate_text
from gates.gate import kind_of
from gates.values import Value, shape_of
from graph.passes.nested import GraphGate
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Entry, Input
from graph.structure.wiring import all_sources
from graph.training.checkpoints import Groups, described_array, read_checkpoint, write_checkpoint
from graph.training.descent import Descent
from graph.training.learning_gates import LearningGates
from graph.training.minibatches import Batch
from graph.training.progress import History


class Position(NamedTuple):
    """A position in the data."""

    epoch: int  # the number of finished epochs
    done: int  # the number of finished steps of the next epoch
    random: Any  # the state of the random generator before that epoch is shuffled


class _Step(NamedTuple):
    """A step that has been computed, but perhaps not taken yet."""

    number: int
    values: dict[str, Value]
    velocity: dict[str, Value]
    of_gates: dict[str, Any]
    loss: float
    seconds: float
    position: Position


class TrainingState:
    """Training in progress. Its state changes only by whole steps, even if an interrupt comes in the middle of one.

    Parameters
    ----------
    descent : Descent
        Computes the numbers of a step.
    learning_rate : function
        The learning rate by the number of the step.
    momentum : float
        The fraction of its velocity that a parameter keeps from step to step.
    settings : dict
        The settings that must be the same in a run that resumes from a checkpoint, among them the "seed" of the order
        of the examples.
    """

    def __init__(
        self, descent: Descent, learning_rate: Callable[[int], float], momentum: float, settings: dict[str, Any]
    ) -> None:
        self.descent = descent
        self.graph = descent.graph
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.settings = settings
        self.velocity: dict[str, Value] = {}
        self.learning = LearningGates(self.graph)
        self.of_gates = self.learning.read()  # as the last step that was taken left them
        self.history = History()
        self.random = np.random.default_rng(settings["seed"])
        self.position = Position(0, 0, self.random.bit_generator.state)
        self.computed: _Step | None = None
        self.began = time.perf_counter()

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of the graph's gates, their settings and the wiring, as a hexadecimal number."""
        lines = []
        for name, sources in all_sources(self.graph.graph):
            gate = self.graph.gate(name)
            text = kind_of(gate) if isinstance(gate, Entry) else re.sub(" at 0x[0-9a-f]+", "", gate_text(gate))
            lines.append(f"{name} {text} {sources}")
        return hashlib.sha256("\n".join([*lines, str(self.graph.output)]).encode()).hexdigest()[:16]

    def end_epoch(self, loss: float = math.nan, accuracy: float = math.nan) -> None:
        """Move on to the next epoch, with what validation has measured."""
        epoch = self.position.epoch
        for kept, found in ((self.history.validation_loss, loss), (self.history.accuracy, accuracy)):
            if kept or not math.isnan(found):
                kept[epoch:] = [*[math.nan] * (epoch - len(kept)), found]
        self.position = Position(self.position.epoch + 1, 0, self.random.bit_generator.state)

    def step(self, batch: Batch, rows: Any = None) -> None:
        """Take one step, on a minibatch that consists of some rows of the data."""
        try:
            self.computed = self._compute(batch, rows)
        except Exception as error:
            self.learning.write(self.of_gates)
            step, epoch = len(self.history) + 1, self.position.epoch + 1
            of = "" if rows is None else f", on the rows {np.array2string(rows, threshold=200, separator=', ')} of data"
            error.add_note(f"in train(), step {step} (epoch {epoch}){of}; the parameters are as they were before it")
            raise
        self.apply()

    @np.errstate(all="ignore")  # a number that is not finite raises an error that names its cause
    def _compute(self, batch: Batch, rows: Any) -> _Step:
        """Compute a step without taking it."""
        loss = self.descent.loss(batch)
        if shape_of(loss):
            who, hint = f"train(): the output {self.graph.output}", "set graph.output to the wire of the loss"
            raise ValueError(f"{who} has the shape {shape_of(loss)}: the loss must be a number; {hint}")
        loss = float(loss)
        if not math.isfinite(loss):
            raise self._failure(f"the loss is {loss}", batch, rows)
        values, velocity, wrong = self.descent.update(
            self.velocity, self.learning_rate(len(self.history)), self.momentum
        )
        if wrong:
            raise self._failure(f"the parameter {wrong!r} would not be finite", batch, rows)
        self.learning.count_pass()
        seconds = time.perf_counter() - self.began
        position = self.position._replace(done=self.position.done + 1)
        return _Step(len(self.history), values, velocity, self.learning.read(), loss, seconds, position)

    def apply(self) -> None:
        """Take the computed step, if there is one. After an interrupt in the middle, call it again."""
        if self.computed is None:
            self.learning.write(self.of_gates)
            return
        parameters = self.graph.parameters
        for name, value in self.computed.values.items():
            parameters[name] = value
        self.velocity, self.of_gates = self.computed.velocity, self.computed.of_gates
        self.learning.write(self.of_gates)
        self.history.loss[self.computed.number :] = [self.computed.loss]
        self.history.time[self.computed.number :] = [self.computed.seconds]
        self.position = self.computed.position
        self.computed = None

    def save(self, path: str | PathLike[str]) -> None:
        """Save the state, if this is the process that saves."""
        if not self.descent.saves:
            return
        arrays = {
            "parameter": self.graph.parameters,
            "velocity": self.velocity if self.momentum else {},
            "gates": {name: value for name, value in self.of_gates.items() if value is not None},
            "history": {
                "loss": self.history.loss,
                "time": self.history.time,
                "validation_loss": self.history.validation_loss[: self.position.epoch],
                "accuracy": self.history.accuracy[: self.position.epoch],
            },
        }
        write_checkpoint(path, arrays, {**self.position._asdict(), **self.settings, "graph": self.fingerprint})

    def restore(self, path: str | PathLike[str]) -> None:
        """Load the state from a file, or raise ValueError if it does not belong to this graph and these settings."""
        groups, facts = read_checkpoint(path, lambda described, facts: self._check_fits(path, described, facts))
        try:
            loss, seconds = (groups["history"][name] for name in ("loss", "time"))
            unseen, accuracy = (groups["history"].get(name, np.zeros(0)) for name in ("validation_loss", "accuracy"))
            self.random.bit_generator.state = facts["random"]
            position = Position(facts["epoch"], facts["done"], self.random.bit_generator.state)
            is_whole = position.random == facts["random"] and self._agree(loss, seconds, position)
            is_whole &= all(one.shape in ((0,), (position.epoch,)) for one in (unseen, accuracy))
        except Exception as error:  # the random generator's are of several types
            raise ValueError(f"train(): {path} is a damaged checkpoint: {error!r}") from None
        if not is_whole:
            raise ValueError(f"train(): {path} is a damaged checkpoint: its parts do not fit one another")
        parameters, velocity = self.graph.parameters, groups.get("velocity", {})
        self.velocity = {name: self.descent.like(value, parameters[name]) for name, value in velocity.items()}
        self.history.loss, self.history.time, self.position = loss.tolist(), seconds.tolist(), position
        self.history.validation_loss, self.history.accuracy = unseen.tolist(), accuracy.tolist()
        for name, value in groups["parameter"].items():
            parameters[name] = self.descent.like(value, parameters[name])
        self.learning.write_saved(groups.get("gates", {}))
        self.of_gates = self.learning.read()
        if self.history.time:
            self.began -= self.history.time[-1]

    def _check_fits(self, path: str | PathLike[str], described: Groups, facts: dict[str, Any]) -> None:
        """Raise ValueError unless a checkpoint belongs to this graph and these settings."""
        ours, theirs = _described(self.graph.parameters), described.get("parameter", {})
        for name in {**ours, **theirs}:
            here, there = ours.get(name, "not"), theirs.get(name, "not")
            if here != there:
                raise ValueError(f"train(): the parameter {name!r} is {there} in {path}, and {here} in the graph")
        if facts.get("graph") != self.fingerprint:
            raise ValueError(f"train(): {path} was made with another graph: its gates, their settings or wiring differ")
        for name, setting in self.settings.items():
            if facts.get(name) != setting:
                raise ValueError(f"train(): {path} was made with {name}={facts.get(name)!r}, got {name}={setting!r}")
        if described.get("velocity", {}) not in ({}, ours) or not self.learning.may_be(described.get("gates", {})):
            raise ValueError(f"train(): {path} is a damaged checkpoint: its parts do not fit one another")

    def _agree(self, loss: Any, seconds: Any, position: Position) -> bool:
        """Return whether a saved history can be one that led to a position."""
        numbers = np.array([loss, seconds], dtype=float)
        steps, examples = numbers.shape[1], self.settings["examples"]
        per_epoch = math.inf if examples is None else -(-examples // self.settings["batch_size"])
        return (
            numbers.ndim == 2
            and loss.dtype == seconds.dtype == np.float64
            and bool(np.isfinite(numbers).all())
            and all(type(number) is int and number >= 0 for number in position[:2])
            and position.done <= min(steps, per_epoch)
            and (examples is None or steps == position.epoch * per_epoch + position.done)
        )

    def _failure(self, what: str, batch: Batch, rows: Any) -> FloatingPointError:
        """Return the error for a step that produced numbers that are not finite."""
        where = f"at step {len(self.history) + 1} (epoch {self.position.epoch + 1})"
        return FloatingPointError(f"train(): {what} {where}: {_cause(self.graph, self.descent.for_graph(batch), rows)}")


def _cause(graph: TwoPasses, batch: Batch, rows: Any) -> str:
    """Return the cause of a number that is not finite: the first gate that made one from finite inputs, or an input."""
    try:
        twin = _guarded(graph.copy())
        twin.forward(batch)
        twin.backward()
    except FloatingPointError as error:
        return str(error)
    except Exception as error:  # a gate that cannot be copied, or that behaves differently the second time
        return f"its cause could not be found, for {type(error).__name__}: {error}"
    for name, gate in graph.graph.nodes(data="gate"):
        if isinstance(gate, Entry):
            array = np.asarray(batch[name] if isinstance(gate, Input) else gate.value, dtype=float)
            bad = np.argwhere(~np.isfinite(array))
            if len(bad):
                place = bad[0].tolist()
                at = f" at {place[0] if len(place) == 1 else tuple(place)}" if place else ""
                row = f", row {rows[place[0]]} of data" if isinstance(gate, Input) and rows is not None else ""
                return f"the {kind_of(gate)} {name!r} is {array[tuple(place)]}{at}{row}"
    return "the step was too long: try a smaller learning_rate"


def _guarded(graph: TwoPasses) -> TwoPasses:
    """Turn on the guard of a graph and its nested graphs, and return the graph."""
    graph.guard = True
    for _, gate in graph.graph.nodes(data="gate"):
        if isinstance(gate, GraphGate):
            _guarded(gate.graph)
    return graph


def _described(values: Any) -> dict[str, str]:
    """Return the shape and dtype of each value."""
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return {name: described_array(array.dtype, array.shape) for name, array in arrays.items()}
