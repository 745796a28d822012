"""Write values as FHIR R4 Observations, blood pressure as one with two components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.clock import texts
from biolake.testing.hospital.faults import CORRECTION, DUPLICATE, NO_ENCOUNTER, ORPHAN
from biolake.testing.hospital.identities import fhir_patient
from biolake.testing.hospital.items import ITEMS, LABS, item
from biolake.testing.hospital.recording import Recorded, numbers
from biolake.testing.hospital.terms import PALLIATIVE_CONSULT

if TYPE_CHECKING:
    from biolake.testing.hospital.histories import History

OFFSET = "-07:00"
LOINC = "http://loinc.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def observations(history: History, recorded: Recorded) -> list[str]:
    """Write every value of the site once, in file order; corrections follow what they correct."""
    heads, quantities = _heads(history, recorded), _quantities(recorded)
    plain = _codes(recorded)
    lower, upper = _pressures(recorded)
    partner = dict(zip(upper.tolist(), lower.tolist(), strict=True))
    paired = set(lower.tolist())
    pressure = {item("systolic"), item("diastolic")}
    lines = []
    for row, kind in enumerate(recorded.measured.item.tolist()):
        if row in paired:
            continue
        if kind not in pressure:
            lines.append(f"{heads[row]}{plain[row]},{quantities[row]}}}")
            continue
        parts = [row] + ([partner[row]] if row in partner else [])
        components = ",".join(f"{{{plain[p]},{quantities[p]}}}" for p in parts)
        lines.append(
            f'{heads[row]}"code":{{"coding":[{{"system":"{LOINC}","code":"85354-9",'
            f'"display":"Blood pressure panel"}}]}},"component":[{components}]}}'
        )
    return lines


def _pressures(recorded: Recorded) -> tuple[np.ndarray, np.ndarray]:
    """Match diastolic to systolic values of one subject, contact and moment: two row lists."""
    found = recorded.measured
    place = np.stack([found.subject, found.encounter, found.time], axis=1)
    high = np.flatnonzero(found.item == item("systolic"))
    low = np.flatnonzero(found.item == item("diastolic"))
    at = {tuple(p): r for p, r in zip(place[low].tolist(), low.tolist(), strict=True)}
    pairs = [
        (at[tuple(p)], r)
        for p, r in zip(place[high].tolist(), high.tolist(), strict=True)
        if tuple(p) in at
    ]
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _codes(recorded: Recorded) -> list[str]:
    titles = [i.title for i in ITEMS]
    return [
        f'"code":{{"coding":[{{"system":"{LOINC}","code":"{loinc}","display":"{titles[kind]}"}}]}}'
        for loinc, kind in zip(recorded.loinc, recorded.measured.item.tolist(), strict=True)
    ]


def _quantities(recorded: Recorded) -> list[str]:
    return [
        f'"valueQuantity":{{"value":{value},"unit":"{unit}",'
        f'"system":"http://unitsofmeasure.org","code":"{unit}"}}'
        for value, unit in zip(numbers(recorded.value), recorded.unit, strict=True)
    ]


def _heads(history: History, recorded: Recorded) -> list[str]:
    """Write each Observation up to its code: id, version, status, category, whose and when."""
    found = recorded.measured
    index = history.people.index[found.subject]
    contact = np.where(
        found.fault == ORPHAN, NO_ENCOUNTER + index, history.encounters.number[found.encounter]
    )
    known = (found.encounter >= 0) | (found.fault == ORPHAN)
    lines = []
    for key, fault, kind, person, number, has, time in zip(
        found.key.tolist(),
        found.fault.tolist(),
        found.item.tolist(),
        index.tolist(),
        contact.tolist(),
        known.tolist(),
        texts(found.time),
        strict=True,
    ):
        version, status = (2, "corrected") if fault == CORRECTION else (1, "final")
        category = "laboratory" if kind < len(LABS) else "vital-signs"
        encounter = f'"encounter":{{"reference":"Encounter/e{number}"}},' if has else ""
        lines.append(
            f'{{"resourceType":"Observation","id":"o{key}","meta":{{"versionId":"{version}"}},'
            f'"status":"{status}","category":[{{"coding":[{{"system":"{CATEGORY}",'
            f'"code":"{category}"}}]}}],"subject":{{"reference":"Patient/{fhir_patient(person)}"}},'
            f'{encounter}"effectiveDateTime":"{time}{OFFSET}",'
        )
    return lines


def consults(history: History, site: int) -> list[str]:
    """Write the palliative care consults under a local code."""
    found, asked = history.encounters, history.consults
    asked = asked.take(found.site[asked.encounter] == site)
    people = history.people.index[found.subject[asked.encounter]].tolist()
    return [
        f'{{"resourceType":"Observation","id":"pc{number}","meta":{{"versionId":"1"}},'
        f'"status":"final","code":{{"coding":[{{"system":"urn:biolake:local",'
        f'"code":"{PALLIATIVE_CONSULT}","display":"Palliative care consult"}}]}},'
        f'"subject":{{"reference":"Patient/{fhir_patient(person)}"}},'
        f'"encounter":{{"reference":"Encounter/e{number}"}},'
        f'"effectiveDateTime":"{time}{OFFSET}","valueString":"Requested"}}'
        for number, person, time in zip(
            found.number[asked.encounter].tolist(), people, texts(asked.time), strict=True
        )
    ]


def reports(history: History, recorded: Recorded) -> list[str]:
    """Write one DiagnosticReport per contact over its first laboratory draw."""
    found = recorded.measured
    lab = (found.item < len(LABS)) & (found.encounter >= 0)
    found = found.take(lab & (found.fault != DUPLICATE) & (found.fault != CORRECTION))
    first: dict[int, int] = {}
    results: dict[int, list[int]] = {}
    for encounter, time, key in zip(
        found.encounter.tolist(), found.time.tolist(), found.key.tolist(), strict=True
    ):
        if first.setdefault(encounter, time) == time:
            results.setdefault(encounter, []).append(key)
    at = np.array(list(results), np.int64)
    people = history.people.index[history.encounters.subject[at]].tolist()
    numbers_ = history.encounters.number[at].tolist()
    times = texts(np.array([first[e] for e in results], np.int64))
    lines = []
    for keys, person, number, time in zip(results.values(), people, numbers_, times, strict=True):
        links = ",".join(f'{{"reference":"Observation/o{key}"}}' for key in keys)
        lines.append(
            f'{{"resourceType":"DiagnosticReport","id":"r{number}","status":"final",'
            f'"code":{{"coding":[{{"system":"{LOINC}","code":"11502-2",'
            f'"display":"Laboratory report"}}]}},'
            f'"subject":{{"reference":"Patient/{fhir_patient(person)}"}},'
            f'"encounter":{{"reference":"Encounter/e{number}"}},'
            f'"effectiveDateTime":"{time}{OFFSET}","result":[{links}]}}'
        )
    return lines
