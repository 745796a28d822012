"""Notes from the source into the lake: whose they are, what they say, what became of each row."""

from __future__ import annotations

import csv
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from biolake.core.catalogue import Catalogue, discover
from biolake.core.media import Note
from biolake.ingest.pipeline import IngestReport, ingest
from biolake.lake.assets import StoredContent
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
HEADER = ("id", "patient", "stay", "at", "kind", "text")
MAPPING = """
mapping: ward
version: "1"
subject: {column: patient, system: ward}
encounter: {column: stay, system: ward}
detect: [notes.csv]
tables:
  notes:
    file: notes.csv
    key: [id]
    columns: {at: TIMESTAMP}
    notes: [{text: text, time: at, kind: kind, language: "'en'"}]
"""
LINES = """
mapping: lines
subject: {{column: "{subject}", system: lines}}
tables:
  notes:
    file: "{file}"
    notes: [{{text: {text}{more}}}]
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return discover("biolake.readers")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"))


def ward(folder: Path, *rows: tuple[str, ...]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "ward.yaml").write_text(MAPPING)
    with (folder / "notes.csv").open("w", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(HEADER)
        table.writerows(rows)
    return folder


def rows(lake: Lake, sql: str) -> list[tuple[Any, ...]]:
    with open_view(lake) as view:
        return view.rows(sql)


def texts(lake: Lake, catalogue: Catalogue) -> list[str]:
    """Open every asset with the reader of its row, as an extractor's engine does."""
    found = []
    with open_view(lake) as view:
        for asset, form in view.rows("SELECT asset_id, format FROM assets ORDER BY time, asset_id"):
            with StoredContent(view, asset) as content:
                opened = catalogue.get("asset-reader", form).call(content)
                assert isinstance(opened, Note)
                found.append(opened.text)
    return found


def take(lake: Lake, source: Path, catalogue: Catalogue, **more: Any) -> IngestReport:
    report = ingest(lake, str(source), catalogue, **more)
    if report.load.commit is not None:
        assert verify(lake).problems == ()
    return report


def quarantined(lake: Lake) -> list[tuple[Any, ...]]:
    return rows(lake, 'SELECT file, "row", "column", reason FROM quarantine ORDER BY 1, 2')


def test_notes_are_assets_with_events_of_their_subject_at_their_time(lake, tmp_path, catalogue):
    source = ward(
        tmp_path / "source",
        ("1", "ann", "s1", "2150-01-01 08:00:00", "letter", 'He said "no".\r\nBP 120/80'),
        ("2", "bob", "", "2150-01-02 08:00:00", "letter", "Größe 180 cm 胸痛"),
    )
    report = take(lake, source, catalogue)
    assert (report.assets.added, report.assets.linked) == (2, 2)
    assert texts(lake, catalogue) == ['He said "no".\r\nBP 120/80', "Größe 180 cm 胸痛"]
    sql = (
        "SELECT a.kind, a.shape, e.code, e.time = a.time, a.encounter_id IS NOT NULL"
        " FROM assets a JOIN events e ON e.text_value = a.asset_id"
        " AND e.subject_id = a.subject_id ORDER BY a.time"
    )
    assert rows(lake, sql) == [
        ("letter", [24], "ASSET//note", True, True),
        ("letter", [15], "ASSET//note", True, False),
    ]
    assert take(lake, source, catalogue).load.commit is None


def test_the_same_words_about_two_patients_are_two_notes(lake, tmp_path, catalogue):
    source = ward(
        tmp_path / "source",
        *((str(n), f"p{n}", "", f"2150-01-0{n} 08:00:00", "report", "No change.") for n in (1, 2)),
    )
    assert take(lake, source, catalogue).assets.linked == 2
    assert texts(lake, catalogue) == ["No change."] * 2
    assert rows(lake, "SELECT count(DISTINCT subject_id), count(*) FROM assets") == [(2, 2)]


def test_an_addendum_replaces_the_note_and_keeps_its_place(lake, tmp_path, catalogue):
    source, note = tmp_path / "source", ("1", "ann", "", "2150-01-01 08:00:00", "letter")
    take(lake, ward(source, (*note, "draft")), catalogue)
    report = take(lake, ward(source, (*note, "draft\nAddendum: fever")), catalogue)
    assert report.assets.corrected == 1
    assert texts(lake, catalogue) == ["draft\nAddendum: fever"]


@pytest.mark.parametrize(
    "said",
    [
        ["first", "second"],
        ["first", "second", "first"],
        ["first", "first"],
        ["stored", "x"],
        ["x", "stored"],
        ["stored", "x", "stored"],
        ["x", "y", "x", "stored", "x"],
    ],
)
@pytest.mark.parametrize("stored", [False, True])
def test_of_the_rows_with_one_key_the_last_is_the_note(lake, tmp_path, catalogue, said, stored):
    def note(text: str, subject: str = "ann", day: int = 1) -> tuple[str, ...]:
        return ("1", subject, "", f"2150-01-0{day} 08:00:00", "letter", text)

    if stored:
        take(lake, ward(tmp_path / "before", note("stored")), catalogue)
    rest = [note(text, f"p{n}", n + 1) for n, text in enumerate(said)]
    other = ("2", "bob", "", "2150-02-01 08:00:00", "letter", "other")
    report = take(lake, ward(tmp_path / "source", *rest, other), catalogue)
    assert texts(lake, catalogue) == [said[-1], "other"]
    sql = "SELECT a.time::DATE::VARCHAR, e.time = a.time FROM assets a JOIN events e ON"
    sql += " e.text_value = a.asset_id AND e.subject_id = a.subject_id ORDER BY a.time"
    assert rows(lake, sql) == [(f"2150-01-0{len(said)}", True), ("2150-02-01", True)]
    assert rows(lake, "SELECT count(*) FROM asset_files") == [(2,)]
    assert report.assets.added + report.assets.corrected + report.assets.relinked >= 2 - stored
    packs = b"".join(path.read_bytes() for path in (tmp_path / "lake/packs").rglob("*.tar"))
    assert b"other" in packs
    assert (b"x\0" in packs, b"y\0" in packs) == ("x" == said[-1], False)  # noqa: SIM300


def test_text_files_named_by_a_table_are_notes_and_no_stray_files(lake, tmp_path, catalogue):
    source = ward(
        tmp_path / "source",
        ("1", "ann", "", "2150-01-01 08:00:00", "letter", "texts/a.txt"),
        ("2", "bob", "", "2150-01-02 08:00:00", "letter", "texts/b.txt"),
        ("3", "bob", "", "2150-01-02 08:00:00", "letter", "texts/c.txt"),
    )
    (source / "ward.yaml").write_text(MAPPING.replace("{text: text,", "{file: text,"))
    (source / "texts").mkdir()
    (source / "texts/a.txt").write_bytes("Señor Peña, 38 °C\r\n".encode("cp1252"))
    (source / "texts/b.txt").write_bytes("胸痛三天，加重一天。".encode("gb18030"))
    (source / "texts/c.txt").write_bytes(b"mixed \xe9\xff\x00 bytes")
    (source / "texts/stray.txt").write_text("nobody's")
    take(lake, source, catalogue)
    assert texts(lake, catalogue) == ["Señor Peña, 38 °C\r\n", "胸痛三天，加重一天。"]
    assert quarantined(lake) == [("notes.csv", 4, "text", "it holds zero bytes: it is no text")]
    (source / "texts/b.txt").write_text("胸痛三天，已好转。", encoding="utf-8")
    assert take(lake, source, catalogue).assets.corrected == 1
    assert texts(lake, catalogue)[1] == "胸痛三天，已好转。"


def test_a_folder_called_notes_is_linked_by_a_list_of_files(lake, tmp_path, catalogue):
    source = ward(
        tmp_path / "source",
        ("1", "ann", "s1", "2150-01-01 08:00:00", "letter", "notes/a"),
    )
    rule = "    assets: [{file: text, time: at}]\n"
    (source / "ward.yaml").write_text(MAPPING.partition("    notes:")[0] + rule)
    (source / "notes").mkdir()
    (source / "notes/a.txt").write_text("one")
    (source / "notes/b.md").write_bytes(b"\xff\xfe\x00")
    report = take(lake, source, catalogue)
    assert (report.assets.added, report.assets.linked) == (1, 1)
    ((_, file, reason),) = [(n, f, r) for f, n, _, r in quarantined(lake)]
    assert (file, reason) == ("notes/b.md", "a byte at 0 is no utf-16-le text")


def test_forgetting_one_of_two_patients_with_the_same_words_keeps_the_other_note(
    lake, tmp_path, catalogue
):
    from biolake.lake.forgetting import forget

    source = ward(
        tmp_path / "source",
        *((str(n), f"p{n}", "", f"2150-01-0{n} 08:00:00", "report", "No change.") for n in (1, 2)),
    )
    take(lake, source, catalogue)
    ((first,),) = rows(lake, "SELECT subject_id FROM assets ORDER BY time LIMIT 1")
    forget(lake, first)
    assert texts(lake, catalogue) == ["No change."]
    assert verify(lake).problems == ()


def mimic(folder: Path) -> Path:
    """Write made-up rows of MIMIC-IV-Note in its own layout."""
    notes = folder / "note"
    notes.mkdir(parents=True)
    header = "note_id,subject_id,hadm_id,note_type,note_seq,charttime,storetime,text\n"
    (notes / "discharge.csv").write_text(
        header
        + '10000032-DS-21,10000032,22595853,DS,21,2180-05-07 00:00:00,2180-05-09 15:26:00," \n'
        + 'Name:  ___                     Unit No:   ___\n \nChief Complaint:\n""Worsening"" ABD'
        + ' distension"\n'
        + "10000032-DS-22,10000032,,DS,22,2180-06-07 00:00:00,,\n"
        + "x,,1,DS,1,2180-06-07 00:00:00,,text of nobody\n"
    )
    (notes / "radiology.csv").write_text(
        header
        + "10000032-RR-14,10000032,22595853,RR,14,2180-05-06 21:19:00,2180-05-06 23:32:00,"
        + '"EXAMINATION:  CHEST\n\nFINDINGS: \n\nNo change."\n'
        + '10000032-AR-1,10000032,,AR,1,2180-05-07 10:00:00,2180-05-07 10:05:00,"ADDENDUM"\n'
    )
    for name in ("discharge_detail", "radiology_detail"):
        (notes / f"{name}.csv").write_text("note_id,subject_id,field_name,field_value\n")
    return folder


def test_mimic_iv_note_is_recognised_and_every_row_explained(lake, tmp_path, catalogue):
    report = take(lake, mimic(tmp_path / "mimic"), catalogue)
    assert report.plan.reading.layout == "mimic-iv-note"
    assert rows(lake, "SELECT kind, time::VARCHAR FROM assets ORDER BY time") == [
        ("radiology report", "2180-05-06 21:19:00"),
        ("discharge summary", "2180-05-07 00:00:00"),
        ("radiology report addendum", "2180-05-07 10:00:00"),
    ]
    assert texts(lake, catalogue)[1].startswith(" \nName:  ___")
    assert quarantined(lake) == [("note/discharge.csv", 4, "subject", "empty")]
    lines = "SELECT file, sum(rows), sum(part_rows), sum(skipped_rows) FROM loads GROUP BY 1"
    assert sorted(rows(lake, lines)) == [
        ("note/discharge.csv", 3, 1, 1),
        ("note/radiology.csv", 2, 2, 0),
    ]


@pytest.mark.parametrize(
    ("file", "subject", "text", "more", "count"),
    [
        ("summ_aci_bench/train.jsonl", "encounter_id", "note", ", language: \"'en'\"", 67),
        ("summ_mts_dialog/train.jsonl", "ID", "dialogue", ", kind: section_header", 1201),
        ("icd_codiesp/train.jsonl", "id", "text_es", ", language: \"'es'\"", 500),
        ("negation_context/sentences.jsonl", "id", "sentence", "", 1590),
        ("deid_meddocan_es/train.jsonl", "id", "text", ", language: \"'es'\"", 500),
    ],
)
def test_real_notes_come_out_as_they_went_in(
    lake, tmp_path, catalogue, file, subject, text, more, count
):
    source = SHARED / file
    if not source.exists():
        pytest.skip("no shared data")
    mapping = tmp_path / "lines.yaml"
    mapping.write_text(LINES.format(file=source.name, subject=subject, text=text, more=more))
    report = take(lake, source, catalogue, mapping=str(mapping))
    said = [json.loads(line)[text] for line in source.read_text().splitlines()]
    assert (len(said), report.assets.added) == (count, count)
    assert sorted(texts(lake, catalogue)) == sorted(said)
    lines = "SELECT sum(rows), sum(part_rows), sum(quarantined_rows) FROM loads"
    assert rows(lake, lines) == [(count, count, 0)]


def test_a_note_of_an_omop_table_is_an_event_and_a_note(tmp_path):
    from biolake.core.reading import ReadContext
    from biolake.ingest.mapping import load_mapping, open_mapping

    source = tmp_path / "omop"
    source.mkdir()
    (source / "note.csv").write_text(
        "note_id,person_id,note_date,note_datetime,note_class_concept_id,note_title,note_text,"
        'visit_occurrence_id\n1,7,2020-01-02,,3,Letter,"Dear\ncolleague",9\n'
    )
    (source / "concept.csv").write_text("concept_id,vocabulary_id,concept_code\n3,LOINC,18842-5\n")
    reading = open_mapping(load_mapping("omop-5.4"), source, ReadContext("here", tmp_path / "s"))
    chunks = list(reading.chunks(tuple(f for f in reading.files if f.name == "note.csv")))
    (found,) = [each for chunk in chunks for each in chunk.assets]
    assert (found.subject, found.encounter, found.facts.kind) == ("7", "9", "LOINC 18842-5")
    (event,) = [row for c in chunks if c.events for row in c.events.to_pylist()]
    assert (event["code"], event["text_value"]) == ("NOTE//LOINC//18842-5", None)


def letter(text: str, status: str = "current", version: str = "1") -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference",
        "id": "d1",
        "meta": {"versionId": version, "lastUpdated": f"2020-03-0{version}T00:00:00Z"},
        "status": status,
        "type": {"text": "Letter"},
        "subject": {"reference": "Patient/p1"},
        "date": "2020-03-01T10:00:00Z",
        "content": [
            {"attachment": {"contentType": "text/plain", "data": b64encode(text.encode()).decode()}}
        ],
    }


@pytest.mark.parametrize("together", [True, False])
def test_a_withdrawn_fhir_document_can_be_read_no_more(lake, tmp_path, catalogue, together):
    source = tmp_path / "fhir"
    source.mkdir()
    steps = ([letter("wrong patient")], [letter("wrong patient", "entered-in-error", "2")])
    loads = [[*steps[0], *steps[1]]] if together else steps
    for resources in loads:
        lines = [{"resourceType": "Patient", "id": "p1"}, *resources]
        for number, line in enumerate(lines):
            (source / f"{number}.ndjson").write_text(json.dumps(line) + "\n")
        take(lake, source, catalogue)
    assert texts(lake, catalogue) == ["Withdrawn by the source.\n"]
    assert rows(lake, "SELECT count(*) FROM events WHERE code = 'ASSET//note'") == [(0,)]


def test_a_newer_version_of_a_fhir_document_replaces_its_note(lake, tmp_path, catalogue):
    source = tmp_path / "fhir"
    source.mkdir()
    (source / "0.ndjson").write_text('{"resourceType": "Patient", "id": "p1"}\n')
    for number, text in enumerate(("draft", "final"), 1):
        line = json.dumps(letter(text, version=str(number)))
        (source / f"{number}.ndjson").write_text(line + "\n")
    report = take(lake, source, catalogue)
    assert (texts(lake, catalogue), report.assets.outdated) == (["final"], 1)
