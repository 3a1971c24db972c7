"""Tables, progress and plots for a terminal."""
