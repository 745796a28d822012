"""Interactive counts against the same counts made by hand in Python."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from tests.cohorts.cases import Event, memory_view, random_events

from biolake.cohorts.counts import (
    All,
    AnyOf,
    CodeCount,
    Criterion,
    Has,
    Then,
    Without,
    count_code,
    count_subjects,
)
from biolake.core.errors import WrongUse
from biolake.lake.door import View

EVENTS = random_events(random.Random(3), subjects=40, most=12)


@pytest.fixture(scope="module")
def view() -> Iterator[View]:
    found = memory_view(EVENTS)
    found.con.execute("CREATE TABLE subjects AS SELECT DISTINCT subject_id FROM events")
    yield found
    found.con.close()


def holds(criterion: Criterion, subject: int) -> bool:
    own = [event for event in EVENTS if event.subject == subject]
    match criterion:
        case Has():
            return sum(has(criterion, event) for event in own) >= criterion.times
        case Then():
            return any(
                a.hour < b.hour <= a.hour + criterion.days * 24
                for a in own
                for b in own
                if has(criterion.first, a) and has(criterion.second, b)
            )
        case Without(inner):
            return not holds(inner, subject)
        case All(inner):
            return all(holds(one, subject) for one in inner)
        case AnyOf(inner):
            return any(holds(one, subject) for one in inner)


def has(criterion: Has, event: Event) -> bool:
    if event.code not in criterion.codes:
        return False
    if criterion.least is None and criterion.most is None:
        return True
    low = -1e9 if criterion.least is None else criterion.least
    high = 1e9 if criterion.most is None else criterion.most
    return event.value is not None and low <= event.value <= high


def test_events_and_subjects_of_codes_are_counted(view: View) -> None:
    events = [event for event in EVENTS if event.code in ("A", "B")]
    expected = CodeCount(len(events), len({event.subject for event in events}))
    assert count_code(view, "A", "B") == expected


CRITERIA: tuple[Criterion, ...] = (
    Has(("A",)),
    Has(("B", "C//1"), times=2),
    Has(("LAB",), least=1.3, most=5.0),
    Then(Has(("A",)), Has(("B",)), days=1),
    Then(Has(("B",)), Has(("B",)), days=0.5),
    Without(Has(("SEX//M",))),
    AnyOf((Has(("C//2",)), All((Has(("A",)), Without(Has(("B",))))))),
)


def test_each_criterion_is_counted_alone_and_after_those_before_it(view: View) -> None:
    subjects = {event.subject for event in EVENTS}
    left = set(subjects)
    for counted, criterion in zip(count_subjects(view, *CRITERIA), CRITERIA, strict=True):
        meeting = {subject for subject in subjects if holds(criterion, subject)}
        left &= meeting
        assert (counted.subjects, counted.remaining) == (len(meeting), len(left))


def test_an_unknown_code_is_refused_with_the_nearest_one(view: View) -> None:
    with pytest.raises(WrongUse, match=r"'C//3' is not in the lake. Did you mean 'C//[12]'"):
        count_code(view, "C//3")
    with pytest.raises(WrongUse, match="name at least one code"):
        count_code(view)


def test_a_then_b_refuses_what_it_would_ignore(view: View) -> None:
    with pytest.raises(WrongUse, match="single events"):
        count_subjects(view, Then(Has(("A",), times=2), Has(("B",)), days=3))
