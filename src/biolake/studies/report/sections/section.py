"""One part of the report, or the reason why it is not there."""

from __future__ import annotations

from dataclasses import dataclass

from biolake.studies.report import study
from biolake.studies.report.markup import Markup, element
from biolake.studies.report.reading import Result


@dataclass(frozen=True)
class Section:
    """A headed part of the page."""

    name: str
    title: str
    body: Markup

    @property
    def html(self) -> Markup:
        head = element("h2", self.title, id=f"{self.name}-title")
        return element(
            "section", head, self.body, id=self.name, aria_labelledby=f"{self.name}-title"
        )


@dataclass(frozen=True)
class Absent:
    """A part this study does not have, and why; without a reason nobody would look for it."""

    title: str
    reason: str


def absent(result: Result, title: str, part: str) -> Absent:
    """Say why a part is missing: not asked for, or asked for without a result."""
    if study.asked_for(result, part):
        return Absent(title, "Asked for in the study file, but the run gave no result: see notes.")
    return Absent(title, "Not asked for in the study file.")
