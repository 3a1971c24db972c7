"""Splits: folds, held-out parts, published splits, and reports on them."""
