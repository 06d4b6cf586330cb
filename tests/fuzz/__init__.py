"""Random graphs and damaged files, as many as the time allows."""
