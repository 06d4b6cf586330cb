"""A user's program: a type checker finds a mistake in each line that ends in `# wrong`, and in no other."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from gates import Add, Copy, Gate, Multiply, assert_gate, check_gate, jacobian
from graph import ComputationalGraph, Wire, fully_connected, train


class Cube(Gate):
    """A gate of the user's."""

    def forward(self, x: float) -> float:
        self.kept = (x,)
        return x**3

    def backward(self, dz: float) -> list[float]:
        (x,) = self.kept
        return [3.0 * dz * x**2]


class Double:
    """A gate that derives from nothing."""

    def forward(self, x: float) -> float:
        return 2.0 * x

    def backward(self, dz: float) -> list[float]:
        return [2.0 * dz]


graph = ComputationalGraph()
x, y = graph.inputs("x", "y")
w: Wire = graph.parameter("w", 2)
b = graph.parameter("b", [[1, 2], [3, 4]])
graph.parameter("v", "2")  # wrong
graph.parameter(1, 2.0)  # wrong
q: Wire = graph.add(Add(), x, 1.0, name="q")
graph.add(Cube(), q)
graph.add(Double(), graph.constant(np.float32(1.5)))
left, right = graph.add(Copy(2), q)
graph.add(x, y)  # wrong
graph.add(Multiply(), x, "2")  # wrong
graph.add("multiply", x, y)  # wrong
f = (x + y) * w - 2 / x + np.ones(3) @ b
f = x + "2"  # wrong
f = "2" * x  # wrong
f = x**2 + x.sum(axis=0) + x.reshape(2, 3).T + x.mean((0, 1))
f = x**y + 2**x + abs(x) + x[0] + x[:, 1:3].max() + x.var(axis=1)
f = x ** "2"  # wrong
f = x.sum(axis="rows")  # wrong
graph.constant("2")  # wrong
graph.constant({"x": 1.0})  # wrong
graph.output = f
graph.output = 3.0  # wrong

array: npt.NDArray[np.float64] = np.ones(3)
graph.forward(x=1, y=2.5)
graph.forward(x=np.float32(1), y=Fraction(1, 2))
graph.forward({"x": array, "y": [[1, 2], [3, 4]]})
graph.forward({"x": 1.0}, y=True)
graph.forward(x="1", y=2)  # wrong
graph.forward(x=1, y=["2"])  # wrong
graph.forward(x=1, y=None)  # wrong
graph.forward(x=1, y=1j)  # wrong
graph.forward({"x": "1", "y": 2})  # wrong
graph.forward([1, 2])  # wrong
gradients: dict[str, npt.NDArray[np.float64]] = graph.backward(array)
graph.backward("1")  # wrong
value: float = graph.evaluate("q", x=1)
graph.evaluate(1, x=1)  # wrong
graph.parameters["w"] -= 0.1 * gradients["w"]
graph.parameters["w"] = "2"  # wrong
run = graph.compile()
value, gradients = run({"x": 1.0, "y": 2.0}, 1.0)
run(x="1", y=2)  # wrong
run({"x": 1.0, "y": 2.0}, "1")  # wrong
for step in graph.stepper(x=1, y=2):
    print(step.node, step.upstream)
graph.stepper(x="1", y=2)  # wrong
if graph.check(x=1, y=2).passed:
    print(graph.explain("q").gradient)
graph.check(x="1", y=2)  # wrong
graph.to_html("page.html", x=1, y=2)
graph.to_html("page.html", x="1", y=2)  # wrong
graph.to_svg(3)  # wrong

check_gate(Cube(), 2.0, upstream=[1.0]).raise_if_failed()
check_gate(3, 2.0)  # wrong
check_gate(Cube(), 2.0, backward=3)  # wrong
assert_gate(Double(), [1, 2, 3])
assert_gate(Double(), upstream="1")  # wrong
jacobian(Cube(), 2.0)
jacobian(Cube(), "2")  # wrong


def minibatches() -> Iterator[dict[str, npt.NDArray[np.float64]]]:
    """Yield minibatches."""
    yield {"X": np.ones((2, 3)), "y": np.ones(2)}


network = fully_connected([3, 2])
loss: list[float] = train(network, {"X": np.ones((2, 3)), "y": [0, 1]}, epochs=2).loss
train(network, minibatches)
train(network, minibatches, epochs="2")  # wrong
fully_connected("32")  # wrong
