"""The synthetic hospital writes what its truth.json says, in files that real readers take."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import pytest

from biolake.core.errors import WrongUse
from biolake.testing.hospital import simulate


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def mimic(tmp_path_factory):
    """One MIMIC-like site of 2,000 subjects, large enough to recover the truths."""
    folder = tmp_path_factory.mktemp("mimic")
    simulate(folder, subjects=2000, seed=7)
    return folder


@pytest.fixture(scope="module")
def con(mimic):
    return tables(mimic / "site-1")


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """Four sites, one per format."""
    folder = tmp_path_factory.mktemp("four")
    simulate(folder, subjects=600, seed=3, sites=4)
    return folder


def truth(folder: Path) -> dict:
    return json.loads((folder / "truth.json").read_text())


@cache
def tables(folder: Path) -> duckdb.DuckDBPyConnection:
    """Load every CSV file below a folder as a table named for the file, with its row numbers."""
    con = duckdb.connect()
    for path in sorted(folder.rglob("*.csv")):
        rows = con.read_csv(str(path), header=True, sample_size=-1)
        rows.project("row_number() over () as row, *").create(path.stem)
    return con


def count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return con.execute(query).fetchone()[0]


@cache
def resources(folder: Path, name: str) -> list[dict]:
    path = folder / f"site-3/fhir/{name}.ndjson"
    return [json.loads(line) for line in path.read_text().splitlines()]


@cache
def messages(folder: Path) -> list[list[list[str]]]:
    """Split the HL7 files into messages of segments of fields."""
    found = []
    for path in sorted((folder / "site-4/hl7").glob("*.hl7")):
        text = path.read_bytes().decode()
        for message in text.split("MSH|")[1:]:
            lines = ("MSH|" + message).rstrip("\r").split("\r")
            found.append([line.split("|") for line in lines])
    return found


# --- the same arguments give the same bytes


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        simulate(tmp_path / name, subjects=60, seed=seed, sites=4)
    first, again, other = (digest(tmp_path / name) for name in "abc")
    assert first == again
    assert first["site-1/mimic/hosp/labevents.csv"] != other["site-1/mimic/hosp/labevents.csv"]


def test_a_subject_does_not_change_when_more_are_asked_for(tmp_path):
    queries = (
        "select * exclude row from admissions where subject_id < 10000300 order by all",
        "select * exclude row from labevents where subject_id < 10000300 order by all",
        "select * exclude row from chartevents where subject_id < 10000300 order by all",
    )
    rows = []
    for subjects in (300, 510):
        simulate(tmp_path / str(subjects), subjects=subjects)
        loaded = tables(tmp_path / str(subjects))
        rows.append([loaded.execute(query).fetchall() for query in queries])
    assert rows[0] == rows[1]


def test_progress_counts_up_to_all_subjects(tmp_path):
    seen = []
    simulate(tmp_path, subjects=750, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(500, 750), (750, 750)]


def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(WrongUse, match="mimic, omop, fhir, hl7"):
        simulate(tmp_path, formats=("dicom",))


def test_the_summary_counts_what_was_written(tmp_path):
    found = simulate(tmp_path, subjects=40, sites=2)
    assert found.sites == ("mimic", "omop")
    assert found.files == len(digest(tmp_path))
    assert found.measurements == sum(s["measurement_rows"] for s in truth(tmp_path)["sites"])


# --- the truths can be recovered from the files


def failure_cohort(con: duckdb.DuckDBPyConnection) -> np.ndarray:
    """Read drug, outcome, BNP, creatinine, age and prior admissions at the index visit."""
    query = """
        with dx as (select distinct subject_id, hadm_id, icd_code
                    from diagnoses_icd),
        index_visit as (
            select a.subject_id, a.hadm_id, a.admittime,
                   (select max(drug = 'Metoprolol') from prescriptions r
                    where r.hadm_id = a.hadm_id and drug in ('Metoprolol', 'Carvedilol')) as drug
            from admissions a
            where admission_type = 'AMBULATORY OBSERVATION'),
        labs as (select hadm_id, max(valuenum) filter (itemid = 50963) as bnp,
                        max(valuenum) filter (itemid = 50912) as creatinine
                 from (select distinct on (labevent_id) * from labevents
                       order by labevent_id, row desc) group by hadm_id)
        select i.drug::int, greatest(
                coalesce(p.dod <= (i.admittime + interval 365 day)::date, false)::int,
                exists(select 1 from admissions b join dx using (hadm_id)
                       where b.subject_id = i.subject_id and dx.icd_code in ('I5023', '42823')
                         and b.admittime between i.admittime
                             and i.admittime + interval 365 day)::int),
            ln(l.bnp), least(l.creatinine, 4),
            year(i.admittime) - (p.anchor_year - p.anchor_age),
            least(3, (select count(*) from admissions b
             where b.subject_id = i.subject_id and b.admission_type = 'EW EMER.'
               and b.admittime < i.admittime and b.admittime >= i.admittime - interval 365 day))
        from index_visit i join labs l using (hadm_id)
        join patients p on p.subject_id = i.subject_id
        where i.drug is not null"""
    return np.array(con.execute(query).fetchall(), float)


def logistic(design: np.ndarray, y: np.ndarray) -> np.ndarray:
    beta = np.zeros(design.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-design @ beta))
        beta += np.linalg.solve(design.T @ (design * (p * (1 - p))[:, None]), design.T @ (y - p))
    return beta


def test_the_naive_contrast_shows_harm_and_adjustment_shows_the_true_benefit(mimic, con):
    planted = truth(mimic)["truths"]["treatment_effect"]["values"]["all"]
    rows = failure_cohort(con)
    drug, y = rows[:, 0], rows[:, 1]
    assert len(rows) == planted["subjects"]
    assert drug.sum() == planted["on_study_drug"]
    assert y.sum() == planted["outcomes"]
    naive = y[drug == 1].mean() - y[drug == 0].mean()
    assert naive == pytest.approx(planted["naive"]["risk_difference"])
    design = np.column_stack([np.ones(len(rows)), drug, rows[:, 2:]])
    beta = logistic(design, y)
    risk = [
        (1 / (1 + np.exp(-np.column_stack([design[:, :1], d, design[:, 2:]]) @ beta))).mean()
        for d in (np.ones(len(rows)), np.zeros(len(rows)))
    ]
    true = planted["true"]["risk_difference"]
    assert naive > 0.1
    assert true < -0.1
    assert risk[0] - risk[1] == pytest.approx(true, abs=0.07)


def test_the_infarction_hazard_ratio_is_recovered(mimic, con):
    query = """
        with dx as (select distinct subject_id, hadm_id, icd_code
                    from diagnoses_icd),
        a as (select *, row_number() over (partition by subject_id order by admittime) as n
              from admissions)
        select epoch(least((select min(b.admittime) from a b join dx using (hadm_id)
                where b.subject_id = p.subject_id and dx.icd_code in ('I214', '41071')),
                p.dod + interval 12 hour, timestamp '2025-01-01')
                - (a.admittime + interval 2 hour)) / 31557600,
            exists(select 1 from dx where dx.subject_id = p.subject_id
                   and dx.icd_code in ('I214', '41071'))::int,
            exists(select 1 from dx where dx.hadm_id = a.hadm_id
                   and dx.icd_code in ('N189', '5859'))::int,
            (p.anchor_age - 60) / 10, (p.gender = 'M')::int
        from patients p join a on a.subject_id = p.subject_id and a.n = 1"""
    rows = np.array(con.execute(query).fetchall(), float)
    planted = truth(mimic)["truths"]["hazard_ratio"]
    years, event = rows[:, 0], rows[:, 1]
    assert event.sum() == planted["values"]["all"]["events"]
    assert rows[:, 2].sum() == planted["values"]["all"]["with_ckd"]
    assert years.sum() == pytest.approx(planted["values"]["all"]["years"], rel=1e-3)
    design = np.column_stack([np.ones(len(rows)), rows[:, 2:]])
    beta = np.array([np.log(event.sum() / years.sum()), 0, 0, 0])
    for _ in range(20):
        expected = years * np.exp(design @ beta)
        information = design.T @ (design * expected[:, None])
        beta += np.linalg.solve(information, design.T @ (event - expected))
    error = np.sqrt(np.diag(np.linalg.inv(information)))
    p = planted["parameters"]
    want = [np.log(p["rate_per_year"]), p["log_ckd"], p["log_age_decade"], p["log_male"]]
    assert np.all(np.abs(beta - want) < 3 * error)
    assert error[1] < 0.2


def sepsis_stays(con: duckdb.DuckDBPyConnection) -> np.ndarray:
    """Read death, first lactate, age and first systolic pressure of each sepsis stay."""
    query = """
        with labs as (select distinct on (labevent_id) * from labevents
                      where itemid = 50813 order by labevent_id, row desc)
        select a.hospital_expire_flag,
            (select arg_min(valuenum, charttime) from labs l
             where l.hadm_id = a.hadm_id and itemid = 50813),
            year(a.admittime) - (p.anchor_year - p.anchor_age),
            (select arg_min(valuenum, charttime) from chartevents c
             where c.hadm_id = a.hadm_id and itemid = 220179),
            exists(select 1 from chartevents c
                   where c.hadm_id = a.hadm_id and itemid = 299001)::int,
            exists(select 1 from chartevents c
                   where c.hadm_id = a.hadm_id and itemid = 299001
                     and c.charttime < a.admittime + interval 24 hour)::int
        from admissions a
        join diagnoses_icd d on d.hadm_id = a.hadm_id and d.seq_num = 1
        join patients p on p.subject_id = a.subject_id
        where d.icd_code in ('A419', '0389')"""
    return np.array(con.execute(query).fetchall(), float)


def test_the_documented_score_reaches_the_bayes_auc_on_the_files(mimic, con):
    rows = sepsis_stays(con)
    planted = truth(mimic)["truths"]["prediction"]
    assert len(rows) == planted["values"]["all"]["stays"]
    assert rows[:, 0].sum() == planted["values"]["all"]["deaths"]
    p = planted["parameters"]
    score = (
        p["intercept"]
        + p["log_lactate"] * (np.log(rows[:, 1]) - 0.7)
        + p["age_decade"] * (rows[:, 2] - 65) / 10
        + p["systolic"] * (rows[:, 3] - 108)
    )
    died, lived = score[rows[:, 0] == 1], score[rows[:, 0] == 0]
    auc = np.mean(died[:, None] > lived) + np.mean(died[:, None] == lived) / 2
    assert auc == pytest.approx(planted["values"]["all"]["bayes_auc"], abs=1e-3)
    assert 0.7 < auc < 0.9


def test_the_leak_is_charted_after_the_prediction_time_and_gives_the_outcome_away(mimic, con):
    rows = sepsis_stays(con)
    planted = truth(mimic)["truths"]["leak_trap"]["values"]["all"]
    assert rows[:, 5].sum() == 0
    assert (rows[:, 4] * rows[:, 0]).sum() == planted["consults_in_dead"]
    assert (rows[:, 4] * (1 - rows[:, 0])).sum() == planted["consults_in_alive"]
    assert np.mean(rows[:, 4] == rows[:, 0]) > 0.95


# --- each format holds the planted faults it says


def test_planted_faults_of_the_mimic_site_are_in_its_files(four):
    site = tables(four / "site-1")
    found = {
        "duplicate_rows": """select count(*) - count(distinct (labevent_id, valuenum))
            from labevents""",
        "corrected_values": """select count(distinct (labevent_id, valuenum))
            - count(distinct labevent_id) from labevents""",
        "value_out_of_range": """select count(*) from labevents
            where valuenum = 99.9 and itemid = 50971""",
        "event_after_death": """select count(*) from labevents l join patients p
            using (subject_id) where l.charttime > p.dod + 1""",
        "orphan_encounter": """select count(*) from labevents where hadm_id is not null
            and hadm_id not in (select hadm_id from admissions)""",
        "encounter_ends_before_start": """select count(*) from admissions
            where dischtime < admittime""",
    }
    counts = {name: count(site, query) for name, query in found.items()}
    assert counts == truth(four)["planted_faults"]["site-1"]


def test_planted_faults_of_the_omop_site_are_in_its_files(four):
    site = tables(four / "site-2")
    found = {
        "duplicate_rows": """select count(*) - count(distinct (measurement_id, value_as_number))
            from measurement""",
        "corrected_values": """select count(distinct (measurement_id, value_as_number))
            - count(distinct measurement_id) from measurement""",
        "value_out_of_range": """select count(*) from measurement
            where value_as_number = 99.9 and measurement_concept_id = 3023103""",
        "event_after_death": """select count(*) from measurement m join death d
            using (person_id) where m.measurement_datetime > d.death_datetime""",
        "orphan_encounter": """select count(*) from measurement
            where visit_occurrence_id is not null and visit_occurrence_id
            not in (select visit_occurrence_id from visit_occurrence)""",
        "encounter_ends_before_start": """select count(*) from visit_occurrence
            where visit_end_datetime < visit_start_datetime""",
    }
    counts = {name: count(site, query) for name, query in found.items()}
    assert counts == truth(four)["planted_faults"]["site-2"]


def test_every_omop_concept_in_use_is_in_the_concept_table(four):
    query = """
        with used as (
            select condition_concept_id as id from condition_occurrence
            union select drug_concept_id from drug_exposure
            union select procedure_concept_id from procedure_occurrence
            union select measurement_concept_id from measurement
            union select unit_concept_id from measurement
            union select observation_concept_id from observation
            union select visit_concept_id from visit_occurrence)
        select count(*) from used where id not in (select concept_id from concept)"""
    assert count(tables(four / "site-2"), query) == 0


def test_fhir_references_resolve_but_for_the_planted_orphans(four):
    planted = truth(four)["planted_faults"]["site-3"]
    names = [path.stem for path in (four / "site-3/fhir").glob("*.ndjson")]
    everything = {name: resources(four, name) for name in names}
    known = {f"{name}/{r['id']}" for name, found in everything.items() for r in found}

    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["reference"]] if isinstance(value.get("reference"), str) else []
            return own + [r for part in value.values() for r in references(part)]
        return [r for part in value for r in references(part)] if isinstance(value, list) else []

    lost = [r for found in everything.values() for r in references(found) if r not in known]
    assert len(lost) == planted["orphan_encounter"]
    observed = everything["Observation"]
    assert sum(r["status"] == "corrected" for r in observed) == planted["corrected_values"]
    repeats = Counter((r["id"], r["meta"]["versionId"]) for r in observed)
    assert sum(repeats.values()) - len(repeats) == planted["duplicate_rows"]
    backwards = [e for e in everything["Encounter"] if e["period"]["end"] < e["period"]["start"]]
    assert len(backwards) == planted["encounter_ends_before_start"]
    for name, found in everything.items():
        assert found, name
        assert {r["resourceType"] for r in found} == {name}


def test_fhir_blood_pressure_has_components_and_notes_are_readable(four):
    panels = [
        r for r in resources(four, "Observation") if r["code"]["coding"][0]["code"] == "85354-9"
    ]
    sizes = Counter(len(p["component"]) for p in panels)
    assert sizes[2] > sizes[1] > 0
    for note in resources(four, "DocumentReference")[:20]:
        text = base64.b64decode(note["content"][0]["attachment"]["data"]).decode()
        assert text.startswith("Admitted with ")


def test_hl7_messages_are_well_formed(four):
    order = {"ADT": ["MSH", "EVN", "PID", "PV1"], "ORU": ["MSH", "PID", "PV1", "ORC", "OBR"]}
    order["RDE"] = ["MSH", "PID", "PV1", "ORC", "RXE", "RXR"]
    seen = Counter()
    for message in messages(four):
        kind = message[0][8]
        seen[kind[:7]] += 1
        names = [segment[0] for segment in message]
        head = order[kind[:3]]
        assert names[: len(head)] == head
        assert set(names[len(head) :]) <= {"DG1", "OBX"}
        assert message[0][11] == "2.5"
        for segment in message:
            if segment[0] == "OBX":
                assert segment[2] in ("NM", "ST")
                assert segment[11] in ("F", "C")
                assert len(segment[14]) == 14
    assert {"ADT^A01", "ADT^A03", "ADT^A08", "ORU^R01"} <= set(seen)


def test_planted_faults_of_the_hl7_site_are_in_its_files(four):
    planted = truth(four)["planted_faults"]["site-4"]
    values, corrected, visits, named, backwards = Counter(), 0, set(), [], set()
    for message in messages(four):
        parts = {segment[0]: segment for segment in message}
        visit = parts["PV1"][19] if len(parts["PV1"]) > 19 else ""
        if message[0][8].startswith("ADT"):
            visits.add(visit)
            if len(parts["PV1"]) > 45 and parts["PV1"][45] < parts["PV1"][44]:
                backwards.add(visit)
        for segment in message:
            if segment[0] == "OBX":
                key = (parts["ORC"][2], segment[3], segment[4], segment[5], segment[11])
                values[key] += 1
                corrected += segment[11] == "C"
                named.append(visit)
    assert corrected == planted["corrected_values"]
    assert sum(values.values()) - len(values) == planted["duplicate_rows"]
    assert sum(v != "" and v not in visits for v in named) == planted["orphan_encounter"]
    assert len(backwards) == planted["encounter_ends_before_start"]
    wild = sum(key[3] == "99.9" and key[1].startswith("2823-3^") for key in values)
    assert wild == planted["value_out_of_range"]


# --- the sites hold the same people and the same answers


def test_shared_people_carry_one_national_identifier_at_both_sites(four):
    shared = truth(four)["shared_subjects"]
    fhir = {
        i["value"]: r["id"]
        for r in resources(four, "Patient")
        for i in r["identifier"]
        if i["system"] == shared["system"]
    }
    hl7 = {}
    for message in messages(four):
        ids = next(segment for segment in message if segment[0] == "PID")[3].split("~")
        hl7[ids[1].split("^")[0]] = ids[0].split("^")[0]
    both = {(n, fhir[n], hl7[n]) for n in fhir.keys() & hl7.keys()}
    pairs = {(p["national_id"], p["site-3"], p["site-4"]) for p in shared["pairs"]}
    assert pairs
    assert both == pairs


def test_consults_and_study_drugs_are_at_every_site(four):
    truths = truth(four)["truths"]
    asked, took = (
        truths["leak_trap"]["values"]["sites"],
        truths["treatment_effect"]["values"]["sites"],
    )
    omop = tables(four / "site-2")
    consults = {
        "site-2": count(omop, "select count(*) from observation"),
        "site-3": sum(
            r["code"]["coding"][0]["code"] == "PALLIATIVE-CONSULT"
            for r in resources(four, "Observation")
        ),
        "site-4": sum(
            segment[0] == "OBX" and segment[3].startswith("PALLIATIVE-CONSULT")
            for message in messages(four)
            for segment in message
        ),
    }
    starts = {
        "site-2": count(omop, "select count(*) from drug_exposure where drug_concept_id = 1307046"),
        "site-3": sum(
            r["medicationCodeableConcept"]["coding"][0]["code"] == "6918"
            for r in resources(four, "MedicationRequest")
        ),
        "site-4": sum(
            segment[0] == "RXE" and segment[2].startswith("6918^")
            for message in messages(four)
            for segment in message
        ),
    }
    for site in consults:
        values = asked[site]
        assert consults[site] == values["consults_in_dead"] + values["consults_in_alive"]
        assert starts[site] == took[site]["on_study_drug"]
