"""The base class of gates, and functions that read a gate's kind, settings, labels and number of inputs."""

import copy
import functools
import inspect
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gates.unwanted import only_wanted
from gates.validation import formula, validated_backward, validated_forward
from gates.values import Value


class Gate:
    """An operation with a forward formula and its gradient. Derive from it to write your own gate.

    `forward(*inputs)` computes the output and stores what backward needs in `self.kept`. `backward(*upstream)`
    takes the gradient of the loss with respect to each output and returns a list of the gradients with respect to
    each input: local gradient x upstream gradient. Write both so that they work for floats and arrays alike, with
    operators and the functions of `namespace(x)`, and never modify an input in place. Direct calls also accept lists
    and integers, and a single number as the upstream gradient of a whole array.

    Store each constructor parameter in an attribute of the same name: `repr` and saved graphs read it there.
    A copy of a gate has its settings but no state of its passes.

    Attributes
    ----------
    kept : object
        What forward stored for backward.
    output : float, array or list
        The last output of forward.
    outputs : int
        The number of outputs: forward returns one value for 1, otherwise a list.
    elementwise : bool
        Whether each element of the output depends only on the same element of the inputs.
    takes : tuple of (int, float)
        The smallest and the largest number of inputs that forward takes. None in a class without both methods.
    wanted : tuple of bool
        For each input, whether its gradient was asked for; `backward` may return None for the others.
    labels : tuple of int
        The input ports that take integers unconverted, such as class labels. In a graph, labels come straight from an
        input, which then has no gradient, or from a constant.
    has_parameters : bool
        Whether the gate contains parameters, so that backward runs even if no input's gradient is wanted.
    training_state : tuple of str
        The settings that training changes, such as running statistics. A saved graph has them, `repr` leaves them out.
        A gate that has such settings has an attribute `training`, which says whether they change. `train` then runs the
        graph's own gates, since what copies of them learn is lost.
    intended : str
        What a gradient that is not the slope is meant to be, such as "straight-through" or "clipped": `check_gate` then
        notes the difference and does not fail.
    faults : sequence of str
        What is wrong with the last pass, in sentences, where that does not show in what forward and backward return:
        `check_gate` then fails.
    remarks : iterable of str
        What `check_gate` adds to its note, in sentences.
    example_inputs : callable, optional
        `example_inputs(random)` yields tuples of inputs drawn from a `numpy.random.Generator`. `check_gate` uses them
        for a gate that accepts only certain inputs.
    notation : tuple of str
        The formula and the local gradient of each input, as shown when the gate runs step by step, such as
        `("z = x * y", "y", "x")`, in the names of forward's parameters and of the settings. A gradient that is not a
        local gradient times the upstream gradient is spelled out with `dz`: `"dz @ y.T"`.
    pattern : str
        The lecture's name for what backward does, if it has one, such as "gradient distributor".
    kind : str
        The gate's name in expressions and in automatic node names: by default the class name in snake_case.

    Examples
    --------
    >>> class Cube(Gate):
    ...     def forward(self, x):
    ...         self.kept = (x,)
    ...         return x * x * x
    ...
    ...     def backward(self, dz):
    ...         (x,) = self.kept
    ...         return [dz * 3 * x * x]
    >>> cube = Cube()
    >>> cube.forward(2)
    8.0
    >>> cube.backward(1)
    [12.0]
    """

    kept: Any
    output: Any
    outputs: int = 1
    elementwise: bool = False
    labels: tuple[int, ...] = ()
    takes: tuple[int, float] | None = None
    wanted: tuple[bool, ...] = ()
    has_parameters: bool = False
    training_state: tuple[str, ...] = ()
    intended: str = ""
    faults: Sequence[str] = ()
    remarks: Iterable[str] = ()
    notation: tuple[str, ...] = ()
    pattern: str = ""
    kind: str = "gate"
    example_inputs: Callable[[Any], Iterable[tuple[Any, ...]]] | None = None

    forward: Callable[..., Any]
    backward: Callable[..., list[Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "kind" not in vars(cls):
            cls.kind = snake_case(cls.__name__)
        for name, validated in (("forward", validated_forward), ("backward", validated_backward)):
            method = getattr(cls, name, None)
            if method is not None and formula(method) is None:
                method = validated(only_wanted(method) if cls.elementwise and name == "backward" else method)
                method.__doc__ = method.__doc__ or _help(cls, name)
                setattr(cls, name, method)
        if hasattr(cls, "forward") and hasattr(cls, "backward"):
            least, _ = cls.takes = input_counts(cls.forward, 1)
            cls.wanted = (True,) * least

    def keep(self, *values: Value) -> tuple[Value, ...]:
        """Store values for backward in `self.kept` and return them, to do both in one expression."""
        self.kept = values
        return values

    def check(self, *inputs: Value) -> None:
        """Raise ValueError if forward cannot take the values of these inputs, such as labels out of range.

        The gate's name is put in front of the message. The check is separate from the formula, which may look only at
        shapes, so that the formula can be traced. The base class accepts everything.
        """

    def count_pass(self) -> None:
        """Move on to the next pass; `train` calls this after each step. The base class does nothing."""

    def __repr__(self) -> str:
        defaults = {name: parameter.default for name, parameter in parameters_of(self).items()}
        settings = {name: repr(x) for name, x in settings_of(self).items() if name not in self.training_state}
        changed = [f"{name}={text}" for name, text in settings.items() if text != repr(defaults[name])]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in OF_A_PASS}


def _help(gate_class: type[Gate], method: str) -> str:
    """Return the text that `help()` shows for forward or backward: the formula, then the class's docstring."""
    formula, *gradients = (gate_class.notation if isinstance(gate_class.notation, tuple) else ()) or ("",)
    about = inspect.cleandoc(gate_class.__doc__ or "").partition("Examples\n--------")[0]
    if method == "forward":
        first = "Compute the output" + (f", {formula}." if formula and formula not in about else ".")
    else:
        is_whole = any(f"d{name}" in text for name in formula.partition(" = ")[0].split(", ") for text in gradients)
        kind = "Gradients" if is_whole else "Local gradients"
        first = "Return a list with the gradient of each input." + f" {kind}: {'; '.join(gradients)}." * bool(gradients)
    return f"{first}\n\n{about}".rstrip()


#: The attributes that a pass leaves in a gate.
OF_A_PASS = {"kept", "output", "by_hand", "wanted"}


def kind_of(gate: Any) -> str:
    """Return a gate's kind, even if its class does not derive from Gate."""
    return gate.kind if isinstance(gate, Gate) else snake_case(type(gate).__name__)


def labels_of(gate: Any) -> tuple[int, ...]:
    """Return the ports where a gate reads labels, even if its class does not derive from Gate."""
    ports = getattr(gate, "labels", ())
    return ports if type(ports) is tuple and all(type(port) is int for port in ports) else ()


def settings_of(gate: Any) -> dict[str, Any]:
    """Return the arguments that a gate was constructed with, read from its attributes."""
    return {name: getattr(gate, name) for name in parameters_of(gate) if hasattr(gate, name)}


def learns(gate: Any) -> bool:
    """Return whether training changes settings of a gate as it is now."""
    return isinstance(gate, Gate) and bool(gate.training_state) and bool(getattr(gate, "training", True))


def fresh(gate: Any) -> Any:
    """Return a copy of a gate as it was before any pass; a pass through one does not affect the other."""
    if not isinstance(gate, Gate):
        return copy.deepcopy(gate)
    state = gate.__getstate__()
    if not all(isinstance(value, (int, float, str, tuple, type(None))) for value in state.values()):
        return copy.copy(gate) if hasattr(gate, "__copy__") else copy.deepcopy(gate)
    gate_class: Any = type(gate)
    if not _is_copied_by_its_state(gate_class):
        return copy.copy(gate)
    other = object.__new__(gate_class)
    other.__dict__.update(state)
    return other


@functools.cache
def _is_copied_by_its_state(gate_class: type) -> bool:
    """Return whether `copy.copy` makes a gate of this class by giving a new one the state of the other."""
    names = ("__new__", "__reduce__", "__reduce_ex__")
    is_plain = all(getattr(gate_class, name) is getattr(object, name) for name in names)
    return is_plain and not hasattr(gate_class, "__copy__") and not hasattr(gate_class, "__setstate__")


def input_counts(forward: Callable[..., Any], gates: int = 0) -> tuple[int, float]:
    """Return the smallest and the largest number of inputs that a method takes, after `gates` other arguments."""
    parameters = list(inspect.signature(forward).parameters.values())
    if parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        del parameters[:gates]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in positional)
    return least, math.inf if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(positional)


def parameter_names(method: Any, count: int) -> list[str]:
    """Return the names of a method's first `count` positional parameters; those of `*dz` are dz[0], dz[1], ..."""
    names, rest = _positional(getattr(method, "__func__", method))
    names = names[inspect.ismethod(method) :]  # without the gate
    return names[:count] + [f"{rest}[{place}]" for place in range(count - len(names))]


@functools.cache
def _positional(function: Callable[..., Any]) -> tuple[list[str], str]:
    """Return the names of a function's positional parameters, and the name after the star, as in `*inputs`."""
    parameters = inspect.signature(function).parameters
    names = [name for name, p in parameters.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names, next((name for name, p in parameters.items() if p.kind is p.VAR_POSITIONAL), "inputs")


def snake_case(name: str) -> str:
    """Return a class name in snake_case: SoftmaxLoss becomes softmax_loss."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def parameters_of(gate: Any) -> dict[str, inspect.Parameter]:
    """Return the constructor parameters of a gate's class, by name."""
    return _constructor_parameters(gate.__class__)


@functools.cache
def _constructor_parameters(gate_class: Any) -> dict[str, inspect.Parameter]:
    """Return the constructor parameters of a class, by name."""
    if gate_class.__init__ is object.__init__:
        return {}
    return dict(list(inspect.signature(gate_class.__init__).parameters.items())[1:])
