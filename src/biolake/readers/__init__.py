"""File formats, one a file; each turns a source into chunks of mapped rows."""
