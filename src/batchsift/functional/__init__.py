"""Pure formulas, tensors in and tensors out: nothing here holds state or knows the rest of the package."""
