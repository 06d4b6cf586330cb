"""Layers as people write them, right ones and with the mistakes that people make: what a checker has to judge."""

from tests.layers import (
    convolution,
    dense,
    elementwise,
    losses,
    normalization,
    own_parameters,
    quantized,
    recurrent,
    selection,
)
from tests.layers.layer import Layer

LAYERS: list[Layer] = [
    *elementwise.LAYERS,
    *dense.LAYERS,
    *normalization.LAYERS,
    *convolution.LAYERS,
    *recurrent.LAYERS,
    *selection.LAYERS,
    *losses.LAYERS,
    *own_parameters.LAYERS,
    *quantized.LAYERS,
]
