"""Encoders: one file each; prepared batches of assets become vectors."""
