"""Terms and how they hang together: code systems, mappings and gene sets, each with its licence."""
