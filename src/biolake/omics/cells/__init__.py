"""Cells × features: what a matrix holds, quality of cells, sums per sample and cell type."""
