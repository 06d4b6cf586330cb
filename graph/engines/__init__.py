"""The engines: ways to run both passes of a graph faster than gate by gate, or on many devices."""
