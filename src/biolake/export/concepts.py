"""The codes of a lake as OMOP concepts, and the OMOP table each belongs to.

Every code gets a concept of the lake's own: OMOP keeps ids from 2,000,000,000 on for those.
Standard concepts are not guessed: a fact's own concept is its source concept, and its standard
concept is 0 until someone maps it. Only a code that is a concept id itself (`OMOP//<id>`) keeps it.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import pyarrow as pa

from biolake.lake.door import View

FIRST_OWN_CONCEPT = 2_000_000_000
_ROOM = (1 << 31) - FIRST_OWN_CONCEPT  # concept ids are 32-bit integers in the CDM
NO_VOCABULARY = "BIOLAKE"  # of codes that name none
_DOMAINS = {
    "condition_occurrence": "Condition",
    "drug_exposure": "Drug",
    "procedure_occurrence": "Procedure",
    "measurement": "Measurement",
    "visit_occurrence": "Visit",
}

ROUTES = pa.schema(
    [
        pa.field("code", pa.string()),
        pa.field("source", pa.string()),
        pa.field("home", pa.string()),
        pa.field("part", pa.string()),
        pa.field("with_value", pa.string()),
        pa.field("term", pa.string()),
        pa.field("standard_id", pa.int32()),
        pa.field("own_id", pa.int32()),
    ]
)


@dataclass(frozen=True)
class Rule:
    """Codes that begin with `prefix` and events of the source table `source` belong to `table`."""

    prefix: str
    source: str
    table: str
    part: str
    with_value: str

    def fits(self, code: str, source: str) -> bool:
        prefix = not self.prefix or code == self.prefix or code.startswith(f"{self.prefix}//")
        return prefix and self.source in ("", source)


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules of `routes.csv`, of which the first that fits counts; the last fits all."""
    text = (files("biolake.export") / "routes.csv").read_text()
    return tuple(Rule(**row) for row in csv.DictReader(text.splitlines()))


def route(code: str, source: str) -> Rule:
    return next(rule for rule in rules() if rule.fits(code, source))


def routes(view: View, own: dict[str, int]) -> pa.Table:
    """Return for every pair of code and source table where its events go, and its concepts."""
    rows = []
    for code, source in view.rows("SELECT DISTINCT code, source FROM events ORDER BY ALL"):
        rule = route(code, source)
        standard = standard_id(code)
        rows.append(
            {
                "code": code,
                "source": source,
                "home": rule.table,
                "part": rule.part or None,
                "with_value": rule.with_value or None,
                "term": code.split("//", 1)[-1],
                "standard_id": standard,
                "own_id": 0 if standard else own[code],
            }
        )
    return pa.Table.from_pylist(rows, ROUTES)


def standard_id(code: str) -> int:
    """Return the concept id that a code of the form `OMOP//<id>` is; 0 for any other."""
    found = re.fullmatch(r"OMOP//(\d{1,10})", code)
    number = int(found[1]) if found else 0
    return number if number < FIRST_OWN_CONCEPT else 0


def own_ids(codes: Sequence[str]) -> dict[str, int]:
    """Number codes from 2,000,000,000 on by their hash; of two that meet, the later moves on."""
    taken: set[int] = set()
    ids: dict[str, int] = {}
    for code in sorted(codes):
        place = (
            int.from_bytes(hashlib.blake2b(code.encode(), digest_size=8).digest(), "big") % _ROOM
        )
        while place in taken:
            place = (place + 1) % _ROOM
        taken.add(place)
        ids[code] = FIRST_OWN_CONCEPT + place
    return ids


def concept_rows(view: View, own: dict[str, int], homes: dict[str, str]) -> pa.Table:
    """Return the rows of `concept`: one a code, in the lake's own vocabulary names."""
    rows = []
    for code, description in view.rows("SELECT code, description FROM codes ORDER BY code"):
        if standard_id(code):
            continue
        vocabulary, _, term = code.partition("//") if "//" in code else ("", "", code)
        rows.append(
            {
                "concept_id": own[code],
                "concept_name": description or code,
                "domain_id": _DOMAINS.get(homes.get(code, ""), "Observation"),
                "vocabulary_id": vocabulary or NO_VOCABULARY,
                "concept_code": term,
            }
        )
    columns = ("concept_id", "concept_name", "domain_id", "vocabulary_id", "concept_code")
    kinds = (pa.int32(), *[pa.string()] * 4)
    return pa.Table.from_pylist(rows, pa.schema(list(zip(columns, kinds, strict=True))))
