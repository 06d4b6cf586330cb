"""Primitives of autograd with their vector-Jacobian products."""

from __future__ import annotations

import numpy as np
from autograd.extend import defvjp, primitive
from scipy.special import erf

from tests.adapters.case import Case


def _primitive(function, *products):
    """Return a new primitive of a function, with these vector-Jacobian products."""
    new = primitive(function)
    defvjp(new, *products)
    return new


def _only_first(function, product):
    """Return a new primitive with a gradient of its first argument; the others have none by contract."""
    new = primitive(function)
    defvjp(new, product, argnums=(0,))
    return new


def _unbroadcast(g, target):
    while np.ndim(g) > np.ndim(target):
        g = np.sum(g, axis=0)
    for axis, size in enumerate(np.shape(target)):
        if size == 1:
            g = np.sum(g, axis=axis, keepdims=True)
    return g


# -------------------------------------------------------------------------------------------------------- functions


def logsumexp(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def softmax(x):
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(0, x)


def gelu(x):
    return x * 0.5 * (1 + erf(x / np.sqrt(2).astype(x.dtype))).astype(x.dtype)


def swish(x):
    return x / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def leaky_relu(x, slope):
    return np.where(x > 0, x, slope * x)


def clip(x, low, high):
    return np.clip(x, low, high)


def product(x, y):
    return x * y


def quotient(x, y):
    return x / y


def power(x, n):
    return x**n


def matmul(a, b):
    return a @ b


def linear(x, W, b):
    return x @ W.T + b


def solve(A, b):
    return np.linalg.solve(A, b)


def inverse(A):
    return np.linalg.inv(A)


def logdet(A):
    return np.linalg.slogdet(A)[1]


def norm(x):
    return np.sqrt(np.sum(x**2))


def variance(x):
    return np.mean((x - np.mean(x)) ** 2)


def cumulative_sum(x):
    return np.cumsum(x, axis=1)


def row_sum(x, axis):
    return np.sum(x, axis=axis)


def row_mean(x):
    return np.mean(x, axis=1)


def sorted_rows(x):
    return np.sort(x, axis=1)


def rolled(x, shift):
    return np.roll(x, shift, axis=1)


def take_rows(table, rows):
    return table[rows]


def difference(x):
    return np.diff(x, axis=1)


def quadratic(x, A):
    return x @ A @ x


def correlate(x, kernel):
    return np.correlate(x, kernel, mode="valid")


def maximum_of_rows(x):
    return np.max(x, axis=1)


# --------------------------------------------------------------------------------------------------------- arguments


def normal(*shapes, then=()):
    """Return a draw of arrays of these shapes, followed by constants."""

    def draw(random, dtype):
        return (*[random.normal(size=shape).astype(dtype) for shape in shapes], *then)

    return draw


def positive(*shapes, then=()):
    """Return a draw of arrays of positive numbers of these shapes, followed by constants."""

    def draw(random, dtype):
        return (*[random.uniform(0.5, 2, size=shape).astype(dtype) for shape in shapes], *then)

    return draw


def draw_matrix(random, dtype):
    return ((random.normal(size=(4, 4)) + 4 * np.eye(4)).astype(dtype),)


def draw_system(random, dtype):
    return (*draw_matrix(random, dtype), random.normal(size=4).astype(dtype))


def draw_rows(random, dtype):
    return random.normal(size=(5, 3)).astype(dtype), np.array([0, 2, 2, 4, 1, 2])


matrix, pair = normal((3, 4)), normal((3, 4), (3, 4))
broadcast = normal((3, 4), (4,))
layer = normal((5, 3), (4, 3), (4,))

# ------------------------------------------------------------------------------------- right vector-Jacobian products


def logsumexp_vjp(ans, x):
    return lambda g: g * np.exp(x - ans)


def softmax_vjp(ans, x):
    return lambda g: ans * (g - np.sum(g * ans, axis=1, keepdims=True))


def linear_vjp_x(ans, x, W, b):
    return lambda g: g @ W


def linear_vjp_W(ans, x, W, b):
    return lambda g: g.T @ x


def linear_vjp_b(ans, x, W, b):
    return lambda g: np.sum(g, axis=0)


def sorted_vjp(ans, x):
    order = np.argsort(x, axis=1)

    def vjp(g):
        result = np.zeros_like(x)
        np.put_along_axis(result, order, g, axis=1)
        return result

    return vjp


def take_vjp(ans, table, rows):
    def vjp(g):
        result = np.zeros_like(table)
        np.add.at(result, rows, g)
        return result

    return vjp


def difference_vjp(ans, x):
    def vjp(g):
        result = np.zeros_like(x)
        result[:, 1:] += g
        result[:, :-1] -= g
        return result

    return vjp


def maximum_vjp(ans, x):
    return lambda g: g[:, None] * (x == ans[:, None])


# --------------------------------------------------------------------------------------------------------- mistakes


def sorted_by_order_vjp(ans, x):
    order = np.argsort(x, axis=1)
    return lambda g: np.take_along_axis(g, order, axis=1)


def take_assigned_vjp(ans, table, rows):
    def vjp(g):
        result = np.zeros_like(table)
        result[rows] = g
        return result

    return vjp


def take_added_vjp(ans, table, rows):
    def vjp(g):
        result = np.zeros_like(table)
        result[rows] += g
        return result

    return vjp


def relu_in_place_vjp(ans, x):
    def vjp(g):
        g[x <= 0] = 0
        return g

    return vjp


def relu_of_g_vjp(ans, x):
    return lambda g: g * (g > 0)


def difference_assigned_vjp(ans, x):
    def vjp(g):
        result = np.zeros_like(x)
        result[:, 1:] = g
        result[:, :-1] = -g
        return result

    return vjp


def difference_one_vjp(ans, x):
    def vjp(g):
        result = np.zeros_like(x)
        result[:, 1:] = g
        return result

    return vjp


def doubled_in_place(x):
    x *= 2
    return x


LAST = []


def tanh_kept(x):
    LAST.append(np.tanh(x))
    return LAST[-1]


def tanh_kept_vjp(ans, x):
    return lambda g: g * (1 - LAST[-1] ** 2)


def tanh_popped_vjp(ans, x):
    kept = [ans]
    return lambda g: g * (1 - kept.pop() ** 2)


def normalized(x):
    return x / np.sqrt(np.sum(x**2, axis=1, keepdims=True))


def centered(x):
    return x - np.mean(x, axis=0)


def _case(name, function, draw, *says):
    return Case(name, function, draw, says)


RIGHT = [
    _case("logsumexp", _primitive(logsumexp, logsumexp_vjp), matrix),
    _case("softmax", _primitive(softmax, softmax_vjp), matrix),
    _case("sigmoid", _primitive(sigmoid, lambda ans, x: lambda g: g * ans * (1 - ans)), matrix),
    _case(
        "product, broadcast",
        _primitive(
            product,
            lambda ans, x, y: lambda g: _unbroadcast(g * y, x),
            lambda ans, x, y: lambda g: _unbroadcast(g * x, y),
        ),
        broadcast,
    ),
    _case("linear layer", _primitive(linear, linear_vjp_x, linear_vjp_W, linear_vjp_b), layer),
    _case("inverse", _primitive(inverse, lambda ans, A: lambda g: -ans.T @ g @ ans.T), draw_matrix),
    _case("logdet", _primitive(logdet, lambda ans, A: lambda g: g * np.linalg.inv(A).T), draw_matrix),
    _case(
        "cumulative sum",
        _primitive(cumulative_sum, lambda ans, x: lambda g: np.cumsum(g[:, ::-1], axis=1)[:, ::-1]),
        matrix,
    ),
    _case(
        "sum along an axis",
        _primitive(row_sum, lambda ans, x, axis: lambda g: np.expand_dims(g, axis) * np.ones_like(x), None),
        normal((3, 4), then=(1,)),
    ),
    _case("sorted", _primitive(sorted_rows, sorted_vjp), matrix),
    _case("rows of a table", _primitive(take_rows, take_vjp, None), draw_rows),
    _case("difference", _primitive(difference, difference_vjp), matrix),
    _case("maximum", _primitive(maximum_of_rows, maximum_vjp), matrix),
    _case(
        "power of an integer",
        _primitive(power, lambda ans, x, n: lambda g: g * n * x ** (n - 1), None),
        positive((3, 4), then=(3,)),
    ),
    _case(
        "clip, bounds without gradients",
        _primitive(clip, lambda ans, x, low, high: lambda g: g * ((x > low) & (x < high)), None, None),
        normal((5, 6), then=(-0.5, 0.5)),
    ),
    _case(
        "leaky relu, slope without a gradient",
        _only_first(leaky_relu, lambda ans, x, slope: lambda g: np.where(x > 0, g, slope * g)),
        normal((3, 4), then=(0.1,)),
    ),
]

WRONG = [
    _case(
        "logsumexp, no g",
        _primitive(logsumexp, lambda ans, x: lambda g: np.exp(x - ans)),
        matrix,
        "is not multiplied in",
    ),
    _case(
        "logsumexp, not normalized",
        _primitive(logsumexp, lambda ans, x: lambda g: g * np.exp(x)),
        matrix,
        "the factor",
        "the sum of exponentials of x",
    ),
    _case(
        "logsumexp, sign", _primitive(logsumexp, lambda ans, x: lambda g: g * -np.exp(x - ans)), matrix, "wrong sign"
    ),
    _case(
        "softmax, diagonal alone",
        _primitive(softmax, lambda ans, x: lambda g: g * ans * (1 - ans)),
        matrix,
        "treats each element alone",
    ),
    _case(
        "softmax, no axis",
        _primitive(softmax, lambda ans, x: lambda g: ans * (g - np.sum(g * ans))),
        matrix,
        "a term along axis 1",
    ),
    _case(
        "sigmoid, of x",
        _primitive(sigmoid, lambda ans, x: lambda g: g * x * (1 - x)),
        matrix,
        "uses the input x where the output belongs",
    ),
    _case("sigmoid, no 1 - ans", _primitive(sigmoid, lambda ans, x: lambda g: g * ans), matrix, "the factor"),
    _case(
        "softplus, of ans",
        _primitive(softplus, lambda ans, x: lambda g: g / (1 + np.exp(-ans))),
        matrix,
        "uses the output where the input x belongs",
    ),
    _case(
        "softplus, sign", _primitive(softplus, lambda ans, x: lambda g: g / (1 + np.exp(x))), matrix, "at -x", "sign"
    ),
    _case(
        "GELU, no density",
        _primitive(gelu, lambda ans, x: lambda g: g * (0.5 * (1 + erf(x / np.sqrt(2)))).astype(x.dtype)),
        matrix,
        "of the product rule a term is missing",
    ),
    _case(
        "swish, no product rule",
        _primitive(swish, lambda ans, x: lambda g: g / (1 + np.exp(-x))),
        matrix,
        "of the product rule a term is missing",
    ),
    _case("relu writes into g", _primitive(relu, relu_in_place_vjp), matrix, "writes into", "backward modifies"),
    _case("relu, mask of g", _primitive(relu, relu_of_g_vjp), matrix, "is not linear in the upstream gradient"),
    _case("relu, no mask", _primitive(relu, lambda ans, x: lambda g: g), matrix, "mask", "passed straight through"),
    _case(
        "relu, mask inverted", _primitive(relu, lambda ans, x: lambda g: g * (x < 0)), matrix, "has its mask inverted"
    ),
    _case(
        "clip, straight through",
        _primitive(clip, lambda ans, x, low, high: lambda g: g, None, None),
        normal((5, 6), then=(-0.5, 0.5)),
        "is missing its mask",
        "passed straight through",
    ),
    _case(
        "product, exchanged",
        _primitive(product, lambda ans, x, y: lambda g: g * x, lambda ans, x, y: lambda g: g * y),
        pair,
        "are swapped",
    ),
    _case(
        "product, broadcast not summed",
        _primitive(product, lambda ans, x, y: lambda g: g * y, lambda ans, x, y: lambda g: g * x),
        broadcast,
        "is not summed over the axes along which",
        "has the wrong shape",
    ),
    _case(
        "product, summed by mean",
        _primitive(product, lambda ans, x, y: lambda g: g * y, lambda ans, x, y: lambda g: np.mean(g * x, axis=0)),
        broadcast,
        "off by a factor of",
    ),
    _case(
        "product, sum keeps its axis",
        _primitive(
            product,
            lambda ans, x, y: lambda g: g * y,
            lambda ans, x, y: lambda g: np.sum(g * x, axis=0, keepdims=True),
        ),
        broadcast,
        "has the wrong shape",
    ),
    _case(
        "quotient, no square",
        _primitive(quotient, lambda ans, x, y: lambda g: g / y, lambda ans, x, y: lambda g: -g * x / y),
        positive((3, 4), (3, 4)),
        "the factor",
        "uses the input x where the output belongs",
    ),
    _case(
        "quotient, sign of y",
        _primitive(quotient, lambda ans, x, y: lambda g: g / y, lambda ans, x, y: lambda g: g * x / y**2),
        positive((3, 4), (3, 4)),
        "the gradient of y has the wrong sign",
    ),
    _case(
        "power, exponent not reduced",
        _primitive(power, lambda ans, x, n: lambda g: g * n * x**n, None),
        positive((3, 4), then=(3,)),
        "the factor",
    ),
    _case(
        "power, no n",
        _primitive(power, lambda ans, x, n: lambda g: g * x ** (n - 1), None),
        positive((3, 4), then=(3,)),
        "off by a factor of",
    ),
    _case(
        "matmul, b not transposed",
        _primitive(matmul, lambda ans, a, b: lambda g: g @ b, lambda ans, a, b: lambda g: a.T @ g),
        normal((3, 4), (4, 4)),
        "takes b transposed",
        "is transposed",
    ),
    _case(
        "matmul, second without gradient",
        _primitive(matmul, lambda ans, a, b: lambda g: g @ b.T, None),
        normal((3, 4), (4, 2)),
        "is zero where it should not be",
        "None",
    ),
    _case(
        "linear layer, W not transposed back",
        _primitive(linear, linear_vjp_x, lambda ans, x, W, b: lambda g: x.T @ g, linear_vjp_b),
        layer,
        "has the wrong shape",
        "transposed",
    ),
    _case(
        "linear layer, b as given",
        _primitive(linear, linear_vjp_x, linear_vjp_W, lambda ans, x, W, b: lambda g: g),
        layer,
        "is not summed over the axes along which",
        "has the wrong shape",
    ),
    _case(
        "solve, A not transposed",
        _primitive(
            solve,
            lambda ans, A, b: lambda g: -np.outer(np.linalg.solve(A, g), ans),
            lambda ans, A, b: lambda g: np.linalg.solve(A, g),
        ),
        draw_system,
        "transposed",
    ),
    _case(
        "solve, outer product turned",
        _primitive(
            solve,
            lambda ans, A, b: lambda g: -np.outer(ans, np.linalg.solve(A.T, g)),
            lambda ans, A, b: lambda g: np.linalg.solve(A.T, g),
        ),
        draw_system,
        "the gradient of A is transposed",
    ),
    _case(
        "inverse, not transposed",
        _primitive(inverse, lambda ans, A: lambda g: -ans @ g @ ans),
        draw_matrix,
        "transposed",
    ),
    _case("inverse, sign", _primitive(inverse, lambda ans, A: lambda g: ans.T @ g @ ans.T), draw_matrix, "wrong sign"),
    _case(
        "logdet, not transposed",
        _primitive(logdet, lambda ans, A: lambda g: g * np.linalg.inv(A)),
        draw_matrix,
        "transposed",
    ),
    _case(
        "norm, factor 2",
        _primitive(norm, lambda ans, x: lambda g: g * 2 * x / ans),
        normal((7,)),
        "off by a factor of 2",
    ),
    _case(
        "norm, not divided", _primitive(norm, lambda ans, x: lambda g: g * x), normal((7,)), "factor that", "the norm"
    ),
    _case(
        "variance, 1 / (n - 1)",
        _primitive(variance, lambda ans, x: lambda g: g * 2 * (x - np.mean(x)) / (x.size - 1)),
        normal((7,)),
        "off by a factor of 1.166",
    ),
    _case(
        "variance, not centered",
        _primitive(variance, lambda ans, x: lambda g: g * 2 * x / x.size),
        normal((7,)),
        "misses",
        "mean",
    ),
    _case(
        "cumulative sum, not reversed",
        _primitive(cumulative_sum, lambda ans, x: lambda g: np.cumsum(g, axis=1)),
        matrix,
        "reversed",
        "transposed",
    ),
    _case(
        "cumulative sum, not turned back",
        _primitive(cumulative_sum, lambda ans, x: lambda g: np.cumsum(g[:, ::-1], axis=1)),
        matrix,
        "reversed",
    ),
    _case(
        "sum along an axis, square",
        _primitive(row_sum, lambda ans, x, axis: lambda g: g * np.ones_like(x), None),
        normal((4, 4), then=(1,)),
        "transposed",
        "axis",
    ),
    _case(
        "mean, not divided",
        _primitive(row_mean, lambda ans, x: lambda g: g[:, None] * np.ones_like(x)),
        matrix,
        "off by a factor of 4",
    ),
    _case("sorted, g by order", _primitive(sorted_rows, sorted_by_order_vjp), normal((3, 5)), "permuted", "rearranged"),
    _case(
        "rolled, same direction",
        _primitive(rolled, lambda ans, x, shift: lambda g: np.roll(g, shift, axis=1), None),
        normal((3, 5), then=(1,)),
        "shifted by",
    ),
    _case("rows, assigned", _primitive(take_rows, take_assigned_vjp, None), draw_rows, "= where += belongs"),
    _case("rows, added by index", _primitive(take_rows, take_added_vjp, None), draw_rows, "= where += belongs"),
    _case("difference, assigned", _primitive(difference, difference_assigned_vjp), matrix, "= where += belongs"),
    _case("difference, one side", _primitive(difference, difference_one_vjp), matrix, "misses", "counts only some"),
    _case(
        "quadratic form, symmetric A assumed",
        _primitive(
            quadratic, lambda ans, x, A: lambda g: 2 * g * A @ x, lambda ans, x, A: lambda g: g * np.outer(x, x)
        ),
        normal((4,), (4, 4)),
        "is right only where A is symmetric",
    ),
    _case(
        "correlation, kernel reversed",
        _primitive(
            correlate,
            lambda ans, x, kernel: lambda g: np.convolve(g, kernel[::-1]),
            lambda ans, x, kernel: lambda g: np.correlate(x, g, mode="valid"),
        ),
        normal((8,), (3,)),
        "permuted",
    ),
    _case(
        "maximum, to all of the row",
        _primitive(maximum_of_rows, lambda ans, x: lambda g: g[:, None] * np.ones_like(x)),
        matrix,
        "is missing its mask",
    ),
    _case("doubled in place", _primitive(doubled_in_place, lambda ans, x: lambda g: 2 * g), matrix, "forward modifies"),
    _case(
        "tanh, kept in a global",
        _primitive(tanh_kept, tanh_kept_vjp),
        matrix,
        "that of another instance",
        "what all instances share",
        "what an earlier forward kept",
    ),
    _case(
        "tanh, usable once",
        _primitive(np.tanh, tanh_popped_vjp),
        matrix,
        "a second call of backward",
    ),
    _case(
        "normalized, norm as a constant",
        _primitive(normalized, lambda ans, x: lambda g: g / np.sqrt(np.sum(x**2, axis=1, keepdims=True))),
        matrix,
        "treats each element alone",
    ),
    _case(
        "centered, mean as a constant",
        _primitive(centered, lambda ans, x: lambda g: g),
        matrix,
        "passed straight through",
        "treats each element alone",
        "misses",
    ),
]

FLOATS = (np.float64,)
