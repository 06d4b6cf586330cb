"""How arrays are placed on the devices of a `jax.sharding.Mesh`. JAX is imported only where it is used."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from gates.values import Value


def imported_jax(who: str) -> Any:
    """Return the module `jax`, or raise ImportError that says who needs it."""
    try:
        import jax
    except ImportError:
        raise ImportError(f"{who} needs JAX: pip install jax") from None
    return jax


class ExplicitMeshError(Exception):
    """Raised where traced values lie on a mesh with explicit axes, where each operation must name a sharding."""


class Devices:
    """Places arrays on the devices of a mesh: parameters whole on each, examples split over the mesh's first axis.

    Parameters
    ----------
    mesh : jax.sharding.Mesh, optional
        The mesh. Without one parameters go to JAX's default device, and examples stay where they are.

    Raises
    ------
    TypeError
        If it is no mesh.
    """

    def __init__(self, mesh: Any = None) -> None:
        self._jax = jax = imported_jax("a mesh")
        self.mesh = mesh
        self.are_explicit = False  # whether arrays may lie on a mesh with explicit axes
        self._named = jax.sharding.NamedSharding
        if mesh is None:
            return
        if not isinstance(mesh, jax.sharding.Mesh):
            raise TypeError(f"mesh must be a jax.sharding.Mesh, got {type(mesh).__name__}")
        self._devices = set(mesh.devices.flat)
        self._across = mesh.devices.shape[0]
        spec = jax.sharding.PartitionSpec
        self._whole = _auto(self._named(mesh, spec()))
        self._split = _auto(self._named(mesh, spec(mesh.axis_names[0])))

    def placed(self, values: list[Value], are_examples: list[bool]) -> list[Value]:
        """Return the arguments of a compiled function, examples split."""
        if self.are_explicit:
            values = [self._as_auto(value) for value in values]
        if self.mesh is None:
            return values
        return [self.split(value) if is_example else value for value, is_example in zip(values, are_examples)]

    def check_traced(self, values: list[Value]) -> None:
        """Raise ExplicitMeshError if traced values lie on a mesh with explicit axes."""
        for value in values:
            if _is_explicit(self._jax.typeof(value).sharding.mesh):
                raise ExplicitMeshError(
                    "arrays lie on a mesh with explicit axes: gates need jax.sharding.AxisType.Auto"
                )

    def split(self, value: Value) -> Value:
        """Return an array with its rows split over the devices, or whole on each where they cannot be shared evenly.

        An array that lies on these devices already stays as it is, and so does a number.
        """
        if self.mesh is None or type(value) is float or self._is_placed(value):
            return value
        array = np.asarray(value)
        even = array.ndim and array.shape[0] % self._across == 0
        return self.put(array, self._split if even else self._whole)

    def whole(self, value: Value) -> Value:
        """Return a value as an array that lies whole on each device; one on these devices already stays as it is."""
        if self.mesh is None:
            return self._jax.numpy.asarray(value)
        return self._as_auto(value) if self._is_placed(value) else self.put(np.asarray(value), self._whole)

    def described(self, value: Value) -> Any:
        """Return the shape and dtype of an array, without data; a number stays as it is."""
        is_array = isinstance(value, self._jax.Array)
        return self._jax.ShapeDtypeStruct(value.shape, value.dtype) if is_array else value

    def kept(self, value: Value) -> Any:
        """Return the sharding that a parameter is to keep; None leaves it to JAX."""
        return value.sharding if type(value.sharding) is self._named else None

    def put(self, array: Any, sharding: Any) -> Value:
        """Return a NumPy array with a sharding; each host makes the parts for its devices."""
        return self._jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    def _is_placed(self, value: Value) -> bool:
        """Return whether an array lies on the devices of the mesh."""
        return isinstance(value, self._jax.Array) and value.sharding.device_set == self._devices

    def _as_auto(self, value: Value) -> Value:
        """Return an array with the same sharding, of a mesh that leaves the sharding of results to JAX."""
        sharding = getattr(value, "sharding", None)
        return self._jax.device_put(value, _auto(sharding)) if type(sharding) is self._named else value


@functools.cache
def _auto(sharding: Any) -> Any:
    """Return the same sharding, of a mesh that leaves the sharding of results to JAX."""
    mesh = sharding.mesh
    if not _is_explicit(mesh):
        return sharding
    return type(sharding)(type(mesh)(mesh.devices, mesh.axis_names), sharding.spec)


def _is_explicit(mesh: Any) -> bool:
    """Return whether a mesh has explicit axes: each operation must name a sharding, which gates do not."""
    return any(kind.name == "Explicit" for kind in mesh.axis_types)
