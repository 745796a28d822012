"""A parameter's help and bounds, said once: CLI, form and docs read them from the annotation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Param:
    """Help and bounds of one parameter of an extension."""

    help: str
    ge: float | None = None
    le: float | None = None
