"""Clinical attributes of patients and samples; what follows diagnosis is laid on its own day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from biolake.core.reading import Chunk, Reject
from biolake.readers._cbioportal.people import TWICE
from biolake.readers._cbioportal.study import Table
from biolake.readers._cbioportal.taking import Bad, Record, Taking, day, header_of, records, worded
from biolake.readers._matrix.origin import DAYS_A_MONTH, ORIGIN, ORIGIN_CODE, at_birth

FACTS = ("SEX", "GENDER", "RACE", "ETHNICITY")  # true at any time
AGES = ("AGE", "AGE_AT_DIAGNOSIS", "AGE_AT_DX", "DIAGNOSIS_AGE")  # years
_BOUND = re.compile(r"^[<>]=?\s*\d+$|^\d+\+$")
_SEXES = {"male": "M", "m": "M", "female": "F", "f": "F"}
# What can only be known after diagnosis; without a day of its own it would be a look ahead.
_LATER = re.compile(
    r"STATUS|FOLLOW|DEATH|DECEASED|VITAL|RECUR|PROGRESS|RELAPSE|NEW_TUMOR|METASTA.*AFTER|"
    r"OUTCOME|RESPONSE|SURVIVAL|DAYS_TO_LAST|_MONTHS$|^MONTHS_"
)
_BASELINE_STATUS = re.compile(r"^(ER|PR|HER2|MSI|MMR|EGFR|KRAS|IDH|HPV|MENOPAUSE|SMOKING)\w*STATUS")
_BARCODE = re.compile(r"^TCGA-\w{2}-\w{4}$")  # names one person wherever it stands
_MANY = 50  # different words beyond which an attribute is text, and no list of categories
_LONG = 80  # letters of a word in a code
LATER = "known only later, and no day is given"
_IDS = ("PATIENT_ID", "SAMPLE_ID")


@dataclass(frozen=True)
class Attribute:
    """One column: a number, a word of few (its value goes into the code), or text."""

    name: str
    title: str
    number: bool
    words: bool


@dataclass(frozen=True)
class Shape:
    """What the columns of a clinical file are; `survival` are prefixes such as OS and DFS."""

    attributes: tuple[Attribute, ...]
    survival: tuple[str, ...]
    samples: bool
    prefix: str


def clinical(taking: Taking) -> Iterator[Chunk]:
    """Read the attributes of patients or samples."""
    samples = taking.table.datatype != "PATIENT_ATTRIBUTES"
    header_of(taking.table, "PATIENT_ID", *(("SAMPLE_ID",) if samples else ()))
    rows: list[Record] = []
    ragged: list[Reject] = []
    for found in records(taking):
        if isinstance(found, Reject):
            ragged.append(found)
        else:
            rows += found
    shape = _shape(taking.table, rows, samples)
    for attribute in shape.attributes:
        taking.describe(f"{shape.prefix}//{attribute.name}", attribute.title)
    read = partial(_row, shape)
    for record in rows:
        taking.take(record, read)
    for reject in ragged:
        taking.rows.reject(reject.row, reject.column, reject.reason)
    yield taking.chunk("clinical_sample" if samples else "clinical_patient")


def _row(shape: Shape, taking: Taking, record: Record) -> str:
    """Give the events of one patient or sample; every patient has a day 0."""
    patient, owner = record.need("PATIENT_ID", "no patient"), "patient"
    identity = patient
    if shape.samples:
        owner, identity = "sample", record.need("SAMPLE_ID", "no sample")
        if identity in taking.owners.disputed:
            raise Bad("SAMPLE_ID", TWICE)
        taking.person(patient, identity)
    elif _BARCODE.match(patient):
        taking.person(patient, patient)
    taking.once(_IDS[shape.samples], owner, identity)
    if not shape.samples or patient not in taking.owners.listed:
        taking.give(patient, ORIGIN_CODE, "origin", patient)
    for attribute in shape.attributes:
        if attribute.name in record.said:
            _attribute(taking, shape, record, attribute, (patient, owner, identity))
    for prefix in shape.survival:
        _survival(taking, record, prefix, (patient, owner, identity))
    return ""


def _attribute(
    taking: Taking, shape: Shape, record: Record, one: Attribute, who: tuple[str, str, str]
) -> None:
    patient, owner, identity = who
    name, value = one.name, record.said[one.name].strip()
    if name in ("SEX", "GENDER"):
        code = f"GENDER//{_SEXES.get(value.lower(), worded(value))}"
        taking.give(patient, code, owner, identity, name, time=None)
        return
    if name in AGES and _BOUND.match(value):
        # `>89` of a de-identified study: no birth, but no reason to lose the patient.
        taking.dropped[f"MEDS_BIRTH: {name} is a bound"] += 1
        code = f"{shape.prefix}//{name}"
        taking.give(patient, code, owner, identity, name, time=ORIGIN, text=value)
        return
    if name in AGES:
        _birth(taking, record, name, patient)
    if is_later(name):
        taking.dropped[f"{name}: {LATER}"] += 1
        return
    time = None if name in FACTS else ORIGIN
    code = f"{shape.prefix}//{name}"
    if one.number:
        number = record.number(name)
        taking.give(patient, code, owner, identity, name, time=time, value=number)
    elif one.words and len(value) <= _LONG:
        taking.describe(f"{code}//{worded(value)}", None, code)
        taking.give(patient, f"{code}//{worded(value)}", owner, identity, name, time=time)
    else:
        taking.give(patient, code, owner, identity, name, time=time, text=value)


def _birth(taking: Taking, record: Record, name: str, patient: str) -> None:
    age = record.number(name)
    if age is None or not 0 <= age <= 130:
        raise Bad(name, "no age in years")
    taking.give(patient, "MEDS_BIRTH", "birth", patient, time=at_birth(age))


def _survival(taking: Taking, record: Record, prefix: str, who: tuple[str, str, str]) -> None:
    """Lay what `<prefix>_STATUS` says on the day that `<prefix>_MONTHS` gives.

    Forms: `0:LIVING`, `1:DECEASED`, or the words alone.
    """
    patient, owner, identity = who
    status = record.said.get(f"{prefix}_STATUS")
    time = day(record, f"{prefix}_MONTHS", DAYS_A_MONTH)
    if time is not None and time < ORIGIN:
        raise Bad(f"{prefix}_MONTHS", "before the diagnosis")
    if status is None:
        if time is not None:
            taking.dropped[f"{prefix}_MONTHS: no status"] += 1
        return
    flag, word = _status(status, f"{prefix}_STATUS")
    if time is None:
        taking.dropped[f"{prefix}_STATUS: {LATER}"] += 1
        return
    taking.describe(f"{prefix}//{word}", None, prefix)
    taking.give(
        patient, f"{prefix}//{word}", owner, identity, f"{prefix}_STATUS", time=time, value=flag
    )
    if prefix == "OS" and flag == 1.0:
        taking.give(patient, "MEDS_DEATH", "death", patient, time=time)


def _status(text: str, column: str) -> tuple[float, str]:
    flag, colon, word = text.partition(":")
    if colon and flag.strip() in ("0", "1"):
        return float(flag), worded(word)
    for words, value in ((_GOOD, 0.0), (_ILL, 1.0)):
        if text.strip().lower() in words:
            return value, worded(text)
    raise Bad(column, "neither 0:… nor 1:…, nor a word for either")


_GOOD = ("living", "alive", "diseasefree", "disease free", "censored", "progression free")
_ILL = ("deceased", "dead", "recurred", "recurred/progressed", "progressed", "progression")


def is_later(name: str) -> bool:
    """Say whether an attribute tells what happened after the diagnosis."""
    return bool(_LATER.search(name)) and not _BASELINE_STATUS.search(name)


def _shape(table: Table, rows: list[Record], samples: bool) -> Shape:
    header = header_of(table)
    kinds = _commented(header.comments, "NUMBER", len(header.names))
    titles = header.comments[0].split("\t") if header.comments else []
    survival = tuple(
        name.removesuffix("_STATUS")
        for name in header.names
        if name.endswith("_STATUS") and f"{name.removesuffix('_STATUS')}_MONTHS" in header.names
    )
    timed = {f"{prefix}_{what}" for prefix in survival for what in ("STATUS", "MONTHS")}
    found = []
    for place, name in enumerate(header.names):
        if name in _IDS or name in timed:
            continue
        number = place < len(kinds) and kinds[place] == "NUMBER"
        title = titles[place] if place < len(titles) else name
        words = not number and _few(rows, name)
        found.append(Attribute(name, title, number or name in AGES, words))
    return Shape(tuple(found), survival, samples, "SAMPLE" if samples else "CLINICAL")


def _commented(comments: tuple[str, ...], word: str, columns: int) -> list[str]:
    """Return the comment line that gives the columns' types."""
    lines = [comment.upper().split("\t") for comment in comments]
    return next((line for line in lines if len(line) == columns and word in line), [])


def _few(rows: list[Record], name: str) -> bool:
    """Say whether a column's words are categories: not too many, and not one a row (a name)."""
    said = [record.said[name] for record in rows if name in record.said]
    return 0 < len(set(said)) <= min(_MANY, max(1, len(said) // 2))
