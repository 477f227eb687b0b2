"""PipeLab: two processes, a named pipe, and buttons."""
