"""The picture in README: `python -m tests.pictures` draws it anew."""

from pathlib import Path

from tests.circuits import CIRCUIT_1, circuit_1

CIRCUIT = Path(__file__).parent / "circuit.svg"


def circuit() -> str:
    """Return the picture of the lecture's first circuit after both passes."""
    graph = circuit_1()
    graph.forward(CIRCUIT_1)
    graph.backward()
    return graph.to_svg()


if __name__ == "__main__":
    CIRCUIT.write_text(circuit(), encoding="utf-8")
