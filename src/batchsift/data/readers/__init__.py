"""Readers: one module for each form that tables come in."""
