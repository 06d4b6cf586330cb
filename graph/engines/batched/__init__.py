"""The engine of vector operations.

`plan.py` finds gates that run as one, which `stacking.py` stacks; `batched.py` is the engine, and `segments.py` runs
single gates between the vectors.
"""
