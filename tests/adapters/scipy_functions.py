"""Objectives with gradients, Jacobians and Hessians, as written for the optimizers of SciPy."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.special import expit

from gates import check_grad
from tests.adapters.case import Case


def check(function, x0, *args, hess=None, seed=0):
    """Return the report on a pair (fun, jac)."""
    fun, jac = function
    return check_grad(fun, jac, x0, *args, hess=hess, seed=seed)


# ------------------------------------------------------------------------------------------------- right functions


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_der(x):
    valley = x[1:] - x[:-1] ** 2
    d = np.zeros_like(x)
    d[1:] += 200 * valley
    d[:-1] -= 400 * x[:-1] * valley + 2 * (1 - x[:-1])
    return d


def rosenbrock_hess(x):
    beside = -400 * x[:-1]
    diagonal = np.append(1200 * x[:-1] ** 2 - 400 * x[1:] + 2, 0.0)
    diagonal[1:] += 200
    return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)


def logistic(w, X, y, alpha):
    z = X @ w
    return np.sum(np.logaddexp(0, z) - y * z) + 0.5 * alpha * w @ w


def logistic_grad(w, X, y, alpha):
    return X.T @ (expit(X @ w) - y) + alpha * w


def logistic_hess(w, X, y, alpha):
    p = expit(X @ w)
    return (X.T * (p * (1 - p))) @ X + alpha * np.eye(len(w))


def ridge(w, X, y, alpha):
    """Return the value and its gradient."""
    residual = X @ w - y
    return 0.5 * residual @ residual + 0.5 * alpha * w @ w, X.T @ residual + alpha * w


def ridge_value(w, X, y, alpha):
    return ridge(w, X, y, alpha)[0]


def ridge_hess(w, X, y, alpha):
    return X.T @ X + alpha * np.eye(len(w))


def decay_residuals(theta, t, y):
    return theta[0] * np.exp(-theta[1] * t) + theta[2] - y


def decay_jac(theta, t, y):
    e = np.exp(-theta[1] * t)
    return np.column_stack([e, -theta[0] * t * e, np.ones_like(t)])


def rotation(theta):
    r, phi = theta
    return np.array([r * np.cos(phi), r * np.sin(phi), r**2])


def rotation_jac(theta):
    r, phi = theta
    return np.array([[np.cos(phi), -r * np.sin(phi)], [np.sin(phi), r * np.cos(phi)], [2 * r, 0]])


def chain_energy(x, k, rest):
    """Springs between points in the plane, of which x holds x0, y0, x1, y1, ..."""
    points = x.reshape(-1, 2)
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return 0.5 * k * np.sum((lengths - rest) ** 2) + 9.81 * points[:, 1].sum()


def chain_gradient(x, k, rest):
    points = x.reshape(-1, 2)
    edges = np.diff(points, axis=0)
    lengths = np.linalg.norm(edges, axis=1, keepdims=True)
    forces = k * (lengths - rest) * edges / lengths
    gradient = np.zeros_like(points)
    gradient[1:] += forces
    gradient[:-1] -= forces
    gradient[:, 1] += 9.81
    return gradient.ravel()


def softmax_regression(theta, X, Y):
    d, k = X.shape[1], Y.shape[1]
    W, b = theta[: d * k].reshape(d, k), theta[d * k :]
    z = X @ W + b
    return np.sum(np.logaddexp.reduce(z, axis=1) - np.sum(Y * z, axis=1)) / len(X)


def softmax_regression_parts(theta, X, Y):
    d, k = X.shape[1], Y.shape[1]
    W, b = theta[: d * k].reshape(d, k), theta[d * k :]
    z = X @ W + b
    error = (np.exp(z - np.logaddexp.reduce(z, axis=1)[:, None]) - Y) / len(X)
    return X.T @ error, error.sum(axis=0)


def softmax_regression_grad(theta, X, Y):
    dW, db = softmax_regression_parts(theta, X, Y)
    return np.concatenate([dW.ravel(), db])


def gaussian_nll(theta, data):
    mu, log_sigma = theta
    return np.sum(0.5 * ((data - mu) / np.exp(log_sigma)) ** 2 + log_sigma)


def gaussian_nll_grad(theta, data):
    mu, log_sigma = theta
    z = (data - mu) / np.exp(log_sigma)
    return np.array([-np.sum(z) / np.exp(log_sigma), np.sum(1 - z**2)])


def portfolio(w, mu, Sigma, risk):
    return -mu @ w + risk * w @ Sigma @ w


def portfolio_jac(w, mu, Sigma, risk):
    return -mu + 2 * risk * Sigma @ w


def portfolio_hess(w, mu, Sigma, risk):
    return 2 * risk * Sigma


def smooth_path(x, y):
    """Smoothness of differences, next to data."""
    return np.sum((x - y) ** 2) + 10 * np.sum(np.diff(x) ** 2)


def smooth_path_grad(x, y):
    g = 2 * (x - y)
    g[1:] += 20 * np.diff(x)
    g[:-1] -= 20 * np.diff(x)
    return g


def tridiagonal(x):
    return (3 - 2 * x) * x - np.r_[0, x[:-1]] - 2 * np.r_[x[1:], 0] + 1


def tridiagonal_jac(x):
    n = len(x)
    return sparse.diags([-np.ones(n - 1), 3 - 4 * x, -2 * np.ones(n - 1)], [-1, 0, 1], format="csr")


# --------------------------------------------------------------------------------------------------------- arguments


def draw_vector(random, dtype):
    return (random.normal(size=6).astype(dtype),)


def draw_logistic(random, dtype):
    X = random.normal(size=(12, 4))
    return tuple(np.asarray(one, dtype) for one in (random.normal(size=4), X, random.integers(0, 2, 12), 0.7))


def draw_ridge(random, dtype):
    return random.normal(size=4), random.normal(size=(9, 4)), random.normal(size=9), 0.3


def draw_decay(random, dtype):
    return random.uniform(0.5, 2, size=3), np.linspace(0, 3, 8), random.normal(size=8)


def draw_rotation(random, dtype):
    return (random.uniform(0.5, 2, size=2),)


def draw_chain(random, dtype):
    return random.normal(size=10), 3.0, 0.5


def draw_softmax(random, dtype):
    return random.normal(size=15), random.normal(size=(8, 4)), np.eye(3)[random.integers(0, 3, 8)]


def draw_gaussian(random, dtype):
    return random.normal(size=2), random.normal(1, 2, size=20)


def draw_portfolio(random, dtype):
    returns = random.normal(size=(30, 5))
    return random.dirichlet(np.ones(5)), random.normal(size=5), np.cov(returns.T), 1.5


def draw_path(random, dtype):
    return random.normal(size=8), random.normal(size=8)


# --------------------------------------------------------------------------------------------------------- mistakes


def rosenbrock_der_sign(x):
    xm, xm_m1, xm_p1 = x[1:-1], x[:-2], x[2:]
    der = np.zeros_like(x)
    der[1:-1] = 200 * (xm - xm_m1**2) + 400 * (xm_p1 - xm**2) * xm - 2 * (1 - xm)
    der[0] = -400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0])
    der[-1] = 200 * (x[-1] - x[-2] ** 2)
    return der


def rosenbrock_der_no_end(x):
    der = rosenbrock_der(x)
    der[-1] = 0
    return der


def rosenbrock_der_first(x):
    der = rosenbrock_der(x)
    der[0] = -400 * x[0] * (x[1] - x[0] ** 2)
    return der


def rosenbrock_hess_upper(x):
    return np.triu(rosenbrock_hess(x))


def rosenbrock_hess_corner(x):
    H = rosenbrock_hess(x)
    H[0, 0] = 1200 * x[0] ** 2 - 400 * x[1]
    return H


def logistic_grad_sign(w, X, y, alpha):
    return X.T @ (y - expit(X @ w)) - alpha * w


def logistic_grad_data_sign(w, X, y, alpha):
    return X.T @ (y - expit(X @ w)) + alpha * w


def logistic_grad_mean(w, X, y, alpha):
    return (X.T @ (expit(X @ w) - y) + alpha * w) / len(y)


def logistic_grad_no_penalty(w, X, y, alpha):
    return X.T @ (expit(X @ w) - y)


def logistic_grad_no_sigmoid(w, X, y, alpha):
    return X.T @ (X @ w - y) + alpha * w


def logistic_grad_column(w, X, y, alpha):
    return (X.T @ (expit(X @ w) - y) + alpha * w).reshape(-1, 1)


def logistic_grad_sum(w, X, y, alpha):
    return np.sum(X.T @ (expit(X @ w) - y) + alpha * w)


def logistic_grad_intercept(w, X, y, alpha):
    """Leave the penalty of the first weight out, which the value has."""
    penalty = alpha * w
    penalty[0] = 0
    return X.T @ (expit(X @ w) - y) + penalty


def logistic_hess_no_weights(w, X, y, alpha):
    return X.T @ X + alpha * np.eye(len(w))


def logistic_hess_no_penalty(w, X, y, alpha):
    p = expit(X @ w)
    return (X.T * (p * (1 - p))) @ X


def logistic_hess_sign(w, X, y, alpha):
    return -logistic_hess(w, X, y, alpha)


def ridge_grad_twice(w, X, y, alpha):
    return 2 * X.T @ (X @ w - y) + 2 * alpha * w


def ridge_penalty_twice(w, X, y, alpha):
    return ridge(w, X, y, alpha)[0], X.T @ (X @ w - y) + 2 * alpha * w


def ridge_penalty_no_w(w, X, y, alpha):
    return X.T @ (X @ w - y) + alpha


def ridge_hess_half(w, X, y, alpha):
    return 0.5 * ridge_hess(w, X, y, alpha)


def decay_jac_transposed(theta, t, y):
    return decay_jac(theta, t, y).T


def decay_jac_order(theta, t, y):
    e = np.exp(-theta[1] * t)
    return np.column_stack([-theta[0] * t * e, e, np.ones_like(t)])


def decay_jac_no_minus(theta, t, y):
    e = np.exp(-theta[1] * t)
    return np.column_stack([e, theta[0] * t * e, np.ones_like(t)])


def decay_jac_no_offset(theta, t, y):
    e = np.exp(-theta[1] * t)
    return np.column_stack([e, -theta[0] * t * e, np.zeros_like(t)])


def decay_jac_summed(theta, t, y):
    return decay_jac(theta, t, y).sum(axis=0)


def rotation_jac_entry(theta):
    r, phi = theta
    return np.array([[np.cos(phi), -r * np.sin(phi)], [np.sin(phi), np.cos(phi)], [2 * r, 0]])


def rotation_jac_turned(theta):
    r, phi = theta
    return np.array([[np.cos(phi), np.sin(phi)], [-r * np.sin(phi), r * np.cos(phi)]])


def plane_rotation(theta):
    r, phi = theta
    return np.array([r * np.cos(phi), r * np.sin(phi)])


def chain_gradient_no_gravity(x, k, rest):
    gradient = chain_gradient(x, k, rest).reshape(-1, 2)
    gradient[:, 1] -= 9.81
    return gradient.ravel()


def chain_gradient_one_end(x, k, rest):
    points = x.reshape(-1, 2)
    edges = np.diff(points, axis=0)
    lengths = np.linalg.norm(edges, axis=1, keepdims=True)
    gradient = np.zeros_like(points)
    gradient[1:] += k * (lengths - rest) * edges / lengths
    gradient[:, 1] += 9.81
    return gradient.ravel()


def chain_gradient_not_flat(x, k, rest):
    return chain_gradient(x, k, rest).reshape(-1, 2)


def chain_gradient_columns_first(x, k, rest):
    return chain_gradient(x, k, rest).reshape(-1, 2).ravel(order="F")


def chain_forces(x, k, rest):
    return -chain_gradient(x, k, rest)


def softmax_regression_bias_first(theta, X, Y):
    dW, db = softmax_regression_parts(theta, X, Y)
    return np.concatenate([db, dW.ravel()])


def softmax_regression_w_turned(theta, X, Y):
    dW, db = softmax_regression_parts(theta, X, Y)
    return np.concatenate([dW.T.ravel(), db])


def softmax_regression_bias_sum(theta, X, Y):
    dW, db = softmax_regression_parts(theta, X, Y)
    return np.concatenate([dW.ravel(), db * len(X)])


def softmax_regression_no_bias(theta, X, Y):
    dW, db = softmax_regression_parts(theta, X, Y)
    return np.concatenate([dW.ravel(), np.zeros_like(db)])


def softmax_regression_w_alone(theta, X, Y):
    dW, _ = softmax_regression_parts(theta, X, Y)
    return dW.ravel()


def gaussian_nll_grad_of_sigma(theta, data):
    mu, log_sigma = theta
    sigma = np.exp(log_sigma)
    z = (data - mu) / sigma
    return np.array([-np.sum(z) / sigma, np.sum(1 - z**2) / sigma])


def gaussian_nll_grad_order(theta, data):
    return gaussian_nll_grad(theta, data)[::-1]


def gaussian_nll_grad_mu_sign(theta, data):
    return gaussian_nll_grad(theta, data) * np.array([-1, 1])


def portfolio_jac_no_two(w, mu, Sigma, risk):
    return -mu + risk * Sigma @ w


def portfolio_jac_row(w, mu, Sigma, risk):
    return -mu + 2 * risk * w @ np.triu(Sigma)


def portfolio_hess_no_two(w, mu, Sigma, risk):
    return risk * Sigma


def smooth_path_grad_one_side(x, y):
    g = 2 * (x - y)
    g[1:] += 20 * np.diff(x)
    return g


def smooth_path_grad_shifted(x, y):
    g = smooth_path_grad(x, y)
    return np.roll(g, 1)


def pairs_energy(x):
    return np.sum(x[::2] ** 2 * x[1::2])


def pairs_energy_grad(x):
    g = np.empty_like(x)
    g[::2] = 2 * x[::2] * x[1::2]
    g[1::2] = x[::2]
    return g


def pairs_energy_grad_even(x):
    g = np.zeros_like(x)
    g[::2] = 2 * x[::2] * x[1::2]
    return g


def tridiagonal_jac_turned(x):
    return tridiagonal_jac(x).T


def tridiagonal_jac_diagonal(x):
    return np.diag(3 - 4 * x)


def _case(name, fun, jac, draw, *says, hess=None):
    return Case(name, (fun, jac), draw, says, () if hess is None else (("hess", hess),))


RIGHT = [
    _case("Rosenbrock", rosenbrock, rosenbrock_der, draw_vector),
    _case("Rosenbrock, Hessian", rosenbrock, rosenbrock_der, draw_vector, hess=rosenbrock_hess),
    _case("logistic regression", logistic, logistic_grad, draw_logistic, hess=logistic_hess),
    _case("ridge, both returned", ridge, True, draw_ridge, hess=ridge_hess),
    _case("residuals of a decay", decay_residuals, decay_jac, draw_decay),
    _case("polar coordinates", rotation, rotation_jac, draw_rotation),
    _case("chain of springs", chain_energy, chain_gradient, draw_chain),
    _case("softmax regression, W and b joined", softmax_regression, softmax_regression_grad, draw_softmax),
    _case("Gaussian likelihood", gaussian_nll, gaussian_nll_grad, draw_gaussian),
    _case("portfolio", portfolio, portfolio_jac, draw_portfolio, hess=portfolio_hess),
    _case("smooth path", smooth_path, smooth_path_grad, draw_path),
    _case("tridiagonal system, sparse", tridiagonal, tridiagonal_jac, draw_vector),
]

_FACTOR, _SHAPE, _INDEX, _SIGN = "off by a factor of", "the shape", "wrong only at index", "has the wrong sign"

WRONG = [
    _case("Rosenbrock, sign of a term", rosenbrock, rosenbrock_der_sign, draw_vector, "misses", "from 1", "1 to 4"),
    _case("Rosenbrock, last index", rosenbrock, rosenbrock_der_no_end, draw_vector, _INDEX),
    _case("Rosenbrock, first index", rosenbrock, rosenbrock_der_first, draw_vector, _INDEX),
    _case(
        "Rosenbrock, triangle of the Hessian",
        rosenbrock,
        rosenbrock_der,
        draw_vector,
        "hess is not symmetric",
        hess=rosenbrock_hess_upper,
    ),
    _case(
        "Rosenbrock, corner of the Hessian",
        rosenbrock,
        rosenbrock_der,
        draw_vector,
        _INDEX,
        hess=rosenbrock_hess_corner,
    ),
    _case("logistic regression, sign", logistic, logistic_grad_sign, draw_logistic, _SIGN),
    _case(
        "logistic regression, sign of the data",
        logistic,
        logistic_grad_data_sign,
        draw_logistic,
        "has the wrong sign, but for the term with alpha",
    ),
    _case("logistic regression, mean", logistic, logistic_grad_mean, draw_logistic, _FACTOR),
    _case("logistic regression, no penalty", logistic, logistic_grad_no_penalty, draw_logistic, "misses"),
    _case("logistic regression, no sigmoid", logistic, logistic_grad_no_sigmoid, draw_logistic, "sigmoid"),
    _case("logistic regression, column", logistic, logistic_grad_column, draw_logistic, _SHAPE),
    _case("logistic regression, summed", logistic, logistic_grad_sum, draw_logistic, _SHAPE),
    _case("logistic regression, penalty of index 0", logistic, logistic_grad_intercept, draw_logistic, _INDEX),
    _case(
        "logistic regression, Hessian of least squares",
        logistic,
        logistic_grad,
        draw_logistic,
        "hess is off by",
        "hess misses",
        hess=logistic_hess_no_weights,
    ),
    _case(
        "logistic regression, Hessian without penalty",
        logistic,
        logistic_grad,
        draw_logistic,
        "hess misses",
        hess=logistic_hess_no_penalty,
    ),
    _case(
        "logistic regression, sign of the Hessian",
        logistic,
        logistic_grad,
        draw_logistic,
        "hess has the wrong sign",
        hess=logistic_hess_sign,
    ),
    _case("ridge, of twice the value", ridge_value, ridge_grad_twice, draw_ridge, "off by a factor of 2"),
    _case("ridge, penalty twice", ridge_penalty_twice, True, draw_ridge, "misses", "0.3"),
    _case("ridge, penalty's w forgotten", ridge_value, ridge_penalty_no_w, draw_ridge, "misses"),
    _case(
        "ridge, half the Hessian",
        ridge,
        True,
        draw_ridge,
        "hess is off by a factor of 0.5",
        hess=ridge_hess_half,
    ),
    _case("decay, Jacobian transposed", decay_residuals, decay_jac_transposed, draw_decay, "transposed"),
    _case("decay, columns exchanged", decay_residuals, decay_jac_order, draw_decay, "permuted", "rearranged", "swap"),
    _case("decay, sign of a column", decay_residuals, decay_jac_no_minus, draw_decay, _INDEX, "sign"),
    _case("decay, column of zeros", decay_residuals, decay_jac_no_offset, draw_decay, _INDEX, "is zero where it"),
    _case("decay, gradient in place of a Jacobian", decay_residuals, decay_jac_summed, draw_decay, _SHAPE),
    _case("polar coordinates, an entry", rotation, rotation_jac_entry, draw_rotation, _INDEX),
    _case("polar coordinates, transposed", plane_rotation, rotation_jac_turned, draw_rotation, "transposed"),
    _case("springs, no gravity", chain_energy, chain_gradient_no_gravity, draw_chain, "at every second index"),
    _case("springs, one end", chain_energy, chain_gradient_one_end, draw_chain, "misses", "= where += belongs"),
    _case("springs, not flat", chain_energy, chain_gradient_not_flat, draw_chain, _SHAPE),
    _case("springs, columns first", chain_energy, chain_gradient_columns_first, draw_chain, "permuted", "rearranged"),
    _case("springs, forces", chain_energy, chain_forces, draw_chain, _SIGN),
    _case(
        "W and b, b first", softmax_regression, softmax_regression_bias_first, draw_softmax, "shifted by", "permuted"
    ),
    _case(
        "W and b, W transposed",
        softmax_regression,
        softmax_regression_w_turned,
        draw_softmax,
        "transposed",
        "permuted",
        "rearranged",
    ),
    _case(
        "W and b, b not divided",
        softmax_regression,
        softmax_regression_bias_sum,
        draw_softmax,
        "off by a factor of 8 from 12 on",
    ),
    _case(
        "W and b, b forgotten",
        softmax_regression,
        softmax_regression_no_bias,
        draw_softmax,
        "from 12 on",
        "is zero where it should not be",
    ),
    _case("W and b, W alone", softmax_regression, softmax_regression_w_alone, draw_softmax, _SHAPE),
    _case("Gaussian, by sigma", gaussian_nll, gaussian_nll_grad_of_sigma, draw_gaussian, _INDEX),
    _case(
        "Gaussian, sigma before mu",
        gaussian_nll,
        gaussian_nll_grad_order,
        draw_gaussian,
        "reversed",
        "permuted",
        "rearranged",
        "swap",
    ),
    _case("Gaussian, sign of mu", gaussian_nll, gaussian_nll_grad_mu_sign, draw_gaussian, _INDEX, "sign"),
    _case(
        "portfolio, no 2",
        portfolio,
        portfolio_jac_no_two,
        draw_portfolio,
        "off by a factor of 0.5 in the term with Sigma",
    ),
    _case("portfolio, triangle of the covariance", portfolio, portfolio_jac_row, draw_portfolio, "misses"),
    _case(
        "portfolio, no 2 in the Hessian",
        portfolio,
        portfolio_jac,
        draw_portfolio,
        "hess is off by a factor of 0.5",
        hess=portfolio_hess_no_two,
    ),
    _case("smooth path, one side", smooth_path, smooth_path_grad_one_side, draw_path, "misses", "= where += belongs"),
    _case("smooth path, shifted", smooth_path, smooth_path_grad_shifted, draw_path, "shifted by"),
    _case(
        "pairs, odd indices",
        pairs_energy,
        pairs_energy_grad_even,
        draw_vector,
        "at every second index",
        "is zero where",
    ),
    _case("pairs, square forgotten", pairs_energy, pairs_energy_grad, draw_vector, "at every second index"),
    _case("tridiagonal, transposed", tridiagonal, tridiagonal_jac_turned, draw_vector, "transposed"),
    _case("tridiagonal, diagonal alone", tridiagonal, tridiagonal_jac_diagonal, draw_vector, "each element alone"),
]

FLOATS = (np.float64,)
