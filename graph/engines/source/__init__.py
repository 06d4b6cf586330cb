"""The engine of generated code.

`source.py` writes a trace as a function, with `writing.py` for operations and names and `layout.py` for lines;
`generated.py` is the engine that runs it, and `fast_call.py` the function that it hands out.
"""
