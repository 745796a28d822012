"""Write a site's ECGs, images and slides, with what is true of each and the faults among them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from biolake.testing.hospital.asset_lists import NAMING, Lists, patient_of
from biolake.testing.hospital.clock import compact, texts, year_of
from biolake.testing.hospital.dicom_files import Examination, dicom_file, uid
from biolake.testing.hospital.electrocardiograms import LEADS, Heart, draw_ecg
from biolake.testing.hospital.examinations import STREAM, Biopsy, Planned, Visits, examinations
from biolake.testing.hospital.histology import MPP, draw_slide
from biolake.testing.hospital.radiographs import Chest, draw_film, film_elements
from biolake.testing.hospital.slide_files import slide_file
from biolake.testing.hospital.tomograms import SLICES, Lungs, draw_scan, slice_elements
from biolake.testing.hospital.wfdb_files import write_record

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from biolake.testing.hospital.dicom_files import Element
    from biolake.testing.hospital.population import Population

RATES = (250, 500)
"""Samples a second of the ECG machines; sites take turns."""
UNKNOWN_PATIENT = "X-NOBODY-0"
CUT_SHARE = 0.03
"""Share of films that are sent a second time, and cut short."""


@dataclass(frozen=True)
class Site:
    """Where a site's assets go, and how its records name people."""

    folder: Path
    number: int
    source: str
    seed: int
    share: float

    @property
    def name(self) -> str:
        return f"site-{self.number + 1}"


class AssetFiles:
    """The assets of one site, chunk by chunk; `truth` gets one line of JSON an asset."""

    def __init__(self, site: Site, truth: TextIO) -> None:
        self.site, self.naming = site, NAMING[site.source]
        self.folder = site.folder / "assets"
        self.lists = Lists(self.folder, site.number, site.source)
        self.made: Counter[str] = Counter()
        self.quarantined: Counter[str] = Counter()
        self.waiting = 0
        self._truth = truth
        self._plant()

    def write(self, seen: Visits) -> None:
        """Make the examinations of one chunk of subjects at this site."""
        people = seen.history.people
        for plan in examinations(seen, self.site.number, self.site.seed, self.site.share):
            rng = np.random.default_rng([self.site.seed, STREAM + 1, plan.number])
            patient = patient_of(self.site.source, int(people.index[plan.subject]))
            if isinstance(plan.shows, Heart):
                self._ecg(rng, plan, plan.shows, patient, people)
            elif isinstance(plan.shows, Biopsy):
                self._slide(rng, plan, plan.shows, patient)
            elif isinstance(plan.shows, Chest):
                self._film(rng, plan, plan.shows, self._examined(plan, patient, people))
            else:
                self._scan(rng, plan, plan.shows, self._examined(plan, patient, people))

    def close(self) -> None:
        self.lists.close()

    def counts(self) -> dict[str, object]:
        """Return what a load of the folder must find."""
        return {
            "made": dict(sorted(self.made.items())),
            "linked": sum(self.made.values()),
            "waiting": self.waiting,
            "quarantined": dict(sorted(self.quarantined.items())),
        }

    def _told(self, modality: str, plan: Planned, file: str, patient: str, **facts: object) -> None:
        self.made[modality] += 1
        line = {
            "site": self.site.name,
            "modality": modality,
            "file": file,
            "patient": patient,
            "start": texts(np.array([plan.start]))[0],
            "findings": list(plan.findings),
            **facts,
        }
        self._truth.write(json.dumps(line) + "\n")

    def _ecg(
        self, rng: np.random.Generator, plan: Planned, heart: Heart, patient: str, who: Population
    ) -> None:
        rate = RATES[self.site.number % len(RATES)]
        drawn = draw_ecg(rng, heart, rate)
        name = f"ecg/{plan.number // 1000:04d}/{plan.number:08d}"
        row = slice(plan.subject, plan.subject + 1)
        one = who.take(row)
        age = int(one.age(np.array([plan.start]))[0])
        said = [f"Age: {age}", f"Sex: {'Male' if one.male[0] else 'Female'}"]
        path = self.folder / f"{name}.hea"
        write_record(path, drawn.microvolts, rate, LEADS, start=plan.start, comments=said)
        when = self.naming.moment(plan.start)
        self.lists.add("ecgs", (plan.number, patient, when, name, " ".join(plan.findings)))
        self._told(
            "ecg", plan, name, patient,
            rate=rate,
            heart_rate=round(drawn.heart_rate, 3),
            pr=None if drawn.pr is None else round(drawn.pr, 1),
            qrs=round(drawn.qrs, 1),
            qt=round(drawn.qt, 1),
            beats=np.round(drawn.beats, 4).tolist(),
        )  # fmt: skip

    def _slide(self, rng: np.random.Generator, plan: Planned, biopsy: Biopsy, patient: str) -> None:
        drawn = draw_slide(rng, biopsy.tumour)
        name = f"slides/{plan.number:08d}.tif"
        content = slide_file(drawn.levels, MPP, "Synthetic tissue, haematoxylin and eosin")
        self._save(name, content)
        percent = round(100 * drawn.tumour, 1)
        when = self.naming.moment(plan.start)
        self.lists.add("slides", (plan.number, patient, when, name, percent))
        self._told(
            "slide",
            plan,
            name,
            patient,
            tissue=round(drawn.tissue, 4),
            tumour=round(drawn.tumour, 4),
        )

    def _film(
        self, rng: np.random.Generator, plan: Planned, chest: Chest, examined: Examination
    ) -> None:
        drawn = draw_film(rng, chest)
        # Some archives name files without a suffix; what a file is stands inside it.
        name = f"dicom/{plan.number:08d}/IM0001" + (".dcm" if plan.number % 5 else "")
        sop_class, elements = film_elements(drawn, self.site.name)
        content = self._dicom(sop_class, elements, examined, "1")
        self._save(name, content)
        if rng.random() < CUT_SHARE:
            self._faulty(f"dicom/{plan.number:08d}/IM0002.dcm", content[:-9001], "cut short")
        self._read(plan, examined.patient, "xray")
        self._told(
            "xray", plan, name, examined.patient,
            cardiothoracic=round(chest.cardiothoracic, 4),
            opacity=round(drawn.opacity, 4),
        )  # fmt: skip

    def _scan(
        self, rng: np.random.Generator, plan: Planned, lungs: Lungs, examined: Examination
    ) -> None:
        drawn = draw_scan(rng, lungs)
        folder = f"dicom/{plan.number:08d}"
        series, frame = uid(examined.study, "series"), uid(examined.study, "frame")
        for number in range(SLICES):
            sop_class, elements = slice_elements(drawn, number, series, frame)
            content = self._dicom(sop_class, elements, examined, str(number + 1), series)
            self._save(f"{folder}/IM{number + 1:04d}.dcm", content)
        self._read(plan, examined.patient, "ct")
        facts = {n: round(getattr(drawn, n), 4) for n in ("emphysema", "glass", "consolidation")}
        self._told("ct", plan, folder, examined.patient, volume=round(drawn.volume, 1), **facts)

    def _read(self, plan: Planned, patient: str, kind: str) -> None:
        when = self.naming.moment(plan.start)
        for finding in plan.findings:
            self.lists.add("readings", (plan.number, patient, when, kind, finding))

    def _examined(self, plan: Planned, patient: str, people: Population) -> Examination:
        born, male = people.birth[plan.subject], bool(people.male[plan.subject])
        age = int(year_of(np.array([plan.start]))[0] - year_of(np.array([born]))[0])
        return self._examination(plan.number, patient, male, age, int(born), plan.start)

    def _examination(
        self, number: int, patient: str, male: bool, age: int, born: int, start: int
    ) -> Examination:
        study = uid(self.site.seed, self.site.name, number)
        zone = self.naming.offset.replace(":", "")
        (day,) = compact(np.array([born]))
        return Examination(
            patient, male, age, day[:8], start, zone, study, number, f"Synthetic {self.site.name}"
        )

    def _dicom(
        self,
        sop_class: str,
        elements: list[Element],
        examined: Examination,
        instance: str,
        series: str = "",
    ) -> bytes:
        own: list[Element] = [] if series else [(0x0020000E, "UI", uid(examined.study, "series"))]
        name = uid(examined.study, "instance", instance)
        return dicom_file(sop_class, name, [*elements, *examined.elements(), *own])

    def _save(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def _faulty(self, name: str, content: bytes, what: str) -> None:
        """Write a file that no reader may take; it is counted by what is wrong with it."""
        self._save(name, content)
        self.quarantined[what] += 1

    def _plant(self) -> None:
        """Write what every archive has: an empty file, a foreign one, a cut ECG, an odd patient."""
        rng = np.random.default_rng([self.site.seed, STREAM + 2, self.site.number])
        self._faulty("dicom/99999991/IM0001.dcm", b"", "empty")
        self._faulty("dicom/99999992/IM0001.dcm", b"Scan lost, see paper file.\n", "not DICOM")
        start = int(np.datetime64("2016-03-01T10:00:00", "s").astype(np.int64))
        ecg = draw_ecg(rng, Heart(70.0, 160.0, 390.0), RATES[0])
        path = self.folder / "ecg/9999/99999993.hea"
        write_record(path, ecg.microvolts, RATES[0], LEADS, start=start)
        data = path.with_suffix(".dat")
        data.write_bytes(data.read_bytes()[:-2400])
        self.quarantined["ECG cut short"] += 1
        film = draw_film(rng, Chest(0.46))
        examined = self._examination(99_999_994, UNKNOWN_PATIENT, True, 50, 0, start)
        self._save(
            "dicom/99999994/IM0001.dcm",
            self._dicom(*film_elements(film, self.site.name), examined, "1"),
        )
        self.waiting += 1
