"""Write a site as HL7 v2.5 messages (ER7): ADT, ORU^R01 and RDE^O11, one file per chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biolake.testing.hospital.clock import NEVER, compact
from biolake.testing.hospital.faults import CORRECTION, DUPLICATE, NO_ENCOUNTER, ORPHAN
from biolake.testing.hospital.histories import CHUNK
from biolake.testing.hospital.identities import NATIONAL_AUTHORITY, hl7_patient, national
from biolake.testing.hospital.items import ITEMS
from biolake.testing.hospital.recording import Recorded, numbers, record
from biolake.testing.hospital.terms import DIAGNOSES, DRUGS, OUTPATIENT, PALLIATIVE_CONSULT, dotted

if TYPE_CHECKING:
    from pathlib import Path

    from biolake.testing.hospital.histories import History

CLASSES = ("O", "O", "E", "I")
RESEND_DELAY = 86400

Message = tuple[int, int, int, str, str]  # subject, moment sent, order, type, segments after PID


class Hl7Files:
    """One site's folder of message files; segments end with a carriage return."""

    def __init__(self, folder: Path, site: int) -> None:
        self.site = site
        self.folder = folder / "hl7"
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, history: History) -> None:
        """Write one chunk of subjects as one file, each subject's messages in time order."""
        recorded = record(history, self.site, "hl7")
        visits = _visit_segments(history)
        messages = [
            *_contacts(history, self.site, visits),
            *_results(history, recorded, visits),
            *_orders(history, self.site, visits),
            *_consults(history, self.site, visits),
            *_deaths(history, self.site),
        ]
        messages.sort()
        chunk = int(history.people.index[0]) // CHUNK
        path = self.folder / f"messages-{chunk:05d}.hl7"
        path.write_bytes(_written(history, messages, self.site).encode())

    def close(self) -> None:
        """Do nothing: every file is complete when written."""


def _written(history: History, messages: list[Message], site: int) -> str:
    """Put MSH and PID before each message's own segments."""
    alive, dead = _patients(history, with_death=False), _patients(history, with_death=True)
    sent = compact_list([m[1] for m in messages])
    texts, previous, number = [], -1, 0
    for (subject, moment, _, kind, rest), stamp in zip(messages, sent, strict=True):
        number = number + 1 if subject == previous else 1
        previous = subject
        ident = f"{history.people.index[subject]}-{number}"
        patient = (dead if moment >= history.death[subject] else alive)[subject]
        event, segments = rest.split("PV1", 1)
        texts.append(
            f"MSH|^~\\&|HOSPITAL|SITE{site + 1}|LAKE|BIOLAKE|{stamp}||{kind}|{ident}|P|2.5\r"
            f"{event}{patient}\rPV1{segments}"
        )
    return "".join(texts)


def compact_list(seconds: list[int]) -> list[str]:
    """Write a list of moments as HL7 does."""
    import numpy as np

    return compact(np.array(seconds, np.int64)) if seconds else []


def _patients(history: History, *, with_death: bool) -> list[str]:
    """Write each subject's PID, with the death fields if wanted."""
    people = history.people
    born = compact(people.birth)
    death = compact_list([d if d < NEVER else 0 for d in history.death.tolist()])
    lines = []
    for row, index in enumerate(people.index.tolist()):
        ids = f"{hl7_patient(index)}^^^SITE^MR~{national(index)}^^^{NATIONAL_AUTHORITY}^NI"
        sex = "M" if people.male[row] else "F"
        line = f"PID|1||{ids}||SUBJECT^NUMBER{index}||{born[row][:8]}|{sex}"
        if history.death[row] < NEVER and with_death:
            line += "|" * 21 + f"{death[row]}|Y"
        lines.append(line)
    return lines


def _visit_segments(history: History) -> list[str]:
    """Write each contact's PV1 up to the admission time; discharge fields are added after."""
    found = history.encounters
    start = compact(found.start)
    lines = []
    for setting, number, when in zip(
        found.setting.tolist(), found.number.tolist(), start, strict=True
    ):
        lines.append(
            f"PV1|1|{CLASSES[setting]}|WARD^^^SITE" + "|" * 16 + f"V{number}" + "|" * 25 + when
        )
    return lines


def _coded(history: History) -> dict[int, list[str]]:
    """Write the DG1 segments of each contact."""
    coded = history.diagnoses
    when = compact(history.encounters.start[coded.encounter])
    names = [f"{dotted(d.icd10)}^{d.title}^I10" for d in DIAGNOSES]
    segments: dict[int, list[str]] = {}
    for encounter, rank, term, time in zip(
        coded.encounter.tolist(), coded.rank.tolist(), coded.term.tolist(), when, strict=True
    ):
        line = f"DG1|{rank}||{names[term]}||{time}|W" + "|" * 9 + f"{rank}\r"
        segments.setdefault(encounter, []).append(line)
    return segments


def _contacts(history: History, site: int, visits: list[str]) -> list[Message]:
    """Admit or register, then discharge all but outpatients; a few updates in between."""
    found, coded = history.encounters, _coded(history)
    end = compact(found.end)
    messages: list[Message] = []
    for row in (found.site == site).nonzero()[0].tolist():
        subject, start = int(found.subject[row]), int(found.start[row])
        diagnoses = "".join(coded[row])
        admits = CLASSES[found.setting[row]] != "O"
        trigger = "A01" if admits else "A04"
        first = f"EVN|{trigger}|{compact_list([start])[0]}\r{visits[row]}\r{diagnoses}"
        messages.append((subject, start, 0, f"ADT^{trigger}^ADT_A01", first))
        if found.number[row] % 40 == 7:
            update = first.replace(f"EVN|{trigger}", "EVN|A08")
            messages.append((subject, start + 60, 1, "ADT^A08^ADT_A01", update))
        if found.setting[row] != OUTPATIENT:
            final = diagnoses.replace("|W|", "|F|")
            disposition = "20" if found.died[row] else "01"
            fields = visits[row].split("|")
            fields[36] = disposition
            last = f"EVN|A03|{end[row]}\r{'|'.join(fields)}|{end[row]}\r{final}"
            moment = max(int(found.end[row]), start + 120)
            messages.append((subject, moment, 3, "ADT^A03^ADT_A03", last))
    return messages


def _results(history: History, recorded: Recorded, visits: list[str]) -> list[Message]:
    """Group values of one draw into ORU messages; re-sent and corrected ones come a day later."""
    found = recorded.measured
    index = history.people.index[found.subject].tolist()
    columns = zip(
        found.subject.tolist(),
        found.encounter.tolist(),
        found.time.tolist(),
        found.fault.tolist(),
        found.item.tolist(),
        numbers(recorded.value),
        recorded.unit.tolist(),
        recorded.loinc.tolist(),
        index,
        strict=True,
    )
    groups: dict[tuple[int, ...], list[str]] = {}
    for subject, encounter, time, fault, item, value, unit, loinc, person in columns:
        kind = fault if fault in (DUPLICATE, CORRECTION, ORPHAN) else 0
        lines = groups.setdefault((subject, encounter, time, kind, person), [])
        status = "C" if fault == CORRECTION else "F"
        name = f"{loinc}^{ITEMS[item].title}^LN"
        lines.append(f"OBX|{len(lines) + 1}|NM|{name}|1|{value}|{unit}|||||{status}|||")
    times = compact_list([key[2] for key in groups])
    return [
        _result(key, lines, time, visits)
        for (key, lines), time in zip(groups.items(), times, strict=True)
    ]


def _result(key: tuple[int, ...], lines: list[str], time: str, visits: list[str]) -> Message:
    subject, encounter, moment, kind, person = key
    visit = visits[encounter] if encounter >= 0 else "PV1|1|N"
    if kind == ORPHAN:
        visit = "PV1|1|O" + "|" * 17 + f"V{NO_ENCOUNTER + person}"
    order = f"P{person}-{encounter}-{moment}|F{person}-{encounter}-{moment}"
    status = "C" if kind == CORRECTION else "F"
    header = (
        f"{visit}\rORC|RE|{order}\r"
        f"OBR|1|{order}|RESULTS^Results^L|||{time}" + "|" * 15 + f"{time}|||{status}\r"
    )
    sent = moment + (RESEND_DELAY if kind in (DUPLICATE, CORRECTION) else 0)
    body = "".join(f"{line}{time}\r" for line in lines)
    return (subject, sent, 2, "ORU^R01^ORU_R01", header + body)


def _orders(history: History, site: int, visits: list[str]) -> list[Message]:
    """Write each drug started as a pharmacy order."""
    found, given = history.encounters, history.drugs
    given = given.take(found.site[given.encounter] == site)
    start, end = compact(given.start), compact(given.end)
    messages: list[Message] = []
    for row, (encounter, term) in enumerate(
        zip(given.encounter.tolist(), given.term.tolist(), strict=True)
    ):
        drug = DRUGS[term]
        order = f"R{found.number[encounter]}-{term}|S{found.number[encounter]}-{term}"
        text = (
            f"{visits[encounter]}\rORC|NW|{order}||||||{start[row]}\r"
            f"RXE|1^^^{start[row]}^{end[row]}|{drug.rxnorm}^{drug.name}^RXNORM|{drug.dose}||"
            f"{drug.unit}\rRXR|{drug.route}\r"
        )
        subject = int(found.subject[encounter])
        messages.append((subject, int(given.start[row]), 2, "RDE^O11^RDE_O11", text))
    return messages


def _consults(history: History, site: int, visits: list[str]) -> list[Message]:
    """Report the palliative care consults under a local code."""
    found, asked = history.encounters, history.consults
    asked = asked.take(found.site[asked.encounter] == site)
    messages: list[Message] = []
    for encounter, moment, time in zip(
        asked.encounter.tolist(), asked.time.tolist(), compact(asked.time), strict=True
    ):
        order = f"C{found.number[encounter]}|D{found.number[encounter]}"
        name = f"{PALLIATIVE_CONSULT}^Palliative care consult^L"
        text = (
            f"{visits[encounter]}\rORC|RE|{order}\r"
            f"OBR|1|{order}|{name}|||{time}" + "|" * 15 + f"{time}|||F\r"
            f"OBX|1|ST|{name}|1|Requested||||||F|||{time}\r"
        )
        messages.append((int(found.subject[encounter]), moment, 2, "ORU^R01^ORU_R01", text))
    return messages


def _deaths(history: History, site: int) -> list[Message]:
    """Update every patient who dies, in hospital or not, with the time of death in PID."""
    who = history.patients_of(site)
    who = who[history.death[who] < NEVER]
    times = compact(history.death[who])
    return [
        (
            subject,
            int(history.death[subject]) + 300,
            4,
            "ADT^A08^ADT_A01",
            f"EVN|A08|{time}\rPV1|1|N\r",
        )
        for subject, time in zip(who.tolist(), times, strict=True)
    ]
