"""Drawing: graphs as pictures, and in the languages of other tools.

In the order in which to read it:

- `picture.py` is where it begins: a diagram, one of several steps, or the overview of a large graph (`overview.py`).
- `diagram.py` says which shapes (`shapes.py`) stand where, for the options in `look.py`: gates, wires, and around them
  `frames.py`. It begins with the parts to be drawn (`parts.py`) and their sizes (`sizes.py`), which depend on the
  numbers of wires (`labels.py`), arrays as heat maps (`heat.py`), and texts (`texts.py`).
- `layout.py` finds the places: `layers.py` says in which column each gate stands, `crossings.py` orders the boxes of
  `boxes.py` so that few wires cross, and `coordinates.py` places them so that wires are straight.
- `svg.py` and `tikz.py` write shapes, `files.py` makes PNG and PDF; `mermaid_and_dot.py` writes for other tools.
"""

#: A diagram of more gates would be a hairball.
MAX_GATES = 400
