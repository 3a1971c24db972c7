"""The report's figures: each a function from numbers to a `Drawing`, all in the style of `svg`."""
