"""Layers that keep their parameters themselves, some of classes of their own."""

from typing import Any

import numpy as np

from tests.layers.layer import Layer, normal, right, wrong


class Dense:
    """x @ W + b, with W and b of the layer's own."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.W, self.b = random.normal(size=(4, 2)), random.normal(size=2)

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy: Any) -> list[Any]:
        self.dW, self.db = self.x.T @ dy, dy.sum(axis=0)
        return [dy @ self.W.T]


class DenseDoubledBias(Dense):
    def backward(self, dy: Any) -> list[Any]:
        answer = super().backward(dy)
        self.db = 2 * self.db
        return answer


class DenseBiasNotSummed(Dense):
    def backward(self, dy: Any) -> list[Any]:
        answer = super().backward(dy)
        self.db = dy
        return answer


class DenseAdds(Dense):
    """The same, where backward adds to the gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    def backward(self, dy: Any) -> list[Any]:
        self.dW += self.x.T @ dy
        self.db += dy.sum(axis=0)
        return [dy @ self.W.T]


class DenseFirstOnly(Dense):
    """The same, where the first x is kept for ever."""

    def forward(self, x: Any) -> Any:
        if not hasattr(self, "x"):
            self.x = x
        return x @ self.W + self.b


class DenseShared(Dense):
    """The same, where x is kept on the class."""

    def forward(self, x: Any) -> Any:
        DenseShared.x = x
        return x @ self.W + self.b


class DenseLists:
    """The same, with lists of parameters and gradients."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.params = [random.normal(size=(4, 2)), random.normal(size=2)]
        self.grads = [np.zeros_like(one) for one in self.params]

    def forward(self, x: Any) -> Any:
        self.x = x
        w, b = self.params
        return x @ w + b

    def backward(self, dy: Any) -> list[Any]:
        w, _ = self.params
        self.grads[0][...] = self.x.T @ dy
        self.grads[1][...] = dy.sum(axis=0)
        return [dy @ w.T]


class DenseListsMean(DenseLists):
    def backward(self, dy: Any) -> list[Any]:
        answer = super().backward(dy)
        self.grads[0] /= len(self.x)
        return answer


class DenseNames:
    """The same, with dictionaries."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.params = {"W": random.normal(size=(4, 2)), "b": random.normal(size=2)}
        self.grads: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dy: Any) -> list[Any]:
        self.grads = {"W": self.x.T @ dy, "b": dy.sum(axis=0)}
        return [dy @ self.params["W"].T]


class DenseNamesSign(DenseNames):
    def backward(self, dy: Any) -> list[Any]:
        answer = super().backward(dy)
        self.grads["b"] = -self.grads["b"]
        return answer


X = normal((3, 4))

LAYERS: list[Layer] = [
    right("dense", Dense, X),
    right("dense, adding", DenseAdds, X),
    right("dense, lists", DenseLists, X),
    right("dense, names", DenseNames, X),
    wrong("dense, db doubled", DenseDoubledBias, X, "self.b", "of self.b is off by a factor of 2"),
    wrong("dense, keeps its first x", DenseFirstOnly, X, "", "of self.W is stale"),
    wrong("dense, x on the class", DenseShared, X, "", "of self.W is that of another instance"),
    wrong("dense, db not summed", DenseBiasNotSummed, X, "self.b", "of self.b has the wrong shape", "not summed"),
    wrong(
        "dense, lists, dW a mean", DenseListsMean, X, "self.params[0]", "of self.params[0] is off by a factor of 0.333"
    ),
    wrong("dense, names, sign of db", DenseNamesSign, X, "self.params['b']", "of self.params['b'] has the wrong sign"),
]
