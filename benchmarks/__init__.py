"""Measurements: speed, memory, and how well things work. Each says how to run it."""
