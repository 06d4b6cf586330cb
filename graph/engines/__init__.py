"""The engines: ways to run both passes of a graph faster than gate by gate, or on many devices.

In the order in which to read it:

- `engine.py` has what all engines share, and the one that runs gate by gate; `program.py` is a graph as they run it.
- `trace/` runs formulas on tracers, which record the operations.
- `source/` writes a trace as Python code, and runs that.
- `batched/` runs gates of numbers as vector operations.
- `loop/` interprets numbers in one loop, in Python or compiled by numba.
- `on_jax/` has JAX compile both passes, for one device or for many.
- `registry.py` has the engines by name, and `auto`, which chooses one of them.
"""
