"""Measurements are read where they can be read in one way, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biolake.text.measurements import measurements
from biolake.text.measurements_table import measures
from biolake.text.measurements_values import Range, quantity, readings
from biolake.text.run import TextRun

Told = tuple[str, str, float | None, str | None]


def told(text: str) -> list[Told]:
    found = measurements(TextRun.of([text]))
    return [
        (text[found.start[i] : found.end[i]], found.name[i], found.value[i], found.unit[i])
        for i in range(len(found))
    ]


def attributes(text: str) -> dict[str, Any]:
    return measurements(TextRun.of([text])).attributes[0]


@pytest.mark.parametrize(
    ("text", "name", "value", "unit"),
    [
        ("HR: 82", "heart_rate", 82, "/min"),
        ("Fc: 105 lpm", "heart_rate", 105, "/min"),
        ("pulse was 64 bpm", "heart_rate", 64, "/min"),
        ("Temp 98.6 F", "temperature", 98.6, "[degF]"),
        ("temperature 38.2 in the morning", "temperature", 38.2, "Cel"),
        ("height 65 in", "height", 65, "[in_i]"),
        ("Tª 40,2 C", "temperature", 40.2, "Cel"),
        ("SpO2 98% on RA", "oxygen_saturation", 98, "%"),
        ("respiratory rate 18", "respiratory_rate", 18, "/min"),
        ("Hb 9,8 g/dl", "hemoglobin", 9.8, "g/dL"),
        ("Hemoglobin (g/L): 98", "hemoglobin", 98, "g/L"),
        ("K 4.1", "potassium", 4.1, "mmol/L"),
        ("creatinina sérica de 3,7 mg/dl", "creatinine", 3.7, "mg/dL"),
        ("creatinine 120 µmol/L", "creatinine", 120, "umol/L"),
        ("plaquetas 501.000/μl", "platelets", 501_000, "/uL"),
        ("plaquetas 131 000/µl", "platelets", 131_000, "/uL"),
        ("leucocitos 11.300 /mm3", "white_cells", 11_300, "/uL"),
        ("WBC 12.5 x10^9/L", "white_cells", 12.5, "10*3/uL"),
        ("platelets 250,000", "platelets", 250_000, "/uL"),
        ("peso 70 kg", "weight", 70, "kg"),
        ("wt 154 lbs", "weight", 154, "[lb_av]"),
        ("talla 1,75 m", "height", 1.75, "m"),
        ("BMI 31.2", "bmi", 31.2, "kg/m2"),
        ("ejection fraction of 45%", "ejection_fraction", 45, "%"),
        ("ECOG 1", "ecog", 1, "{score}"),
        ("GCS 15/15", "gcs", 15, "{score}"),
        ("NIHSS of 4", "nihss", 4, "{score}"),
        ("pain score 7/10", "pain_score", 7, "{score}"),
        ("Gleason 3+4", "gleason", 7, "{score}"),
        ("INR 2.3", "inr", 2.3, "{INR}"),
        ("38.5 ºC", "temperature", 38.5, "Cel"),
        ("30 pack-year", "pack_years", 30, "{pack}.a"),
    ],
)
def test_a_value_is_read_with_its_unit(text: str, name: str, value: float, unit: str) -> None:
    found = told(f"Exam: {text}. Well.")
    assert [row[1:] for row in found] == [(name, value, unit)]
    assert found[0][0] in text


@pytest.mark.parametrize(
    "text",
    [
        "seen on 11/20",
        "BP 11/20",
        "BP 80/120",
        "ratio 120/80",
        "phone 555-120/80",
        "K 40 mEq daily",
        "iron 325 mg",
        "HR 12-03-2020",
        "glucose 5 %",
        "T2-weighted",
        "T4 vertebra",
        "temperature 12",
        "the pulses 2+ bilaterally",
        "blood pressure medication 20 mg",
        "GPT 371 UI/mx",
        "8 mm of rain",
    ],
)
def test_what_only_looks_like_a_measurement_is_left_alone(text: str) -> None:
    assert told(f"He had {text}.") == []


@pytest.mark.parametrize("text", ["weight 70", "glucose 15", "albumin 4.5"])
def test_a_value_that_two_units_make_plausible_is_not_guessed(text: str) -> None:
    assert [row[2:] for row in told(text)] == [(None, None)]


def test_a_blood_pressure_is_two_values_of_one_expression() -> None:
    assert told("TA: 109/68 mmHg") == [
        ("TA: 109/68 mmHg", "systolic_blood_pressure", 109.0, "mm[Hg]"),
        ("TA: 109/68 mmHg", "diastolic_blood_pressure", 68.0, "mm[Hg]"),
    ]
    assert [row[2] for row in told("(160/95 mmHg)")] == [160.0, 95.0]


def test_ranges_and_limits_have_no_value_of_their_own() -> None:
    assert told("EF 30-35 %")[0][2] is None
    assert attributes("EF 30-35 %") == {"low": 30.0, "high": 35.0}
    assert attributes("K < 3,5 mmol/L") == {"comparator": "<", "limit": 3.5}
    assert attributes("PSA mayor de 10 ng/ml") == {"comparator": ">", "limit": 10.0}


def test_goals_and_other_fluids_are_told_as_such() -> None:
    assert attributes("expected weight 32 kg") == {"goal": True}
    assert attributes("In the pleural fluid glucose 40 mg/dl") == {"specimen": "other"}
    assert attributes("glucose 500 mg/dl in urine") == {"specimen": "other"}
    assert told("non-HDL 178 mg/dL")[0][1] == "non_hdl"


@pytest.mark.parametrize(
    "text",
    [
        "In 2019 creatinine was 1.2 mg/dL",
        "Last week temp 39 C",
        "creatinine 1.2 mg/dL in March 2020",
        "HbA1c 7.2% on 03/11/2020",
        "weight 70 kg two months ago",
        "En marzo de 2015 presentaba PSA 4 ng/ml",
    ],
)
def test_a_value_of_another_day_is_told_as_such(text: str) -> None:
    assert attributes(text)["dated"] is True


def test_both_scales_of_a_temperature_are_kept() -> None:
    assert attributes("Temp 98.6 F") == {"celsius": 37.0}
    assert attributes("Temp 37 C") == {"fahrenheit": 98.6}


def test_sizes_need_dimensions_or_a_thing_that_is_so_large() -> None:
    assert told("masa de 3,2 x 2,1 cm")[0][1:] == ("size", 3.2, "cm")
    assert attributes("a 25 × 20 × 14 mm lesion") == {"dimensions": [25.0, 20.0, 14.0]}
    assert told("a 5 mm nodule")[0] == ("5 mm", "size", 5.0, "mm")
    assert told("infused at 5 mm per second") == []
    assert [row[0] for row in told("a mass of 4 cm x 3 cm")] == ["4 cm x 3 cm"]


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("pT2N1M0", {"prefix": "p", "t": "2", "n": "1", "m": "0"}),
        ("ypT3b N2a", {"prefix": "yp", "t": "3b", "n": "2a"}),
        ("cT1", {"prefix": "c", "t": "1"}),
        ("T2, N0, M0", {"t": "2", "n": "0", "m": "0"}),
    ],
)
def test_stages_are_read_with_prefix_and_suffix(text: str, stage: dict[str, str]) -> None:
    found = measurements(TextRun.of([f"Stage {text}."]))
    assert found.name == ["tnm"]
    assert found.attributes == [stage]


def test_a_mark_may_be_decimal_or_thousands_only_where_that_can_be() -> None:
    assert readings("9,8") == (9.8,)
    assert readings("1.234") == (1.234, 1234.0)
    assert readings("0.125") == (0.125,)
    assert readings("4.570.000") == (4_570_000.0,)
    assert readings("1.234,5") == (1234.5,)
    assert readings("1.2.3") == ()


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.001, 1e6))
def test_a_value_is_never_outside_what_is_plausible(a: float, b: float, value: float) -> None:
    low, high = sorted((a, b))
    read = quantity(f"{value:.3f}", None, [Range("g", low, high)])
    assert read is None or read.value is None or low <= read.value <= high


_PIECES = st.sampled_from(
    ["BP 120/80", "Hb 9,8 g/dl", "EF 30-35 %", "pT2N1M0", "T 38,2 ºC", "masa de 3 x 2 cm", "K 4.1",
     "😀", "e\u0301", "\n", ". ", "dolor", "peso 70 kg", "\U0001d4b3", "HR 82", "niño"]
)  # fmt: skip


@settings(deadline=None, max_examples=80)
@given(st.lists(st.lists(_PIECES, max_size=8).map(" ".join), max_size=4))
def test_a_span_read_again_tells_the_same_and_notes_do_not_touch_each_other(
    texts: list[str],
) -> None:
    together = measurements(TextRun.of(texts))
    rows = []
    for item, text in enumerate(texts):
        alone = measurements(TextRun.of([text]))
        rows += [
            (item, *row)
            for row in zip(alone.start, alone.end, alone.name, alone.value, alone.unit, strict=True)
        ]
    assert rows == list(
        zip(together.item, together.start, together.end, together.name, together.value,
            together.unit, strict=True)
    )  # fmt: skip
    for item, start, end, name, value, unit in rows:
        quoted = texts[item][start:end]
        if name == "size" and "x" not in quoted:
            continue  # what is that large stands outside the span
        again = measurements(TextRun.of([quoted]))
        assert (name, value, unit) in zip(again.name, again.value, again.unit, strict=True)


def test_every_measure_of_the_table_is_plausible_in_units_that_are_written() -> None:
    names = [one.name for one in measures()]
    assert len(set(names)) == len(names)
    for one in measures():
        for each in one.ranges:
            assert each.low < each.high
