"""Layers as people write them, right and wrong, for an examination of the checker.

Read `layer.py` first; each other file has a family of layers, and a list of them at its end.
"""

from tests.benchmarks.layers.attention import ATTENTION
from tests.benchmarks.layers.convolution import CONVOLUTION
from tests.benchmarks.layers.dense import DENSE
from tests.benchmarks.layers.elementwise import ELEMENTWISE
from tests.benchmarks.layers.layer import Layer
from tests.benchmarks.layers.losses import LOSSES
from tests.benchmarks.layers.normalization import NORMALIZATION
from tests.benchmarks.layers.own_parameters import OWN_PARAMETERS
from tests.benchmarks.layers.quantized import QUANTIZED
from tests.benchmarks.layers.recurrent import RECURRENT
from tests.benchmarks.layers.selection import SELECTION

LAYERS: list[Layer] = [
    *ELEMENTWISE,
    *DENSE,
    *NORMALIZATION,
    *CONVOLUTION,
    *RECURRENT,
    *ATTENTION,
    *SELECTION,
    *LOSSES,
    *OWN_PARAMETERS,
    *QUANTIZED,
]
