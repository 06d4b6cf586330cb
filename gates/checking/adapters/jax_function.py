"""JAX: a jax.custom_vjp, whose own fwd and bwd are judged, or a function that JAX differentiates."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from gates.checking.adapters.adapter import Adapter, Parameters, parameters_of
from gates.checking.copies import same
from gates.formatting import numbered


def is_of_jax(function: Any, arguments: Sequence[Any]) -> bool:
    """Return whether something is a jax.custom_vjp, or a function that is called with JAX's arrays."""
    jax: Any = sys.modules["jax"]
    return _custom(function) is not None or (
        callable(function) and any(isinstance(one, jax.Array) for one in jax.tree.leaves(arguments))
    )


class Arrays(Adapter):
    """A function of JAX's arrays, of float64 unless the user chose another dtype."""

    @property
    def is_wide(self) -> bool:
        """Whether types of 64 bits are enabled."""
        return True

    def is_input(self, argument: Any) -> bool:
        jnp: Any = sys.modules["jax"].numpy
        return isinstance(argument, float) or jnp.issubdtype(getattr(argument, "dtype", int), jnp.floating)

    def to_library(self, value: Any, like: Any) -> Any:
        jax: Any = sys.modules["jax"]
        dtype = getattr(like, "dtype", np.float64)
        if isinstance(like, jax.Array) and dtype == np.float32 and not jax.config.jax_enable_x64 and self.is_wide:
            dtype = np.float64  # JAX makes every number float32 unless it is told otherwise
        with jax.enable_x64(self.is_wide):
            return jax.numpy.asarray(value, dtype)

    def to_numpy(self, value: Any) -> Any:
        value = np.asarray(value)
        return super().to_numpy(value if value.dtype.kind in "fiub" else value.astype(np.float64))  # from bfloat16


class JaxGate(Arrays):
    """A JAX function as a gate of the leaves of its arguments, compiled, with 64-bit types enabled.

    Of a `jax.custom_vjp` forward is the function itself, and backward what `bwd` returns for the residuals of `fwd`. Of
    any other function backward is what `jax.vjp` gives.
    """

    #: Whether what runs is compiled, which pays where it runs more than a few times.
    is_compiled = True

    def __init__(self, function: Any, arguments: Sequence[Any] | None, outputs: int | None) -> None:
        jax: Any = sys.modules["jax"]
        custom = _custom(function)
        constants = () if custom is None else custom.nondiff_argnums
        if custom is not None and arguments is not None:
            with contextlib.suppress(TypeError, ValueError):  # JAX fills in default arguments, too
                bound = inspect.signature(custom.fun).bind(*arguments)
                bound.apply_defaults()
                arguments = bound.args
        parameters = parameters_of(function if custom is None else custom.fun, arguments)
        self.rule = None if custom is None or custom.symbolic_zeros else custom
        self.constants = [(place, arguments[place]) for place in constants] if arguments is not None else []
        self.structure, self.broken = None, list[str]()  # of the arguments; faults of what bwd returns
        self.narrow: list[bool] = []  # holds something once it was seen not to run with types of 64 bits
        self.is_looked_at: list[bool] = []  # holds something once globals were looked for
        if arguments is not None:
            rest = [None if place in constants else one for place, one in enumerate(arguments)]
            paths, self.structure = jax.tree.flatten_with_path(rest)
            names = [parameters.names[path[0].idx] + jax.tree_util.keystr(path[1:]) for path, _ in paths]
            arguments, parameters = [leaf for _, leaf in paths], Parameters(names, parameters.counts)
        self.run: dict[str, Any] = {"primal": self._primal, "vjp": self._vjp}
        if self.is_compiled:
            self.run = {name: jax.jit(run) for name, run in self.run.items()}
        super().__init__(function, getattr(function, "__name__", "function"), parameters, arguments, outputs)

    def given_as(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(self._all(self.filled(inputs)))

    def forward(self, *inputs: Any) -> Any:
        self.faults = []
        try:
            values, outputs = self._run(inputs)
        except Exception:
            if not self.is_wide:
                raise
            self.narrow.append(True)  # it has types of its own, of 32 bits
            values, outputs = self._run(inputs)
        self.kept = values, outputs
        real = [output for output in outputs if self.is_input(output)]
        if not real:
            raise TypeError(f"{self.title} must return an array of real numbers, got {outputs!r}")
        jnp: Any = sys.modules["jax"].numpy
        # Rounding is that of the coarsest type of numbers on the way.
        coarsest = max((one.dtype for one in (*values, *real)), key=lambda dtype: jnp.finfo(dtype).eps)
        with sys.modules["jax"].enable_x64(self.is_wide):
            return self.returned([one.astype(coarsest) for one in real])

    def _run(self, inputs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Return the inputs as the function takes them, and its outputs."""
        leaves = self.filled(inputs)
        values = [leaves[port] for port in self.ports or range(len(leaves))]
        return values, self._ask("primal", values)

    @property
    def is_wide(self) -> bool:
        return not self.narrow

    def backward(self, *upstream: Any) -> list[Any]:
        jnp: Any = sys.modules["jax"].numpy
        values, outputs = self.kept
        dz = iter(upstream)
        with sys.modules["jax"].enable_x64(self.is_wide):
            cotangents = [jnp.asarray(next(dz), one.dtype) if self.is_input(one) else None for one in outputs]
        again, gradients = self._ask("vjp", values, cotangents)
        if self.is_compiled and not self.is_looked_at:
            self.is_looked_at.append(True)
            self._look_for_globals(values, cotangents, gradients)
        for sentence in self.broken:
            self.fault(sentence)
        for place, (one, other) in enumerate(zip(map(self.to_numpy, again), map(self.to_numpy, outputs))):
            if not same(one, other, 1e-6):
                of = f"output {place} of " if len(outputs) > 1 else ""
                self.fault(
                    f"fwd gives another value for {of}{self.title} than the function itself does{_told(one, other)}"
                )
        return [None if gradient is None else self.to_numpy(gradient) for gradient in gradients]

    def _ask(self, which: str, *arguments: Any) -> Any:
        """Run one of the two functions, compiled if it can be."""
        jax: Any = sys.modules["jax"]
        with jax.enable_x64(self.is_wide):
            try:
                return self.run[which](*arguments)
            except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):  # it looks at values
                self.run[which] = self._primal if which == "primal" else self._vjp
                return self.run[which](*arguments)

    def _look_for_globals(self, values: Sequence[Any], cotangents: Sequence[Any], wanted: Sequence[Any]) -> None:
        """Note a fault if another call of fwd, before bwd is called, changes what bwd returns."""
        if self.rule is None:
            return
        with contextlib.suppress(Exception), sys.modules["jax"].enable_x64(self.is_wide):  # as fwd may refuse others
            _, gradients = self._vjp(values, cotangents, self._arguments([value * 0.5 for value in values]))
            eps = max(float(sys.modules["jax"].numpy.finfo(value.dtype).eps) for value in values)
            for one, other in zip(gradients, wanted):
                if one is not None and not same(self.to_numpy(one), self.to_numpy(other), eps**0.5):
                    self.broken.append(
                        "bwd uses what fwd keeps outside of its residuals: another call of the function changes it"
                    )
                    return

    def _all(self, leaves: Sequence[Any]) -> list[Any]:
        """Return the arguments of the function whose leaves these are."""
        if self.structure is None:
            return list(leaves)
        arguments = sys.modules["jax"].tree.unflatten(self.structure, leaves)
        for place, constant in self.constants:
            arguments[place] = constant
        return list(arguments)

    def _arguments(self, values: Sequence[Any]) -> list[Any]:
        """Return the arguments of the function with some values as inputs."""
        leaves = list(values if self.arguments is None else self.arguments)
        for port, value in zip(self.ports, values):
            leaves[port] = value
        return self._all(leaves)

    def _primal(self, values: Sequence[Any]) -> Any:
        """Return all outputs of the function."""
        return sys.modules["jax"].tree.leaves(self.function(*self._arguments(values)))

    def _vjp(self, values: Sequence[Any], cotangents: Sequence[Any], between: Sequence[Any] = ()) -> tuple[Any, Any]:
        """Return all outputs of fwd, and what bwd returns for each input, after a call of fwd with others `between`."""
        jax: Any = sys.modules["jax"]
        if self.rule is None:
            outputs, pull = jax.vjp(self._primal, list(values))
            return outputs, pull([_zero(one) if dz is None else dz for one, dz in zip(outputs, cotangents)])[0]
        arguments = self._arguments(values)
        output, residuals = self.rule.fwd(*arguments)
        if between:
            self.rule.fwd(*between)
        outputs, structure = jax.tree.flatten(output)
        dz = [_zero(one) if dz is None else dz for one, dz in zip(outputs, cotangents)]
        constants = [constant for _, constant in self.constants]
        answer = self.rule.bwd(*constants, residuals, jax.tree.unflatten(structure, dz))
        leaves = self._leaves_of(
            answer, [one for place, one in enumerate(arguments) if place not in dict(self.constants)]
        )
        return outputs, [leaves[port] for port in self.ports or range(len(leaves))]

    def _leaves_of(self, answer: Any, arguments: Sequence[Any]) -> list[Any]:
        """Return what bwd returned for each leaf of the arguments, None for 0; another structure is a fault."""
        jax: Any = sys.modules["jax"]
        if not isinstance(answer, (tuple, list)):
            what = "array" if hasattr(answer, "dtype") else type(answer).__name__
            self.broken.append(f"bwd returned a bare {what} where a tuple with a gradient for each argument belongs")
        elif len(answer) != len(arguments):
            self.broken.append(
                f"bwd returned {numbered(len(answer), 'gradient')} for {numbered(len(arguments), 'argument')}"
            )
        else:
            try:
                whole = jax.tree.broadcast(list(answer), list(arguments), is_leaf=_is_none)
                return list(jax.tree.leaves(whole, is_leaf=_is_none))
            except ValueError:
                got, wanted = (_shape_of_tree(tuple(one)) for one in (answer, arguments))
                self.broken.append(
                    f"bwd returned gradients of another structure than the arguments: {got} where {wanted} belongs"
                )
        return [None for _ in jax.tree.leaves(arguments)]


def _custom(function: Any) -> Any:
    """Return the jax.custom_vjp that a function is, or that it compiles; None if there is none."""
    kind: Any = sys.modules["jax"].custom_vjp
    return next((one for one in (function, getattr(function, "__wrapped__", None)) if isinstance(one, kind)), None)


def _shape_of_tree(tree: Any) -> str:
    """Return the structure of a tree, with a star for each leaf."""
    return str(sys.modules["jax"].tree.structure(tree)).removeprefix("PyTreeDef(").removesuffix(")")


def _is_none(one: Any) -> bool:
    return one is None


def _zero(output: Any) -> Any:
    """Return the upstream gradient of an output of integers."""
    return np.zeros(np.shape(output), sys.modules["jax"].dtypes.float0)


def _told(got: Any, wanted: Any) -> str:
    """Return the first element that differs."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return f": shape {got.shape} where {wanted.shape} is right"
    place = int(np.argmax(np.abs(got - wanted)))
    return f": {got.ravel()[place]:.8g} where {wanted.ravel()[place]:.8g} is right"
