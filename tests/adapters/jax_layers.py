"""More JAX functions with a custom_vjp, as people write them: right ones, and ones with a mistake."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.adapters.case import Case


def array(values: Any, dtype: Any) -> Any:
    """Return an array of JAX, unless that would round it: of NumPy then."""
    return jnp.asarray(values, dtype) if dtype is np.float32 else np.asarray(values, dtype)


def given(*parts: Any) -> Callable[[Any, Any], tuple[Any, ...]]:
    """Return a `draw`: a tuple is the shape of normal numbers, a function is called, other leaves are as they are."""

    def draw(random: Any, dtype: Any) -> tuple[Any, ...]:
        def one(part: Any) -> Any:
            if isinstance(part, dict):
                return {name: one(value) for name, value in part.items()}
            if isinstance(part, list):
                return [one(value) for value in part]
            if isinstance(part, tuple):
                return array(random.normal(size=part), dtype)
            return part(random, dtype) if callable(part) else part

        return tuple(one(part) for part in parts)

    return draw


def integers(below: int, *shape: int) -> Callable[[Any, Any], Any]:
    return lambda random, dtype: random.integers(0, below, size=shape).astype(np.int32)


def positive(*shape: int) -> Callable[[Any, Any], Any]:
    return lambda random, dtype: array(random.uniform(0.5, 2.0, size=shape), dtype)


def well_conditioned(size: int) -> Callable[[Any, Any], Any]:
    return lambda random, dtype: array(random.normal(size=(size, size)) + 4 * np.eye(size), dtype)


def of_jax(*shape: int) -> Callable[[Any, Any], Any]:
    """Draw an array of JAX in any case, by which a function without a rule of its own is known as one of JAX."""
    return lambda random, dtype: jnp.asarray(random.normal(size=shape).astype(np.float32))


def ruled(function: Any, fwd: Any, bwd: Any, nondiff_argnums: tuple[int, ...] = ()) -> Any:
    """Return a function with a gradient of its own."""
    custom = jax.custom_vjp(function, nondiff_argnums=nondiff_argnums)
    custom.defvjp(fwd, bwd)
    return custom


# Elementwise functions


@jax.custom_vjp
def log1pexp(x):
    return jnp.logaddexp(x, 0.0)


def log1pexp_fwd(x):
    return log1pexp(x), x


def log1pexp_bwd(x, g):
    return (g * jax.nn.sigmoid(x),)


log1pexp.defvjp(log1pexp_fwd, log1pexp_bwd)
log1pexp_local = ruled(log1pexp.fun, log1pexp_fwd, lambda x, g: (jax.nn.sigmoid(x),))
log1pexp_bare = ruled(log1pexp.fun, log1pexp_fwd, lambda x, g: g * jax.nn.sigmoid(x))
log1pexp_of_output = ruled(log1pexp.fun, lambda x: (log1pexp(x),) * 2, log1pexp_bwd)


def tanh(x):
    return jnp.tanh(x)


def tanh_fwd(x):
    y = jnp.tanh(x)
    return y, y


def tanh_bwd(y, g):
    return (g * (1 - y**2),)


tanh_right = ruled(tanh, tanh_fwd, tanh_bwd)
tanh_of_input = ruled(tanh, lambda x: (jnp.tanh(x), x), tanh_bwd)
tanh_twice = ruled(tanh, tanh_fwd, lambda y, g: (g * (1 - y**2) * g,))
tanh_sign = ruled(tanh, tanh_fwd, lambda y, g: (g * (y**2 - 1),))
tanh_added = ruled(tanh, tanh_fwd, lambda y, g: (g + (1 - y**2),))
tanh_half = ruled(tanh, tanh_fwd, lambda y, g: ((g * (1 - y**2)).astype(jnp.float16),))
tanh_broken = ruled(tanh, tanh_fwd, lambda residuals, g: (g * (1 - residuals["y"] ** 2),))


def approximate_gelu(x):
    return 0.5 * x * (1 + jnp.tanh(0.7978845608 * (x + 0.044715 * x**3)))


gelu_of_the_exact = ruled(
    approximate_gelu,
    lambda x: (x * jax.scipy.stats.norm.cdf(x), x),
    lambda x, g: (g * (jax.scipy.stats.norm.cdf(x) + x * jax.scipy.stats.norm.pdf(x)),),
)
silu_without_term = ruled(
    lambda x: x * jax.nn.sigmoid(x), lambda x: (x * jax.nn.sigmoid(x), x), lambda x, g: (g * jax.nn.sigmoid(x),)
)


@jax.jit
@jax.custom_vjp
def relu(x):
    return jnp.maximum(x, 0)


relu_fun = relu.__wrapped__
relu_fun.defvjp(lambda x: (jnp.maximum(x, 0), x > 0), lambda positive, g: (jnp.where(positive, g, 0),))


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def leaky_relu(x, slope):
    return jnp.where(x > 0, x, slope * x)


def leaky_relu_fwd(x, slope):
    return leaky_relu(x, slope), x


def leaky_relu_bwd(slope, x, g):
    return (jnp.where(x > 0, g, slope * g),)


leaky_relu.defvjp(leaky_relu_fwd, leaky_relu_bwd)
leaky_relu_zero = ruled(
    leaky_relu.fun, leaky_relu_fwd, lambda slope, x, g: (jnp.where(x > 0, g, 0),), nondiff_argnums=(1,)
)
leaky_relu_too_many = ruled(
    leaky_relu.fun, leaky_relu_fwd, lambda slope, x, g: (jnp.where(x > 0, g, slope * g), None), nondiff_argnums=(1,)
)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def clip(x, low, high):
    return jnp.clip(x, low, high)


def clip_fwd(x, low, high):
    return jnp.clip(x, low, high), (x > low) & (x < high)


clip.defvjp(clip_fwd, lambda low, high, inside, g: (g * inside,))
clip_straight = ruled(clip.fun, clip_fwd, lambda low, high, inside, g: (g,), nondiff_argnums=(1, 2))
clip_inverted = ruled(
    clip.fun, clip_fwd, lambda low, high, inside, g: (jnp.where(inside, 0, g),), nondiff_argnums=(1, 2)
)


def power(x, exponent):
    return x**exponent


def power_fwd(x, exponent):
    return x**exponent, x


power_right = ruled(power, power_fwd, lambda p, x, g: (g * p * x ** (p - 1),), nondiff_argnums=(1,))
power_not_lowered = ruled(power, power_fwd, lambda p, x, g: (g * p * x**p,), nondiff_argnums=(1,))


def clip_gradient(low, high, x):
    return x * 1.0


clip_gradient_of_docs = ruled(
    clip_gradient, lambda low, high, x: (x, (low, high)), lambda kept, g: (None, None, jnp.clip(g, kept[0], kept[1]))
)


def straight_through_round(x):
    return x + lax.stop_gradient(jnp.round(x) - x)


def normalized_by_constant(x):
    return x / lax.stop_gradient(jnp.linalg.norm(x))


def softmax_less_constant(x):
    return jax.nn.softmax(x - lax.stop_gradient(x.max()))


def square_half_stopped(x):
    return x * lax.stop_gradient(x)


sine_normalized = ruled(
    jnp.sin, lambda x: (jnp.sin(x), x), lambda x, g: (jnp.cos(x) * g / (1e-6 + jnp.linalg.norm(g)),)
)

shelf: dict[str, Any] = {}


def sine_shelved_fwd(x):
    shelf["x"] = x
    return jnp.sin(x), None


sine_shelved = ruled(jnp.sin, sine_shelved_fwd, lambda _, g: (g * jnp.cos(shelf["x"]),))


# Two outputs


def polar(x, y):
    return jnp.hypot(x, y), jnp.arctan2(y, x)


def polar_fwd(x, y):
    r, angle = polar(x, y)
    return (r, angle), (x, y, r)


def polar_bwd(residuals, g):
    x, y, r = residuals
    g_r, g_angle = g
    return g_r * x / r - g_angle * y / r**2, g_r * y / r + g_angle * x / r**2


def polar_radius_bwd(residuals, g):
    x, y, r = residuals
    return g[0] * x / r, g[0] * y / r


def polar_exchanged_bwd(residuals, g):
    g_x, g_y = polar_bwd(residuals, g)
    return g_y, g_x


polar_right = ruled(polar, polar_fwd, polar_bwd)
polar_radius = ruled(polar, polar_fwd, polar_radius_bwd)
polar_exchanged = ruled(polar, polar_fwd, polar_exchanged_bwd)


def best(x):
    return x.max(-1), x.argmax(-1)


def best_bwd(residuals, g):
    shape, place = residuals
    return (jax.nn.one_hot(place, shape.shape[-1], dtype=g[0].dtype) * g[0][:, None],)


best_right = ruled(best, lambda x: (best(x), (jnp.empty_like(x), x.argmax(-1))), best_bwd)


# Linear algebra


def multiply(x, y):
    return x * y


def multiply_fwd(x, y):
    return x * y, (x, y)


multiply_sum_fixed = ruled(
    multiply, multiply_fwd, lambda kept, g: (g * kept[1], (g * kept[0]).sum(0))
)  # y is broadcast along the first axis
multiply_not_summed = ruled(multiply, multiply_fwd, lambda kept, g: (g * kept[1], g * kept[0]))
multiply_exchanged = ruled(multiply, multiply_fwd, lambda kept, g: (g * kept[0], g * kept[1]))
multiply_one_only = ruled(multiply, multiply_fwd, lambda kept, g: (g * kept[1],))
multiply_none = ruled(multiply, multiply_fwd, lambda kept, g: (g * kept[1], None))


def matmul(a, b):
    return a @ b


def matmul_fwd(a, b):
    return a @ b, (a, b)


matmul_right = ruled(matmul, matmul_fwd, lambda kept, g: (g @ kept[1].T, kept[0].T @ g))
matmul_untransposed = ruled(matmul, matmul_fwd, lambda kept, g: (g @ kept[1], kept[0].T @ g))
matmul_upstream_transposed = ruled(matmul, matmul_fwd, lambda kept, g: (g.T @ kept[1].T, kept[0].T @ g))
matmul_result_transposed = ruled(matmul, matmul_fwd, lambda kept, g: ((g @ kept[1].T).T, kept[0].T @ g))


def linear(params, x):
    return x @ params["w"] + params["b"]


def linear_fwd(params, x):
    return linear(params, x), (params["w"], x)


def linear_bwd(kept, g):
    w, x = kept
    return {"w": x.T @ g, "b": g.sum(0)}, g @ w.T


def linear_without_b_bwd(kept, g):
    w, x = kept
    return {"w": x.T @ g}, g @ w.T


def linear_mean_bwd(kept, g):
    w, x = kept
    return {"w": x.T @ g / len(x), "b": g.sum(0)}, g @ w.T


def linear_b_not_summed_bwd(kept, g):
    w, x = kept
    return {"w": x.T @ g, "b": g}, g @ w.T


linear_right = ruled(linear, linear_fwd, linear_bwd)
linear_without_b = ruled(linear, linear_fwd, linear_without_b_bwd)
linear_mean = ruled(linear, linear_fwd, linear_mean_bwd)
linear_b_not_summed = ruled(linear, linear_fwd, linear_b_not_summed_bwd)


def optional_bias(x, w, b=None):
    return x @ w if b is None else x @ w + b


optional_bias_right = ruled(
    optional_bias,
    lambda x, w, b=None: (optional_bias(x, w, b), (x, w)),
    lambda kept, g: (g @ kept[1].T, kept[0].T @ g, None),
)


def two_layers(layers, x):
    (first, second) = layers
    return jnp.tanh(x @ first["w"]) @ second["w"]


def two_layers_fwd(layers, x):
    hidden = jnp.tanh(x @ layers[0]["w"])
    return hidden @ layers[1]["w"], (layers, x, hidden)


def two_layers_bwd(kept, g):
    layers, x, hidden = kept
    inner = (g @ layers[1]["w"].T) * (1 - hidden**2)
    return [{"w": x.T @ inner}, {"w": hidden.T @ g}], inner @ layers[0]["w"].T


def two_layers_linear_bwd(kept, g):
    layers, x, hidden = kept
    inner = g @ layers[1]["w"].T
    return [{"w": x.T @ inner}, {"w": hidden.T @ g}], inner @ layers[0]["w"].T


two_layers_right = ruled(two_layers, two_layers_fwd, two_layers_bwd)
two_layers_linear = ruled(two_layers, two_layers_fwd, two_layers_linear_bwd)


def solve(a, b):
    return jnp.linalg.solve(a, b)


def solve_fwd(a, b):
    x = jnp.linalg.solve(a, b)
    return x, (a, x)


def solve_bwd(kept, g):
    a, x = kept
    adjoint = jnp.linalg.solve(a.T, g)
    return -jnp.outer(adjoint, x), adjoint


def solve_untransposed_bwd(kept, g):
    a, x = kept
    adjoint = jnp.linalg.solve(a, g)
    return -jnp.outer(adjoint, x), adjoint


def solve_sign_bwd(kept, g):
    a, x = kept
    adjoint = jnp.linalg.solve(a.T, g)
    return jnp.outer(adjoint, x), adjoint


solve_right = ruled(solve, solve_fwd, solve_bwd)
solve_untransposed = ruled(solve, solve_fwd, solve_untransposed_bwd)
solve_sign = ruled(solve, solve_fwd, solve_sign_bwd)


def quadratic(a, x):
    return x @ a @ x


def quadratic_fwd(a, x):
    return x @ a @ x, (a, x)


quadratic_right = ruled(
    quadratic, quadratic_fwd, lambda kept, g: (g * jnp.outer(kept[1], kept[1]), g * (kept[0] + kept[0].T) @ kept[1])
)
quadratic_symmetric = ruled(
    quadratic, quadratic_fwd, lambda kept, g: (g * jnp.outer(kept[1], kept[1]), 2 * g * kept[0] @ kept[1])
)
quadratic_one_side = ruled(
    quadratic, quadratic_fwd, lambda kept, g: (g * jnp.outer(kept[1], kept[1]), g * kept[0] @ kept[1])
)


def fixed_point(step, a, start):
    return lax.fori_loop(0, 60, lambda _, x: step(a, x), start)


def fixed_point_fwd(step, a, start):
    x = fixed_point(step, a, start)
    return x, (a, x)


def fixed_point_bwd(step, kept, g):
    a, x = kept
    _, pull_x = jax.vjp(lambda x: step(a, x), x)
    _, pull_a = jax.vjp(lambda a: step(a, x), a)
    adjoint = lax.fori_loop(0, 60, lambda _, u: g + pull_x(u)[0], g)
    return pull_a(adjoint)[0], jnp.zeros_like(x)


def fixed_point_one_step_bwd(step, kept, g):
    a, x = kept
    _, pull_a = jax.vjp(lambda a: step(a, x), a)
    return pull_a(g)[0], jnp.zeros_like(x)


fixed_point_right = ruled(fixed_point, fixed_point_fwd, fixed_point_bwd, nondiff_argnums=(0,))
fixed_point_one_step = ruled(fixed_point, fixed_point_fwd, fixed_point_one_step_bwd, nondiff_argnums=(0,))


def half_cosine(a, x):
    return a + 0.5 * jnp.cos(x)


# Reductions and normalizations


def norm(x):
    return jnp.sqrt((x * x).sum())


def norm_fwd(x):
    return norm(x), (x, norm(x))


norm_right = ruled(norm, norm_fwd, lambda kept, g: (g * kept[0] / kept[1],))
norm_undivided = ruled(norm, norm_fwd, lambda kept, g: (g * kept[0],))


def variance(x):
    return ((x - x.mean()) ** 2).mean()


def variance_fwd(x):
    return variance(x), x


variance_halved = ruled(variance, variance_fwd, lambda x, g: (g * (x - x.mean()) / x.size,))
variance_uncentred = ruled(variance, variance_fwd, lambda x, g: (2 * g * x / x.size,))
variance_unbiased_fwd = ruled(
    variance, lambda x: (x.var(ddof=1), x), lambda x, g: (2 * g * (x - x.mean()) / (x.size - 1),)
)


def row_mean(x):
    return x.mean(1)


row_mean_not_expanded = ruled(row_mean, lambda x: (x.mean(1), x.shape[1]), lambda n, g: (g / n,))
row_mean_summed = ruled(
    row_mean, lambda x: (x.mean(1), jnp.zeros_like(x)), lambda zeros, g: (jnp.ones_like(zeros) * g[:, None],)
)


def softmax(x, axis):
    return jax.nn.softmax(x, axis)


def softmax_fwd(x, axis):
    p = jax.nn.softmax(x, axis)
    return p, p


softmax_right = ruled(
    softmax, softmax_fwd, lambda axis, p, g: (p * (g - (g * p).sum(axis, keepdims=True)),), nondiff_argnums=(1,)
)
softmax_elementwise = ruled(softmax, softmax_fwd, lambda axis, p, g: (p * (1 - p) * g,), nondiff_argnums=(1,))
softmax_summed_over_all = ruled(
    softmax, softmax_fwd, lambda axis, p, g: (p * (g - (g * p).sum()),), nondiff_argnums=(1,)
)


def layer_norm(params, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * params["scale"] + params["bias"]


def layer_norm_fwd(params, x):
    centred = x - x.mean(-1, keepdims=True)
    reciprocal = 1 / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    normalized = centred * reciprocal
    return normalized * params["scale"] + params["bias"], (normalized, reciprocal, params["scale"])


def layer_norm_bwd(kept, g):
    normalized, reciprocal, scale = kept
    inner = g * scale
    mean, along = inner.mean(-1, keepdims=True), (inner * normalized).mean(-1, keepdims=True)
    params = {"scale": (g * normalized).sum(0), "bias": g.sum(0)}
    return params, reciprocal * (inner - mean - normalized * along)


def layer_norm_constant_deviation_bwd(kept, g):
    normalized, reciprocal, scale = kept
    inner = g * scale
    params = {"scale": (g * normalized).sum(0), "bias": g.sum(0)}
    return params, reciprocal * (inner - inner.mean(-1, keepdims=True))


layer_norm_right = ruled(layer_norm, layer_norm_fwd, layer_norm_bwd)
layer_norm_constant_deviation = ruled(layer_norm, layer_norm_fwd, layer_norm_constant_deviation_bwd)


def rms_norm(x):
    return x / jnp.sqrt((x**2).mean(-1, keepdims=True))


def rms_norm_fwd(x):
    return rms_norm(x), x


rms_norm_elementwise = ruled(rms_norm, rms_norm_fwd, lambda x, g: (g / jnp.sqrt((x**2).mean(-1, keepdims=True)),))


# Losses and attention


def cross_entropy(logits, labels):
    log_p = jax.nn.log_softmax(logits)
    return -log_p[jnp.arange(len(labels)), labels].mean()


def cross_entropy_fwd(logits, labels):
    return cross_entropy(logits, labels), (jax.nn.softmax(logits), labels)


def cross_entropy_bwd(kept, g):
    p, labels = kept
    return g * (p - jax.nn.one_hot(labels, p.shape[-1])) / len(labels), None


def cross_entropy_summed_bwd(kept, g):
    p, labels = kept
    return g * (p - jax.nn.one_hot(labels, p.shape[-1])), None


def cross_entropy_local_bwd(kept, g):
    p, labels = kept
    return (p - jax.nn.one_hot(labels, p.shape[-1])) / len(labels), None


def cross_entropy_sign_bwd(kept, g):
    p, labels = kept
    return g * (jax.nn.one_hot(labels, p.shape[-1]) - p) / len(labels), None


def cross_entropy_first_label_bwd(kept, g):
    p, labels = kept
    return g * (p.at[0, labels[0]].add(-1)) / len(labels), None


cross_entropy_right = ruled(cross_entropy, cross_entropy_fwd, cross_entropy_bwd)
cross_entropy_summed = ruled(cross_entropy, cross_entropy_fwd, cross_entropy_summed_bwd)
cross_entropy_local = ruled(cross_entropy, cross_entropy_fwd, cross_entropy_local_bwd)
cross_entropy_sign = ruled(cross_entropy, cross_entropy_fwd, cross_entropy_sign_bwd)
cross_entropy_first_label = ruled(cross_entropy, cross_entropy_fwd, cross_entropy_first_label_bwd)


def causal_attention(q, k, v):
    scores = jnp.where(jnp.tri(len(q), len(k), dtype=bool), q @ k.T / jnp.sqrt(q.shape[-1]), -jnp.inf)
    return jax.nn.softmax(scores) @ v


def causal_attention_fwd(q, k, v):
    scores = jnp.where(jnp.tri(len(q), len(k), dtype=bool), q @ k.T / jnp.sqrt(q.shape[-1]), -jnp.inf)
    p = jax.nn.softmax(scores)
    return p @ v, (q, k, v, p)


def causal_attention_bwd(kept, g):
    q, k, v, p = kept
    g_p = g @ v.T
    g_scores = p * (g_p - (g_p * p).sum(-1, keepdims=True)) / jnp.sqrt(q.shape[-1])
    return g_scores @ k, g_scores.T @ q, p.T @ g


def attention_p_untransposed_bwd(kept, g):
    p = kept[-1]
    g_q, g_k, _ = causal_attention_bwd(kept, g)
    return g_q, g_k, p @ g


def attention_keys_exchanged_bwd(kept, g):
    g_q, g_k, g_v = causal_attention_bwd(kept, g)
    return g_k, g_q, g_v


def attention_all_seen_bwd(kept, g):
    q, k, v, _ = kept
    return causal_attention_bwd((q, k, v, jax.nn.softmax(q @ k.T / jnp.sqrt(q.shape[-1]))), g)


attention_right = ruled(causal_attention, causal_attention_fwd, causal_attention_bwd)
attention_p_untransposed = ruled(causal_attention, causal_attention_fwd, attention_p_untransposed_bwd)
attention_keys_exchanged = ruled(causal_attention, causal_attention_fwd, attention_keys_exchanged_bwd)
attention_all_seen = ruled(causal_attention, causal_attention_fwd, attention_all_seen_bwd)


def lower(x, y):
    return jnp.tril(x @ y)


lower_unmasked = ruled(lower, lambda x, y: (lower(x, y), (x, y)), lambda kept, g: (g @ kept[1].T, kept[0].T @ g))


# Indexing, windows and order


def embed(table, indices):
    return table[indices]


def embed_fwd(table, indices):
    return table[indices], (jnp.zeros_like(table), indices)


embed_right = ruled(embed, embed_fwd, lambda kept, g: (kept[0].at[kept[1]].add(g), None))
embed_set = ruled(embed, embed_fwd, lambda kept, g: (kept[0].at[kept[1]].set(g), None))


def segment_mean(x, segments):
    count = jax.ops.segment_sum(jnp.ones(len(x)), segments, 3)
    return jax.ops.segment_sum(x, segments, 3) / jnp.maximum(count, 1)[:, None]


def segment_mean_fwd(x, segments):
    return segment_mean(x, segments), segments


def segment_mean_bwd(segments, g):
    count = jax.ops.segment_sum(jnp.ones(len(segments)), segments, 3)
    return (g / jnp.maximum(count, 1)[:, None])[segments], None


segment_mean_right = ruled(segment_mean, segment_mean_fwd, segment_mean_bwd)
segment_mean_undivided = ruled(segment_mean, segment_mean_fwd, lambda segments, g: (g[segments], None))


def some_segments(random: Any, dtype: Any) -> Any:
    return np.array([0, 0, 1, 1, 1, 2], np.int32)


def top(x):
    return x.max(-1)


top_everywhere = ruled(top, lambda x: (x.max(-1), jnp.zeros_like(x)), lambda zeros, g: (zeros + g[:, None],))
top_shared = ruled(
    top,
    lambda x: (x.max(-1), x),
    lambda x, g: (jnp.where(x == x.max(-1, keepdims=True), g[:, None] / x.shape[-1], 0),),
)


def reorder(x, order):
    return x[order]


reorder_right = ruled(
    reorder, lambda x, order: (x[order], order), lambda order, g: (jnp.zeros_like(g).at[order].set(g), None)
)
reorder_gathered = ruled(reorder, lambda x, order: (x[order], order), lambda order, g: (g[order], None))


def some_order(random: Any, dtype: Any) -> Any:
    return np.array([2, 0, 3, 5, 1, 6, 4], np.int32)


cumsum_right = ruled(
    lambda x: jnp.cumsum(x, -1), lambda x: (jnp.cumsum(x, -1), None), lambda _, g: (lax.cumsum(g, g.ndim - 1, True),)
)
cumsum_forwards = ruled(
    lambda x: jnp.cumsum(x, -1), lambda x: (jnp.cumsum(x, -1), None), lambda _, g: (jnp.cumsum(g, -1),)
)


def recur(decay, x):
    def step(h, one):
        h = decay * h + one
        return h, h

    return lax.scan(step, jnp.zeros_like(decay), x)[1]


def recur_fwd(decay, x):
    h = recur(decay, x)
    return h, (decay, h)


def recur_bwd(kept, g, reverse=True):
    decay, h = kept

    def step(carried, one):
        carried = decay * carried + one
        return carried, carried

    g_x = lax.scan(step, jnp.zeros_like(decay), g, reverse=reverse)[1]
    return (g_x[1:] * h[:-1]).sum(0), g_x


def recur_last_bwd(kept, g):
    _, h = kept
    _, g_x = recur_bwd(kept, g)
    return g_x[-1] * h[-2], g_x


def recur_alone_bwd(kept, g):
    _, h = kept
    return (g[1:] * h[:-1]).sum(0), g


recur_right = ruled(recur, recur_fwd, recur_bwd)
recur_forwards = ruled(recur, recur_fwd, functools.partial(recur_bwd, reverse=False))
recur_last = ruled(recur, recur_fwd, recur_last_bwd)
recur_alone = ruled(recur, recur_fwd, recur_alone_bwd)


def roll(x, shift):
    return jnp.roll(x, shift)


roll_right = ruled(roll, lambda x, shift: (jnp.roll(x, shift), None), lambda shift, _, g: (jnp.roll(g, -shift),), (1,))
roll_again = ruled(roll, lambda x, shift: (jnp.roll(x, shift), None), lambda shift, _, g: (jnp.roll(g, shift),), (1,))

flip_kept = ruled(lambda x: x[::-1] * 2, lambda x: (x[::-1] * 2, None), lambda _, g: (2 * g,))


def correlate(x, kernel):
    return jnp.correlate(x, kernel, "valid")


def correlate_fwd(x, kernel):
    return correlate(x, kernel), (x, kernel)


correlate_right = ruled(
    correlate,
    correlate_fwd,
    lambda kept, g: (jnp.convolve(g, kept[1], "full"), jnp.correlate(kept[0], g, "valid")),
)
correlate_unflipped = ruled(
    correlate,
    correlate_fwd,
    lambda kept, g: (jnp.correlate(g, kept[1], "full"), jnp.correlate(kept[0], g, "valid")),
)


def total_variation(x):
    return ((x[1:] - x[:-1]) ** 2).sum()


def total_variation_fwd(x):
    return total_variation(x), x


def total_variation_wrapped_bwd(x, g):
    return (2 * g * (2 * x - jnp.roll(x, 1) - jnp.roll(x, -1)),)


total_variation_wrapped = ruled(total_variation, total_variation_fwd, total_variation_wrapped_bwd)


def scaled_by_halves(x):
    n = len(x) // 2
    return jnp.concatenate([2 * x[:n], 3 * x[n:]])


scaled_first_half = ruled(
    scaled_by_halves,
    lambda x: (scaled_by_halves(x), None),
    lambda _, g: (jnp.where(jnp.arange(len(g)) < 10, 2, 1) * g,),
)


def interleaved(x):
    return jnp.stack([jnp.sin(x[::2]), jnp.cos(x[1::2])], -1).ravel()


def interleaved_sign_bwd(x, g):
    return (jnp.stack([g[::2] * jnp.cos(x[::2]), g[1::2] * jnp.sin(x[1::2])], -1).ravel(),)


interleaved_sign = ruled(interleaved, lambda x: (interleaved(x), x), interleaved_sign_bwd)


def dropout(key, rate, x):
    keep = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0)


def dropout_fwd(key, rate, x):
    return dropout(key, rate, x), key


def dropout_bwd(rate, key, g):
    keep = jax.random.bernoulli(key, 1 - rate, g.shape)
    return None, jnp.where(keep, g / (1 - rate), 0)


def dropout_split_bwd(rate, key, g):
    _, key = jax.random.split(key)
    return dropout_bwd(rate, key, g)


def dropout_everything_bwd(rate, key, g):
    return None, g / (1 - rate)


def dropout_unscaled_bwd(rate, key, g):
    keep = jax.random.bernoulli(key, 1 - rate, g.shape)
    return None, jnp.where(keep, g, 0)


dropout_right = ruled(dropout, dropout_fwd, dropout_bwd, (1,))
dropout_split = ruled(dropout, dropout_fwd, dropout_split_bwd, (1,))
dropout_everything = ruled(dropout, dropout_fwd, dropout_everything_bwd, (1,))
dropout_unscaled = ruled(dropout, dropout_fwd, dropout_unscaled_bwd, (1,))


def a_key(random: Any, dtype: Any) -> Any:
    return np.array(random.integers(0, 2**31, 2), np.uint32)


# Symbolic zeros


@jax.custom_vjp
def product_symbolic(x, y):
    return x * y


def product_symbolic_fwd(x, y):
    return x.value * y.value, (x.value if y.perturbed else None, y.value if x.perturbed else None)


def product_symbolic_bwd(kept, g):
    x, y = kept
    if isinstance(g, jax.custom_derivatives.SymbolicZero):
        return None, None
    return None if y is None else g * y, None if x is None else g * x


product_symbolic.defvjp(product_symbolic_fwd, product_symbolic_bwd, symbolic_zeros=True)


RIGHT = [
    Case("softplus", log1pexp, given((4, 6))),
    Case("tanh of the saved output", tanh_right, given((4, 6))),
    Case("ReLU, compiled", relu, given((4, 6))),
    Case("leaky ReLU, slope not differentiated", leaky_relu, given((4, 6), 0.1)),
    Case("clip between numbers", clip, given((4, 6), -0.5, 0.8)),
    Case("power with an integer exponent", power_right, given((4, 6), 3)),
    Case("softmax less a constant maximum, by JAX", softmax_less_constant, given(of_jax(6))),
    Case("polar coordinates", polar_right, given((7,), (7,))),
    Case("maximum and its place", best_right, given((4, 6))),
    Case("product, summed over the broadcast axis", multiply_sum_fixed, given((4, 6), (6,))),
    Case("product of matrices", matmul_right, given((4, 6), (6, 3))),
    Case("linear layer of a dict", linear_right, given({"w": (6, 3), "b": (3,)}, (4, 6))),
    Case("two layers in a list of dicts", two_layers_right, given([{"w": (6, 4)}, {"w": (4, 3)}], (5, 6))),
    Case("linear layer without its optional bias", optional_bias_right, given((4, 6), (6, 3), None)),
    Case("linear system", solve_right, given(well_conditioned(5), (5,))),
    Case("quadratic form", quadratic_right, given((5, 5), (5,))),
    Case(
        "fixed point of a function",
        fixed_point_right,
        given(lambda random, dtype: half_cosine, (4,), (4,)),
    ),
    Case("norm", norm_right, given((4, 6))),
    Case("softmax over a given axis", softmax_right, given((4, 6), 0)),
    Case("layer norm", layer_norm_right, given({"scale": (6,), "bias": (6,)}, (4, 6))),
    Case("cross entropy with integer labels", cross_entropy_right, given((5, 4), integers(4, 5))),
    Case("causal attention", attention_right, given((5, 4), (5, 4), (5, 3))),
    Case("embedding with repeated indices", embed_right, given((5, 3), integers(5, 12))),
    Case("mean of segments", segment_mean_right, given((6, 4), some_segments)),
    Case("reordering by integers", reorder_right, given((7,), some_order)),
    Case("cumulative sum", cumsum_right, given((3, 5))),
    Case("recurrence", recur_right, given((3,), (6, 3))),
    Case("roll", roll_right, given((7,), 2)),
    Case("correlation", correlate_right, given((8,), (3,))),
    Case("dropout with a key", dropout_right, given(a_key, 0.4, (4, 6))),
    Case("product with symbolic zeros", product_symbolic, given((4, 6), (4, 6))),
]

WRONG = [
    Case("softplus, upstream forgotten", log1pexp_local, given((4, 6)), ("upstream gradient is not multiplied in",)),
    Case("softplus, a bare array", log1pexp_bare, given((4, 6)), ("bwd returned a bare",)),
    Case("softplus, output saved", log1pexp_of_output, given((4, 6)), ("uses the output where the input x belongs",)),
    Case("tanh, input saved", tanh_of_input, given((4, 6)), ("uses the input x where the output belongs",)),
    Case("tanh, upstream twice", tanh_twice, given((4, 6)), ("upstream gradient multiplied in twice",)),
    Case("tanh, sign", tanh_sign, given((4, 6)), ("wrong sign",)),
    Case("tanh, upstream added", tanh_added, given((4, 6)), ("upstream gradient added to the local one",)),
    Case(
        "tanh, gradient of float16",
        tanh_half,
        given((4, 6)),
        (
            "float16",
            "is not linear in the upstream gradient",
        ),
    ),
    Case("tanh, residuals misread", tanh_broken, given((4, 6)), ("backward raises", "bwd raises")),
    Case("GELU, fwd of the exact one", gelu_of_the_exact, given((4, 6)), ("fwd gives another value",)),
    Case("SiLU, second term forgotten", silu_without_term, given((4, 6)), ("of the product rule a term is missing",)),
    Case("leaky ReLU, slope forgotten", leaky_relu_zero, given((4, 6), 0.1), ("zero where it should not be",)),
    Case(
        "leaky ReLU, a gradient for the slope", leaky_relu_too_many, given((4, 6), 0.1), ("bwd returned 2 gradients",)
    ),
    Case("clip, straight through", clip_straight, given((4, 6), -0.5, 0.8), ("missing its mask", "straight through")),
    Case("clip, mask inverted", clip_inverted, given((4, 6), -0.5, 0.8), ("mask inverted",)),
    Case("power, exponent not lowered", power_not_lowered, given(positive(4, 6), 3), ("has the factor x too much",)),
    Case(
        "identity, gradient clipped",
        clip_gradient_of_docs,
        given(-0.5, 0.5, (4, 6)),
        ("is clipped", "not linear in the upstream gradient"),
    ),
    Case(
        "rounding, straight through by stop_gradient",
        straight_through_round,
        given(of_jax(4, 6)),
        ("straight through",),
    ),
    Case(
        "normalization, norm stopped",
        normalized_by_constant,
        given(of_jax(6)),
        ("treats each element alone", "misses"),
    ),
    Case("square, one factor stopped", square_half_stopped, given(of_jax(4, 6)), ("off by a factor of",)),
    Case("sine, gradient normalized", sine_normalized, given((4, 6)), ("divided by the upstream gradient's norm",)),
    Case(
        "sine, input kept in a global",
        sine_shelved,
        given((4, 6)),
        ("bwd uses what fwd keeps outside of its residuals",),
    ),
    Case("polar coordinates, radius only", polar_radius, given((7,), (7,)), ("counts output 0 only",)),
    Case("polar coordinates, gradients exchanged", polar_exchanged, given((7,), (7,)), ("are swapped",)),
    Case("product, not summed over the broadcast axis", multiply_not_summed, given((4, 6), (6,)), ("not summed",)),
    Case("product, gradients exchanged", multiply_exchanged, given((4, 6), (4, 6)), ("are swapped",)),
    Case("product, one gradient only", multiply_one_only, given((4, 6), (4, 6)), ("bwd returned 1 gradient",)),
    Case("product, None for y", multiply_none, given((4, 6), (4, 6)), ("None as the gradient of y",)),
    Case("product of matrices, b not transposed", matmul_untransposed, given((3, 5), (5, 5)), ("b transposed",)),
    Case(
        "product of matrices, upstream transposed",
        matmul_upstream_transposed,
        given((5, 4), (4, 5)),
        ("takes the upstream gradient transposed",),
    ),
    Case(
        "product of matrices, result transposed",
        matmul_result_transposed,
        given((5, 5), (5, 3)),
        ("is transposed",),
    ),
    Case(
        "linear layer, b forgotten in the dict",
        linear_without_b,
        given({"w": (6, 3), "b": (3,)}, (4, 6)),
        ("another structure",),
    ),
    Case(
        "linear layer, mean for the sum",
        linear_mean,
        given({"w": (6, 3), "b": (3,)}, (4, 6)),
        ("factor of 4", "factor of 1/4", "factor of 0.25"),
    ),
    Case(
        "linear layer, b not summed",
        linear_b_not_summed,
        given({"w": (6, 3), "b": (3,)}, (4, 6)),
        ("not summed",),
    ),
    Case(
        "two layers, activation forgotten",
        two_layers_linear,
        given([{"w": (6, 4)}, {"w": (4, 3)}], (5, 6)),
        ("passed straight through", "misses"),
    ),
    Case(
        "linear system, matrix not transposed",
        solve_untransposed,
        given(well_conditioned(5), (5,)),
        ("a transposed", "is transposed"),
    ),
    Case("linear system, sign of the matrix's", solve_sign, given(well_conditioned(5), (5,)), ("wrong sign",)),
    Case(
        "quadratic form, taken as symmetric",
        quadratic_symmetric,
        given((5, 5), (5,)),
        ("is right only where a is symmetric"),
    ),
    Case("quadratic form, one side only", quadratic_one_side, given((5, 5), (5,)), ("misses",)),
    Case(
        "fixed point, one step only",
        fixed_point_one_step,
        given(lambda random, dtype: half_cosine, (4,), (4,)),
        ("misses",),
    ),
    Case("norm, not divided", norm_undivided, given((4, 6)), ("norm", "the output")),
    Case("variance, 2 forgotten", variance_halved, given((4, 6)), ("factor of 2", "factor of 0.5", "factor of 1/2")),
    Case("variance, not centred", variance_uncentred, given((4, 6)), ("misses", "mean of x")),
    Case("variance, fwd unbiased", variance_unbiased_fwd, given((4, 6)), ("fwd gives another value",)),
    Case("mean of rows, not expanded", row_mean_not_expanded, given((4, 6)), ("has the wrong shape",)),
    Case("mean of rows, not divided", row_mean_summed, given((4, 6)), ("factor of 6",)),
    Case("softmax, element by element", softmax_elementwise, given((4, 6), 1), ("treats each element alone",)),
    Case("softmax, summed over all axes", softmax_summed_over_all, given((4, 6), 1), ("misses", "sum")),
    Case(
        "layer norm, deviation taken as constant",
        layer_norm_constant_deviation,
        given({"scale": (6,), "bias": (6,)}, (4, 6)),
        ("misses",),
    ),
    Case("RMS norm, element by element", rms_norm_elementwise, given((4, 6)), ("treats each element alone", "misses")),
    Case("cross entropy, sum for a mean", cross_entropy_summed, given((5, 4), integers(4, 5)), ("factor of 5",)),
    Case(
        "cross entropy, upstream forgotten",
        cross_entropy_local,
        given((5, 4), integers(4, 5)),
        ("upstream gradient is not multiplied in",),
    ),
    Case("cross entropy, sign", cross_entropy_sign, given((5, 4), integers(4, 5)), ("wrong sign",)),
    Case(
        "cross entropy, first label only",
        cross_entropy_first_label,
        given((5, 4), integers(4, 5)),
        ("misses", "wrong only at"),
    ),
    Case(
        "causal attention, probabilities not transposed",
        attention_p_untransposed,
        given((5, 4), (5, 4), (5, 3)),
        ("transposed",),
    ),
    Case(
        "causal attention, queries and keys exchanged",
        attention_keys_exchanged,
        given((5, 4), (5, 4), (5, 3)),
        ("are swapped",),
    ),
    Case(
        "causal attention, mask forgotten in bwd",
        attention_all_seen,
        given((5, 4), (5, 4), (5, 3)),
        ("mask",),
    ),
    Case("lower triangle, mask forgotten", lower_unmasked, given((5, 4), (4, 5)), ("mask",)),
    Case("embedding, set for add", embed_set, given((5, 3), integers(5, 12)), ("= where += belongs",)),
    Case(
        "mean of segments, not divided",
        segment_mean_undivided,
        given((6, 4), some_segments),
        ("off by a factor of", "a block", "off by 2"),
    ),
    Case("maximum of rows, to all", top_everywhere, given((4, 6)), ("missing its mask",)),
    Case("maximum of rows, divided by the length", top_shared, given((4, 6)), ("(1/6)",)),
    Case("reordering, gathered for scattered", reorder_gathered, given((7,), some_order), ("permuted", "rearranged")),
    Case("cumulative sum, not reversed", cumsum_forwards, given((3, 5)), ("reversed", "transposed")),
    Case("recurrence, run forwards again", recur_forwards, given((3,), (6, 3)), ("reversed", "transposed")),
    Case(
        "recurrence, decay's of the last step", recur_last, given((3,), (6, 3)), ("misses", "only some of the outputs")
    ),
    Case("recurrence, each step alone", recur_alone, given((3,), (6, 3)), ("treats each element alone", "misses")),
    Case("roll, the same way back", roll_again, given((7,), 2), ("shifted by",)),
    Case("flip, not flipped back", flip_kept, given((7,)), ("reversed",)),
    Case("correlation, kernel not flipped", correlate_unflipped, given((8,), (3,)), ("reversed",)),
    Case("total variation, ends wrapped", total_variation_wrapped, given((9,)), ("wrong only at index",)),
    Case("two halves, second as if not scaled", scaled_first_half, given((20,)), ("a block", "from 10 on", "10 to 19")),
    Case("sine and cosine in turn, sign", interleaved_sign, given((8,)), ("at every second index",)),
    Case(
        "dropout, another key",
        dropout_split,
        given(a_key, 0.4, (4, 6)),
        ("mask", "zero where it should not be"),
    ),
    Case("dropout, mask forgotten", dropout_everything, given(a_key, 0.4, (4, 6)), ("missing its mask",)),
    Case("dropout, scale forgotten", dropout_unscaled, given(a_key, 0.4, (4, 6)), ("off by a factor of",)),
]
