"""HL7 v2 PV1: encounters, from when to when, and transfers between wards."""

from __future__ import annotations

from biolake.readers._hl7 import fields as hl7
from biolake.readers._hl7.message import ADMIT, CANCEL, DISCHARGE, PART, TRANSFER, Message
from biolake.readers._hl7.text import FieldError, Segment
from biolake.readers._rows import Encounter


def read_visit(message: Message, row: int, segment: Segment) -> str:
    """Give start, end and transfer of a visit; an empty time changes nothing told before."""
    visits = hl7.identifiers(segment, 19)
    visit = visits[0] if visits else None
    message.visit = message.source.name(visit) if visit else None
    if message.trigger == "A05":
        return "PV1: pre-admission, no contact yet"
    if message.trigger in CANCEL:
        return _cancel(message, visit)
    times = _times(message, row, segment)
    kind = segment.first(2).upper() or "UNKNOWN"
    for what, time in times.items():
        where = segment.first(3) or None if what == "transfer" else None
        message.give(
            _key(message, visit, what, time), time, f"ENCOUNTER//{what.upper()}//{kind}", where
        )
    if message.visit and not times.keys().isdisjoint(("start", "end")):
        stay = Encounter(message.visit, message.subject, times.get("start"), times.get("end"), kind)
        _stay(message, stay)
    return "" if times else PART


def _times(message: Message, row: int, segment: Segment) -> dict[str, int]:
    """Return what happened when; the time of the message stands in where its trigger says so."""
    found = {"start": message.time(segment, 44, row), "end": message.time(segment, 45, row)}
    for what, triggers in (("start", ADMIT), ("end", DISCHARGE), ("transfer", TRANSFER)):
        if found.get(what) is None and message.trigger in triggers:
            found[what] = message.event_time
    return {what: time for what, time in found.items() if time is not None}


def _key(message: Message, visit: hl7.Identifier | None, what: str, time: int) -> int:
    if visit and what != "transfer":
        return message.key("visit", visit.authority, visit.value, what)
    if visit:
        return message.key("visit", visit.authority, visit.value, what, time)
    return message.key("visit of", *message.person, what, time)


def _cancel(message: Message, visit: hl7.Identifier | None) -> str:
    if not visit:
        raise FieldError("PV1-19", "no visit number, so nothing can be cancelled")
    gone = CANCEL[message.trigger]
    message.rows.take_back(*(_key(message, visit, what, 0) for what in gone))
    known = message.source.encounters.get(message.visit or "")
    if known and "start" not in gone:
        message.source.encounters[known.encounter] = known._replace(end=None)
        message.rows.encounters[known.encounter] = known._replace(end=None)
    return f"PV1: cancelled by {message.trigger}"


def _stay(message: Message, stay: Encounter) -> None:
    """Note an encounter; what this message leaves out is as earlier messages said."""
    known = message.source.encounters.get(stay.encounter)
    if known and known.subject == stay.subject:
        start = stay.start if stay.start is not None else known.start
        stay = stay._replace(start=start, end=stay.end if stay.end is not None else known.end)
    message.source.encounters[stay.encounter] = stay
    message.rows.encounters[stay.encounter] = stay
