"""Every event of a lake is in one OMOP table or counted, and OMOP reads back as it was."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biolake.core.catalogue import discover
from biolake.core.errors import WrongUse
from biolake.export import cdm, concepts, omop
from biolake.export.destination import ExportReport
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init
from biolake.testing.hospital import simulate

CATALOGUE = discover("biolake.readers")
DAY = dt.datetime(2021, 3, 4, 5, 6, 7)  # noqa: DTZ001  OMOP times are naive
# Code, time, number, text of one subject, and the table each must be in.
EVENTS = [
    ("MEDS_BIRTH", dt.datetime(1950, 2, 3), None, None, "person"),  # noqa: DTZ001
    ("GENDER//F", None, None, None, "person"),
    ("RACE//White", None, None, None, "person"),
    ("RACE//Asian", DAY, None, None, "observation"),
    ("MEDS_BIRTH", DAY, None, None, "observation"),
    ("BLOOD_TYPE//A", None, None, None, "left out"),
    ("ICD10CM//I21.4", DAY, None, None, "condition_occurrence"),
    ("DIAGNOSIS//ICD//10//I214", DAY, None, "1", "condition_occurrence"),
    ("RXNORM//1191", DAY, 81.0, "oral", "drug_exposure"),
    ("CPT4//99213", DAY, None, None, "procedure_occurrence"),
    ("LOINC//718-7", DAY, 7.4, None, "measurement"),
    ("LOINC//718-7", DAY, 0.1, "<0.1", "measurement"),
    ("SNOMED//271649006", DAY, 120.0, None, "measurement"),
    ("SNOMED//271649006", DAY, None, "smoker", "observation"),
    ("OMOP//4171756", DAY, None, None, "observation"),
    ("HR", DAY, 60.0, None, "measurement"),
    ("MEDS_DEATH", dt.datetime(2022, 1, 1), None, None, "death"),  # noqa: DTZ001
]


def lake_of(events: list[tuple[object, ...]], folder: Path) -> Lake:
    columns = ("code", "time", "numeric_value", "text_value")
    rows = [{"subject_id": 1, **dict(zip(columns, event[:4], strict=True))} for event in events]
    kinds = (pa.string(), pa.timestamp("us"), pa.float32(), pa.large_string())
    schema = pa.schema([("subject_id", pa.int64()), *zip(columns, kinds, strict=True)])
    (folder / "ward").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / "ward" / "0.parquet")
    return filled(folder / "lake", folder / "ward")


def filled(root: Path, source: Path) -> Lake:
    lake = init(str(root), subject_ids="source", shard_groups=4)
    ingest(lake, str(source), CATALOGUE)
    return lake


def exported(lake: Lake, out: Path, form: omop.Form = "parquet") -> ExportReport:
    with open_view(lake) as view:
        return omop.export(view, out, form=form)


def read(out: Path, table: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(out / f"{table}.parquet").to_pylist()
    return rows


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    exported(lake_of(EVENTS, folder), folder / "omop")
    return folder / "omop"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("hospital")
    simulate(folder / "source", subjects=40, formats=("omop",))
    return filled(folder / "lake", folder / "source" / "site-1" / "omop")


def test_every_event_is_in_one_table_or_counted_with_its_reason(tmp_path: Path):
    report = exported(lake_of(EVENTS, tmp_path), tmp_path / "omop")
    wanted = Counter(str(event[4]) for event in EVENTS)
    said = {
        note.split(" events in ")[1].rstrip("."): int(note.split()[0])
        for note in report.notes
        if " events in " in note and not note.split(" events in ")[0].endswith("the")
    }
    assert said == {name: rows for name, rows in wanted.items() if name != "left out"}
    assert "1 events left out: they have no time, and OMOP dates every row." in report.notes
    assert report.rows == len(EVENTS) - 1


def test_facts_are_in_the_table_of_their_code(small: Path):
    names = {row["concept_id"]: row for row in read(small, "concept")}
    for table in cdm.FACTS:
        prefix = table.removesuffix("_occurrence").removesuffix("_exposure")
        found = Counter(
            code_of(row[f"{prefix}_concept_id"], row[f"{prefix}_source_concept_id"], names)
            for row in read(small, table)
        )
        assert found == Counter(str(event[0]) for event in EVENTS if event[4] == table), table


def code_of(standard: object, own: object, names: dict[object, dict[str, object]]) -> str:
    if standard:
        assert own == 0
        return f"OMOP//{standard}"
    concept = names[own]
    if concept["vocabulary_id"] == concepts.NO_VOCABULARY:
        return str(concept["concept_code"])
    return f"{concept['vocabulary_id']}//{concept['concept_code']}"


def test_a_person_has_birth_sex_and_race_and_a_period_of_observation(small: Path):
    [person] = read(small, "person")
    assert (person["person_id"], person["gender_concept_id"]) == (1, 8532)
    assert (person["year_of_birth"], person["month_of_birth"]) == (1950, 2)
    assert (person["race_concept_id"], person["race_source_value"]) == (8527, "White")
    [period] = read(small, "observation_period")
    assert period["observation_period_start_date"] == DAY.date()
    assert period["observation_period_end_date"] == dt.date(2022, 1, 1)
    [death] = read(small, "death")
    assert death["death_date"] == dt.date(2022, 1, 1)


def test_a_measurement_keeps_its_number_exactly_and_says_below_the_limit(small: Path):
    values = {
        (row["value_as_number"], row["operator_concept_id"], row["value_source_value"])
        for row in read(small, "measurement")
    }
    assert (7.4, None, None) in values
    assert (0.1, 4171756, "<0.1") in values


def test_tables_have_the_columns_of_the_standard_and_no_gap_where_it_allows_none(small: Path):
    assert {path.stem for path in small.glob("*.parquet")} == set(cdm.TABLES)
    for table in cdm.TABLES:
        found = pq.read_table(small / f"{table}.parquet")
        assert found.schema.equals(cdm.schema(table)), table
        for column in cdm.columns(table):
            assert not (column.required and found[column.name].null_count), (table, column)


def test_own_concepts_are_above_two_billion_and_depend_on_the_code_alone():
    one = concepts.own_ids(["LAB//1", "LAB//2"])
    assert one == {"LAB//1": one["LAB//1"], "LAB//2": concepts.own_ids(["LAB//2"])["LAB//2"]}
    many = concepts.own_ids([f"LAB//{number}" for number in range(50_000)])
    assert len(set(many.values())) == 50_000
    assert min(many.values()) >= 2_000_000_000
    assert max(many.values()) < 1 << 31


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_omop_through_a_lake_and_back_is_the_same_facts(
    hospital: Lake, tmp_path: Path, form: omop.Form
):
    report = exported(hospital, tmp_path / "omop", form)
    again = filled(tmp_path / "lake", tmp_path / "omop")
    # Visits come back by their standard concept's id: its name is in a vocabulary we do not ship.
    facts = (
        "SELECT subject_id, time, code, numeric_value FROM events"
        " WHERE NOT regexp_matches(code, '^(VISIT|VISIT_END|OMOP)//') ORDER BY ALL"
    )
    with open_view(hospital) as before, open_view(again) as after:
        assert before.table(facts).equals(after.table(facts))
        assert report.rows == before.rows("SELECT count(*) FROM events")[0][0]
        visits = 'SELECT encounter_id, subject_id, "start", "end" FROM encounters ORDER BY ALL'
        assert before.rows(visits) == after.rows(visits)
        assert before.rows("SELECT count(*) FROM encounters")[0][0] > 40


def test_visits_carry_the_standard_concept_of_their_kind(hospital: Lake, tmp_path: Path):
    exported(hospital, tmp_path / "omop")
    kinds = {row["visit_concept_id"] for row in read(tmp_path / "omop", "visit_occurrence")}
    assert kinds == {9201, 9202, 9203, 581385}
    files = f"'{tmp_path}/omop/measurement.parquet', '{tmp_path}/omop/visit_occurrence.parquet'"
    measurement, visit = (f"read_parquet({name})" for name in files.split(", "))
    lost = duckdb.sql(
        f"SELECT count(*) FROM {measurement} m ANTI JOIN {visit} v USING (visit_occurrence_id)"  # noqa: S608
        " WHERE m.visit_occurrence_id IS NOT NULL"
    ).fetchall()
    assert lost == [(0,)]


def test_a_folder_that_holds_something_is_not_written_to(hospital: Lake, tmp_path: Path):
    (tmp_path / "person.parquet").write_bytes(b"")
    with pytest.raises(WrongUse, match="not empty"):
        exported(hospital, tmp_path)


def test_a_view_can_be_exported_twice_and_an_empty_lake_once(hospital: Lake, tmp_path: Path):
    with open_view(hospital) as view:
        first = omop.export(view, tmp_path / "a")
        assert omop.export(view, tmp_path / "b").notes == first.notes
    assert exported(init(str(tmp_path / "none")), tmp_path / "empty").rows == 0


def test_the_columns_filled_are_columns_of_the_standard():
    for table in cdm.TABLES:
        assert cdm.select(table, "t").startswith("SELECT CAST(")
        assert cdm.TABLES[table].keys() <= {column.name for column in cdm.columns(table)}
