import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Tally
from biolake.readers._codes import vocabulary
from biolake.readers._fhir.resources import key
from biolake.readers.fhir import fhir
from biolake.testing.readers import ReaderTests, opened, read

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SECRET = "Zubrowka"
AT = "2020-03-01T10:00:00+02:00"
UTC = dt.datetime(2020, 3, 1, 8)  # noqa: DTZ001  the lake's times are naive

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "birthDate": "1980-05",
    "gender": "female",
    "deceasedBoolean": True,
    "name": [{"family": SECRET}],
    "identifier": [
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "123456780"},
        {"system": "https://github.com/synthetichealth/synthea", "value": "uuid-1"},
        {"system": "urn:oid:2.16.840.1.113883.4.3.25", "value": "S99"},
        {"system": "http://hospital", "value": "MRN1"},
        {"value": "no system"},
    ],
}
ABOUT = {"subject": {"reference": "Patient/p1"}}
SODIUM = {
    "coding": [
        {"system": "http://lab.example/codes", "code": "NA"},
        {"system": "http://loinc.org", "code": "2951-2", "display": "Sodium"},
    ]
}


def observation(**fields: Any) -> dict[str, Any]:
    base = {"resourceType": "Observation", "id": "o1", "status": "final", "code": SODIUM}
    found = base | ABOUT | {"effectiveDateTime": AT} | fields
    return {name: value for name, value in found.items() if value is not None}


def quantity(value: Any, **more: Any) -> dict[str, Any]:
    return {"value": value, "unit": "mmol per litre", "code": "mmol/L"} | more


ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "finished",
    "class": {"code": "IMP"},
    "period": {"start": AT, "end": "2020-03-02T00:00:00Z"},
} | ABOUT


def write(folder: Path, *resources: dict[str, Any], **bundle: Any) -> Path:
    entries = [{"fullUrl": f"urn:uuid:{r.get('id')}", "resource": r} for r in resources]
    document = {"resourceType": "Bundle", "type": "collection", "entry": entries} | bundle
    (folder / "bundle.json").write_text(json.dumps(document))
    return folder


def write_lines(folder: Path, name: str, *resources: dict[str, Any]) -> None:
    lines = "".join(json.dumps(each) + "\n" for each in resources)
    (folder / name).write_text(lines)


def events(source: Path) -> list[dict[str, Any]]:
    return [row for c in read(fhir, source) if c.events for row in c.events.to_pylist()]


def taken_back(source: Path) -> set[int]:
    return {key for c in read(fhir, source) if c.retracted is not None for key in c.retracted}


def tally(source: Path) -> Tally:
    total = Tally()
    for chunk in read(fhir, source):
        total.add(chunk.tally)
    assert total.unexplained == 0
    return total


def clinical(folder: Path, *resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of resources of a living patient without demographics."""
    return events(write(folder, {"resourceType": "Patient", "id": "p1"}, *resources))


def reject(folder: Path, resource: Any) -> tuple[str, str]:
    (found,) = tally(write(folder, PATIENT, resource)).rejects
    assert found.row == 2
    return found.column, found.reason


class TestFhirBundles(ReaderTests):
    reader = fhir
    secrets = (SECRET, "MRN1", "123456780")

    def write_source(self, folder: Path) -> Path:
        claim = {"resourceType": "Claim", "id": "c"}
        value = observation(valueQuantity=quantity(140))
        return write(folder, claim, value, ENCOUNTER, PATIENT, observation(id="o2"))


class TestFhirLines(ReaderTests):
    reader = fhir
    secrets = (SECRET, "MRN1", "123456780")

    def write_source(self, folder: Path) -> Path:
        write_lines(folder, "Encounter.ndjson", ENCOUNTER)
        write_lines(folder, "Observation.ndjson", observation(valueQuantity=quantity(140)))
        write_lines(folder, "Patient.ndjson", PATIENT)
        return folder


def test_a_patient_gives_birth_sex_and_death_without_a_date(tmp_path):
    found = {row["code"]: row for row in events(write(tmp_path, PATIENT))}
    assert found["MEDS_BIRTH"]["time"] == dt.datetime(1980, 5, 1)  # noqa: DTZ001
    assert found["GENDER//F"]["time"] is None
    assert found["DECEASED"]["text_value"] == "date unknown"
    assert "MEDS_DEATH" not in found


def test_every_identifier_of_a_patient_is_handed_over(tmp_path):
    (people,) = [chunk.people for chunk in read(fhir, write(tmp_path, PATIENT)) if chunk.people]
    assert {(r["system"], r["value"], r["scope"]) for r in people.to_pylist()} == {
        ("fhir:Patient", "p1", "site"),
        ("us-ssn", "123-45-6780", "global"),
        ("synthea", "uuid-1", "global"),
        ("urn:oid:2.16.840.1.113883.4.3.25", "S99", "global"),
        ("http://hospital", "MRN1", "site"),
    }


def test_a_filler_of_a_national_number_joins_nobody(tmp_path):
    filler = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "000-00-0000"}
    (people,) = [c.people for c in read(fhir, write(tmp_path, PATIENT | {"identifier": [filler]}))]
    assert people["system"].to_pylist() == ["fhir:Patient"]


def test_a_replaced_record_is_tied_to_the_one_that_lasts(tmp_path):
    link = [{"type": "replaced-by", "other": {"reference": "Patient/p2"}}]
    (people,) = [c.people for c in read(fhir, write(tmp_path, PATIENT | {"link": link}))]
    assert ("p2", "fhir:Patient", "p1") in {
        (r["subject"], r["system"], r["value"]) for r in people.to_pylist()
    }


def test_race_is_named_and_keeps_its_code_as_parent(tmp_path):
    coding = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3", "display": "White"}
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
    part = {"url": "ombCategory", "valueCoding": coding}
    patient = PATIENT | {"extension": [{"url": url, "extension": [part]}]}
    source = write(tmp_path, patient)
    assert "RACE//WHITE" in {row["code"] for row in events(source)}
    (codes,) = [chunk.codes for chunk in read(fhir, source)]
    assert codes.to_pylist()[0]["parent_codes"] == ["CDCREC//2106-3"]


def test_a_standard_coding_wins_and_the_others_become_parents(tmp_path):
    source = write(tmp_path, PATIENT, observation(valueQuantity=quantity(140)))
    (row,) = [row for row in events(source) if row["encounter"] is None and row["numeric_value"]]
    assert row["code"] == "LOINC//2951-2"
    codes = {r["code"]: r for c in read(fhir, source) if c.codes for r in c.codes.to_pylist()}
    assert codes["LOINC//2951-2"]["description"] == "Sodium"
    assert codes["LOINC//2951-2"]["parent_codes"] == [
        f"{vocabulary('http://lab.example/codes')}//NA"
    ]


def test_vocabularies_have_short_stable_names():
    assert vocabulary("http://snomed.info/sct/731000124108/version/2020") == "SNOMED"
    assert vocabulary("http://hl7.org/fhir/sid/icd-10-cm") == "ICD10CM"
    assert vocabulary("urn:oid:1.2.3") == "OID-1.2.3"
    assert vocabulary("http://terminology.hl7.org/CodeSystem/v3-ActCode") == "V3-ACTCODE"
    assert vocabulary("http://a/codes") != vocabulary("http://b/codes")
    assert vocabulary("http://a/codes").startswith("CODES-")


def test_a_quantity_keeps_number_ucum_unit_and_bound(tmp_path):
    ucum = quantity(5, system="http://unitsofmeasure.org", comparator="<")
    (row,) = clinical(tmp_path, observation(valueQuantity=ucum))
    assert (row["numeric_value"], row["unit"], row["text_value"]) == (5.0, "mmol/L", "<5")
    assert row["time"] == UTC
    (row,) = clinical(tmp_path, observation(valueQuantity=quantity(5)))
    assert row["unit"] == "mmol per litre"


@pytest.mark.parametrize(
    ("value", "number", "text"),
    [
        ({"valueString": "clear"}, None, "clear"),
        ({"valueBoolean": False}, None, "false"),
        ({"valueInteger": 3}, 3.0, None),
        ({"valueCodeableConcept": SODIUM}, None, "Sodium"),
        ({"valueDateTime": "2020"}, None, "2020"),
        (
            {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}},
            None,
            "1 : 128",
        ),
        ({"valueRange": {"low": {"value": 1}, "high": {"value": 2.5}}}, None, "1 - 2.5"),
        ({}, None, None),
    ],
)
def test_each_kind_of_value_is_kept(tmp_path, value, number, text):
    (row,) = clinical(tmp_path, observation(**value))
    assert (row["numeric_value"], row["text_value"]) == (number, text)


def test_components_are_events_and_absent_ones_are_not(tmp_path):
    parts = [
        {"code": {"text": "systolic"}, "valueQuantity": quantity(120)},
        {"code": {"text": "diastolic"}, "dataAbsentReason": {"coding": [{"code": "unknown"}]}},
        {"code": {"text": "mean"}, "valueQuantity": quantity(90)},
    ]
    rows = clinical(tmp_path, observation(component=parts))
    assert [(row["code"], row["numeric_value"]) for row in rows] == [
        ("TEXT//systolic", 120.0),
        ("TEXT//mean", 90.0),
    ]
    assert rows[1]["row_key"] == key("Observation", "o1", "component/2")


def test_an_absent_value_is_no_event(tmp_path):
    absent = observation(dataAbsentReason={"coding": [{"code": "unknown"}]})
    assert tally(write(tmp_path, absent)).skipped == {"Observation: no value (data absent)": 1}


def test_entered_in_error_takes_the_event_back(tmp_path):
    wrong = {"resourceType": "Condition", "id": "c1", "verificationStatus": None} | ABOUT
    wrong["verificationStatus"] = {"coding": [{"code": "entered-in-error"}]}
    source = write(tmp_path, wrong)
    assert events(source) == []
    assert key("Condition", "c1") in taken_back(source)
    assert tally(source).skipped == {"entered in error": 1}


def test_a_component_that_a_correction_drops_is_taken_back(tmp_path):
    corrected = observation(status="corrected", valueQuantity=quantity(1))
    gone = taken_back(write(tmp_path, PATIENT, corrected))
    assert key("Observation", "o1", "component/0") in gone
    assert key("Observation", "o1") not in gone


def test_a_death_that_a_later_version_leaves_out_is_taken_back(tmp_path):
    alive = PATIENT | {"meta": {"versionId": "2"}, "deceasedBoolean": False}
    gone = taken_back(write(tmp_path, alive))
    assert key("Patient", "p1", "death") in gone
    assert key("Patient", "p1", "birth") not in gone


def test_what_comes_back_in_a_later_file_is_kept(tmp_path):
    wrong = observation(status="entered-in-error")
    write_lines(tmp_path, "1.ndjson", wrong)
    write_lines(tmp_path, "2.ndjson", observation(valueQuantity=quantity(2)))
    assert len(events(tmp_path)) == 1
    assert key("Observation", "o1") not in taken_back(tmp_path)
    write_lines(tmp_path, "3.ndjson", wrong)
    assert key("Observation", "o1") in taken_back(tmp_path)


def test_the_newest_version_wins_whatever_the_order(tmp_path):
    old = observation(meta={"lastUpdated": "2020-01-01T00:00:00Z"}, valueQuantity=quantity(1))
    new = observation(meta={"lastUpdated": "2020-01-02T00:00:00Z"}, valueQuantity=quantity(2))
    for pair in ((old, new), (new, old)):
        assert [row["numeric_value"] for row in clinical(tmp_path, *pair)] == [2.0]
    write_lines(tmp_path, "a.ndjson", new)
    write_lines(tmp_path, "b.ndjson", old)
    (tmp_path / "bundle.json").unlink()
    assert [row["numeric_value"] for row in events(tmp_path)] == [2.0]


def test_the_later_row_wins_when_versions_have_no_date(tmp_path):
    first, second = (observation(valueQuantity=quantity(value)) for value in (1, 2))
    assert [row["numeric_value"] for row in clinical(tmp_path, first, second)] == [2.0]


def test_a_history_bundle_lists_the_newest_first(tmp_path):
    first, second = (observation(valueQuantity=quantity(value)) for value in (1, 2))
    rows = events(write(tmp_path, first, second, type="history"))
    assert [row["numeric_value"] for row in rows] == [1.0]


def test_a_deletion_takes_the_resource_back(tmp_path):
    entry = {"request": {"method": "DELETE", "url": "Observation/o1"}}
    source = write(tmp_path, entry=[entry])
    assert key("Observation", "o1") in taken_back(source)
    assert tally(source).skipped == {"deleted by the source": 1}


def test_an_encounter_gives_its_row_start_and_end(tmp_path):
    source = write(tmp_path, {"resourceType": "Patient", "id": "p1"}, ENCOUNTER)
    assert {row["code"] for row in events(source)} == {
        "ENCOUNTER//START//IMP",
        "ENCOUNTER//END//IMP",
    }
    (stay,) = [row for c in read(fhir, source) if c.encounters for row in c.encounters.to_pylist()]
    assert (stay["encounter"], stay["kind"], stay["start"]) == ("e1", "IMP", UTC)


def test_a_condition_lasts_until_its_abatement_and_says_when_unsure(tmp_path):
    unsure = {"coding": [{"code": "provisional"}]}
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "code": {"text": "Fever  of\nunknown origin"},
        "verificationStatus": unsure,
        "onsetDateTime": AT,
        "abatementDateTime": "2020-03-05",
    }
    (row,) = clinical(tmp_path, condition | ABOUT)
    assert row["code"] == "TEXT//Fever of unknown origin"
    assert row["end_time"] == dt.datetime(2020, 3, 5)  # noqa: DTZ001
    assert row["text_value"] == "provisional"


def test_a_drug_is_found_where_its_reference_points(tmp_path):
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    aspirin = {"coding": [{"system": rxnorm, "code": "1191"}]}
    request = {"resourceType": "MedicationRequest", "status": "active", "authoredOn": AT} | ABOUT
    inside = {"contained": [{"resourceType": "Medication", "id": "m", "code": aspirin}]}
    drug = {"resourceType": "Medication", "id": "m1", "code": aspirin}
    requests = [
        request | {"id": "r1", "medicationCodeableConcept": aspirin},
        request | {"id": "r2", "medicationReference": {"reference": "#m"}} | inside,
        request | {"id": "r3", "medicationReference": {"reference": "Medication/m1"}},
        request | {"id": "r4", "medicationReference": {"display": "Aspirin"}},
    ]
    codes = [row["code"] for row in clinical(tmp_path, *requests, drug)]
    assert codes == ["RXNORM//1191"] * 3 + ["TEXT//Aspirin"]
    for row in requests:
        write_lines(tmp_path, f"MedicationRequest.{row['id']}.ndjson", row)
    write_lines(tmp_path, "Medication.ndjson", drug)
    (tmp_path / "bundle.json").unlink()
    assert [row["code"] for row in events(tmp_path)] == codes
    reading = opened(fhir, tmp_path)
    assert {f.name for f in reading.depends["MedicationRequest.r3.ndjson"]} == {"Medication.ndjson"}
    (wanted,) = [file for file in reading.files if "r3" in file.name]
    (chunk,) = reading.chunks((wanted,))
    assert chunk.events["code"].to_pylist() == ["RXNORM//1191"]


@pytest.mark.parametrize(
    ("fields", "column", "reason"),
    [
        ({"effectiveDateTime": None}, "effectiveDateTime", "no time"),
        ({"effectiveDateTime": "2020-13-01"}, "effectiveDateTime", "unreadable date"),
        ({"effectiveDateTime": "01/02/2020"}, "effectiveDateTime", "unreadable date"),
        (
            {"effectiveDateTime": "2020-01-01T10:00:00"},
            "effectiveDateTime",
            "time without a zone offset",
        ),
        ({"subject": None}, "subject", "no subject"),
        ({"subject": {"reference": "urn:uuid:nobody"}}, "subject", "unresolvable reference"),
        ({"code": {}}, "code", "no code"),
        ({"status": "sure"}, "status", "not a status of the standard"),
        ({"valueQuantity": quantity("5")}, "valueQuantity.value", "not a number"),
        ({"valueQuantity": quantity(10**400)}, "valueQuantity.value", "number out of range"),
        ({"code": [SODIUM]}, "Observation", "a field is not of the type the standard gives it"),
        ({"valueString": 5}, "Observation", "a field is not of the type the standard gives it"),
    ],
)
def test_what_cannot_be_read_is_rejected_by_name(tmp_path, fields, column, reason):
    assert reject(tmp_path, observation(**fields)) == (column, reason)


def test_what_is_no_resource_is_rejected(tmp_path):
    reason = "not a resource type of FHIR R4"
    assert reject(tmp_path, {"resourceType": "Wishes"}) == ("resourceType", reason)
    assert reject(tmp_path, {"id": "x"})[0] == "resourceType"


def test_an_identifier_may_stand_for_a_reference(tmp_path):
    logical = {"identifier": {"system": "http://hospital", "value": "MRN1"}}
    rows = events(write(tmp_path, observation(subject=logical), PATIENT))
    assert {row["subject"] for row in rows} == {"p1"}


def test_an_identifier_of_two_patients_stands_for_nobody(tmp_path):
    logical = {"identifier": {"system": "http://hospital", "value": "MRN1"}}
    total = tally(write(tmp_path, PATIENT, PATIENT | {"id": "p2"}, observation(subject=logical)))
    assert [each.reason for each in total.rejects] == ["identifier of more than one patient"]


def test_a_second_server_is_refused(tmp_path):
    first = observation(subject={"reference": "https://a/fhir/Patient/p1"})
    second = observation(id="o2", subject={"reference": "https://b/fhir/Patient/p1"})
    total = tally(write(tmp_path, PATIENT, first, second))
    assert [each.reason for each in total.rejects] == ["reference to a second server"]


def test_a_bundle_waits_for_patients_of_a_later_file(tmp_path):
    write_file = {"resourceType": "Bundle", "type": "searchset"}
    first = write_file | {"entry": [{"resource": observation(valueQuantity=quantity(1))}]}
    second = write_file | {"entry": [{"resource": PATIENT}]}
    (tmp_path / "a.json").write_text(json.dumps(first))
    (tmp_path / "b.json").write_text(json.dumps(second))
    assert [chunk.table for chunk in read(fhir, tmp_path)] == ["Patient", "Observation"]
    assert tally(tmp_path).event_rows == 2


def test_a_bad_line_is_rejected_alone(tmp_path):
    lines = [json.dumps(observation()), '{"resourceType": "Observa', "", json.dumps(PATIENT)]
    (tmp_path / "all.ndjson").write_text("\n".join(lines))
    total = tally(tmp_path)
    assert [(each.row, each.column) for each in total.rejects] == [(2, "resourceType")]
    assert (total.rows, total.event_rows) == (3, 2)


def test_half_a_surrogate_pair_is_rejected(tmp_path):
    line = json.dumps(observation(valueString="\ud800"))
    (tmp_path / "a.ndjson").write_text(f"{line}\n{json.dumps(observation())}\n")
    assert len(tally(tmp_path).rejects) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"{"),
        ("a.json", b"[]"),
        ("a.json", b'{"a": 1}'),
        ("a.json", b'{"resourceType": "Bundle", "type": "collection"}'),
        ("a.json", b"\xff\xfe"),
        ("a.json", b"[" * 100_000),
        ("a.json", b'{"resourceType": "Patient", "multipleBirthInteger": NaN}'),
        ("a.json.gz", b"no gzip"),
        ("a.json.gz", gzip.compress(b'{"resourceType": "Patient", "id": "1"}', mtime=0)[:-12]),
        ("a.ndjson", b"not\nfhir\n"),
        (
            "a.ndjson.gz",
            gzip.compress(b'{"resourceType": "Patient", "id": "1"}\n' * 9, mtime=0)[:-9],
        ),
    ],
)
def test_a_file_that_is_not_fhir_is_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceUnreadable, match=name):
        list(read(fhir, tmp_path))


def test_an_empty_search_result_has_no_rows(tmp_path):
    assert tally(write(tmp_path, entry=[])).rows == 0


def test_shared_bundles_are_explained_to_the_last_row():
    if not SHARED.is_dir():
        pytest.skip("no shared data")
    total = tally(SHARED / "synthea-fhir-r4-25")
    assert (total.rows, total.event_rows, total.rejects) == (3094, 2267, [])
    assert sum(total.skipped.values()) == 827


def test_a_folder_whose_first_file_is_empty_is_recognised(tmp_path):
    (tmp_path / "AllergyIntolerance.ndjson").write_text("")
    write_lines(tmp_path, "Patient.ndjson", PATIENT)
    assert fhir.detect(tmp_path)
