"""Days of a wearable: what is missing is never counted as nothing done."""

from __future__ import annotations

import numpy as np
import pytest

from biolake.core.media import Recording, Signal
from biolake.extractors.wearable import wearable

DAY = 1440  # samples at one a minute


def _told(
    channels: dict[str, np.ndarray], units: str = "1", rate: float = 1 / 60, **known: int
) -> list[dict]:
    samples = np.array(list(channels.values()), np.float32)
    signal = Signal(samples, rate, tuple(channels), (units,) * len(channels))
    days: dict[float, dict] = {}
    for f in wearable.call(Recording((signal,), **known)):
        days.setdefault(f.at, {})[f.code.removeprefix("WEARABLE//")] = f.value
    return [days[at] for at in sorted(days)]


def test_steps_and_heart_rate_are_summed_by_the_day() -> None:
    steps, rate = np.full(2 * DAY, 5.0), np.full(2 * DAY, 70.0)
    first, second = _told({"steps": steps, "heart_rate": rate})
    assert first["steps"] == 5.0 * DAY
    assert second["heart_rate"] == pytest.approx(70.0)
    assert second["worn_hours"] == pytest.approx(24.0)


def test_a_day_hardly_worn_has_hours_but_no_steps() -> None:
    steps = np.full(DAY, np.nan)
    steps[:120] = 10.0
    (day,) = _told({"steps": steps})
    assert day == {"worn_hours": pytest.approx(2.0)}


def test_an_hour_without_heart_rate_is_no_zero() -> None:
    rate = np.full(DAY, 80.0)
    rate[300:900] = np.nan
    rate[100:110] = 0.0
    (day,) = _told({"HR": rate})
    assert day["heart_rate"] == pytest.approx(80.0)
    assert day["worn_hours"] == pytest.approx((DAY - 610) / 60, abs=0.01)


def test_resting_heart_rate_is_that_of_the_quiet_hours() -> None:
    rate = np.full(DAY, 90.0)
    rate[:420] = 55.0
    (day,) = _told({"heart rate": rate})
    assert day["heart_rate_resting"] == pytest.approx(55.0)


def test_sleep_is_the_time_marked() -> None:
    asleep = np.zeros(DAY)
    asleep[:450] = 1.0
    (day,) = _told({"sleep": asleep})
    assert day["sleep"] == pytest.approx(450.0)


def _worn_axes(scale: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    axes = 0.05 * rng.standard_normal((3, 36_000))
    axes[2] += 1.0
    return {f"acc_{n}": axes[k] * scale for k, n in enumerate("xyz")}


def test_movement_is_measured_in_either_unit() -> None:
    (in_g,) = _told(_worn_axes(1.0), "g", 10.0)
    (in_si,) = _told(_worn_axes(9.80665), "m/s2", 10.0)
    assert in_g["enmo"] == pytest.approx(in_si["enmo"], rel=1e-3)
    assert 10.0 < in_g["enmo"] < 40.0


def test_a_unit_that_is_not_what_it_says_is_left_out() -> None:
    assert _told(_worn_axes(1.0), "m/s2", 10.0) == []


def test_a_device_on_the_table_was_not_worn() -> None:
    axes = {n: np.zeros(36_000) for n in "xy"} | {"z": np.ones(36_000)}
    (day,) = _told(axes, "g", 10.0)
    assert day == {"worn_hours": 0.0}


START = 20_000 * 86_400_000_000 + 18 * 3_600_000_000  # 18:00 of some day


def test_days_are_those_of_the_calendar_where_the_start_is_known() -> None:
    first, second, third = _told({"steps": np.ones(2 * DAY)}, started=START)
    assert first == {"worn_hours": 6.0}
    assert second["steps"] == DAY
    assert third["steps"] == 18 * 60


def test_a_day_is_told_at_its_midnight_and_a_night_at_noon() -> None:
    both = np.ones((2, 2 * DAY), np.float32)
    signal = Signal(both, 1 / 60, ("steps", "sleep"), ("1", "1"))
    found = wearable.call(Recording((signal,), started=START))
    ends = {
        kind: [f.at / 3600 for f in found if f.code == f"WEARABLE//{kind}"]
        for kind in ("worn_hours", "steps", "sleep")
    }
    assert ends == {"worn_hours": [6, 30, 48], "steps": [30, 48], "sleep": [18, 42]}
    assert {f.lasts for f in found} == {None}
    assert "over 86400 s" in {f.text for f in found}


def test_sleep_is_that_of_a_night_and_not_of_two_days() -> None:
    asleep = np.zeros(2 * DAY)
    asleep[4 * 60 : 12 * 60] = 1.0  # 22:00 to 6:00
    asleep[30 * 60 : 35 * 60] = 2.0  # midnight to 5:00
    days = _told({"sleep stage": asleep}, started=START)
    assert [day["sleep"] for day in days if "sleep" in day] == [480.0, 300.0]


def test_a_night_whose_hours_are_missing_has_no_sleep() -> None:
    asleep = np.zeros(DAY)
    asleep[4 * 60 : 12 * 60] = 1.0
    asleep[4 * 60 : 8 * 60] = np.nan
    assert all("sleep" not in day for day in _told({"sleep": asleep}, started=START))
    until_midnight = asleep[: 6 * 60]
    assert all("sleep" not in day for day in _told({"sleep": until_midnight}, started=START))


def test_a_running_total_is_not_a_count_of_steps() -> None:
    (day,) = _told({"steps": np.arange(DAY) * 10.0})
    assert set(day) == {"worn_hours"}
