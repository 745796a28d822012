"""What sums up a span of a recording is known when the span is over, and not before."""

from __future__ import annotations

from biolake.core.assets import Finding


def summed_up(code: str, value: float, unit: str, start: float, seconds: float) -> Finding:
    """Return a finding that stands at the end of its span and says in words over how long."""
    return Finding(code, value, unit, over(seconds), at=start + seconds)


def over(seconds: float) -> str:
    """Say over how long a value was taken: `over 3600 s`."""
    return f"over {seconds:.1f}".removesuffix(".0") + " s"
