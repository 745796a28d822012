"""What is left of a study: gene panels, timelines, cancer types, and what is about no subject."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from biolake.core.reading import Chunk, Tally
from biolake.readers._cbioportal.alterations import owner
from biolake.readers._cbioportal.people import UNKNOWN_PATIENT
from biolake.readers._cbioportal.taking import Bad, Record, Taking, chunks, day, header_of, worded
from biolake.readers._matrix.text_table import BROKEN, damaged

# Alteration type → why its rows are no events.
ABOUT_NOBODY = {
    "GISTIC_GENES_AMP": "a region of the whole study, of no one sample",
    "GISTIC_GENES_DEL": "a region of the whole study, of no one sample",
    "MUTSIG": "a gene of the whole study, of no one sample",
    "RESOURCE": "a link to a page, not data",
    "PANEL": "the genes of a panel: about no subject",
    "CANCER_TYPE": "a name of a cancer type, of no one sample",
}
_STOP = ("PATIENT_ID", "START_DATE", "STOP_DATE", "EVENT_TYPE")
# What names an event of each kind best, most telling first.
_TELLING = (
    "TEST", "AGENT", "TREATMENT_SUBTYPE", "TREATMENT_TYPE", "SPECIMEN_TYPE", "STATUS",
    "DIAGNOSTIC_TYPE", "SUBTYPE", "SPECIMEN_SITE", "SURGERY", "SYMPTOM", "PROCEDURE",
)  # fmt: skip
_RESULTS = ("RESULT", "VALUE", "TEST_RESULT")


def skipped(taking: Taking, reason: str) -> Iterator[Chunk]:
    """Account for every line of a file that is about nobody."""
    file = taking.table.file
    try:
        with file.path.open("rb") as stream:
            lines = [line for line in stream if line.strip() and not line.startswith(b"#")]
    except BROKEN:
        raise damaged(file) from None
    headed = taking.table.kind not in ("PANEL", "CANCER_TYPE")
    rows = max(0, len(lines) - headed)
    tally = Tally(rows=rows)
    tally.skipped[reason] = rows
    yield Chunk(file, "about_nobody", tally)


def panels(taking: Taking) -> Iterator[Chunk]:
    """Read which panel each sample was sequenced with: `GENE_PANEL//<profile>//<panel>`."""
    header = header_of(taking.table, "SAMPLE_ID")
    profiles = tuple(name for name in header.names if name != "SAMPLE_ID")
    yield from chunks(taking, "gene_panels", partial(_panel_row, profiles))


def _panel_row(profiles: tuple[str, ...], taking: Taking, record: Record) -> str:
    sample = record.need("SAMPLE_ID", "no sample")
    patient = owner(taking, sample, "SAMPLE_ID")
    taking.once("SAMPLE_ID", "panel", sample)
    for profile in profiles:
        if panel := worded(record.first(profile)):
            code = f"GENE_PANEL//{worded(profile)}//{panel}"
            taking.give(patient, code, "panel", sample, profile)
    return "no panel"


def timeline(taking: Taking) -> Iterator[Chunk]:
    """Read dated events: `TIMELINE//<type>//<what>` on the day after diagnosis that they tell."""
    header_of(taking.table, *("PATIENT_ID", "START_DATE", "EVENT_TYPE"))
    yield from chunks(taking, "timeline", _timeline_row)


def _timeline_row(taking: Taking, record: Record) -> str:
    patient = record.need("PATIENT_ID", "no patient")
    if patient not in taking.owners.patients:
        raise Bad("PATIENT_ID", UNKNOWN_PATIENT)
    start, stop = day(record, "START_DATE"), day(record, "STOP_DATE")
    if start is None:
        raise Bad("START_DATE", "no day")
    if stop is not None and stop < start:
        raise Bad("STOP_DATE", "it ends before it starts")
    kind = worded(record.need("EVENT_TYPE", "no type"))
    named = next((name for name in _TELLING if record.first(name)), "")
    telling = worded(record.first(named)) if named else ""
    code = "//".join(word for word in ("TIMELINE", kind, telling) if word)
    value, result = _result(record)
    left = (*_STOP, named, result)
    text = "; ".join(f"{k}={v.strip()}" for k, v in record.said.items() if k not in left) or None
    identity = ("timeline", patient, code, str(start), str(stop), text or "", str(value))
    taking.once("PATIENT_ID", *identity)
    taking.describe(code, None, f"TIMELINE//{kind}")
    taking.give(patient, code, *identity, time=start, end=stop, value=value, text=text)
    return ""


def _result(record: Record) -> tuple[float | None, str]:
    """Return a row's number and the column that has it; words stay with the text."""
    for name in _RESULTS:
        try:
            number = record.number(name)
        except Bad:
            continue
        if number is not None:
            return number, name
    return None, ""
