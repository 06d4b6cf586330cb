"""The pictures that are kept, which `python -m tests.pictures` draws anew, and what can be read from a picture."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from graph import fully_connected
from tests.circuits import CIRCUIT_1, CIRCUIT_2, STAGED, after_both, circuit_1, circuit_2, staged

SVG = "{http://www.w3.org/2000/svg}"
FOLDER = Path(__file__).parent / "drawn"


def small_network() -> Any:
    """Return a small network after both passes of a batch."""
    random = np.random.default_rng(0)
    batch = {"X": random.normal(size=(20, 2)), "y": random.integers(0, 2, 20)}
    return after_both(fully_connected([2, 8, 8, 2], seed=0), batch)


#: The pictures that are kept in FOLDER, so that a change of the drawing is seen and looked at.
KEPT: dict[str, Callable[[], str]] = {
    "lecture": lambda: after_both(circuit_1(), CIRCUIT_1).to_svg(theme="auto", steps=[2, 3, 4], local=True),
    "neuron": lambda: after_both(circuit_2(), CIRCUIT_2).to_svg(theme="light", local=True),
    "neuron_in_lines": lambda: after_both(circuit_2(), CIRCUIT_2).to_svg(theme="light", width=400),
    "neuron_down": lambda: after_both(circuit_2(), CIRCUIT_2).to_svg(theme="dark", direction="down", names="all"),
    "staged": lambda: after_both(staged(), STAGED).to_svg(theme="light", local=True),
    "network": lambda: small_network().to_svg(theme="light", legend=True),
    "network_down": lambda: small_network().to_svg(theme="dark", direction="down"),
}


def numbers(svg: str) -> dict[str, tuple[str, str]]:
    """Return what a picture has on each wire: the texts of its value and its gradient."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if "data-wire" in group.attrib:
            texts = {text.get("class", "").split()[0]: "".join(text.itertext()) for text in group.iter(f"{SVG}text")}
            found[group.attrib["data-wire"]] = texts["value"], texts["gradient"]
    return found


def texts(svg: str) -> list[str]:
    """Return all texts of a picture."""
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def structure(svg: str) -> Iterator[tuple[str, ...]]:
    """Yield the elements of a picture with attributes and texts, without the style and the pixels of heat maps."""
    for element in ElementTree.fromstring(svg).iter():
        if not element.tag.endswith("style"):
            kept = {name: value for name, value in element.attrib.items() if name != "href"}
            yield element.tag, str(kept), element.text or "", element.tail or ""


if __name__ == "__main__":
    for name, draw in KEPT.items():
        (FOLDER / f"{name}.svg").write_text(draw(), encoding="utf-8")
