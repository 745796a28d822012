"""The shape of a measurable quantity, and the illnesses that move it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One measurable quantity; `mean`, `between`, `within` and effects are logs where `log`."""

    name: str
    title: str
    unit: str
    loinc: str
    concept: int
    mimic: int
    log: bool
    mean: float
    between: float
    within: float
    low: float
    high: float
    decimals: int
    chronic: tuple[float, ...]  # added by each disease of terms.CHRONIC
    acute: tuple[float, ...]  # added at the start of each illness of ACUTE
    routine: float  # probability of being measured in a well subject
    ill: float  # probability of being measured in acute illness


ACUTE = ("myocardial_infarction", "sepsis", "acute_heart_failure", "pneumonia", "copd_flare")
