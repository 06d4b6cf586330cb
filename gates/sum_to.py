"""Sum a gradient over broadcast axes, back to the shape of its variable."""

import numpy as np

from gates.values import Value, namespace, shape_of


def sum_to(gradient: Value, like: Value) -> Value:
    """Sum a gradient over the axes along which its variable was broadcast.

    Broadcasting uses a number several times, which makes it a branch: its gradients add.

    Parameters
    ----------
    gradient : float or array
        The gradient, in the shape of the output.
    like : float or array
        The variable: the result has its shape and, for an array, its dtype.

    Returns
    -------
    float or array
        The sum; the gradient itself if the shapes agree already.

    Raises
    ------
    ValueError
        If the variable cannot have been broadcast to the gradient's shape.

    Examples
    --------
    >>> import numpy as np
    >>> sum_to(np.ones((3, 4)), np.zeros((1, 4)))
    array([[3., 3., 3., 3.]])
    >>> sum_to(np.ones((3, 4)), 0.0)
    12.0
    """
    if type(gradient) is float and type(like) is float:
        return gradient
    shape = shape_of(like)
    if shape_of(gradient) == shape and type(gradient) is type(like) and gradient.dtype == like.dtype:
        return gradient
    xp = namespace(gradient, like)
    gradient = xp.asarray(gradient)
    if gradient.shape != shape:
        new_axes = gradient.ndim - len(shape)
        if new_axes < 0 or any(n not in (1, m) for n, m in zip(shape, gradient.shape[new_axes:])):
            raise ValueError(f"a gradient of shape {tuple(gradient.shape)} cannot be summed to the shape {shape}")
        stretched = tuple(
            axis
            for axis in range(gradient.ndim)
            if axis < new_axes or (shape[axis - new_axes] == 1 and gradient.shape[axis] != 1)
        )
        gradient = xp.sum(gradient, axis=stretched)
        if gradient.shape != shape:
            gradient = xp.reshape(gradient, shape)
    if type(like) is float:
        return float(gradient) if xp is np else gradient
    return gradient if gradient.dtype == like.dtype else xp.astype(gradient, like.dtype)
