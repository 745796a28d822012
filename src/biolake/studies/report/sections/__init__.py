"""The sections of a report: each reads the result and returns its part, or why it has none."""
