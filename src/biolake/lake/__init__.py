"""Tables, commits, vocabulary, linkage: the one place that touches stored data."""
