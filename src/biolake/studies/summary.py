"""What a run or a validation tells on the terminal: plain lines, made from the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FIGURES = (
    ("auroc", "AUROC"),
    ("auprc", "AUPRC"),
    ("brier", "Brier"),
    ("scaled_brier", "scaled Brier"),
    ("o_e", "O/E"),
    ("calibration_intercept", "intercept"),
    ("calibration_slope", "slope"),
)


@dataclass(frozen=True)
class StudyReport:
    """What was done, and the folder it lies in."""

    out: Path
    result: Mapping[str, Any]

    def lines(self) -> list[str]:
        """Return what to print."""
        found = self.result
        cohort, sizes = found["cohort"], found["split"]["sizes"]
        parts = ", ".join(f"{name} {size['samples']:,}" for name, size in sizes.items())
        lines = [
            f"{cohort['samples']:,} samples of {cohort['subjects']:,} subjects,"
            f" {cohort['events']:,} with the outcome ({parts})",
        ]
        if found["models"]:
            lines.append(f"sample size: {found['sample_size']['verdict']}")
        for model in found["models"]:
            for place, figures in model["evaluation"].items():
                # Folds are many and small: their mean is told below, each is in the report.
                if not place.startswith("fold:"):
                    lines.append(f"{model['name']}, {place}: {figures_line(figures)}")
        lines += block_lines(found)
        lines.append(f"leakage shuffle test: {found['leakage']['shuffle_test']}")
        lines += [f"warning: {warning}" for warning in found["warnings"]]
        return [*lines, f"written to {self.out}"]


@dataclass(frozen=True)
class ValidationReport:
    """A frozen model elsewhere: its figures beside those where it was made."""

    out: Path
    model: str
    development: Mapping[str, Any]
    external: Mapping[str, Any]
    codes_missing: float
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return both columns side by side."""
        lines = [f"{self.model:<14}{'development':>30}{'external':>30}"]
        for key in ("n", "events"):
            here, there = (str(one.get(key)) for one in (self.development, self.external))
            lines.append(f"{key:<14}{here:>30}{there:>30}")
        for key, name in _FIGURES:
            cells = (shown(one.get(key)) for one in (self.development, self.external))
            lines.append(f"{name:<14}" + "".join(f"{cell:>30}" for cell in cells))
        lines.append(f"codes of the model that the lake lacks: {100 * self.codes_missing:.0f} %")
        if note := self.external.get("note"):
            lines.append(f"note: {note}")
        lines += [f"note: {note}" for note in self.notes]
        return [*lines, f"written to {self.out}"]


def report_of(result: Mapping[str, Any], out: Path) -> StudyReport:
    return StudyReport(out, result)


def block_lines(result: Mapping[str, Any]) -> list[str]:
    """Return how well each block of features tells apart, alone and together."""
    tables = [one for one in result.get("others", []) if one["name"] == "blocks"]
    rows = [row for table in tables for row in table["estimates"]]
    return [f"{row['group']}: {row['name']} {shown(row)}" for row in rows]


def figures_line(figures: Mapping[str, Any]) -> str:
    """Return `n 210, events 40, AUROC 0.81 (0.74 to 0.87), …`."""
    said = [f"n {figures['n']:,}, events {figures['events']:,}"]
    names = dict(_FIGURES)
    if figures.get("horizon_days") is not None:
        names["auroc"] = "C"  # over follow-up it is Harrell's concordance
    said += [f"{name} {shown(figures[key])}" for key, name in names.items() if figures.get(key)]
    if "note" in figures and len(said) == 1:
        said.append(str(figures["note"]))
    return ", ".join(said)


def shown(figure: Mapping[str, Any] | None) -> str:
    if not figure or figure.get("estimate") is None:
        return "not estimable"
    if figure.get("low") is None or figure.get("high") is None:
        return f"{figure['estimate']:.3f}"
    return f"{figure['estimate']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
