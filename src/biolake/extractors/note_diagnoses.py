"""Diagnoses that notes name, with what is said of each: negated, of the family, in the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from biolake.core.assets import ExtractMany, FoundCode, Measured
from biolake.core.catalogue import batch_extractor
from biolake.core.installed import require
from biolake.core.media import Opened

if TYPE_CHECKING:
    from biolake.text.dictionary import Diagnoses, Dictionary
    from biolake.text.run import TextRun

CODE = "NOTE_DIAGNOSIS//"


@batch_extractor(
    "Diagnoses in notes, by ICD-10-CM",
    needs="note",
    version="2",
    codes=(FoundCode(f"{CODE}ICD10CM//*", "Diagnosis of the patient as the note names it"),),
    extra="notes",
)
def note_diagnoses(opened: Sequence[Opened]) -> Measured:
    """Find diagnoses by name and abbreviation, in English, Spanish and Chinese, with their context.

    The names are those of ICD-10-CM (titles and inclusion terms, in the forms notes use) and lists
    of everyday names. One becomes an event where it is affirmed and of the patient; what is
    historical says so in its text. Negated, possible, hypothetical and family diagnoses are spans
    only.
    """
    require("notes", "numba", "simple_icd_10_cm", to="find diagnoses in notes")
    from biolake.text.dictionary import diagnoses

    return _found(opened, diagnoses)


def by_dictionary(dictionary: Dictionary) -> ExtractMany:
    """Return a function that finds another dictionary's terms: for a hospital's own extractor."""

    def find(opened: Sequence[Opened]) -> Measured:
        return _found(opened, dictionary.find)

    return find


def _found(opened: Sequence[Opened], find: Callable[[TextRun], Diagnoses]) -> Measured:
    import numpy as np

    from biolake.text.spans import Columns, Facts, Notes, measured, words

    notes = Notes.among(opened)
    found = find(notes.run)
    kept = np.flatnonzero(~notes.in_heading(found.item, found.start))
    item, start, end = (one[kept].tolist() for one in (found.item, found.start, found.end))
    code = [found.code[row] for row in kept.tolist()]
    said = words(notes.contexts(item, start, end))
    facts = Facts(notes)
    seen: set[tuple[int, str]] = set()
    # What is recent goes first: a diagnosis told as both is one of now.
    for row in sorted(range(len(code)), key=lambda row: said["temporality"][row] != "recent"):
        told = (item[row], code[row])
        if said["assertion"][row] != "affirmed" or said["experiencer"][row] != "patient":
            continue
        if told not in seen:
            past = said["temporality"][row] == "historical"
            facts.add(item[row], f"{CODE}{code[row]}", None, None,
                      "historical" if past else None)  # fmt: skip
            seen.add(told)
    columns = Columns(item, start, end, list(code))
    return measured(facts, columns.table(notes, "diagnosis", said))
