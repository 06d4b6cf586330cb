"""Saving: `graph_files.py` writes graphs as JSON and reads them; `atomic_file.py` replaces any file in one step."""
