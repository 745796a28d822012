"""Analyses: one file each; a study names them, and the catalogue finds them."""
