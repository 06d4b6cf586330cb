"""Full Jacobians of small gates and graphs, and the refusal of large ones."""

from typing import Any

import array_api_strict as xp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import Add, Copy, Jacobian, MatMul, Max, ReLU, Sigmoid, Sqrt, Sum, jacobian
from graph import ComputationalGraph
from losses import SoftmaxLoss


def test_an_elementwise_gate_has_a_diagonal_one() -> None:
    (J,) = jacobian(ReLU(), [-1.0, 2.0, 3.0])
    assert isinstance(J, Jacobian)
    assert J.is_diagonal
    assert J.matrix.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert repr(J) == "Jacobian(3 x 3, diagonal)\n[[0. 0. 0.]\n [0. 1. 0.]\n [0. 0. 1.]]"
    with np.errstate(divide="ignore"):
        (J,) = jacobian(Sqrt(), [0.0, 4.0])  # an infinite slope stays on the diagonal
    assert J.matrix.tolist() == [[np.inf, 0], [0, 0.25]]


def test_two_inputs_have_one_each() -> None:
    of_x, of_y = jacobian(Max(), [[1.0, 5.0], [7.0, 0.0]], [[2.0, 3.0], [7.0, 1.0]])
    assert np.diag(of_x.matrix).tolist() == [0, 1, 1, 0]
    assert np.diag(of_y.matrix).tolist() == [1, 0, 0, 1]
    assert of_x.is_diagonal


def test_a_broadcast_input_has_a_column() -> None:
    of_x, of_y = jacobian(Add(), [1.0, 2.0, 3.0], 10.0)
    assert of_x.matrix.tolist() == np.eye(3).tolist()
    assert of_y.matrix.tolist() == [[1], [1], [1]]
    assert not of_y.is_diagonal


def test_the_product_of_a_matrix_and_a_vector() -> None:
    W, x = np.array([[0.1, 0.5], [-0.3, 0.8]]), np.array([0.2, 0.4])
    of_W, of_x = jacobian(MatMul(), W, x)
    assert_allclose(of_x, W)
    named = jacobian(MatMul(), y=x, x=W)
    assert np.array_equal(named[0].matrix, of_W.matrix)
    assert np.array_equal(named[1].matrix, of_x.matrix)
    assert_allclose(of_W, [[0.2, 0.4, 0, 0], [0, 0, 0.2, 0.4]])


def test_numbers_sums_and_several_outputs() -> None:
    assert jacobian(Sigmoid(), 0.0)[0].matrix.tolist() == [[0.25]]
    assert jacobian(Sum(), [1.0, 2.0])[0].matrix.tolist() == [[1, 1]]
    assert jacobian(Copy(2), [1.0, 2.0])[0].matrix.tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_labels_have_none() -> None:
    of_scores, of_labels = jacobian(SoftmaxLoss(), [[0.0, 0.0]], [0])
    assert of_scores.matrix.tolist() == [[-0.5, 0.5]]
    assert of_labels is None


def test_a_graph_has_those_of_its_inputs_and_parameters() -> None:
    graph = ComputationalGraph()
    x = graph.input("x")
    graph.output = graph.parameter("W", [[1.0, 2.0], [3.0, 4.0]]) @ x**2
    found = jacobian(graph, x=[1.0, 10.0])
    assert list(found) == ["x", "W"]
    assert_allclose(found["x"], [[2, 40], [6, 80]])
    assert_allclose(found["W"], [[1, 100, 0, 0], [0, 0, 1, 100]])
    assert jacobian(graph, {"x": [1.0, 10.0]})["x"].matrix.tolist() == found["x"].matrix.tolist()
    assert x.value is None


def test_a_graph_of_elementwise_gates_is_seen_to_be_diagonal() -> None:
    graph = ComputationalGraph.from_expression("sigmoid(x) * x + 1")
    assert jacobian(graph, x=[1.0, -2.0, 0.5])["x"].is_diagonal


def test_a_gate_of_a_class_of_ones_own() -> None:
    class Swap:
        outputs = 2

        def forward(self, x: Any, y: Any) -> Any:
            return [y, x]

        def backward(self, dy: Any, dx: Any) -> Any:
            return [dx, dy]

    of_x, of_y = jacobian(Swap(), [1, 2], [3, 4])
    assert of_x.matrix.tolist() == [[0, 0], [0, 0], [1, 0], [0, 1]]
    assert of_y.matrix.tolist() == [[1, 0], [0, 1], [0, 0], [0, 0]]


def test_another_librarys_arrays() -> None:
    of_x, of_y = jacobian(MatMul(), xp.asarray([[1.0, 2.0]]), xp.asarray([[3.0], [4.0]]))
    assert of_x.matrix.tolist() == [[3, 4]]
    assert of_y.matrix.tolist() == [[1, 2]]


def test_what_is_no_gate() -> None:
    for given in (Sigmoid, np.tanh, 3):
        with pytest.raises(TypeError, match=r"jacobian\(\): a gate must "):
            jacobian(given, [1.0])


def test_the_gate_is_left_alone() -> None:
    gate = Sigmoid()
    gate.forward([0.0, 1.0])
    jacobian(gate, [5.0, 6.0])
    assert gate.backward(1.0)[0][0] == 0.25


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((4096,), r"4,096 x 4,096 = 16,777,216 entries \(134 MB\)"),
        ((100, 4096), r"409,600 x 409,600 = 167,772,160,000 entries \(1.34 TB\)"),
    ],
)
def test_one_as_large_as_the_lectures_is_refused(shape: Any, said: str) -> None:
    with pytest.raises(ValueError, match=rf"Sigmoid: a Jacobian of {said} is more than limit=1,000,000; it is dia"):
        jacobian(Sigmoid(), np.zeros(shape))
    with pytest.raises(ValueError, match=r"a Jacobian of 3 x 3 = 9 entries \(72 bytes\) is more than limit=8$"):
        jacobian(ComputationalGraph.from_expression("relu(x)"), x=[1, 2, 3], limit=8)
    assert jacobian(Sigmoid(), np.zeros(3), limit=9)[0].matrix.shape == (3, 3)
