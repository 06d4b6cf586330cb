"""The page in which a learner steps through a circuit: one HTML file that includes the scripts in this folder."""
