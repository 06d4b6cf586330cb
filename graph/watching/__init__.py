"""Watching a graph: its gates, steps and gradients, in words and numbers.

In the order in which to read it:

- `notation.py` writes a gate as a formula, with the names of its wires or with numbers.
- `local_gradients.py` has the local gradients of a gate at work.
- `step.py` is one gate at work in one pass; `stepper.py` goes through all of them.
- `explanation.py` says where a gradient comes from; `tables.py` is what `print(graph)` shows; `titles.py` writes the
  expression of a graph as in a book.
- `terminal.py` prints both passes, or steps through them, for the command line.
"""
