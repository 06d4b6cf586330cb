"""Operations of MyGrad."""

from __future__ import annotations

import numpy as np
from mygrad.operation_base import Operation

from tests.adapters.case import Case

# ---------------------------------------------------------------------------------------------------- right operations


class Exp(Operation):
    def __call__(self, x):
        self.variables = (x,)
        self.out = np.exp(x.data)
        return self.out

    def backward_var(self, grad, index, **kwargs):
        return grad * self.out


class Sigmoid(Operation):
    def __call__(self, x):
        self.variables = (x,)
        self.sigmoid = 1 / (1 + np.exp(-x.data))
        return self.sigmoid

    def backward_var(self, grad, index, **kwargs):
        return grad * self.sigmoid * (1 - self.sigmoid)


class Multiply(Operation):
    def __call__(self, a, b):
        self.variables = (a, b)
        return a.data * b.data

    def backward_var(self, grad, index, **kwargs):
        a, b = self.variables
        return grad * (b.data if index == 0 else a.data)


class MatMul(Operation):
    def __call__(self, a, b):
        self.variables = (a, b)
        return a.data @ b.data

    def backward_var(self, grad, index, **kwargs):
        a, b = self.variables
        if index == 0:
            return grad @ b.data.T
        return a.data.T @ grad


class Sum(Operation):
    def __call__(self, x, axis):
        self.variables, self.axis = (x,), axis
        return x.data.sum(axis=axis)

    def backward_var(self, grad, index, **kwargs):
        (x,) = self.variables
        return np.broadcast_to(np.expand_dims(grad, self.axis), x.shape)


class ReLU(Operation):
    def __call__(self, x):
        self.variables = (x,)
        self.mask = x.data > 0
        return x.data * self.mask

    def backward_var(self, grad, index, **kwargs):
        return grad * self.mask


class LeakyReLU(Operation):
    """Takes its slope as a number, which is no tensor."""

    def __call__(self, x, slope):
        self.variables, self.slope = (x,), slope
        return np.where(x.data > 0, x.data, slope * x.data)

    def backward_var(self, grad, index, **kwargs):
        return grad * np.where(self.variables[0].data > 0, 1, self.slope)


class Softmax(Operation):
    def __call__(self, x):
        self.variables = (x,)
        e = np.exp(x.data - x.data.max(axis=1, keepdims=True))
        self.probabilities = e / e.sum(axis=1, keepdims=True)
        return self.probabilities

    def backward_var(self, grad, index, **kwargs):
        p = self.probabilities
        return p * (grad - np.sum(grad * p, axis=1, keepdims=True))


class CrossEntropy(Operation):
    def __call__(self, scores, labels):
        self.variables = (scores,)
        logits = scores.data - scores.data.max(axis=1, keepdims=True)
        self.log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        self.place = (np.arange(len(labels)), labels)
        return np.asarray(-self.log_p[self.place].mean())

    def backward_var(self, grad, index, **kwargs):
        result = np.exp(self.log_p)
        result[self.place] -= 1
        return grad * result / len(result)


class GetItem(Operation):
    def __call__(self, x, index):
        self.variables, self.index = (x,), index
        return x.data[index]

    def backward_var(self, grad, index, **kwargs):
        (x,) = self.variables
        result = np.zeros_like(x.data)
        np.add.at(result, self.index, grad)
        return result


class Concatenate(Operation):
    def __call__(self, a, b):
        self.variables = (a, b)
        return np.concatenate([a.data, b.data], axis=1)

    def backward_var(self, grad, index, **kwargs):
        width = self.variables[0].shape[1]
        return grad[:, :width] if index == 0 else grad[:, width:]


class Linear(Operation):
    def __call__(self, x, w, b):
        self.variables = (x, w, b)
        return x.data @ w.data + b.data

    def backward_var(self, grad, index, **kwargs):
        x, w, _ = (one.data for one in self.variables)
        return (lambda: grad @ w.T, lambda: x.T @ grad, lambda: grad)[index]()


class MeanSquares(Operation):
    def __call__(self, x, y):
        self.variables = (x, y)
        return np.asarray(np.mean((x.data - y.data) ** 2))

    def backward_var(self, grad, index, **kwargs):
        x, y = (one.data for one in self.variables)
        return (1 if index == 0 else -1) * grad * 2 * (x - y) / x.size


class Standardize(Operation):
    def __call__(self, x):
        self.variables = (x,)
        self.std = x.data.std(axis=0)
        self.out = (x.data - x.data.mean(axis=0)) / self.std
        return self.out

    def backward_var(self, grad, index, **kwargs):
        return (grad - grad.mean(axis=0) - self.out * (grad * self.out).mean(axis=0)) / self.std


# --------------------------------------------------------------------------------------------------------- mistakes


class ExpNoGrad(Exp):
    def backward_var(self, grad, index, **kwargs):
        return self.out


class ExpGradTwice(Exp):
    def backward_var(self, grad, index, **kwargs):
        return grad * grad * self.out


class ExpSum(Exp):
    def backward_var(self, grad, index, **kwargs):
        return grad + self.out


class ExpOfOutput(Exp):
    def backward_var(self, grad, index, **kwargs):
        return grad * np.exp(self.out)


class SigmoidOfInput(Sigmoid):
    def backward_var(self, grad, index, **kwargs):
        x = self.variables[0].data
        return grad * x * (1 - x)


class SigmoidClass(Operation):
    """Keeps its output on the class."""

    def __call__(self, x):
        self.variables = (x,)
        SigmoidClass.out = 1 / (1 + np.exp(-x.data))
        return SigmoidClass.out

    def backward_var(self, grad, index, **kwargs):
        return grad * SigmoidClass.out * (1 - SigmoidClass.out)


class MultiplySwapped(Multiply):
    def backward_var(self, grad, index, **kwargs):
        return grad * self.variables[index].data


class MultiplyFirstOnly(Multiply):
    def backward_var(self, grad, index, **kwargs):
        _, b = self.variables
        return grad * b.data if index == 0 else np.zeros_like(b.data)


class MultiplySumsWrongAxis(Multiply):
    """Sums the gradient of b by itself, along the axis that b has."""

    def backward_var(self, grad, index, **kwargs):
        a, b = self.variables
        return grad * b.data if index == 0 else np.sum(grad * a.data, axis=1)


class DivideNoSquare(Operation):
    def __call__(self, a, b):
        self.variables = (a, b)
        return a.data / b.data

    def backward_var(self, grad, index, **kwargs):
        a, b = self.variables
        return grad / b.data if index == 0 else -grad * a.data / b.data


class DivideSign(DivideNoSquare):
    def backward_var(self, grad, index, **kwargs):
        a, b = self.variables
        return grad / b.data if index == 0 else grad * a.data / b.data**2


class SubtractBothPlus(Operation):
    def __call__(self, a, b):
        self.variables = (a, b)
        return a.data - b.data

    def backward_var(self, grad, index, **kwargs):
        return grad


class MatMulNotTransposed(MatMul):
    def backward_var(self, grad, index, **kwargs):
        a, b = self.variables
        return grad @ b.data if index == 0 else a.data.T @ grad


class MatMulShape(MatMul):
    def backward_var(self, grad, index, **kwargs):
        a, b = self.variables
        return grad @ b.data.T if index == 0 else grad.T @ a.data


class MatMulOrder(MatMul):
    def backward_var(self, grad, index, **kwargs):
        a, b = self.variables
        return a.data.T @ grad if index == 0 else grad @ b.data.T


class SumOtherAxis(Sum):
    def backward_var(self, grad, index, **kwargs):
        return grad * np.ones(self.variables[0].shape, dtype=grad.dtype)


class MeanNotDivided(Operation):
    def __call__(self, x):
        self.variables = (x,)
        return x.data.mean(axis=1)

    def backward_var(self, grad, index, **kwargs):
        return grad[:, np.newaxis] * np.ones_like(self.variables[0].data)


class MeanOfAll(MeanNotDivided):
    def backward_var(self, grad, index, **kwargs):
        x = self.variables[0].data
        return grad[:, np.newaxis] * np.ones_like(x) / x.size


class ReLUInPlace(ReLU):
    def backward_var(self, grad, index, **kwargs):
        grad[~self.mask] = 0
        return grad


class ReLUNoMask(ReLU):
    def backward_var(self, grad, index, **kwargs):
        return grad


class ReLUOfGrad(ReLU):
    def backward_var(self, grad, index, **kwargs):
        return np.maximum(grad, 0)


class ReLUForwardInPlace(ReLU):
    def __call__(self, x):
        self.variables = (x,)
        self.mask = x.data > 0
        x.data[~self.mask] = 0
        return x.data


class LeakyReLUInverted(Operation):
    def __call__(self, x):
        self.variables = (x,)
        return np.where(x.data > 0, x.data, x.data / 8)

    def backward_var(self, grad, index, **kwargs):
        return grad * np.where(self.variables[0].data > 0, 0.125, 1.0).astype(grad.dtype)


class LeakyReLUZero(LeakyReLUInverted):
    def backward_var(self, grad, index, **kwargs):
        return grad * (self.variables[0].data > 0)


class AbsoluteNoSign(Operation):
    def __call__(self, x):
        self.variables = (x,)
        return np.abs(x.data)

    def backward_var(self, grad, index, **kwargs):
        return grad


class SoftmaxDiagonal(Softmax):
    def backward_var(self, grad, index, **kwargs):
        return grad * self.probabilities * (1 - self.probabilities)


class SoftmaxAxis(Softmax):
    def backward_var(self, grad, index, **kwargs):
        p = self.probabilities
        return p * (grad - np.sum(grad * p, axis=0, keepdims=True))


class CrossEntropySum(CrossEntropy):
    def backward_var(self, grad, index, **kwargs):
        result = np.exp(self.log_p)
        result[self.place] -= 1
        return grad * result


class CrossEntropyNoTarget(CrossEntropy):
    def backward_var(self, grad, index, **kwargs):
        return grad * np.exp(self.log_p) / len(self.log_p)


class CrossEntropySpoiled(CrossEntropy):
    """Spoils what it keeps."""

    def backward_var(self, grad, index, **kwargs):
        self.log_p = np.exp(self.log_p)
        self.log_p[self.place] -= 1
        return grad * self.log_p / len(self.log_p)


class CrossEntropyNoGrad(CrossEntropy):
    def backward_var(self, grad, index, **kwargs):
        result = np.exp(self.log_p)
        result[self.place] -= 1
        return result / len(result)


class GetItemAssigned(GetItem):
    def backward_var(self, grad, index, **kwargs):
        result = np.zeros_like(self.variables[0].data)
        result[self.index] = grad
        return result


class GetItemAdded(GetItem):
    def backward_var(self, grad, index, **kwargs):
        result = np.zeros_like(self.variables[0].data)
        result[self.index] += grad
        return result


class GetItemNotScattered(GetItem):
    def backward_var(self, grad, index, **kwargs):
        return grad


class ConcatenateSwapped(Concatenate):
    def backward_var(self, grad, index, **kwargs):
        width = self.variables[0].shape[1]
        return grad[:, :width] if index == 1 else grad[:, width:]


class ConcatenateOffByOne(Concatenate):
    """Takes one column too far to the left for b."""

    def backward_var(self, grad, index, **kwargs):
        width = self.variables[0].shape[1]
        return grad[:, :width] if index == 0 else grad[:, width - 1 : -1]


class TransposeForgotten(Operation):
    def __call__(self, x):
        self.variables = (x,)
        return x.data.T

    def backward_var(self, grad, index, **kwargs):
        return grad.reshape(self.variables[0].shape)


class FlipForgotten(Operation):
    def __call__(self, x):
        self.variables = (x,)
        return x.data[:, ::-1]

    def backward_var(self, grad, index, **kwargs):
        return grad


class LinearBiasMean(Linear):
    def backward_var(self, grad, index, **kwargs):
        return grad.mean(axis=0) if index == 2 else super().backward_var(grad, index)


class LinearNoBias(Linear):
    def backward_var(self, grad, index, **kwargs):
        return None if index == 2 else super().backward_var(grad, index)


class LinearRaises(Linear):
    def backward_var(self, grad, index, **kwargs):
        x, w = self.variables
        return grad @ w.data.T if index == 0 else x.data.T @ grad


class MeanSquaresNoTwo(MeanSquares):
    def backward_var(self, grad, index, **kwargs):
        x, y = (one.data for one in self.variables)
        return (1 if index == 0 else -1) * grad * (x - y) / x.size


class MeanSquaresSum(MeanSquares):
    def backward_var(self, grad, index, **kwargs):
        x, y = (one.data for one in self.variables)
        return (1 if index == 0 else -1) * grad * 2 * (x - y)


class MeanSquaresRows(MeanSquares):
    def backward_var(self, grad, index, **kwargs):
        x, y = (one.data for one in self.variables)
        return (1 if index == 0 else -1) * grad * 2 * (x - y) / len(x)


class MeanSquaresSign(MeanSquares):
    def backward_var(self, grad, index, **kwargs):
        x, y = (one.data for one in self.variables)
        return grad * 2 * (x - y) / x.size


class StandardizeConstant(Standardize):
    def backward_var(self, grad, index, **kwargs):
        return grad / self.std


class StandardizeNoVariance(Standardize):
    def backward_var(self, grad, index, **kwargs):
        return (grad - grad.mean(axis=0)) / self.std


class StandardizeNotDivided(Standardize):
    def backward_var(self, grad, index, **kwargs):
        return grad - grad.mean(axis=0) - self.out * (grad * self.out).mean(axis=0)


class Accumulating(Operation):
    """Adds to what an earlier call returned."""

    total = 0.0

    def __call__(self, x):
        self.variables = (x,)
        return x.data**2

    def backward_var(self, grad, index, **kwargs):
        self.total = self.total + 2 * self.variables[0].data * grad
        return self.total


class LogNoInput(Operation):
    def __call__(self, x):
        self.variables = (x,)
        self.out = np.log(x.data)
        return self.out

    def backward_var(self, grad, index, **kwargs):
        return grad / self.out


class SqrtNoHalf(Operation):
    def __call__(self, x):
        self.variables = (x,)
        self.out = np.sqrt(x.data)
        return self.out

    def backward_var(self, grad, index, **kwargs):
        return grad / self.out


# --------------------------------------------------------------------------------------------------------- arguments


def normal(*shapes, then=()):
    """Return a draw of arrays of these shapes, followed by constants."""

    def draw(random, dtype):
        return (*[random.normal(size=shape).astype(dtype) for shape in shapes], *then)

    return draw


def positive(*shapes):
    """Return a draw of arrays of positive numbers of these shapes."""
    return lambda random, dtype: tuple(random.uniform(1.2, 3, size=shape).astype(dtype) for shape in shapes)


def draw_scores(random, dtype):
    return random.normal(size=(5, 4)).astype(dtype), random.integers(0, 4, size=5)


def draw_rows(random, dtype):
    return random.normal(size=(5, 3)).astype(dtype), np.array([4, 1, 1, 0, 3])


matrix, pair, broadcast = normal((3, 4)), normal((3, 4), (3, 4)), normal((3, 4), (4,))
products, square_products = normal((3, 4), (4, 2)), normal((4, 4), (4, 4))
layer = normal((5, 3), (3, 4), (4,))


RIGHT = [
    Case("exp", Exp, matrix),
    Case("sigmoid", Sigmoid, matrix),
    Case("multiply", Multiply, pair),
    Case("multiply, broadcast", Multiply, broadcast),
    Case("matmul", MatMul, products),
    Case("sum along an axis", Sum, normal((3, 4), then=(1,))),
    Case("relu", ReLU, matrix),
    Case("leaky relu, a number as slope", LeakyReLU, normal((3, 4), then=(0.1,))),
    Case("softmax", Softmax, matrix),
    Case("cross entropy", CrossEntropy, draw_scores),
    Case("rows of a table", GetItem, draw_rows),
    Case("concatenate", Concatenate, normal((3, 2), (3, 4))),
    Case("linear layer, b summed by MyGrad", Linear, layer),
    Case("mean squares", MeanSquares, pair),
    Case("standardize", Standardize, normal((6, 3))),
]

_FACTOR, _SIGN, _ADDS = "off by a factor of", "has the wrong sign", "= where += belongs"

WRONG = [
    Case("exp, no grad", ExpNoGrad, matrix, ("the upstream gradient is not multiplied in",)),
    Case("exp, grad twice", ExpGradTwice, matrix, ("has the upstream gradient multiplied in twice",)),
    Case("exp, grad added", ExpSum, matrix, ("has the upstream gradient added to the local one",)),
    Case("exp of the output", ExpOfOutput, matrix, ("uses the output where the input x belongs",)),
    Case("sigmoid, of the input", SigmoidOfInput, matrix, ("uses the input x where the output belongs",)),
    Case("sigmoid, kept on the class", SigmoidClass, matrix, ("that of another instance", "what all instances share")),
    Case("multiply, swapped", MultiplySwapped, pair, ("are swapped",)),
    Case("multiply, first only", MultiplyFirstOnly, pair, ("is zero where it should not be",)),
    Case("multiply, summed along the wrong axis", MultiplySumsWrongAxis, normal((4, 4), (4,)), ("axis", "permuted")),
    Case("divide, no square", DivideNoSquare, positive((3, 4), (3, 4)), ("factor that", "input a where the output")),
    Case("divide, sign", DivideSign, positive((3, 4), (3, 4)), ("the gradient of b " + _SIGN,)),
    Case("subtract, sign", SubtractBothPlus, pair, ("the gradient of b " + _SIGN,)),
    Case("matmul, not transposed", MatMulNotTransposed, square_products, ("takes b transposed", "is transposed")),
    Case("matmul, turned", MatMulShape, products, ("has the wrong shape", "is transposed")),
    Case("matmul, order", MatMulOrder, square_products, ("are swapped",)),
    Case("sum, other axis", SumOtherAxis, normal((4, 4), then=(1,)), ("axis", "transposed")),
    Case("mean, not divided", MeanNotDivided, matrix, ("off by a factor of 4",)),
    Case("mean, divided by all", MeanOfAll, matrix, (_FACTOR,)),
    Case("relu writes into grad", ReLUInPlace, matrix, ("writes into", "backward modifies")),
    Case("relu, no mask", ReLUNoMask, matrix, ("is missing its mask", "passed straight through")),
    Case("relu of grad", ReLUOfGrad, matrix, ("is not linear in the upstream gradient",)),
    Case("relu writes into x", ReLUForwardInPlace, matrix, ("forward modifies its inputs", "writes into")),
    Case(
        "leaky relu, inverted",
        LeakyReLUInverted,
        matrix,
        ("off by a factor of 0.125 where x > 0, off by a factor of 8 where x < 0",),
    ),
    Case("leaky relu, no slope", LeakyReLUZero, matrix, ("is zero where it should not be", "0 where x < 0")),
    Case("absolute, no sign", AbsoluteNoSign, matrix, ("straight through", "a factor of -1 where x < 0")),
    Case("softmax, diagonal alone", SoftmaxDiagonal, matrix, ("treats each element alone",)),
    Case("softmax, axis", SoftmaxAxis, matrix, ("axis", "misses")),
    Case("cross entropy, sum", CrossEntropySum, draw_scores, (_FACTOR,)),
    Case("cross entropy, no target", CrossEntropyNoTarget, draw_scores, ("misses", "wrong only at index")),
    Case("cross entropy, spoiled", CrossEntropySpoiled, draw_scores, ("a second call of backward",)),
    Case("cross entropy, no grad", CrossEntropyNoGrad, draw_scores, ("the upstream gradient is not multiplied in",)),
    Case("rows, assigned", GetItemAssigned, draw_rows, (_ADDS,)),
    Case("rows, added by index", GetItemAdded, draw_rows, (_ADDS,)),
    Case("rows, not scattered", GetItemNotScattered, draw_rows, ("permuted", "rearranged", "passed straight through")),
    Case("concatenate, swapped", ConcatenateSwapped, normal((3, 4), (3, 4)), ("are swapped",)),
    Case("concatenate, one column off", ConcatenateOffByOne, normal((3, 2), (3, 4)), ("shifted by",)),
    Case("transpose, reshaped back", TransposeForgotten, matrix, ("transposed", "permuted", "rearranged")),
    Case("flip, forgotten", FlipForgotten, matrix, ("reversed",)),
    Case("linear layer, bias by mean", LinearBiasMean, layer, (_FACTOR,)),
    Case("linear layer, None for b", LinearNoBias, layer, ("backward returned None as the gradient of b",)),
    Case("linear layer, b not unpacked", LinearRaises, layer, ("backward raises",)),
    Case("mean squares, no 2", MeanSquaresNoTwo, pair, ("off by a factor of 0.5",)),
    Case("mean squares, sum", MeanSquaresSum, pair, ("off by a factor of 12",)),
    Case("mean squares, rows", MeanSquaresRows, pair, ("off by a factor of 4",)),
    Case("mean squares, sign of y", MeanSquaresSign, pair, ("the gradient of y " + _SIGN,)),
    Case("standardize, constants", StandardizeConstant, normal((6, 3)), ("treats each element alone",)),
    Case("standardize, no variance", StandardizeNoVariance, normal((6, 3)), ("misses",)),
    Case("standardize, not divided", StandardizeNotDivided, normal((6, 3)), ("the standard deviation of x",)),
    Case("square, accumulated", Accumulating, matrix, ("a second call of backward",)),
    Case("log, of the output", LogNoInput, positive((3, 4)), ("uses the output where the input x belongs",)),
    Case("sqrt, no half", SqrtNoHalf, positive((3, 4)), ("off by a factor of 2",)),
]

FLOATS = (np.float64,)
