"""Validation: the loss, and where there are labels the accuracy, on data that a graph is not trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gates.gate import labels_of
from graph.passes.nested import evaluating
from graph.passes.two_passes import TwoPasses
from graph.structure.entries import Input
from graph.structure.wire import Wire


class Measured(NamedTuple):
    """The loss on some data, and the share of its labels that have the highest score; nan if there are none."""

    loss: float = math.nan
    accuracy: float = math.nan

    def __str__(self) -> str:
        texts = f"validation loss {self.loss:.6g}", f"accuracy {self.accuracy:.1%}"
        return ", ".join([text for text, number in zip(texts, self) if not math.isnan(number)])


class Validation:
    """Measures how well a graph does on some data.

    Parameters
    ----------
    graph : TwoPasses
        The graph, whose output is the loss.
    data : mapping of str to array
        Arrays for the graph's inputs by name, with one example per row.

    Raises
    ------
    TypeError
        If the data is no mapping.
    """

    def __init__(self, graph: TwoPasses, data: Any) -> None:
        if not isinstance(data, Mapping):
            wanted = "a mapping of input names to arrays"
            raise TypeError(f"train(): validation must be {wanted}, got {type(data).__name__}")
        self.graph = graph
        self.data = data
        self.scores, self.labels = _scores_and_labels(graph)

    def measure(self) -> Measured:
        """Return what the graph does with its present parameters."""
        with evaluating(self.graph):
            loss = float(self.graph.evaluate(self.graph.output, self.data))
            if self.scores is None:
                return Measured(loss)
            scores = np.asarray(self.graph.evaluate(self.scores, self.data))
        return Measured(loss, float(np.mean(scores.argmax(axis=1) == np.asarray(self.data[self.labels]))))


def _scores_and_labels(graph: TwoPasses) -> tuple[Wire | None, str]:
    """Return the scores that are compared with labels, and the name of the input of these; None if there are none."""
    for node, gate in graph.graph.nodes(data="gate"):
        if labels_of(gate) == (1,):
            scores, labels = graph.reads(node)
            if isinstance(labels.gate, Input):
                return scores, labels.node
    return None, ""
