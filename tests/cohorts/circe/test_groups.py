"""Windows, occurrences and groups, against answers worked out by hand."""

from __future__ import annotations

import pytest
from tests.cohorts.circe.definitions import (
    INDEX,
    LABS,
    Document,
    condition,
    definition,
    drug,
    group,
    having,
    lab,
    rule,
    starts,
    visit,
    window,
)

WINDOWED = [
    *[lab(1, 1, "2020-05-22"), lab(2, 2, "2020-06-06")],
    *[lab(3, 1, "2019-12-31"), lab(4, 2, "2020-07-01")],
]


@pytest.mark.parametrize(
    ("looked_in", "expected"),
    [
        (window(-10, -1), [1]),
        (window(-9, -1), []),
        (window(0, 5), [2]),
        (window(0, 4), []),
        (window(0, 1, UseIndexEnd=True), [2]),
        (window(2, 30, UseIndexEnd=True), [2]),
        (window(-10, -10, UseEventEnd=True), []),
        (window(-9, -9, UseEventEnd=True), [1]),
        (window(None, -11), []),
        (window(30, None), [2]),
        (window(31, None), []),
    ],
)
def test_a_window_is_counted_in_days_from_the_start_or_the_end(
    looked_in: Document, expected: list[int]
) -> None:
    document = definition(InclusionRules=rule(having(2, 1, LABS, looked_in)))
    found = starts(document, condition_occurrence=INDEX, measurement=WINDOWED)
    assert [who for who, _ in found] == expected


def test_events_outside_observation_count_only_when_asked_for() -> None:
    far = having(2, 1, LABS, window(None, -100))
    seen = starts(
        definition(InclusionRules=rule(far)), condition_occurrence=INDEX, measurement=WINDOWED
    )
    far["IgnoreObservationPeriod"] = True
    unseen = starts(
        definition(InclusionRules=rule(far)), condition_occurrence=INDEX, measurement=WINDOWED
    )
    assert (seen, unseen) == ([], [(1, "06-01")])


def test_an_end_window_looks_at_the_end_of_the_event_unless_told_otherwise() -> None:
    stays = [visit(1, 1, "2020-05-30", "2020-06-03"), visit(2, 2, "2020-05-30", "2020-05-31")]
    any_visit = {"VisitOccurrence": {}}
    over = having(2, 1, any_visit, window(None, 0), EndWindow=window(0, None))
    document = definition(InclusionRules=rule(over))
    assert starts(document, condition_occurrence=INDEX, visit_occurrence=stays) == [(1, "06-01")]
    over["EndWindow"]["UseEventEnd"] = False
    assert starts(document, condition_occurrence=INDEX, visit_occurrence=stays) == []


@pytest.mark.parametrize(
    ("kind", "count", "expected"),
    [
        (1, 0, [2]),
        (0, 0, [2]),
        (0, 2, [1]),
        (1, 1, [2]),
        (2, 2, [1]),
        (2, 3, []),
        (2, 0, [1, 2]),
    ],
)
def test_occurrences_are_exactly_at_most_or_at_least(
    kind: int, count: int, expected: list[int]
) -> None:
    labs = [lab(1, 1, "2020-05-01"), lab(2, 1, "2020-05-02")]
    document = definition(InclusionRules=rule(having(kind, count, LABS, window(None, 0))))
    found = starts(document, condition_occurrence=INDEX, measurement=labs)
    assert [who for who, _ in found] == expected


@pytest.mark.parametrize(
    ("column", "expected"), [("DOMAIN_CONCEPT", []), ("START_DATE", [1]), ("VALUE_AS_NUMBER", [])]
)
def test_distinct_values_are_counted_once(column: str, expected: list[int]) -> None:
    labs = [
        lab(1, 1, "2020-05-01", value_as_number=5.0),
        lab(2, 1, "2020-05-02", value_as_number=5.0),
    ]
    twice = having(2, 2, LABS, window(None, 0), distinct=column)
    found = starts(
        definition(InclusionRules=rule(twice)), condition_occurrence=INDEX, measurement=labs
    )
    assert [who for who, _ in found] == expected


def test_the_same_visit_can_be_asked_for() -> None:
    index = [condition(1, 1, "2020-06-01", visit_occurrence_id=5), condition(2, 2, "2020-06-01")]
    labs = [
        lab(1, 1, "2020-06-01", visit_occurrence_id=5),
        lab(2, 2, "2020-06-01", visit_occurrence_id=6),
    ]
    same = having(2, 1, LABS, window(0, 0), RestrictVisit=True)
    document = definition(InclusionRules=rule(same))
    assert starts(document, condition_occurrence=index, measurement=labs) == [(1, "06-01")]


def test_a_criterion_can_have_criteria_of_its_own() -> None:
    labs = [lab(1, 1, "2020-05-22")]
    nested = {"CodesetId": 0, "CorrelatedCriteria": group(having(2, 1, LABS, window(-30, 0)))}
    document = definition({"ConditionOccurrence": nested})
    assert starts(document, condition_occurrence=INDEX, measurement=labs) == [(1, "06-01")]


def test_events_that_share_a_number_are_still_told_apart() -> None:
    index = [condition(1, 1, "2020-03-01"), condition(1, 1, "2020-06-01")]
    nested = {
        "CodesetId": 0,
        "CorrelatedCriteria": group(having(2, 1, LABS, window(-30, 0))),
    }
    document = definition({"ConditionOccurrence": nested})
    found = starts(document, condition_occurrence=index, measurement=[lab(1, 1, "2020-05-22")])
    assert found == [(1, "06-01")]


@pytest.mark.parametrize(
    ("kind", "count", "expected"),
    [("ALL", 0, [1]), ("ANY", 0, [1, 2]), ("AT_LEAST", 2, [1]), ("AT_MOST", 1, [2])],
)
def test_a_group_asks_for_all_any_at_least_or_at_most(
    kind: str, count: int, expected: list[int]
) -> None:
    labs = [lab(1, 1, "2020-05-22"), lab(2, 2, "2020-05-22")]
    drugs = [drug(1, 1, "2020-05-22")]
    has_lab = having(2, 1, LABS, window(-30, 0))
    has_drug = having(2, 1, {"DrugExposure": {"CodesetId": 1}}, window(-30, 0))
    document = definition(InclusionRules=rule(has_lab, has_drug, kind=kind, Count=count))
    found = starts(document, condition_occurrence=INDEX, measurement=labs, drug_exposure=drugs)
    assert [who for who, _ in found] == expected


@pytest.mark.parametrize(
    ("demographic", "expected"),
    [
        ({"Age": {"Value": 65, "Op": "gte"}}, [1]),
        ({"Age": {"Value": 30, "Op": "eq"}}, [2]),
        ({"Age": {"Value": 30, "Extent": 70, "Op": "bt"}}, [1, 2]),
        ({"Age": {"Value": 31, "Extent": 70, "Op": "!bt"}}, [2]),
        ({"Gender": [{"CONCEPT_ID": 8532}]}, [2]),
        ({"OccurrenceStartDate": {"Value": "2020-06-01", "Op": "lt"}}, []),
        ({"OccurrenceEndDate": {"Value": "2020-06-05", "Op": "eq"}}, [1, 2]),
    ],
)
def test_persons_are_chosen_by_age_gender_and_calendar(
    demographic: Document, expected: list[int]
) -> None:
    document = definition(InclusionRules=rule(DemographicCriteriaList=[demographic]))
    assert [who for who, _ in starts(document, condition_occurrence=INDEX)] == expected
