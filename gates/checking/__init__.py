"""The gradient checker: is a backward right, and if not, what is wrong with it?

`check.py` is where it begins. `examples.py` makes inputs, `examination.py` looks at one point: `conduct.py` at how
backward behaves, `slopes.py` at how fast forward moves, `elements.py` compares the two, `patterns.py` finds what
wrong elements have in common over several `trials.py`. `verdicts.py` puts it together as a `report.py`.
"""
