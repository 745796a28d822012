"""Image processing: volumes, pictures and tiles as arrays; knows no file format."""
