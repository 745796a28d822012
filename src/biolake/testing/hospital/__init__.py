"""A synthetic hospital group whose answers are known: real file formats, planted truths."""

from biolake.testing.hospital.simulation import Summary, simulate

__all__ = ["Summary", "simulate"]
