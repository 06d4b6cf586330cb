"""Training: minibatch stochastic gradient descent on a graph's parameters."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import islice
from os import PathLike
from typing import Any

from gates.values import as_number, as_whole_number
from graph.computational_graph import ComputationalGraph
from graph.saving.atomic_file import check_writable
from graph.training.descent import Descent, EngineDescent, JaxDescent
from graph.training.learning_gates import LearningGates
from graph.training.minibatches import Data, Minibatches
from graph.training.progress import History, Progress, progress_of
from graph.training.state import TrainingState
from graph.training.threads import few_threads
from graph.training.validation import Measured, Validation

_SECONDS_BETWEEN_CHECKPOINTS = 60.0


def train(
    graph: ComputationalGraph,
    data: Data,
    *,
    learning_rate: float | Callable[[int], float] = 0.1,
    batch_size: int = 64,
    epochs: int = 10,
    momentum: float = 0.0,
    seed: int = 0,
    validation: Mapping[str, Any] | None = None,
    progress: bool = True,
    checkpoint: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None,
    engine: str = "auto",
    mesh: Any = None,
) -> History:
    """Train a graph's parameters by minibatch stochastic gradient descent, to minimize its output.

    Each step runs both passes on a minibatch and takes `velocity = momentum * velocity + gradient` and
    `parameter = parameter - learning_rate * velocity`. The new values are new arrays in `graph.parameters`. The same
    seed gives identical results.

    Parameters
    ----------
    graph : ComputationalGraph
        A graph with parameters, whose output is a number: the loss.
    data : mapping of str to array, or iterable of such mappings, or function that returns one
        Arrays for the graph's inputs by name, with one example per row, shuffled each epoch. Or, for data that does
        not fit in memory, an iterable of minibatches, each a mapping of names to arrays, which is iterated over once
        per epoch, or a function, such as a generator function, that is called once per epoch and returns one.
        Make the inputs with `grad=False`: otherwise their gradients are computed but not used.
    learning_rate : float or function
        The length of a step, in units of the parameters per unit of their gradients; or a function that is given the
        number of the step, from 0 on, and returns it.
    batch_size : int
        The number of examples in a minibatch; the last one of an epoch may have fewer.
    epochs : int
        The total number of passes over the data, including those before `resume`.
    momentum : float
        The fraction of its velocity that a parameter keeps from step to step, from 0 to less than 1.
    seed : int
        The seed of the order of the examples.
    validation : mapping of str to array, optional
        Data that the graph is not trained on, in the same form as `data`. After each epoch the loss on it, and the
        accuracy where a loss compares scores with labels, are shown and kept in the history. Gates with an attribute
        `training`, such as dropout, have it False meanwhile.
    progress : bool
        Whether to show a progress bar (with tqdm), or a line per epoch.
    checkpoint : path, optional
        A file in which to save the state of training: after every epoch, every minute and on Ctrl-C. Even if the
        process is killed, the old or the new file is whole; what a killed process left beside it is removed by the
        next that writes or resumes from that file. A second Ctrl-C, while the first saves, gives that up: it raises
        KeyboardInterrupt.
    resume : path, optional
        A checkpoint to resume from, with results identical to the last bit to a run without the break. The learning
        rate and the momentum may change. The file may come from anyone: it runs no code, and it takes memory and time
        in proportion to its size, whatever it claims; its arrays are read only if they have the shapes of the graph's.
    engine : str
        The engine that runs both passes. "auto" takes the fastest of those that give the bits of the graph's own
        passes, and these where a gate is the user's own or learns by itself, as `BatchNorm` does in training, or the
        graph has a guard; the history says which. "plain" is the graph's own passes, which keep the values and
        gradients of each wire. Others are those of `graph.compile`, which gates that learn by themselves do not allow.
        With "jax" the parameters become `jax.Array`s, float32 unless JAX's 64-bit mode is enabled.
    mesh : jax.sharding.Mesh, optional
        Devices for the engine "jax", on one host or on several that all run the same program. The rows of a minibatch
        are split over the mesh's first axis, or replicated if it does not divide their number. Parameters that are not
        on these devices yet are replicated, others keep their sharding. Minibatches from an iterable may already be
        `jax.Array`s on these devices. Of several processes, the first saves the checkpoint.

    Returns
    -------
    History
        The loss and the time of each step. After Ctrl-C the parameters are those of the last whole step.

    Raises
    ------
    FloatingPointError
        If the loss, or a parameter after a step, would be inf or nan. The message names the step and the gate that
        produced it; the parameters are as they were before that step.
    ValueError, TypeError
        If the graph has no parameters or no scalar loss, the data does not fit it, a setting is out of range, or the
        checkpoint to resume from is damaged, or belongs to another graph, seed, batch size or number of examples.

    References
    ----------
    Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum in deep learning, ICML 2013.

    Examples
    --------
    >>> from graph import fully_connected
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(200, 2))
    >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)  # which quadrants
    >>> graph = fully_connected([2, 16, 2])
    >>> history = train(graph, {"X": X, "y": y}, learning_rate=0.5, epochs=100, progress=False)
    >>> len(history), history.loss[-1] < 0.2
    (400, True)
    >>> float(np.mean(graph.evaluate("scores", X=X).argmax(axis=1) == y)) > 0.95
    True
    """
    rate = _rate_of(learning_rate)
    momentum = _in_range(as_number(momentum, "train(): momentum"), "momentum", 0.0, 1.0)
    batch_size, epochs, seed = (
        as_whole_number(value, f"train(): {name}", least)
        for value, name, least in ((batch_size, "batch_size", 1), (epochs, "epochs", 0), (seed, "seed", 0))
    )
    for name, path in (("checkpoint", checkpoint), ("resume", resume)):
        if not isinstance(path, (str, PathLike, type(None))):
            raise TypeError(f"train(): {name} must be a path, got {path!r}")
    batches = Minibatches(data, batch_size, epochs)
    descent = _descent(graph, engine, mesh)
    if checkpoint is not None and descent.saves:
        check_writable(checkpoint)  # now, not after an epoch of training
    descent.prepare(checkpoint is not None or resume is not None)
    settings = {"seed": seed, "batch_size": batch_size, "examples": batches.examples}
    state = TrainingState(descent, rate, momentum, settings)
    unseen = None if validation is None else Validation(graph, validation)
    if resume is not None:
        state.restore(resume)
    history = state.history
    shown, message, saved, first = Progress(), "", time.monotonic(), len(history)

    def save() -> None:
        nonlocal saved
        if checkpoint is not None:
            state.save(checkpoint)
            saved = time.monotonic()

    threads = ExitStack()
    try:
        shown = progress_of(progress, epochs, batches.steps_per_epoch(), len(history))
        while state.position.epoch < epochs:
            for batch in islice(batches.epoch(state.random), state.position.done, None):
                if len(history) == first:
                    threads.enter_context(few_threads(graph.parameters.values(), batch))
                state.step(batch, batches.rows)
                shown.step(state.position.epoch + 1, history.loss[-1])
                if time.monotonic() - saved > _SECONDS_BETWEEN_CHECKPOINTS:
                    save()
            steps = state.position.done
            if not steps:
                raise ValueError(f"train(): data has no minibatch for epoch {state.position.epoch + 1}")
            measured = Measured() if unseen is None else unseen.measure()
            state.end_epoch(*measured)
            save()
            shown.epoch(state.position.epoch, sum(history.loss[-steps:]) / steps, history.time[-1], str(measured))
    except KeyboardInterrupt:
        state.apply()
        history.interrupted = True
        message = f"stopped by Ctrl-C after step {len(history):,}"
        save()
    finally:
        state.apply()  # in case a second Ctrl-C came while the first was handled
        history.engine = descent.engine
        threads.close()
        shown.close(message)
    return history


def _descent(graph: ComputationalGraph, engine: str, mesh: Any) -> Descent:
    """Return the object that computes the steps with an engine."""
    if mesh is not None and engine != "jax":
        raise ValueError(f"train(): a mesh is for engine='jax', got engine={engine!r}")
    if engine == "plain" or not isinstance(graph, ComputationalGraph):
        return Descent(graph)
    if engine != "auto" and (learning := LearningGates(graph).read()):
        what = f"{next(iter(learning))!r}, which the copies of gates that an engine runs would lose"
        raise ValueError(f"train(): engine must be 'auto' or 'plain' for a graph that learns {what}; got {engine!r}")
    if engine == "jax":
        return JaxDescent(graph, mesh)
    from graph.engines.registry import engine_of, exact_engine

    if engine != "auto":
        return EngineDescent(graph, engine_of(graph, engine))
    exact = exact_engine(graph)
    return Descent(graph) if exact is None else EngineDescent(graph, exact)


def _rate_of(learning_rate: Any) -> Callable[[int], float]:
    """Return the learning rate as a function of the number of the step."""

    def checked(given: Any) -> float:
        return _in_range(as_number(given, "train(): learning_rate"), "learning_rate", 0.0, math.inf)

    if callable(learning_rate):
        return lambda step: checked(learning_rate(step))
    rate = checked(learning_rate)
    return lambda step: rate


def _in_range(number: float, name: str, least: float, below: float) -> float:
    """Return a setting, or raise ValueError if it is out of range."""
    if not least <= number < below:
        wanted = f"at least {least:g} and finite" if below == math.inf else f"from {least:g} to less than {below:g}"
        raise ValueError(f"train(): {name} must be {wanted}, got {number:g}")
    return number
