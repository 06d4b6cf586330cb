"""JAX functions with a custom_vjp, as people write them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.adapters.case import Case


def arrays(*shapes: tuple[int, ...], rest: tuple[Any, ...] = ()) -> Callable[[Any, Any], tuple[Any, ...]]:
    """Return what draws arrays of some shapes, away from 0, followed by other arguments."""

    def draw(random: Any, dtype: Any) -> tuple[Any, ...]:
        drawn = [random.uniform(0.3, 2.0, shape) * random.choice([-1.0, 1.0], shape) for shape in shapes]
        return (*[one.astype(dtype) for one in drawn], *rest)

    return draw


def custom(primal: Any, fwd: Any, bwd: Any, **options: Any) -> Any:
    """Return a function with its rules."""
    function = jax.custom_vjp(primal, **options)
    function.defvjp(fwd, bwd)
    return function


def keeping(primal: Callable[..., Any], kept: Callable[..., Any] = lambda *inputs: inputs) -> Callable[..., Any]:
    """Return a fwd that keeps something of its inputs."""
    return lambda *inputs: (primal(*inputs), kept(*inputs))


def relu(x: Any) -> Any:
    return jnp.maximum(x, 0.0)


def sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + jnp.exp(-x))


def product(x: Any, y: Any) -> Any:
    return x * y


def wave(x: Any, y: Any) -> Any:
    return jnp.sin(x) * y


def affine(parameters: Any, x: Any) -> Any:
    return x @ parameters["w"] + parameters["b"]


def affine_bwd(kept: Any, g: Any) -> Any:
    parameters, x = kept
    return {"w": x.T @ g, "b": g.sum(0)}, g @ parameters["w"].T


def softmax(x: Any) -> Any:
    e = jnp.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_fwd(x: Any) -> Any:
    y = softmax(x)
    return y, y


def log_sum_exp(x: Any) -> Any:
    return jnp.log(jnp.sum(jnp.exp(x), axis=1))


def layer_norm(x: Any) -> Any:
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)


def layer_norm_fwd(x: Any) -> Any:
    y = layer_norm(x)
    return y, (y, jnp.sqrt(x.var(axis=1, keepdims=True) + 1e-5))


def layer_norm_bwd(kept: Any, g: Any) -> Any:
    y, deviation = kept
    return ((g - g.mean(axis=1, keepdims=True) - y * (g * y).mean(axis=1, keepdims=True)) / deviation,)


def power(x: Any, n: int) -> Any:
    return x**n


def gathered(w: Any, places: Any) -> Any:
    return w[places]


def gathered_fwd(w: Any, places: Any) -> Any:
    return w[places], (w, places)


def causal(q: Any, k: Any) -> Any:
    return jnp.tril(q @ k.T)


def split(x: Any) -> Any:
    return jnp.sin(x), jnp.cos(x)


def mean_square(x: Any, y: Any) -> Any:
    return jnp.mean((x - y) ** 2)


def drawn_affine(random: Any, dtype: Any) -> tuple[Any, ...]:
    w, b, x = (random.normal(size=shape).astype(dtype) for shape in ((3, 2), (2,), (4, 3)))
    return {"w": w, "b": b}, x


def drawn_places(random: Any, dtype: Any) -> tuple[Any, ...]:
    return random.normal(size=(4, 2)).astype(dtype), np.array([0, 2, 2, 3, 2])


def centred_bwd(kept: Any, g: Any) -> Any:
    y, deviation = kept
    return ((g - y * (g * y).mean(axis=1, keepdims=True)) / deviation,)


ONE, TWO = arrays((3, 4)), arrays((3, 4), (3, 4))
of_product = functools.partial(custom, product, keeping(product))
of_affine = functools.partial(custom, affine, keeping(affine))
of_sigmoid = functools.partial(custom, sigmoid, lambda x: (sigmoid(x), sigmoid(x)))
of_relu = functools.partial(custom, relu, keeping(relu, lambda x: x))
of_wave = functools.partial(custom, wave, keeping(wave))
of_power = functools.partial(custom, power, lambda x, n: (x**n, x), nondiff_argnums=(1,))
of_split = functools.partial(custom, split, lambda x: (split(x), x))

RIGHT = [
    Case("ReLU", of_relu(lambda x, g: (g * (x > 0),)), ONE),
    Case("sigmoid", of_sigmoid(lambda y, g: (g * y * (1 - y),)), ONE),
    Case("product", of_product(lambda xy, g: (g * xy[1], g * xy[0])), TWO),
    Case("product, compiled", jax.jit(of_product(lambda xy, g: (g * xy[1], g * xy[0]))), TWO),
    Case("affine, a dictionary of parameters", of_affine(affine_bwd), drawn_affine),
    Case("softmax", custom(softmax, softmax_fwd, lambda y, g: (y * (g - (g * y).sum(1, keepdims=True)),)), ONE),
    Case("layer norm", custom(layer_norm, layer_norm_fwd, layer_norm_bwd), ONE),
    Case("power", of_power(lambda n, x, g: (g * n * x ** (n - 1),)), arrays((4,), rest=(3,))),
    Case(
        "gathered",
        custom(gathered, gathered_fwd, lambda k, g: (jnp.zeros_like(k[0]).at[k[1]].add(g), None)),
        drawn_places,
    ),
    Case("two outputs", of_split(lambda x, g: (g[0] * jnp.cos(x) - g[1] * jnp.sin(x),)), ONE),
    Case(
        "causal scores",
        custom(causal, keeping(causal), lambda qk, g: (jnp.tril(g) @ qk[1], jnp.tril(g).T @ qk[0])),
        arrays((4, 3), (4, 3)),
    ),
    Case(
        "twice as steep, differentiated by JAX",
        lambda x: 2 * relu(x) + sigmoid(x),
        lambda r, d: (jnp.asarray(*ONE(r, d)),),
    ),
]

WRONG = [
    Case("ReLU without its mask", of_relu(lambda x, g: (g,)), ONE, ("missing its mask",)),
    Case("ReLU, mask inverted", of_relu(lambda x, g: (g * (x < 0),)), ONE, ("mask inverted",)),
    Case("sigmoid, upstream forgotten", of_sigmoid(lambda y, g: (y * (1 - y),)), ONE, ("not multiplied in",)),
    Case("sigmoid, upstream twice", of_sigmoid(lambda y, g: (g * g * y * (1 - y),)), ONE, ("multiplied in twice",)),
    Case("sigmoid, sign", of_sigmoid(lambda y, g: (g * y * (y - 1),)), ONE, ("wrong sign",)),
    Case(
        "sigmoid, input kept for the output",
        custom(sigmoid, keeping(sigmoid, lambda x: x), lambda y, g: (g * y * (1 - y),)),
        ONE,
        ("uses the input x where the output belongs",),
    ),
    Case(
        "fwd that computes something else",
        custom(sigmoid, lambda x: (sigmoid(1.001 * x), sigmoid(x)), lambda y, g: (g * y * (1 - y),)),
        ONE,
        ("fwd gives another value",),
    ),
    Case("product, swapped", of_product(lambda xy, g: (g * xy[0], g * xy[1])), TWO, ("are swapped",)),
    Case("product, factor", of_product(lambda xy, g: (g * xy[1], 2 * g * xy[0])), TWO, ("off by a factor of 2",)),
    Case("product, upstream added", of_product(lambda xy, g: (g + xy[1], g + xy[0])), TWO, ("added to the local",)),
    Case(
        "product, not summed",
        of_product(lambda xy, g: (g * xy[1], g * xy[0])),
        arrays((3, 4), (4,)),
        ("not summed over the axes",),
    ),
    Case("product, None", of_product(lambda xy, g: (g * xy[1], None)), TWO, ("None as the gradient of y",)),
    Case("product, one too few", of_product(lambda xy, g: (g * xy[1],)), TWO, ("bwd returned 1 gradient for 2",)),
    Case("ReLU, no tuple", of_relu(lambda x, g: g * (x > 0)), ONE, ("bwd returned a bare",)),
    Case(
        "affine, mean for sum",
        of_affine(lambda k, g: ({"w": k[1].T @ g, "b": g.mean(0)}, g @ k[0]["w"].T)),
        drawn_affine,
        ("of parameters['b'] is off by a factor of 0.25",),
    ),
    Case(
        "affine, another structure",
        of_affine(lambda k, g: ((k[1].T @ g, g.sum(0)), g @ k[0]["w"].T)),
        drawn_affine,
        ("another structure",),
    ),
    Case(
        "affine, not transposed",
        of_affine(lambda k, g: ({"w": k[1].T @ g, "b": g.sum(0)}, g @ k[0]["w"])),
        lambda r, d: (
            {"w": r.normal(size=(3, 3)).astype(d), "b": r.normal(size=3).astype(d)},
            r.normal(size=(4, 3)).astype(d),
        ),
        ("takes parameters['w'] transposed",),
    ),
    Case(
        "softmax, element by element",
        custom(softmax, softmax_fwd, lambda y, g: (g * y * (1 - y),)),
        ONE,
        ("treats each element alone",),
    ),
    Case("layer norm without the mean", custom(layer_norm, layer_norm_fwd, centred_bwd), ONE, ("misses a term",)),
    Case(
        "log of a sum, its weights forgotten",
        custom(log_sum_exp, keeping(log_sum_exp), lambda k, g: (g[:, None] * jnp.exp(k[0]),)),
        ONE,
        ("sum of exponentials",),
    ),
    Case("power, exponent", of_power(lambda n, x, g: (g * x ** (n - 1),)), arrays((4,), rest=(3,)), ("(1/3)",)),
    Case(
        "gathered, set for add",
        custom(gathered, gathered_fwd, lambda k, g: (jnp.zeros_like(k[0]).at[k[1]].set(g), None)),
        drawn_places,
        ("= where += belongs",),
    ),
    Case(
        "two outputs, one forgotten",
        of_split(lambda x, g: (g[0] * jnp.cos(x),)),
        ONE,
        ("counts output 0 only",),
    ),
    Case(
        "causal mask left out",
        custom(causal, keeping(causal), lambda qk, g: (g @ qk[1], g.T @ qk[0])),
        arrays((4, 3), (4, 3)),
        ("missing its mask",),
    ),
    Case(
        "wave, the other function", of_wave(lambda k, g: (g * k[1] * jnp.cos(k[0]), g * jnp.cos(k[0]))), TWO, ("of y",)
    ),
    Case(
        "mean of squares, not divided",
        custom(mean_square, keeping(mean_square), lambda k, g: (g * 2 * (k[0] - k[1]), g * 2 * (k[1] - k[0]))),
        TWO,
        ("off by a factor of 12",),
    ),
    Case(
        "clipped",
        custom(lambda x: x**3, lambda x: (x**3, x), lambda x, g: (jnp.clip(3 * g * x * x, -1, 1),)),
        ONE,
        ("clipped",),
    ),
    Case(
        "straight through",
        custom(lambda x: jnp.round(x), lambda x: (jnp.round(x), None), lambda _, g: (g,)),
        ONE,
        ("straight through",),
    ),
    Case(
        "the first element forgotten",
        custom(jnp.square, lambda x: (x * x, x), lambda x, g: ((2 * g * x).at[0].set(0.0),)),
        arrays((6,)),
        ("only at index 0",),
    ),
]

FLOATS = (np.float64, np.float32)
