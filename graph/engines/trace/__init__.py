"""Tracing: the formulas of gates as the operations that they are made of."""
