"""Genotypes, expression and cells: numerics on arrays, without files, lakes or subjects."""
