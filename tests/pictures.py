"""The picture in README, which `python -m tests.pictures` draws anew, and what can be read from a picture."""

from pathlib import Path
from xml.etree import ElementTree

from tests.circuits import CIRCUIT_1, circuit_1

SVG = "{http://www.w3.org/2000/svg}"
CIRCUIT = Path(__file__).parent / "circuit.svg"


def circuit() -> str:
    """Return the picture of the lecture's first circuit after both passes."""
    graph = circuit_1()
    graph.forward(CIRCUIT_1)
    graph.backward()
    return graph.to_svg()


def numbers(svg: str) -> dict[str, tuple[str, str]]:
    """Return what a picture has on each wire: the texts of its value and its gradient."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if "data-wire" in group.attrib:
            texts = {text.get("class"): "".join(text.itertext()) for text in group.iter(f"{SVG}text")}
            found[group.attrib["data-wire"]] = texts["value"], texts["gradient"]
    return found


if __name__ == "__main__":
    CIRCUIT.write_text(circuit(), encoding="utf-8")
