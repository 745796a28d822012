"""Numbers are written as a clinician reads them."""

from __future__ import annotations

import math

import pytest

from biolake.studies.report import formats
from biolake.studies.report.drawing import Scale, log_ticks, thinned, ticks, wrapped
from biolake.studies.report.reading import Estimate
from biolake.studies.report.verdict import rate_unit

THIN = "\u202f"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.83412, "0.834"),
        (0.99996, "1.00"),
        (12.345, "12.3"),
        (1234.5, f"1{THIN}234"),
        (-0.0123, "−0.0123"),
        (0, "0"),
        (3.2e-7, "3.2 × 10⁻⁷"),
        (None, "not estimable"),
        (math.nan, "not estimable"),
        (True, "not estimable"),
    ],
)
def test_a_figure_has_three_significant_digits(value: object, text: str) -> None:
    assert formats.figure(value) == text


@pytest.mark.parametrize(
    ("found", "places", "text"),
    [
        (Estimate(0.8341, 0.8, 0.8672), 3, "0.834 (0.800 to 0.867)"),
        (Estimate(0.91, 0.809, 1.0241), 2, "0.91 (0.81 to 1.02)"),
        (Estimate(9.7, 0.42, 223.21), 2, "9.70 (0.42 to 223)"),
        (Estimate(0.06, -0.0037, 0.118), 2, "0.06 (−0.004 to 0.12)"),
        (Estimate(0.0, 0.0, 202.69), None, "0 (0 to 203)"),
        (Estimate(0.83), None, "0.830"),
        (Estimate(None, 0.1, 0.2), 2, "not estimable"),
    ],
)
def test_an_interval_has_the_decimals_of_its_estimate(
    found: Estimate, places: int | None, text: str
) -> None:
    assert formats.interval(found, places) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0321, "P = 0.03"), (0.0041, "P = 0.004"), (2e-9, "P < 0.001"), (0.999, "P > 0.99")],
)
def test_a_p_value_is_never_zero(value: float, text: str) -> None:
    assert formats.p_words(value) == text


def test_shares_and_counts_keep_to_what_the_numbers_carry() -> None:
    assert formats.share(3, 40) == "3/40 (8%)"
    assert formats.share(1645, 12020) == f"1{THIN}645/12{THIN}020 (13.7%)"
    assert formats.count("<10") == "<10"
    assert formats.count(None) == "–"


def test_dates_are_read_from_text_and_from_microseconds() -> None:
    assert formats.day("2024-12-28T21:40:00") == "2024-12-28"
    assert formats.day(1_546_409_460_000_000) == "2019-01-02"
    assert formats.day("spring") == "spring"


@pytest.mark.parametrize(("per", "name"), [(1, "1 000"), (100, "100"), (1000, "1 000")])
def test_the_unit_of_a_rate_is_worked_out(per: int, name: str) -> None:
    unit = rate_unit([{"rate": 0.05 * per, "events": 50, "person_years": 1000}])
    assert unit.name == f"per {name.replace(' ', THIN)} person-years"
    assert unit.of({"rate": 0.05 * per}).value == pytest.approx(5 if per == 100 else 50)


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(3, 3) == [3]
    assert log_ticks(0.4, 60) == [1, 3, 10, 30]
    assert log_ticks(0.9, 1.1) == [0.9, 0.95, 1, 1.05, 1.1]


def test_a_scale_keeps_what_lies_outside_at_its_edge() -> None:
    scale = Scale(0, 10, 100, 200)
    assert (scale(-5), scale(5), scale(50)) == (100, 150, 200)


def test_thinning_keeps_ends_and_corners() -> None:
    line = [(n / 100, 0.0) for n in range(500)]
    kept = thinned([*line, (5.0, 40.0)])
    assert len(kept) < 20
    assert (kept[0], kept[-1]) == ((0.0, 0.0), (5.0, 40.0))


def test_long_text_is_broken_and_cut() -> None:
    lines = wrapped("a very long reason that does not fit at all", 80, most=2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
