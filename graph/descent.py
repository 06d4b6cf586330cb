"""The state of training, which changes by whole steps: parameters, velocities, history, place in the data."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from gates.namespaces import namespace
from gates.values import Value, shape_of
from graph.checkpoints import read_checkpoint, write_checkpoint
from graph.computational_graph import ComputationalGraph
from graph.entries import Input, Parameter
from graph.minibatches import Batch


@dataclass(repr=False)
class History:
    """What happened in training, a number a step.

    Attributes
    ----------
    loss : list of float
        The loss on each step's minibatch, before the step was taken.
    time : list of float
        When each step was done, in seconds since training began.
    interrupted : bool
        Whether Ctrl-C ended training.
    """

    loss: list[float] = field(default_factory=list)
    time: list[float] = field(default_factory=list)
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.loss)

    def __repr__(self) -> str:
        losses = f", loss {self.loss[0]:.4g} to {self.loss[-1]:.4g}, {self.time[-1]:.1f} s" if self.loss else ""
        return f"History({len(self):,} steps{losses}{', interrupted' * self.interrupted})"


class Descent:
    """Training under way. Its state changes by whole steps, also where an interrupt comes between."""

    def __init__(
        self, graph: ComputationalGraph, learning_rate: float, momentum: float, seed: int, batch_size: int
    ) -> None:
        if not graph.parameters:
            raise ValueError("train(): the graph has no parameters")
        self.graph = graph
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.settings = {"seed": seed, "batch_size": batch_size}
        self.velocity: dict[str, Value] = {}
        self.history = History()
        self.random = np.random.default_rng(seed)
        # How many epochs are over, how many steps of the next are done, and the state that its order comes from.
        self.position: tuple[int, int, Any] = 0, 0, self.random.bit_generator.state
        self.pending: tuple[int, dict[str, Value], dict[str, Value], float, float, tuple[int, int, Any]] | None = None
        self.began = time.perf_counter()

    @property
    def epoch(self) -> int:
        """How many epochs are over."""
        return self.position[0]

    @property
    def done(self) -> int:
        """How many steps of the current epoch are done."""
        return self.position[1]

    def begin_epoch(self) -> np.random.Generator:
        """Return the generator of the epoch's order, in the state that belongs to it."""
        self.random.bit_generator.state = self.position[2]
        return self.random

    def end_epoch(self) -> None:
        """Go on to the next epoch."""
        self.position = self.epoch + 1, 0, self.random.bit_generator.state

    def step(self, batch: Batch) -> None:
        """Take one step."""
        parameters = self.graph.parameters
        values, velocity = {}, {}
        with np.errstate(all="ignore"):  # what is not finite is an error here, with its cause
            loss = self.graph.forward(batch)
            if shape_of(loss):
                raise ValueError(
                    f"train(): the output {self.graph.output} has the shape {shape_of(loss)}: the loss must be a number"
                )
            loss = float(loss)
            if not math.isfinite(loss):
                raise self._failure(batch, f"the loss is {loss}")
            gradients = self.graph.backward()
            for name in parameters:
                velocity[name] = gradients[name]
                if name in self.velocity:
                    velocity[name] = self.momentum * self.velocity[name] + gradients[name]
                values[name] = parameters[name] - self.learning_rate * velocity[name]
                if not _is_finite(values[name]):
                    raise self._failure(batch, f"the parameter {name!r} would not be finite")
        seconds = time.perf_counter() - self.began
        epoch, done, state = self.position
        velocity = velocity if self.momentum else {}
        self.pending = len(self.history), values, velocity, loss, seconds, (epoch, done + 1, state)
        self.commit()

    def commit(self) -> None:
        """Make the step that was worked out the state. If an interrupt cuts it short, it can be done once more."""
        if self.pending is None:
            return
        steps, values, velocity, loss, seconds, position = self.pending
        parameters = self.graph.parameters
        for name, value in values.items():
            parameters[name] = value
        self.velocity = velocity
        self.history.loss[steps:] = [loss]
        self.history.time[steps:] = [seconds]
        self.position = position
        self.pending = None

    def save(self, path: str | PathLike[str]) -> None:
        """Save the state."""
        epoch, done, random = self.position
        arrays = {
            "parameter": self.graph.parameters,
            "velocity": self.velocity,
            "history": {"loss": self.history.loss, "time": self.history.time},
        }
        write_checkpoint(path, arrays, {"epoch": epoch, "done": done, "random": random, **self.settings})

    def restore(self, path: str | PathLike[str]) -> None:
        """Take the state from a file, if it belongs to this graph and these settings."""
        groups, facts = read_checkpoint(path)
        for name, setting in self.settings.items():
            if facts[name] != setting:
                raise ValueError(f"train(): {path} was made with {name}={facts[name]}, got {name}={setting}")
        parameters, saved = self.graph.parameters, groups.get("parameter", {})
        ours = {name: shape_of(value) for name, value in parameters.items()}
        theirs = {name: value.shape for name, value in saved.items()}
        if ours != theirs:
            raise ValueError(f"train(): {path} has the parameters {theirs}, and the graph has {ours}")
        self.random.bit_generator.state = facts["random"]
        self.history.loss, self.history.time = (groups["history"][name].tolist() for name in ("loss", "time"))
        self.velocity = {name: _like(value, parameters[name]) for name, value in groups.get("velocity", {}).items()}
        for name, value in saved.items():
            parameters[name] = _like(value, parameters[name])
        self.position = facts["epoch"], facts["done"], facts["random"]
        if self.history.time:
            self.began -= self.history.time[-1]

    def _failure(self, batch: Batch, what: str) -> FloatingPointError:
        """Return the error for a step that gave no finite numbers."""
        step, epoch = len(self.history) + 1, self.epoch + 1
        why = _cause(self.graph, batch)
        return FloatingPointError(
            f"train(): {what} at step {step} (epoch {epoch}): {why}. The parameters are as they were before this step"
        )


def _cause(graph: ComputationalGraph, batch: Batch) -> str:
    """Return what made a number that is not finite: an input, a parameter, or the first gate."""
    for name, gate in graph.graph.nodes(data="gate"):
        value = batch.get(name) if isinstance(gate, Input) else gate.value if isinstance(gate, Parameter) else None
        if value is not None and not np.all(np.isfinite(array := np.asarray(value, dtype=float))):
            place = np.argwhere(~np.isfinite(array))[0].tolist()
            at = f" at {place[0] if len(place) == 1 else tuple(place)}" if place else ""
            return f"the {'input' if isinstance(gate, Input) else 'parameter'} {name!r} is {array[tuple(place)]}{at}"
    twin = graph.copy()
    twin.guard = True
    try:
        twin.forward(batch)
        twin.backward()
    except FloatingPointError as error:
        return str(error)
    return "the step was too long: try a smaller learning_rate"


def _is_finite(value: Value) -> bool:
    """Return whether all numbers are finite."""
    if type(value) is float:
        return math.isfinite(value)
    xp = namespace(value)
    return bool(xp.all(xp.isfinite(value)))


def _like(saved: Any, value: Value) -> Any:
    """Return a saved array as one of the library that a parameter's array is of."""
    if type(value) is float or isinstance(value, (np.ndarray, np.generic)):
        return saved
    return namespace(value).asarray(saved)
