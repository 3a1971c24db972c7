"""Loop-written twins of the library's formulas: plain Python and float64 NumPy, one cell at a time.

They are written from the methods' equations alone and share no code with the package, so that a slip would have to be
made twice to go unnoticed. `signals`, `correlation` and `sampling` hold one formula a function; `twin` puts them
together into every method, given the history of what was observed.
"""
