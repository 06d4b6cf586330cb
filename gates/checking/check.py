"""The check of one gate: at each example, then a report, and mutants if the user asks for a self-test."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from gates.bare import require_gate
from gates.checking.adapters.gate_of import adapted
from gates.checking.convergence import Convergence, convergence_of
from gates.checking.examination import Examination, examine
from gates.checking.examples import Example, examples_of
from gates.checking.function_under_test import GateUnderTest, Refusal
from gates.checking.mutants import SelfTest, run_mutants
from gates.checking.precision import Precision, as_precision
from gates.checking.report import Report
from gates.checking.rounding import precision_of
from gates.checking.sampling import EXHAUSTIVE
from gates.checking.second_order import Backward, with_upstream
from gates.checking.verdicts import reported, verdict_on
from gates.values import GateLike, Given

#: Makes the random numbers of a check others than those of `default_rng(seed)`, from which users draw inputs.
_STREAM = 3


def check_gate(
    gate: GateLike | Callable[..., Any],
    *inputs: Any,
    backward: Callable[..., Any] | None = None,
    upstream: Given | None = None,
    like: GateLike | Callable[..., Any] | None = None,
    precision: float | None = None,
    order: int = 1,
    seed: int = 0,
) -> Report:
    """Check a gate's backward against the slopes of its forward, and say what is wrong.

    Parameters
    ----------
    gate : object
        The gate, of any class with the two methods. It is left unchanged: copies of it run. Parameters that it keeps
        itself are checked like inputs, if backward leaves their gradients beside them: `self.W` with `self.dW`,
        `self.W_grad` or `self.grads["W"]`; `self.params[0]` with `self.grads[0]`.
    *inputs : number or array
        Where to check it. Without any it is checked at numbers, at arrays of equal shapes and of shapes that
        broadcast, at ties, zeros and extremes, read-only, not contiguous and in float32. A gate that needs other
        inputs has a method `example_inputs(random)` that yields a tuple of inputs for each example.
    upstream : number, array or list of them, optional
        The gradient with respect to the output, or to each output; drawn at random if left out: of both signs, and
        never near 0 or 1.
    like : object, optional
        A gate that is right: the outputs must be the same, and the gradients where slopes cannot tell.
    precision : float, optional
        The relative rounding error of forward. If left out, it is that of the type of number that forward answers with,
        or that shows in the digits of its outputs: 2**-53 for float64, 2**-24 for float32, 2**-11 for float16. Give it
        for a forward that is approximate, such as 1e-6 for an integral computed to six digits.
    order : int
        2 checks backward as a function of its own: its slopes, along the inputs and the upstream gradients, against
        what a method `double_backward(*ddx)` of the gate returns. Called after forward and backward, with the gradient
        for each gradient that backward returned, it returns a list: the gradient of each input, then of each upstream
        gradient.
    seed : int
        The seed of all random inputs and upstream gradients.

    Returns
    -------
    Report
        The verdict, the diagnosis, and a table.

    Raises
    ------
    TypeError
        If it is not a gate, or takes another number of inputs.
    ValueError
        If no inputs are given and forward accepts none of the examples.
    Exception
        What forward raises at the inputs that are given.

    Notes
    -----
    Slopes are differences of forward, extrapolated over several steps, each with an error that is estimated from the
    measured noise of forward [1]_. An input of up to 200 elements is checked element by element; of a larger one, all
    elements if each moves one output only, else a sample of elements and random directions. An element passes if it
    agrees with the slope to within that error and a relative 1e-7, or eight times the precision if that is more, and if
    the error is small beside the slope. There is no absolute tolerance.

    What is wrong is looked for at several points, in what the wrong elements have in common and in the Jacobians of
    both passes, for 3 seconds or so.

    References
    ----------
    .. [1] More, Wild: Estimating computational noise, SIAM Journal on Scientific Computing 33 (2011).

    Examples
    --------
    >>> from gates import Max, Sigmoid
    >>> check_gate(Sigmoid()).passed
    True
    >>> check_gate(Max(), 1.0, 1.0).verdict
    'kink'
    >>> class Square(Sigmoid):
    ...     def forward(self, x):
    ...         self.kept = (x,)
    ...         return x * x
    ...
    ...     def backward(self, dy):
    ...         (x,) = self.kept
    ...         return [dy * x]
    >>> check_gate(Square()).diagnosis
    'the gradient of x is off by a factor of 0.5 (1/2)'
    """
    if hasattr(gate, "as_gate") and not isinstance(gate, type):
        raise TypeError("check_gate() takes a gate; a graph has a check of its own, graph.check(x=...)")
    adapter = adapted(gate, inputs or None, backward)
    if adapter is not None:
        if like is not None:
            like = adapted(like, inputs or None) or like
        if inputs and not adapter.ports:
            nothing = "none of the arguments is a float, or an array of floats: nothing to check"
            raise TypeError("; ".join([f"{adapter.title}: {nothing}", *adapter.remarks]))
        if upstream is not None:
            upstream = adapter.to_numpy_all(upstream)
        report = check_gate(
            adapter, *adapter.inputs, upstream=upstream, like=like, precision=precision, order=order, seed=seed
        )
        return replace(report, example=(adapter.given_as(report.example[0]), report.example[1]))
    if inspect.isroutine(gate) and inputs:
        _refuse_function(gate, inputs)
    require_gate(gate, "check_gate()")
    if order not in (1, 2):
        raise ValueError(f"check_gate(): order must be 1 or 2, got {order!r}")
    if like is not None:
        require_gate(like, "check_gate(): like")
    function, exactness = GateUnderTest(gate), as_precision(precision, "check_gate()")
    least, most = function.counts
    random = np.random.default_rng([seed, _STREAM])
    if inputs or most == 0:
        examples = [Example("the inputs given", inputs)]
    else:
        if upstream is not None:
            raise TypeError(
                "check_gate() takes an upstream gradient with inputs only: its shape is that of their output"
            )
        counts = [count for count in range(max(least, 1), max(least, 3) + 1) if count <= most]
        examples = list(examples_of(gate, counts[:1] if order == 2 else counts, random))
    if order == 2:
        count = len(examples[0].inputs)
        title, function = function.title, GateUnderTest(Backward(gate, count))
        function.title = f"the backward of {title}"
        examples, upstream = with_upstream(gate, examples, upstream, random), None
        like = None if like is None else Backward(like, count)
    function.reference = None if like is None else GateUnderTest(like)
    return check_at(function, examples, upstream, seed, precision=exactness)


def assert_gate(
    gate: GateLike | Callable[..., Any],
    *inputs: Any,
    backward: Callable[..., Any] | None = None,
    upstream: Given | None = None,
    like: GateLike | Callable[..., Any] | None = None,
    precision: float | None = None,
    order: int = 1,
    seed: int = 0,
) -> None:
    """Raise AssertionError, with the report as its message, unless a gate passes `check_gate`.

    Examples
    --------
    >>> from gates import Multiply
    >>> def test_multiply():
    ...     assert_gate(Multiply())
    >>> test_multiply()
    """
    __tracebackhide__ = True  # pytest then shows the line of the test
    check_gate(
        gate, *inputs, backward=backward, upstream=upstream, like=like, precision=precision, order=order, seed=seed
    ).raise_if_failed()


def check_at(
    function: GateUnderTest,
    examples: Sequence[Example],
    upstream: Any,
    seed: int,
    limit: int = EXHAUSTIVE,
    precision: Precision | None = None,
) -> Report:
    """Return the report on a gate at some examples; of several, those that forward does not accept are left out."""

    def examined(of: GateUnderTest, place: int) -> Examination:
        random, example = np.random.default_rng([seed, place, _STREAM]), examples[place]
        values = of.values(example.inputs)
        found = examine(of, example.title, values, upstream, random, limit)
        found.rank = example.rank
        return found

    found: dict[int, Examination] = {}
    error: BaseException | None = None
    with quiet():
        function.precision = precision or _precision(function, examples)
        for place in range(len(examples)):
            try:
                found[place] = examined(function, place)
            except Refusal as refusal:
                error = refusal.__cause__
                if len(examples) == 1 and error is not None:
                    raise error from None
        left_out = len(examples) - len(found)
        if left_out and _takes_numbers_only(found.values()):
            found = {place: one for place, one in found.items() if not any(one.shapes)}
    if not found:
        raise ValueError(
            f"{function.title}: forward takes none of the inputs that check_gate() makes: give some, or let the gate's "
            f"example_inputs(random) yield tuples of them; the last error was {type(error).__name__}: {error}"
        ) from error

    def verdict_on_mutant(mutant: GateUnderTest) -> tuple[str, bool]:
        seen = []
        for place in found:
            seen.append(examined(mutant, place))
            if seen[-1].verdict == "fail":  # so is the verdict then, whatever comes after
                break
        return verdict_on(seen)

    def self_test() -> SelfTest:
        with quiet():
            return run_mutants(function, [examples[place].inputs for place in found], verdict_on_mutant)

    def convergence_at(one: Examination) -> Convergence:
        with quiet():
            return convergence_of(function, *one.point)

    with quiet():
        return reported(
            function.title,
            list(found.values()),
            self_test,
            convergence_at,
            left_out,
            intended=getattr(function.gate, "intended", ""),
            remarks=function.remarks,
        )


def _refuse_function(function: Callable[..., Any], inputs: Sequence[Any]) -> None:
    """Raise TypeError that says how a function is checked, by what it returns; it is not called with functions."""
    name = function.__name__
    answer = None if any(map(callable, inputs)) else function(*inputs)
    if isinstance(answer, tuple) and len(answer) > 1:
        raise TypeError(
            f"check_gate(): {name} returns a tuple: if that is (out, cache), give its backward too, as backward=; "
            f"if it is the value and its gradient, check_grad({name}, True, x0) checks it"
        )
    raise TypeError(
        f"check_gate(): {name} is a function alone: check_grad({name}, jac, x0) checks it with its gradient, "
        f"check_gate({name}, x, backward=...) one that returns (out, cache)"
    )


def _precision(function: GateUnderTest, examples: Sequence[Example]) -> Precision:
    """Return the precision of forward at the first example that it accepts."""
    for example in examples:
        try:
            return precision_of(function, function.values(example.inputs), np.random.default_rng(0))
        except Exception:  # this example, or what forward does with it: to be reported by the check
            continue
    return Precision()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings, since probes overflow and leave forward's domain on purpose."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # NumPy warns so where a forward of numbers, such as one with math.exp, gets an array of one element.
        warnings.filterwarnings("error", message="Conversion of an array", category=DeprecationWarning)
        yield


def _takes_numbers_only(found: Collection[Examination]) -> bool:
    """Return whether forward accepted numbers, but no array of more than one element."""
    sizes = [math.prod(shape) for one in found for shape in one.shapes]
    return max(sizes, default=0) <= 1 and any(not any(one.shapes) for one in found)
