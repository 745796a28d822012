"""Notes in a table's columns, and in text files that its rows name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ingest.mapping.source import Outcome, read

from biolake.core.assets import FoundAsset
from biolake.core.errors import MappingInvalid
from biolake.ingest.mapping import check_mapping, draft_mapping
from biolake.readers.note import note
from biolake.testing.media import SourceContent

import pyarrow as pa  # isort: skip
import pyarrow.parquet as pq  # isort: skip

HEADER = "id,sid,visit,at,kind,text\n"
NOTES = """
tables:
  n:
    file: n.csv
    key: [id]
    columns: {id: BIGINT, at: TIMESTAMP}
    notes:
      - {text: text, time: at, kind: kind, language: "'en-US'"}
"""
FILES = """
tables:
  n:
    file: n.csv
    key: [id]
    columns: {id: BIGINT, at: TIMESTAMP}
    notes:
      - {file: text, time: at, kind: kind}
"""


def notes(outcome: Outcome) -> list[FoundAsset]:
    found = [asset for chunk in outcome.chunks for asset in chunk.assets]
    assert all(chunk.table == "note" for chunk in outcome.chunks if chunk.assets)
    return found


def text_of(asset: FoundAsset) -> str:
    content = SourceContent.of(asset)
    try:
        return str(note.call(content).text)
    finally:
        content.close()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def test_a_row_gives_a_note_with_its_subject_encounter_time_kind_and_language(tmp_path):
    rows = '1,7,8,2150-01-02 03:04:05,discharge,"Chest pain.\r\nNo ""fever""."\n'
    outcome = read(tmp_path, {"n.csv": HEADER + rows}, NOTES)
    (found,) = notes(outcome)
    assert (found.modality, found.subject, found.encounter) == ("note", "7", "8")
    assert (found.start, found.utc_offset, found.listed) == (at("2150-01-02T03:04:05"), None, True)
    assert found.facts.kind == "discharge"
    text = 'Chest pain.\r\nNo "fever".'
    assert text_of(found) == text
    assert found.facts.shape == (len(text),)
    assert found.facts.attributes == {"encoding": "utf-8", "language": "en"}
    assert (outcome.tally.rows, outcome.tally.part_rows) == (1, 1)


def test_a_corrected_row_keeps_the_notes_name_and_another_text_its_own(tmp_path):
    keys = []
    for number, text in enumerate(("draft", "final")):
        folder = tmp_path / str(number)
        rows = f"1,7,,,letter,{text}\n2,7,,,letter,other\n"
        keys.append([n.source_key for n in notes(read(folder, {"n.csv": HEADER + rows}, NOTES))])
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 2


def test_a_note_is_named_by_its_own_id_where_the_rule_says_so(tmp_path):
    rule = NOTES.replace("{text: text,", "{text: text, id: kind,").replace("    key: [id]\n", "")
    rows = "1,7,,,a-1,one\n2,7,,,a-2,two\n"
    keys = [n.source_key for n in notes(read(tmp_path, {"n.csv": HEADER + rows}, rule))]
    assert keys == ["small/n/note/a-1", "small/n/note/a-2"]


def test_an_empty_note_is_skipped_and_counted(tmp_path):
    rows = '1,7,,,a,\n2,7,,,a,"  \n "\n3,7,,,a,text\n'
    outcome = read(tmp_path, {"n.csv": HEADER + rows}, NOTES)
    assert [text_of(n) for n in notes(outcome)] == ["text"]
    assert outcome.tally.skipped == {"the note is empty": 2}


def test_an_empty_note_of_a_row_that_gives_an_event_is_counted(tmp_path):
    rule = NOTES + "    events:\n      - {code: \"'NOTE//' || kind\", time: at}\n"
    rows = "1,7,,2150-01-01,a,\n2,7,,2150-01-01,a,text\n"
    outcome = read(tmp_path, {"n.csv": HEADER + rows}, rule)
    assert (outcome.tally.event_rows, len(notes(outcome))) == (2, 1)
    assert outcome.tally.dropped == {"note: the note is empty": 1}


def test_a_rule_that_does_not_hold_gives_no_note(tmp_path):
    rule = NOTES.replace("kind: kind,", "kind: kind, when: kind = 'a',")
    rows = "1,7,,,a,one\n2,7,,,b,two\n"
    outcome = read(tmp_path, {"n.csv": HEADER + rows}, rule)
    assert [text_of(n) for n in notes(outcome)] == ["one"]
    assert outcome.tally.skipped == {"no rule applies": 1}


def test_broken_rows_are_quarantined_by_row_and_reason_and_never_by_value(tmp_path):
    rows = b"1,7,,,a,good\n2,7,,,a,Se\xf1or\n3,7,,,a,a\0b\n4,,,,a,whose\n5,7,,,a,last\n"
    outcome = read(tmp_path, {"n.csv": HEADER.encode() + rows}, NOTES)
    assert [text_of(n) for n in notes(outcome)] == ["good", "last"]
    assert outcome.rejects == [
        (3, "text", "a byte that is not UTF-8"),
        (4, "text", "it holds zero bytes: it is no text"),
        (5, "subject", "empty"),
    ]


def test_two_notes_of_one_row_are_two_assets(tmp_path):
    rule = NOTES.replace(
        "      - {text: text,", "      - {name: kind, text: kind}\n      - {name: text, text: text,"
    )
    outcome = read(tmp_path, {"n.csv": HEADER + "1,7,,,first,second\n"}, rule)
    found = notes(outcome)
    assert sorted(text_of(n) for n in found) == ["first", "second"]
    assert len({n.source_key for n in found}) == 2
    assert outcome.tally.part_rows == 1


def test_a_rule_needs_a_text_or_a_file(tmp_path):
    for wrong in ("{time: at}", "{text: text, file: text}"):
        rule = NOTES.replace(NOTES.partition("- ")[2].strip(), wrong)
        with pytest.raises(MappingInvalid, match="'text' or from 'file'"):
            read(tmp_path, {"n.csv": HEADER}, rule)


def test_a_table_that_takes_rows_back_cannot_hold_notes(tmp_path):
    rule = NOTES + (
        "    events:\n      - {code: \"'NOTE'\", time: at}\n"
        "    retract: {when: \"kind = 'x'\", why: gone}\n"
    )
    with pytest.raises(MappingInvalid, match="the notes of these rows would stay"):
        read(tmp_path, {"n.csv": HEADER}, rule)


def test_notes_of_a_parquet_table_are_read(tmp_path):
    table = pa.table({"id": [1], "sid": [7], "visit": [8], "at": ["2150-01-01"], "kind": ["a"]})
    table = table.append_column("text", pa.array(["Größe\n"]))
    (tmp_path / "source").mkdir()
    pq.write_table(table, tmp_path / "source" / "n.parquet")
    assert [text_of(n) for n in notes(read(tmp_path, {}, NOTES))] == ["Größe\n"]


def test_a_note_of_ten_megabytes_is_read_whole(tmp_path):
    text = "word " * 2_000_000
    outcome = read(tmp_path, {"n.csv": f"{HEADER}1,7,,,a,{text}\n2,7,,,a,short\n"}, NOTES)
    assert [text_of(n) for n in notes(outcome)] == [text, "short"]


def test_more_notes_than_one_chunk_holds_keep_their_texts(tmp_path):
    rows = "".join(f"{n},{n % 9},,,a,text {n}\n" for n in range(5_001))
    outcome = read(tmp_path, {"n.csv": HEADER + rows}, NOTES)
    found = notes(outcome)
    assert [len(chunk.assets) for chunk in outcome.chunks if chunk.assets] == [2000, 2000, 1001]
    assert [text_of(n) for n in found[::500]] == [f"text {n}" for n in range(0, 5_001, 500)]


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_any_text_comes_out_of_the_spool_as_it_was(tmp_path_factory, texts):
    texts = [text for text in texts if any(ord(c) > 32 for c in text)]
    folder = tmp_path_factory.mktemp("texts")
    (folder / "source").mkdir()
    n = len(texts)
    rows = pa.table({"id": range(n), "sid": range(n), "visit": [1] * n, "text": texts})
    rows = rows.append_column("at", pa.nulls(n, pa.string())).append_column("kind", rows["text"])
    pq.write_table(rows, folder / "source" / "n.parquet")
    found = notes(read(folder, {}, NOTES))
    kept = [text for text in texts if text.strip(" \t\n\f\r")]
    assert [text_of(each) for each in found] == kept
    assert [each.facts.shape for each in found] == [(len(text),) for text in kept]


def test_rows_name_text_files_of_which_the_encoding_is_found(tmp_path):
    rows = "1,7,,2150-01-01,letter,texts/a.txt\n2,8,,,letter,texts/b\n"
    files = {
        "n.csv": HEADER + rows,
        "texts/a.txt": "Señor, 38,5 °C.\r\n".encode("cp1252"),
        "texts/b.html": "<p>Größe <b>180</b></p>",
    }
    outcome = read(tmp_path, files, FILES)
    found = notes(outcome)
    assert [text_of(each) for each in found] == ["Señor, 38,5 °C.\r\n", "Größe 180\n"]
    assert [each.files[0].name for each in found] == ["texts/a.txt", "texts/b.html"]
    assert found[0].facts.attributes == {"encoding": "cp1252"}
    assert outcome.tally.part_rows == 2
    (listed,) = outcome.reading.depends.values()
    assert [file.name for file in listed] == ["texts/a.txt", "texts/b.html"]


def test_a_row_whose_file_is_no_note_is_quarantined_and_says_why(tmp_path):
    names = ("a.txt", "broken.txt", "gone.txt", "a.txt", "empty.txt", "../n.csv")
    rows = "".join(f"{n},{n},,,k,{name}\n" for n, name in enumerate(names, 1))
    files = {"n.csv": HEADER + rows, "a.txt": "good", "broken.txt": b"a\0b\xff", "empty.txt": " "}
    outcome = read(tmp_path, files, FILES)
    assert [text_of(each) for each in notes(outcome)] == ["good"]
    assert outcome.rejects == [
        (3, "text", "it holds zero bytes: it is no text"),
        (4, "text", "the text file is not in the source"),
        (5, "text", "the text file is that of another subject in a row before"),
        (6, "text", "it holds no text"),
        (7, "text", "the text file is not in the source"),
    ]


def test_lines_of_json_are_rows(tmp_path):
    rule = NOTES.replace("n.csv", "n.ndjson").replace(
        "kind: kind", "kind: \"json_extract_string(meta, '$.kind')\""
    )
    lines = (
        b'{"id": 1, "sid": 7, "visit": 8, "at": "2150-01-01", "text": "a\\n\\"b\\" \\u00e9",'
        b' "meta": {"kind": "x"}}\r\n'
        b"\n"
        b"{broken\n"
        b'{"id": 3, "sid": 8, "text": "Gr\xc3\xb6\xc3\x9fe"}\n'
        b'{"id": 4, "sid": 8, "text": "\xff"}\n'
        b"[1]\n"
        b'{"id": 5, "sid": 8, "text": "zero \\u0000"}\n'
        b'{"id": 6, "sid": 8, "text": null, "extra": 1}'
    )
    outcome = read(tmp_path, {"n.ndjson": lines}, rule)
    found = notes(outcome)
    assert [text_of(each) for each in found] == ['a\n"b" é', "Größe"]
    assert [each.facts.kind for each in found] == ["x", ""]
    assert found[0].start == at("2150-01-01T00:00:00")
    assert outcome.rejects == [
        (3, "", "not a JSON object"),
        (5, "", "a byte that is not UTF-8"),
        (6, "", "not a JSON object"),
        (7, "text", "it holds zero bytes: it is no text"),
    ]
    assert outcome.tally.skipped == {"a blank line": 1, "the note is empty": 1}
    assert outcome.tally.rows == 8


def test_a_draft_takes_long_texts_as_notes_and_reads_them(tmp_path):
    long = "The patient came with chest pain. " * 10
    rows = "".join(f"{n},{n},{n},2150-01-0{n},letter,{long}{n}\n" for n in range(1, 5))
    files = {"n.csv": "note_id,patient_id,visit_id,at,note_type,words\n" + rows}
    outcome = draft(tmp_path, files)
    assert [text_of(each) for each in notes(outcome)] == [f"{long}{n}" for n in range(1, 5)]
    assert {each.facts.kind for each in notes(outcome)} == {"letter"}
    assert notes(outcome)[0].start == at("2150-01-01T00:00:00")


def test_a_draft_takes_text_files_that_a_table_names_as_notes(tmp_path):
    files = {f"texts/{n}.txt": f"text {n}" for n in range(4)}
    rows = "".join(f"{n},{n},2150-01-01,texts/{n}.txt\n" for n in range(4))
    outcome = draft(tmp_path, files | {"index.csv": "row_id,patient_id,at,path\n" + rows})
    assert [text_of(each) for each in notes(outcome)] == [f"text {n}" for n in range(4)]


def draft(folder: Path, files: dict[str, str | bytes]) -> Outcome:
    source = folder / "draft"
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content.encode() if isinstance(content, str) else content)
    drafted = draft_mapping(source)
    assert "texts/" not in drafted
    (folder / "drafted.yaml").write_text(drafted)
    assert check_mapping(folder / "drafted.yaml", source) == []
    return read(folder, files, drafted, head="")


def test_the_check_tells_of_empty_notes_and_of_files_that_are_not_there(tmp_path):
    rows = "1,7,,,k,a.txt\n2,7,,,k,b.txt\n3,7,,,k,\n"
    read(tmp_path, {"n.csv": HEADER + rows, "a.txt": "text"}, FILES)
    found = check_mapping(tmp_path / "small.yaml", tmp_path / "source")
    assert [(problem.level, problem.message) for problem in found] == [
        ("warning", "1 of the first 3 rows of 'n.csv': the note is empty"),
        ("warning", "1 of the first 3 rows of 'n.csv': the text file is not in the source"),
    ]
