"""The base class of gates, and what can be read from a gate: its kind, its settings, its number of inputs."""

import copy
import functools
import inspect
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from gates.validation import formula, validated_backward, validated_forward
from gates.values import Value


class Gate:
    """An operation with a forward formula and its gradient. Derive from it to write a gate of your own.

    `forward(*inputs)` computes the output and keeps in `self.kept` what backward needs. `backward(*upstream)`
    takes the gradient of the loss with respect to each output and returns a list with the gradient with
    respect to each input: local gradient x upstream gradient. Write both for floats and arrays at once, with
    operators and with functions of `namespace(x)`; never write into what came in. Whoever calls them by hand may
    give lists and integers, and one number as the upstream gradient of a whole array.

    A constructor's parameters are kept in attributes of the same names: `repr` and a saved graph show them.
    A copy of a gate has its settings, and nothing of its passes.

    Attributes
    ----------
    kept : object
        What the formula of forward kept for that of backward.
    output : float, array or list
        What forward returned last.
    outputs : int
        How many outputs forward returns: one value for 1, otherwise a list.
    elementwise : bool
        Whether each element of the output depends on that element of the inputs alone.
    takes : tuple of (int, float)
        The least and the largest number of inputs that forward takes. None in a class without both methods.
    wanted : tuple of bool
        For each input, whether anybody asked for its gradient; `backward` may return None for the others.
    labels : tuple of int
        The input ports that take integers as they are, such as labels. In a graph they are read straight from an
        input, which has no gradient then, or from a constant.
    has_parameters : bool
        Whether the gate has parameters of its own, so that backward runs even where no input's gradient is wanted.
    example_inputs : callable, optional
        `example_inputs(random)` yields tuples of inputs, drawn from a `numpy.random.Generator`, at which `check_gate`
        checks a gate that takes only certain ones.
    notation : tuple of str
        How to write the gate, for those who watch it run: its formula, and the local gradient of each input, such as
        `("z = x * y", "y", "x")`, in the names of forward's parameters and of the settings. A gradient that is no
        product of a local and the upstream gradient is written in full, with `dz`: `"dz @ y.T"`.
    pattern : str
        What backward does, in a word, where the lecture has one: "gradient distributor".
    kind : str
        The gate's name in expressions and in automatic node names; the class's name in snake_case by default.

    Examples
    --------
    >>> class Cube(Gate):
    ...     def forward(self, x):
    ...         (x,) = self.keep(x)
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
                method = validated(method)
                method.__doc__ = method.__doc__ or _help(cls, name)
                setattr(cls, name, method)
        if hasattr(cls, "forward") and hasattr(cls, "backward"):
            least, _ = cls.takes = input_counts(functools.partial(cls.forward, None))
            cls.wanted = (True,) * least

    def keep(self, *values: Value) -> tuple[Value, ...]:
        """Keep the values for backward, and hand them back."""
        self.kept = values
        return values

    def check(self, *inputs: Value) -> None:
        """Raise ValueError if the formula of forward cannot take the values of these inputs, such as labels.

        The message gains the gate's name. It stands apart from the formula, which may look at shapes alone, so that
        the formula can be traced. The base class takes all.
        """

    def __repr__(self) -> str:
        defaults = {name: parameter.default for name, parameter in parameters_of(self).items()}
        settings = {name: repr(value) for name, value in settings_of(self).items()}
        changed = [f"{name}={text}" for name, text in settings.items() if text != repr(defaults[name])]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _OF_A_PASS}


def _help(gate_class: type[Gate], method: str) -> str:
    """Return what `help()` says of one of the two methods: its formula, and the class's docstring without examples."""
    notation = gate_class.notation if isinstance(gate_class.notation, tuple) else ()
    if method == "forward":
        first = f"Compute {notation[0]}." if notation else "Compute the output."
    else:
        gradients = f" Local gradients: {'; '.join(notation[1:])}." if notation[1:] else ""
        first = f"Return a list with the gradient of each input.{gradients}"
    about = inspect.cleandoc(gate_class.__doc__ or "").partition("Examples\n--------")[0]
    return f"{first}\n\n{about}".rstrip()


_OF_A_PASS = ("kept", "output", "by_hand", "wanted")


def kind_of(gate: Any) -> str:
    """Return a gate's kind, also that of a gate that does not derive from Gate."""
    return gate.kind if isinstance(gate, Gate) else snake_case(type(gate).__name__)


def labels_of(gate: Any) -> tuple[int, ...]:
    """Return the ports where a gate reads labels, also for a gate that does not derive from Gate."""
    ports = getattr(gate, "labels", ())
    if type(ports) is not tuple or not ports:
        return ()
    return ports if all(type(port) is int for port in ports) else ()


def settings_of(gate: Any) -> dict[str, Any]:
    """Return what a gate was constructed with: its constructor's parameters, read from its attributes."""
    return {name: getattr(gate, name) for name in parameters_of(gate) if hasattr(gate, name)}


def fresh(gate: Any) -> Any:
    """Return a copy of a gate, before any pass, that shares nothing with it which a pass could change."""
    if not isinstance(gate, Gate):
        return copy.deepcopy(gate)
    numbers = all(isinstance(value, (int, float, str, tuple, type(None))) for value in gate.__getstate__().values())
    return copy.copy(gate) if numbers or hasattr(gate, "__copy__") else copy.deepcopy(gate)


def input_counts(forward: Callable[..., Any]) -> tuple[int, float]:
    """Return the least and the largest number of inputs that a bound forward method takes."""
    parameters = inspect.signature(forward).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in positional)
    return least, math.inf if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(positional)


def parameter_names(method: Any, count: int) -> list[str]:
    """Return the names of a method's first positional parameters; those of `*dz` are dz[0], dz[1], ..."""
    function = getattr(method, "__func__", None)  # a bound method's, whose first parameter is the gate
    names, rest = _positional(function) if function is not None else _positional(method)
    names = names[1:] if function is not None else names
    return names[:count] + [f"{rest}[{place}]" for place in range(count - len(names))]


@functools.cache
def _positional(function: Callable[..., Any]) -> tuple[list[str], str]:
    """Return the names of a function's positional parameters, and that of the rest, as in `*inputs`."""
    parameters = inspect.signature(function).parameters
    names = [name for name, p in parameters.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names, next((name for name, p in parameters.items() if p.kind is p.VAR_POSITIONAL), "inputs")


def snake_case(name: str) -> str:
    """Return a class's name in snake_case: SoftmaxLoss is softmax_loss."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def parameters_of(gate: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters of the constructor of a gate's class, by name."""
    return _constructor_parameters(gate.__class__)


@functools.cache
def _constructor_parameters(gate_class: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters of a class's constructor, by name."""
    if gate_class.__init__ is object.__init__:
        return {}
    return dict(list(inspect.signature(gate_class.__init__).parameters.items())[1:])
