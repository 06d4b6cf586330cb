"""The engine of stacked numbers."""
