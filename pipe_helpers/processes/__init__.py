"""The other side: programs, puppets, and what can be seen of any process from outside."""
