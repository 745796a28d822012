"""Raw hospital files in, one checked load out: plan, read, map, check, commit."""
