"""Tracing: `trace.py` runs both passes on the tracers of `tracers.py`, if `verification.py` finds that a gate allows it;
`literals.py` writes values as Python text.
"""
