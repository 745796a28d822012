"""Rows that name files: whose they are, and those that are not there."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.ingest.mapping.source import HEAD, Outcome, read

from biolake.core.errors import MappingInvalid
from biolake.ingest.mapping import check_mapping
from biolake.ingest.mapping.loading import parse_mapping

TABLES = """
tables:
  t:
    file: lists/t.csv
    key: [id]
    columns: {id: BIGINT, at: TIMESTAMP}
    assets:
      - {file: path, time: at, when: "kind <> 'none'"}
"""
HEADER = "id,sid,visit,at,kind,path\n"
AT = datetime.fromisoformat("2020-01-02 03:04:05")


def listed(folder: Path, rows: str, *files: str, tables: str = TABLES) -> Outcome:
    contents: dict[str, str | bytes] = dict.fromkeys(files, b"bytes")
    return read(folder, {"lists/t.csv": HEADER + rows, **contents}, tables)


def links(outcome: Outcome) -> list[dict[str, Any]]:
    return outcome.table("asset_links")


def test_a_file_is_of_the_row_s_subject_encounter_and_time(tmp_path: Path) -> None:
    outcome = listed(tmp_path, "1,7,9,2020-01-02 03:04:05,ecg,a/1.dat\n", "lists/a/1.dat")
    assert links(outcome) == [
        {
            "file": "lists/a/1.dat",
            "subject": "7",
            "encounter": "9",
            "time": AT,
            "modality": None,
        }
    ]
    assert (outcome.tally.part_rows, outcome.tally.rows) == (1, 1)


@pytest.mark.parametrize(
    ("name", "files", "found"),
    [
        ("1", ["lists/1.dat"], ["lists/1"]),
        ("1", ["lists/1.nii.gz"], ["lists/1"]),
        ("./x/../1.dat", ["lists/1.dat"], ["lists/1.dat"]),
        ("x\\1.dat", ["lists/x/1.dat"], ["lists/x/1.dat"]),
        ("../other/1.dat", ["other/1.dat"], ["other/1.dat"]),
        ("other/1.dat", ["other/1.dat"], ["other/1.dat"]),  # from the top of the source
        ("series", ["lists/series/2.dcm", "lists/series/1.dcm", "lists/series/deep/3.dcm"],
         ["lists/series/1.dcm", "lists/series/2.dcm"]),
        ("../../../etc/passwd", ["lists/1.dat"], []),
        ("2.dat", ["lists/1.dat"], []),
        ("1.da", ["lists/1.dat"], []),
    ],
)  # fmt: skip
def test_a_name_stands_for_files_of_the_source_alone(
    tmp_path: Path, name: str, files: list[str], found: list[str]
) -> None:
    outcome = listed(tmp_path, f"1,7,,2020-01-02,ecg,{name}\n", *files)
    assert [link["file"] for link in links(outcome)] == found


def test_files_that_are_not_there_are_counted_by_rule(tmp_path: Path) -> None:
    rows = "1,7,,2020-01-02,ecg,1.dat\n2,7,,2020-01-02,ecg,2.dat\n3,7,,2020-01-02,none,3.dat\n"
    outcome = listed(tmp_path, rows, "lists/1.dat")
    assert outcome.tally.dropped == {"path: the file is not in the source": 1}
    assert outcome.tally.skipped == {"no rule applies": 1}


def test_a_quarantined_row_links_nothing(tmp_path: Path) -> None:
    rows = "1,,,2020-01-02,ecg,1.dat\n2,7,,a day,ecg,1.dat\n"
    outcome = listed(tmp_path, rows, "lists/1.dat")
    assert links(outcome) == []
    assert [row for row, _, _ in outcome.rejects] == [2, 3]


def test_several_rules_and_events_share_a_row(tmp_path: Path) -> None:
    tables = TABLES + (
        "      - {name: again, file: \"path || '.hea'\"}\n"
        "    events:\n      - {code: \"'A//' || kind\", time: at}\n"
    )
    rows = "1,7,,2020-01-02 03:04:05,ecg,1\n"
    outcome = listed(tmp_path, rows, "lists/1.dat", "lists/1.hea", tables=tables)
    assert [(link["file"], link["time"]) for link in links(outcome)] == [
        ("lists/1", AT),
        ("lists/1.hea", None),
    ]
    assert len(outcome.table()) == 1


def test_a_file_that_comes_later_makes_the_list_be_read_again(tmp_path: Path) -> None:
    row = "1,7,,2020-01-02,ecg,1.dat\n"
    first = listed(tmp_path, row).reading
    later = listed(tmp_path, row, "lists/1.dat").reading
    same = listed(tmp_path, row, "lists/1.dat").reading
    assert first.layout_hash != later.layout_hash
    assert later.layout_hash == same.layout_hash


def test_other_files_are_no_notes_where_rows_name_files(tmp_path: Path) -> None:
    outcome = listed(tmp_path, "", "lists/1.dat", "lists/unread.csv")
    assert outcome.reading.notes == ("not read: lists/unread.csv",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("file: path", "fil: path", "Did you mean 'file'?"),
        ("file: path, ", "", "'file' is missing"),
        ("      - {file", "      - {file: path}\n      - {file", "two asset rules"),
    ],
)
def test_a_mistake_in_a_rule_is_named_where_it_stands(old: str, new: str, message: str) -> None:
    with pytest.raises(MappingInvalid, match=r"m\.yaml:1[0-9]:") as caught:
        parse_mapping((HEAD + TABLES).replace(old, new, 1), Path("m.yaml"))
    assert message in caught.value.message


def test_check_finds_a_column_that_is_not_there(tmp_path: Path) -> None:
    listed(tmp_path, "1,7,,2020-01-02,ecg,1.dat\n")
    mapping = tmp_path / "wrong.yaml"
    mapping.write_text((HEAD + TABLES).replace("file: path", "file: pat"))
    (problem,) = check_mapping(mapping, tmp_path / "source")
    assert "Did you mean 'path'?" in problem.message
    assert problem.where.startswith("wrong.yaml:12:")


def test_a_rule_may_say_what_its_pictures_show(tmp_path: Path) -> None:
    tables = TABLES.replace("time: at,", "time: at, modality: xray,")
    outcome = listed(tmp_path, "1,7,9,,cxr,1.png\n", "lists/1.png", tables=tables)
    assert [row["modality"] for row in links(outcome)] == ["xray"]


def test_a_modality_that_is_none_is_refused_with_the_nearest(tmp_path: Path) -> None:
    text = HEAD + TABLES.replace("time: at,", "time: at, modality: x-ray,")
    with pytest.raises(MappingInvalid, match=r"not 'x-ray'\. Did you mean 'xray'"):
        parse_mapping(text, tmp_path / "m.yaml")
