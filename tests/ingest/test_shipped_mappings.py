# ruff: noqa: E501, DTZ001  (CSV rows as they are; the lake's times are naive)
"""The mappings that come with Biolake, on the real exports they were written for.

Each number was counted in the CSV or Parquet files with a query of its own, not by the engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from biolake.core import schema
from biolake.core.reading import ReadContext, Tally
from biolake.ingest.mapping import detect_mapping, load_mapping, open_mapping, shipped_mappings

DATA = Path(__file__).parents[2].parent / "shared" / "data"
MEDS = DATA / "mimic-iv-demo-meds" / "mimic_iv_demo_meds_events.parquet"
SOURCES = {
    "mimic-iv": DATA / "mimic-iv-demo-2.2",
    "omop-5.4": DATA / "synthea27nj-omop54",
    "synthea-csv": DATA / "synthea-csv-27",
}
TABLES = {
    "events": schema.MAPPED,
    "encounters": schema.MAPPED_ENCOUNTERS,
    "people": schema.MAPPED_PEOPLE,
    "codes": schema.MAPPED_CODES,
}


@dataclass(frozen=True)
class Outcome:
    """All that one source gave."""

    tallies: dict[str, Tally]
    con: duckdb.DuckDBPyConnection

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.con.execute(sql, list(parameters)).fetchall()

    def one(self, sql: str, *parameters: Any) -> Any:
        ((value,),) = self.rows(sql, *parameters)
        return value

    def families(self) -> Counter[str]:
        sql = "SELECT split_part(code, '//', 1), count(*) FROM events GROUP BY 1"
        return Counter(dict(self.rows(sql)))


def read(name: str, folder: Path, scratch: Path) -> Outcome:
    reading = open_mapping(load_mapping(name), folder, ReadContext("here", scratch))
    tallies: dict[str, Tally] = {}
    parts: dict[str, list[pa.Table]] = {
        kind: [empty.empty_table()] for kind, empty in TABLES.items()
    }
    for chunk in reading.chunks(reading.files):
        tallies.setdefault(chunk.table, Tally()).add(chunk.tally)
        for kind, columns in TABLES.items():
            part = getattr(chunk, kind)
            if part is not None:
                parts[kind].append(part.cast(columns))
    con = duckdb.connect()
    for kind, tables in parts.items():
        con.register(kind, pa.concat_tables(tables))
    return Outcome(tallies, con)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Outcome]:
    """Read a real source by its mapping, once for all tests."""
    done: dict[str, Outcome] = {}

    def outcome(name: str) -> Outcome:
        if not SOURCES[name].is_dir():
            pytest.skip("no shared data")
        if name not in done:
            done[name] = read(name, SOURCES[name], tmp_path_factory.mktemp("scratch"))
        return done[name]

    return outcome


def test_every_shipped_mapping_loads_and_says_what_it_reads() -> None:
    assert set(SOURCES) <= set(shipped_mappings())
    for name in SOURCES:
        mapping = load_mapping(name)
        assert mapping.name == name
        assert mapping.description
        assert mapping.detect


@pytest.mark.parametrize("name", SOURCES)
def test_a_real_source_is_recognised_by_its_files(name: str) -> None:
    if not SOURCES[name].is_dir():
        pytest.skip("no shared data")
    found = detect_mapping(SOURCES[name])
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("name", SOURCES)
def test_every_row_of_a_real_source_is_explained(
    name: str, shipped: Callable[[str], Outcome]
) -> None:
    outcome = shipped(name)
    assert {table: tally.unexplained for table, tally in outcome.tallies.items()} == dict.fromkeys(
        outcome.tallies, 0
    )
    assert not [tally.rejects for tally in outcome.tallies.values() if tally.rejects]
    assert not [tally.dropped for tally in outcome.tallies.values() if tally.dropped]


@pytest.mark.parametrize("name", SOURCES)
def test_only_static_facts_have_no_time(name: str, shipped: Callable[[str], Outcome]) -> None:
    sql = "SELECT DISTINCT split_part(code, '//', 1) FROM events WHERE time IS NULL"
    static = {family for (family,) in shipped(name).rows(sql)}
    assert static <= {"GENDER", "RACE", "ETHNICITY", "MARITAL_STATUS", "ANCHOR_YEAR_GROUP"}


@pytest.mark.parametrize("name", SOURCES)
def test_one_birth_and_at_most_one_death_a_subject(
    name: str, shipped: Callable[[str], Outcome]
) -> None:
    outcome = shipped(name)
    sql = "SELECT count(*), count(DISTINCT subject) FROM events WHERE code = ?"
    ((births, born),) = outcome.rows(sql, schema.BIRTH)
    ((deaths, dead),) = outcome.rows(sql, schema.DEATH)
    assert births == born == outcome.one("SELECT count(DISTINCT subject) FROM events")
    assert deaths == dead


@pytest.mark.parametrize("name", ["mimic-iv", "omop-5.4"])
def test_the_natural_keys_tell_all_rows_apart(name: str, shipped: Callable[[str], Outcome]) -> None:
    sql = "SELECT count(*) - count(DISTINCT row_key) FROM events"
    assert shipped(name).one(sql) == 0


def test_mimic_counts_are_those_of_its_files(shipped: Callable[[str], Outcome]) -> None:
    outcome = shipped("mimic-iv")
    found = outcome.families()
    expected = {
        "LAB": 107_727,
        "MEDICATION": 35_835 + 15_306 + 15_225,
        "INFUSION_START": 20_404,
        "INFUSION_END": 20_404,
        "INGREDIENT_START": 25_728,
        "SUBJECT_FLUID_OUTPUT": 9_362,
        "DATETIME": 15_280,
        "DIAGNOSIS": 4_506,
        "PROCEDURE": 722 + 2 * 1_468,
        "PRESCRIPTION": 18_087,
        "ORDER": 45_154,
        "ORDER_DETAIL": 3_795,
        "MICROBIOLOGY": 2_899,
        "TRANSFER_TO": 1_190,
        "SERVICE": 319,
        "DRG": 454,
        "HOSPITAL_ADMISSION": 275,
        "HOSPITAL_DISCHARGE": 275,
        "ICU_ADMISSION": 140,
        "MEDICATION_DOSE": 32_655,
        "MEDICATION_RATE": 1_807,
        "MARITAL_STATUS": 263,
        "MEDS_BIRTH": 100,
        "MEDS_DEATH": 31,
    }
    assert {family: found[family] for family in expected} == expected
    assert sum(outcome.tallies["emar_detail"].skipped.values()) == 4_311


def test_mimic_encounters_are_admissions_and_icu_stays(
    shipped: Callable[[str], Outcome],
) -> None:
    sql = """
        SELECT count(*), count(DISTINCT encounter), count(*) FILTER (kind = 'ICU') FROM encounters
    """
    assert shipped("mimic-iv").rows(sql) == [(415, 415, 140)]


def test_mimic_gives_every_row_of_its_meds_form_but_charting(
    shipped: Callable[[str], Outcome],
) -> None:
    """The rest is text there and a number here; benchmarks/compare_mimic_meds.py has the reasons."""
    if not MEDS.is_file():
        pytest.skip("no shared data")
    sql = """
        SELECT count(*), count(*) FILTER (code IN ('Weight (Lbs)', 'BMI (kg/m2)', 'Height (Inches)'))
        FROM read_parquet(?) AS theirs
        WHERE code NOT LIKE 'LAB//2%' AND NOT EXISTS (
            SELECT 1 FROM events WHERE CAST(events.subject AS BIGINT) = theirs.subject_id
                AND events.time IS NOT DISTINCT FROM theirs.time AND events.code = theirs.code
                AND CAST(events.numeric_value AS FLOAT) IS NOT DISTINCT FROM theirs.value
        )
    """
    assert shipped("mimic-iv").rows(sql, str(MEDS)) == [(1_966, 1_966)]


def test_omop_counts_are_those_of_its_tables(shipped: Callable[[str], Outcome]) -> None:
    found = shipped("omop-5.4").families()
    expected = {
        "LOINC": 16_804,
        "SNOMED": 3_455,
        "RXNORM": 883,
        "VISIT": 1_791,
        "VISIT_END": 1_791,
        "VISIT_DETAIL": 1_791,
        "OBSERVATION_PERIOD": 28,
        "GENDER": 28,
        "MEDS_DEATH": 3,
        "UNMAPPED": 0,
        "OMOP": 0,
    }
    assert {family: found[family] for family in expected} == expected


def test_omop_measurements_keep_their_units(shipped: Callable[[str], Outcome]) -> None:
    outcome = shipped("omop-5.4")
    assert outcome.one("SELECT count(unit) FROM events") == 9_139
    sql = "SELECT DISTINCT unit FROM events WHERE code = 'LOINC//29463-7'"  # body weight
    assert outcome.rows(sql) == [("kg",)]


def test_a_synthea_person_in_omop_is_known_by_the_uuid_that_synthea_gave(
    shipped: Callable[[str], Outcome],
) -> None:
    sql = "SELECT system, scope, count(*) FROM people GROUP BY ALL ORDER BY ALL"
    assert shipped("omop-5.4").rows(sql) == [
        ("omop:person_id", "site", 28),
        ("omop:person_source_value", "site", 28),
        ("synthea", "global", 28),
    ]


def test_synthea_counts_are_those_of_its_files(shipped: Callable[[str], Outcome]) -> None:
    found = shipped("synthea-csv").families()
    expected = {
        "SNOMED": 604 + 438 + 249 + 49 + 3 + 1 + 72,
        "LOINC": 990 - 75,
        "SYNTHEA": 75,
        "RXNORM": 663,
        "CVX": 29,
        "ALLERGY": 40,
        "ENCOUNTER_START": 604,
        "MEDS_DEATH": 2,
    }
    assert {family: found[family] for family in expected} == expected


def test_synthea_gives_no_address_as_a_value(shipped: Callable[[str], Outcome]) -> None:
    sql = "SELECT count(*), count(text_value) FROM events WHERE code = 'LOINC//56799-0'"
    assert shipped("synthea-csv").rows(sql) == [(18, 0)]


SMALL_MIMIC = {
    "hosp/patients.csv": """\
subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod
10,F,52,2180,2014 - 2016,2180-09-09
11,M,60,2150,2008 - 2010,2151-03-04
12,M,40,2160,2008 - 2010,
""",
    "hosp/admissions.csv": """\
subject_id,hadm_id,admittime,dischtime,deathtime,admission_type,admission_location,discharge_location,insurance,language,marital_status,race,edregtime,edouttime,hospital_expire_flag
10,100,2180-05-06 22:23:00,2180-05-07 17:15:00,,URGENT,TRANSFER FROM HOSPITAL,HOME,Other,ENGLISH,WIDOWED,WHITE,,,0
11,101,2151-03-01 08:00:00,2151-03-04 18:36:00,2151-03-04 18:30:00,EW EMER.,,DIED,Medicare,?,,ASIAN,2151-03-01 05:00:00,2151-03-01 09:00:00,1
""",
    "hosp/diagnoses_icd.csv": """\
subject_id,hadm_id,seq_num,icd_code,icd_version
10,100,1,5723,9
""",
    "hosp/d_icd_diagnoses.csv": """\
icd_code,icd_version,long_title
5723,9,Portal hypertension
""",
    "hosp/labevents.csv": """\
labevent_id,subject_id,hadm_id,specimen_id,itemid,charttime,storetime,value,valuenum,valueuom,flag,priority,comments
1,10,,5,50912,2180-05-06 22:30:00,2180-05-06 23:20:00,0.8,0.8,mg/dL,,STAT,
2,10,,5,51464,2180-05-06 22:30:00,2180-05-06 23:20:00,,,,,STAT,NEG.
3,10,,5,50820,2180-05-06 22:30:00,2180-05-06 23:20:00,7.4,7.4,units,,STAT,___
4,10,,5,50912,2180-05-06 22:30:00,2180-05-06 23:20:00,0.8,high,mg/dL,,STAT,
""",
    "icu/icustays.csv": """\
subject_id,hadm_id,stay_id,first_careunit,last_careunit,intime,outtime,los
11,101,30,Medical Intensive Care Unit (MICU),Coronary Care Unit (CCU),2151-03-01 09:00:00,2151-03-03 09:00:00,2
""",
    "icu/chartevents.csv": """\
subject_id,hadm_id,stay_id,caregiver_id,charttime,storetime,itemid,value,valuenum,valueuom,warning
11,101,30,7,2151-03-01 10:00:00,2151-03-01 10:05:00,220045,88,88,bpm,0
11,101,30,7,2151-03-01 10:00:00,2151-03-01 10:05:00,220048,SR (Sinus Rhythm),,,0
""",
}


@pytest.fixture(scope="module")
def small_mimic(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("mimic")
    for name, text in SMALL_MIMIC.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return read("mimic-iv", folder, tmp_path_factory.mktemp("scratch"))


def test_a_death_in_hospital_has_its_minute_and_any_other_its_day(small_mimic: Outcome) -> None:
    sql = "SELECT CAST(subject AS BIGINT), time FROM events WHERE code = ? ORDER BY 1"
    assert small_mimic.rows(sql, schema.DEATH) == [
        (10, datetime(2180, 9, 9)),
        (11, datetime(2151, 3, 4, 18, 30)),
    ]


def test_a_diagnosis_stands_at_discharge(small_mimic: Outcome) -> None:
    sql = "SELECT time, text_value FROM events WHERE code = 'DIAGNOSIS//ICD//9//5723'"
    assert small_mimic.rows(sql) == [(datetime(2180, 5, 7, 17, 15), "1")]
    sql = "SELECT description, parent_codes FROM codes"
    assert small_mimic.rows(sql) == [("Portal hypertension", ["ICD9CM/572.3"])]


def test_a_laboratory_result_keeps_number_words_and_unit(small_mimic: Outcome) -> None:
    sql = """
        SELECT code, numeric_value, text_value, unit FROM events
        WHERE code LIKE 'LAB//5%' ORDER BY code
    """
    assert small_mimic.rows(sql) == [
        ("LAB//50820//units", 7.4, None, "[pH]"),
        ("LAB//50912//mg/dL", 0.8, None, "mg/dL"),
        ("LAB//51464//UNK", None, "NEG.", None),
    ]


def test_a_value_that_is_no_number_is_quarantined(small_mimic: Outcome) -> None:
    (reject,) = small_mimic.tallies["labevents"].rejects
    assert (reject.row, reject.column) == (5, "valuenum")


def test_charted_observations_share_the_code_style_of_laboratory_results(
    small_mimic: Outcome,
) -> None:
    sql = "SELECT code, numeric_value, text_value FROM events WHERE code LIKE 'LAB//2%' ORDER BY 1"
    assert small_mimic.rows(sql) == [
        ("LAB//220045//bpm", 88.0, None),
        ("LAB//220048//UNK", None, "SR (Sinus Rhythm)"),
    ]


def test_an_icu_stay_is_an_encounter_inside_its_admission(small_mimic: Outcome) -> None:
    sql = "SELECT encounter, kind FROM encounters ORDER BY kind"
    assert small_mimic.rows(sql) == [("101", "EW EMER."), ("icu-30", "ICU"), ("100", "URGENT")]
    sql = (
        "SELECT DISTINCT CAST(encounter AS VARCHAR) FROM events WHERE code LIKE 'ICU_ADMISSION//%'"
    )
    assert small_mimic.rows(sql) == [("101",)]


# Header in capitals, as some database tools export it.
SMALL_OMOP = {
    "person.csv": """\
PERSON_ID,GENDER_CONCEPT_ID,YEAR_OF_BIRTH,MONTH_OF_BIRTH,DAY_OF_BIRTH,BIRTH_DATETIME,RACE_CONCEPT_ID,ETHNICITY_CONCEPT_ID,PERSON_SOURCE_VALUE,GENDER_SOURCE_VALUE,RACE_SOURCE_VALUE,ETHNICITY_SOURCE_VALUE
1,8532,1970,5,,,8527,0,MRN-7,F,white,
""",
    "concept.csv": """\
concept_id,concept_name,vocabulary_id,concept_code
201826,Type 2 diabetes mellitus,SNOMED,44054006
45576876,Type 2 diabetes mellitus without complications,ICD10CM,E11.9
8840,milligram per deciliter,UCUM,mg/dL
""",
    "condition_occurrence.csv": """\
condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_start_datetime,condition_end_date,condition_end_datetime,visit_occurrence_id,condition_source_value,condition_source_concept_id
1,1,201826,2020-01-02,,,,,E11.9,45576876
2,1,0,2020-01-03,,,,,E11.9,45576876
3,1,0,2020-01-04,,,,,local-7,0
4,1,999,2020-01-05,2020-01-05 10:30:00,2020-02-01,,9,x,0
""",
    "measurement.csv": """\
measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,operator_concept_id,value_as_number,value_as_concept_id,unit_concept_id,visit_occurrence_id,measurement_source_value,measurement_source_concept_id,unit_source_value,value_source_value
1,1,0,2020-01-02,,4171756,5,0,8840,,glucose,0,MG/DL,<5
2,1,0,2020-01-02,,0,,0,0,,culture,0,,no growth
""",
}


@pytest.fixture(scope="module")
def small_omop(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("omop")
    for name, text in SMALL_OMOP.items():
        (folder / name).write_text(text, encoding="utf-8")
    return read("omop-5.4", folder, tmp_path_factory.mktemp("scratch"))


def test_an_omop_row_takes_the_best_code_there_is_and_is_never_lost(small_omop: Outcome) -> None:
    sql = "SELECT code, text_value FROM events WHERE text_value IN ('E11.9', 'local-7', 'x') ORDER BY time"
    assert small_omop.rows(sql) == [
        ("SNOMED//44054006", "E11.9"),
        ("ICD10CM//E11.9", "E11.9"),
        ("UNMAPPED//condition_occurrence//local-7", "local-7"),
        ("OMOP//999", "x"),
    ]


def test_an_omop_result_keeps_its_operator_its_unit_and_its_words(small_omop: Outcome) -> None:
    sql = """
        SELECT numeric_value, text_value, unit FROM events
        WHERE code LIKE 'UNMAPPED//measurement//%' ORDER BY code
    """
    assert small_omop.rows(sql) == [(None, "no growth", None), (5.0, "<5.0", "mg/dL")]


def test_an_omop_birth_without_a_day_is_the_first_of_its_month(small_omop: Outcome) -> None:
    sql = "SELECT code, time FROM events WHERE time IS NULL OR code = 'MEDS_BIRTH' ORDER BY code"
    assert small_omop.rows(sql) == [
        ("GENDER//F", None),
        ("MEDS_BIRTH", datetime(1970, 5, 1)),
        ("RACE//White", None),
    ]


def test_only_a_uuid_names_an_omop_person_at_every_site(small_omop: Outcome) -> None:
    sql = "SELECT system, value, scope FROM people ORDER BY system"
    assert small_omop.rows(sql) == [
        ("omop:person_id", "1", "site"),
        ("omop:person_source_value", "MRN-7", "site"),
    ]
