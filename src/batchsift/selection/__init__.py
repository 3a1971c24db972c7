"""What serves the selector alone: the selector itself, plans, observers, processes."""
