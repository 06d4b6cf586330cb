"""Objectives for gradient boosting: a gradient and the diagonal of the Hessian."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from gates import check_objective
from tests.adapters.case import Case


def check(objective, y_true, y_pred, loss=None, seed=0):
    """Return the report on an objective."""
    return check_objective(objective, y_true, y_pred, loss, seed=seed)


class Dataset:
    """Labels and weights, as XGBoost's DMatrix and LightGBM's Dataset hold them."""

    def __init__(self, label, weight=None):
        self.label, self.weight = label, weight

    def get_label(self):
        return self.label

    def get_weight(self):
        return self.weight


WEIGHTS = np.array([1.0, 2.0, 0.5, 1.5, 3.0, 1.0, 0.25, 2.0])

# -------------------------------------------------------------------------------------------------- losses and draws


def log_loss(y, z):
    return np.logaddexp(0, z) - y * z


def weighted_log_loss(y, z):
    return np.resize(WEIGHTS, len(y)) * log_loss(y, z)


def half_squares(y, z):
    return 0.5 * (z - y) ** 2


def squares(y, z):
    return (z - y) ** 2


def pseudo_huber_loss(y, z):
    return np.sqrt(1 + (z - y) ** 2)


def poisson_loss(y, z):
    return np.exp(z) - y * z


def log_cosh_loss(y, z):
    return np.log(np.cosh(z - y))


def smooth_quantile_loss(y, z, alpha=0.8):
    u = y - z
    return alpha * u + np.logaddexp(0, -u)


def focal_loss(y, z, gamma=2.0):
    p = expit(np.where(y == 1, z, -z))
    return -((1 - p) ** gamma) * np.log(p)


def tweedie_loss(y, z, rho=1.5):
    return -y * np.exp((1 - rho) * z) / (1 - rho) + np.exp((2 - rho) * z) / (2 - rho)


def gamma_loss(y, z):
    return y * np.exp(-z) + z


def softmax_loss(y, z):
    return np.logaddexp.reduce(z, axis=1) - z[np.arange(len(y)), y.astype(int)]


def squared_log_loss(y, z):
    return 0.5 * (np.log1p(z) - np.log1p(y)) ** 2


def draw_binary(random, dtype):
    return np.array([0, 1, 1, 0, 1, 0, 0, 1.0]), random.normal(size=8)


def draw_binary_data(random, dtype):
    y, z = draw_binary(random, dtype)
    return Dataset(y), z


def draw_weighted_data(random, dtype):
    y, z = draw_binary(random, dtype)
    return Dataset(y, WEIGHTS), z


def draw_real(random, dtype):
    return random.normal(size=8), random.normal(size=8)


def draw_real_data(random, dtype):
    y, z = draw_real(random, dtype)
    return Dataset(y), z


def draw_counts(random, dtype):
    return random.poisson(2, size=8).astype(float), random.normal(size=8)


def draw_positive(random, dtype):
    return random.gamma(2.0, size=8), random.uniform(0.2, 2, size=8)


def draw_classes(random, dtype):
    return random.integers(0, 3, size=6), random.normal(size=(6, 3))


# -------------------------------------------------------------------------------------------------- right objectives


def logregobj(preds, dtrain):
    labels = dtrain.get_label()
    preds = 1.0 / (1.0 + np.exp(-preds))
    return preds - labels, preds * (1.0 - preds)


def weighted_logistic(preds, train_data):
    p, weight = expit(preds), train_data.get_weight()
    return weight * (p - train_data.get_label()), weight * p * (1 - p)


def mse(y_true, y_pred):
    return y_pred - y_true, np.ones_like(y_pred)


def pseudo_huber(y_true, y_pred):
    d = y_pred - y_true
    scale = 1 + d**2
    return d / np.sqrt(scale), 1 / (scale * np.sqrt(scale))


def poisson(y_true, y_pred):
    mean = np.exp(y_pred)
    return mean - y_true, mean


def log_cosh(y_true, y_pred):
    t = np.tanh(y_pred - y_true)
    return t, 1 - t**2


def smooth_quantile(y_true, y_pred):
    s = expit(y_pred - y_true)
    return s - 0.8, s * (1 - s)


def focal(y_true, y_pred, gamma=2.0):
    sign = np.where(y_true == 1, 1.0, -1.0)
    p = expit(sign * y_pred)
    q = 1 - p
    grad = gamma * p * q**gamma * np.log(p) - q ** (gamma + 1)
    hess = p * q * (gamma * q**gamma * (np.log(p) + 1) - gamma**2 * p * q ** (gamma - 1) * np.log(p))
    return sign * grad, hess + p * q * (gamma + 1) * q**gamma


def tweedie(y_true, y_pred, rho=1.5):
    a, b = y_true * np.exp((1 - rho) * y_pred), np.exp((2 - rho) * y_pred)
    return b - a, (2 - rho) * b - (1 - rho) * a


def gamma_deviance(y_true, y_pred):
    ratio = y_true * np.exp(-y_pred)
    return 1 - ratio, ratio


def softmax_of(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax(y_true, y_pred):
    p = softmax_of(y_pred)
    grad = p.copy()
    grad[np.arange(len(y_true)), y_true] -= 1
    return grad, p * (1 - p)


def squared_log(predt, dtrain):
    y = dtrain.get_label()
    return (np.log1p(predt) - np.log1p(y)) / (predt + 1), (1 - np.log1p(predt) + np.log1p(y)) / (predt + 1) ** 2


def draw_positive_data(random, dtype):
    y, z = draw_positive(random, dtype)
    return Dataset(y), z


# --------------------------------------------------------------------------------------------------------- mistakes


def logistic_sign(preds, dtrain):
    labels = dtrain.get_label()
    preds = expit(preds)
    return labels - preds, preds * (1 - preds)


def logistic_both_signs(preds, dtrain):
    labels = dtrain.get_label()
    preds = expit(preds)
    return labels - preds, -preds * (1 - preds)


def logistic_no_sigmoid(preds, dtrain):
    labels = dtrain.get_label()
    return preds - labels, preds * (1 - preds)


def logistic_hess_without_sigmoid(preds, dtrain):
    return expit(preds) - dtrain.get_label(), preds * (1 - preds)


def logistic_exchanged(dtrain, preds):
    p = expit(preds)
    return p - dtrain.get_label(), p * (1 - p)


def logistic_no_weights(preds, train_data):
    p = expit(preds)
    return p - train_data.get_label(), p * (1 - p)


def logistic_weight_in_grad_only(preds, train_data):
    p = expit(preds)
    return train_data.get_weight() * (p - train_data.get_label()), p * (1 - p)


def logistic_hess_of_gradient(preds, dtrain):
    grad = expit(preds) - dtrain.get_label()
    return grad, grad * (1 - grad)


def logistic_hess_is_grad(preds, dtrain):
    grad = expit(preds) - dtrain.get_label()
    return grad, grad


def logistic_mean(preds, dtrain):
    p = expit(preds)
    return (p - dtrain.get_label()) / len(preds), p * (1 - p) / len(preds)


def logistic_summed_hess(preds, dtrain):
    p = expit(preds)
    return p - dtrain.get_label(), np.sum(p * (1 - p))


def logistic_constant_hess(preds, dtrain):
    return expit(preds) - dtrain.get_label(), np.ones_like(preds)


def weighted_classes(preds, dtrain):
    """Weigh the ones in the gradient, where the loss has no weights."""
    y, p = dtrain.get_label(), expit(preds)
    weight = np.where(y == 1, 3.0, 1.0)
    return weight * (p - y), weight * p * (1 - p)


def mse_exchanged(y_pred, y_true):
    return y_pred - y_true, np.ones_like(y_pred)


def mse_sign(y_true, y_pred):
    return y_true - y_pred, np.ones_like(y_pred)


def mse_no_two(y_true, y_pred):
    return y_pred - y_true, 2 * np.ones_like(y_pred)


def mse_hess_one(y_true, y_pred):
    return 2 * (y_pred - y_true), np.ones_like(y_pred)


def mse_hess_minus_two(y_true, y_pred):
    return -2 * (y_true - y_pred), -2 * np.ones_like(y_pred)


def mse_twice_of_half(y_true, y_pred):
    return 2 * (y_pred - y_true), 2 * np.ones_like(y_pred)


def mse_zero_hess(y_true, y_pred):
    return y_pred - y_true, np.zeros_like(y_pred)


def pseudo_huber_no_root(y_true, y_pred):
    d = y_pred - y_true
    scale = 1 + d**2
    return d / scale, 1 / (scale * np.sqrt(scale))


def pseudo_huber_hess(y_true, y_pred):
    d = y_pred - y_true
    scale = 1 + d**2
    return d / np.sqrt(scale), 1 / np.sqrt(scale)


def pseudo_huber_sign(y_true, y_pred):
    d = y_true - y_pred
    scale = 1 + d**2
    return d / np.sqrt(scale), 1 / (scale * np.sqrt(scale))


def poisson_no_exp(y_true, y_pred):
    return y_pred - y_true, y_pred


def poisson_hess_of_labels(y_true, y_pred):
    return np.exp(y_pred) - y_true, np.exp(y_pred) - y_true


def log_cosh_hess_sign(y_true, y_pred):
    t = np.tanh(y_pred - y_true)
    return t, t**2 - 1


def log_cosh_hess_not_squared(y_true, y_pred):
    t = np.tanh(y_pred - y_true)
    return t, 1 - t


def smooth_quantile_other_side(y_true, y_pred):
    s = expit(y_pred - y_true)
    return s - (1 - 0.8), s * (1 - s)


def focal_gradient_sign(y_true, y_pred):
    grad, hess = focal(y_true, y_pred)
    return np.where(y_true == 1, 1, -1) * grad, hess


def focal_hess_of_logistic(y_true, y_pred):
    p = expit(y_pred)
    return focal(y_true, y_pred)[0], p * (1 - p)


def tweedie_minus(y_true, y_pred, rho=1.5):
    a, b = y_true * np.exp((1 - rho) * y_pred), np.exp((2 - rho) * y_pred)
    return b - a, (2 - rho) * b + (1 - rho) * a


def tweedie_no_rho(y_true, y_pred, rho=1.5):
    a, b = y_true * np.exp((1 - rho) * y_pred), np.exp((2 - rho) * y_pred)
    return b - a, b - a


def gamma_no_one(y_true, y_pred):
    ratio = y_true * np.exp(-y_pred)
    return -ratio, ratio


def softmax_no_target(y_true, y_pred):
    p = softmax_of(y_pred)
    return p, p * (1 - p)


def softmax_twice(y_true, y_pred):
    grad, hess = softmax(y_true, y_pred)
    return grad, 2 * hess


def softmax_columns_first(y_true, y_pred):
    grad, hess = softmax(y_true, y_pred)
    return grad.ravel(order="F"), hess.ravel(order="F")


def softmax_over_samples(y_true, y_pred):
    p = np.exp(y_pred) / np.exp(y_pred).sum(axis=0)
    grad = p.copy()
    grad[np.arange(len(y_true)), y_true] -= 1
    return grad, p * (1 - p)


def softmax_own_class(y_true, y_pred):
    p = softmax_of(y_pred)
    grad = np.zeros_like(p)
    rows = np.arange(len(y_true))
    grad[rows, y_true] = p[rows, y_true] - 1
    return grad, p * (1 - p)


def squared_log_hess_sign(predt, dtrain):
    y = dtrain.get_label()
    return (np.log1p(predt) - np.log1p(y)) / (predt + 1), (np.log1p(y) - np.log1p(predt)) / (predt + 1) ** 2


def squared_log_power(predt, dtrain):
    y = dtrain.get_label()
    return (np.log1p(predt) - np.log1p(y)) / (predt + 1), (1 - np.log1p(predt) + np.log1p(y)) / (predt + 1)


def _case(name, objective, draw, loss, *says):
    return Case(name, objective, draw, says, () if loss is None else (("loss", loss),))


RIGHT = [
    _case("logistic", logregobj, draw_binary_data, log_loss),
    _case("logistic, without a loss", logregobj, draw_binary_data, None),
    _case("logistic, labels as an array", logregobj, draw_binary, log_loss),
    _case("logistic, weighted", weighted_logistic, draw_weighted_data, weighted_log_loss),
    _case("squared error", mse, draw_real, half_squares),
    _case("pseudo-Huber", pseudo_huber, draw_real, pseudo_huber_loss),
    _case("Poisson", poisson, draw_counts, poisson_loss),
    _case("log cosh", log_cosh, draw_real, log_cosh_loss),
    _case("smooth quantile", smooth_quantile, draw_real, smooth_quantile_loss),
    _case("focal", focal, draw_binary, focal_loss),
    _case("Tweedie", tweedie, draw_positive, tweedie_loss),
    _case("gamma", gamma_deviance, draw_positive, gamma_loss),
    _case("softmax", softmax, draw_classes, softmax_loss),
    _case("squared log", squared_log, draw_positive_data, squared_log_loss),
]

_FACTOR, _SIGN, _HESS = "off by a factor of", "has the wrong sign", "hess"

WRONG = [
    _case("logistic, sign", logistic_sign, draw_binary_data, log_loss, "the gradient of y_pred has the wrong sign"),
    _case("logistic, sign, without a loss", logistic_sign, draw_binary_data, None, _SIGN),
    _case("logistic, both signs", logistic_both_signs, draw_binary_data, log_loss, _SIGN),
    _case("logistic, no sigmoid", logistic_no_sigmoid, draw_binary_data, log_loss, "sigmoid", "is left out"),
    _case(
        "logistic, no sigmoid in the Hessian",
        logistic_hess_without_sigmoid,
        draw_binary_data,
        log_loss,
        "is left out",
    ),
    _case("logistic, arguments", logistic_exchanged, draw_binary_data, log_loss, "its arguments are exchanged"),
    _case("logistic, no weights", logistic_no_weights, draw_weighted_data, weighted_log_loss, "weight", "factor that"),
    _case(
        "logistic, weights of the gradient only",
        logistic_weight_in_grad_only,
        draw_weighted_data,
        weighted_log_loss,
        "such as a weight left out",
    ),
    _case(
        "logistic, Hessian of the residual",
        logistic_hess_of_gradient,
        draw_binary_data,
        log_loss,
        "its s belongs there",
    ),
    _case(
        "logistic, Hessian is the gradient",
        logistic_hess_is_grad,
        draw_binary_data,
        log_loss,
        "is the gradient once more",
    ),
    _case("logistic, mean for sum", logistic_mean, draw_binary_data, log_loss, "off by a factor of 0.125"),
    _case("logistic, Hessian of ones", logistic_constant_hess, draw_binary_data, log_loss, "is 1 everywhere"),
    _case("logistic, ones weighted", weighted_classes, draw_binary_data, log_loss, "off by a factor of 3"),
    _case("squared error, arguments", mse_exchanged, draw_real, half_squares, "its arguments are exchanged", _SIGN),
    _case("squared error, sign", mse_sign, draw_real, half_squares, _SIGN, "its arguments are exchanged"),
    _case("squared error, 2 in the Hessian", mse_no_two, draw_real, half_squares, _HESS + " is off by a factor of 2"),
    _case("squared error, no 2 in it", mse_hess_one, draw_real, squares, _HESS + " is off by a factor of 0.5"),
    _case("squared error, Hessian negative", mse_hess_minus_two, draw_real, squares, _HESS + " has the wrong sign"),
    _case("squared error, twice", mse_twice_of_half, draw_real, half_squares, "off by a factor of 2"),
    _case("squared error, Hessian zero", mse_zero_hess, draw_real, half_squares, _HESS + " is zero where"),
    _case("pseudo-Huber, no root", pseudo_huber_no_root, draw_real, pseudo_huber_loss, "off by"),
    _case("pseudo-Huber, power of the Hessian", pseudo_huber_hess, draw_real, pseudo_huber_loss, "misses the factor"),
    _case("pseudo-Huber, sign", pseudo_huber_sign, draw_real, pseudo_huber_loss, _SIGN, "its arguments are exchanged"),
    _case("Poisson, no exp", poisson_no_exp, draw_counts, poisson_loss, "is left out", "exp"),
    _case(
        "Poisson, Hessian is the gradient",
        poisson_hess_of_labels,
        draw_counts,
        poisson_loss,
        "misses",
        "is the gradient once more",
    ),
    _case("log cosh, Hessian negative", log_cosh_hess_sign, draw_real, log_cosh_loss, _HESS + " has the wrong sign"),
    _case("log cosh, not squared", log_cosh_hess_not_squared, draw_real, log_cosh_loss, "misses"),
    _case(
        "smooth quantile, 1 - alpha", smooth_quantile_other_side, draw_real, smooth_quantile_loss, "misses", "constant"
    ),
    _case(
        "focal, sign of class 0",
        focal_gradient_sign,
        draw_binary,
        focal_loss,
        "of -1 where y_true is 0",
        _SIGN,
        "index",
    ),
    _case("focal, Hessian of logistic", focal_hess_of_logistic, draw_binary, focal_loss, "that of the logistic loss"),
    _case("Tweedie, sign of a term", tweedie_minus, draw_positive, tweedie_loss, "misses"),
    _case("Tweedie, no rho in the Hessian", tweedie_no_rho, draw_positive, tweedie_loss, "is the gradient once more"),
    _case("gamma, no 1", gamma_no_one, draw_positive, gamma_loss, "misses", "constant"),
    _case("softmax, target", softmax_no_target, draw_classes, softmax_loss, "misses", "wrong only at index"),
    _case("softmax, Hessian twice", softmax_twice, draw_classes, softmax_loss, _HESS + " is off by a factor of 2"),
    _case("softmax, columns first", softmax_columns_first, draw_classes, softmax_loss, "permuted", "is transposed"),
    _case("softmax, over samples", softmax_over_samples, draw_classes, softmax_loss, "axis", "couples"),
    _case("softmax, own class only", softmax_own_class, draw_classes, softmax_loss, "is zero where it should not be"),
    _case("squared log, no 1 in the Hessian", squared_log_hess_sign, draw_positive_data, squared_log_loss, "misses"),
    _case(
        "squared log, power of the Hessian",
        squared_log_power,
        draw_positive_data,
        squared_log_loss,
        "misses the factor",
    ),
    _case("logistic, Hessian summed", logistic_summed_hess, draw_binary_data, log_loss, "hessian has the shape ()"),
]

FLOATS = (np.float64,)
