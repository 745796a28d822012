"""Lay what `biolake study validate` found at several hospitals side by side, and flag what breaks.

    python compare.py figures VALIDATION...     # folders that `study validate` wrote
    python compare.py missing CODES.json...     # what `biolake --json codes search UCI//` said

A hospital is flagged for
discrimination unless its whole AUROC interval lies at 0.80 or above: having few patients is no
excuse, for what was not shown does not hold;
calibration if the interval of O/E leaves out 1, that of the intercept 0, or that of the slope 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LEAST_AUROC = 0.80
CALIBRATED = (("o_e", "O/E", 1.0), ("calibration_intercept", "intercept", 0.0),
              ("calibration_slope", "slope", 1.0))  # fmt: skip
SOMETIMES = ("chol", "ca", "thal")


def flags(figures: dict[str, Any]) -> list[str]:
    """Say what is wrong at a hospital; nothing if both discrimination and calibration hold."""
    found = ["discrimination"] if figures["auroc"]["low"] < LEAST_AUROC else []
    off = [
        f"{name} {'above' if figures[key]['low'] > ideal else 'below'} {ideal:g}"
        for key, name, ideal in CALIBRATED
        if not figures[key]["low"] <= ideal <= figures[key]["high"]
    ]
    return found + ([f"calibration ({', '.join(off)})"] if off else [])


def hospitals(folders: list[Path]) -> dict[str, dict[str, Any]]:
    """Return the figures by hospital: first those of development, then of each validation."""
    found: dict[str, dict[str, Any]] = {}
    for folder in folders:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        made = " ".join(result["development_provenance"]["sites"])
        found[f"{made} (held out)"] = result["development"]
        found[" ".join(row["site"] for row in result["cohort"]["by_site"])] = result["external"]
    return found


def missing_shares(codes: dict[str, int]) -> dict[str, float]:
    """Return which share of the examined lacks each measurement."""
    examined = codes["UCI//EXAM"]
    return {name: 1 - codes.get(f"UCI//{name}", 0) / examined for name in SOMETIMES}


def events_by_code(answer: Path) -> dict[str, int]:
    rows = json.loads(answer.read_text(encoding="utf-8"))["data"]["codes"]
    return {row["code"]: row["events"] for row in rows}


def _figures_table(folders: list[Path]) -> list[str]:
    lines = ["| hospital | n | events | AUROC | O/E | intercept | slope | flagged for |",
             "|---|---:|---:|---|---|---|---|---|"]  # fmt: skip
    for hospital, found in hospitals(folders).items():
        keys = ("auroc", "o_e", "calibration_intercept", "calibration_slope")
        shown = " | ".join(_interval(found[key]) for key in keys)
        said = "; ".join(flags(found)) or "nothing"
        lines.append(f"| {hospital} | {found['n']} | {found['events']} | {shown} | {said} |")
    return lines


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['estimate']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"


def _missing_table(answers: list[Path]) -> list[str]:
    names = " | ".join(f"{name} missing" for name in SOMETIMES)
    lines = [
        f"| hospital | examined | {names} | chol written as 0 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for answer in answers:
        codes = events_by_code(answer)
        shares = " | ".join(f"{100 * share:.0f} %" for share in missing_shares(codes).values())
        zero = codes.get("UCI//chol//ZERO", 0)
        lines.append(f"| {answer.stem} | {codes['UCI//EXAM']} | {shares} | {zero} |")
    return lines


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("figures", "missing"):
        sys.exit("Use: python compare.py figures VALIDATION... | missing CODES.json...")
    table = _figures_table if sys.argv[1] == "figures" else _missing_table
    sys.stdout.write("\n".join(table([Path(word) for word in sys.argv[2:]])) + "\n")
