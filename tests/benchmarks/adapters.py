"""How good is the checker at gradients of other libraries: `python -m tests.benchmarks.adapters [ecosystem ...]`.

For each ecosystem it gives the functions of `tests/adapters` to gategraph and to the checker that people use there:
PyTorch's `gradcheck`, JAX's and autograd's `check_grads`, SciPy's `check_grad`, and the relative error that a course
computes. A mistake counts as caught if it is at all random inputs, and as named if a message says what it is.
"""

import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from gates import check_gate
from tests.adapters.case import Case
from tests.benchmarks.checker import complaint

SEEDS = 3
#: What counts as an error with those checkers that give a number: of gradients, and the course's relative error.
TOO_FAR, UNCOMFORTABLE = 1e-5, 1e-4


def gradcheck(case: Case, given: Any) -> str | None:
    """Return what PyTorch's gradcheck complains of."""
    import torch

    def ready(one: Any) -> Any:
        is_real = isinstance(one, torch.Tensor) and one.is_floating_point()
        return one.detach().clone().requires_grad_() if is_real else one

    run = case.function.apply if isinstance(case.function, type) else case.function
    return complaint(lambda: torch.autograd.gradcheck(run, [ready(one) for one in given]))


def check_grads_of_jax(case: Case, given: Any) -> str | None:
    """Return what JAX's check_grads complains of, of the arguments that have a gradient, in float64."""
    import jax
    from jax.test_util import check_grads

    constants = getattr(case.function, "nondiff_argnums", ())
    with jax.enable_x64(True):
        rest = [None if place in constants else one for place, one in enumerate(given)]
        leaves, structure = jax.tree.flatten(rest)
        ports = [port for port, one in enumerate(leaves) if np.asarray(one).dtype.kind == "f"]

        def function(*values: Any) -> Any:
            filled = dict(zip(ports, values))
            arguments = jax.tree.unflatten(structure, [filled.get(port, one) for port, one in enumerate(leaves)])
            return case.function(*[given[place] if place in constants else one for place, one in enumerate(arguments)])

        values = [np.asarray(leaves[port], dtype=float) for port in ports]
        return complaint(lambda: check_grads(function, values, order=1, modes=("rev",)))


def check_grads_of_autograd(case: Case, given: Any) -> str | None:
    """Return what autograd's check_grads complains of."""
    from autograd.test_util import check_grads

    ports = [port for port, one in enumerate(given) if isinstance(one, np.ndarray) and one.dtype.kind == "f"]
    return complaint(lambda: check_grads(case.function, ports, modes=["rev"], order=1)(*given))


def check_grad_of_scipy(case: Case, given: Any) -> str | None:
    """Return what SciPy's check_grad finds, which takes a number's gradient alone."""
    from scipy.optimize import check_grad

    (fun, jac), (x0, *args) = case.function, given
    first = (lambda x, *rest: fun(x, *rest)[0]) if jac is True else fun
    second = (lambda x, *rest: fun(x, *rest)[1]) if jac is True else jac

    def check() -> None:
        size = max(1.0, float(np.linalg.norm(second(np.asarray(x0), *args))))
        error = float(check_grad(first, second, np.asarray(x0), *args))
        if not error <= TOO_FAR * size:
            raise AssertionError(f"error {error:.2g}")

    return complaint(check)


def relative_error(case: Case, given: Any) -> str | None:
    """Return what the course's relative error finds, with central differences of a step of 1e-5."""
    backward = dict(case.options)["backward"]

    def run(arguments: Any) -> Any:
        return case.function(*[one.copy() if hasattr(one, "copy") else one for one in arguments])

    def check() -> None:
        *outputs, cache = run(given)
        random = np.random.default_rng(0)
        upstream = [random.normal(size=np.shape(output)) for output in outputs]
        answer = backward(*[dz.copy() for dz in upstream], cache)
        gradients = list(answer) if isinstance(answer, tuple) else [answer]
        ports = [port for port, one in enumerate(given) if isinstance(one, np.ndarray) and one.dtype.kind == "f"]
        for port, gradient in zip(ports, gradients):
            numeric, x = np.zeros(given[port].shape), given[port].copy()
            for index in np.ndindex(x.shape):
                ends = []
                for step in (1e-5, -1e-5):
                    moved = x.copy()
                    moved[index] += step
                    *there, _ = run([*given[:port], moved, *given[port + 1 :]])
                    ends.append(sum(float(np.sum(dz * one)) for dz, one in zip(upstream, there)))
                numeric[index] = (ends[0] - ends[1]) / 2e-5
            error = np.max(np.abs(gradient - numeric) / np.maximum(1e-8, np.abs(gradient) + np.abs(numeric)))
            if not error <= UNCOMFORTABLE:
                raise AssertionError(f"relative error {error:.2g}")

    return complaint(check)


_Peer = Callable[[Case, Any], str | None]
#: Each ecosystem with its modules of functions, and the checker that people use there.
ECOSYSTEMS: dict[str, tuple[tuple[str, ...], _Peer | None]] = {
    "torch": (("torch_functions", "torch_layers"), gradcheck),
    "jax": (("jax_functions", "jax_layers"), check_grads_of_jax),
    "pairs": (("pairs", "course_layers"), relative_error),
    "scipy": (("scipy_functions",), check_grad_of_scipy),
    "boosting": (("objectives",), None),
    "autograd": (("autograd_primitives",), check_grads_of_autograd),
    "mygrad": (("mygrad_operations",), None),
}


def main() -> None:
    """Print a line for each ecosystem and checker, and what gategraph misses or does not name with `--unnamed`."""
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")] or list(ECOSYSTEMS)
    if "torch" in chosen:
        import torch

        torch.set_num_threads(1)  # all tensors are small
    print(f"{SEEDS} random inputs each, float64 unless said\n")
    print(
        f"{'ecosystem':18}{'checker':22}{'right':>6}{'accused':>9}{'wrong':>7}{'caught':>8}{'named':>7}{'seconds':>9}"
    )
    for name in chosen:
        modules, peer = ECOSYSTEMS[name]
        for dtype in (np.float64, np.float32) if name in ("torch", "jax") else (np.float64,):
            of_modules(name, [import_module(f"tests.adapters.{module}") for module in modules], dtype, None)
        if peer is not None:
            of_modules(name, [import_module(f"tests.adapters.{module}") for module in modules], np.float64, peer)


def of_modules(name: str, modules: list[Any], dtype: Any, peer: _Peer | None) -> None:
    """Print the line of a checker, gategraph if `peer` is None."""
    start = time.perf_counter()
    right = [(module, case) for module in modules for case in module.RIGHT]
    wrong = [(module, case) for module in modules for case in module.WRONG]
    accused = sum(any(told is not None for told in messages(module, case, dtype, peer)) for module, case in right)
    caught = named = 0
    for module, case in wrong:
        told = messages(module, case, dtype, peer)
        caught += all(one is not None for one in told)
        is_named = all(one is not None and any(text in one for text in case.says) for one in told)
        named += is_named
        if peer is None and not is_named and "--unnamed" in sys.argv:
            print(f"    {case.name}: {told[0]}")
    title = f"{name}, {np.dtype(dtype)}" if dtype is not np.float64 else name
    who = "gategraph" if peer is None else peer.__name__.replace("_of_", ", ")
    counts = f"{len(right):>6}{accused:>9}{len(wrong):>7}{caught:>8}{named:>7}"
    print(f"{title:18}{who:22}{counts}{time.perf_counter() - start:>9.1f}", flush=True)


def messages(module: Any, case: Case, dtype: Any, peer: _Peer | None) -> list[str | None]:
    """Return what a checker complains of at each of several random inputs, None where of nothing."""
    told: list[str | None] = []
    for seed in range(SEEDS):
        if peer is not None:
            told.append(peer(case, case.draw(np.random.default_rng(seed), dtype)))
            continue
        report = case.check(seed, dtype, getattr(module, "check", check_gate))
        told.append(None if report.passed else report.diagnosis or report.verdict)
    return told


if __name__ == "__main__":
    main()
