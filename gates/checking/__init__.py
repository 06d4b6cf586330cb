"""The gradient checker: is a backward right, and if not, what is wrong with it?

`check.py` is where it begins, and `examples.py` makes inputs. `examination.py` looks at one point: `conduct.py` at
how backward behaves, `ground.py` and `slopes.py` at how fast forward moves, given its `noise.py`; `elements.py`
compares the two, for all elements or those that `sampling.py` chooses; `ties.py` moves together what is tied.
`patterns.py` finds what wrong elements have in common over several `trials.py`. `verdicts.py` makes a `report.py` of it
all, and `controls.py` asks whether the check can fail.
"""
