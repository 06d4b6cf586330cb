"""The page on which a learner steps through a circuit: its scripts, that `graph` puts into one HTML file."""
