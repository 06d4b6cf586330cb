"""The losses: exact for scores of any size, and labels that are complained of by place."""

import math
from typing import Any

import array_api_strict as xp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import Gate, jacobian
from graph import ComputationalGraph
from losses import BinaryCrossEntropyLoss, L2Regularization, SoftmaxLoss, SquaredErrorLoss, SVMLoss
from tests.cases import mp

CONFIDENT = [
    [[0.0, 37.0, 1.0]],
    [[0.0, 40.0, -3.0]],
    [[-700.0, 0.0, -690.0]],
    [[1e4, 1e4 + 50, -1e4]],
    [[-1e4, -1e4 + 30, -1e4 - 30]],
    [[1e300, 1e300, -1e300]],
    [[8e307, -8e307, 0.0]],
    [[3.25, 3.25, 3.25]],
    [[0.5, -1.25, 2.0]],
    [[1e-300, 0.0, 1e-20]],
]


def exact_softmax(scores: Any, labels: Any) -> tuple[Any, Any]:
    """Return the loss and its gradient in mpmath, with p - 1 worked out at 1000 digits."""
    with mp.workdps(1000):
        losses, rows = [], []
        for z, y in zip(scores, labels):
            z = [mp.mpf(score) for score in z]
            e = [mp.exp(score - z[y]) for score in z]
            losses.append(mp.log(mp.fsum(e)))
            rows.append([(e[c] / mp.fsum(e) - (c == y)) / len(labels) for c in range(len(z))])
        return mp.fsum(losses) / len(labels), rows


@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("scores", CONFIDENT)
def test_softmax_keeps_its_digits_for_scores_of_any_size(scores: Any, label: int) -> None:
    gate = SoftmaxLoss()
    loss = gate.forward(scores, [label])
    gradient, none = gate.backward(1.0)
    assert none is None
    exact_loss, exact_rows = exact_softmax(scores, [label])
    assert loss == pytest.approx(float(exact_loss), rel=1e-15, abs=0)
    for got, exact in zip(gradient[0], exact_rows[0]):
        if abs(exact) >= 1e-300:
            assert got == pytest.approx(float(exact), rel=1e-13, abs=0)
        else:
            assert abs(got) < 1e-299
    assert abs(math.fsum(gradient[0])) <= 1e-16 * abs(gradient[0][label])


def test_softmax_of_random_batches_is_exact_and_rows_sum_to_0() -> None:
    random = np.random.default_rng(0)
    for examples, classes, size in [(7, 3, 1.0), (5, 10, 30.0), (4, 2, 300.0), (3, 1, 1e4)]:
        scores = random.normal(size=(examples, classes)) * size
        labels = random.integers(0, classes, examples)
        gate = SoftmaxLoss()
        exact_loss, exact_rows = exact_softmax(scores.tolist(), labels.tolist())
        assert gate.forward(scores, labels) == pytest.approx(float(exact_loss), rel=1e-14)
        (gradient, _) = gate.backward(1.0)
        assert_allclose(gradient, [[float(value) for value in row] for row in exact_rows], rtol=1e-12, atol=1e-300)
        assert_allclose(gradient.sum(axis=1), 0, atol=1e-16)


def test_the_true_class_alone_gets_minus_1() -> None:
    """The notes' (a - 1) / N for every class is wrong: p / N for the others."""
    gate = SoftmaxLoss()
    gate.forward(np.log([[1.0, 2.0, 5.0], [4.0, 2.0, 2.0]]), [2, 1])
    assert_allclose(gate.backward(1.0)[0], [[1 / 16, 2 / 16, -3 / 16], [4 / 16, -6 / 16, 2 / 16]], rtol=1e-14)


def test_svm_gives_each_class_with_a_hinge_its_share_and_the_true_one_their_count() -> None:
    gate = SVMLoss()
    # hinges 3, 0, 2 | 0, 0, 0 | 1.5, 1.5, 1.5
    scores = [[3.0, 1.0, -1.0, 2.0], [0.0, 0.0, 9.0, 5.0], [0.5, 0.0, 0.5, 0.5]]
    assert gate.forward(scores, [1, 2, 1]) == pytest.approx((3 + 0 + 2 + 0 + 4.5) / 3)
    assert_allclose(
        gate.backward(3.0)[0], [[1.0, -2.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0], [1.0, -3.0, 1.0, 1.0]], rtol=1e-15
    )


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        ([0, 1, 3, 2, 7], "got 3 at position 2"),
        ([0, 1, 2, -1, 0], "got -1 at position 3"),
        ([0, 1.5, 2, 1, 0], "got 1.5 at position 1"),
        ([0.0, 1.0, 2.0, 1.0, 0.0], "got 0.0 at position 0"),
        (np.array([0.0, 1, 2, 1, 0]), "got 0.0 at position 0"),
        ([False, True, True, False, False], "got False at position 0"),
        (["cat", 1, 2, 1, 0], "got 'cat' at position 0"),
        ([0, 1, None, 1, 0], "got None at position 2"),
        ([0, 1, 10**30, 1, 0], "got 1000000000000000000000000000000 at position 2"),
        ([0, 1, 2], "got 3 of them"),
        ([0, 1, 2, 0, 1, 2], "got 6 of them"),
        ([[0], [1], [2], [0], [1]], r"got shape \(5, 1\)"),
        (2, r"got shape \(\)"),
        ([[0, 1], [2], 0, 1, 2], r"got \[0, 1\] at position 0"),
        (np.array([0, 1, 2, 2, 200], dtype=np.uint8), "got 200 at position 4"),
    ],
)
@pytest.mark.parametrize("loss", [SoftmaxLoss, SVMLoss])
def test_bad_labels_are_named_with_their_place(loss: type[Gate], labels: Any, got: str) -> None:
    scores = np.zeros((5, 3))
    with pytest.raises(ValueError, match=rf"^{loss.__name__}: labels must be 5 integers in \[0, 3\), {got}"):
        loss().forward(scores, labels)
    graph = ComputationalGraph()
    y = graph.input("y", grad=False)
    wire = graph.add(loss(), graph.input("scores"), y)
    message = rf"^{wire.node} \({loss.__name__}\): labels must be 5 integers in \[0, 3\), {got}"
    with pytest.raises(ValueError, match=message):
        graph.forward(scores=scores, y=labels)


@pytest.mark.parametrize("scores", [1.0, [1.0, 2.0], np.zeros((0, 3)), np.zeros((3, 0)), np.zeros((1, 2, 3))])
def test_scores_of_another_shape_are_an_error(scores: Any) -> None:
    with pytest.raises(ValueError, match=r"SVMLoss: scores must have the shape \(examples, classes\), at least one of"):
        SVMLoss().forward(scores, [0])


def test_labels_of_any_integer_type_stay_integers_in_a_graph() -> None:
    graph = ComputationalGraph()
    scores, y = graph.inputs("scores", "y")
    graph.add(SoftmaxLoss(), scores, y)
    given = [[1.0, 2.0, 0.5], [0.0, 0.0, 3.0]]
    wanted = SoftmaxLoss().forward(given, [1, 0])
    for labels in (
        [1, 0],
        (1, 0),
        *(np.array([1, 0], dtype=kind) for kind in (np.int8, np.uint16, np.int64, np.uint64)),
    ):
        assert graph.forward(scores=given, y=labels) == wanted
        assert y.value.dtype.kind in "iu"
        assert list(graph.backward()) == ["scores"]
        assert y.grad is None
    assert graph.forward(scores=xp.asarray(given), y=xp.asarray([1, 0])) == wanted


def test_labels_may_be_a_constant(tmp_path: Any) -> None:
    scores = [[1.0, 2.0, 0.5], [0.0, 0.0, 3.0]]
    given = ([1, 0], np.array([1, 0], dtype=np.uint8), xp.asarray([1, 0]))
    for constant in (*(lambda graph, y=y: y for y in given), *(lambda graph, y=y: graph.constant(y) for y in given)):
        graph = ComputationalGraph()
        graph.add(SoftmaxLoss(), graph.input("scores"), constant(graph))
        wanted = SoftmaxLoss().forward(scores, [1, 0])
        assert graph.forward(scores=scores) == wanted
        graph.save(tmp_path / "graph.json")
        assert ComputationalGraph.load(tmp_path / "graph.json").forward(scores=scores) == wanted


def test_labels_of_two_losses() -> None:
    graph = ComputationalGraph()
    scores, y = graph.inputs("scores", "y")
    loss = graph.add(SoftmaxLoss(), scores, y)
    graph.output = loss + graph.add(SVMLoss(), scores, y)
    assert graph.forward(scores=np.zeros((2, 256)), y=np.array([200, 100], dtype=np.uint8)) == pytest.approx(
        math.log(256) + 255
    )
    assert list(graph.backward()) == ["scores"]
    assert loss.gate.wanted == (True, False)


def test_labels_are_not_numbers_too() -> None:
    graph = ComputationalGraph()
    scores, y = graph.inputs("scores", "y")
    graph.add(SoftmaxLoss(), scores, y)
    with pytest.raises(ValueError, match="^softmax_loss_1 reads y as labels and multiply_1 as numbers: make an input"):
        y * y
    assert len(graph) == 3
    z = graph.input("z")
    z + 1
    with pytest.raises(
        ValueError, match="^svm_loss_1 reads z as labels and shift_1 as numbers: make an input for each"
    ):
        graph.add(SVMLoss(), scores, z)
    with pytest.raises(
        ValueError, match=r"^svm_loss_1 \(SVMLoss\) reads labels straight from an input or a constant, got"
    ):
        graph.add(SVMLoss(), [[0.0, 1.0]], graph["shift_1"])
    assert "constant_1" not in graph


def test_a_gate_of_ones_own_reads_labels() -> None:
    class Count:
        labels = (1,)

        def forward(self, scores: Any, y: Any) -> Any:
            return float(np.sum(np.argmax(scores, axis=1) == y)) if y.dtype.kind == "i" else math.nan

        def backward(self, dz: Any) -> Any:
            return [None, None]

    graph = ComputationalGraph()
    graph.add(Count(), *graph.inputs("scores", "y"))
    assert graph.forward(scores=[[0, 1], [1, 0]], y=[1, 1]) == 1.0
    assert jacobian(Count(), [[0, 1], [1, 0]], [1, 1]) == [None, None]
    label_names = Count()
    label_names.labels = ["cat", "dog"]
    other = ComputationalGraph()
    other.add(label_names, *other.inputs("scores", "y"))
    assert math.isnan(other.forward(scores=[[0, 1]], y=[1]))


def test_scores_whose_difference_overflows_warn_of_nothing() -> None:
    for gate in (SoftmaxLoss(), SVMLoss()):
        assert gate.forward([[1e308, -1e308]], [0]) == 0.0
        assert gate.backward(1.0)[0].tolist() == [[0.0, 0.0]]


def test_scores_of_minus_infinity_leave_a_class_out() -> None:
    gate = SoftmaxLoss()
    assert gate.forward([[0.0, -np.inf, 0.0]], [0]) == pytest.approx(math.log(2))
    assert gate.backward(1.0)[0].tolist() == [[-0.5, 0.0, 0.5]]


def test_one_class_has_no_minus_0() -> None:
    for gate in (SoftmaxLoss(), SVMLoss()):
        gate.forward([[5.0]], [0])
        assert not np.signbit(gate.backward(1.0)[0])


def test_an_error_says_once_where_it_was() -> None:
    graph = ComputationalGraph()
    graph.add(SoftmaxLoss(), graph.input("scores"), graph.input("y"))
    for run in (lambda: graph.forward(scores=[[1.0]], y=[3]), lambda: SoftmaxLoss().forward([[1.0]], [3])):
        with pytest.raises(ValueError, match="SoftmaxLoss") as caught:
            run()
        assert not hasattr(caught.value, "__notes__")


def test_an_integer_constant_is_a_float_to_every_other_gate() -> None:
    graph = ComputationalGraph()
    c = graph.constant(np.array([1, 2]))
    graph.output = c * graph.input("x")
    assert graph.forward(x=2.0).dtype == np.float64
    assert c.value.dtype == np.float64


def test_labels_pass_through_a_graph_that_is_a_gate() -> None:
    inner = ComputationalGraph()
    inner.add(SVMLoss(), inner.input("scores"), inner.input("y"))
    graph = ComputationalGraph()
    graph.add(inner.as_gate(), 2 * graph.input("s"), graph.input("y"))
    assert graph.forward(s=[[0.0, 1.0]], y=[0]) == 3.0
    assert graph.backward()["s"].tolist() == [[-2.0, 2.0]]
    assert list(graph.backward()) == ["s"]
    gate = inner.as_gate()
    assert gate.forward([[0.0, 1.0]], [0]) == 2.0
    assert gate.backward(1.0)[1] is None


def test_squared_errors_of_two_shapes_are_an_error_not_a_table() -> None:
    message = r"^SquaredErrorLoss takes a target of the prediction's shape \(5, 1\), or a number, got the shape \(5,\)"
    with pytest.raises(ValueError, match=message):
        SquaredErrorLoss().forward(np.zeros((5, 1)), np.zeros(5))
    with pytest.raises(ValueError, match="or a number, got the shape"):
        SquaredErrorLoss().forward(1.0, np.zeros(5))


def test_settings_must_be_numbers() -> None:
    with pytest.raises(TypeError, match="SVMLoss: margin must be a number, got 'wide'"):
        SVMLoss("wide")
    with pytest.raises(TypeError, match="L2Regularization: strength must be a number, got None"):
        L2Regularization(None)


def test_regularization_neither_over_nor_underflows_where_the_result_does_not() -> None:
    gate = L2Regularization(1e-20)
    assert gate.forward([1e160]) == pytest.approx(1e300)
    assert gate.backward(1.0)[0].tolist() == pytest.approx([2e140])


@pytest.mark.parametrize("target", [0.0, 1.0, 0.5, 0.3, 1e-20, 1.0 - 1e-15])
@pytest.mark.parametrize("score", [0.0, 1e-300, 0.7, 20.0, 37.0, 40.0, 700.0, 745.0, 1e4, 1e300])
def test_binary_cross_entropy_keeps_its_digits_for_scores_of_any_size(score: float, target: float) -> None:
    for s in (score, -score):
        gate = BinaryCrossEntropyLoss()
        loss = gate.forward(s, target)
        of_score, of_target = gate.backward(1.0)
        with mp.workdps(500):
            t, e = mp.mpf(target), mp.exp(-abs(mp.mpf(s))) if abs(s) < 1e5 else mp.mpf(0)
            exact = (1 - t) * max(mp.mpf(s), 0) + t * max(-mp.mpf(s), 0) + mp.log(1 + e)
            p, rest = ((1 if is_there else e) / (1 + e) for is_there in (s >= 0, s < 0))
            slope = (1 - t) * p - t * rest
            assert abs(loss - exact) <= 4e-16 * exact + 1e-322
            assert abs(of_score - slope) <= 4e-16 * ((1 - t) * p + t * rest) + 1e-322
        assert of_target == -s
