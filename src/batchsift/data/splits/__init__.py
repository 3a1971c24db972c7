"""Splits: `splitting` makes folds and held-out parts, `published` finds given ones, `report` says how good they are."""
