"""The history of training, and its progress display: a tqdm bar, or a line per epoch if tqdm is not installed."""

import math
from dataclasses import dataclass, field
from typing import Any

from gates.formatting import numbered


@dataclass(repr=False)
class History:
    """The loss and the time of each training step.

    Attributes
    ----------
    loss : list of float
        The loss on each step's minibatch, before the step was taken.
    time : list of float
        The time at the end of each step, in seconds since training began.
    validation_loss, accuracy : list of float
        After each epoch, if there is validation data: the loss on it, and the share of labels that have the highest
        score.
    interrupted : bool
        Whether Ctrl-C ended training.
    engine : str
        The name of the engine that ran both passes.
    """

    loss: list[float] = field(default_factory=list)
    time: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    interrupted: bool = False
    engine: str = ""

    def __len__(self) -> int:
        return len(self.loss)

    def __repr__(self) -> str:
        parts = [numbered(len(self), "step")]
        if self.loss:
            parts += [f"loss {self.loss[0]:.4g} to {self.loss[-1]:.4g}", f"{self.time[-1]:.1f} s"]
            parts += [f"{self.engine} engine"] * bool(self.engine)
        return f"History({', '.join([*parts, *['interrupted'] * self.interrupted])})"

    def plot(self, ax: Any = None) -> Any:
        """Draw the loss by step, and what was measured after each epoch, with matplotlib.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            Where it is drawn: a notebook shows its figure.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            raise ImportError(
                "History.plot() needs matplotlib, which is not installed: pip install matplotlib"
            ) from None
        if ax is None:
            _, ax = plt.subplots()
        curves = ax.plot(range(1, len(self) + 1), self.loss, linewidth=1.0, alpha=0.6, label="loss")
        epochs = len(self.validation_loss)
        if epochs:
            ends = [len(self) * (epoch + 1) / epochs for epoch in range(epochs)]
            curves += ax.plot(ends, self.validation_loss, marker="o", markersize=3.0, label="validation loss")
            if not all(map(math.isnan, self.accuracy)):
                right = ax.twinx()
                curves += right.plot(ends, self.accuracy, color="tab:green", linestyle="--", label="accuracy")
                right.set_ylabel("accuracy on the validation data")
        ax.set_xlabel("step")
        ax.set_ylabel("loss")
        ax.legend(handles=curves, loc="center right")
        return ax


class Progress:
    """A progress display of training; this one shows nothing."""

    def step(self, epoch: int, loss: float) -> None:
        """Report a step, with its epoch counted from 1."""

    def epoch(self, epoch: int, mean_loss: float, seconds: float, measured: str = "") -> None:
        """Report the end of an epoch, with what validation has measured."""

    def close(self, message: str) -> None:
        """Report the end of training; if it was stopped early, the message says why."""


class Lines(Progress):
    """A progress display that prints a line per epoch."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def epoch(self, epoch: int, mean_loss: float, seconds: float, measured: str = "") -> None:
        """Print the epoch's mean loss, what validation has measured, and the seconds since training began."""
        parts = [f"mean loss {mean_loss:.6g}", *[measured] * bool(measured), f"{seconds:.1f} s"]
        print(f"epoch {epoch}/{self.epochs}: {', '.join(parts)}", flush=True)

    def close(self, message: str) -> None:
        """Print the message, if there is one."""
        if message:
            print(message, flush=True)


class Bar(Progress):
    """A progress display with tqdm's bar."""

    def __init__(self, tqdm: Any, epochs: int, steps: int, done: int) -> None:
        self.epochs = epochs
        self.bar = tqdm(total=steps * epochs or None, initial=done, unit="step")

    def step(self, epoch: int, loss: float) -> None:
        """Advance the bar by a step."""
        self.bar.set_description_str(f"epoch {epoch}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        self.bar.update()

    def epoch(self, epoch: int, mean_loss: float, seconds: float, measured: str = "") -> None:
        """Write above the bar what validation has measured."""
        if measured:
            self.bar.write(f"epoch {epoch}/{self.epochs}: {measured}")

    def close(self, message: str) -> None:
        """Close the bar, and print the message below it, if there is one."""
        self.bar.close()
        if message:
            self.bar.write(message)


def progress_of(show: bool, epochs: int, steps: int, done: int) -> Progress:
    """Return a progress display for `epochs` epochs of `steps` steps (0 if unknown), of which `done` are over."""
    if not show:
        return Progress()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return Lines(epochs)
    return Bar(tqdm, epochs, steps, done)
