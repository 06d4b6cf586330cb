"""More functions of PyTorch with their gradients, as people write them: right ones, and ones with a mistake."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from tests.adapters.case import Case


def given(*parts: Any) -> Callable[[Any, Any], tuple[Any, ...]]:
    """Return a `draw`: a tuple is the shape of a normal tensor, a function is called, anything else is the argument."""

    def draw(random: Any, dtype: Any) -> tuple[Any, ...]:
        def one(part: Any) -> Any:
            if isinstance(part, tuple):
                return torch.from_numpy(random.normal(size=part).astype(dtype))
            return part(random, dtype) if callable(part) else part

        return tuple(one(part) for part in parts)

    return draw


def integers(below: int, *shape: int) -> Callable[[Any, Any], Any]:
    return lambda random, dtype: torch.from_numpy(random.integers(0, below, size=shape))


def positive(*shape: int) -> Callable[[Any, Any], Any]:
    return lambda random, dtype: torch.from_numpy(random.uniform(0.5, 2.0, size=shape).astype(dtype))


def kept(*shape: int) -> Callable[[Any, Any], Any]:
    return lambda random, dtype: torch.from_numpy(random.random(size=shape) < 0.6)


def across(*shape: int) -> Callable[[Any, Any], Any]:
    return lambda random, dtype: torch.from_numpy(random.normal(size=shape[::-1]).astype(dtype)).t()


# Activations


class GELU(Function):
    @staticmethod
    def forward(x):
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        pdf = torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        return grad_output * (cdf + x * pdf)


class GELUWithoutDensity(GELU):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


class ReLU(Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        return grad_output * (input > 0)


class ReLULocal(ReLU):
    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        grad_input = torch.ones_like(input)
        grad_input[input < 0] = 0
        return grad_input


class ReLUInPlaceGradient(ReLU):
    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        grad_input = grad_output
        grad_input[input < 0] = 0
        return grad_input


class ReLUWithoutMask(ReLU):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clone()


class ReLUOfGradient(ReLU):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clamp(min=0)


class InPlaceReLU(Function):
    @staticmethod
    def forward(ctx, x):
        x.clamp_(min=0)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output.masked_fill(y <= 0, 0)


class UnmarkedTanh(Function):
    @staticmethod
    def forward(ctx, x):
        x.tanh_()
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * (1 - y * y)


class SiLU(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grad_output * s * (1 + x * (1 - s))


class SiLUTwice(SiLU):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grad_output * (grad_output * s * (1 + x * (1 - s)))


class Sigmoid(Function):
    @staticmethod
    def forward(x):
        return torch.sigmoid(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y * (1 - y)


class Softplus(Function):
    @staticmethod
    def forward(ctx, x, beta):
        y = torch.log1p(torch.exp(beta * x)) / beta
        ctx.beta = beta
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * torch.sigmoid(ctx.beta * y), None


class LeakyReLU(Function):
    @staticmethod
    def forward(ctx, x, slope=0.1):
        ctx.save_for_backward(x)
        ctx.slope = slope
        return torch.where(x > 0, x, slope * x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x > 0), None


class Clamp(Function):
    @staticmethod
    def forward(ctx, x, low, high):
        ctx.save_for_backward((x > low) & (x < high))
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx, grad_output):
        (inside,) = ctx.saved_tensors
        return grad_output * ~inside, None, None


class FakeQuantize(Function):
    @staticmethod
    def forward(ctx, x, scale):
        return torch.round(x / scale) * scale

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, None


class PReLU(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return torch.where(x > 0, x, weight * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = torch.where(x > 0, grad_output, weight * grad_output)
        grad_weight = torch.where(x > 0, 0, grad_output * x)
        return grad_x, grad_weight.mean(0)


# Arithmetic


class Multiply(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * x, grad_output * y


class Subtract(Function):
    @staticmethod
    def forward(ctx, x, y):
        return x - y

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        y = x * x
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


class AddedExp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output + y


class SavedOnClass(Function):
    saved: Any = None

    @staticmethod
    def forward(ctx, x):
        SavedOnClass.saved = x.detach()
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        return 3 * SavedOnClass.saved**2 * grad_output


class Scale(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return factor * x

    @staticmethod
    def backward(ctx, grad_output):
        return ctx.factor * grad_output, None


class ScaleWithGradientOfNumber(Scale):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return ctx.factor * grad_output, (grad_output * x).sum()


class ScaleTooFew(Scale):
    @staticmethod
    def backward(ctx, grad_output):
        return ctx.factor * grad_output


class Power(Function):
    @staticmethod
    def forward(ctx, x, exponent: float):
        ctx.save_for_backward(x)
        ctx.exponent = exponent
        return x**exponent

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * ctx.exponent * x ** (ctx.exponent - 1), None


class SinCos(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        sin, cos = x.sin(), x.cos()
        ctx.save_for_backward(sin, cos)
        return sin, cos

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        sin, cos = ctx.saved_tensors
        grad = torch.zeros_like(sin)
        if grad_sin is not None:
            grad = grad + grad_sin * cos
        if grad_cos is not None:
            grad = grad - grad_cos * sin
        return grad


class SinCosWithoutNone(SinCos):
    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        sin, cos = ctx.saved_tensors
        return grad_sin * cos - grad_cos * sin


class SinCosFirstOnly(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, grad_sin, grad_cos):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos()


class ComplexMultiply(Function):
    """Numbers with their real and imaginary parts in turn, times (real + i imaginary)."""

    @staticmethod
    def forward(ctx, x, real, imaginary):
        ctx.factor = real, imaginary
        a, b = x[..., ::2], x[..., 1::2]
        return torch.stack([a * real - b * imaginary, a * imaginary + b * real], -1).flatten(-2)

    @staticmethod
    def backward(ctx, grad_output):
        real, imaginary = ctx.factor
        a, b = grad_output[..., ::2], grad_output[..., 1::2]
        return torch.stack([a * real + b * imaginary, a * imaginary - b * real], -1).flatten(-2), None, None


# Linear layers and products


class Linear(Function):
    @staticmethod
    def forward(input, weight, bias=None):
        output = input.mm(weight.t())
        if bias is not None:
            output = output + bias
        return output

    @staticmethod
    def setup_context(ctx, inputs, output):
        input, weight, bias = inputs
        ctx.save_for_backward(input, weight, bias)

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class LinearBiasNone(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        input, weight, _ = ctx.saved_tensors
        return grad_output.mm(weight), grad_output.t().mm(input), None


class LinearWeightTransposed(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        input, weight, _ = ctx.saved_tensors
        return grad_output.mm(weight), input.t().mm(grad_output), grad_output.sum(0)


class LinearInputTransposed(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        input, weight, _ = ctx.saved_tensors
        return grad_output.mm(weight.t()), grad_output.t().mm(input), grad_output.sum(0)


class LinearNestedNeeds(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
            if ctx.needs_input_grad[1]:
                grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class LinearBiasAskedOfWeight(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        input, weight, _ = ctx.saved_tensors
        grad_input = grad_output.mm(weight) if ctx.needs_input_grad[0] else None
        grad_weight = grad_output.t().mm(input) if ctx.needs_input_grad[1] else None
        grad_bias = grad_output.sum(0) if ctx.needs_input_grad[1] else None
        return grad_input, grad_weight, grad_bias


class LinearBiasOfFirstRow(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        input, weight, _ = ctx.saved_tensors
        return grad_output.mm(weight), grad_output.t().mm(input), grad_output[0]


class LinearBiasNotSummed(Linear):
    @staticmethod
    def backward(ctx, grad_output):
        input, weight, _ = ctx.saved_tensors
        return grad_output.mm(weight), grad_output.t().mm(input), grad_output


class BatchedMatMul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return torch.bmm(a, b)

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        grad_a = torch.bmm(grad_output, b.transpose(1, 2))
        grad_b = torch.bmm(a.transpose(1, 2), grad_output)
        return grad_a, grad_b


class BatchedMatMulUntransposed(BatchedMatMul):
    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return torch.bmm(grad_output, b), torch.bmm(a.transpose(1, 2), grad_output)


class SharedWeight(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_weight = torch.zeros_like(weight)
        for one, grad in zip(x, grad_output):
            grad_weight = one.t() @ grad
        return grad_output @ weight.t(), grad_weight


# Normalizations


class LayerNorm(Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        mean = x.mean(-1, keepdim=True)
        rstd = torch.rsqrt(x.var(-1, unbiased=False, keepdim=True) + eps)
        normalized = (x - mean) * rstd
        ctx.save_for_backward(normalized, rstd, weight)
        return normalized * weight + bias

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        normalized, rstd, weight = ctx.saved_tensors
        grad = grad_output * weight
        mean = grad.mean(-1, keepdim=True)
        projection = (grad * normalized).mean(-1, keepdim=True)
        grad_x = (grad - mean - normalized * projection) * rstd
        return grad_x, (grad_output * normalized).sum(0), grad_output.sum(0), None


class LayerNormElementwise(LayerNorm):
    @staticmethod
    def backward(ctx, grad_output):
        normalized, rstd, weight = ctx.saved_tensors
        grad_x = grad_output * weight * rstd
        return grad_x, (grad_output * normalized).sum(0), grad_output.sum(0), None


class LayerNormWithoutMean(LayerNorm):
    @staticmethod
    def backward(ctx, grad_output):
        normalized, rstd, weight = ctx.saved_tensors
        grad = grad_output * weight
        grad_x = (grad - normalized * (grad * normalized).mean(-1, keepdim=True)) * rstd
        return grad_x, (grad_output * normalized).sum(0), grad_output.sum(0), None


class Standardize(Function):
    @staticmethod
    def forward(ctx, x):
        std = x.std(unbiased=False)
        y = (x - x.mean()) / std
        ctx.save_for_backward(y, std)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        y, _ = ctx.saved_tensors
        return grad_output - grad_output.mean() - y * (grad_output * y).mean()


class RMSNorm(Function):
    @staticmethod
    def forward(ctx, x, weight):
        scale = x.pow(2).mean(-1, keepdim=True).rsqrt()
        ctx.save_for_backward(x, weight, scale)
        return x * scale * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, scale = ctx.saved_tensors
        grad = grad_output * weight
        grad_x = scale * grad - x * scale**3 * (grad * x).mean(-1, keepdim=True)
        return grad_x, (grad_output * x * scale).sum(0)


class RMSNormSummed(RMSNorm):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight, scale = ctx.saved_tensors
        grad = grad_output * weight
        return scale * grad + x * scale**3 * (grad * x).mean(-1, keepdim=True), (grad_output * x * scale).sum(0)


class CosineSimilarity(Function):
    @staticmethod
    def forward(ctx, x, y):
        length_x, length_y = x.norm(dim=-1, keepdim=True), y.norm(dim=-1, keepdim=True)
        cosine = (x * y).sum(-1, keepdim=True) / (length_x * length_y)
        ctx.save_for_backward(x / length_x, y / length_y, length_x, length_y, cosine)
        return cosine.squeeze(-1)

    @staticmethod
    def backward(ctx, grad_output):
        x, y, length_x, length_y, cosine = ctx.saved_tensors
        grad = grad_output.unsqueeze(-1)
        return grad * (y - cosine * x) / length_x, grad * (x - cosine * y) / length_y


class CosineSimilarityOfConstantLengths(CosineSimilarity):
    @staticmethod
    def backward(ctx, grad_output):
        x, y, length_x, length_y, _ = ctx.saved_tensors
        grad = grad_output.unsqueeze(-1)
        return grad * y / length_x, grad * x / length_y


# Softmax, attention and losses


class Softmax(Function):
    @staticmethod
    def forward(ctx, x, dim):
        y = torch.softmax(x, dim)
        ctx.save_for_backward(y)
        ctx.dim = dim
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return y * (grad_output - (grad_output * y).sum(ctx.dim, keepdim=True)), None


class SoftmaxElementwise(Softmax):
    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y * (1 - y), None


class LogSumExp(Function):
    @staticmethod
    def forward(ctx, x):
        top = x.amax(-1, keepdim=True)
        y = top + (x - top).exp().sum(-1, keepdim=True).log()
        ctx.save_for_backward(x, y)
        return y.squeeze(-1)

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output.unsqueeze(-1) * (x - y).exp()


class LogSumExpWithoutNormalization(LogSumExp):
    @staticmethod
    def backward(ctx, grad_output):
        x, _ = ctx.saved_tensors
        return grad_output.unsqueeze(-1) * x.exp()


class RowSum(Function):
    @staticmethod
    def forward(ctx, x):
        return x.sum(1)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class CrossEntropy(Function):
    @staticmethod
    def forward(ctx, logits, labels, ignore_index=-100):
        keep = labels != ignore_index
        log_p = torch.log_softmax(logits, -1)
        ctx.save_for_backward(log_p, labels, keep)
        picked = log_p.gather(1, labels.clamp(min=0).unsqueeze(1)).squeeze(1)
        return -picked[keep].sum() / keep.sum()

    @staticmethod
    def backward(ctx, grad_output):
        log_p, labels, keep = ctx.saved_tensors
        grad = log_p.exp()
        grad[torch.arange(len(labels)), labels.clamp(min=0)] -= 1
        return grad_output * grad * keep.unsqueeze(1) / keep.sum(), None, None


class CrossEntropySummed(CrossEntropy):
    @staticmethod
    def backward(ctx, grad_output):
        log_p, labels, keep = ctx.saved_tensors
        grad = log_p.exp()
        grad[torch.arange(len(labels)), labels.clamp(min=0)] -= 1
        return grad_output * grad * keep.unsqueeze(1), None, None


class CrossEntropyWithoutLabels(CrossEntropy):
    @staticmethod
    def backward(ctx, grad_output):
        log_p, _, keep = ctx.saved_tensors
        return grad_output * log_p.exp() * keep.unsqueeze(1) / keep.sum(), None, None


class CrossEntropyWithIgnored(CrossEntropy):
    @staticmethod
    def backward(ctx, grad_output):
        log_p, labels, keep = ctx.saved_tensors
        grad = log_p.exp()
        grad[torch.arange(len(labels)), labels.clamp(min=0)] -= 1
        return grad_output * grad / keep.sum(), None, None


class CrossEntropyWithoutUpstream(CrossEntropy):
    @staticmethod
    def backward(ctx, grad_output):
        log_p, labels, keep = ctx.saved_tensors
        grad = log_p.exp()
        grad[torch.arange(len(labels)), labels.clamp(min=0)] -= 1
        return grad * keep.unsqueeze(1) / keep.sum(), None, None


class MeanSquaredError(Function):
    @staticmethod
    def forward(ctx, prediction, target):
        ctx.save_for_backward(prediction, target)
        return ((prediction - target) ** 2).mean()

    @staticmethod
    def backward(ctx, grad_output):
        prediction, target = ctx.saved_tensors
        grad = grad_output * (prediction - target) / prediction.numel()
        return grad, -grad


class Huber(Function):
    @staticmethod
    def forward(ctx, prediction, target, delta):
        error = prediction - target
        ctx.save_for_backward(error)
        ctx.delta = delta
        small = error.abs() <= delta
        return torch.where(small, 0.5 * error**2, delta * (error.abs() - 0.5 * delta)).sum()

    @staticmethod
    def backward(ctx, grad_output):
        (error,) = ctx.saved_tensors
        grad = grad_output * torch.where(error.abs() <= ctx.delta, error, ctx.delta * error.sign())
        return grad, -grad, None


class HuberTargetSign(Huber):
    @staticmethod
    def backward(ctx, grad_output):
        (error,) = ctx.saved_tensors
        grad = grad_output * error.clamp(-ctx.delta, ctx.delta)
        return grad, grad, None


class CausalScores(Function):
    @staticmethod
    def forward(ctx, q, k):
        ctx.save_for_backward(q, k)
        return torch.tril(q @ k.t()) / math.sqrt(q.shape[-1])

    @staticmethod
    def backward(ctx, grad_output):
        q, k = ctx.saved_tensors
        grad = grad_output / math.sqrt(q.shape[-1])
        return grad @ k, grad.t() @ q


class CausalAttention(Function):
    @staticmethod
    def forward(ctx, q, k, v):
        scale = q.shape[-1] ** -0.5
        future = torch.ones(len(q), len(k), dtype=torch.bool).triu(1)
        p = torch.softmax((scale * q @ k.t()).masked_fill(future, -math.inf), -1)
        ctx.save_for_backward(q, k, v, p)
        ctx.scale = scale
        return p @ v

    @staticmethod
    def backward(ctx, grad_output):
        q, k, v, p = ctx.saved_tensors
        grad_v = p.t() @ grad_output
        grad_p = grad_output @ v.t()
        grad_scores = p * (grad_p - (grad_p * p).sum(-1, keepdim=True)) * ctx.scale
        return grad_scores @ k, grad_scores.t() @ q, grad_v


class AttentionBackwardNotCausal(CausalAttention):
    @staticmethod
    def backward(ctx, grad_output):
        q, k, v, _ = ctx.saved_tensors
        p = torch.softmax(ctx.scale * q @ k.t(), -1)
        grad_v = p.t() @ grad_output
        grad_p = grad_output @ v.t()
        grad_scores = p * (grad_p - (grad_p * p).sum(-1, keepdim=True)) * ctx.scale
        return grad_scores @ k, grad_scores.t() @ q, grad_v


class AttentionUnscaled(CausalAttention):
    @staticmethod
    def backward(ctx, grad_output):
        q, k, v, p = ctx.saved_tensors
        grad_p = grad_output @ v.t()
        grad_scores = p * (grad_p - (grad_p * p).sum(-1, keepdim=True))
        return grad_scores @ k, grad_scores.t() @ q, p.t() @ grad_output


class Rotary(Function):
    """Rotary embedding at integer positions."""

    @staticmethod
    def forward(ctx, x, positions):
        angle = positions.unsqueeze(1).to(x) * 10.0 ** -torch.arange(x.shape[-1] // 2).to(x)
        ctx.save_for_backward(angle)
        a, b = x.chunk(2, -1)
        return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1)

    @staticmethod
    def backward(ctx, grad_output):
        (angle,) = ctx.saved_tensors
        a, b = grad_output.chunk(2, -1)
        return torch.cat([a * angle.cos() + b * angle.sin(), b * angle.cos() - a * angle.sin()], -1), None


class RotaryForwardAgain(Rotary):
    @staticmethod
    def backward(ctx, grad_output):
        (angle,) = ctx.saved_tensors
        a, b = grad_output.chunk(2, -1)
        return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1), None


# Indexing, windows and order


class Embedding(Function):
    @staticmethod
    def forward(ctx, weight, indices):
        ctx.save_for_backward(indices)
        ctx.rows = weight.shape[0]
        return weight[indices]

    @staticmethod
    def backward(ctx, grad_output):
        (indices,) = ctx.saved_tensors
        grad_weight = grad_output.new_zeros(ctx.rows, grad_output.shape[-1])
        return grad_weight.index_add(0, indices.flatten(), grad_output.flatten(0, -2)), None


class EmbeddingAssigned(Embedding):
    @staticmethod
    def backward(ctx, grad_output):
        (indices,) = ctx.saved_tensors
        grad_weight = grad_output.new_zeros(ctx.rows, grad_output.shape[-1])
        grad_weight[indices] = grad_output
        return grad_weight, None


class RowMax(Function):
    @staticmethod
    def forward(ctx, x):
        values, indices = x.max(dim=1)
        ctx.save_for_backward(indices)
        ctx.mark_non_differentiable(indices)
        ctx.shape = x.shape
        return values, indices

    @staticmethod
    def backward(ctx, grad_values, grad_indices):
        (indices,) = ctx.saved_tensors
        return grad_values.new_zeros(ctx.shape).scatter(1, indices.unsqueeze(1), grad_values.unsqueeze(1))


class MaxPool(Function):
    @staticmethod
    def forward(ctx, x, size):
        windows = x.unfold(1, size, size)
        values = windows.amax(-1)
        ctx.save_for_backward(windows == values.unsqueeze(-1))
        return values

    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return (mask * grad_output.unsqueeze(-1)).flatten(1), None


class MaxPoolWithoutMask(MaxPool):
    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return grad_output.unsqueeze(-1).expand(mask.shape).flatten(1), None


class CumSum(Function):
    @staticmethod
    def forward(ctx, x):
        return x.cumsum(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return grad_output.flip(-1).cumsum(-1).flip(-1)


class CumSumUnflipped(CumSum):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.cumsum(-1)


class Differences(Function):
    @staticmethod
    def forward(ctx, x):
        return x[1:] - x[:-1]

    @staticmethod
    def backward(ctx, grad_output):
        zero = grad_output.new_zeros(1)
        grad = torch.cat([zero, grad_output]) - torch.cat([grad_output, zero])
        grad[0] = grad_output[0]
        return grad


class Conv1d(Function):
    @staticmethod
    def forward(ctx, x, weight):
        windows = x.unfold(1, weight.shape[0], 1)
        ctx.save_for_backward(windows, weight)
        ctx.length = x.shape[1]
        return windows @ weight

    @staticmethod
    def backward(ctx, grad_output):
        windows, weight = ctx.saved_tensors
        grad_x = grad_output.new_zeros(len(grad_output), ctx.length)
        for place, one in enumerate(weight):
            grad_x[:, place : place + grad_output.shape[1]] += one * grad_output
        return grad_x, torch.einsum("bo,bok->k", grad_output, windows)


class Conv1dAssigned(Conv1d):
    @staticmethod
    def backward(ctx, grad_output):
        windows, weight = ctx.saved_tensors
        grad_x = grad_output.new_zeros(len(grad_output), ctx.length)
        for place, one in enumerate(weight):
            grad_x[:, place : place + grad_output.shape[1]] = one * grad_output
        return grad_x, torch.einsum("bo,bok->k", grad_output, windows)


class Conv1dKernelUnflipped(Conv1d):
    @staticmethod
    def backward(ctx, grad_output):
        windows, weight = ctx.saved_tensors
        size = weight.shape[0]
        padded = torch.nn.functional.pad(grad_output, (size - 1, size - 1))
        return padded.unfold(1, size, 1) @ weight, torch.einsum("bo,bok->k", grad_output, windows)


class Smooth(Function):
    """The mean of three neighbours, the ends repeated."""

    @staticmethod
    def forward(ctx, x):
        padded = torch.cat([x[:1], x, x[-1:]])
        return (padded[:-2] + padded[1:-1] + padded[2:]) / 3

    @staticmethod
    def backward(ctx, grad_output):
        zero = grad_output.new_zeros(1)
        padded = torch.cat([zero, grad_output, zero])
        return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


class Roll(Function):
    @staticmethod
    def forward(ctx, x, shift):
        ctx.shift = shift
        return x.roll(shift, -1)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.roll(ctx.shift, -1), None


class Flip(Function):
    @staticmethod
    def forward(ctx, x):
        return x.flip(0)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clone()


class Sort(Function):
    @staticmethod
    def forward(ctx, x):
        values, order = x.sort()
        ctx.save_for_backward(order)
        return values

    @staticmethod
    def backward(ctx, grad_output):
        (order,) = ctx.saved_tensors
        return torch.zeros_like(grad_output).scatter(-1, order, grad_output)


class SortGathered(Sort):
    @staticmethod
    def backward(ctx, grad_output):
        (order,) = ctx.saved_tensors
        return grad_output.gather(-1, order)


class GLU(Function):
    @staticmethod
    def forward(ctx, x):
        a, b = x.chunk(2, -1)
        ctx.save_for_backward(a, torch.sigmoid(b))
        return a * torch.sigmoid(b)

    @staticmethod
    def backward(ctx, grad_output):
        a, s = ctx.saved_tensors
        return torch.cat([grad_output * s, grad_output * a * s * (1 - s)], -1)


class GLUValueHalfOnly(GLU):
    @staticmethod
    def backward(ctx, grad_output):
        _, s = ctx.saved_tensors
        return torch.cat([grad_output * s, torch.zeros_like(s)], -1)


class Dropout(Function):
    @staticmethod
    def forward(ctx, x, keep, p):
        ctx.save_for_backward(keep)
        ctx.p = p
        return x * keep / (1 - p)

    @staticmethod
    def backward(ctx, grad_output):
        (keep,) = ctx.saved_tensors
        return grad_output * keep / (1 - ctx.p), None, None


class DropoutUnscaled(Dropout):
    @staticmethod
    def backward(ctx, grad_output):
        (keep,) = ctx.saved_tensors
        return grad_output * keep, None, None


class DropoutWithoutMask(Dropout):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output / (1 - ctx.p), None, None


# What surrounds the gradient


class Clipped(Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clamp(-0.5, 0.5)


class Normalized(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return x.cos() * grad_output / grad_output.norm()


class Popped(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.stack = [x.cos()]
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * (ctx.stack.pop() if ctx.stack else 1)


class WrittenIntoSaved(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.local = 1 - x.tanh() ** 2
        return x.tanh()

    @staticmethod
    def backward(ctx, grad_output):
        return ctx.local.mul_(grad_output)


class Misspelled(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.scales, None


RIGHT = [
    Case("GELU, setup_context", GELU, given((4, 6))),
    Case("ReLU", ReLU, given((4, 6))),
    Case("ReLU in place, marked dirty", InPlaceReLU, given((4, 6))),
    Case("SiLU, given as apply", SiLU.apply, given((5,))),
    Case("SiLU of a transposed tensor", SiLU, given(across(4, 6))),
    Case("scale by a number", Scale, given((3, 5), 3)),
    Case("power with a number as exponent", Power, given(positive(3, 4), 2.5)),
    Case("sine and cosine, None for an unused output", SinCos, given((7,))),
    Case("linear layer with bias, needs_input_grad", Linear, given((4, 6), (3, 6), (3,))),
    Case("linear layer without bias", Linear, given((4, 6), (3, 6), None)),
    Case("linear layer of a transposed weight", Linear, given((4, 6), across(3, 6), (3,))),
    Case("linear layer whose bias gradient the engine sums", LinearBiasNotSummed, given((4, 6), (3, 6), (3,))),
    Case("batched product", BatchedMatMul, given((2, 3, 4), (2, 4, 5))),
    Case("layer norm, once differentiable", LayerNorm, given((4, 6), (6,), (6,), 1e-5)),
    Case("RMS norm", RMSNorm, given((4, 6), (6,))),
    Case("cosine similarity", CosineSimilarity, given((4, 6), (4, 6))),
    Case("softmax over a given axis", Softmax, given((4, 6), 0)),
    Case("log-sum-exp", LogSumExp, given((4, 6))),
    Case("cross entropy with integer labels", CrossEntropy, given((5, 4), integers(4, 5), -100)),
    Case("cross entropy with an ignored label", CrossEntropy, given((6, 4), integers(4, 6), 0)),
    Case("Huber loss", Huber, given((4, 6), (4, 6), 1.0)),
    Case("causal attention", CausalAttention, given((5, 4), (5, 4), (5, 3))),
    Case("rotary embedding at integer positions", Rotary, given((4, 6), integers(9, 4))),
    Case("embedding with repeated indices", Embedding, given((5, 3), integers(5, 2, 6))),
    Case("maximum of rows and its place", RowMax, given((4, 6))),
    Case("max pooling", MaxPool, given((3, 8), 2)),
    Case("cumulative sum, once differentiable", CumSum, given((3, 5))),
    Case("convolution by unfold", Conv1d, given((2, 8), (3,))),
    Case("sort", Sort, given((3, 5))),
    Case("gated linear unit", GLU, given((3, 8))),
    Case("dropout with a given mask", Dropout, given((4, 6), kept(4, 6), 0.4)),
]

WRONG = [
    Case("GELU without the density", GELUWithoutDensity, given((4, 6)), ("of the product rule a term is missing",)),
    Case("ReLU, upstream forgotten", ReLULocal, given((4, 6)), ("upstream gradient is not multiplied in",)),
    Case("ReLU, grad_output written into", ReLUInPlaceGradient, given((4, 6)), ("writes into grad_output",)),
    Case("ReLU, mask forgotten", ReLUWithoutMask, given((4, 6)), ("missing its mask", "passed straight through")),
    Case("ReLU of the upstream gradient", ReLUOfGradient, given((4, 6)), ("not linear in the upstream", "clipped")),
    Case("tanh in place, not marked dirty", UnmarkedTanh, given((4, 6)), ("mark_dirty",)),
    Case("SiLU, upstream twice", SiLUTwice, given((4, 6)), ("upstream gradient multiplied in twice",)),
    Case("sigmoid, input saved", Sigmoid, given((4, 6)), ("uses the input x where the output belongs",)),
    Case("softplus, output saved", Softplus, given((4, 6), 2.0), ("uses the output where the input x belongs",)),
    Case("leaky ReLU, slope forgotten", LeakyReLU, given((4, 6), 0.1), ("zero where it should not be",)),
    Case("clamp, mask inverted", Clamp, given((4, 6), -0.5, 0.8), ("mask inverted",)),
    Case("quantization, straight through", FakeQuantize, given((4, 6), 0.25), ("passed straight through",)),
    Case("PReLU, mean of the batch", PReLU, given((4, 6), (6,)), ("factor of 4", "factor of 1/4", "factor of 0.25")),
    Case("product, gradients in the wrong order", Multiply, given((4, 6), (4, 6)), ("are swapped",)),
    Case("difference, sign", Subtract, given((4, 6), (4, 6)), ("wrong sign",)),
    Case("square, output saved", Square, given((4, 6)), ("uses the output where the input x belongs",)),
    Case("exponential, upstream added", AddedExp, given((4, 6)), ("upstream gradient added to the local one",)),
    Case(
        "cube, saved on the class",
        SavedOnClass,
        given((4, 6)),
        ("all instances share", "another instance", "an earlier forward kept"),
    ),
    Case("scale, a gradient for the number", ScaleWithGradientOfNumber, given((3, 5), 3), ("None belongs there",)),
    Case("scale, too few gradients", ScaleTooFew, given((3, 5), 3), ("1 gradient for 2")),
    Case("sine and cosine, None not handled", SinCosWithoutNone, given((7,)), ("None comes for the others",)),
    Case("sine and cosine, first only", SinCosFirstOnly, given((7,)), ("counts output 0 only",)),
    Case(
        "complex product, sign at every imaginary part",
        ComplexMultiply,
        given((3, 8), 0.6, 1.3),
        ("every second index",),
    ),
    Case(
        "linear layer, None for the bias",
        LinearBiasNone,
        given((4, 6), (3, 6), (3,)),
        ("None as the gradient of bias",),
    ),
    Case(
        "linear layer, gradient of the weight transposed",
        LinearWeightTransposed,
        given((4, 5), (5, 5), (5,)),
        ("is transposed",),
    ),
    Case(
        "linear layer, gradient of the weight transposed, not square",
        LinearWeightTransposed,
        given((4, 6), (3, 6), (3,)),
        ("has the wrong shape", "transposed"),
    ),
    Case("linear layer, weight transposed", LinearInputTransposed, given((4, 5), (5, 5), (5,)), ("weight transposed",)),
    Case(
        "linear layer, the weight's gradient only with the input's",
        LinearNestedNeeds,
        given((4, 6), (3, 6), (3,)),
        ("only the gradient of weight is wanted", "the only one wanted"),
    ),
    Case(
        "linear layer, bias asked of the weight",
        LinearBiasAskedOfWeight,
        given((4, 6), (3, 6), (3,)),
        ("only the gradient of bias is wanted", "the only one wanted"),
    ),
    Case(
        "linear layer, bias of the first row",
        LinearBiasOfFirstRow,
        given((4, 6), (3, 6), (3,)),
        ("counts only some of the outputs", "not summed", "misses"),
    ),
    Case(
        "batched product, factor not transposed",
        BatchedMatMulUntransposed,
        given((2, 3, 4), (2, 4, 4)),
        ("b transposed",),
    ),
    Case(
        "shared weight, = where += belongs",
        SharedWeight,
        given((3, 4, 2), (2, 5)),
        ("counts only some of the outputs", "misses"),
    ),
    Case(
        "layer norm, element by element",
        LayerNormElementwise,
        given((4, 6), (6,), (6,), 1e-5),
        ("treats each element alone", "misses"),
    ),
    Case("layer norm, mean forgotten", LayerNormWithoutMean, given((4, 6), (6,), (6,), 1e-5), ("misses",)),
    Case("standardization, deviation forgotten", Standardize, given((4, 6)), ("standard deviation",)),
    Case("RMS norm, sign of a term", RMSNormSummed, given((4, 6), (6,)), ("misses", "sign")),
    Case(
        "cosine similarity, lengths taken as constant",
        CosineSimilarityOfConstantLengths,
        given((4, 6), (4, 6)),
        ("misses",),
    ),
    Case("softmax, element by element", SoftmaxElementwise, given((4, 6), 1), ("treats each element alone",)),
    Case(
        "log-sum-exp, not normalized",
        LogSumExpWithoutNormalization,
        given((6,)),
        ("sum of exponentials",),
    ),
    Case("sum of rows, not expanded", RowSum, given((4, 6)), ("has the wrong shape",)),
    Case("cross entropy, sum for a mean", CrossEntropySummed, given((5, 4), integers(4, 5), -100), ("factor of 5",)),
    Case(
        "cross entropy, labels forgotten",
        CrossEntropyWithoutLabels,
        given((5, 4), integers(4, 5), -100),
        ("misses", "wrong only at"),
    ),
    Case(
        "cross entropy, ignored labels counted",
        CrossEntropyWithIgnored,
        given((6, 4), lambda random, dtype: torch.tensor([1, 2, 0, 3, 0, 1]), 0),
        ("missing its mask", "wrong only at", "should be zero"),
    ),
    Case(
        "cross entropy, upstream forgotten",
        CrossEntropyWithoutUpstream,
        given((5, 4), integers(4, 5), -100),
        ("upstream gradient is not multiplied in",),
    ),
    Case("mean squared error, 2 forgotten", MeanSquaredError, given((4, 6), (4, 6)), ("off by a factor of",)),
    Case("Huber loss, sign of the target's", HuberTargetSign, given((4, 6), (4, 6), 1.0), ("wrong sign",)),
    Case("causal scores, mask forgotten", CausalScores, given((5, 4), (5, 4)), ("mask",)),
    Case(
        "causal attention, mask forgotten in backward",
        AttentionBackwardNotCausal,
        given((5, 4), (5, 4), (5, 3)),
        ("mask",),
    ),
    Case("attention, scale forgotten", AttentionUnscaled, given((5, 4), (5, 4), (5, 3)), ("off by a factor of 2",)),
    Case(
        "rotary embedding, rotated forwards again",
        RotaryForwardAgain,
        given((4, 6), integers(9, 4)),
        ("transposed", "sign"),
    ),
    Case(
        "embedding, = where += belongs",
        EmbeddingAssigned,
        given((5, 3), integers(5, 12)),
        ("= where += belongs",),
    ),
    Case("max pooling, mask forgotten", MaxPoolWithoutMask, given((3, 8), 2), ("missing its mask",)),
    Case("cumulative sum, not flipped", CumSumUnflipped, given((3, 5)), ("transposed", "reversed")),
    Case("differences, first element", Differences, given((8,)), ("wrong only at index 0",)),
    Case("convolution, = where += belongs", Conv1dAssigned, given((2, 8), (3,)), ("= where += belongs",)),
    Case("convolution, kernel not flipped", Conv1dKernelUnflipped, given((2, 8), (3,)), ("reversed", "weight")),
    Case("smoothing, ends", Smooth, given((9,)), ("wrong only at",)),
    Case("roll, the same way back", Roll, given((3, 7), 2), ("shifted by",)),
    Case("flip, not flipped back", Flip, given((7,)), ("reversed",)),
    Case("sort, gathered for scattered", SortGathered, given((8,)), ("permuted", "rearranged")),
    Case("gated linear unit, gate half forgotten", GLUValueHalfOnly, given((8,)), ("zero where it should not be",)),
    Case("dropout, scale forgotten", DropoutUnscaled, given((4, 6), kept(4, 6), 0.5), ("off by a factor of",)),
    Case("dropout, mask forgotten", DropoutWithoutMask, given((4, 6), kept(4, 6), 0.5), ("missing its mask",)),
    Case("identity, gradient clipped", Clipped, given((4, 6)), ("is clipped",)),
    Case("sine, gradient normalized", Normalized, given((4, 6)), ("divided by the upstream gradient's norm",)),
    Case("sine, saved tensor popped", Popped, given((4, 6)), ("a second call of backward",)),
    Case(
        "tanh, local gradient written into",
        WrittenIntoSaved,
        given((4, 6)),
        ("a second call of backward", "backward modifies", "writes into"),
    ),
    Case("scale, a name misspelled", Misspelled, given((3, 5), 3.0), ("backward raises",)),
]
