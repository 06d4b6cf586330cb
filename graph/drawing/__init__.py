"""Draws a graph: places its boxes, routes its wires."""
