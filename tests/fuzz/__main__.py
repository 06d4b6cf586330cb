"""Fuzz for some minutes, or until a law fails: `python -m tests.fuzz --minutes 30 --seed 1`.

It prints what was tried; after a failure the smallest program that shows it, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import time

from tests.fuzz.fuzzer import Fuzzer

parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition(":")[0] + ".")
parser.add_argument("--minutes", type=float, default=1.0)
parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="of the first graphs; printed")
arguments = parser.parse_args()

fuzzer = Fuzzer(until=time.monotonic() + 60 * arguments.minutes)
print(f"seed {arguments.seed}")
failure = fuzzer.run(arguments.seed)
print(fuzzer.table())
if failure is not None:
    print(f"\nThe smallest failure, as a program:\n\n{failure}")
raise SystemExit(failure is not None)
