"""Reports: tables and progress in a terminal, plots in files. Needs the extra `experiments`."""
