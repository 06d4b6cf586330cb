"""Watching a graph: steps, a stepper, explanations, and gates and graphs as text."""
