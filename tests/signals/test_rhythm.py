"""Heart rate and its variability against NeuroKit2 and against what was put in.

The golden figures are NeuroKit2 0.2.13's, for the peaks of `_peaks()` at 1,000 Hz:
    nk.hrv_time(peaks, sampling_rate=1000)
    nk.hrv_frequency(peaks, sampling_rate=1000, normalize=False, vlf=(0.0033, 0.04))
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from biolake.signals import rhythm


def _peaks() -> np.ndarray:
    """Return beat times (s): 0.1 Hz with 40 ms and 0.25 Hz with 25 ms on 850 ms, whole ms."""
    at, intervals = 0.0, []
    for i in range(420):
        slow, fast = math.sin(2 * math.pi * 0.1 * at), math.sin(2 * math.pi * 0.25 * at)
        intervals.append(0.85 + 0.04 * slow + 0.025 * fast + 0.01 * math.sin(i * 12.9898))
        at += intervals[-1]
    return np.round(np.concatenate(([0.0], np.cumsum(intervals))) * 1000.0) / 1000.0


def test_time_domain_agrees_with_neurokit() -> None:
    found = rhythm.time_domain(rhythm.intervals(_peaks()))
    assert found["mean_nn"] == pytest.approx(849.1261904761905)
    assert found["sdnn"] == pytest.approx(34.25205991418015)
    assert found["rmssd"] == pytest.approx(26.73868060643218)
    assert found["sdsd"] == pytest.approx(26.77061474873506)
    # NeuroKit2 divides by the intervals, the Task Force by the differences: one fewer.
    assert found["pnn50"] == pytest.approx(3.8095238095238098 * 420 / 419)
    assert found["pnn20"] == pytest.approx(49.28571428571429 * 420 / 419)


def test_frequency_domain_agrees_with_neurokit_and_with_the_sines_put_in() -> None:
    found = rhythm.frequency_domain(rhythm.intervals(_peaks()))
    assert found["lf"] == pytest.approx(849.5, rel=0.03)
    assert found["hf"] == pytest.approx(304.7, rel=0.03)
    assert found["lf_hf"] == pytest.approx(2.788, rel=0.03)
    assert found["hf"] == pytest.approx(25.0**2 / 2, rel=0.05)


def test_short_recordings_have_no_variability() -> None:
    rr = rhythm.intervals(np.arange(0.0, 100.0, 0.8))
    assert rhythm.time_domain(rr) == {}
    assert rhythm.frequency_domain(rr) == {}
    assert rhythm.frequency_domain(rhythm.intervals(np.arange(0.0, 280.0, 0.8))) == {}


def test_a_premature_beat_is_set_aside() -> None:
    times = np.arange(0.0, 200.0, 0.8)
    times[100] -= 0.3
    rr = rhythm.intervals(times)
    assert (~rr.normal).sum() == 2
    assert rhythm.time_domain(rr)["rmssd"] == pytest.approx(0.0, abs=1e-9)


def test_variability_is_refused_when_a_fifth_is_ectopic() -> None:
    times = np.arange(0.0, 400.0, 0.8)
    times[::4] -= 0.3
    assert rhythm.time_domain(rhythm.intervals(times)) == {}


def test_heart_rate_is_sixty_over_the_mean_interval() -> None:
    assert rhythm.heart_rate(rhythm.intervals(np.arange(0.0, 10.0, 0.75))) == pytest.approx(80.0)
    assert rhythm.heart_rate(rhythm.intervals(np.array([0.0, 1.0]))) is None
