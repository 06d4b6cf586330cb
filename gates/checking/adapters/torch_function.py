"""PyTorch: a torch.autograd.Function, whose raw answers are judged; a module, an operator or a function of tensors."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from gates.checking.adapters.adapter import Adapter, Parameters, copied, leaves_of, parameters_of
from gates.checking.copies import same
from gates.formatting import listed, numbered


def is_of_torch(function: Any, arguments: Sequence[Any]) -> bool:
    """Return whether something is PyTorch's to run: its function, module or operator, or a function of tensors."""
    torch: Any = sys.modules["torch"]
    return (
        _class_of(function) is not None
        or _schema_of(function) is not None
        or isinstance(function, torch.nn.Module)
        or (callable(function) and any(isinstance(one, torch.Tensor) for one in leaves_of(arguments)))
    )


class Tensors(Adapter):
    """A function of tensors, each of the dtype and on the device that the user gave it."""

    #: Whether some of the tensors given require a gradient: the others have none then.
    are_required = False

    def is_input(self, argument: Any) -> bool:
        if isinstance(argument, np.ndarray):
            return bool(argument.dtype.kind == "f")
        if not isinstance(argument, sys.modules["torch"].Tensor):
            return False
        return bool(argument.is_floating_point()) and bool(argument.requires_grad or not self.are_required)

    def to_library(self, value: Any, like: Any) -> Any:
        torch: Any = sys.modules["torch"]
        if not isinstance(like, torch.Tensor):
            return torch.from_numpy(np.array(value))
        return torch.from_numpy(np.array(value)).to(device=like.device, dtype=like.dtype)

    def to_numpy(self, value: Any) -> Any:
        torch: Any = sys.modules["torch"]
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().to_dense()
            value = (value.double() if value.dtype is torch.bfloat16 else value).numpy()
        return super().to_numpy(value)


class TorchGate(Tensors):
    """A PyTorch function as a gate, run by PyTorch's engine.

    Of a `torch.autograd.Function` backward returns what the function's own backward does, before the engine sums,
    converts or drops anything; of anything else what the engine gives. A module's parameters come after its inputs.
    """

    def __init__(self, function: Any, arguments: Sequence[Any] | None, outputs: int | None) -> None:
        torch: Any = sys.modules["torch"]
        self.answers: list[Any] = []  # of the function's own backward, in this pass
        self.count = None if arguments is None else len(arguments)
        self.call, title = function, getattr(function, "__name__", type(function).__name__)
        self.is_function = (of_class := _class_of(function)) is not None
        if of_class is not None:
            function, title = of_class, of_class.__name__
            has_context = of_class.setup_context is torch.autograd.Function.setup_context
            forward = functools.partial(of_class.forward, None) if has_context else of_class.forward
            parameters, self.call = parameters_of(forward, arguments), _recording(of_class, self.answers).apply
        elif isinstance(function, torch.nn.Module):
            title, parameters = type(function).__name__, parameters_of(function.forward, arguments)
            module = copied(function)
            own = {name: one for name, one in module.named_parameters() if one.requires_grad and arguments is not None}
            self.call = functools.partial(_run_module, module, list(own))
            if arguments is not None:
                arguments, parameters = [*arguments, *own.values()], Parameters([*parameters.names, *own], (0, 0))
        elif (schema := _schema_of(function)) is not None:
            title = schema.name
            parameters = Parameters([one.name for one in schema.arguments], (len(schema.arguments),) * 2)
        else:
            parameters = parameters_of(function, arguments)
        tensors = {
            place: one for place, one in enumerate((arguments or ())[: self.count]) if isinstance(one, torch.Tensor)
        }
        self.are_required = any(one.requires_grad for one in tensors.values())
        super().__init__(function, title, parameters, arguments, outputs)
        self._note_unchecked((arguments or ())[: self.count])

    def _note_unchecked(self, arguments: Sequence[Any]) -> None:
        """Note the tensors without a gradient that is checked."""
        torch: Any = sys.modules["torch"]
        why: dict[str, list[str]] = {}
        for place, one in enumerate(arguments):
            if not isinstance(one, torch.Tensor):
                if any(isinstance(part, torch.Tensor) for part in leaves_of(one)):
                    why.setdefault(f"in a {type(one).__name__}", []).append(self.name(place))
            elif one.is_complex():
                why.setdefault("complex", []).append(self.name(place))
            elif one.is_floating_point() and place not in self.ports:
                why.setdefault("without requires_grad", []).append(self.name(place))
        self.remarks |= {f"not checked: {listed(names)}, {reason}": None for reason, names in why.items()}

    def given_as(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        return super().given_as(inputs)[: self.count]

    def forward(self, *inputs: Any) -> Any:
        torch: Any = sys.modules["torch"]
        ports = self.ports or range(len(inputs))
        with torch.inference_mode(False), torch.enable_grad():
            given = self.filled(inputs)
            for place, port in enumerate(ports):
                given[port].requires_grad_(not self.wanted or self.wanted[place])
            passed = [one.clone() if isinstance(one, torch.Tensor) else one for one in given]  # may be written into
            nodes = [getattr(one, "grad_fn", None) for one in passed]
            with torch.random.fork_rng(devices=[]):  # what is random is so once and for all
                torch.default_generator.manual_seed(0)
                answer = self.call(*passed)
        self.faults = []
        for port in ports if self.is_function else ():
            if passed[port].grad_fn is nodes[port] and not _is_same(passed[port], given[port]):
                name = self.name(port)
                self.fault(f"forward writes into {name} without ctx.mark_dirty({name})")
        outputs = [one for one in leaves_of(answer) if isinstance(one, torch.Tensor) and one.is_floating_point()]
        if self.is_function and any(one.requires_grad for one in outputs):
            outputs = [one for one in outputs if one.requires_grad]  # the others are marked as not differentiable
        if not outputs:
            raise TypeError(f"{self.title} must return a tensor of real numbers, got {answer!r}")
        self.kept, self.is_answered, self.again = (given, ports, outputs), False, inputs
        # Rounding is that of the coarsest type of numbers on the way.
        types = [one.dtype for one in (*[given[port] for port in ports], *outputs)]
        coarsest = max(types, key=lambda dtype: torch.finfo(dtype).eps)
        return self.returned([one.to(coarsest) for one in outputs])

    def backward(self, *upstream: Any) -> list[Any]:
        _, _, outputs = self.kept
        with sys.modules["torch"].inference_mode(False):
            dz = [self.to_library(one, output) for one, output in zip(upstream, outputs)]
            if len(dz) > 1 and self.is_function:
                self._use_each_output_alone(dz)
            return self._gradients(dz)

    def _gradients(self, dz: Sequence[Any]) -> list[Any]:
        """Return the gradient of each input; None in place of an upstream gradient is an output that is not used."""
        try:
            return self._pulled(dz)
        except Exception:
            if not self.is_answered:
                raise
            faults = self.faults
            try:
                self.forward(*self.again)
                gradients = self._pulled(dz)
            finally:
                self.faults = faults
            self.remarks["backward frees what it needs: it can be called once after each forward"] = None
            return gradients

    def _pulled(self, dz: Sequence[Any]) -> list[Any]:
        """Return what `_gradients` does, after the last forward pass."""
        torch: Any = sys.modules["torch"]
        given, ports, outputs = self.kept
        leaves = {port: given[port] for port in ports if given[port].requires_grad}
        used = [(output, one) for output, one in zip(outputs, dz) if one is not None and output.requires_grad]
        if not used or not leaves:
            return [None for _ in ports]
        self.answers.clear()
        starts, gradients = zip(*used)
        of_engine = torch.autograd.grad(starts, list(leaves.values()), gradients, retain_graph=True, allow_unused=True)
        self.is_answered = True
        answer = self._judged(*self.answers[-1]) if self.answers else dict(zip(leaves, of_engine))
        return [None if answer.get(port) is None else self.to_numpy(answer[port]) for port in ports]

    def _judged(self, answer: Any, written: Sequence[str]) -> dict[int, Any]:
        """Return what backward returned for each argument, as the engine would sum it; note what is wrong with it."""
        torch: Any = sys.modules["torch"]
        given, ports, _ = self.kept
        gradients = _listed(answer)
        for name in written:
            self.fault(f"backward writes into {name}, which is not its own: other functions may get it too")
        if len(gradients) < len(given) or any(one is not None for one in gradients[len(given) :]):
            got = numbered(len(gradients), "gradient")
            self.fault(f"backward returned {got} for {numbered(len(given), 'argument')} of forward")
            return {}
        judged = dict(zip(range(len(given)), gradients))
        for place, gradient in judged.items():
            name, argument = self.name(place), given[place]
            if gradient is None:
                continue
            if not isinstance(argument, torch.Tensor):
                self.fault(f"backward returned a gradient for {name}, which is {argument!r}: None belongs there")
            elif not isinstance(gradient, torch.Tensor):
                self.fault(f"backward returned a {type(gradient).__name__} for {name} where a tensor belongs")
                judged[place] = None
            elif place in ports:
                if gradient.dtype != argument.dtype:
                    self.remarks[f"PyTorch makes the gradient of {name} {argument.dtype}: it is {gradient.dtype}"] = (
                        None
                    )
                if gradient.device != argument.device:
                    self.fault(f"the gradient of {name} is on {gradient.device} and {name} on {argument.device}")
                judged[place] = self.summed(gradient, argument, name, "PyTorch")
        return judged

    def _use_each_output_alone(self, dz: Sequence[Any]) -> None:
        """Note a fault if backward cannot do with None for outputs that are not used, where it asked to get None."""
        for place in range(len(dz)):
            zeros = [one if other == place else one * 0.0 for other, one in enumerate(dz)]
            nothing = [one if other == place else None for other, one in enumerate(dz)]
            wanted, where = self._gradients(zeros), f"where output {place} alone is used, and None comes for the others"
            try:
                if not all(map(same, self._gradients(nothing), wanted)):
                    self.fault(f"{where}, backward returns another gradient than for zeros")
            except Exception as error:
                self.fault(f"{where}, backward raises {type(error).__name__}: {error}")


def _recording(of_class: Any, answers: list[Any]) -> Any:
    """Return a torch.autograd.Function that does as another one, and records what its backward returns."""
    base: Any = sys.modules["torch"].autograd.Function
    which = "backward" if of_class.vjp is base.vjp else "vjp"
    user = getattr(of_class, which)

    def backward(ctx: Any, *upstream: Any) -> Any:
        before = [None if one is None else one.clone() for one in upstream]
        answer = user(ctx, *upstream)
        written = [place for place, (one, old) in enumerate(zip(upstream, before)) if not _is_same(one, old)]
        names = parameters_of(functools.partial(user, None), upstream).names if written else []
        answers.append((answer, [names[place] for place in written]))
        return (None,) * len(ctx.needs_input_grad)

    return type(of_class.__name__, (of_class,), {which: staticmethod(backward)})


def _class_of(function: Any) -> Any:
    """Return a torch.autograd.Function, given as the class or as its `apply`; None if it is none."""
    base, found = sys.modules["torch"].autograd.Function, getattr(function, "__self__", function)
    return found if isinstance(found, type) and issubclass(found, base) else None


def _schema_of(function: Any) -> Any:
    """Return the schema of an operator registered with torch.library; None if it is none."""
    for one in (function, getattr(function, "_opoverload", None), getattr(function, "default", None)):
        schema = getattr(one, "_schema", None)
        if hasattr(schema, "arguments"):
            return schema
    return None


def _run_module(module: Any, names: Sequence[str], *arguments: Any) -> Any:
    """Run a module with the parameters that come last among the arguments, and with copies of its buffers."""
    count = len(arguments) - len(names)
    buffers = {name: one.clone() for name, one in module.named_buffers()}
    state = {**buffers, **dict(zip(names, arguments[count:]))}
    return sys.modules["torch"].func.functional_call(module, state, arguments[:count])


def _is_same(tensor: Any, other: Any) -> bool:
    """Return whether two tensors, of one shape, hold the same numbers."""
    if other is None or sys.modules["torch"].equal(tensor, other):
        return True
    return bool(((tensor == other) | ((tensor != tensor) & (other != other))).all())  # nan is nan


def _listed(answer: Any) -> list[Any]:
    return list(answer) if isinstance(answer, (list, tuple)) else [answer]
