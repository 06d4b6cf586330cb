"""How good is the gradient checker: what it catches and names, and whether it ever cries wolf.

`python -m tests.benchmarks.checker` gives the wrong gates of `tests/wrong_gates.py`, and the layers of `tests/layers`,
to `check_gate` and to other checkers: PyTorch's `gradcheck`, autograd's and JAX's `check_grads` (first derivatives,
backward, all arguments; else their defaults). It also gives all right gates to `check_gate` at random inputs from 1e-9
to 1e9.
"""

import importlib
import logging
import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gates import BatchNorm, LayerNorm, check_gate
from gates.bare import bare_backward, bare_forward
from gates.checking.function_under_test import GateUnderTest
from tests.cases import CASES, Case
from tests.layers import LAYERS
from tests.wrong_gates import WORDS, WRONG, Wrong, kinds_in

SEEDS, LAYER_SEEDS = 5, 3
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


#: A checker: from what makes a gate, inputs and a seed to what it complains of, None if of nothing.
Checker = Callable[[Callable[[], Any], Any, int], str | None]


def main() -> None:
    """Print the tables."""
    of_gates()
    of_layers()
    start = time.perf_counter()
    counts = Counter(verdict for case in CASES for verdict in right(case))
    print(
        f"\n{len(CASES)} right gates, {RIGHT} random inputs each from 1e-9 to 1e9, {time.perf_counter() - start:.1f} s"
    )
    for verdict, count in counts.most_common():
        print(f"  {count:5} {verdict}")


def of_gates() -> None:
    """Print the table of wrong gates."""
    checkers = others(torchs, autograds)
    print(f"{len(WRONG)} wrong gates, {SEEDS} random inputs each: caught at all inputs, and the cause named\n")
    print(f"{'kind':14}{'gates':>6}" + "".join(f"{name:>24}" for name in ("gategraph", *checkers)))
    totals = {name: Counter[str]() for name in ("gategraph", *checkers)}
    for kind in WORDS:
        gates = [wrong for wrong in WRONG if wrong.kind == kind]
        cells = []
        for name in totals:
            caught = named = 0
            for wrong in gates:
                drawn = [(wrong.draw(np.random.default_rng(seed)), seed) for seed in range(SEEDS)]
                if name == "gategraph":
                    results = [ours(wrong, *one) for one in drawn]
                else:
                    results = [judgement(wrong, checkers[name](wrong.make, *one)) for one in drawn]
                caught += all(result[0] for result in results)
                named += all(result[1] for result in results)
            totals[name].update(caught=caught, named=named)
            cells.append(f"{caught} caught, {named} named")
        print(f"{kind:14}{len(gates):>6}" + "".join(f"{cell:>24}" for cell in cells))
    sums = [f"{total['caught']} caught, {total['named']} named" for total in totals.values()]
    print(f"{'all':14}{len(WRONG):>6}" + "".join(f"{cell:>24}" for cell in sums))


def of_layers() -> None:
    """Print the table of layers as people write them."""
    checkers = others(torchs, jaxs)
    print(f"\n{len(LAYERS)} layers as people write them, {LAYER_SEEDS} random inputs each: how many are judged right\n")
    print(f"{'layers':32}{'':>6}" + "".join(f"{name:>24}" for name in ("gategraph", *checkers)))
    slowest = 0.0
    for what, verdict in (("right", "pass"), ("wrong", "fail"), ("random", "inconclusive")):
        for dtype in (np.float64, np.float32, np.float16):
            layers = [layer for layer in LAYERS if layer.verdict == verdict and layer.dtype is dtype]
            if not layers:
                continue
            counts = {name: Counter[str]() for name in ("gategraph", *checkers)}
            for layer in layers:
                start = time.perf_counter()
                reports = [layer.check(seed) for seed in range(LAYER_SEEDS)]
                slowest = max(slowest, (time.perf_counter() - start) / LAYER_SEEDS)
                counts["gategraph"]["judged"] += all(map(layer.is_judged_right, reports))
                counts["gategraph"]["alarms"] += any(report.verdict == "fail" for report in reports)
                counts["gategraph"]["named"] += all(map(layer.is_named, reports))
                for name, checker in checkers.items():
                    drawn = [layer.draw(np.random.default_rng(seed)) for seed in range(LAYER_SEEDS)]
                    told = [checker(layer.make, inputs, seed) for seed, inputs in enumerate(drawn)]
                    counts[name]["judged"] += all(told) if verdict == "fail" else not any(told)
                    counts[name]["alarms"] += any(told)
                    counts[name]["named"] += all(one and any(text in one for text in layer.says) for one in told)
            if what == "wrong":
                cells = [f"{count['judged']} caught, {count['named']} named" for count in counts.values()]
            else:
                cells = [f"{count['judged']}, {count['alarms']} false alarms" for count in counts.values()]
            title = f"{what}, {np.dtype(dtype)}"
            print(f"{title:32}{len(layers):>6}" + "".join(f"{cell:>24}" for cell in cells))
    print(f"the slowest takes gategraph {slowest:.1f} s")


def others(*given: Checker) -> dict[str, Checker]:
    """Return those of the other checkers that are installed, with their names and versions."""
    found: dict[str, Checker] = {}
    for checker in given:
        name = checker.__name__[:-1]
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        found[f"{name} {module.__version__}" if hasattr(module, "__version__") else name] = checker
    return found


def ours(wrong: Wrong, inputs: Any, seed: int) -> tuple[bool, bool]:
    """Return whether gategraph catches a wrong gate, and whether it says what is wrong, in these words alone."""
    report = check_gate(wrong.make(), *inputs, seed=seed)
    return not report.passed, kinds_in(report.diagnosis) == {wrong.kind} and wrong.says in report.diagnosis


def formulas(make: Callable[[], Any], count: int) -> tuple[Callable[..., list[Any]], Callable[..., Any]]:
    """Return a gate's bare forward, which returns a list of outputs, and its bare backward."""
    gate = GateUnderTest(make()).ready(make(), count)
    return (
        lambda *inputs: bare_forward(gate, [value_of(given) for given in inputs]),
        lambda *upstream: bare_backward(gate, [value_of(dz) for dz in upstream]),
    )


def torchs(make: Callable[[], Any], inputs: Any, seed: int) -> str | None:
    """Return what PyTorch's gradcheck says."""
    import torch

    outputs_at, gradients_for = formulas(make, len(inputs))

    def tensor_of(value: Any) -> Any:
        return None if value is None else torch.tensor(np.array(value, dtype=float))

    class Through(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            outputs = tuple(map(tensor_of, outputs_at(*[tensor.detach().numpy() for tensor in tensors])))
            return outputs if len(outputs) > 1 else outputs[0]

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:
            answer = gradients_for(*[dz.detach().numpy() for dz in upstream])
            return tuple(map(tensor_of, answer)) if isinstance(answer, (list, tuple)) else tensor_of(answer)

    tensors = [torch.tensor(np.array(given), requires_grad=np.asarray(given).dtype.kind == "f") for given in inputs]
    return complaint(lambda: torch.autograd.gradcheck(Through.apply, tensors))


def autograds(make: Callable[[], Any], inputs: Any, seed: int) -> str | None:
    """Return what autograd's check_grads says."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    outputs_at, gradients_for = formulas(make, len(inputs))

    @primitive
    def through(*values: Any) -> Any:
        outputs = outputs_at(*values)
        return np.stack(outputs) if len(outputs) > 1 else outputs[0]

    def vjp(port: int) -> Callable[..., Any]:
        def of(answer: Any, *values: Any) -> Callable[[Any], Any]:
            return lambda dz: gradients_for(*(list(dz) if make().outputs > 1 else [dz]))[port]

        return of

    defvjp(through, *[vjp(port) for port in range(len(inputs))])
    ports = tuple(port for port, given in enumerate(inputs) if np.asarray(given).dtype.kind == "f")
    np.random.seed(seed)
    return complaint(lambda: check_grads(through, ports, modes=["rev"], order=1)(*inputs))


def jaxs(make: Callable[[], Any], inputs: Any, seed: int) -> str | None:
    """Return what JAX's check_grads says, in float64, of the gate's two passes as callbacks."""
    import jax

    logging.getLogger("jax").setLevel(logging.CRITICAL)  # it tells of errors in callbacks besides raising them
    from jax.test_util import check_grads

    outputs_at, gradients_for = formulas(make, len(inputs))
    ports = [port for port, given in enumerate(inputs) if np.asarray(given).dtype.kind == "f"]

    def whole(arrays: Any) -> list[Any]:
        given = dict(zip(ports, map(np.asarray, arrays)))
        return [given.get(port, inputs[port]) for port in range(len(inputs))]

    def forward(*arrays: Any) -> Any:
        return tuple([np.asarray(output, dtype=float) for output in outputs_at(*whole(arrays))])

    def backward(arrays: Any, upstream: Any) -> Any:
        outputs_at(*whole(arrays))
        answer = gradients_for(*map(np.asarray, upstream))
        if len(answer) != len(inputs):
            raise ValueError(f"{len(answer)} gradients for {len(inputs)} inputs")
        return tuple([np.asarray(answer[port], dtype=float) for port in ports])

    with jax.enable_x64(True):
        like = [jax.ShapeDtypeStruct(output.shape, output.dtype) for output in forward(*[inputs[p] for p in ports])]

        @jax.custom_vjp
        def through(*arrays: Any) -> Any:
            return jax.pure_callback(forward, tuple(like), *arrays)

        def run_backward(arrays: Any, upstream: Any) -> Any:
            shapes = tuple([jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays])
            return jax.pure_callback(backward, shapes, arrays, upstream)

        through.defvjp(lambda *arrays: (through(*arrays), arrays), run_backward)
        arrays = [np.asarray(inputs[port], dtype=float) for port in ports]
        return complaint(lambda: check_grads(through, arrays, order=1, modes=("rev",)))


def complaint(check: Callable[[], Any]) -> str | None:
    """Return the error that another checker raises, None if it raises none."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            check()
    except Exception as error:
        return f"{type(error).__name__}: {error}".split("numerical:")[0]
    return None


def judgement(wrong: Wrong, text: str | None) -> tuple[bool, bool]:
    """Return whether another checker complains of a wrong gate, and whether its message names the cause."""
    return text is not None, text is not None and any(word in text for word in NAMED.get(wrong.kind, ()))


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
        arrays[port] = case.labels_of(shapes, port, random)
    if isinstance(case.make(), (BatchNorm, LayerNorm)):
        # A number that outweighs all others, two numbers far above eps, a gamma far below beta: slopes below rounding.
        arrays = [random.normal(size=shape) for shape in shapes]
        arrays[0] *= 10.0 ** random.uniform(-9, 2)
    return arrays


def why(note: str) -> str:
    """Return why a slope cannot be resolved."""
    if "could not have failed" in note:
        return "a constant: Power(0), or the loss of one class"
    return "saturated beyond float64, or forward overflows"


if __name__ == "__main__":
    main()
