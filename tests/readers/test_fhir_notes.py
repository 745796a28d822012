"""Texts inside FHIR documents and reports become notes of their subject."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.readers.test_fhir import (
    ABOUT,
    AT,
    clinical,
    events,
    reject,
    tally,
    write,
    write_lines,
)

from biolake.core.assets import FoundAsset
from biolake.readers.ccda import ccda
from biolake.readers.fhir import fhir
from biolake.readers.note import note
from biolake.testing.media import SourceContent
from biolake.testing.readers import read

READERS = {"note": note, "ccda": ccda}
PATIENT = {"resourceType": "Patient", "id": "p1"}
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
CDA = b"""<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3">
<component><structuredBody><component><section><title>Plan</title><text>Rest.</text></section>
</component></structuredBody></component></ClinicalDocument>"""


def attachment(data: bytes | str, kind: str = "text/plain", **more: Any) -> dict[str, Any]:
    raw = data.encode() if isinstance(data, str) else data
    return {"contentType": kind, "data": base64.b64encode(raw).decode()} | more


def document(*attachments: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return (
        {
            "resourceType": "DocumentReference",
            "id": "d1",
            "status": "current",
            "type": {"text": "Letter"},
            "date": AT,
            "content": [{"attachment": each} for each in attachments],
            "context": {"encounter": [{"reference": "Encounter/e1"}]},
        }
        | ABOUT
        | fields
    )


def found(source: Path) -> list[tuple[str, FoundAsset]]:
    return [(chunk.table, each) for chunk in read(fhir, source) for each in chunk.assets]


def notes(source: Path) -> list[FoundAsset]:
    return [each for _, each in found(source)]


def text_of(form: str, asset: FoundAsset) -> str:
    return str(READERS[form].call(SourceContent.of(asset)).text)


def texts(source: Path) -> list[str]:
    return [text_of(*each) for each in found(source)]


def test_a_document_becomes_an_event_and_a_note_of_its_subject_and_encounter(tmp_path):
    source = write(tmp_path, PATIENT, document(attachment("Dear colleague", language="de-CH")))
    (event,) = events(source)
    assert (event["code"], event["text_value"], event["encounter"]) == ("TEXT//Letter", None, "e1")
    (one,) = notes(source)
    assert (one.modality, one.subject, one.encounter, one.listed) == ("note", "p1", "e1", True)
    assert (one.start, one.utc_offset) == (1583049600000000, 0)
    assert one.facts.kind == "Letter"
    assert one.facts.attributes == {"encoding": "utf-8", "language": "de"}
    assert texts(source) == ["Dear colleague"]


@pytest.mark.parametrize(
    ("said", "code"),
    [({}, "DOCUMENT//untyped"), ({"category": [{"text": "Nursing"}]}, "TEXT//Nursing")],
)
def test_a_document_of_no_type_is_of_its_category_or_untyped(tmp_path, said, code):
    untyped = document(attachment("Slept well.")) | said
    del untyped["type"]
    source = write(tmp_path, PATIENT, untyped)
    assert [event["code"] for event in events(source)] == [code]
    assert texts(source) == ["Slept well."]


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        ("Größe".encode("latin-1"), "text/plain; charset=ISO-8859-1", "Größe"),
        ("胸痛3天".encode("gb18030"), 'text/plain;charset="GB18030"', "胸痛3天"),
        (b"<p>a<br>b &lt; 5</p>", "text/html", "a\nb < 5\n"),
        (rb"{\rtf1\ansi Fe\'f1or\par}", "application/rtf", "Feñor\n"),
        (CDA, "application/xml", "Plan\nRest.\n"),
        (b"a\r\nb", "text/plain", "a\r\nb"),
    ],
)
def test_text_is_read_in_its_charset_and_form(tmp_path, data, kind, text):
    assert texts(write(tmp_path, PATIENT, document(attachment(data, kind)))) == [text]


@pytest.mark.parametrize(
    "data", ["Größe".encode("latin-1"), b"a\0b", b"   "], ids=["charset", "zero", "blank"]
)
def test_text_that_cannot_be_read_is_quarantined_by_row_and_field(tmp_path, data):
    column, reason = reject(tmp_path, document(attachment(data)))
    assert column == "content.attachment.data"
    assert "Gr" not in reason
    assert notes(tmp_path) == []


def test_what_is_no_base64_is_quarantined(tmp_path):
    wrong = {"contentType": "text/plain", "data": "!!"}
    assert reject(tmp_path, document(wrong)) == ("content.attachment.data", "not base64")


def test_what_holds_no_text_is_counted_with_the_reason(tmp_path):
    source = write(
        tmp_path,
        PATIENT,
        document(
            {"contentType": "text/plain", "url": "Binary/1"},
            attachment(b"%PDF-1.4", "application/pdf"),
            attachment(b"<x/>", "text/xml"),
            {"contentType": "text/plain"},
            attachment("kept"),
        ),
    )
    assert texts(source) == ["kept"]
    assert tally(source).dropped == {
        "note: only an address, no text": 1,
        "note: application/pdf is not read": 1,
        "note: an XML document that is no C-CDA": 1,
        "note: an attachment without data": 1,
    }


def test_a_report_keeps_its_conclusion_as_its_value_and_its_form_as_a_note(tmp_path):
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "30746-2", "display": "Chest"}]},
        "effectiveDateTime": AT,
        "conclusion": "No change.",
        "presentedForm": [attachment("FINDINGS: none"), attachment("IMPRESSION: none")],
    } | ABOUT
    (event,) = clinical(tmp_path, report)
    assert (event["code"], event["text_value"]) == ("LOINC//30746-2", "No change.")
    assert texts(tmp_path) == ["FINDINGS: none", "IMPRESSION: none"]
    assert len({each.source_key for each in notes(tmp_path)}) == 2


def test_a_newer_version_of_a_document_keeps_its_notes_name(tmp_path):
    def version(text: str, day: int) -> dict[str, Any]:
        return document(attachment(text), meta={"lastUpdated": f"2020-03-0{day}T00:00:00Z"})

    write_lines(tmp_path, "a.ndjson", PATIENT)
    write_lines(tmp_path, "b.ndjson", version("new", 5), version("old", 2))
    assert texts(tmp_path) == ["new"]
    old = tmp_path / "old"
    old.mkdir()
    write_lines(old, "a.ndjson", PATIENT, version("old", 2))
    assert notes(old)[0].source_key == notes(tmp_path)[0].source_key


@pytest.mark.parametrize(
    "gone", [{"status": "entered-in-error"}, {"docStatus": "entered-in-error"}]
)
def test_a_withdrawn_document_says_so_in_place_of_its_text(tmp_path, gone):
    source = write(tmp_path, PATIENT, document(attachment("wrong patient"), **gone))
    assert texts(source) == ["Withdrawn by the source.\n"]
    (one,) = notes(source)
    assert one.facts.kind == "withdrawn"
    kept = tmp_path / "kept"
    kept.mkdir()
    write(kept, PATIENT, document(attachment("wrong patient")))
    assert notes(kept)[0].source_key == one.source_key


def test_a_report_without_a_form_that_is_withdrawn_makes_no_note(tmp_path):
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "entered-in-error",
        "code": {"text": "x"},
    } | ABOUT
    assert notes(write(tmp_path, PATIENT, report)) == []


def test_every_text_of_the_real_export_is_explained():
    folder = SHARED / "synthea-fhir-r4-25"
    if not folder.exists():
        pytest.skip("no shared data")
    forms = total = 0
    for file in sorted(folder.glob("*.json.gz")):
        for entry in json.loads(gzip.decompress(file.read_bytes()))["entry"]:
            resource = entry["resource"]
            forms += len(resource.get("presentedForm") or ()) + len(resource.get("content") or ())
            total += resource["resourceType"] in ("DiagnosticReport", "DocumentReference")
    assert total == 91
    assert len(notes(folder)) == forms
    assert tally(folder).unexplained == 0
