"""The table: medians and ranges of times, and of their ratios to the code by hand and to the best peer."""

import os
import platform
import statistics
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from tests.benchmarks.timing import Section

LIBRARIES = "numpy", "networkx", "micrograd", "autograd", "mygrad", "torch", "jax", "scikit-learn"
SCALES = {"s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")), "MB": ((1e3, "GB"), (1.0, "MB"))}


def heading() -> str:
    """Return the machine, the versions, and the names of the columns."""
    found = []
    for library in LIBRARIES:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            found.append(f"{library} missing")
    columns = f"{'':34}{'median':>9}{'range':>22}{'by hand = 1':>13}{'range':>22}{'best peer = 1':>15}{'range':>22}"
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), one thread each; "
        f"Python {platform.python_version()}\n{', '.join(found)}\n\n{columns}"
    )


def lines(section: Section) -> Iterable[str]:
    """Return a section of the table as lines."""
    yield section.title
    first = next(iter(section.rows.values()), [])
    peers = [times for name, times in list(section.rows.items())[1:] if is_peer(name)]
    best = min(peers, key=statistics.median, default=[])
    for name, times in section.rows.items():
        middle = statistics.median(times)
        scale, unit = next((s for s in SCALES[section.unit] if middle >= s[0]), SCALES[section.unit][-1])
        low, middle, high = (digits(f(times) / scale) for f in (min, statistics.median, max))
        spread = f"{low} to {high} {unit}" if len(times) > 1 else ""
        compared = ratios(times, first, 13) + ratios(times, best, 15)
        yield f"  {name:32}{middle + ' ' + unit:>9}{spread:>22}{compared}".rstrip()


def is_peer(name: str) -> bool:
    """Return whether a contender is neither gategraph's nor by hand."""
    return not name.startswith(("gategraph", "by hand"))


def ratios(times: list[float], others: list[float], width: int) -> str:
    """Return the median and the range of the ratios within each run; one time alone is compared with the median."""
    if len(times) == 1 and others:
        others = [statistics.median(others)]
    shares = [time / other for time, other in zip(times, others) if other]
    if not shares:
        return " " * (width + 22)
    low, middle, high = (digits(f(shares)) for f in (min, statistics.median, max))
    spread = f"{low} to {high}" if len(shares) > 1 else ""
    return f"{middle:>{width}}{spread:>22}"


def digits(number: float) -> str:
    """Return a number with three digits, or all those before its point."""
    return f"{number:,.0f}" if abs(number) >= 99.95 else f"{number:#.3g}"
