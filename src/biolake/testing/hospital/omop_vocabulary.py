"""Write the OMOP tables that do not grow: the concepts in use, the source and its care site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.items import ITEMS, OTHER_UNITS, item
from biolake.testing.hospital.terms import (
    DIAGNOSES,
    DRUGS,
    OWN_CONCEPTS,
    PALLIATIVE_CONCEPT,
    PALLIATIVE_CONSULT,
    PROCEDURES,
)

if TYPE_CHECKING:
    from biolake.testing.hospital.csv_files import CsvFiles

UNIT_CONCEPTS = {
    "mg/dL": 8840,
    "mmol/L": 8753,
    "umol/L": 8749,
    "g/dL": 8713,
    "10*3/uL": 8848,
    "%": 8554,
    "mg/L": 8751,
    "ng/mL": 8842,
    "pg/mL": 8845,
    "mm[Hg]": 8876,
    "/min": 8541,
    "Cel": 586323,
    "kg": 9529,
}
VISIT_CONCEPTS = (
    (9202, "Outpatient Visit", "OP"),
    (9201, "Inpatient Visit", "IP"),
    (9203, "Emergency Room Visit", "ER"),
    (581385, "Observation Room", "OBS"),
)

Row = tuple[int, str, str, str, str, str]


def _rows() -> list[Row]:
    """List the concepts: id, name, domain, vocabulary, class, code."""
    rows: list[Row] = [(0, "No matching concept", "Metadata", "None", "Undefined", "0")]
    rows += [(c, n, "Visit", "Visit", "Visit", code) for c, n, code in VISIT_CONCEPTS]
    rows += [(d.concept, d.title, "Condition", "SNOMED", "Disorder", d.snomed) for d in DIAGNOSES]
    rows += [(p.concept, p.title, "Procedure", "SNOMED", "Procedure", p.snomed) for p in PROCEDURES]
    rows += [(d.concept, d.name, "Drug", "RxNorm", "Ingredient", d.rxnorm) for d in DRUGS]
    rows += [(i.concept, i.title, "Measurement", "LOINC", "Lab Test", i.loinc) for i in ITEMS]
    for name, other in OTHER_UNITS["omop"].items():
        title = f"{ITEMS[item(name)].title} [Moles/volume]"
        rows.append((other.concept, title, "Measurement", "LOINC", "Lab Test", other.loinc))
    rows += [(c, code, "Unit", "UCUM", "Unit", code) for code, c in UNIT_CONCEPTS.items()]
    rows.append(
        (
            PALLIATIVE_CONCEPT,
            "Palliative care consult",
            "Observation",
            "Local",
            "Local",
            PALLIATIVE_CONSULT,
        )
    )
    own = {c for c, *_ in rows if c >= OWN_CONCEPTS}
    # A site's own concepts keep the code but not the standard flag of the public vocabulary.
    return [(*r[:3], "Local" if r[0] in own else r[3], *r[4:]) for r in rows]


def write_vocabulary(files: CsvFiles, site: int) -> None:
    """Write concept, vocabulary, cdm_source, location and care_site."""
    ids, names, domains, vocabularies, classes, codes = zip(*_rows(), strict=True)
    standard = [None if v in ("Local", "None") else "S" for v in vocabularies]
    files.write(
        "concept",
        len(ids),
        {
            "concept_id": np.array(ids),
            "concept_name": list(names),
            "domain_id": list(domains),
            "vocabulary_id": list(vocabularies),
            "concept_class_id": list(classes),
            "standard_concept": standard,
            "concept_code": list(codes),
            "valid_start_date": "1970-01-01",
            "valid_end_date": "2099-12-31",
            "invalid_reason": None,
        },
    )
    _write_vocabularies(files, sorted(set(vocabularies)))
    _write_source(files, site)
    _write_places(files, site)


def _write_vocabularies(files: CsvFiles, used: list[str]) -> None:
    files.write(
        "vocabulary",
        len(used),
        {
            "vocabulary_id": used,
            "vocabulary_name": used,
            "vocabulary_reference": None,
            "vocabulary_version": "synthetic",
            "vocabulary_concept_id": 0,
        },
    )


def _write_source(files: CsvFiles, site: int) -> None:
    files.write(
        "cdm_source",
        1,
        {
            "cdm_source_name": "Synthetic hospital",
            "cdm_source_abbreviation": f"SITE{site + 1}",
            "cdm_holder": "Biolake",
            "source_description": "Simulated subjects; nobody real",
            "source_documentation_reference": None,
            "cdm_etl_reference": None,
            "source_release_date": "2025-01-01",
            "cdm_release_date": "2025-01-01",
            "cdm_version": "5.4",
            "cdm_version_concept_id": 756265,
            "vocabulary_version": "synthetic",
        },
    )


def _write_places(files: CsvFiles, site: int) -> None:
    place = dict.fromkeys(("address_1", "address_2"))
    files.write(
        "location",
        1,
        {
            "location_id": 1,
            **place,
            "city": "Springfield",
            "state": "AZ",
            "zip": "85001",
            "county": None,
            "location_source_value": f"site-{site + 1}",
            "country_concept_id": None,
            "country_source_value": None,
            "latitude": None,
            "longitude": None,
        },
    )
    files.write(
        "care_site",
        1,
        {
            "care_site_id": 1,
            "care_site_name": f"Site {site + 1}",
            "place_of_service_concept_id": 0,
            "location_id": 1,
            "care_site_source_value": f"site-{site + 1}",
            "place_of_service_source_value": None,
        },
    )
