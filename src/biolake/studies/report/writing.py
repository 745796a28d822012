"""Write a study's report: the page, the model card, and the checklist."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

from biolake.studies.report.checklist import elements
from biolake.studies.report.markup import clean
from biolake.studies.report.model_card import model_card
from biolake.studies.report.page import page
from biolake.studies.report.reading import Result

_HEADINGS = ("item", "element", "section", "text", "filled_by", "content")


def write_report(result: Result, out: Path) -> None:
    """Write report.html, model_card.md and tripod.csv into a folder: the same bytes every time."""
    out.mkdir(parents=True, exist_ok=True)
    made = {
        "report.html": page(result),
        "model_card.md": model_card(result),
        "tripod.csv": checklist_csv(result),
    }
    for name, content in made.items():
        (out / name).write_bytes(content.encode("utf-8", "replace"))


def checklist_csv(result: Result) -> str:
    """Return the filled checklist as CSV that a spreadsheet will not run as formulas."""
    held = StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(_HEADINGS)
    for one in elements(result):
        row = one.as_json()
        writer.writerow([_inert(row[name]) for name in _HEADINGS])
    return held.getvalue()


def _inert(text: str) -> str:
    """Keep a spreadsheet from reading text as a formula."""
    text = clean(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
