"""How fast are gategraph's engines: `python -m tests.benchmarks [workload ...] [--runs N]` prints one table.

It puts them beside the same computation written by hand and beside those peers that are installed, one thread each.
"""

import argparse
import os
from importlib import import_module

from threadpoolctl import threadpool_limits

from tests.benchmarks.table import heading, lines

WORKLOADS = "neuron", "moons", "network", "digits", "large"


def main() -> None:
    """Run the workloads, and print the table as it grows."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="workload", help=f"of {', '.join(WORKLOADS)} (default: all)")
    parser.add_argument("--runs", type=int, default=7, help="in how many runs all contenders take turns (default: 7)")
    given = parser.parse_args()
    if unknown := set(given.workloads) - set(WORKLOADS):
        parser.error(f"no workload is called {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    if given.runs < 1:
        parser.error(f"--runs must be at least 1, got {given.runs}")
    one_thread_each()
    print(heading(), flush=True)
    left_out = []
    with threadpool_limits(1):
        for workload in given.workloads or WORKLOADS:
            for section in import_module(f"tests.benchmarks.{workload}").sections(given.runs):
                print("", *lines(section), sep="\n", flush=True)
                left_out += [f"  {workload}: {reason}" for reason in section.left_out]
    if left_out:
        print("\nleft out", *dict.fromkeys(left_out), sep="\n")


def one_thread_each() -> None:
    """Keep PyTorch and JAX to one thread, and let JAX have float64."""
    os.environ["NPROC"] = "1"  # the size of JAX's pool of threads, which it reads when it starts
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    try:
        import torch

        torch.set_num_threads(1)
    except ModuleNotFoundError:
        pass
    try:
        import jax

        jax.config.update("jax_enable_x64", True)
    except ModuleNotFoundError:
        pass


if __name__ == "__main__":
    main()
