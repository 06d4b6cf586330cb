"""Functions for PyTorch's autograd, as people write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from tests.adapters.case import Case


def tensors(*shapes: tuple[int, ...], rest: tuple[Any, ...] = ()) -> Callable[[Any, Any], tuple[Any, ...]]:
    """Return what draws tensors of some shapes, away from 0, followed by other arguments."""

    def draw(random: Any, dtype: Any) -> tuple[Any, ...]:
        drawn = [random.uniform(0.3, 2.0, shape) * random.choice([-1.0, 1.0], shape) for shape in shapes]
        return (*[torch.from_numpy(one.astype(dtype)) for one in drawn], *rest)

    return draw


def function(forward: Callable[..., Any], backward: Callable[..., Any], *decorators: Any) -> Any:
    """Return a function of its two methods."""
    for decorator in decorators:
        backward = decorator(backward)
    name = forward.__name__.title().replace("_", "")
    return type(name, (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


def relu(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x.clamp(min=0)


def relu_backward(ctx: Any, grad: Any) -> Any:
    (x,) = ctx.saved_tensors
    return grad * (x > 0)


def relu_unmasked(ctx: Any, grad: Any) -> Any:
    return grad.clone()


def relu_inverted(ctx: Any, grad: Any) -> Any:
    (x,) = ctx.saved_tensors
    return grad * (x < 0)


def relu_in_place(ctx: Any, grad: Any) -> Any:
    (x,) = ctx.saved_tensors
    grad[x < 0] = 0
    return grad


def sigmoid(ctx: Any, x: Any) -> Any:
    y = 1 / (1 + torch.exp(-x))
    ctx.save_for_backward(y)
    return y


def sigmoid_backward(ctx: Any, grad: Any) -> Any:
    (y,) = ctx.saved_tensors
    return grad * y * (1 - y)


def sigmoid_alone(ctx: Any, grad: Any) -> Any:
    (y,) = ctx.saved_tensors
    return y * (1 - y)


def sigmoid_twice(ctx: Any, grad: Any) -> Any:
    (y,) = ctx.saved_tensors
    return grad * grad * y * (1 - y)


def sigmoid_of_input(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)  # where backward wants the output
    return 1 / (1 + torch.exp(-x))


def linear(ctx: Any, x: Any, w: Any, b: Any) -> Any:
    ctx.save_for_backward(x, w)
    return x @ w.t() + b


def linear_backward(ctx: Any, grad: Any) -> Any:
    x, w = ctx.saved_tensors
    return grad @ w, grad.t() @ x, grad.sum(0)


def linear_mean(ctx: Any, grad: Any) -> Any:
    x, w = ctx.saved_tensors
    return grad @ w, grad.t() @ x, grad.mean(0)


def linear_unsummed(ctx: Any, grad: Any) -> Any:
    x, w = ctx.saved_tensors
    return grad @ w, grad.t() @ x, grad


def linear_needs(ctx: Any, grad: Any) -> Any:
    x, w = ctx.saved_tensors
    dx = grad @ w if ctx.needs_input_grad[0] else None
    dw = grad.t() @ x if ctx.needs_input_grad[0] else None  # 1 belongs there
    return dx, dw, grad.sum(0)


def linear_of_two(ctx: Any, grad: Any) -> Any:
    x, w = ctx.saved_tensors
    return grad @ w, grad.t() @ x


def linear_without_bias(ctx: Any, grad: Any) -> Any:
    x, w = ctx.saved_tensors
    return grad @ w, grad.t() @ x, None


def scaled(ctx: Any, x: Any, k: int) -> Any:
    ctx.k = k
    return x * k


def scaled_backward(ctx: Any, grad: Any) -> Any:
    return grad * ctx.k, None


def scaled_number(ctx: Any, grad: Any) -> Any:
    return grad * ctx.k, grad.sum()


def scaled_in_place(ctx: Any, x: Any, k: int) -> Any:
    ctx.k = k
    ctx.mark_dirty(x)
    return x.mul_(k)


def scaled_unmarked(ctx: Any, x: Any, k: int) -> Any:
    ctx.k = k
    return x.mul_(k).clone()


def product(ctx: Any, x: Any, y: Any) -> Any:
    ctx.save_for_backward(x, y)
    return x * y


def product_backward(ctx: Any, grad: Any) -> Any:
    x, y = ctx.saved_tensors
    return grad * y, grad * x


def product_swapped(ctx: Any, grad: Any) -> Any:
    x, y = ctx.saved_tensors
    return grad * x, grad * y


def product_added(ctx: Any, grad: Any) -> Any:
    x, y = ctx.saved_tensors
    return grad + y, grad + x


def softmax(ctx: Any, x: Any) -> Any:
    y = torch.softmax(x, dim=1)
    ctx.save_for_backward(y)
    return y


def softmax_backward(ctx: Any, grad: Any) -> Any:
    (y,) = ctx.saved_tensors
    return y * (grad - (grad * y).sum(1, keepdim=True))


def softmax_alone(ctx: Any, grad: Any) -> Any:
    (y,) = ctx.saved_tensors
    return grad * y * (1 - y)


def layer_norm(ctx: Any, x: Any) -> Any:
    centred = x - x.mean(1, keepdim=True)
    deviation = (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
    y = centred / deviation
    ctx.save_for_backward(y, deviation)
    return y


def layer_norm_backward(ctx: Any, grad: Any) -> Any:
    y, deviation = ctx.saved_tensors
    return (grad - grad.mean(1, keepdim=True) - y * (grad * y).mean(1, keepdim=True)) / deviation


def layer_norm_without_mean(ctx: Any, grad: Any) -> Any:
    y, deviation = ctx.saved_tensors
    return (grad - y * (grad * y).mean(1, keepdim=True)) / deviation


def layer_norm_undivided(ctx: Any, grad: Any) -> Any:
    y, _ = ctx.saved_tensors
    return grad - grad.mean(1, keepdim=True) - y * (grad * y).mean(1, keepdim=True)


def causal(ctx: Any, q: Any, k: Any) -> Any:
    ctx.save_for_backward(q, k)
    return torch.tril(q @ k.t())


def causal_backward(ctx: Any, grad: Any) -> Any:
    q, k = ctx.saved_tensors
    grad = torch.tril(grad)
    return grad @ k, grad.t() @ q


def causal_unmasked(ctx: Any, grad: Any) -> Any:
    q, k = ctx.saved_tensors
    return grad @ k, grad.t() @ q


def cross_entropy(ctx: Any, scores: Any, labels: Any) -> Any:
    ctx.save_for_backward(torch.softmax(scores, 1), labels)
    return -torch.log_softmax(scores, 1)[torch.arange(len(labels)), labels].mean()


def cross_entropy_backward(ctx: Any, grad: Any) -> Any:
    p, labels = ctx.saved_tensors
    d = p.clone()
    d[torch.arange(len(labels)), labels] -= 1
    return grad * d / len(labels), None


def cross_entropy_summed(ctx: Any, grad: Any) -> Any:
    p, labels = ctx.saved_tensors
    d = p.clone()
    d[torch.arange(len(labels)), labels] -= 1
    return grad * d, None


def drawn_scores(random: Any, dtype: Any) -> tuple[Any, ...]:
    scores, labels = random.normal(size=(5, 3)).astype(dtype), random.integers(0, 3, 5)
    return torch.from_numpy(scores), torch.from_numpy(labels)


def embedding(ctx: Any, w: Any, places: Any) -> Any:
    ctx.save_for_backward(w, places)
    return w[places]


def embedding_backward(ctx: Any, grad: Any) -> Any:
    w, places = ctx.saved_tensors
    return torch.zeros_like(w).index_add(0, places, grad), None


def embedding_overwritten(ctx: Any, grad: Any) -> Any:
    w, places = ctx.saved_tensors
    d = torch.zeros_like(w)
    d[places] = grad
    return d, None


def drawn_places(random: Any, dtype: Any) -> tuple[Any, ...]:
    return torch.from_numpy(random.normal(size=(4, 2)).astype(dtype)), torch.tensor([0, 2, 2, 3, 2])


class ProductAndSum(Function):
    """Both outputs, in the newer style."""

    @staticmethod
    def forward(x: Any, y: Any) -> Any:
        return x * y, x + y

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, of_product: Any, of_sum: Any) -> Any:
        x, y = ctx.saved_tensors
        return of_product * y + of_sum, of_product * x + of_sum


class ProductAlone(ProductAndSum):
    @staticmethod
    def backward(ctx: Any, of_product: Any, of_sum: Any) -> Any:
        x, y = ctx.saved_tensors
        return of_product * y, of_product * x


class ProductAndSumOfNone(ProductAndSum):
    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs)


class ProductAndSumHeedsNone(ProductAndSumOfNone):
    @staticmethod
    def backward(ctx: Any, of_product: Any, of_sum: Any) -> Any:
        x, y = ctx.saved_tensors
        of_product = torch.zeros_like(x) if of_product is None else of_product
        of_sum = torch.zeros_like(x) if of_sum is None else of_sum
        return of_product * y + of_sum, of_product * x + of_sum


class OnClass(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        OnClass.x = x
        return x * x * x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return 3 * grad * OnClass.x * OnClass.x


class Cubed(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 12 * grad * x * x  # 4 times too much


class LastForgotten(Cubed):
    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        d = 3 * grad * x * x
        return torch.cat([d[:-1], torch.zeros_like(d[-1:])])


class Signed(Cubed):
    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return -3 * grad * x * x


def running_sum(ctx: Any, x: Any) -> Any:
    return torch.cumsum(x, 0)


def running_sum_backward(ctx: Any, grad: Any) -> Any:
    return torch.flip(torch.cumsum(torch.flip(grad, [0]), 0), [0])


def running_sum_forward(ctx: Any, grad: Any) -> Any:
    return torch.cumsum(grad, 0)


def clipped_backward(ctx: Any, grad: Any) -> Any:
    (x,) = ctx.saved_tensors
    return (3 * grad * x * x).clamp(-1, 1)


def rounded(ctx: Any, x: Any) -> Any:
    return torch.round(x)


def passed_on(ctx: Any, grad: Any) -> Any:
    return grad


XWB = tensors((5, 3), (2, 3), (2,))
ONE, TWO = tensors((3, 4)), tensors((3, 4), (3, 4))

RIGHT = [
    Case("ReLU", function(relu, relu_backward), ONE),
    Case("sigmoid, once differentiable", function(sigmoid, sigmoid_backward, once_differentiable), ONE),
    Case("linear layer", function(linear, linear_backward), XWB),
    Case("linear layer, whose bias the engine sums", function(linear, linear_unsummed), XWB),
    Case("scaled by a number", function(scaled, scaled_backward), tensors((4,), rest=(3,))),
    Case("scaled in place, marked", function(scaled_in_place, scaled_backward), tensors((4,), rest=(3,))),
    Case("product", function(product, product_backward), tensors((3, 4), (4,))),
    Case("softmax", function(softmax, softmax_backward), ONE),
    Case("layer norm", function(layer_norm, layer_norm_backward), ONE),
    Case("causal scores", function(causal, causal_backward), tensors((4, 3), (4, 3))),
    Case("cross entropy", function(cross_entropy, cross_entropy_backward), drawn_scores),
    Case("embedding", function(embedding, embedding_backward), drawn_places),
    Case("product and sum", ProductAndSum, TWO),
    Case("product and sum, None heeded", ProductAndSumHeedsNone, TWO),
    Case("running sum", function(running_sum, running_sum_backward), tensors((6,))),
]

WRONG = [
    Case("ReLU without its mask", function(relu, relu_unmasked), ONE, ("missing its mask",)),
    Case("ReLU, mask inverted", function(relu, relu_inverted), ONE, ("mask inverted",)),
    Case("ReLU that writes into the upstream gradient", function(relu, relu_in_place), ONE, ("writes into",)),
    Case("sigmoid, upstream forgotten", function(sigmoid, sigmoid_alone), ONE, ("not multiplied in",)),
    Case("sigmoid, upstream twice", function(sigmoid, sigmoid_twice), ONE, ("multiplied in twice",)),
    Case(
        "sigmoid, input saved for the output",
        function(sigmoid_of_input, sigmoid_backward),
        ONE,
        ("uses the input x where the output belongs",),
    ),
    Case("linear layer, mean for sum", function(linear, linear_mean), XWB, ("of b is off by a factor of 0.2",)),
    Case(
        "linear layer, needs_input_grad of another",
        function(linear, linear_needs),
        XWB,
        ("where it is the only one wanted", "where only the gradient"),
    ),
    Case("linear layer, a gradient too few", function(linear, linear_of_two), XWB, ("2 gradients for 3",)),
    Case("linear layer, None for the bias", function(linear, linear_without_bias), XWB, ("None as the gradient of b",)),
    Case(
        "a gradient for a number",
        function(scaled, scaled_number),
        tensors((4,), rest=(3,)),
        ("for k, which is 3: None belongs there",),
    ),
    Case(
        "scaled in place, not marked",
        function(scaled_unmarked, scaled_backward),
        tensors((4,), rest=(3,)),
        ("without ctx.mark_dirty(x)",),
    ),
    Case("product, gradients swapped", function(product, product_swapped), TWO, ("are swapped",)),
    Case("product, upstream added", function(product, product_added), TWO, ("added to the local one",)),
    Case("softmax, element by element", function(softmax, softmax_alone), ONE, ("treats each element alone",)),
    Case("layer norm without the mean", function(layer_norm, layer_norm_without_mean), ONE, ("misses a term",)),
    Case(
        "layer norm, not divided",
        function(layer_norm, layer_norm_undivided),
        ONE,
        ("standard deviation", "another one for each slice along axis 1"),
    ),
    Case("causal mask left out", function(causal, causal_unmasked), tensors((4, 3), (4, 3)), ("missing its mask",)),
    Case(
        "cross entropy, not divided by the batch",
        function(cross_entropy, cross_entropy_summed),
        drawn_scores,
        ("off by a factor of 5",),
    ),
    Case(
        "embedding, = for +=",
        function(embedding, embedding_overwritten),
        drawn_places,
        ("= where += belongs",),
    ),
    Case("product and sum, sum forgotten", ProductAlone, TWO, ("counts output 0 only",)),
    Case("None where an output is not used", ProductAndSumOfNone, TWO, ("where output 0 alone is used",)),
    Case("state on the class", OnClass, ONE, ("what all instances share",)),
    Case("4 times too much", Cubed, ONE, ("off by a factor of 4",)),
    Case("the last row forgotten", LastForgotten, tensors((6,)), ("only at index 5",)),
    Case("sign", Signed, ONE, ("wrong sign",)),
    Case(
        "running sum, not reversed",
        function(running_sum, running_sum_forward),
        tensors((6,)),
        ("reversed",),
    ),
    Case("clipped", function(Cubed.forward, clipped_backward), ONE, ("clipped",)),
    Case("straight through", function(rounded, passed_on), ONE, ("straight through",)),
]

FLOATS = (np.float64, np.float32)
