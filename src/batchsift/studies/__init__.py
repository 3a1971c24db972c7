"""Studies: grids of runs that survive being killed, and comparisons."""
