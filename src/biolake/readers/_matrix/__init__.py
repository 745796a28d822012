"""Wide tables of numbers, genes × samples or samples × genes, as events in columns."""
