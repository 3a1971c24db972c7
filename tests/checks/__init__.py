"""Checks that every method must pass: `common.check_method`."""
