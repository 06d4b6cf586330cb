"""Gradients as people write them for other libraries: right ones, and ones with a mistake."""
