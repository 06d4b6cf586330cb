"""The two passes: the schedule of a graph, how gates run along it and back, and what they compute."""
