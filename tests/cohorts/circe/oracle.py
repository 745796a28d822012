"""Circe's meaning once more, in plain loops: slow, short, and sharing nothing with the SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

Document = dict[str, Any]
Data = dict[str, Sequence[dict[str, Any]]]


@dataclass(frozen=True)
class Event:
    who: int
    start: date
    end: date
    number: int
    visit: int | None = None
    op: tuple[date, date] = (date.min, date.max)


def later(day: date, days: int) -> date:
    return day + timedelta(days=days)


def events_of(data: Data, criterion: Document) -> list[Event]:
    ((domain, wanted),) = criterion.items()
    day = date.fromisoformat
    if domain == "ConditionOccurrence":
        rows = [
            Event(
                row["person_id"],
                day(row["condition_start_date"]),
                day(row["condition_end_date"]),
                row["condition_occurrence_id"],
                row["visit_occurrence_id"],
            )
            for row in data["condition_occurrence"]
        ]
    else:
        rows = [
            Event(
                row["person_id"],
                day(row["measurement_date"]),
                later(day(row["measurement_date"]), 1),
                row["measurement_id"],
                row["visit_occurrence_id"],
            )
            for row in data["measurement"]
            if row["measurement_concept_id"] == 30
        ]
    rows.sort(key=lambda one: (one.start, one.number))
    if wanted.get("First"):
        rows = [
            one for place, one in enumerate(rows) if one.who not in {e.who for e in rows[:place]}
        ]
    return rows


def observed(data: Data, events: list[Event], prior: int, post: int) -> list[Event]:
    found = []
    for one in events:
        for row in data["observation_period"]:
            start = date.fromisoformat(row["observation_period_start_date"])
            end = date.fromisoformat(row["observation_period_end_date"])
            inside = later(start, prior) <= one.start and later(one.start, post) <= end
            if row["person_id"] == one.who and start <= one.start <= end and inside:
                found.append(replace(one, op=(start, end)))
    return found


def limited(events: list[Event], limit: str) -> list[Event]:
    if limit == "All":
        return events
    kept = {}
    ordered = sorted(events, key=lambda one: one.number)
    for one in sorted(ordered, key=lambda one: one.start, reverse=limit == "Last"):
        kept.setdefault(one.who, one)
    return list(kept.values())


def inside(window: Document, index: Event, event: Event, ignore: bool, event_end: bool) -> bool:
    base = index.end if window.get("UseIndexEnd") else index.start
    day = event.end if window.get("UseEventEnd", event_end) else event.start
    for side, ahead in (("Start", 1), ("End", -1)):
        endpoint = window[side]
        if "Days" in endpoint:
            bound = later(base, endpoint["Coeff"] * endpoint["Days"])
        elif ignore:
            continue
        else:
            bound = index.op[0] if endpoint["Coeff"] == -1 else index.op[1]
        if (day - bound).days * ahead < 0:
            return False
    return True


def holds(data: Data, correlated: Document, index: Event) -> bool:
    ignore = correlated.get("IgnoreObservationPeriod", False)
    count = 0
    for event in events_of(data, correlated["Criteria"]):
        together = event.who == index.who
        together &= ignore or index.op[0] <= event.start <= index.op[1]
        together = together and inside(correlated["StartWindow"], index, event, ignore, False)
        if "EndWindow" in correlated:
            together = together and inside(correlated["EndWindow"], index, event, ignore, True)
        if correlated.get("RestrictVisit"):
            same = event.visit is not None and event.visit == index.visit
            together = together and same
        count += together
    wanted = correlated["Occurrence"]
    return {
        0: count == wanted["Count"],
        1: count <= wanted["Count"],
        2: count >= wanted["Count"],
    }[wanted["Type"]]


def passes(data: Data, group: Document, index: Event) -> bool:
    parts = [holds(data, one, index) for one in group["CriteriaList"]]
    parts += [passes(data, one, index) for one in group["Groups"]]
    if not parts:
        return True
    return {
        "ALL": all(parts),
        "ANY": any(parts),
        "AT_LEAST": sum(parts) >= group["Count"],
        "AT_MOST": sum(parts) <= group["Count"],
    }[group["Type"]]


def ends(data: Data, document: Document, event: Event) -> date | None:
    strategy = document.get("EndStrategy")
    found = []
    if strategy:
        offset = strategy["DateOffset"]
        base = event.start if offset["DateField"] == "StartDate" else event.end
        found.append(min(later(base, offset["Offset"]), event.op[1]))
    else:
        found.append(event.op[1])
    for criterion in document["CensoringCriteria"]:
        found += [
            one.start
            for one in events_of(data, criterion)
            if one.who == event.who and event.start <= one.start <= event.op[1]
        ]
    return min((day for day in found if day >= event.start), default=None)


def eras(rows: list[tuple[int, date, date]], pad: int) -> list[tuple[int, date, date]]:
    merged: list[tuple[int, date, date]] = []
    for who, start, end in sorted(rows):
        if merged and merged[-1][0] == who and start <= later(merged[-1][2], pad):
            merged[-1] = (who, merged[-1][1], max(merged[-1][2], end))
        else:
            merged.append((who, start, end))
    return merged


def cohort(data: Data, document: Document) -> list[tuple[int, date, date]]:
    primary = document["PrimaryCriteria"]
    window = primary["ObservationWindow"]
    found = [one for criterion in primary["CriteriaList"] for one in events_of(data, criterion)]
    found = observed(data, found, window["PriorDays"], window["PostDays"])
    found = limited(found, primary["PrimaryCriteriaLimit"]["Type"])
    if document.get("AdditionalCriteria"):
        found = [one for one in found if passes(data, document["AdditionalCriteria"], one)]
        found = limited(found, document["QualifiedLimit"]["Type"])
    for rule in document["InclusionRules"]:
        found = [one for one in found if passes(data, rule["expression"], one)]
    found = limited(found, document["ExpressionLimit"]["Type"])
    rows = [(one.who, one.start, ends(data, document, one)) for one in found]
    kept = [(who, start, end) for who, start, end in rows if end is not None]
    merged = eras(kept, document["CollapseSettings"]["EraPad"])
    cut = document["CensorWindow"]
    first = date.fromisoformat(cut["StartDate"]) if "StartDate" in cut else date.min
    last = date.fromisoformat(cut["EndDate"]) if "EndDate" in cut else date.max
    clipped = [(who, max(start, first), min(end, last)) for who, start, end in merged]
    return sorted(row for row in clipped if row[1] <= row[2])
