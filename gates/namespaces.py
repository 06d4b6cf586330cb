"""The array namespace that a formula takes its functions from, found from its inputs."""

from typing import Any

import numpy as np

from gates import scalar_math


def namespace(*values: Any) -> Any:
    """Return the array API namespace that the values belong to.

    A formula that takes its functions from here runs unchanged on floats and on arrays of any library.

    Parameters
    ----------
    *values : float or array
        The inputs of a formula. Python floats may be mixed with arrays of one library.

    Returns
    -------
    module
        The namespace of the first array among the values: `numpy` for NumPy's, `jax.numpy` for JAX's, ...;
        for floats alone `gates.scalar_math`, which follows IEEE arithmetic.

    References
    ----------
    Python array API standard, 2024.12, https://data-apis.org/array-api/2024.12/

    Examples
    --------
    >>> namespace(1000.0).exp(1000.0)
    inf
    >>> namespace(1.0, np.ones(3)) is np
    True
    """
    numbers: Any = scalar_math
    for value in values:
        if type(value) is float:
            continue
        if isinstance(value, (np.ndarray, np.generic)):
            return np
        found = value.__array_namespace__()
        if not getattr(found, "of_numbers", False):
            return found
        numbers = found
    return numbers
