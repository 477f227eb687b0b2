"""What must not outlive the process that made it."""
