"""Losses: gates whose output is the number that training makes small. There are none yet."""
