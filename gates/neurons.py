"""Gates that are whole neurons, each made of smaller gates: the sigmoid neuron and maxout."""

from gates.activations import Sigmoid
from gates.arithmetic import Add, Multiply
from gates.gate import Gate
from gates.linear import MatMul
from gates.reductions import Sum
from gates.routing import Max
from gates.values import Value, shape_of


class Neuron(Gate):
    """The firing rate sigmoid(sum(inputs * weights) + bias). Backward is that of Sigmoid, Add, Sum and Multiply.

    `forward(inputs, weights, bias)` sums over the last axis: inputs (D,), weights (D,) and a number as the bias give
    a number, inputs (N, D) give N rates, and weights (K, D) with a bias (K,) those of K neurons.

    Examples
    --------
    >>> gate = Neuron()
    >>> gate.forward([-1.0, -2.0], [2.0, -3.0], -3.0)
    0.7310585786300049
    >>> gate.backward(1.0)
    [array([ 0.39322387, -0.5898358 ]), array([-0.19661193, -0.39322387]), 0.19661193324148188]
    """

    def forward(self, inputs: Value, weights: Value, bias: Value) -> Value:
        multiply, add, sigmoid = Multiply(), Add(), Sigmoid()
        product = multiply.forward(inputs, weights)
        total = Sum(axis=-1 if shape_of(product) else None)
        self.kept = multiply, total, add, sigmoid
        return sigmoid.forward(add.forward(total.forward(product), bias))

    def backward(self, drate: Value) -> list[Value]:
        multiply, total, add, sigmoid = self.kept
        *wanted, want_bias = self.wanted
        multiply.wanted = tuple(wanted)
        dtotal, dbias = add.backward(*sigmoid.backward(drate))
        return [*multiply.backward(*total.backward(dtotal)), dbias if want_bias else None]


class Maxout(Gate):
    """max(x @ W1 + b1, x @ W2 + b2), elementwise. Backward is that of Max, Add and MatMul; a tie goes to W1, b1.

    `forward(x, W1, b1, W2, b2)` takes x of shape (N, D) or (D,), weights (D, H) and biases (H,), and gives (N, H) or
    (H,).

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

    def forward(self, x: Value, W1: Value, b1: Value, W2: Value, b2: Value) -> Value:
        larger = Max()
        pieces = (MatMul(), Add()), (MatMul(), Add())
        self.kept = larger, pieces
        return larger.forward(
            *[add.forward(matmul.forward(x, W), b) for (matmul, add), W, b in zip(pieces, (W1, W2), (b1, b2))]
        )

    def backward(self, dz: Value) -> list[Value]:
        larger, pieces = self.kept
        want_x, *want_others = self.wanted
        dx, gradients = None, []
        for (matmul, add), upstream, want_W, want_b in zip(
            pieces, larger.backward(dz), want_others[::2], want_others[1::2]
        ):
            dproduct, db = add.backward(upstream)
            matmul.wanted = want_x, want_W
            dx_here, dW = matmul.backward(dproduct)
            dx = dx_here if dx is None else dx + dx_here
            gradients += [dW, db if want_b else None]
        return [dx, *gradients]
