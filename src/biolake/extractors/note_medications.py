"""Medications that notes tell, with dose, route and frequency."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from biolake.core.assets import FoundCode, Measured
from biolake.core.catalogue import batch_extractor
from biolake.core.installed import require
from biolake.core.media import Opened

CODE = "NOTE_MEDICATION//"


@batch_extractor(
    "Medications in notes",
    needs="note",
    version="2",
    codes=(FoundCode(f"{CODE}*", "Medication in use as the note tells it, by ingredient"),),
    extra="notes",
)
def note_medications(opened: Sequence[Opened]) -> Measured:
    """Find medications with dose, unit, route, frequency a day, form, duration and "as needed".

    One becomes an event where the patient takes it: affirmed, now, not stopped, no allergy. Its
    value is the dose as written, with the rest as JSON text. All others are spans only, with their
    assertion; attributes tell `status` (discontinued, allergy).
    """
    require("notes", "numba", to="read notes")
    from biolake.text.medications import medications
    from biolake.text.spans import Columns, Facts, Notes, measured, words

    notes = Notes.among(opened)
    found = medications(notes.run)
    said = words(notes.contexts(found.item, found.start, found.end))
    codes: list[str | None] = [f"{CODE}{name}" for name in found.ingredient]
    facts = Facts(notes)
    for row, about in enumerate(found.attributes):
        if said["section"][row] == "allergies":
            about["status"] = "allergy"
        if "status" in about:
            said["assertion"][row] = "negated"
        told = {name: column[row] for name, column in said.items()}
        if _in_use(told):
            rest = {key: told for key, told in about.items() if key not in ("dose", "unit")}
            text = json.dumps(rest, sort_keys=True) if rest else None
            dose = about.get("dose")
            unit = about["unit"] if dose is not None else None
            facts.add(found.item[row], str(codes[row]), dose, unit, text)
    columns = Columns(found.item, found.start, found.end, codes, attributes=found.attributes)
    columns.value = [about.get("dose") for about in found.attributes]
    columns.unit = [about.get("unit") if "dose" in about else None for about in found.attributes]
    return measured(facts, columns.table(notes, "medication", said))


def _in_use(said: Mapping[str, str]) -> bool:
    return (
        said["assertion"] == "affirmed"
        and said["temporality"] == "recent"
        and said["experiencer"] == "patient"
    )
