"""The structure: gates joined by wires, what enters a graph, and the expressions that build one."""
