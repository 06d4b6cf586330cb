"""The structure: gates joined by wires in a networkx graph. It knows nothing of passes.

In the order in which to read it:

- `entries.py` has the gates where values enter: inputs, parameters and constants.
- `wire.py` is one output of one gate, with operators; `numpy_functions.py` says which of NumPy's functions it takes,
  and `advice.py` what to write for other names.
- `wiring.py` reads from networkx what a gate reads.
- `structure.py` adds gates and finds their wires, with the rules of `admission.py`.
- `expression.py` parses expressions, whose functions are the gates of `library.py`.
"""
