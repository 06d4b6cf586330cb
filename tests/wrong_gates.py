"""Gates whose backward is wrong in a known way, each with inputs to check it at: what a checker has to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gates import (
    Add,
    Copy,
    Divide,
    Exp,
    Gate,
    Log,
    MatMul,
    Max,
    Mean,
    Min,
    Multiply,
    Negative,
    Power,
    Reciprocal,
    ReLU,
    Reshape,
    Sigmoid,
    Sqrt,
    Square,
    SquaredNorm,
    Subtract,
    Sum,
    Tanh,
    Transpose,
)
from losses import L2Regularization, SoftmaxLoss, SquaredErrorLoss, SVMLoss

#: The words that the sentence about each kind of fault must have, one of them where there are several.
WORDS: dict[str, tuple[str, ...]] = {
    "raises": ("raises",),
    "list": ("where a list of gradients belongs",),
    "count": ("returned 1 gradient for 2 inputs", "returned 2 gradients for 1 input"),
    "none": ("returned None as the gradient",),
    "broadcast": ("broadcast",),
    "shape": ("wrong shape",),
    "modifies": ("modifies",),
    "not finite": (" is nan ", " is inf ", " is -inf "),
    "second call": ("second call",),
    "stale": ("stale",),
    "swapped": ("swapped",),
    "zero": ("zero",),
    "mask": ("mask",),
    "sign": ("sign",),
    "upstream": ("upstream",),
    "factor": ("factor of",),
    "transposed": ("transposed",),
    "output": ("output 0 only",),
    "exchanged": ("where the output belongs", "uses the output"),
    "index": ("only at index",),
}

Draw = Callable[[Any], tuple[Any, ...]]


def kinds_in(sentence: str) -> set[str]:
    """Return the kinds of faults whose words a sentence has."""
    return {kind for kind, words in WORDS.items() if any(word in sentence for word in words)}


class Made(Gate):
    """A gate of two functions, `f(x)` and `df(dz, x)`."""

    def __init__(self, f: Callable[[Any], Any], df: Callable[[Any, Any], Any]) -> None:
        self.formulas = f, df

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return self.formulas[0](x)

    def backward(self, dz: Any) -> Any:
        return [self.formulas[1](dz, *self.kept)]


@dataclass(frozen=True)
class Wrong:
    """A wrong gate: its kind of fault, what the sentence must say besides, how to make it, and inputs for it."""

    kind: str
    name: str
    says: str
    make: Callable[[], Gate]
    draw: Draw


def one(*shape: int, low: float = 0.3, high: float = 2.0, signed: bool = True) -> Draw:
    """Return inputs for a gate of one: away from 0, of both signs or positive."""
    return lambda random: (_drawn(random, shape, low, high, signed),)


def two(x: tuple[int, ...], y: tuple[int, ...], low: float = 0.3, high: float = 2.0) -> Draw:
    """Return inputs for a gate of two."""
    return lambda random: (_drawn(random, x, low, high, True), _drawn(random, y, low, high, True))


def mixed(size: int) -> Draw:
    """Return an array of negative and positive numbers in turn."""
    return lambda random: (random.uniform(0.3, 2.0, size) * np.resize([-1.0, 1.0], size),)


def scores(examples: int, classes: int) -> Draw:
    """Return scores and labels."""
    return lambda random: (random.normal(size=(examples, classes)), random.integers(0, classes, examples))


def _drawn(random: Any, shape: tuple[int, ...], low: float, high: float, signed: bool) -> Any:
    array = random.uniform(low, high, shape) * (random.choice([-1.0, 1.0], shape) if signed else 1.0)
    return array if shape else float(array)


def after(gate: type[Gate], change: Callable[..., Any], *settings: Any) -> Callable[[], Gate]:
    """Return a maker of gates whose gradients are changed by `change(gradients, gate, *upstream)`."""

    class Changed(gate):  # type: ignore[valid-type,misc]  # the base is chosen at run time
        def backward(self, *dz: Any) -> Any:
            return change(super().backward(*dz), self, *dz)

    Changed.__name__ = f"Wrong{gate.__name__}"
    return lambda: Changed(*settings)


def given(gate: type[Gate], backward: Callable[..., Any], *settings: Any) -> Callable[[], Gate]:
    """Return a maker of gates with another backward: `backward(upstream, *kept)`."""

    class Given(gate):  # type: ignore[valid-type,misc]  # as above
        def backward(self, *dz: Any) -> Any:
            return backward(*dz, *self.kept)

    Given.__name__ = f"Wrong{gate.__name__}"
    return lambda: Given(*settings)


def only(port: int, change: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a change of one gradient."""
    return lambda gradients, *_: [change(g) if place == port else g for place, g in enumerate(gradients)]


def each(change: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a change of every gradient."""
    return lambda gradients, *_: [None if g is None else change(g) for g in gradients]


def with_upstream(change: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a backward that changes the upstream gradients first."""
    return lambda _, gate, *dz: super(type(gate), gate).backward(*[change(one) for one in dz])


def ones(dz: Any) -> Any:
    return dz * 0.0 + 1.0


def squared(dz: Any) -> Any:
    return dz * dz


def at(place: int, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a change of one element."""

    def changed(gradient: Any) -> Any:
        array = np.array(gradient)
        array.flat[place] = change(array.flat[place])
        return array

    return changed


class InPlaceMultiply(Multiply):
    def backward(self, dz: Any) -> Any:
        x, y = self.kept
        gradients = [dz * y, dz * x]
        x *= 0.5
        return gradients


class InPlaceReLU(ReLU):
    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return np.maximum(x, 0.0)

    def backward(self, dz: Any) -> Any:
        (x,) = self.kept
        dz[x <= 0] = 0.0
        return [dz]


class InPlaceSquare(Square):
    def forward(self, x: Any) -> Any:
        self.kept = (x.copy(),)
        x *= x
        return x

    def backward(self, dz: Any) -> Any:
        return [2.0 * self.kept[0] * dz]


class AccumulatingExp(Exp):
    total: Any = 0.0

    def backward(self, dz: Any) -> Any:
        self.total = self.total + super().backward(dz)[0]
        return [self.total]


class ForgettingMultiply(Multiply):
    def backward(self, dz: Any) -> Any:
        x, y = self.kept
        self.kept = 0.0 * x, 0.0 * y
        return [dz * y, dz * x]


class PoppingSum(Sum):
    def forward(self, x: Any) -> Any:
        self.stack = [x]
        return np.sum(x)

    def backward(self, dz: Any) -> Any:
        return [dz * np.ones_like(self.stack.pop())]


class StaleReLU(ReLU):
    mask: Any = None

    def forward(self, x: Any) -> Any:
        if self.mask is None:
            self.mask = x > 0
        return np.maximum(x, 0.0)

    def backward(self, dz: Any) -> Any:
        return [dz * self.mask]


class StaleMultiply(Multiply):
    def forward(self, x: Any, y: Any) -> Any:
        if not hasattr(self, "first"):
            self.first = x, y
        return x * y

    def backward(self, dz: Any) -> Any:
        x, y = self.first
        return [dz * y, dz * x]


class LateExp(Exp):
    last: Any = None

    def forward(self, x: Any) -> Any:
        y = np.exp(x)
        self.used = y if self.last is None else self.last
        self.last = y
        return y

    def backward(self, dz: Any) -> Any:
        return [dz * self.used]


class SineAndCosine(Gate):
    outputs = 2

    def forward(self, x: Any) -> Any:
        self.kept = (x,)
        return [np.sin(x), np.cos(x)]

    def backward(self, ds: Any, dc: Any) -> Any:
        return [ds * np.cos(self.kept[0])]


def input_sigmoid() -> Gate:
    return Made(lambda x: 1.0 / (1.0 + np.exp(-x)), lambda dz, x: dz * x * (1.0 - x))


def clip() -> Gate:
    return Made(lambda x: np.clip(x, -1.0, 1.0), lambda dz, x: dz)


def divided(dz: Any, x: Any, y: Any) -> Any:
    raise NameError("name 'yy' is not defined")


def looked_up(gradients: Any, gate: Any, dz: Any) -> Any:
    return {"dy": gradients[0]}["dx"]


def nan_above_1(gradient: Any) -> Any:
    return np.where(np.abs(gradient) > 0, np.nan, gradient)


S3, S23, S33, S53 = (3,), (2, 3), (3, 3), (5, 3)

WRONG = [
    Wrong("factor", "Multiply, both doubled", "factor of 2", after(Multiply, each(lambda g: 2 * g)), two(S23, S23)),
    Wrong("factor", "Divide, x halved", "factor of 0.5", after(Divide, only(0, lambda g: g / 2)), two(S3, S3)),
    Wrong("factor", "Exp, tripled", "factor of 3", after(Exp, each(lambda g: 3 * g)), one()),
    Wrong("factor", "Power(5) without its 5", "factor of 0.2", after(Power, each(lambda g: g / 5), 5), one(3)),
    Wrong("factor", "Mean without 1/N", "factor of 5", after(Mean, each(lambda g: 5 * g)), one(5)),
    Wrong("factor", "SquaredNorm without its 2", "factor of 0.5", after(SquaredNorm, each(lambda g: g / 2)), one(2, 3)),
    Wrong("factor", "SoftmaxLoss, summed", "factor of 4", after(SoftmaxLoss, only(0, lambda g: 4 * g)), scores(4, 3)),
    Wrong("factor", "L2, unscaled", "factor of 10", given(L2Regularization, lambda dz, W: [2 * dz * W], 0.1), one(4)),
    Wrong("factor", "Sigmoid, -2", "factor of -2", after(Sigmoid, each(lambda g: -2 * g)), one()),
    Wrong("sign", "Negative", "of x", after(Negative, each(lambda g: -g)), one(3)),
    Wrong("sign", "Subtract, y", "of y", after(Subtract, only(1, lambda g: -g)), two(S3, S3)),
    Wrong("sign", "Reciprocal", "of x", after(Reciprocal, each(lambda g: -g)), one()),
    Wrong("sign", "Divide, y", "of y", after(Divide, only(1, lambda g: -g)), two((), ())),
    Wrong("sign", "SoftmaxLoss", "of scores", after(SoftmaxLoss, only(0, lambda g: -g)), scores(4, 3)),
    Wrong("sign", "SquaredErrorLoss, target", "of target", after(SquaredErrorLoss, only(1, lambda g: -g)), two(S3, S3)),
    Wrong("swapped", "Multiply", "x and y", after(Multiply, lambda g, *_: g[::-1]), two((), ())),
    Wrong("swapped", "Divide", "x and y", after(Divide, lambda g, *_: g[::-1]), two(S23, S23)),
    Wrong("swapped", "Max", "x and y", after(Max, lambda g, *_: g[::-1]), two((4,), (4,))),
    Wrong("swapped", "MatMul", "x and y", after(MatMul, lambda g, *_: g[::-1]), two(S33, S33)),
    Wrong("upstream", "Exp, left out", "of x", after(Exp, with_upstream(ones)), one(3)),
    Wrong("upstream", "Multiply, left out", "of x", after(Multiply, with_upstream(ones)), two((), ())),
    Wrong("upstream", "Power, left out", "of x", after(Power, with_upstream(ones), 3), one(2, 3)),
    Wrong("upstream", "Sum, left out", "of x", after(Sum, with_upstream(ones)), one(4)),
    Wrong("upstream", "MatMul, left out", "of x", after(MatMul, with_upstream(ones)), two(S23, (3, 2))),
    Wrong("upstream", "SoftmaxLoss, left out", "of scores", after(SoftmaxLoss, with_upstream(ones)), scores(4, 3)),
    Wrong("upstream", "ReLU, left out", "of x", after(ReLU, with_upstream(ones)), one(5, signed=False)),
    Wrong("upstream", "Square, twice", "twice", after(Square, with_upstream(squared)), one(3)),
    Wrong("upstream", "Divide, twice", "twice", after(Divide, with_upstream(squared)), two(S3, S3)),
    Wrong("upstream", "SVMLoss, twice", "twice", after(SVMLoss, with_upstream(squared)), scores(4, 3)),
    Wrong("upstream", "Copy, left out", "of x", after(Copy, with_upstream(ones), 2), one(3)),
    Wrong("transposed", "MatMul, y", "of y", after(MatMul, only(1, lambda g: g.T)), two(S33, S33)),
    Wrong("transposed", "MatMul, dz @ y", "of x", given(MatMul, lambda dz, x, y: [dz @ y, x.T @ dz]), two(S33, S33)),
    Wrong("transposed", "MatMul, x @ dz", "of y", given(MatMul, lambda dz, x, y: [dz @ y.T, x @ dz]), two(S33, S33)),
    Wrong("transposed", "Transpose", "of x", given(Transpose, lambda dz, x: [dz]), one(3, 3)),
    Wrong("broadcast", "Add", "expected (3,), got (2, 3)", given(Add, lambda dz, x, y: [dz, dz]), two(S23, S3)),
    Wrong(
        "broadcast",
        "Multiply",
        "expected (), got (3,)",
        given(Multiply, lambda dz, x, y: [dz * y, dz * x]),
        two(S3, ()),
    ),
    Wrong(
        "broadcast",
        "Divide",
        "(1, 3), got (2, 3)",
        given(Divide, lambda dz, x, y: [dz / y, -dz * x / y**2]),
        two((1, 3), S23),
    ),
    Wrong(
        "broadcast",
        "Max",
        "expected (2, 1), got (2, 3)",
        given(Max, lambda dz, x, y: [dz * (x >= y), dz * (x < y)]),
        two(S23, (2, 1)),
    ),
    Wrong("shape", "Sum", "expected (2, 3), got ()", given(Sum, lambda dz, x: [dz]), one(2, 3)),
    Wrong("shape", "MatMul", "expected (2, 3), got (3, 2)", after(MatMul, only(0, lambda g: g.T)), two(S23, (3, 4))),
    Wrong("shape", "Reshape", "expected (6,), got (2, 3)", given(Reshape, lambda dz, x: [dz], (2, 3)), one(6)),
    Wrong(
        "shape",
        "SoftmaxLoss",
        "expected (4, 3), got (4,)",
        after(SoftmaxLoss, only(0, lambda g: g.sum(axis=1))),
        scores(4, 3),
    ),
    Wrong("zero", "Exp", "of x", after(Exp, each(lambda g: 0 * g)), one()),
    Wrong("zero", "Multiply, y", "of y", after(Multiply, only(1, lambda g: 0 * g)), two(S23, S23)),
    Wrong("zero", "MatMul, y", "of y", after(MatMul, only(1, lambda g: 0 * g)), two(S23, (3, 4))),
    Wrong("zero", "SoftmaxLoss", "of scores", after(SoftmaxLoss, only(0, lambda g: 0 * g)), scores(4, 3)),
    Wrong("output", "Copy(2)", "of x", after(Copy, lambda g, gate, a, b: [a], 2), one()),
    Wrong("output", "Copy(3)", "of x", after(Copy, lambda g, gate, a, b, c: [a], 3), one(2, 3)),
    Wrong("output", "sine and cosine", "of x", SineAndCosine, one(3)),
    Wrong("modifies", "Multiply, its input", "x", InPlaceMultiply, two(S3, S3)),
    Wrong("modifies", "ReLU, dz", "dz", InPlaceReLU, mixed(5)),
    Wrong("modifies", "Square, in forward", "forward", InPlaceSquare, one(3)),
    Wrong("second call", "Exp, adds up", "x", AccumulatingExp, one(3)),
    Wrong("second call", "Multiply, forgets", "x and y", ForgettingMultiply, two(S3, S3)),
    Wrong("second call", "Sum, pops", "IndexError", PoppingSum, one(3)),
    Wrong("stale", "ReLU, its first mask", "of x", StaleReLU, one(5)),
    Wrong("stale", "Multiply, its first inputs", "of x and y", StaleMultiply, two(S3, S3)),
    Wrong("stale", "Exp, the last but one", "of x", LateExp, one(3)),
    Wrong("index", "Square", "of x is wrong only at index 0", after(Square, each(at(0, lambda g: 2 * g))), one(4)),
    Wrong(
        "index",
        "Multiply, the last of y",
        "of y is wrong only at index (1, 2)",
        after(Multiply, only(1, at(-1, lambda g: g + 1))),
        two(S23, S23),
    ),
    Wrong(
        "index",
        "MatMul",
        "of x is wrong only at index (0, 1)",
        after(MatMul, only(0, at(1, lambda g: -g))),
        two(S23, (3, 4)),
    ),
    Wrong(
        "index",
        "SoftmaxLoss",
        "of scores is wrong only at index (0, 0)",
        after(SoftmaxLoss, only(0, at(0, lambda g: 3 * g))),
        scores(4, 3),
    ),
    Wrong("count", "Multiply", "1 gradient for 2 inputs", after(Multiply, lambda g, *_: g[:1]), two((), ())),
    Wrong("count", "Exp", "2 gradients for 1 input", after(Exp, lambda g, *_: [*g, *g]), one(3)),
    Wrong("count", "SoftmaxLoss", "1 gradient for 2 inputs", after(SoftmaxLoss, lambda g, *_: g[:1]), scores(4, 3)),
    Wrong("list", "Exp, a bare array", "array", after(Exp, lambda g, *_: g[0]), one(3)),
    Wrong("list", "Multiply, None", "None", after(Multiply, lambda *_: None), two((), ())),
    Wrong("list", "Sum, a bare array", "array", after(Sum, lambda g, *_: g[0]), one(2, 3)),
    Wrong("none", "Multiply, y", "of y", after(Multiply, only(1, lambda g: None)), two(S3, S3)),
    Wrong("none", "MatMul, x", "of x", after(MatMul, only(0, lambda g: None)), two(S23, (3, 4))),
    Wrong("raises", "Divide", "NameError: name 'yy' is not defined", given(Divide, divided), two((), ())),
    Wrong("raises", "Exp", "KeyError", after(Exp, looked_up), one(3)),
    Wrong("not finite", "Sigmoid", "of x is nan", after(Sigmoid, each(nan_above_1)), one(3)),
    Wrong("not finite", "Divide", "of y is", after(Divide, only(1, lambda g: g * np.inf)), two(S3, S3)),
    Wrong("exchanged", "Exp, x for e**x", "input x", given(Exp, lambda dz, y: [dz * np.log(y)]), one(3)),
    Wrong("exchanged", "Sigmoid, x (1 - x)", "input x", input_sigmoid, one(3)),
    Wrong("exchanged", "Tanh, 1 - x**2", "input x", given(Tanh, lambda dz, x: [dz * (1 - x**2)]), one(3)),
    Wrong("exchanged", "Sqrt, 1 / 2x", "input x", given(Sqrt, lambda dz, y: [dz / (2 * y * y)]), one(3, signed=False)),
    Wrong("exchanged", "Square, 2 y", "output", given(Square, lambda dz, x: [2 * dz * x * x]), one(3)),
    Wrong("exchanged", "Power(3), 3 y**2", "output", given(Power, lambda dz, x: [3 * dz * x**6], 3), one()),
    Wrong("exchanged", "Log, 1/y", "output", given(Log, lambda dz, x: [dz / np.log(x)]), one(3, low=1.2, signed=False)),
    Wrong("exchanged", "Divide, x / y", "input x", given(Divide, lambda dz, x, y: [dz / y, -dz * x / y]), two(S3, S3)),
    Wrong("mask", "ReLU, none", "of x", given(ReLU, lambda dz, *_: [dz]), mixed(5)),
    Wrong("mask", "ReLU, inverted", "of x", after(ReLU, lambda g, s, dz: [dz - g[0]]), one(5)),
    Wrong(
        "mask",
        "ReLU, none, at a number",
        "of x",
        given(ReLU, lambda dz, *_: [dz]),
        lambda random: (-float(random.uniform(0.3, 2)),),
    ),
    Wrong("mask", "Max, none", " its mask", given(Max, lambda dz, x, y: [dz, dz]), two((4,), (4,))),
    Wrong("mask", "Min, none", " its mask", given(Min, lambda dz, x, y: [dz, dz]), two((), ())),
    Wrong(
        "mask",
        "clip, none",
        "of x",
        clip,
        lambda random: (np.array([-1.8, -0.5, 0.2, 0.9, 1.5]) * random.uniform(0.9, 1.1, 5),),
    ),
]
