"""One criterion: its concept sets, attributes and dates, against answers worked out by hand."""

from __future__ import annotations

import pytest
from tests.cohorts.circe.definitions import (
    PEOPLE,
    SETS,
    Document,
    concept_set,
    condition,
    definition,
    item,
    lab,
    starts,
    visit,
)


@pytest.mark.parametrize(
    ("prior", "post", "expected"),
    [
        (30, 0, [(1, "01-31"), (1, "12-01")]),
        (31, 0, [(1, "12-01")]),
        (0, 30, [(1, "01-31"), (1, "12-01")]),
        (0, 31, [(1, "01-31")]),
    ],
)
def test_the_observation_window_counts_both_its_days(
    prior: int, post: int, expected: list[tuple[int, str]]
) -> None:
    document = definition()
    observed = {"PriorDays": prior, "PostDays": post}
    document["PrimaryCriteria"]["ObservationWindow"] = observed
    events = [condition(1, 1, "2020-01-31"), condition(2, 1, "2020-12-01")]
    outside = condition(3, 1, "2021-01-01")
    assert starts(document, condition_occurrence=[*events, outside]) == expected


def test_the_first_event_is_the_first_that_was_observed() -> None:
    document = definition(limit="First")
    document["PrimaryCriteria"]["ObservationWindow"] = {"PriorDays": 60, "PostDays": 0}
    events = [condition(1, 1, "2020-02-01"), condition(2, 1, "2020-06-01")]
    assert starts(document, condition_occurrence=events) == [(1, "06-01")]


def test_a_first_criterion_is_chosen_before_its_other_attributes() -> None:
    events = [
        condition(1, 1, "2020-02-01", condition_type_concept_id=7),
        condition(2, 1, "2020-06-01", condition_type_concept_id=8),
    ]
    criterion = {"CodesetId": 0, "First": True, "ConditionType": [{"CONCEPT_ID": 8}]}
    document = definition({"ConditionOccurrence": criterion})
    assert starts(document, condition_occurrence=events) == []


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([item(1)], [1]),
        ([item(1, includeDescendants=True)], [1, 2, 3]),
        ([item(1, includeDescendants=True), item(2, isExcluded=True)], [1, 3]),
        (
            [
                item(1, includeDescendants=True),
                item(2, isExcluded=True, includeDescendants=True),
            ],
            [1],
        ),
        ([item(4)], [4]),
        ([item(4, includeMapped=True)], [4, 5]),
        ([item(6)], [6]),
    ],
)
def test_a_concept_set_is_what_is_listed_below_and_mapped_less_the_excluded(
    items: list[Document], expected: list[int]
) -> None:
    events = [condition(one, 1, f"2020-02-0{one}", condition_concept_id=one) for one in range(1, 7)]
    document = definition(ConceptSets=[concept_set(0, *items)])
    days = [(1, f"02-0{one}") for one in expected]
    # Entries of two days merge: only their first days are looked at, so none may touch.
    document["EndStrategy"]["DateOffset"]["Offset"] = 0
    assert starts(document, condition_occurrence=events) == days


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ValueAsNumber": {"Value": 7.1, "Op": "gte"}}, [1, 2]),
        ({"ValueAsNumber": {"Value": 7.1, "Op": "gt"}}, [2]),
        ({"ValueAsNumber": {"Value": 7, "Extent": 8, "Op": "!bt"}}, [2]),
        ({"RangeHighRatio": {"Value": 1, "Op": "gt"}}, [2]),
        ({"Abnormal": True}, [2]),
        ({"Unit": [{"CONCEPT_ID": 8840}]}, [1]),
        ({"MeasurementType": [{"CONCEPT_ID": 5}], "MeasurementTypeExclude": True}, [2]),
        ({"UnitCS": {"CodesetId": 3, "IsExclusion": True}}, [2]),
        ({"ProviderSpecialty": [{"CONCEPT_ID": 77}]}, [1]),
        ({"VisitType": [{"CONCEPT_ID": 9201}]}, [1]),
        ({"DateAdjustment": {"StartOffset": 210}}, [1, 2]),
        ({"DateAdjustment": {"StartOffset": 220}}, []),
    ],
)
def test_measurements_are_chosen_by_their_attributes(
    attributes: Document, expected: list[int]
) -> None:
    units = {1: 8840, 2: 8753, 3: None}
    labs = [
        lab(
            who,
            who % 3 or 1,
            "2020-06-01",
            value_as_number=value,
            range_low=3.0,
            range_high=10.0,
            unit_concept_id=units[who],
            measurement_type_concept_id=4 + who,
            provider_id=who,
            visit_occurrence_id=who,
        )
        for who, value in ((1, 7.1), (2, 12.0), (3, None))
    ]
    labs[2] = lab(3, 1, "2020-06-01", measurement_type_concept_id=5)
    document = definition({"Measurement": {"CodesetId": 2} | attributes})
    document["ConceptSets"] = [*SETS, concept_set(3, item(8840))]
    found = starts(
        document,
        measurement=labs,
        provider=[{"provider_id": 1, "specialty_concept_id": 77}],
        visit_occurrence=[visit(1, 1, "2020-06-01", "2020-06-02")],
        concept=[*PEOPLE["concept"], {"concept_id": 8840}],
    )
    assert sorted({who for who, _ in found}) == expected


@pytest.mark.parametrize(
    ("op", "text", "expected"),
    [
        ("contains", "50%", [1]),
        ("startsWith", "it", [2]),
        ("!startsWith", "it", [1]),
        ("endsWith", "won't", [2]),
    ],
)
def test_texts_are_taken_letter_by_letter(op: str, text: str, expected: list[int]) -> None:
    events = [
        condition(1, 1, "2020-06-01", stop_reason="at 50% dose"),
        condition(2, 2, "2020-06-01", stop_reason="it won't"),
        condition(3, 1, "2020-07-01"),
    ]
    criterion = {"CodesetId": 0, "StopReason": {"Text": text, "Op": op}}
    found = starts(definition({"ConditionOccurrence": criterion}), condition_occurrence=events)
    assert [who for who, _ in found] == expected


def test_a_visit_is_chosen_by_its_length() -> None:
    stays = [visit(1, 1, "2020-06-01", "2020-06-04"), visit(2, 2, "2020-06-01", "2020-06-03")]
    length = {"VisitLength": {"Value": 3, "Op": "gte"}}
    assert starts(definition({"VisitOccurrence": length}), visit_occurrence=stays) == [(1, "06-01")]


def test_an_observation_period_can_be_entered_on_a_day_of_ones_own() -> None:
    period = {"UserDefinedPeriod": {"StartDate": "2020-04-01"}}
    assert starts(definition({"ObservationPeriod": period})) == [(1, "04-01"), (2, "04-01")]
