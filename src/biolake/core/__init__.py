"""What every part of the house agrees on: schema, codes, time, units, errors, extension points."""
