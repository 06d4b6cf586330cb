"""How training shows that it goes on: tqdm's bar where it is installed, else a plain line an epoch."""

from typing import Any


class Progress:
    """What training tells of itself; this one shows nothing of it."""

    def step(self, epoch: int, loss: float) -> None:
        """Take note of a step, in an epoch counted from 1."""

    def epoch(self, epoch: int, mean_loss: float, seconds: float) -> None:
        """Take note of the end of an epoch."""

    def close(self, message: str) -> None:
        """Take note of the end of training; the message says why, if it came early."""


class Lines(Progress):
    """Prints a line an epoch."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def epoch(self, epoch: int, mean_loss: float, seconds: float) -> None:
        """Print the epoch's mean loss, and the seconds since training began."""
        print(f"epoch {epoch}/{self.epochs}: mean loss {mean_loss:.6g}, {seconds:.1f} s", flush=True)

    def close(self, message: str) -> None:
        """Print the message, if there is one."""
        if message:
            print(message, flush=True)


class Bar(Progress):
    """Moves tqdm's bar a step at a time."""

    def __init__(self, tqdm: Any, epochs: int, steps: int, done: int) -> None:
        self.epochs = epochs
        self.bar = tqdm(total=steps * epochs or None, initial=done, unit="step")

    def step(self, epoch: int, loss: float) -> None:
        """Move the bar by a step."""
        self.bar.set_description_str(f"epoch {epoch}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)
        self.bar.update()

    def close(self, message: str) -> None:
        """Leave the bar as it is, and print the message below it, if there is one."""
        self.bar.close()
        if message:
            self.bar.write(message)


def progress_of(show: bool, epochs: int, steps: int, done: int) -> Progress:
    """Return a display for training of `epochs` epochs of `steps` steps (0 if unknown), after `done` steps."""
    if not show:
        return Progress()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return Lines(epochs)
    return Bar(tqdm, epochs, steps, done)
