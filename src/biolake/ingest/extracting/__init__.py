"""Parts of an extraction: what is due, the measuring, and how findings become events."""
