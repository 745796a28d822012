"""A small hospital in three languages, whose notes each say something that no other says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from biolake.core.catalogue import discover
from biolake.core.schema import CODES, TERMS
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init
from biolake.learning.text_encoder import open_notes
from biolake.search.building import Change as Built
from biolake.search.building import build_text
from biolake.search.parts import PARTS
from biolake.search.rows import Named, Sources
from biolake.search.searching import Searcher
from biolake.search.vectors import build_vectors, encoders
from biolake.testing.note_lakes import Change, MadeNote, MadeSpan, change

START = datetime(2150, 1, 1)  # noqa: DTZ001 - lake times are naive
ENGLISH = [
    "patient",
    "admitted",
    "acute",
    "chest",
    "pain",
    "radiating",
    "arm",
    "troponin",
    "elevated",
    "denies",
    "fever",
    "cough",
    "sputum",
    "pneumonia",
    "lobe",
    "amoxicillin",
    "heart",
    "failure",
    "furosemide",
    "diabetes",
    "insulin",
    "hypertension",
    "stroke",
]
SPANISH = [
    "paciente",
    "ingresado",
    "dolor",
    "torácico",
    "agudo",
    "irradiado",
    "brazo",
    "izquierdo",
    "troponina",
    "elevada",
    "niega",
    "fiebre",
    "tos",
    "neumonía",
    "basal",
    "derecha",
    "amoxicilina",
    "insuficiencia",
    "cardíaca",
    "señal",
]
CHINESE = (
    "患者因急性心肌梗死入院",
    "胸痛两小时",
    "肺炎右下肺",
    "否认发热咳嗽",
    "心力衰竭",
    "糖尿病",
)
# What one note alone says: query → the number of its note.
KNOWN = {
    "Takotsubo": 4,
    "cardiomyopathy after bereavement": 4,
    "espondilitis anquilosante": 5,
    "espondilítis": 5,
    "川崎病": 6,
    "冠状动脉瘤": 6,
    "q.i.d.": 7,
    "I71.03": 7,
    "3.75": 7,
}
_SAID = {
    4: "Takotsubo cardiomyopathy after a bereavement.",
    5: "Diagnosticado de ESPONDILITIS anquilosante.",
    6: "患儿川崎病合并冠状动脉瘤，CT检查。",
    7: "Dissection I71.03, labetalol 3,75 mg qid.",
}


def made_notes(count: int = 120, subjects: int = 60) -> list[MadeNote]:
    draw = np.random.default_rng(7)
    notes = []
    for n in range(count):
        words = (ENGLISH, SPANISH, CHINESE)[n % 3]
        glue, many = ("，", 6) if n % 3 == 2 else (" ", 30)
        text = glue.join(draw.choice(words, many)) + ".\n\n" + _SAID.get(n, "")
        said = MadeNote(
            text, 1_000_000_000 + n % subjects, START + timedelta(days=n), f"note-{n}", "letter"
        )
        notes.append(said)
    return notes


def lake_of(root: Path | str, notes: Sequence[MadeNote], spans: Sequence[MadeSpan] = ()) -> Lake:
    """Make a lake that holds these notes, and codes."""
    lake = init(str(root))

    def made(to: Change) -> None:
        to.subjects(note.subject for note in notes if note.subject is not None)
        to.notes(notes)
        to.spans(spans)
        to.rows("codes", code_rows(), CODES)
        to.rows("terms", term_rows(), TERMS)

    change(lake, made)
    return lake


def code_rows() -> Iterator[dict[str, object]]:
    for code, description in (
        ("ICD10CM//I21.4", "Non-ST elevation myocardial infarction"),
        ("ICD10CM//I71.03", "Dissection of thoracoabdominal aorta"),
        ("LAB//50912//mg/dL", "Creatinine"),
    ):
        told = {"parent_codes": None, "vocabulary": code.split("//")[0], "events": 1}
        yield {"code": code, "description": description, **told}


def term_rows() -> Iterator[dict[str, object]]:
    told = {"terminology": "ICD10CM", "parents": None}
    yield {"code": "ICD10CM//I21.4", "name": "NSTEMI", "synonyms": ["heart attack"], **told}
    yield {"code": "ICD10CM//I51.81", "name": "Takotsubo syndrome", "synonyms": None, **told}


NAMED = {
    "cohorts": [Named("sepsis-adults", "One row for each time of sepsis.", {"commit": 1})],
    "studies": [],
    "models": [Named("ecg-rhythm", "kernels on ecg: AF", {"version": 1})],
}


@dataclass(frozen=True)
class Reader:
    """Reads notes, and remembers which were read."""

    read: list[str]

    def sources(self) -> Sources:
        notes = open_notes(discover("biolake.readers"))

        def remembered(view, ids):  # type: ignore[no-untyped-def]
            self.read.extend(ids)
            return notes(view, ids)

        return Sources(remembered, NAMED)


def build(
    lake: Lake, only: Sequence[str] = tuple(PARTS), *, full: bool = False, vectors: bool = True
) -> tuple[dict[str, Built], list[str]]:
    """Bring the index up to date; return what changed by part, and which notes were read."""
    reader = Reader([])
    with open_view(lake) as view:
        found = {name: build_text(view, reader.sources(), name, full=full) for name in only}
        for encoded in encoders(view) if vectors else ():
            found[encoded.part] = build_vectors(view, encoded, full=full)
    return found, reader.read


def searched(lake: Lake, text: str, kind: str = "notes", **how: object) -> list[str]:
    """Return the ids of what is found, the best first."""
    from biolake.search.query import parse

    with open_view(lake) as view:
        answer = Searcher(view).search(parse(text), kind, **how)  # type: ignore[arg-type]
        return [hit.id for hit in answer.hits]
