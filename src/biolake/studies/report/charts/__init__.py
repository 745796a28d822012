"""The charts of a report: each takes plain values and returns one accessible SVG."""
