"""The two passes: how gates run along a graph and back, and what they compute.

In the order in which to read it:

- `run.py` has the two loops of the lecture's pseudocode.
- `schedule.py` works out the order of the gates, and all else that the loops need, once for each change of the graph.
- `arguments.py` turns inputs by name into values, and gradients into a dict by name.
- `state.py` holds what the passes have computed, and which calls are allowed when.
- `two_passes.py` puts this together: a graph with `forward`, `backward` and `evaluate`.
- `nested.py` makes a graph a gate; `guard.py` stops at the first inf or nan.
"""
