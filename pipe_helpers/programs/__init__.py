"""The two programs of the lesson: plain scripts that use the standard library only."""
