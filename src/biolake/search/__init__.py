"""The search engine: an index derived from the lake, and what is found in it."""
