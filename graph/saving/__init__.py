"""Saving: graphs as JSON files, and the replacement of a file in one step."""
