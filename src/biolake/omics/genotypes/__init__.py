"""Numbers from genotypes: decoding, frequencies, quality of samples, kinship, components."""
