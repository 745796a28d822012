"""Signal processing for physiological recordings: arrays in, arrays out; knows no file."""
