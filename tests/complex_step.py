"""Slopes by complex steps: they are the imaginary part, so nothing is subtracted and no digit is lost.

f(x + ih) is f(x) + ih f'(x), up to terms of h², which are far below the last digit of a float. What is left is
rounding: a few units in the last place, on any processor. The function must be one that NumPy computes on complex
numbers, and may have kinks, though not at x: NumPy compares complex numbers by their real parts first.

References
----------
.. [1] W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions",
   SIAM Review 40 (1998), 110-112.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

STEP = 1e-30


def slopes(function: Callable[..., Any], inputs: Sequence[Any], place: int, upstream: Any = 1.0) -> Any:
    """Return the slope of sum(function(*inputs) * upstream) along each element of one input."""
    found = np.empty(np.shape(inputs[place]))
    for index in np.ndindex(found.shape):
        moved = np.array(inputs[place], dtype=complex)
        moved[index] += STEP * 1j
        output = function(*inputs[:place], moved, *inputs[place + 1 :])
        found[index] = math.fsum(np.ravel(np.imag(output) / STEP * upstream))
    return found
