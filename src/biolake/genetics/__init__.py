"""Variants across a lake: find them, see who carries them, keep them as events, annotate them."""
