"""What may be said of methods, from the runs of a study."""
