"""The engine of generated code."""
