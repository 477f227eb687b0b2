"""What a cell of a chapter uses for itself."""
