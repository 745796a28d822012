"""Write a site's notes as one table with its mapping, and what is true of each beside it."""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import TYPE_CHECKING, TextIO

import numpy as np

from biolake.testing.hospital.asset_lists import NAMING, patient_of
from biolake.testing.hospital.clock import texts
from biolake.testing.hospital.note_phrases import LANGUAGES, SECOND_EVERY
from biolake.testing.hospital.note_writing import Draft, Stay, Writer
from biolake.testing.hospital.terms import CHRONIC, INPATIENT, OBSERVATION, diagnosis

if TYPE_CHECKING:
    from biolake.testing.hospital.asset_files import Site
    from biolake.testing.hospital.histories import History

STREAM = 15_485_863
"""Sets these draws apart from those of the records and of the images."""
KIND = "discharge summary"
HEADER = ("note", "patient", "written_at", "kind", "language", "text")
_FAILING = {diagnosis(name) for name in ("heart_failure", "acute_heart_failure")}

MAPPING = """\
# The notes of a made-up hospital.
mapping: synthetic-notes-{site}
version: "1"
description: discharge summaries of a synthetic hospital
detect: [notes.csv]
clock: {clock}
subject: {{column: patient, system: "{system}"{kind}}}

tables:
  notes:
    file: notes.csv
    key: [note]
    columns: {{{column}written_at: TIMESTAMP}}
    notes: [{{text: text, time: written_at, kind: kind, language: language}}]
"""


class NoteFiles:
    """The notes of one site, chunk by chunk; `truth` gets one line of JSON a note."""

    def __init__(self, site: Site, truth: TextIO) -> None:
        self.site, self.naming = site, NAMING[site.source]
        folder = site.folder / "notes"
        folder.mkdir(parents=True, exist_ok=True)
        self._truth = truth
        self.made: Counter[str] = Counter()
        self._writers = [Writer(name) for name in LANGUAGES[site.number % len(LANGUAGES)]]
        # csv.writer quotes line ends and commas; the text stays as it was written.
        self._stream = (folder / "notes.csv").open("w", encoding="utf-8", newline="")
        self._table = csv.writer(self._stream, lineterminator="\n")
        self._table.writerow(HEADER)
        integer = self.naming.integer
        mapping = MAPPING.format(
            site=site.number + 1,
            clock="utc" if self.naming.offset else "local",
            system=self.naming.system,
            kind=", type: integer" if integer else "",
            column="patient: BIGINT, " if integer else "",
        )
        (folder / "notes.yaml").write_text(mapping, encoding="utf-8")

    def write(self, history: History) -> None:
        """Write a note of each stay of this site's chosen subjects."""
        found = history.encounters
        stays = np.isin(found.setting, (INPATIENT, OBSERVATION)) & (found.end > found.start + 1800)
        for row in np.flatnonzero(stays & (found.site == self.site.number)).tolist():
            index = int(history.people.index[found.subject[row]])
            chosen = np.random.default_rng([self.site.seed, STREAM, index]).random()
            if chosen < self.site.share:
                self._note(history, row, index)

    def _note(self, history: History, row: int, index: int) -> None:
        number = int(history.encounters.number[row])
        rng = np.random.default_rng([self.site.seed, STREAM + 1, number])
        second = rng.integers(SECOND_EVERY) == 0
        writer = self._writers[-1 if second else 0]
        draft = writer.write(rng, _stay(history, row))
        written = int(history.encounters.end[row])
        patient = patient_of(self.site.source, index)
        name, when = f"N{number:08d}", self.naming.moment(written)
        self._table.writerow((name, patient, when, KIND, writer.language, draft.text))
        self._told(name, patient, written, writer.language, draft)

    def _told(self, name: str, patient: str, written: int, language: str, draft: Draft) -> None:
        self.made[language] += 1
        line = {
            "site": self.site.name,
            "note": name,
            "patient": patient,
            "written": texts(np.array([written]))[0],
            "language": language,
            "characters": len(draft.text),
            "spans": draft.spans,
        }
        self._truth.write(json.dumps(line, ensure_ascii=False) + "\n")

    def counts(self) -> dict[str, int]:
        """Return how many notes of each language a load must find."""
        return dict(sorted(self.made.items()))

    def close(self) -> None:
        self._stream.close()


def _stay(history: History, row: int) -> Stay:
    found = history.encounters
    subject, start, end = int(found.subject[row]), found.start[row], found.end[row]
    onset = history.people.onset[subject]
    main = int(found.reason[row])
    past = tuple(
        diagnosis(name)
        for place, name in enumerate(CHRONIC)
        if onset[place] < start and diagnosis(name) != main
    )
    orders = history.drugs
    mine = (orders.encounter == row) & (orders.start < end)
    failing = main in _FAILING or any(term in _FAILING for term in past)
    return Stay(main, past, tuple(dict.fromkeys(orders.term[mine].tolist())), failing)
