"""Biolake: any hospital's own AI-ready biomedical data centre, in one package."""

__version__ = "0.1.0"
