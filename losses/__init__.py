"""Losses: gates whose output is a number that training makes small."""
