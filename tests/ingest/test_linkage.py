"""One person, known to two sources by different numbers, is one subject."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.ingest.labs import make

from biolake.core.catalogue import discover
from biolake.core.errors import DataRefused
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init

SYNTHEA = "https://github.com/synthetichealth/synthea"
SSN = "http://hl7.org/fhir/sid/us-ssn"


def synthea(folder: Path) -> Path:
    folder.mkdir()
    (folder / "patients.csv").write_text(
        "Id,BIRTHDATE,DEATHDATE,SSN,DRIVERS,PASSPORT,MARITAL,RACE,ETHNICITY,GENDER\n"
        "aaaaaaaa-0000-4000-8000-000000000001,1960-01-02,,999-10-1001,,,M,white,nonhispanic,F\n"
        "aaaaaaaa-0000-4000-8000-000000000002,1970-01-02,,999-10-1002,,,M,white,nonhispanic,M\n"
    )
    return folder


def fhir(folder: Path, *identifiers: tuple[str, str]) -> Path:
    folder.mkdir()
    patient = {
        "resourceType": "Patient",
        "id": "hospital-7",
        "birthDate": "1960-01-02",
        "identifier": [{"system": system, "value": value} for system, value in identifiers],
    }
    (folder / "Patient.ndjson").write_text(json.dumps(patient) + "\n")
    return folder


def subjects(lake: Lake) -> int:
    return lake.commit().counts["subjects"]


@pytest.mark.parametrize(
    "shared",
    [(SYNTHEA, "aaaaaaaa-0000-4000-8000-000000000001"), (SSN, "999-10-1001")],
)
@pytest.mark.parametrize("synthea_first", [True, False])
def test_a_shared_number_joins_two_sources(
    tmp_path: Path, shared: tuple[str, str], synthea_first: bool
) -> None:
    lake = init(str(tmp_path / "lake"))
    sources = [(synthea(tmp_path / "csv"), "one"), (fhir(tmp_path / "fhir", shared), "two")]
    for source, site in sources if synthea_first else reversed(sources):
        mapping = "synthea-csv" if site == "one" else None
        ingest(lake, str(source), discover("biolake.readers"), mapping=mapping, site=site)
    assert subjects(lake) == 2
    with open_view(lake) as view:
        rows = view.rows(
            "SELECT count(DISTINCT site_id), count(*) FROM events"
            " WHERE code = 'MEDS_BIRTH' GROUP BY subject_id ORDER BY ALL"
        )
    assert rows == [(1, 1), (2, 2)]


def test_a_local_number_does_not_join_two_sites(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"))
    for site in ("one", "two"):
        source = fhir(tmp_path / site, ("http://hospital/mrn", "12345"))
        ingest(lake, str(source), discover("biolake.readers"), site=site)
    assert subjects(lake) == 2


def test_a_person_whose_numbers_name_two_subjects_is_reported(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"))
    catalogue = discover("biolake.readers")
    ingest(lake, str(synthea(tmp_path / "csv")), catalogue, mapping="synthea-csv", site="one")
    both = (SSN, "999-10-1001"), (SYNTHEA, "aaaaaaaa-0000-4000-8000-000000000002")
    report = ingest(lake, str(fhir(tmp_path / "fhir", *both)), catalogue, site="two")
    assert report.load.conflicts == 1


def test_a_second_system_of_integer_ids_is_refused_where_they_could_collide(
    tmp_path: Path,
) -> None:
    lake = init(str(tmp_path / "lake"), subject_ids="source")
    source = make(tmp_path / "labs")
    catalogue = discover("biolake.readers")
    ingest(lake, str(source), catalogue, mapping=str(source / "labs.yaml"))
    other = make(tmp_path / "other")
    text = (other / "labs.yaml").read_text()
    (other / "labs.yaml").write_text(text.replace("system: labs", "system: other", 1))
    with pytest.raises(DataRefused, match="could collide"):
        ingest(lake, str(other), catalogue, mapping=str(other / "labs.yaml"), site="b")
    assert lake.commit().number == 1


def test_subject_ids_of_a_keyed_lake_cannot_be_told_from_the_source(tmp_path: Path) -> None:
    source = make(tmp_path / "labs")
    ids = []
    for name in ("a", "b"):
        lake = init(str(tmp_path / name))
        ingest(lake, str(source), discover("biolake.readers"), mapping=str(source / "labs.yaml"))
        with open_view(lake) as view:
            ids.append({row[0] for row in view.rows("SELECT subject_id FROM subjects")})
    assert not ids[0] & ids[1]
