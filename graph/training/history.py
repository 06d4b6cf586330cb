"""What happened in training, to be looked at and plotted."""

from dataclasses import dataclass, field


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
