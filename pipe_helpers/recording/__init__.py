"""What processes did: the record of their calls, and pictures of it."""
