"""The engines that interpret: one loop over the gates, with a branch for each kind of gate.

`kinds.py` traces each kind once, and `writing.py` writes its formulas as branches of two functions. `plan.py` has the
gates as rows of integers, and `loop.py` the engine, as Python runs it and as numba compiles it (`compiling.py`).
"""
