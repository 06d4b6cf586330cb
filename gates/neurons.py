"""Whole neurons as gates: the sigmoid neuron, composed of smaller gates, and maxout."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gates.activations import Sigmoid
from gates.arithmetic import Add, Multiply
from gates.gate import Gate
from gates.linear import check_product, product_gradients
from gates.reductions import Sum
from gates.sum_to import sum_to
from gates.values import Value, namespace, shape_of


class Neuron(Gate):
    """The firing rate sigmoid(sum(inputs * weights) + bias). Backward runs Sigmoid, Add, Sum and Multiply in turn.

    `forward(inputs, weights, bias)` sums over the last axis: inputs (D,), weights (D,) and a number as the bias give
    a number. Inputs (N, D) give the N rates of one neuron, weights (K, D) and a bias (K,) the rates of K neurons for
    one example.

    Examples
    --------
    >>> gate = Neuron()
    >>> gate.forward([-1.0, -2.0], [2.0, -3.0], -3.0)
    0.7310585786300049
    >>> gate.backward(1.0)
    [array([ 0.39322387, -0.5898358 ]), array([-0.19661193, -0.39322387]), 0.19661193324148188]
    """

    notation = (
        "z = sigmoid(sum(inputs * weights) + bias)",
        "(1 - z) * z * weights",
        "(1 - z) * z * inputs",
        "(1 - z) * z",
    )

    def forward(self, inputs: Value, weights: Value, bias: Value) -> Value:
        multiply, add, sigmoid = Multiply(), Add(), Sigmoid()
        product = multiply.forward(inputs, weights)
        total = Sum(axis=-1 if shape_of(product) else None)
        self.kept = multiply, total, add, sigmoid
        return sigmoid.forward(add.forward(total.forward(product), bias))

    def backward(self, drate: Value) -> list[Value]:
        multiply, total, add, sigmoid = self.kept
        want_inputs, want_weights, want_bias = self.wanted
        multiply.wanted = want_inputs, want_weights
        add.wanted = want_inputs or want_weights, want_bias
        dtotal, dbias = add.backward(*sigmoid.backward(drate))
        if dtotal is None:
            return [None, None, dbias]
        return [*multiply.backward(*total.backward(dtotal)), dbias]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield inputs, weights and biases of one neuron and of several."""
        for inputs, weights, bias in (
            ((), (), ()),
            ((3,), (3,), ()),
            ((2, 3), (3,), ()),
            ((3,), (4, 3), (4,)),
            ((2, 1), (3,), (2,)),
        ):
            drawn = [random.normal(size=shape) for shape in (inputs, weights, bias)]
            yield tuple([value if np.ndim(value) else float(value) for value in drawn])


class Maxout(Gate):
    """z = max(x @ W1 + b1, x @ W2 + b2). Backward routes dz to the larger of the two; a tie goes to the first.

    `forward(x, W1, b1, W2, b2)` takes x of shape (N, D) or (D,), weights (D, H) and biases (H,), and returns (N, H)
    or (H,).

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Goodfellow, Warde-Farley, Mirza, Courville, Bengio: Maxout networks, ICML 2013.

    Examples
    --------
    >>> gate = Maxout()
    >>> gate.forward([1.0, 2.0], [[1.0], [1.0]], [0.5], [[-3.0], [3.0]], [1.0])  # max(3.5, 4)
    array([4.])
    >>> gate.backward(1.0)
    [array([-3.,  3.]), array([[0.],
           [0.]]), array([0.]), array([[1.],
           [2.]]), array([1.])]
    """

    notation = ("z = max(x @ W1 + b1, x @ W2 + b2)",)

    def forward(self, x: Value, W1: Value, b1: Value, W2: Value, b2: Value) -> Value:
        check_product(x, W1, "Maxout", "x", "W1")
        if len(shape_of(W1)) < 2:
            raise ValueError(f"Maxout takes weights of the shape (D, H), got {shape_of(W1)}")
        if shape_of(W2) != shape_of(W1):
            raise ValueError(f"Maxout takes W1 and W2 of the same shape, got {shape_of(W1)} and {shape_of(W2)}")
        product = (*shape_of(x)[:-1], shape_of(W1)[-1])
        for name, bias in (("b1", b1), ("b2", b2)):
            if any(n not in (1, m) for n, m in zip(reversed(shape_of(bias)), reversed(product))):
                raise ValueError(f"Maxout: {name} must fit the product's shape {product}, got {shape_of(bias)}")
        z1, z2 = x @ W1 + b1, x @ W2 + b2
        self.kept = x, W1, b1, W2, b2, z1 >= z2
        return namespace(z1).maximum(z1, z2)

    def backward(self, dz: Value) -> list[Value]:
        x, W1, b1, W2, b2, first = self.kept
        want_x, want_W1, want_b1, want_W2, want_b2 = self.wanted
        where = namespace(dz).where
        dz1, dz2 = where(first, dz, 0.0), where(first, 0.0, dz)
        dx1, dW1 = product_gradients(x, W1, dz1, want_x, want_W1)
        dx2, dW2 = product_gradients(x, W2, dz2, want_x, want_W2)
        return [
            dx1 + dx2 if want_x else None,
            dW1,
            sum_to(dz1, b1) if want_b1 else None,
            dW2,
            sum_to(dz2, b2) if want_b2 else None,
        ]

    def example_inputs(self, random: Any) -> Iterator[tuple[Any, ...]]:
        """Yield examples with the weights and biases of two layers, among them a tie of the layers."""
        for x, W, b in (((4, 3), (3, 2), (2,)), ((3,), (3, 2), (2,)), ((4, 3), (3, 1), (1,)), ((2, 2), (2, 2), (1, 2))):
            yield tuple([random.normal(size=shape) for shape in (x, W, b, W, b)])
        W, b = random.normal(size=(3, 2)), random.normal(size=2)
        yield random.normal(size=(4, 3)), W, b, W, b
