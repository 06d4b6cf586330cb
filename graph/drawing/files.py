"""Pictures as the contents of files: SVG as it is, PNG and PDF by Typst, which needs no program outside of Python."""

from __future__ import annotations

import os
import re
from os import PathLike
from typing import Literal

from graph.drawing.look import is_positive

_DOCUMENT = b"""#set page(width: auto, height: auto, margin: 0pt, fill: none)
#image(bytes(sys.inputs.svg), format: "svg")
"""
_PIXELS = 96.0  # to the inch, as in CSS
_MOST_PIXELS = 250e6  # of a PNG, for which 1 GB is needed
_SIZE = re.compile(r'width="(\d+)" height="(\d+)"')


Format = Literal["svg", "png", "pdf"]


def format_of(path: str | PathLike[str]) -> Format:
    """Return the format of a picture in a file, by its suffix: "svg", "png" or "pdf"; "svg" without one.

    Raises
    ------
    ValueError
        If the suffix is another one.

    Examples
    --------
    >>> format_of("circuit.PNG"), format_of("circuit")
    ('png', 'svg')
    """
    suffix = os.path.splitext(path)[1].lower() or ".svg"
    formats: dict[str, Format] = {".svg": "svg", ".png": "png", ".pdf": "pdf"}
    if suffix not in formats:
        raise ValueError(f"a picture goes into a file that ends in .svg, .png or .pdf, got {os.fspath(path)!r}")
    return formats[suffix]


def contents_of(svg: str, kind: Format, scale: float) -> bytes:
    """Return an SVG as the bytes of a file in a format.

    Parameters
    ----------
    svg : str
        The SVG, in concrete colors if the format is not "svg".
    kind : str
        "svg", "png" or "pdf".
    scale : float
        The pixels of a PNG for each px of the SVG.

    Raises
    ------
    ImportError
        If typst is not installed.
    ValueError
        If the scale is not above 0, or a PNG would be too large.
    """
    if not is_positive(scale):
        raise ValueError(f"scale must be a number above 0, got {scale!r}")
    if kind == "svg":
        return svg.encode()
    try:
        import typst
    except ImportError:
        raise ImportError(f"a {kind.upper()} needs typst, which is not installed: pip install typst") from None
    if kind == "png":
        size = _SIZE.search(svg)
        assert size is not None
        wide, high = (float(side) * scale for side in size.groups())
        if wide * high > _MOST_PIXELS:
            raise ValueError(f"a PNG of {wide:.0f} × {high:.0f} pixels is too large: give a smaller scale, or a width")
    made = typst.compile(_DOCUMENT, format=kind, ppi=scale * _PIXELS, sys_inputs={"svg": svg})
    assert isinstance(made, bytes)  # one page
    return made
