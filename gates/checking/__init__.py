"""The gradient checker: is a backward right, and if not, what is wrong with it?

In the order in which to read it:

- `check.py` runs the check of one gate: it begins and ends here.
- `examples.py` makes inputs to check a gate at, if none are given.
- `function_under_test.py` runs copies of the gate, and `copies.py` copies what it is given; `own_parameters.py` finds
  what a layer keeps itself, such as `self.W` and `self.dW`.
- `precision.py` and `rounding.py`: how exactly does forward compute?
- `examination.py` checks backward at one point (`points.py`), with the help of the files that follow.
- `contract.py` checks what backward returns, raises and writes into, whatever its numbers.
- `finite_differences.py` measures the slopes of forward, `noise.py` how noisy they are, `slopes.py` extrapolates them;
  `fits.py` does so for forwards that round coarsely.
- `comparison.py` compares a gradient with slopes, for the elements that `sampling.py` chooses, and `elementwise.py` all
  elements at once; `reference.py` compares a gate with another one.
- `consistency.py` compares backward with itself, under a scaled upstream gradient and in float32.
- `patterns.py` finds what wrong elements have in common in several `resamples.py`, `structures.py` in `jacobians.py`.
  A `stopwatch.py` ends the search.
- `verdicts.py` sums everything up in a `report.py`.
- `convergence.py` shows how the error falls with the step, and `second_order.py` checks the backward of backward.
- `adapters/` make gates of functions that were written for other libraries.
- `mutants.py` tests the check itself: does it catch a backward with a deliberate error?
"""
