"""The threads of NumPy's BLAS: one of them while matrices are small.

Threads that share a small product wait for each other: on idle cores that saves nothing, on busy ones it costs several
times the work.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

_SMALL = 2**22  # multiplications in a product, up to which two threads were no faster on two idle cores


def few_threads(parameters: Collection[Any], batch: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """Return a context in which BLAS has one thread if the products of a step are small and threadpoolctl is installed.

    Parameters
    ----------
    parameters : collection of float or array
        What the minibatch is multiplied with.
    batch : mapping of str to array
        A minibatch.
    """
    arrays = [*parameters, *batch.values()]
    if not all(isinstance(array, (float, int, np.ndarray, np.generic)) for array in arrays):
        return nullcontext()
    rows = max([len(array) for array in batch.values() if np.ndim(array)], default=1)
    if rows * max(map(np.size, parameters)) > _SMALL or (controller := _controller()) is None:
        return nullcontext()
    limited: AbstractContextManager[Any] = controller.limit(limits=1, user_api="blas")
    return limited


@functools.cache
def _controller() -> Any:
    """Return what controls threads, which takes a while to find the libraries; None if it is not installed."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()
