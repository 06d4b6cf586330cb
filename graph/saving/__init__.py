"""Saving: graphs as files of JSON, and files that are replaced in one step."""
