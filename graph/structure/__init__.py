"""The structure of a graph: gates joined by wires, its inputs and parameters, and expressions that build one."""
