"""How long the checker has worked."""

import time


class Stopwatch:
    """Measures how long this process works, from when it is made.

    Processor time, so that other programs do not count; but no more than the time that passes, so that threads side by
    side count once.
    """

    def __init__(self) -> None:
        self._start = time.process_time(), time.perf_counter()

    @property
    def seconds(self) -> float:
        """The time until now."""
        return min(time.process_time() - self._start[0], time.perf_counter() - self._start[1])
