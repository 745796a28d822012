"""Time to an event after the index: what came first, the event, a competing one, or the end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from biolake.core.errors import DataRefused
from biolake.core.schema import DEATH
from biolake.lake.door import View
from biolake.studies.definition import Outcome
from biolake.studies.naming import named_codes
from biolake.studies.population import Enrolled, Members, Step

DAY = 86_400_000_000
_NEVER = np.iinfo(np.int64).max

_AFTER = """
SELECT m.number,
       min(epoch_us(e.time)) FILTER (e.code IN (SELECT unnest($events::VARCHAR[]))) AS event,
       min(epoch_us(e.time)) FILTER (e.code IN (SELECT unnest($others::VARCHAR[]))) AS other,
       max(epoch_us(e.time)) AS last
FROM members m
JOIN events e ON e.subject_id = m.subject_id AND e.time > m.index_time
GROUP BY m.number ORDER BY m.number
"""


@dataclass(frozen=True)
class _Times:
    """Microseconds of each sample's first event, first competing event and last record."""

    event: np.ndarray
    other: np.ndarray
    last: np.ndarray


def follow(view: View, enrolled: Enrolled, outcome: Outcome) -> Enrolled:
    """Add durations (days) and what ended them; those not at risk at the start are excluded.

    A subject is censored at the last event on record or at the horizon. Raises DataRefused when
    the outcome's codes are not in the lake.
    """
    if outcome.source == "label":
        return enrolled
    if outcome.source == "task":
        return _binary(enrolled, None)
    assert outcome.codes is not None  # noqa: S101 - the parser saw to it
    assert outcome.horizon is not None  # noqa: S101
    events = named_codes(view, outcome.codes, "the outcome")
    others = named_codes(view, outcome.competing, "competing events") if outcome.competing else []
    times = _times(view, enrolled.members, events, others)
    begin = enrolled.members.index_time + outcome.start
    at_risk = np.minimum(np.minimum(times.event, times.other), times.last) > begin
    timed = _timed(enrolled.members, times, begin, outcome.horizon - outcome.start)
    kept = timed.take(at_risk)
    step = _step(enrolled.members, kept)
    if not len(kept):
        raise DataRefused(f"the cohort is empty: nobody is left after step '{step.step}'")
    notes = enrolled.notes
    if DEATH not in (*events, *others):
        notes = (*notes, "death is neither the outcome nor competing: it ends follow-up")
    days = (outcome.horizon - outcome.start) / DAY
    return _binary(Enrolled(kept, (*enrolled.attrition, step), notes), days)


def _times(view: View, members: Members, events: list[str], others: list[str]) -> _Times:
    view.con.register("members", members.table())
    rows = view.con.execute(_AFTER, {"events": events, "others": others}).fetchall()
    view.con.unregister("members")
    found = _Times(*(np.full(len(members), _NEVER, dtype=np.int64) for _ in range(3)))
    found.last[:] = members.index_time
    for number, event, other, last in rows:
        found.event[number] = _NEVER if event is None else event
        found.other[number] = _NEVER if other is None else other
        found.last[number] = last
    return found


def _timed(members: Members, times: _Times, begin: np.ndarray, horizon: int) -> Members:
    # At one instant the event comes first, then competing ones, then the end of the record.
    end = np.minimum(times.last, begin + horizon)
    first = np.minimum(times.event, times.other)
    observed = np.where(times.event <= times.other, 1, 2)
    observed = np.where(first <= end, observed, 0)
    duration = (np.minimum(first, end) - begin) / DAY
    return replace(members, duration=duration, observed=observed.astype(np.int64))


def _step(before: Members, after: Members) -> Step:
    people, left = (len(np.unique(m.subject_id)) for m in (before, after))
    return Step(
        "at risk and followed at the start of the time at risk",
        left,
        len(after),
        people - left,
        len(before) - len(after),
        "the event, a competing event or the end of the record came before",
    )


def _binary(enrolled: Enrolled, horizon: float | None) -> Enrolled:
    """Set the yes/no outcome where it is known: censored early means unknown (NaN)."""
    members = enrolled.members
    if members.duration is None or members.observed is None:
        raise DataRefused("the task gives no durations")
    longest = float(members.duration.max()) if horizon is None else horizon
    happened = members.observed == 1
    complete = (members.observed > 0) | (members.duration >= longest - 1e-9)
    outcome = np.where(happened, 1.0, np.where(complete, 0.0, np.nan))
    return replace(enrolled, members=replace(members, outcome=outcome))
