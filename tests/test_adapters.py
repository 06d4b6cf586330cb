"""Gradients that were written for other libraries, given to the checker as their users wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tests.adapters import autograd_primitives, jax_functions, mygrad_operations, pairs, torch_functions
from tests.adapters.case import Case

#: The modules of cases for check_gate, each with the types of numbers that they are tried in.
MODULES = (torch_functions, jax_functions, pairs, autograd_primitives, mygrad_operations)
ALL = [(module, dtype) for module in MODULES for dtype in module.FLOATS]


def parameters(which: str) -> list[Any]:
    """Return all right or wrong cases, each with a type of numbers, as parameters of a test."""
    return [
        pytest.param(case, dtype, id=f"{module.__name__.rpartition('.')[2]}-{case.name}-{np.dtype(dtype)}")
        for module, dtype in ALL
        for case in getattr(module, which)
    ]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Keep PyTorch's threads from waiting for each other: all tensors are small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("case", "dtype"), parameters("RIGHT"))
def test_what_is_right_passes(case: Case, dtype: Any) -> None:
    report = case.check(0, dtype)
    assert report.passed, report


@pytest.mark.parametrize(("case", "dtype"), parameters("WRONG"))
def test_what_is_wrong_is_caught(case: Case, dtype: Any) -> None:
    report = case.check(1, dtype)
    assert not report.passed
    assert report.verdict == "fail"
    assert case.is_named(report) or "named" in case.name, report.diagnosis
