"""Drawing: graphs as pictures, and in the languages of other tools.

In the order in which to read it:

- `picture.py` is where it begins: a diagram, or an overview of a large graph.
- `svg.py` draws a diagram from the places that `layout.py` finds: it orders the boxes of `boxes.py` so that few wires
  cross (`crossings.py`), and places them so that wires are straight (`coordinates.py`).
- `texts.py` has the texts in pictures; `mermaid_and_dot.py` writes for Mermaid and Graphviz.
"""

#: A diagram of more gates would be a hairball.
MAX_GATES = 400
