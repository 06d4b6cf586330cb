"""The parameters that a layer keeps itself, such as `self.W`, with the gradients that backward leaves beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gates.values import Value

_GRADIENTS = ("grads", "gradients", "grad")  # names of a dictionary or list of them


class Place(NamedTuple):
    """An attribute of an object, or what is in an attribute that is a dictionary or a list."""

    attribute: str
    key: Any = None

    def get(self, layer: Any) -> Any:
        """Return what is there, None if nothing is."""
        there = vars(layer).get(self.attribute)
        if self.key is None:
            return there
        has_it = self.key in there if isinstance(there, dict) else isinstance(there, list) and self.key < len(there)
        return there[self.key] if has_it else None

    def put(self, layer: Any, value: Any) -> None:
        """Put something there; into the array that is there, if it is one, since there may be other names for it."""
        there = self.get(layer)
        if isinstance(there, np.ndarray) and there.dtype == np.float64 and there.shape == np.shape(value):
            there[...] = value
        elif self.key is None:
            setattr(layer, self.attribute, value)
        else:
            vars(layer)[self.attribute][self.key] = value

    def __str__(self) -> str:
        return f"self.{self.attribute}" + ("" if self.key is None else f"[{self.key!r}]")


class OwnParameter(NamedTuple):
    """Where a parameter is kept, and where its gradient is after backward."""

    value: Place
    gradient: Place


def candidates(layer: Any) -> dict[Place, Value]:
    """Return what may be a parameter: numbers and arrays in attributes, and in dictionaries and lists among these."""
    found: dict[Place, Value] = {}
    for name, value in getattr(layer, "__dict__", {}).items():
        if isinstance(value, dict):
            places = [Place(name, key) for key in value]
        elif isinstance(value, list):
            places = [Place(name, key) for key in range(len(value))]
        else:
            places = [Place(name)]
        for place in places:
            there = place.get(layer)
            if type(there) is float or (isinstance(there, np.ndarray) and there.dtype.kind == "f"):
                found[place] = np.array(there) if isinstance(there, np.ndarray) else there
    return found


def found_in(
    layer: Any, before: dict[Place, Value], between: dict[Place, Value]
) -> tuple[list[OwnParameter], list[Place]]:
    """Return the parameters of a layer after its backward, and the arrays that have no gradient beside them.

    Parameters
    ----------
    layer : object
        The layer, after a forward and a backward pass.
    before, between : dict of Place to float or numpy.ndarray
        Its candidates before forward, and between forward and backward.
    """
    after = candidates(layer)
    found, others = [], []
    for place, value in before.items():
        is_kept = all(_is(value, then.get(place)) for then in (between, after))
        gradients = [there for there in _gradients_of(place) if there in after] if is_kept else []
        written = [there for there in gradients if not _is(after[there], between.get(there))]
        if written:
            found.append(OwnParameter(place, written[0]))
        elif is_kept and isinstance(value, np.ndarray) and value.ndim:
            others.append(place)
    gradients = [parameter.gradient for parameter in found]
    return found, [place for place in others if place not in gradients]


def _gradients_of(place: Place) -> Iterator[Place]:
    """Yield where the gradient of a parameter may be: in dW, W_grad, grad_W, grads["W"], grads["dW"] or grads[0]."""
    name = place.attribute if place.key is None else place.key
    yield from (Place(together, name) for together in _GRADIENTS)
    if isinstance(name, str):
        yield from map(Place, (f"d{name}", f"{name}_grad", f"grad_{name}"))
        yield from (Place(together, f"d{name}") for together in _GRADIENTS)


def _is(value: Value, other: Value | None) -> bool:
    return other is not None and np.array_equal(value, other, equal_nan=True)
