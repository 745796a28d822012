"""Parts of the readers of cells: HDF5, matrices by rows, tables of cells and genes."""
