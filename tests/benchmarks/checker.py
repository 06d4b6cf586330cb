"""How good is the gradient checker: what it catches and names, and whether it ever cries wolf.

`python -m tests.benchmarks.checker` gives the wrong gates of `tests/wrong_gates.py` to `check_gate`, to PyTorch's
`gradcheck` and to autograd's `check_grads` (first derivatives, backward, all arguments; else their defaults), and all
right gates to `check_gate` at random inputs from 1e-9 to 1e9.
"""

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gates import check_gate
from gates.bare import bare_backward, bare_forward
from gates.checking.function_under_test import GateUnderTest
from tests.cases import CASES, Case
from tests.wrong_gates import WORDS, WRONG, Wrong, kinds_in

SEEDS = 5
RIGHT = 20

#: The words by which another checker's message names the cause, for kinds that one could name.
NAMED = {
    "raises": ("NameError", "KeyError", "'yy'", "'dx'"),
    "count": ("number of gradients",),
    "shape": ("shape",),
    "broadcast": ("shape", "broadcast"),
    "none": ("None",),
    "list": ("list", "None"),
    "second call": ("reentrant", "pop from empty list"),
    "modifies": ("modif", "in-place", "inplace"),
    "not finite": ("nan", "inf"),
    "sign": ("sign",),
    "factor": ("factor",),
    "zero": ("zero",),
}


def main() -> None:
    """Print both tables."""
    checkers: dict[str, Callable[[Wrong, Any, int], tuple[bool, bool]]] = {"gategraph": ours}
    try:
        import torch

        checkers[f"torch {torch.__version__}"] = torchs
    except ImportError:
        pass
    try:
        import autograd  # noqa: F401  # whether it is installed

        checkers["autograd"] = autograds
    except ImportError:
        pass
    kinds = list(WORDS)
    print(f"{len(WRONG)} wrong gates, {SEEDS} random inputs each: caught at all inputs, and the cause named\n")
    print(f"{'kind':14}{'gates':>6}" + "".join(f"{name:>24}" for name in checkers))
    totals = {name: Counter[str]() for name in checkers}
    for kind in kinds:
        gates = [wrong for wrong in WRONG if wrong.kind == kind]
        cells = []
        for name, checker in checkers.items():
            caught = named = 0
            for wrong in gates:
                results = [checker(wrong, wrong.draw(np.random.default_rng(seed)), seed) for seed in range(SEEDS)]
                caught += all(result[0] for result in results)
                named += all(result[1] for result in results)
            totals[name].update(caught=caught, named=named)
            cells.append(f"{caught} caught, {named} named")
        print(f"{kind:14}{len(gates):>6}" + "".join(f"{cell:>24}" for cell in cells))
    sums = [f"{totals[name]['caught']} caught, {totals[name]['named']} named" for name in checkers]
    print(f"{'all':14}{len(WRONG):>6}" + "".join(f"{cell:>24}" for cell in sums))
    start = time.perf_counter()
    counts = Counter(verdict for case in CASES for verdict in right(case))
    print(
        f"\n{len(CASES)} right gates, {RIGHT} random inputs each from 1e-9 to 1e9, {time.perf_counter() - start:.1f} s"
    )
    for verdict, count in counts.most_common():
        print(f"  {count:5} {verdict}")


def ours(wrong: Wrong, inputs: Any, seed: int) -> tuple[bool, bool]:
    """Return whether gategraph catches a wrong gate, and whether it says what is wrong, in these words alone."""
    report = check_gate(wrong.make(), *inputs, seed=seed)
    return not report.passed, kinds_in(report.diagnosis) == {wrong.kind} and wrong.says in report.diagnosis


def formulas(wrong: Wrong, count: int) -> tuple[Callable[..., list[Any]], Callable[..., Any]]:
    """Return a gate's bare forward, which returns a list of outputs, and its bare backward."""
    gate = GateUnderTest(wrong.make()).ready(wrong.make(), count)
    return (
        lambda *inputs: bare_forward(gate, [value_of(given) for given in inputs]),
        lambda *upstream: bare_backward(gate, [value_of(dz) for dz in upstream]),
    )


def torchs(wrong: Wrong, inputs: Any, seed: int) -> tuple[bool, bool]:
    """Return the same of PyTorch's gradcheck."""
    import torch

    outputs_at, gradients_for = formulas(wrong, len(inputs))

    def tensor_of(value: Any) -> Any:
        return None if value is None else torch.tensor(np.array(value, dtype=float))

    class Through(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            made = tuple(map(tensor_of, outputs_at(*[tensor.detach().numpy() for tensor in tensors])))
            return made if len(made) > 1 else made[0]

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:
            answer = gradients_for(*[dz.detach().numpy() for dz in upstream])
            return tuple(map(tensor_of, answer)) if isinstance(answer, (list, tuple)) else tensor_of(answer)

    tensors = [torch.tensor(np.array(given), requires_grad=np.asarray(given).dtype.kind == "f") for given in inputs]
    return judgement(wrong, lambda: torch.autograd.gradcheck(Through.apply, tensors))


def autograds(wrong: Wrong, inputs: Any, seed: int) -> tuple[bool, bool]:
    """Return the same of autograd's check_grads."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    outputs_at, gradients_for = formulas(wrong, len(inputs))

    @primitive
    def through(*values: Any) -> Any:
        outputs = outputs_at(*values)
        return np.stack(outputs) if len(outputs) > 1 else outputs[0]

    def vjp(port: int) -> Callable[..., Any]:
        def of(answer: Any, *values: Any) -> Callable[[Any], Any]:
            return lambda dz: gradients_for(*(list(dz) if wrong.make().outputs > 1 else [dz]))[port]

        return of

    defvjp(through, *[vjp(port) for port in range(len(inputs))])
    ports = tuple(port for port, given in enumerate(inputs) if np.asarray(given).dtype.kind == "f")
    np.random.seed(seed)
    return judgement(wrong, lambda: check_grads(through, ports, modes=["rev"], order=1)(*inputs))


def judgement(wrong: Wrong, check: Callable[[], Any]) -> tuple[bool, bool]:
    """Return whether another checker raises, and whether its message names the cause."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            check()
    except Exception as error:
        text = f"{type(error).__name__}: {error}".split("numerical:")[0]
        return True, any(word in text for word in NAMED.get(wrong.kind, ()))
    return False, False


def value_of(array: Any) -> Any:
    """Return a copy of an array, or a number as a float."""
    return np.array(array) if np.ndim(array) else np.asarray(array)[()].item()


def right(case: Case) -> list[str]:
    """Return what `check_gate` says of a right gate at random inputs."""
    verdicts = []
    for seed in range(RIGHT):
        random = np.random.default_rng([seed, 1])
        shapes = [shapes for shapes in case.shapes if all(math.prod(shape) for shape in shapes)]
        inputs = inputs_of_any_size(case, shapes[seed % len(shapes)], random)
        report = check_gate(case.make(), *inputs, seed=seed)
        if report.verdict == "inconclusive":
            verdicts.append("inconclusive: " + why(report.note))
        else:
            verdicts.append(report.verdict if report.passed else f"{report.verdict}, NOT PASSED")
    return verdicts


def inputs_of_any_size(case: Case, shapes: Sequence[tuple[int, ...]], random: Any) -> list[Any]:
    """Return inputs of some shapes from 1e-9 to 1e9, of both signs where the gate takes them."""
    arrays: list[Any] = [10.0 ** random.uniform(-9, 9, shape) for shape in shapes]
    if case.low < 0:
        arrays = [array * random.choice([-1, 1], array.shape) for array in arrays]
    for port in case.labels:
        arrays[port] = random.integers(0, shapes[0][-1], shapes[port])
    return arrays


def why(note: str) -> str:
    """Return why a slope cannot be resolved."""
    if "could not have failed" in note:
        return "a constant: Power(0), or the loss of one class"
    return "saturated beyond float64, or forward overflows"


if __name__ == "__main__":
    main()
