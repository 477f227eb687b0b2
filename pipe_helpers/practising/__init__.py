"""Practice without end: a problem by its number, an answer, and real processes that do it."""
