"""HL7 v2 segments made into rows: who, which diagnoses, which results."""

from __future__ import annotations

from collections import Counter

from biolake.core import schema
from biolake.readers._codes import sex, text_code
from biolake.readers._hl7 import fields as hl7
from biolake.readers._hl7.message import MERGE, PART, Message
from biolake.readers._hl7.text import FieldError, Segment, time_of
from biolake.readers._hl7.visits import read_visit

ENVELOPE = {"FHS", "BHS", "BTS", "FTS"}
# OBX-11 (HL7 table 0085): a result; one withdrawn; none yet.
RESULT, WITHDRAWN, PENDING = {"", *"FPCRSUBAV"}, set("DWX"), set("INO")


def take(message: Message, row: int, segment: Segment) -> None:
    """Read one segment of a message and count it once."""
    rows = message.rows
    if message.unread:
        return rows.skip(message.unread)
    if segment.name.startswith("Z"):
        return rows.skip("Z segment: local")
    if segment.name == "MSH":
        return rows.part()
    reader = SEGMENTS.get(segment.name)
    if reader is None:
        return rows.skip(f"{segment.name}: not read")
    if segment.name not in ("EVN", "PID") and not message.subject:
        raise FieldError("PID-3", "no subject")
    reason = reader(message, row, segment)
    if reason == PART:
        return rows.part()
    if reason:
        return rows.skip(reason)
    return rows.event()


def _evn(message: Message, row: int, segment: Segment) -> str:
    del row
    for number in (6, 2):
        found = segment.time(number)
        # A recorder on another clock than the ward says nothing that could be used.
        if found and found[1] in (None, message.source.clock == "utc"):
            message.event_time = found[0]
            break
    return PART


def _pid(message: Message, row: int, segment: Segment) -> str:
    message.subject, message.visit, message.order = "", None, ""
    found = hl7.identifiers(segment, 3)
    chosen = hl7.record_number(found, "PID-3")
    message.subject = message.source.name(chosen)
    message.person = chosen.authority, chosen.value
    people = [hl7.person(message.subject, each) for each in found]
    if segment.first(19):
        number = hl7.Identifier(segment.first(19), "", "SS")
        people.append(hl7.person(message.subject, number))
    message.rows.people |= dict.fromkeys(filter(None, people))
    facts = _demographics(message, row, segment)
    for what in _demographics_gone(segment):
        message.rows.take_back(message.key(*message.person, what))
    for what, (time, code) in facts.items():
        text = "date unknown" if code == "DECEASED" else None
        message.give(message.key(*message.person, what), time, code, text=text)
    return "" if facts else PART


def _demographics(
    message: Message, row: int, segment: Segment
) -> dict[str, tuple[int | None, str]]:
    found: dict[str, tuple[int | None, str]] = {}
    born = _birth(message, segment)
    if born is not None:
        found["birth"] = (born, schema.BIRTH)
    died = message.time(segment, 29, row)
    if died is not None:
        found["death"] = (died, schema.DEATH)
    elif segment.first(30).upper() == "Y":
        found["death"] = (None, "DECEASED")
    if segment.first(8):
        found["gender"] = (None, sex(segment.first(8)))
    for what, number in (("race", 10), ("ethnicity", 22), ("marital_status", 16)):
        parts = segment.parts(number, 3)
        words = parts[0] if what == "marital_status" else parts[1] or parts[0]
        if words:
            parent = [f"CDCREC//{parts[0]}"] if parts[2] in ("CDCREC", "HL70005", "HL70189") else []
            code = f"{what.upper()}//{words.upper()}"
            found[what] = (None, message.source.book.add(code, parts[1] or None, parent))
    return found


def _birth(message: Message, segment: Segment) -> int | None:
    """Return the time of birth; the day only when its hour is on another clock than the source."""
    found = segment.time(7)
    if found and found[1] not in (None, message.source.clock == "utc"):
        found = time_of(segment.first(7)[:8])
    return found[0] if found else None


def _demographics_gone(segment: Segment) -> list[str]:
    """Return the facts that a PID withdraws: deleted by HL7's null, or the patient lives."""
    numbers = {"birth": 7, "death": 29, "gender": 8, "race": 10, "ethnicity": 22}
    numbers["marital_status"] = 16
    gone = [what for what, number in numbers.items() if segment.is_null(number)]
    if segment.first(30).upper() == "N":
        gone.append("death")
    return gone


def _mrg(message: Message, row: int, segment: Segment) -> str:
    del row
    if message.trigger not in MERGE:
        return "MRG: not a merge of patients"
    for prior in hl7.identifiers(segment, 1):
        prior = prior._replace(authority=prior.authority or message.person[0])
        person = hl7.person(message.subject, prior)
        if person:
            message.rows.people[person] = None
    return PART


def _obr(message: Message, row: int, segment: Segment) -> str:
    message.order = segment.first(3) or segment.first(2)
    message.seen, message.joined = Counter(), 0
    message.order_time = message.time(segment, 7, row)
    return PART


def _obx(message: Message, row: int, segment: Segment) -> str:
    status = segment.first(11).upper()
    if status not in RESULT | WITHDRAWN | PENDING:
        raise FieldError("OBX-11", "not a status of the standard")
    if status in PENDING:
        return "OBX: no result yet"
    code, part = hl7.code_of(segment, 3, message.source.book), segment.first(4)
    time = message.time(segment, 14, row)
    time = message.order_time if time is None else time
    number = message.seen[code, part]
    order = (message.facility, message.order) if message.order else (*message.person, time)
    key = message.key("result", *order, code, part, *([number] if number else []))
    kind = segment.first(2)
    if kind in hl7.JOINED and number:
        first = message.key("result", *order, code, part)
        if message.joined == first and status not in WITHDRAWN:
            return _continue(message, first, segment)
    message.seen[code, part] += 1
    if status in WITHDRAWN:
        message.rows.take_back(key)
        return "OBX: withdrawn"
    return _result(message, segment, key, code, time)


def _result(message: Message, segment: Segment, key: int, code: str, time: int | None) -> str:
    if not segment.raw(5):
        return "OBX: no value"
    value = hl7.result(segment)
    if value is None:
        return "OBX: value of a type not read"
    if time is None:
        raise FieldError("OBX-14", "no time")
    unit = segment.first(6) or None
    message.give(key, time, code, number=value[0], text=value[1], unit=unit)
    message.joined = key if segment.first(2) in hl7.JOINED else 0
    return ""


def _continue(message: Message, key: int, segment: Segment) -> str:
    """Add one more line to a text that goes over several segments."""
    value = hl7.result(segment)
    begun = message.rows.events[key]
    text = f"{begun.text_value or ''}\n{(value and value[1]) or ''}"
    message.rows.give(begun._replace(text_value=text))
    return PART


def _dg1(message: Message, row: int, segment: Segment) -> str:
    book, method = message.source.book, segment.first(2)
    if not segment.raw(3) and segment.first(4):
        code = book.add(text_code(segment.first(4)), segment.first(4))
    else:
        code = hl7.code_of(segment, 3, book, method)
    about = message.visit or message.person
    return _fact(message, row, segment, ("DG1", about, code), code, 5, segment.first(6), 21)


def _al1(message: Message, row: int, segment: Segment) -> str:
    code = hl7.code_of(segment, 3, message.source.book)
    return _fact(message, row, segment, ("AL1", message.person, code), code, 6, segment.first(5))


def _pr1(message: Message, row: int, segment: Segment) -> str:
    code = hl7.code_of(segment, 3, message.source.book, segment.first(2))
    about = (message.visit or message.person, message.time(segment, 5, row))
    return _fact(message, row, segment, ("PR1", about, code), code, 5, "", 20)


def _fact(
    message: Message,
    row: int,
    segment: Segment,
    slot: tuple[object, ...],
    code: str,
    when: int,
    text: str,
    action: int = 0,
) -> str:
    """Give one fact at the time of field `when`, or, without it, at the time of the message."""
    key = message.key(*slot)
    if action and segment.first(action) == "D":
        message.rows.take_back(key)
        return f"{segment.name}: withdrawn"
    time = message.time(segment, when, row)
    time = message.event_time if time is None else time
    if time is None:
        raise FieldError(f"{segment.name}-{when}", "no time")
    message.give(key, time, code, text=text or None)
    return ""


SEGMENTS = {
    "EVN": _evn,
    "PID": _pid,
    "MRG": _mrg,
    "PV1": read_visit,
    "OBR": _obr,
    "OBX": _obx,
    "DG1": _dg1,
    "AL1": _al1,
    "PR1": _pr1,
}
