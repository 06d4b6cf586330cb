"""Drawing: lay out a graph, draw it as SVG, or write it in the language of another tool."""
