"""How a picture is drawn: its options, and what they may be."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal, NamedTuple, get_args

from gates.formatting import listed
from graph.drawing import MAX_GATES

Direction = Literal["right", "down"]
Names = Literal["given", "all"]
_DIGITS = 17  # with so many, every float is exact


class Look(NamedTuple):
    """How a diagram is drawn; see `ComputationalGraph.to_svg`."""

    digits: int | None = 2
    local: bool = False
    names: Names = "given"
    width: float | None = None
    direction: Direction = "right"
    legend: bool = False
    depth: int | None = None
    most: int = MAX_GATES
    room: float = 0.0  # the least width in px to keep free for the numbers on each wire

    def checked(self) -> Look:
        """Return the look, or raise ValueError or TypeError if it has something that cannot be."""
        if self.digits is not None and not (is_whole(self.digits) and 0 <= self.digits <= _DIGITS):
            raise ValueError(f"digits must be a whole number from 0 to {_DIGITS}, got {self.digits!r}")
        if self.width is not None and not is_positive(self.width):
            raise ValueError(f"width must be a number of px above 0, got {self.width!r}")
        if self.depth is not None and not (is_whole(self.depth) and self.depth >= 0):
            raise ValueError(f"depth must be a whole number from 0 on, got {self.depth!r}")
        if not (is_whole(self.most) and self.most >= 0):
            raise ValueError(f"max_gates must be a whole number from 0 on, got {self.most!r}")
        one_of("names", self.names, get_args(Names))
        one_of("direction", self.direction, get_args(Direction))
        return self


PLAIN = Look()


def is_whole(given: object) -> bool:
    """Return whether an option is a whole number, of Python or of NumPy; True and False are none."""
    return isinstance(given, Integral) and not isinstance(given, bool)


def is_positive(given: object) -> bool:
    """Return whether an option is a number above 0, of Python or of NumPy; True is none."""
    return isinstance(given, Real) and not isinstance(given, bool) and float(given) > 0


def one_of(name: str, given: object, choices: Sequence[str]) -> None:
    """Raise ValueError unless an option is one of some texts."""
    if given not in choices:
        raise ValueError(f"{name} must be {listed([repr(choice) for choice in choices], 'or ')}, got {given!r}")
