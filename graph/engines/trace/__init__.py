"""Tracing: the operations that formulas are made of.

`trace.py` runs both passes on the tracers of `tracers.py`, for the gates of which `verification.py` finds that their
operations are always the same; `literals.py` writes values as Python text.
"""
