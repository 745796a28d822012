"""Studies: one file says the question; a run answers it, the same way every time."""
