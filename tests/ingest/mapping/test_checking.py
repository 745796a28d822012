"""The check names every problem at once, and a draft is a mapping that works."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ingest.mapping.source import HEADER, read

from biolake.core.errors import SourceUnreadable
from biolake.ingest.mapping import check_mapping, draft_mapping
from biolake.ingest.mapping.identifiers import is_identifier

WRONG = """\
mapping: small
clok: utc
subject: {column: sid, system: small, type: integer}
tables:
  t:
    file: t.csv
    key: [id]
    columns: {id: BIGINT, at: TIMESTAMP, nmu: DOUBLE}
    events:
      - {name: a, code: "'A' || wat", time: at}
      - {name: b, code: "now()", time: what}
      - {name: c, code: "'C'", static: true, colour: red}
  u:
    file: u.csv
    events: [{code: "'U'", static: true}]
"""
RIGHT = """\
mapping: small
subject: {column: sid, system: small, type: integer}
tables:
  t:
    file: t.csv
    key: [id]
    columns: {id: BIGINT, at: TIMESTAMP}
    events: [{code: what, time: at}]
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    rows = "1,1,2020-01-01,x,,\n1,1,2020-01-01,x,,\n2,,2020-01-01,x,,\n3,1,then,x,,\n"
    (folder / "t.csv").write_text(HEADER + rows)
    return folder


def check(source: Path, text: str) -> list[tuple[str, str]]:
    path = source.parent / "m.yaml"
    path.write_text(text)
    return [(problem.where, problem.message) for problem in check_mapping(path, source)]


def test_all_problems_are_found_in_one_go(source: Path) -> None:
    found = check(source, WRONG)
    assert [where for where, _ in found] == [
        "m.yaml:2:1",
        "m.yaml:12:46",
        "m.yaml:8:42",
        "m.yaml:10:33",
        "m.yaml:11:26",
        "m.yaml:11:40",
        "m.yaml:14:11",
    ]
    assert "Did you mean 'clock'?" in found[0][1]
    assert "Did you mean 'num'?" in found[2][1]
    assert "Did you mean 'what'?" in found[3][1]
    assert "no file matches 'u.csv'" in found[6][1]


def test_a_dry_run_tells_what_would_be_quarantined(source: Path) -> None:
    messages = [message for _, message in check(source, RIGHT)]
    assert messages == [
        "1 of the first 4 rows of 't.csv' would be quarantined: at: not a TIMESTAMP",
        "1 of the first 4 rows of 't.csv' would be quarantined: subject: empty",
        "the key (id) is not unique: 1 keys occur more than once,"
        " and a later row replaces an earlier one",
    ]


def test_a_draft_of_a_simple_folder_checks_and_reads(tmp_path: Path) -> None:
    labs = "lab_id;patient_id;visit_id;taken;test;value;unit\n"
    files: dict[str, str | bytes] = {
        "labs.csv": labs + "1;7;70;2020-01-01 10:00:00;NA;140.5;mmol/L\n2;8;;2020-01-02;K;4;\n",
        "patients.csv": 'id,sex,"birth date",birthdate\n7,F,x,1950-01-01\n8,M,y,1960-02-03\n',
        "staff.csv": "name\nnobody\n",
    }
    source = tmp_path / "source"
    source.mkdir()
    for name, content in files.items():
        (source / name).write_text(str(content))
    draft = draft_mapping(source)
    assert "REVIEW" in draft
    assert check(source, draft) == []
    outcome = read(tmp_path, files, draft, head="")
    assert outcome.tally.event_rows == outcome.tally.rows == 4
    codes = {str(event["code"]) for event in outcome.table()}
    assert {"LABS//NA", "MEDS_BIRTH", "PATIENTS//SEX", "PATIENTS//BIRTH DATE"} <= codes
    sodium = next(event for event in outcome.table() if event["code"] == "LABS//NA")
    assert (sodium["numeric_value"], sodium["unit"], sodium["encounter"]) == (140.5, "mmol/L", 70)


def test_a_folder_without_subjects_has_no_draft(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(SourceUnreadable, match="subject identifier"):
        draft_mapping(tmp_path)


PEOPLE = """\
patient_no,sex,birth_date,national_id,PhoneNumber,e-mail,last name,postcode,ward_id
7,F,1950-01-01,N1,0551 1,a@b.example,Doe,37073,3
8,M,1960-02-03,N2,0551 2,c@d.example,Roe,37075,3
"""
SPECIMENS = """\
specimen_no,patient_no,taken,test,result,order_id,ssn
S-1,7,2020-01-01,NA,140,O1,N1
S-2,8,2020-01-01,NA,141,O1,N2
"""


def test_a_draft_makes_no_event_of_an_identifier(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "patients.csv").write_text(PEOPLE)
    (source / "specimens.csv").write_text(SPECIMENS)
    draft = draft_mapping(source)
    assert check(source, draft) == []
    for name in ("PhoneNumber", "e-mail", "last name", "postcode", "order_id", "ssn"):
        assert f'# REVIEW: "{name}": left out: looks like an identifier' in draft
    assert 'key: ["specimen_no"]' in draft
    files: dict[str, str | bytes] = {"patients.csv": PEOPLE, "specimens.csv": SPECIMENS}
    outcome = read(tmp_path, files, draft, head="")
    assert {(person["system"], person["value"]) for person in outcome.table("people")} == {
        ("national_id", "N1"),
        ("national_id", "N2"),
    }
    codes = {str(event["code"]) for event in outcome.table()}
    assert codes == {"MEDS_BIRTH", "PATIENTS//SEX", "PATIENTS//WARD_ID", "SPECIMENS//NA"}


def test_what_a_thing_is_is_no_identifier() -> None:
    kinds = "itemid covid lipid concept_id product_name platelets test_name room_no value sex race"
    assert not [name for name in kinds.split() if is_identifier(name)]
    personal = "SSN passport national_id phone email address name FirstName order_id accession_no"
    assert not [name for name in personal.split() if not is_identifier(name)]
