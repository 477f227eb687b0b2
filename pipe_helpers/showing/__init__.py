"""How things are shown in a notebook: below whatever has something to show."""
