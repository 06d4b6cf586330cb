"""An objective of a boosting library as two gates: its loss with its gradient, and its gradient with its Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gates.checking.adapters.adapter import Adapter, Parameters

#: From predictions to a gradient and a Hessian.
Call = Callable[[Any], Any]


class Objective(Adapter):
    """An objective as a function of the predictions."""

    def __init__(self, title: str, call: Call, margins: Any) -> None:
        super().__init__(call, title, Parameters([self.what], (1, 1)), [margins], 1)

    what = "y_pred"

    def ask(self, margins: Any) -> list[Any]:
        """Return the gradient and the Hessian's diagonal at some predictions."""
        answer = self.function(margins.copy())
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise TypeError(f"{self.title} must return (gradient, hessian), got a {type(answer).__name__}")
        found = []
        for name, one in zip(("gradient", "hessian"), answer):
            if np.size(one) != margins.size:
                self.fault(f"the {name} has the shape {np.shape(one)} where {margins.shape}, that of y_pred, belongs")
                one = np.zeros(margins.shape)
            found.append(np.array(one, dtype=float).reshape(margins.shape))
        return found


class Gradient(Objective):
    """Forward is the loss, backward the objective's gradient."""

    def __init__(self, title: str, call: Call, margins: Any, loss: Callable[[Any], Any]) -> None:
        super().__init__(title, call, margins)
        self.loss = loss

    def forward(self, y_pred: Any) -> Any:
        self.faults, self.kept = [], y_pred
        return self.loss(y_pred)

    def backward(self, dz: Any) -> list[Any]:
        return [dz * self.ask(self.kept)[0]]


class Hessian(Objective):
    """Forward is the objective's gradient, backward its Hessian's diagonal.

    Each prediction moves its own gradient alone: where others move it too, such as those of other classes, these stay.
    """

    what = "hess"

    def __init__(self, title: str, call: Call, margins: Any) -> None:
        super().__init__(title, call, margins)
        half = len(margins) // 2
        moved = margins.copy()
        moved[:half] += 0.5
        self.is_coupled = not np.array_equal(self.ask(moved)[0][half:], self.ask(margins)[0][half:], equal_nan=True)
        self.parts: list[Any] = [np.s_[:, k] for k in range(margins.shape[1])] if margins.ndim > 1 else [...]
        if self.is_coupled:
            self.parts = list(np.ndindex(margins.shape))

    def alone(self, margins: Any, which: int) -> Any:
        """Return the gradient, 0, or the Hessian, 1, of predictions that move alone, or with those of other samples."""
        (base,) = self.arguments or ()
        result = self.ask(base)[which]
        for part in self.parts:
            if not np.array_equal(margins[part], base[part]):
                moved = base.copy()
                moved[part] = margins[part]
                result[part] = self.ask(moved)[which][part]
        return result

    def forward(self, y_pred: Any) -> Any:
        self.faults, self.kept = [], y_pred
        return self.alone(y_pred, 0)

    def backward(self, dz: Any) -> list[Any]:
        return [dz * self.alone(self.kept, 1)]
