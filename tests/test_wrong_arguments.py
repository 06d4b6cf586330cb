"""Whatever is wrong with its arguments, every gate and loss says who, what was wanted and what came."""

import itertools
import re
from typing import Any

import numpy as np
import pytest

from gates import Gate
from graph import ComputationalGraph
from tests.cases import ROWS, Case

SHAPES = [(), (0,), (2,), (3,), (2, 3), (3, 2), (2, 1, 3)]
NO_NUMBERS = ["2", None, 1j, [1.0, "2"], [[1.0], [2.0, 3.0]], {"x": 1.0}, object(), [None]]


def counts(case: Case) -> list[int]:
    """Return numbers of inputs that a gate takes, at most two of them."""
    least, most = case.make().takes or (0, 0)
    return sorted({int(least), int(min(most, least + 1))} - {0})


def in_graph(gate: Gate, inputs: list[Any]) -> Any:
    """Run a gate alone in a graph, under the name "here"."""
    graph = ComputationalGraph()
    graph.add(
        gate, *[graph.input(f"input_{port}", grad=port not in gate.labels) for port in range(len(inputs))], name="here"
    )
    return graph.forward({f"input_{port}": given for port, given in enumerate(inputs)})


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
@pytest.mark.parametrize("case", ROWS)
def test_shapes_that_do_not_fit(case: Case) -> None:
    kind = type(case.make()).__name__
    for count in counts(case):
        free = min(count, 3)
        for shapes in itertools.product(SHAPES, repeat=free):
            inputs = [np.ones(shape) for shape in shapes] + [np.ones(3)] * (count - free)
            try:
                case.make().forward(*inputs)
            except Exception as error:
                said = "\n".join([str(error), *getattr(error, "__notes__", [])])
                assert isinstance(error, (TypeError, ValueError)), said
                assert re.search(rf"^(in )?{kind}\b", said, re.MULTILINE), said
                assert not re.search("operands|mismatch|aligned|out of bounds", said), said
                assert ", got " in said or any(str(shape) in said for shape in shapes), said
                with pytest.raises(type(error)) as caught:
                    in_graph(case.make(), inputs)
                assert f"here ({kind})" in str(caught.value) or f"in gate 'here' ({kind})" in caught.value.__notes__


@pytest.mark.parametrize("case", ROWS)
def test_inputs_that_are_no_numbers(case: Case) -> None:
    kind = type(case.make()).__name__
    for shapes in case.shapes[:1]:
        for port, wrong in itertools.product(range(len(shapes)), NO_NUMBERS):
            inputs = case.inputs(shapes)
            inputs[port] = wrong
            gate = case.make()
            with pytest.raises((TypeError, ValueError), match=rf"^{kind}\b.*, got ") as caught:
                gate.forward(*inputs)
            assert "output" not in vars(gate)
            with pytest.raises(type(caught.value), match=rf"^(input 'input_{port}'|here \({kind}\)): .*, got "):
                in_graph(case.make(), inputs)


@pytest.mark.parametrize("case", ROWS)
def test_wrong_upstream_gradients(case: Case) -> None:
    kind = type(case.make()).__name__
    for shapes in case.shapes:
        gate = case.make()
        output = gate.forward(*case.inputs(shapes))
        outputs = output if isinstance(output, list) else [output]
        wrong = np.ones((*np.shape(outputs[0]), 2))
        rest = [1.0] * (len(outputs) - 1)
        with pytest.raises(
            ValueError, match=rf"^{kind}\.backward\(\): the upstream gradient must have the shape .*, got "
        ):
            gate.backward(wrong, *rest)
        for given in NO_NUMBERS:
            with pytest.raises(
                (TypeError, ValueError), match=rf"^{kind}\.backward\(\): the upstream gradient: .*, got "
            ):
                gate.backward(given, *rest)
        with pytest.raises(TypeError, match=rf"^{kind}\.backward\(\) takes {len(outputs)} upstream gradient.*, got 0"):
            gate.backward()
        assert len(gate.backward(1.0, *rest)) == len(shapes)
