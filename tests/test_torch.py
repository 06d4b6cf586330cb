"""PyTorch gives the same numbers: losses, gradients and 100 steps of a 3-layer network, in float64."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gates import ELU, Gate, LeakyReLU, ReLU, Sigmoid, Tanh
from graph import fully_connected, train
from losses import SoftmaxLoss, SquaredErrorLoss, SVMLoss

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install gategraph[test]")

SIZES = [20, 16, 12, 5]
ACTIVATIONS = {
    ReLU: torch.relu,
    Sigmoid: torch.sigmoid,
    Tanh: torch.tanh,
    LeakyReLU: lambda x: torch.nn.functional.leaky_relu(x, 0.1),
    ELU: torch.nn.functional.elu,
}


def svm(scores: Any, labels: Any) -> Any:
    """Return the SVM loss of PyTorch, which takes the mean over classes too."""
    return torch.nn.functional.multi_margin_loss(scores, labels) * scores.shape[1]


LOSSES = {
    SoftmaxLoss: torch.nn.functional.cross_entropy,
    SVMLoss: svm,
    SquaredErrorLoss: lambda scores, target: torch.nn.functional.mse_loss(scores, target, reduction="sum"),
}


def examples(loss: type[Gate], count: int = 40) -> dict[str, Any]:
    """Return random examples that the loss can be taken of."""
    random = np.random.default_rng(0)
    y = random.normal(size=(count, 5)) if loss is SquaredErrorLoss else random.integers(0, 5, count)
    return {"X": random.normal(size=(count, 20)), "y": y}


class Twin:
    """The same network in PyTorch, from the same weights."""

    def __init__(self, graph: Any, activation: type[Gate], loss: type[Gate], regularization: float) -> None:
        self.parameters = {
            name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
            for name, value in graph.parameters.items()
        }
        self.activation = ACTIVATIONS[activation]
        self.loss_function = LOSSES[loss]
        self.regularization = regularization

    def loss(self, X: Any, y: Any) -> Any:
        """Return the loss on a minibatch."""
        h, layers = torch.tensor(X), len(self.parameters) // 2
        for layer in range(1, layers + 1):
            h = h @ self.parameters[f"W{layer}"] + self.parameters[f"b{layer}"]
            h = self.activation(h) if layer < layers else h
        penalty = sum((self.parameters[f"W{layer}"] ** 2).sum() for layer in range(1, layers + 1))
        return self.loss_function(h, torch.tensor(y)) + self.regularization * penalty


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_losses_and_gradients_of_three_layers(activation: type[Gate], loss: type[Gate]) -> None:
    graph = fully_connected(SIZES, activation=activation, loss=loss, regularization=0.01)
    twin = Twin(graph, activation, loss, 0.01)
    given = examples(loss)
    wanted = twin.loss(**given)
    wanted.backward()
    assert graph.forward(given) == pytest.approx(wanted.item(), rel=1e-10)
    gradients = graph.backward()
    assert list(gradients) == list(twin.parameters)
    for name, gradient in gradients.items():
        of_twin = twin.parameters[name].grad.numpy()
        assert_allclose(gradient, of_twin, rtol=1e-10, atol=1e-10 * np.abs(of_twin).max())


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_hundred_steps_of_three_layers(loss: type[Gate], momentum: float) -> None:
    graph = fully_connected(SIZES, activation=Tanh, loss=loss, regularization=0.001)
    twin = Twin(graph, Tanh, loss, 0.001)
    rate = 1e-3 if loss is SquaredErrorLoss else 0.1
    batches = [{name: array[i : i + 8] for name, array in examples(loss).items()} for i in range(0, 40, 8)]
    history = train(graph, batches, learning_rate=rate, momentum=momentum, epochs=20, progress=False)
    optimizer = torch.optim.SGD(twin.parameters.values(), lr=rate, momentum=momentum)
    losses = []
    for _ in range(20):
        for batch in batches:
            optimizer.zero_grad()
            value = twin.loss(**batch)
            value.backward()
            optimizer.step()
            losses.append(value.item())
    assert len(history) == 100
    assert sum(losses[-5:]) < sum(losses[:5])
    assert_allclose(history.loss, losses, rtol=1e-10)
    for name, value in graph.parameters.items():
        of_twin = twin.parameters[name].detach().numpy()
        assert_allclose(value, of_twin, rtol=1e-10, atol=1e-10 * np.abs(of_twin).max())
