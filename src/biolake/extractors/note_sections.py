"""The sections of notes: where each begins and ends, and of what kind it is."""

from __future__ import annotations

from collections.abc import Sequence

from biolake.core.assets import FoundCode, Measured
from biolake.core.catalogue import batch_extractor
from biolake.core.installed import require
from biolake.core.media import Opened


@batch_extractor(
    "Sections of notes",
    needs="note",
    version="1",
    codes=(FoundCode("NOTE//sections", "Sections that were found in the note", "1"),),
    extra="notes",
)
def note_sections(opened: Sequence[Opened]) -> Measured:
    """Find the sections of notes by their headings, or as the source marks them.

    Each is a span, heading and body, with its kind (past_medical_history, medications, …) in
    `section`; where the heading stands is in its attributes.
    """
    require("notes", "numba", to="read notes")
    import numpy as np

    from biolake.text.sections import kinds
    from biolake.text.spans import Columns, Facts, Notes, measured

    notes = Notes.among(opened)
    found = notes.sections
    begins = np.minimum(found.heading_start, found.start)
    told = np.flatnonzero(found.end > begins)
    item, begin, end = (one[told].tolist() for one in (found.item, begins, found.end))
    columns = Columns(item, begin, end)
    heads = (found.heading_start[told].tolist(), found.heading_end[told].tolist())
    columns.attributes = [{"heading": [a, b]} if a < b else {} for a, b in zip(*heads, strict=True)]
    facts = Facts(notes)
    for one, count in zip(*np.unique(found.item[told], return_counts=True), strict=True):
        facts.add(int(one), "NOTE//sections", float(count), "1", None)
    kind = [kinds()[number] for number in found.kind[told].tolist()]
    return measured(facts, columns.table(notes, "section", {"section": kind}))
