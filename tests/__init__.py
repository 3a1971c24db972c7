"""Tests, and what goes on longer than tests may: `python -m tests.fuzz`."""
