"""The engine of JAX.

`jitted.py` is the engine; `label_checks.py` checks labels outside of traces, `meshes.py` places arrays on devices.
"""
