"""Readers under mutated files."""
