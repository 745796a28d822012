"""Ends, eras and the censor window, against answers worked out by hand."""

from __future__ import annotations

import pytest
from tests.cohorts.circe.definitions import (
    INDEX,
    LABS,
    Document,
    condition,
    definition,
    drug,
    lab,
    whole,
)


@pytest.mark.parametrize(("pad", "expected"), [(9, 2), (10, 1)])
def test_entries_no_further_apart_than_the_pad_are_one(pad: int, expected: int) -> None:
    # The first entry ends on 02 June; the second starts 10 days later.
    events = [condition(1, 1, "2020-06-01"), condition(2, 1, "2020-06-12")]
    document = definition(CollapseSettings={"CollapseType": "ERA", "EraPad": pad})
    found = whole(document, condition_occurrence=events)
    assert len(found) == expected
    assert found[-1][2] == "06-13"


def test_a_long_entry_swallows_the_short_ones_inside_it() -> None:
    events = [
        condition(1, 1, "2020-06-01", condition_end_date="2020-08-01"),
        condition(2, 1, "2020-06-10", condition_end_date="2020-06-12"),
        condition(3, 1, "2020-07-01", condition_end_date="2020-07-02"),
    ]
    document = definition(
        EndStrategy={"DateOffset": {"DateField": "EndDate", "Offset": 0}},
    )
    assert whole(document, condition_occurrence=events) == [(1, "06-01", "08-01")]


def test_an_entry_ends_with_observation_at_the_latest() -> None:
    document = definition(
        EndStrategy={"DateOffset": {"DateField": "StartDate", "Offset": 900}},
    )
    assert whole(document, condition_occurrence=[condition(1, 1, "2020-06-01")]) == [
        (1, "06-01", "12-31")
    ]


@pytest.mark.parametrize(
    ("era", "expected"),
    [
        ({"GapDays": 9}, [(1, "06-01", "06-11")]),
        ({"GapDays": 10}, [(1, "06-01", "06-22")]),
        ({"GapDays": 10, "Offset": 3}, [(1, "06-01", "06-25")]),
        ({"GapDays": 9, "DaysSupplyOverride": 11}, [(1, "06-01", "07-02")]),
    ],
)
def test_a_drug_era_joins_exposures_over_short_gaps(
    era: Document, expected: list[tuple[int, str, str]]
) -> None:
    # 10 days of supply, to 11 June; then one day without end or supply, from 21 June.
    drugs = [drug(1, 1, "2020-06-01", days_supply=10), drug(2, 1, "2020-06-21")]
    document = definition(
        {"DrugExposure": {"CodesetId": 1}},
        limit="First",
        EndStrategy={"CustomEra": {"DrugCodesetId": 1} | era},
    )
    assert whole(document, drug_exposure=drugs) == expected


def test_an_entry_ends_at_the_first_censoring_event_from_its_start_on() -> None:
    labs = [lab(1, 1, "2020-05-31"), lab(2, 1, "2020-06-20"), lab(3, 1, "2020-07-01")]
    document = definition(EndStrategy=None, CensoringCriteria=[LABS])
    found = whole(document, condition_occurrence=INDEX, measurement=labs)
    assert found == [(1, "06-01", "06-20"), (2, "06-01", "12-31")]


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ({"StartDate": "2020-06-02"}, [(1, "06-02", "06-10")]),
        ({"EndDate": "2020-06-05"}, [(1, "06-01", "06-05")]),
        ({"StartDate": "2020-06-10", "EndDate": "2020-07-01"}, [(1, "06-10", "06-10")]),
        ({"StartDate": "2020-06-11"}, []),
        ({"EndDate": "2020-05-31"}, []),
    ],
)
def test_the_censor_window_cuts_entries_and_drops_what_lies_outside(
    cut: Document, expected: list[tuple[int, str, str]]
) -> None:
    document = definition(
        CensorWindow=cut, EndStrategy={"DateOffset": {"DateField": "StartDate", "Offset": 9}}
    )
    assert whole(document, condition_occurrence=[condition(1, 1, "2020-06-01")]) == expected
